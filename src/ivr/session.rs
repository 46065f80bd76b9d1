//! The pure session: one caller's way through a script.
//!
//! The driver calls [`Session::handle`] with each event and [`Session::handle_timeout`] at
//! [`Session::poll_timeout`], carries out the effects in their order, and goes on, after a hang-up too, until
//! [`Session::is_over`]: a caller's words may still be on their way to a ticket.

mod ending;
mod keys;
mod lookup;
mod state;
#[cfg(test)]
mod tests;
mod voice;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::script::{Choice, Kind, Prompt, Script, Spanned, Step};
use super::{Answer, Effect, Event, Lookup, Outcome, PathEntry, PlayId, PromptId, speech};
use crate::clock::Timestamp;
use state::{Announcing, Saying, State, Then, Transferring};

/// How long the driver may take to answer; after that the outcome is `failed`.
const PATIENCE: Duration = Duration::from_secs(30);
/// Steps passed without an event: more can only be a circle that the checker would have refused.
const MOST_HOPS: usize = 200;
/// Keys kept that were pressed before they were asked for.
const MOST_TYPED_AHEAD: usize = 32;
/// Entries of the path; a caller who drums on the keys for ten minutes stays below it.
const MOST_ENTRIES: usize = 1000;

/// One caller's way through a script.
pub struct Session {
    script: Arc<Script>,
    state: State,
    /// The current step's name.
    step: String,
    /// The end of the longest call.
    deadline: Timestamp,
    plays: u32,
    hops: usize,
    effects: Vec<Effect>,
    path: Vec<PathEntry>,
    typed: TypedAhead,
    story: Option<Story>,
    /// Recordings kept for the ticket beside the story.
    kept: Vec<String>,
    /// Choices made before there was a ticket.
    choices: Vec<(String, String)>,
    /// How many recordings of each slot were kept.
    takes: BTreeMap<String, u32>,
    code: Option<String>,
    found: Vec<PromptId>,
    unknown_codes: usize,
    wrong_pins: usize,
}

/// What the caller wants to report, recorded and not yet in a ticket.
#[derive(Debug)]
struct Story {
    class: String,
    take: String,
    /// The step that recorded it.
    step: String,
}

/// Keys pressed before they were asked for.
#[derive(Default)]
struct TypedAhead {
    keys: VecDeque<char>,
    /// The digits before were complete by their number: until then a `#` only belongs to them.
    drop_termchar: Option<Timestamp>,
}

impl Session {
    /// A session for a call that is not answered yet.
    pub fn new(script: Arc<Script>, now: Timestamp) -> Session {
        Session {
            step: script.start.get_ref().clone(),
            deadline: now + script.over.after,
            script,
            state: State::New,
            plays: 0,
            hops: 0,
            effects: Vec::new(),
            path: Vec::new(),
            typed: TypedAhead::default(),
            story: None,
            kept: Vec::new(),
            choices: Vec::new(),
            takes: BTreeMap::new(),
            code: None,
            found: Vec::new(),
            unknown_codes: 0,
            wrong_pins: 0,
        }
    }

    /// Takes one event; what comes back is to be done in this order.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        self.hops = 0;
        let state = std::mem::take(&mut self.state);
        self.state = match event {
            Event::HungUp => self.hung_up(state, now),
            Event::Digit(key) => self.digit(state, key, now),
            other => self.advance(state, other, now),
        };
        std::mem::take(&mut self.effects)
    }

    /// To be called when the moment of [`Session::poll_timeout`] has come. Too early is harmless.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<Effect> {
        self.hops = 0;
        let state = std::mem::take(&mut self.state);
        self.state = if state.is_dialogue() && self.deadline <= now {
            self.too_long(state, now)
        } else if state.deadline().is_some_and(|deadline| deadline <= now) {
            self.timed_out(state, now)
        } else {
            state
        };
        std::mem::take(&mut self.effects)
    }

    /// When to call [`Session::handle_timeout`] if no event comes before.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let call = self.state.is_dialogue().then_some(self.deadline);
        self.state.deadline().into_iter().chain(call).min()
    }

    /// Where the caller was and what they did, from the first step on.
    pub fn path(&self) -> &[PathEntry] {
        &self.path
    }

    /// The name of the step that the caller is in, or was in last.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// The code of the last ticket that this call opened.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether nothing more can come of it.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn advance(&mut self, state: State, event: Event, now: Timestamp) -> State {
        match (state, event) {
            (State::New, Event::Answered) => {
                self.deadline = now + self.script.over.after;
                let start = self.script.start.get_ref().clone();
                self.go(&start, now)
            }
            (state, Event::PlayEnded(play)) => self.play_ended(state, play, now),
            (state, Event::RecordingEnded { slot, ended_by, speech }) => {
                self.recording_ended(state, &slot, ended_by, speech, now)
            }
            (State::LookingUp(state), Event::LookedUp(answer)) => {
                self.looked_up(state, answer, now)
            }
            (State::Transferring(state), Event::Transferred { taken }) => {
                self.transferred(state, taken, now)
            }
            (state, Event::Opened { code }) => self.opened(state, code, now),
            (state, Event::OpenFailed) => self.open_failed(state, now),
            (state, _) => state,
        }
    }

    fn timed_out(&mut self, state: State, now: Timestamp) -> State {
        match state {
            State::Choosing(state) => self.no_choice(state, now),
            State::Collecting(state) => self.digits_timed_out(state, now),
            State::Confirming(state) => self.send(&state.confirm, now),
            State::LookingUp(state) => self.looked_up(state, Lookup::Failed, now),
            State::Recording(state) => self.recording_overdue(state, now),
            State::Opening(_) => self.open_failed(state, now),
            State::Transferring(state) => self.transferred(state, false, now),
            State::Wrapping(state) => self.wrapping_timed_out(state, now),
            State::Ending(ending) => self.hang_up(ending.outcome),
            other => other,
        }
    }

    fn play_ended(&mut self, state: State, play: PlayId, now: Timestamp) -> State {
        match state {
            State::Saying(Saying { play: own, then, .. }) if own == play => self.then(then, now),
            State::Choosing(state) => self.menu_said(state, play, now),
            State::Collecting(state) => self.question_said(state, play, now),
            State::Confirming(state) => self.confirm_said(state, play, now),
            State::Announcing(Announcing { play: own, record, silences }) if own == play => {
                self.start_recording(record, silences, now)
            }
            State::Ending(ending) if ending.play == play => self.hang_up(ending.outcome),
            other => other,
        }
    }

    /// Enters a step, and those behind it that need neither time nor the caller.
    fn go(&mut self, to: &str, now: Timestamp) -> State {
        let script = Arc::clone(&self.script);
        self.hops += 1;
        match script.step(to) {
            Some(step) if self.hops <= MOST_HOPS => {
                self.step.clone_from(&step.name);
                self.note("enter", now);
                self.enter(step, now)
            }
            // The checker refuses such scripts; a caller who meets one is told goodbye, not dropped.
            _ => self.finish(Vec::new(), Outcome::Failed, now),
        }
    }

    fn enter(&mut self, step: &Step, now: Timestamp) -> State {
        match &step.kind {
            Kind::Say(say) => {
                if say.barge_in && !self.typed.keys.is_empty() {
                    return self.go(say.next.get_ref(), now);
                }
                let then = Then::Go(say.next.get_ref().clone());
                self.say(&say.prompts, say.barge_in, then, now)
            }
            Kind::Menu(menu) => self.enter_menu(Arc::clone(menu), now),
            Kind::Digits(digits) => {
                self.ask_digits(state::Wanted::Answer(Arc::clone(digits)), &digits.prompts, now)
            }
            Kind::Lookup(lookup) => {
                self.ask_digits(state::Wanted::Code(Arc::clone(lookup)), &lookup.prompts, now)
            }
            Kind::Record(record) => self.announce(Arc::clone(record), &record.prompts, 0, now),
            Kind::Confirm(confirm) => self.enter_confirm(Arc::clone(confirm), now),
            Kind::Open(open) => self.open(Arc::clone(open), now),
            Kind::Transfer(transfer) => {
                self.typed.clear();
                self.say(&transfer.prompts, false, Then::Transfer(Arc::clone(transfer)), now)
            }
            Kind::Goto(goto) => self.go(goto.to.get_ref(), now),
            Kind::Hours(step) => {
                let to = if step.hours.is_open(now) { &step.open } else { &step.closed };
                self.go(to.get_ref(), now)
            }
            Kind::End(end) => {
                let outcome = if end.failed { Outcome::Failed } else { Outcome::Completed };
                let prompts = self.render(&end.prompts, &[], None);
                self.finish(prompts, outcome, now)
            }
        }
    }

    fn say(
        &mut self,
        prompts: &[Spanned<Prompt>],
        barge_in: bool,
        then: Then,
        now: Timestamp,
    ) -> State {
        let prompts = self.render(prompts, &[], None);
        match self.play(prompts) {
            Some(play) => State::Saying(Saying { play, barge_in, then }),
            None => self.then(then, now),
        }
    }

    fn then(&mut self, then: Then, now: Timestamp) -> State {
        match then {
            Then::Go(to) => self.go(&to, now),
            Then::Transfer(transfer) => {
                self.effects.push(Effect::Transfer { to: transfer.to.clone() });
                let until = now + transfer.timeout;
                State::Transferring(Transferring { transfer, until })
            }
        }
    }

    fn transferred(&mut self, state: Transferring, taken: bool, now: Timestamp) -> State {
        let transfer = state.transfer;
        let (what, to) =
            if taken { ("taken", &transfer.taken) } else { ("not_taken", &transfer.not_taken) };
        self.note(what, now);
        self.go(to.get_ref(), now)
    }

    /// Plays clips, if there are any.
    fn play(&mut self, prompts: Vec<PromptId>) -> Option<PlayId> {
        if prompts.is_empty() {
            return None;
        }
        let id = self.next_play();
        self.effects.push(Effect::Play { id, prompts });
        Some(id)
    }

    fn next_play(&mut self) -> PlayId {
        self.plays += 1;
        PlayId(self.plays)
    }

    /// Prompts as clips, with the placeholders filled in.
    fn render(
        &self,
        prompts: &[Spanned<Prompt>],
        options: &[Choice],
        key: Option<char>,
    ) -> Vec<PromptId> {
        let mut clips = Vec::new();
        for prompt in prompts {
            match prompt.get_ref() {
                Prompt::Clip(id) => clips.push(id.clone()),
                Prompt::Code => clips.extend(self.code.iter().flat_map(|code| speech::code(code))),
                Prompt::Found => clips.extend(self.found.iter().cloned()),
                Prompt::Options => {
                    let said: Vec<_> = options.iter().filter_map(|o| o.say.clone()).collect();
                    clips.extend(self.render(&said, &[], None));
                }
                Prompt::Key => clips.extend(key.map(key_clip)),
            }
        }
        clips
    }

    fn note(&mut self, what: impl Into<String>, now: Timestamp) {
        if self.path.len() < MOST_ENTRIES {
            self.path.push(PathEntry { at: now, step: self.step.clone(), what: what.into() });
        }
    }

    /// Keeps a choice: for the ticket if there is one, otherwise until there is.
    fn choose(&mut self, name: &str, value: &str) {
        if self.ticket_is_open() {
            let (name, value) = (name.to_owned(), Answer::Choice(value.to_owned()));
            self.effects.push(Effect::Answer { name, value });
        } else {
            self.choices.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Whether what the caller adds now belongs to a ticket that exists.
    fn ticket_is_open(&self) -> bool {
        self.code.is_some() && self.story.is_none()
    }
}

impl TypedAhead {
    fn push(&mut self, key: char) {
        if self.keys.len() < MOST_TYPED_AHEAD {
            self.keys.push_back(key);
        }
    }

    fn pop(&mut self) -> Option<char> {
        self.keys.pop_front()
    }

    fn clear(&mut self) {
        self.keys.clear();
    }
}

// Codes and answers must not reach a log by way of `{:?}`: it tells the step, and no more.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut session = f.debug_struct("Session");
        session.field("step", &self.step).field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}

/// The clip that says a key.
pub(in crate::ivr) fn key_clip(key: char) -> PromptId {
    match key {
        '*' => "tombol/bintang".to_owned(),
        '#' => "tombol/pagar".to_owned(),
        digit => format!("angka/{digit}"),
    }
}
