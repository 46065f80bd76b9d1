//! Every call of tests/calls on the pure session, on a pretended line.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kentongan::ivr::script::Script;
use kentongan::ivr::trial::{Disk, Happening, Line, World};
use kentongan::ivr::{Answer, Found, Lookup, Outcome};

use crate::callfile::{self, Act, CallFile, Code};

/// More than any call takes; a runner that waits longer waits for something that never comes.
const LONGEST: usize = 5000;

#[test]
fn every_call_goes_as_its_file_says() {
    let files = call_files();
    assert!(files.len() >= 12, "{} calls found", files.len());
    let failures: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            let result = callfile::parse(&text).and_then(|file| run(&file));
            result.err().map(|why| format!("{name}: {why}"))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_call_that_goes_otherwise_is_told_with_its_line() {
    let run = |text: &str| callfile::parse(text).and_then(|file| run(&file)).unwrap_err();
    assert_eq!(
        run("hear kode/kode_anda"),
        "line 1: `kode/kode_anda` was not said before the script waits in step `menu_utama`"
    );
    assert_eq!(run("press 1\nexpect ticket complaint"), "line 2: 0 new tickets, not one");
    assert_eq!(run("hang up\nexpect end completed"), "line 2: the call ended hung_up");
    assert_eq!(run("expect never salam/nama"), "line 1: `salam/nama` was said");
    assert_eq!(run("sing"), "line 1: `sing` means nothing here");
}

pub fn call_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "call")).collect();
    files.sort();
    files
}

/// Plays one call; an error names the line that was not so.
pub fn run(file: &CallFile) -> Result<(), String> {
    path(file).map(drop)
}

/// The same; gives the key path: steps and what happened in them.
pub fn path(file: &CallFile) -> Result<Vec<(String, String)>, String> {
    let mut run = Run {
        line: Line::answer(script(&file.script)?, world(file), file.at),
        heard: 0,
        tickets: 0,
        hung_up: false,
    };
    for (at, act) in &file.acts {
        run.act(act).map_err(|why| format!("line {at}: {why}"))?;
    }
    let strays = run.line.log.iter().filter(|h| matches!(h, Happening::ToNobody(_))).count();
    if strays > 0 {
        return Err(format!("{strays} effects for a caller who had gone"));
    }
    let path = run.line.session.path().iter();
    Ok(path.map(|entry| (entry.step.clone(), entry.what.clone())).collect())
}

fn script(name: &str) -> Result<Arc<Script>, String> {
    let path = script_path(name);
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    Script::parse(name, &text).map(Arc::new).map_err(|e| e.to_string())
}

/// A script that we ship, or one beside the calls that were written for it.
pub fn script_path(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = home.join("ivr-scripts").join(name);
    if shipped.exists() { shipped } else { home.join("tests/calls").join(name) }
}

fn world(file: &CallFile) -> World {
    let mut world = World::default();
    for (code, state) in &file.codes {
        let lookup = match state {
            Code::Known | Code::Answered => {
                Lookup::Found(Found { answered: *state == Code::Answered, ..received() })
            }
            Code::Locked => Lookup::Found(Found {
                say: vec!["status/rahasia".to_owned()],
                sealed: true,
                ..Found::default()
            }),
            Code::Exhausted => Lookup::Exhausted,
            Code::Failed => Lookup::Failed,
        };
        world.codes.insert(code.clone(), lookup);
    }
    for (code, pin) in &file.pins {
        world.pins.insert(code.clone(), (pin.clone(), Lookup::Found(received())));
    }
    if file.disk_full {
        world.disk = Disk::Full;
    }
    if let Some(room) = file.disk_full_after {
        world.disk = Disk::FullAfter(room);
    }
    if file.store_broken {
        world.next_code = None;
    }
    world
}

fn received() -> Found {
    Found { say: vec!["status/diterima".to_owned()], ..Found::default() }
}

struct Run {
    line: Line,
    /// How much of the log has been listened to.
    heard: usize,
    tickets: usize,
    hung_up: bool,
}

impl Run {
    fn act(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Hear(id) => self.hear(id),
            Act::Press(keys) => {
                for key in keys.chars() {
                    self.line.press(key);
                    self.line.pass(Duration::from_millis(100));
                }
                Ok(())
            }
            Act::Speak(length) => {
                self.line.listen();
                if !self.line.is_recording() {
                    return Err(format!("step `{}` records nothing", self.line.session.step()));
                }
                self.line.speak(*length);
                Ok(())
            }
            Act::Silence => {
                self.line.be_silent();
                Ok(())
            }
            Act::Wait(length) => {
                self.line.pass(*length);
                Ok(())
            }
            Act::HangUp => {
                self.line.hang_up();
                self.hung_up = true;
                Ok(())
            }
            expectation => self.expect(expectation),
        }
    }

    fn hear(&mut self, id: &str) -> Result<(), String> {
        for _ in 0..LONGEST {
            let unheard = &self.line.log[self.heard..];
            if let Some(at) = unheard.iter().position(|h| is_said(h, id)) {
                self.heard += at + 1;
                return Ok(());
            }
            self.heard = self.line.log.len();
            if !self.line.listen_to_clip() {
                break;
            }
        }
        let step = self.line.session.step();
        Err(format!("`{id}` was not said before the script waits in step `{step}`"))
    }

    fn expect(&mut self, act: &Act) -> Result<(), String> {
        let log = &self.line.log;
        let holds = |holds: bool, otherwise: String| if holds { Ok(()) } else { Err(otherwise) };
        match act {
            Act::ExpectTicket(class) => {
                let tickets = classes(log);
                let new = &tickets[self.tickets..];
                holds(new.len() == 1, format!("{} new tickets, not one", new.len()))?;
                holds(new[0] == class, format!("the ticket's class is {}", new[0]))?;
                self.tickets += 1;
                Ok(())
            }
            Act::ExpectNoTicket => {
                holds(classes(log).is_empty(), format!("there are {:?}", classes(log)))
            }
            Act::ExpectSpoken(name) => {
                let answer = Happening::Answered(name.clone(), Answer::Recording);
                holds(log.contains(&answer), format!("nothing was spoken for {name}"))
            }
            Act::ExpectChoice(name, value) => {
                let answer = Happening::Answered(name.clone(), Answer::Choice(value.clone()));
                holds(log.contains(&answer), format!("{name} was not answered {value}"))
            }
            Act::ExpectStep(name) => {
                let step = self.line.session.step();
                holds(step == name, format!("the caller is in step `{step}`"))
            }
            Act::ExpectNever(id) => {
                holds(!log.iter().any(|h| is_said(h, id)), format!("`{id}` was said"))
            }
            Act::ExpectEnd(how) => {
                self.line.listen();
                let ended = self.ended();
                holds(
                    ended == Some(how.as_str()),
                    match ended {
                        Some(ended) => format!("the call ended {ended}"),
                        None => format!("the call goes on in step `{}`", self.line.session.step()),
                    },
                )
            }
            _ => unreachable!("not an expectation"),
        }
    }

    fn ended(&self) -> Option<&'static str> {
        if !self.line.session.is_over() {
            return None;
        }
        let outcome = self.line.log.iter().find_map(|h| match h {
            Happening::HungUp(outcome) => Some(*outcome),
            _ => None,
        });
        match outcome {
            Some(Outcome::Completed) => Some("completed"),
            Some(Outcome::TooLong) => Some("too_long"),
            Some(Outcome::Failed) => Some("failed"),
            None => self.hung_up.then_some("hung_up"),
        }
    }
}

fn is_said(happening: &Happening, id: &str) -> bool {
    matches!(happening, Happening::Said(said) if said == id)
}

/// The classes of the tickets that were opened.
fn classes(log: &[Happening]) -> Vec<&String> {
    log.iter()
        .filter_map(|h| match h {
            Happening::Ticket { class, code: Some(_), .. } => Some(class),
            _ => None,
        })
        .collect()
}
