//! A call without a telephone: what the caller did is in the address, and each page plays it again from the start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::access::Actor;
use super::super::error::PageError;
use super::super::page::{Frame, html};
use super::super::prompts::standing;
use super::super::{App, assets};
use crate::clock::Timestamp;
use crate::ivr::check::indonesian;
use crate::ivr::graph::{Drawing, Taken, readable};
use crate::ivr::script::Script;
use crate::ivr::trial::{Happening, Line, World};
use crate::ivr::{Answer, Found, Lookup, PromptId};

/// What a caller does in one call, at most.
const MOST: usize = 100;
/// How long somebody speaks into a recording.
const SPEECH: Duration = Duration::from_secs(8);
/// A code that the pretended store knows.
const CODE: &str = "48217362";

/// What the caller does, as a letter of the address.
const DEEDS: [(char, &str); 15] = [
    ('1', "1"),
    ('2', "2"),
    ('3', "3"),
    ('4', "4"),
    ('5', "5"),
    ('6', "6"),
    ('7', "7"),
    ('8', "8"),
    ('9', "9"),
    ('b', "*"),
    ('0', "0"),
    ('p', "#"),
    ('d', "Diam"),
    ('u', "Bicara"),
    ('t', "Tutup telepon"),
];

#[derive(Template)]
#[template(path = "menu_trial.html")]
struct TrialPage {
    frame: Frame,
    /// Plays what is said.
    script: String,
    number: i64,
    saat: i64,
    jejak: String,
    /// The address one deed ago.
    undo: Option<String>,
    step: String,
    recording: bool,
    over: bool,
    now: Vec<Heard>,
    /// Everything before, by what the caller did.
    before: Vec<Exchange>,
    keys: Vec<Key>,
    code: &'static str,
    drawing: Option<Drawing>,
    /// The step that is lit.
    here: String,
    /// The page with the text of the drawing; empty for this one.
    text_at: String,
    problem: Option<String>,
}

struct Key {
    value: char,
    label: &'static str,
    /// Not a key of the telephone.
    wide: bool,
}

/// What the caller did, and what came of it.
struct Exchange {
    did: &'static str,
    heard: Vec<Heard>,
}

struct Heard {
    /// `said` by the hotline, or an `event`.
    kind: &'static str,
    text: String,
    /// Where it is to be heard, one address after another.
    sounds: Vec<String>,
}

impl Heard {
    fn event(text: String) -> Heard {
        Heard { kind: "event", text, sounds: Vec::new() }
    }

    /// Whether a sentence that goes on like this is still the same one: digits are clips of their own.
    fn goes_on_with(&self, text: &str) -> bool {
        self.kind == "said"
            && !self.text.ends_with(['.', ',', '?', '!', ':'])
            && text.starts_with(char::is_lowercase)
    }
}

/// The words of prompts; pauses have none.
type Words = BTreeMap<PromptId, Option<String>>;

#[derive(Debug, Deserialize)]
pub(in crate::console) struct Call {
    versi: Option<i64>,
    /// When the call was answered: whether the office is open then is part of it.
    saat: Option<i64>,
    #[serde(default)]
    jejak: String,
    #[serde(default)]
    tekan: String,
}

/// `GET /menu-suara/coba?versi=7&jejak=1d`
pub(in crate::console) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(call): Query<Call>,
) -> Result<Response, PageError> {
    let version = match call.versi {
        Some(number) => console.store.menu(number).await?,
        None => console.store.menu_published().await?,
    };
    let version = version.ok_or(PageError::NotFound)?;
    let known = |c: &char| DEEDS.iter().any(|(deed, _)| deed == c);
    let jejak: String =
        call.jejak.chars().chain(call.tekan.chars()).filter(known).take(MOST).collect();
    let saat = call.saat.filter(|at| (0..=4_102_444_800_000).contains(at));
    let saat = saat.unwrap_or(console.now().0);
    let (number, text) = (version.number, version.text);
    let words = standing::words(&console).await?;
    let deeds = jejak.clone();
    let playing =
        tokio::task::spawn_blocking(move || played(&text, &words, &deeds, Timestamp(saat)));
    let played = playing.await?;
    let frame = Frame::new(&console, &actor, &format!("Uji coba versi {number}")).await?;
    html(page(frame, number, saat, jejak, played))
}

fn page(frame: Frame, number: i64, saat: i64, jejak: String, played: Played) -> TrialPage {
    let mut exchanges = played.exchanges;
    let now = exchanges.pop().map(|last| last.heard).unwrap_or_default();
    let shorter = jejak.char_indices().last().map(|(at, _)| &jejak[..at]);
    let undo =
        shorter.map(|jejak| format!("/menu-suara/coba?versi={number}&saat={saat}&jejak={jejak}"));
    let key = |(value, label): (char, &'static str)| Key { value, label, wide: label.len() > 1 };
    TrialPage {
        frame,
        script: assets::address("play.js"),
        number,
        saat,
        undo,
        jejak,
        step: readable(&played.step),
        here: played.step,
        text_at: format!("/menu-suara/versi/{number}"),
        recording: played.recording,
        over: played.over,
        now,
        before: exchanges,
        keys: DEEDS.into_iter().map(key).collect(),
        code: CODE,
        drawing: played.drawing,
        problem: played.problem,
    }
}

/// Where a call has come to.
#[derive(Default)]
struct Played {
    step: String,
    recording: bool,
    over: bool,
    exchanges: Vec<Exchange>,
    drawing: Option<Drawing>,
    /// Why there is no call.
    problem: Option<String>,
}

fn played(text: &str, words: &Words, deeds: &str, start: Timestamp) -> Played {
    let script = match Script::parse("naskah", text) {
        Ok(script) => Arc::new(script),
        Err(error) => {
            let problem = error.problems.first();
            let told = problem.map(|p| format!("Baris {}: {}", p.line, indonesian(&p.sentence)));
            return Played { over: true, problem: told, ..Played::default() };
        }
    };
    let mut line = Line::answer(script.clone(), world(), start);
    line.listen();
    let mut exchanges = vec![Exchange { did: "Telepon diangkat", heard: heard(&line, 0, words) }];
    for deed in deeds.chars() {
        if line.session.is_over() {
            break;
        }
        let shown = line.log.len();
        act(&mut line, deed);
        line.listen();
        let did = DEEDS.iter().find(|(known, _)| *known == deed).map_or("", |(_, label)| label);
        exchanges.push(Exchange { did, heard: heard(&line, shown, words) });
    }
    Played {
        step: line.session.step().to_owned(),
        recording: line.is_recording(),
        over: line.session.is_over(),
        exchanges,
        drawing: Some(Drawing::new(&script, &Taken::default())),
        problem: None,
    }
}

fn world() -> World {
    let found = Lookup::Found(Found {
        say: vec!["(status laporan dibacakan di sini)".into()],
        owner: true,
        ..Found::default()
    });
    // A report that is made here is the one that can be asked for.
    World {
        codes: [(CODE.to_owned(), found)].into(),
        next_code: Some(CODE.to_owned()),
        ..World::default()
    }
}

fn act(line: &mut Line, deed: char) {
    match deed {
        'b' => line.press('*'),
        'p' => line.press('#'),
        'd' => line.be_silent(),
        'u' => {
            line.speak(SPEECH);
            line.be_silent();
        }
        't' => line.hang_up(),
        key => line.press(key),
    }
}

fn heard(line: &Line, from: usize, words: &Words) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::new();
    for happening in &line.log[from..] {
        match happening {
            Happening::Said(id) => say(&mut heard, id, words),
            happening => heard.push(Heard::event(told(happening))),
        }
    }
    heard
}

/// Adds what a clip says: to the line before, where it goes on with it.
fn say(heard: &mut Vec<Heard>, id: &PromptId, words: &Words) {
    // What is no prompt is a text that stands for what the store would say.
    let text = words.get(id).map_or(Some(id), Option::as_ref);
    let sound = words.get(id).map(|_| format!("{}/suara", standing::address(id)));
    match (heard.last_mut(), text) {
        (Some(last), None) => last.sounds.extend(sound),
        (Some(last), Some(text)) if last.goes_on_with(text) => {
            last.text = format!("{} {text}", last.text);
            last.sounds.extend(sound);
        }
        (None, None) => {}
        (_, Some(text)) => {
            heard.push(Heard { kind: "said", text: text.clone(), sounds: Vec::from_iter(sound) })
        }
    }
}

fn told(happening: &Happening) -> String {
    match happening {
        Happening::Said(id) => id.clone(),
        Happening::PlayedBack(_) => "Rekaman penelepon diputar.".into(),
        Happening::Recording(slot) => format!("Nada, lalu suara direkam: {}.", readable(slot)),
        Happening::Recorded(slot, _, speech) => {
            format!("Rekaman {} selesai: {} detik suara.", readable(slot), speech.as_secs())
        }
        Happening::Ticket { code: Some(code), .. } => format!("Laporan dibuka dengan kode {code}."),
        Happening::Ticket { code: None, .. } => "Laporan gagal dibuka.".into(),
        Happening::Answered(name, Answer::Recording) => {
            format!("Ditambahkan ke laporan: rekaman {}.", readable(name))
        }
        Happening::Answered(name, Answer::Choice(value)) => {
            format!("Ditambahkan ke laporan: {} = {value}.", readable(name))
        }
        Happening::LookedUp => "Kode dicari.".into(),
        Happening::Transferred(to) => format!("Disambungkan ke {to}; tidak ada yang mengangkat."),
        Happening::HungUp(_) => "Telepon ditutup oleh sistem.".into(),
        Happening::ToNobody(_) => "Kesalahan: penelepon sudah pergi.".into(),
    }
}
