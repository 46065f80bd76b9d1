//! Every call of tests/calls over SIP and RTP on loopback: what the caller hears is told by an ear, and what comes of it
//! by the rows.
//!
//! The same call is played on the pure session as well, and must leave the same key path. What differs from the pure
//! run, and why:
//!
//! - `jeda/*` and `bunyi/*`: silence and tones have nothing for an ear to tell them by.
//! - The two calls that meet the longest time have it shortened (`OVER`), and what is said before a key is at most
//!   `SHORT` long: ten minutes are too much for a test.
//! - A disk that is full in mid-sentence would be full for every call here: tests/it/disk.rs plays that on a hotline of
//!   its own.
//! - `expect step` is held to by the key path alone: a row tells where a caller was when the call is over.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kentongan::clock::Timestamp;
use kentongan::media::{Clip, Codec};
use kentongan::phone::ear::likeness;
use kentongan::phone::{Met, PhoneCall};
use kentongan::store::{
    Addition, Asker, CallRow, EndReason, LookedUp, RecordingRow, RecordingState,
};
use kentongan::ticket::disclosure::Tier;
use kentongan::ticket::{Channel, Class, Contact, Intake, RecordingId, TicketId};

use crate::callfile::{self, Act, CallFile, Code};
use crate::hotline::slow;
use crate::loopback::{self, Loopback, PROMPTS, until};
use crate::pure_calls;

/// The code of the ticket in the pure world, all its digits different; it stands for the one that is drawn here.
const PURE_CODE: &str = "48217360";
/// Longer than the script is ever silent, or talks before the next thing.
const PATIENCE: Duration = Duration::from_secs(90);
/// The longest time of a call for those that meet it, and what is said before a key in them.
const OVER: &str = "120s";
const SHORT: Duration = Duration::from_secs(6);
/// What the beep and the way to the media thread may take.
const BEEP: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_short_calls_go_as_their_files_say() {
    run_all(&[
        "lapor_tutup_di_tengah_kata",
        "lapor_tutup_terlalu_cepat",
        "cek_diketik_dulu",
        "disk_penuh",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_goes_on_the_wire_as_its_file_says() {
    if !slow() {
        return;
    }
    let files = pure_calls::call_files();
    let names: Vec<&str> = files
        .iter()
        .filter(|p| !std::fs::read_to_string(p).unwrap().contains("\ndisk full after"))
        .map(|p| p.file_stem().unwrap().to_str().unwrap())
        .collect();
    assert!(names.len() >= 26, "{names:?}");
    run_all(&names).await;
}

/// Plays all of them at once.
async fn run_all(names: &[&str]) {
    tokio::task::LocalSet::new().run_until(run_at_once(names)).await;
}

async fn run_at_once(names: &[&str]) {
    // Made before the first call: it takes longer than the first words.
    drop(PROMPTS.ear(Codec::Pcma));
    let mut tasks = tokio::task::JoinSet::new();
    for (place, name) in names.iter().enumerate() {
        let name = (*name).to_owned();
        tasks.spawn_local(async move { (place_of(place, &name).await, name) });
    }
    let mut failures = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((Ok(()), _)) => {}
            Ok((Err(why), name)) => failures.push(format!("{name}: {why}")),
            Err(panic) => failures.push(panic.to_string()),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

async fn place_of(place: usize, name: &str) -> Result<(), String> {
    let path = format!("{}/tests/calls/{name}.call", env!("CARGO_MANIFEST_DIR"));
    let file = callfile::parse(&std::fs::read_to_string(path).map_err(|e| e.to_string())?)?;
    let pure = pure_calls::path(&file)?;
    let hotline = world(&file).await;
    let number = format!("+6281200000{place:03}");
    let result = Wire::play(&hotline, &file, &number).await;
    let compared = match result {
        Ok(call) => compare(&pure, &hotline.path_of(&call).await),
        Err(why) => Err(why),
    };
    hotline.server.stop().await;
    compared
}

/// A hotline for one call, as its file wants it.
async fn world(file: &CallFile) -> Loopback {
    let wants_over = file.acts.iter().any(|(_, act)| *act == Act::ExpectEnd("too_long".into()));
    let hotline = Loopback::start_at(file.at, |config| {
        let trunk = "name = 'uji'\nnetworks = ['127.0.0.0/8']\nasserts_identity = true";
        config.sip.trunks = vec![toml::from_str(trunk).unwrap()];
        if file.disk_full {
            // A file where the folder should be: nothing can be kept, whoever runs the test.
            std::fs::write(config.data.join("recordings"), "").unwrap();
        }
        config.ivr.script = pure_calls::script_path(&file.script);
        if wants_over {
            let text = std::fs::read_to_string(&config.ivr.script).unwrap();
            config.ivr.script = config.data.join("hotline.toml");
            let shorter = text.replace("after = \"10m\"", &format!("after = \"{OVER}\""));
            assert_ne!(text, shorter);
            std::fs::write(&config.ivr.script, shorter).unwrap();
        }
    })
    .await;
    if file.store_broken {
        break_table(&hotline, "ticket").await;
    }
    if file.codes.iter().any(|(_, code)| *code == Code::Failed) {
        break_table(&hotline, "lookup_try").await;
    }
    hotline
}

async fn break_table(hotline: &Loopback, table: &str) {
    let trigger = format!(
        "CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    );
    hotline.execute(&trigger).await;
}

/// Something that was said into a recording.
struct Spoken {
    recording: RecordingId,
    clip: Arc<Clip>,
}

struct Wire<'a> {
    hotline: &'a Loopback,
    number: &'a str,
    /// The code that stands for the one known in the file.
    known: String,
    call: PhoneCall,
    /// Where in the sound the last prompt waited for began.
    heard_to: Option<Duration>,
    hung_up: bool,
    spoken: Vec<Spoken>,
    tickets: usize,
}

impl Wire<'_> {
    /// Plays a call to its end; gives its row.
    async fn play(hotline: &Loopback, file: &CallFile, number: &str) -> Result<CallRow, String> {
        let known = arrange_codes(hotline, file, number).await;
        let asserted = format!("<sip:{number}@127.0.0.1>");
        let phone = loopback::phone(number).await.with_header("P-Asserted-Identity", &asserted);
        let call =
            phone.dial(&hotline.uri(), Some(&PROMPTS), None).await.map_err(|e| e.to_string())?;
        let mut wire = Wire {
            hotline,
            number,
            known,
            call,
            heard_to: None,
            hung_up: false,
            spoken: Vec::new(),
            tickets: 0,
        };
        for (place, (line, act)) in file.acts.iter().enumerate() {
            let next = file.acts.get(place + 1).map(|(_, act)| act);
            wire.act(act, next).await.map_err(|why| format!("line {line}: {why}"))?;
        }
        if !wire.hung_up {
            wire.call.until(PATIENCE, |_| false).await;
        }
        let row = hotline.ended_call_from(number).await;
        wire.look_at_recordings(&row).await?;
        Ok(row)
    }

    async fn act(&mut self, act: &Act, next: Option<&Act>) -> Result<(), String> {
        match act {
            Act::Hear(id) if id.starts_with("jeda/") || id.starts_with("bunyi/") => Ok(()),
            Act::Hear(id) => self.hear(id).await,
            Act::Press(keys) => {
                self.call.press(&keys.replace(PURE_CODE, &self.known));
                Ok(())
            }
            Act::Speak(length) => self.speak(*length, next).await,
            // The next prompt, or the end, is waited for anyway.
            Act::Silence => Ok(()),
            Act::Wait(length) => {
                self.call.wait(*length).await;
                Ok(())
            }
            Act::HangUp => {
                self.call.put_down().await;
                self.hung_up = true;
                Ok(())
            }
            expectation => self.expect(expectation).await,
        }
    }

    /// Waits until a prompt has been heard that began after the one waited for before.
    async fn hear(&mut self, id: &str) -> Result<(), String> {
        let id = self.said_here(id).await;
        let after = self.heard_to;
        let met = self
            .call
            .until(PATIENCE, |heard| heard.iter().any(|h| h.id == id && Some(h.at) > after));
        let met = met.await;
        let heard = self.call.heard();
        match heard.iter().filter(|h| h.id == id && Some(h.at) > after).map(|h| h.at).min() {
            Some(at) if met == Met::Yes => {
                self.heard_to = Some(at);
                Ok(())
            }
            _ => {
                let heard: Vec<_> =
                    heard.iter().filter(|h| Some(h.at) > after).map(|h| &*h.id).collect();
                Err(format!("`{id}` was not heard ({met:?}); heard: {}", heard.join(", ")))
            }
        }
    }

    /// A digit of the pure code is that of the code that was drawn, in its place.
    async fn said_here(&self, id: &str) -> String {
        let digit = id.strip_prefix("angka/").filter(|digit| digit.len() == 1);
        let tickets = self.tickets().await;
        match (digit.and_then(|digit| PURE_CODE.find(digit)), tickets.first()) {
            (Some(place), Some(ticket)) => format!("angka/{}", &ticket.code[place..=place]),
            _ => id.to_owned(),
        }
    }

    async fn speak(&mut self, length: Duration, next: Option<&Act>) -> Result<(), String> {
        let recording = self.open_recording().await?;
        // The row is written before the beep.
        self.call.wait(BEEP).await;
        let ended_by_key = matches!(next, Some(Act::Press(_)));
        let length = if ended_by_key && length > Duration::from_secs(60) { SHORT } else { length };
        let seed = recording.id.0 as u64 * 1000 + self.spoken.len() as u64;
        self.spoken.push(Spoken { recording: recording.id, clip: loopback::voice(seed, length) });
        if next == Some(&Act::HangUp) {
            // In mid word: there was more to say.
            self.call.say(loopback::voice(seed, length + Duration::from_secs(1)));
            self.call.wait(length).await;
            return Ok(());
        }
        self.call.say(loopback::voice(seed, length));
        match self.call.said(length + PATIENCE).await {
            Met::TimeOut => Err("could not speak to the end".to_owned()),
            Met::Yes | Met::Ended(_) => Ok(()),
        }
    }

    /// Waits, listening, until the caller is recorded.
    async fn open_recording(&mut self) -> Result<RecordingRow, String> {
        let row = self.hotline.call_from(self.number).await;
        let store = &self.hotline.server.hotline().store;
        for _ in 0..PATIENCE.as_millis() / 50 {
            let recordings = store.recordings(row.id).await.map_err(|e| e.to_string())?;
            if let Some(open) = recordings.into_iter().find(|r| r.state == RecordingState::Open) {
                return Ok(open);
            }
            if let Met::Ended(reason) = self.call.wait(Duration::from_millis(50)).await {
                return Err(format!("the call ended ({reason:?}) before anything was recorded"));
            }
        }
        Err("nothing is recorded".to_owned())
    }

    /// Whether a stranger with this PIN hears all of the ticket.
    async fn opens_with(&self, pin: &str) -> Result<(), String> {
        let store = &self.hotline.server.hotline().store;
        until("the PIN", async || {
            let code = self.tickets().await.into_iter().next()?.code.to_string();
            let now = self.hotline.server.hotline().clock.now();
            let looked_up = store.look_up_with_pin(&code, pin, Asker::default(), now);
            let found = looked_up.await.unwrap();
            matches!(found, LookedUp::Found(told) if told.tier == Tier::Pin).then_some(())
        })
        .await;
        Ok(())
    }

    async fn tickets(&self) -> Vec<loopback::TicketRow> {
        self.hotline.tickets_of(&self.hotline.call_from(self.number).await).await
    }

    async fn expect(&mut self, act: &Act) -> Result<(), String> {
        if self.hung_up {
            self.hotline.ended_call_from(self.number).await;
        }
        let holds = |holds: bool, otherwise: String| if holds { Ok(()) } else { Err(otherwise) };
        match act {
            Act::ExpectTicket(class) => {
                let (more, hung_up) = (self.tickets + 1, self.hung_up);
                let tickets = until("the ticket", async || {
                    Some(self.tickets().await).filter(|t| hung_up || t.len() >= more)
                })
                .await;
                let classes: Vec<&str> = tickets.iter().map(|t| &*t.class).collect();
                let right = tickets.len() == more && classes[self.tickets] == class;
                self.tickets = more;
                holds(right, format!("tickets: {classes:?}"))
            }
            Act::ExpectNoTicket => {
                let tickets = self.tickets().await;
                holds(tickets.is_empty(), format!("there are tickets: {tickets:?}"))
            }
            Act::ExpectSpoken(name) => {
                until("the answer", async || {
                    let ticket = self.tickets().await.into_iter().next()?;
                    self.hotline.slots_of(&ticket).await.contains(name).then_some(())
                })
                .await;
                Ok(())
            }
            Act::ExpectChoice(name, pin) if name == "pin" => self.opens_with(pin).await,
            Act::ExpectChoice(name, value) => {
                until("the choice", async || {
                    let ticket = self.tickets().await.into_iter().next()?;
                    let chosen = match &**name {
                        "anonim" => ticket.anonymous,
                        "rahasia" => ticket.confidential,
                        other => panic!("no column for {other}"),
                    };
                    (chosen == (value == "ya")).then_some(())
                })
                .await;
                Ok(())
            }
            // The key path tells.
            Act::ExpectStep(_) => Ok(()),
            Act::ExpectNever(id) => {
                holds(self.call.heard().iter().all(|h| h.id != *id), format!("`{id}` was heard"))
            }
            Act::ExpectEnd(how) => {
                if !self.hung_up {
                    self.call.until(PATIENCE, |_| false).await;
                }
                let row = self.hotline.ended_call_from(self.number).await;
                let expected = match &**how {
                    "completed" => EndReason::Completed,
                    "too_long" => EndReason::TooLong,
                    "failed" => EndReason::ServiceFailed,
                    _ => EndReason::HungUp,
                };
                holds(
                    row.end_reason == Some(expected),
                    format!("the row says {:?}", row.end_reason),
                )
            }
            _ => unreachable!("not an expectation"),
        }
    }

    /// What was said must be in the recording that ran then, and belong to a ticket if it is a story.
    async fn look_at_recordings(&self, row: &CallRow) -> Result<(), String> {
        let recordings = self.hotline.server.hotline().store.recordings(row.id).await.unwrap();
        let open: Vec<_> = recordings.iter().filter(|r| r.state == RecordingState::Open).collect();
        if !open.is_empty() {
            return Err(format!("recordings that never ended: {open:?}"));
        }
        for spoken in &self.spoken {
            let recording = recordings.iter().find(|r| r.id == spoken.recording).unwrap();
            holds(&self.hotline.path(&recording.file), recording, &spoken.clip)?;
        }
        Ok(())
    }
}

fn holds(path: &Path, recording: &RecordingRow, said: &Clip) -> Result<(), String> {
    let story = recording.slot.starts_with("cerita");
    let length = said.duration();
    if story && length < Duration::from_secs(2) {
        let empty = recording.state == RecordingState::Empty;
        return if empty { Ok(()) } else { Err(format!("too short to be kept: {recording:?}")) };
    }
    if recording.state != RecordingState::Kept {
        return Err(format!("not kept: {recording:?}"));
    }
    // Cut off by the longest time: what was said before is enough.
    if length > Duration::from_secs(60) {
        return Ok(());
    }
    let likeness = likeness(path, said).map_err(|e| e.to_string())?;
    let missing = length.as_millis() as i64 - recording.duration_ms;
    if likeness < 0.85 || missing > 300 {
        return Err(format!("likeness {likeness:.2}, {missing} ms missing: {recording:?}"));
    }
    Ok(())
}

/// Makes the codes of the file what it says they are; gives the one that stands for the known one.
async fn arrange_codes(hotline: &Loopback, file: &CallFile, number: &str) -> String {
    let mut known = PURE_CODE.to_owned();
    for (code, state) in &file.codes {
        match state {
            Code::Known | Code::Answered => {
                let ticket = open_ticket(hotline, number, file.at).await;
                if *state == Code::Answered {
                    answer(hotline, ticket.0, file.at).await;
                }
                known = ticket.1;
            }
            Code::Locked => known = lock(hotline, file, number).await,
            Code::Exhausted => exhaust(hotline, code, number, file.at).await,
            // The table is broken.
            Code::Failed => {}
        }
    }
    known
}

#[expect(clippy::disallowed_methods, reason = "a code is drawn")]
async fn open_ticket(hotline: &Loopback, number: &str, at: Timestamp) -> (i64, String) {
    let intake = Intake {
        channel: Channel::Counter,
        class: Class::Complaint,
        contact: Contact { number: Some(number.to_owned()), asserted: true },
        call: None,
        recordings: Vec::new(),
        text: Some("Lampu jalan padam.".to_owned()),
        anonymous: false,
        confidential: false,
    };
    let opening = hotline.server.hotline().store.open_ticket(intake, at, &mut rand::rng());
    let ticket = opening.await.unwrap();
    (ticket.id.0, ticket.code.digits().to_owned())
}

/// A confidential report with the file's PIN.
async fn lock(hotline: &Loopback, file: &CallFile, number: &str) -> String {
    let (id, code) = open_ticket(hotline, number, file.at).await;
    let pin = file.pins.first().map(|(_, pin)| pin.clone());
    let addition = Addition { confidential: Some(true), pin, ..Addition::default() };
    let store = &hotline.server.hotline().store;
    store.add_to_ticket(TicketId(id), addition, file.at).await.unwrap();
    code
}

/// The office's answer: there is no door for it yet but the row.
async fn answer(hotline: &Loopback, ticket: i64, at: Timestamp) {
    sqlx::query(
        "INSERT INTO message (ticket, kind, body, at) VALUES ($1, 'answer', 'Sudah dipasang.', $2)",
    )
    .bind(ticket)
    .bind(at)
    .execute(&hotline.rows)
    .await
    .unwrap();
}

/// Wrong codes from this number until no more are looked at.
async fn exhaust(hotline: &Loopback, code: &str, number: &str, at: Timestamp) {
    let asker = Asker { number: Some(number.to_owned()), asserted: true, call: None };
    for _ in 0..100 {
        let said = hotline.server.hotline().store.look_up(code, asker.clone(), at).await.unwrap();
        if matches!(said, LookedUp::Exhausted(_)) {
            return;
        }
    }
    panic!("a hundred wrong codes were borne");
}

/// The same entry many times over counts once: in a shorter time it comes fewer times.
fn compare(pure: &[(String, String)], wire: &[(String, String)]) -> Result<(), String> {
    let once = |path: &[(String, String)]| {
        let mut path = path.to_vec();
        path.dedup();
        path
    };
    let (pure, wire) = (once(pure), once(wire));
    if pure == wire {
        return Ok(());
    }
    let same = pure.iter().zip(&wire).take_while(|(a, b)| a == b).count();
    Err(format!(
        "the key paths part after {same} entries: pure {:?}, on the wire {:?}",
        &pure[same.saturating_sub(1)..pure.len().min(same + 4)],
        &wire[same.saturating_sub(1)..wire.len().min(same + 4)]
    ))
}
