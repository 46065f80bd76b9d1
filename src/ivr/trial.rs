//! A script played without a phone: a pretended line with a clock of its own, and a terminal on it.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use super::script::Script;
use super::{
    Answer, Effect, Event, Lookup, Outcome, PlayId, PromptId, RecordLimits, RecordingEnd, Session,
};
use crate::clock::Timestamp;

/// How long a clip lasts on the pretended line.
pub const CLIP: Duration = Duration::from_secs(1);

/// What the rest of the program would answer.
#[derive(Debug)]
pub struct World {
    /// What the store says to codes; any other is not found.
    pub codes: BTreeMap<String, Lookup>,
    /// The PINs of codes, and what each opens.
    pub pins: BTreeMap<String, (String, Lookup)>,
    /// The code of the next ticket; `None`: it cannot be opened.
    pub next_code: Option<String>,
    /// Whether recordings can be kept.
    pub disk: Disk,
    /// Whether somebody takes a transferred call.
    pub operator: Operator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    Writable,
    Full,
    /// Takes so much of each recording.
    FullAfter(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Present,
    Absent,
}

impl Default for World {
    fn default() -> World {
        World {
            codes: BTreeMap::new(),
            pins: BTreeMap::new(),
            next_code: Some("48217360".to_owned()),
            disk: Disk::Writable,
            operator: Operator::Absent,
        }
    }
}

impl World {
    fn answer(&self, code: &str, pin: Option<&str>) -> Lookup {
        match (pin, self.pins.get(code)) {
            (None, _) => self.codes.get(code).cloned().unwrap_or(Lookup::NotFound),
            (Some(pin), Some((right, opened))) if pin == right => opened.clone(),
            (Some(_), _) => Lookup::WrongPin,
        }
    }
}

/// What the caller, or somebody looking on, notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A clip began.
    Said(PromptId),
    /// The caller's own recording began.
    PlayedBack(String),
    /// From here on the caller is recorded.
    Recording(String),
    /// A recording ended, with so much speech in it.
    Recorded(String, RecordingEnd, Duration),
    /// A ticket was opened, or could not be.
    Ticket {
        class: String,
        slots: Vec<String>,
        code: Option<String>,
    },
    /// Something was added to the ticket.
    Answered(String, Answer),
    LookedUp,
    Transferred(String),
    /// The script hung up.
    HungUp(Outcome),
    /// Something was meant for a caller who had gone: a fault of the session.
    ToNobody(Effect),
}

/// One pretended call. Time passes only when it is told to.
#[derive(Debug)]
pub struct Line {
    pub session: Session,
    pub world: World,
    pub now: Timestamp,
    /// Everything that happened.
    pub log: Vec<Happening>,
    playing: Option<Playing>,
    tape: Option<Tape>,
    caller: Caller,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Present,
    Gone,
}

#[derive(Debug)]
struct Playing {
    id: PlayId,
    left: VecDeque<Happening>,
    /// When the clip now heard ends.
    clip_ends: Timestamp,
}

#[derive(Debug)]
struct Tape {
    slot: String,
    limits: RecordLimits,
    began: Timestamp,
    speech: Duration,
    /// When the voice stops; may lie ahead.
    voice_ends: Option<Timestamp>,
    /// When the disk is full.
    breaks_off: Option<Timestamp>,
}

impl Tape {
    fn end(&self) -> (Timestamp, RecordingEnd) {
        let quiet = match self.voice_ends {
            Some(voice) => (voice + self.limits.silence, RecordingEnd::Silence),
            None => (self.began + self.limits.no_input, RecordingEnd::NoInput),
        };
        let longest = (self.began + self.limits.max, RecordingEnd::MaxTime);
        let broken = self.breaks_off.map(|at| (at, RecordingEnd::Failed));
        [Some(quiet), Some(longest), broken]
            .into_iter()
            .flatten()
            .min_by_key(|end| end.0)
            .unwrap_or(quiet)
    }

    /// The speech in it when it ends at `now`.
    fn speech_until(&self, now: Timestamp) -> Duration {
        let cut = self.voice_ends.map_or(Duration::ZERO, |voice| voice.since(now));
        self.speech.saturating_sub(cut)
    }
}

/// What came next on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Clip,
    TapeEnd(RecordingEnd),
    Timeout,
}

impl Line {
    /// A call that is answered at `now`.
    pub fn answer(script: Arc<Script>, world: World, now: Timestamp) -> Line {
        let session = Session::new(script, now);
        let mut line = Line {
            session,
            world,
            now,
            log: Vec::new(),
            playing: None,
            tape: None,
            caller: Caller::Present,
        };
        line.send(Event::Answered);
        line
    }

    /// Presses a key.
    pub fn press(&mut self, key: char) {
        self.send(Event::Digit(key));
    }

    /// Speaks for so long. Only a recording hears it.
    pub fn speak(&mut self, length: Duration) {
        let until = self.now + length;
        if let Some(tape) = &mut self.tape {
            let before = tape.voice_ends.map_or(Duration::ZERO, |voice| voice.since(self.now));
            tape.speech = tape.speech + length - before.min(length);
            tape.voice_ends = Some(until.max(tape.voice_ends.unwrap_or(until)));
        }
        self.pass(length);
    }

    /// Hangs up.
    pub fn hang_up(&mut self) {
        self.caller = Caller::Gone;
        self.playing = None;
        self.send(Event::HungUp);
    }

    /// Lets time pass.
    pub fn pass(&mut self, length: Duration) {
        let until = self.now + length;
        while let Some((at, next)) = self.next()
            && at <= until
        {
            self.happen(at, next);
        }
        self.now = until;
    }

    /// Does nothing until the script minds.
    pub fn be_silent(&mut self) {
        while let Some((at, next)) = self.next() {
            self.happen(at, next);
            if next != Next::Clip {
                break;
            }
        }
    }

    /// Listens until nothing is said any more.
    pub fn listen(&mut self) {
        while self.playing.is_some() {
            self.listen_to_clip();
        }
    }

    /// Lets the next thing on the line happen; false if nothing is being said.
    pub fn listen_to_clip(&mut self) -> bool {
        match self.next() {
            Some((at, next)) if self.playing.is_some() => {
                self.happen(at, next);
                true
            }
            _ => false,
        }
    }

    /// Whether the caller is being recorded.
    pub fn is_recording(&self) -> bool {
        self.tape.is_some()
    }

    fn next(&self) -> Option<(Timestamp, Next)> {
        let clip = self.playing.as_ref().map(|p| (p.clip_ends, Next::Clip));
        let tape = self.tape.as_ref().map(|tape| {
            let (at, end) = tape.end();
            (at, Next::TapeEnd(end))
        });
        let timeout = self.session.poll_timeout().map(|at| (at, Next::Timeout));
        clip.into_iter().chain(tape).chain(timeout).min_by_key(|(at, _)| *at)
    }

    fn happen(&mut self, at: Timestamp, next: Next) {
        self.now = self.now.max(at);
        match next {
            Next::Clip => self.clip_ended(),
            Next::TapeEnd(end) => self.stop_tape(end),
            Next::Timeout => {
                let effects = self.session.handle_timeout(self.now);
                self.carry_out(effects);
            }
        }
    }

    fn clip_ended(&mut self) {
        let Some(playing) = &mut self.playing else { return };
        match playing.left.pop_front() {
            Some(clip) => {
                playing.clip_ends = self.now + CLIP;
                self.log.push(clip);
            }
            None => {
                let id = playing.id;
                self.playing = None;
                self.send(Event::PlayEnded(id));
            }
        }
    }

    fn stop_tape(&mut self, ended_by: RecordingEnd) {
        let Some(tape) = self.tape.take() else { return };
        let speech = tape.speech_until(self.now);
        self.log.push(Happening::Recorded(tape.slot.clone(), ended_by, speech));
        self.send(Event::RecordingEnded { slot: tape.slot, ended_by, speech });
    }

    fn send(&mut self, event: Event) {
        let effects = self.session.handle(event, self.now);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if self.caller == Caller::Gone && needs_line(&effect) {
                self.log.push(Happening::ToNobody(effect));
                continue;
            }
            self.carry_out_one(effect);
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Play { id, prompts } => {
                self.play(id, prompts.into_iter().map(Happening::Said).collect());
            }
            Effect::PlayRecording { id, slot } => {
                self.play(id, [Happening::PlayedBack(slot)].into());
            }
            Effect::StopPlaying => self.playing = None,
            Effect::Record { slot, limits } => self.record(slot, limits),
            Effect::StopRecording => {
                let end = match self.caller {
                    Caller::Present => RecordingEnd::Stopped,
                    Caller::Gone => RecordingEnd::HungUp,
                };
                self.stop_tape(end);
            }
            Effect::LookUp { code, pin } => {
                self.log.push(Happening::LookedUp);
                let answer = self.world.answer(&code, pin.as_deref());
                self.send(Event::LookedUp(answer));
            }
            Effect::Open { class, slots } => {
                let code = self.world.next_code.clone();
                self.log.push(Happening::Ticket { class, slots, code: code.clone() });
                self.send(code.map_or(Event::OpenFailed, |code| Event::Opened { code }));
            }
            Effect::Answer { name, value } => self.log.push(Happening::Answered(name, value)),
            Effect::Transfer { to } => {
                self.log.push(Happening::Transferred(to));
                self.send(Event::Transferred { taken: self.world.operator == Operator::Present });
            }
            Effect::HangUp { outcome } => {
                self.playing = None;
                self.caller = Caller::Gone;
                self.log.push(Happening::HungUp(outcome));
            }
        }
    }

    fn play(&mut self, id: PlayId, mut left: VecDeque<Happening>) {
        self.log.extend(left.pop_front());
        self.playing = Some(Playing { id, left, clip_ends: self.now + CLIP });
    }

    fn record(&mut self, slot: String, limits: RecordLimits) {
        self.log.push(Happening::Recording(slot.clone()));
        let (began, speech) = (self.now, Duration::ZERO);
        let breaks_off = match self.world.disk {
            Disk::Writable => None,
            Disk::Full => Some(began),
            Disk::FullAfter(room) => Some(began + room),
        };
        self.tape = Some(Tape { slot, limits, began, speech, voice_ends: None, breaks_off });
        if self.world.disk == Disk::Full {
            self.stop_tape(RecordingEnd::Failed);
        }
    }
}

fn needs_line(effect: &Effect) -> bool {
    match effect {
        Effect::StopRecording | Effect::Open { .. } | Effect::Answer { .. } => false,
        Effect::Play { .. }
        | Effect::PlayRecording { .. }
        | Effect::StopPlaying
        | Effect::Record { .. }
        | Effect::LookUp { .. }
        | Effect::Transfer { .. }
        | Effect::HangUp { .. } => true,
    }
}

/// Plays a script on a terminal: keys as typed, an empty line is silence, `h` hangs up, and while it records any other
/// text is what is said. `texts` are the prompts' words by id.
pub fn play(
    script: Arc<Script>,
    texts: &BTreeMap<PromptId, String>,
    world: World,
    start: Timestamp,
    keys: impl BufRead,
    mut out: impl Write,
) -> io::Result<()> {
    writeln!(out, "Ketik tombol lalu Enter; Enter saja = diam; h = tutup telepon.")?;
    let mut line = Line::answer(script, world, start);
    let mut keys = keys.lines();
    let mut shown = 0;
    loop {
        line.listen();
        for happening in &line.log[shown..] {
            show(happening, texts, &mut out)?;
        }
        shown = line.log.len();
        if line.session.is_over() {
            return writeln!(out, "-- selesai --");
        }
        write!(out, "[{}]{} ", line.session.step(), if line.is_recording() { " *" } else { ">" })?;
        out.flush()?;
        match keys.next().transpose()?.as_deref().map(str::trim) {
            None | Some("h") => {
                writeln!(out, "(tutup telepon)")?;
                line.hang_up();
            }
            Some("") => {
                writeln!(out, "(diam)")?;
                line.be_silent();
            }
            Some(text) => type_or_speak(&mut line, text),
        }
    }
}

fn type_or_speak(line: &mut Line, text: &str) {
    let are_keys = text.chars().all(|c| matches!(c, '0'..='9' | '*' | '#'));
    if line.is_recording() && !are_keys {
        line.speak(Duration::from_millis(500) * text.split_whitespace().count() as u32);
        line.be_silent();
        return;
    }
    for key in text.chars().filter(|c| matches!(c, '0'..='9' | '*' | '#')) {
        line.press(key);
        line.pass(Duration::from_millis(100));
    }
}

fn show(
    happening: &Happening,
    texts: &BTreeMap<PromptId, String>,
    out: &mut impl Write,
) -> io::Result<()> {
    match happening {
        Happening::Said(id) => match texts.get(id) {
            Some(text) => writeln!(out, "  {text}"),
            None => writeln!(out, "  <{id}>"),
        },
        Happening::PlayedBack(slot) => writeln!(out, "  <rekaman {slot} diputar>"),
        Happening::Recording(slot) => writeln!(out, "  <nada> (merekam {slot}: ketik ucapan)"),
        Happening::Recorded(slot, _, speech) => {
            writeln!(out, "  <rekaman {slot}: {:.1} detik suara>", speech.as_secs_f32())
        }
        Happening::Ticket { class, slots, code: Some(code) } => {
            writeln!(out, "  <laporan {class} dibuka, kode {code}: {}>", slots.join(", "))
        }
        Happening::Ticket { class, code: None, .. } => {
            writeln!(out, "  <laporan {class} gagal dibuka>")
        }
        Happening::Answered(name, Answer::Recording) => {
            writeln!(out, "  <tambahan: rekaman {name}>")
        }
        Happening::Answered(name, Answer::Choice(value)) => {
            writeln!(out, "  <tambahan: {name} = {value}>")
        }
        Happening::LookedUp => writeln!(out, "  <kode dicari>"),
        Happening::Transferred(to) => writeln!(out, "  <disambungkan ke {to}>"),
        Happening::HungUp(outcome) => writeln!(out, "  <telepon ditutup: {outcome:?}>"),
        Happening::ToNobody(_) => writeln!(out, "  <kesalahan: penelepon sudah pergi>"),
    }
}
