//! What callers say: recordings, and the ticket that is opened from them.

use std::sync::Arc;
use std::time::Duration;

use super::keys::again;
use super::state::{Announcing, Opening, Recording, RecordingPhase, State, Then, Wait, Wrapping};
use super::{PATIENCE, Session, Story};
use crate::clock::Timestamp;
use crate::ivr::script::{Open, Prompt, Record, Spanned};
use crate::ivr::{Answer, Effect, RecordLimits, RecordingEnd};

/// What the beep and the driver may add to a recording's longest time.
const RECORDING_GRACE: Duration = Duration::from_secs(15);

/// What a recording came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    Words,
    /// Words, until it broke off.
    Half,
    Nothing,
    /// It cannot be kept.
    Failed,
}

impl Session {
    /// Says what is to be spoken about, then records.
    pub(super) fn announce(
        &mut self,
        record: Arc<Record>,
        prompts: &[Spanned<Prompt>],
        silences: usize,
        now: Timestamp,
    ) -> State {
        self.typed.clear();
        let clips = self.render(prompts, &[], None);
        match self.play(clips) {
            Some(play) => State::Announcing(Announcing { record, play, silences }),
            None => self.start_recording(record, silences, now),
        }
    }

    pub(super) fn key_while_announcing(
        &mut self,
        state: Announcing,
        _key: char,
        now: Timestamp,
    ) -> State {
        if !state.record.barge_in {
            return State::Announcing(state);
        }
        self.effects.push(Effect::StopPlaying);
        self.start_recording(state.record, state.silences, now)
    }

    pub(super) fn start_recording(
        &mut self,
        record: Arc<Record>,
        silences: usize,
        now: Timestamp,
    ) -> State {
        // Whatever was typed before, a `#` from here on ends the recording.
        self.typed.drop_termchar = None;
        let take = self.next_take(&record.slot);
        let limits = RecordLimits {
            max: record.max,
            silence: record.silence,
            no_input: record.no_input_after,
            beep: record.beep,
        };
        self.effects.push(Effect::Record { slot: take.clone(), limits });
        let until = now + record.max + RECORDING_GRACE;
        let phase = RecordingPhase::Running;
        State::Recording(Recording { record, take, silences, until, phase })
    }

    /// A recording with words in it is never recorded over: the next one under its slot has another name.
    fn next_take(&self, slot: &str) -> String {
        match self.takes.get(slot) {
            None => slot.to_owned(),
            Some(kept) => format!("{slot}-{}", kept + 1),
        }
    }

    pub(super) fn key_while_recording(
        &mut self,
        mut state: Recording,
        key: char,
        now: Timestamp,
    ) -> State {
        if key == '#' && state.phase == RecordingPhase::Running {
            self.note("key #", now);
            self.effects.push(Effect::StopRecording);
            state.phase = RecordingPhase::Stopping;
            state.until = now + RECORDING_GRACE;
        }
        State::Recording(state)
    }

    pub(super) fn recording_ended(
        &mut self,
        state: State,
        slot: &str,
        ended_by: RecordingEnd,
        speech: Duration,
        now: Timestamp,
    ) -> State {
        match state {
            State::Recording(state) if state.take == slot => {
                let came = self.keep(&state.record, slot, ended_by, speech, now);
                if ended_by == RecordingEnd::HungUp {
                    return self.caller_gone(now);
                }
                self.after_recording(state, came, now)
            }
            State::Wrapping(Wrapping {
                wait: Wait::Recording { record, take }, farewell, ..
            }) if take == slot => {
                self.keep(&record, slot, ended_by, speech, now);
                let farewell = farewell.filter(|_| ended_by != RecordingEnd::HungUp);
                self.wrap_up(farewell, now)
            }
            other => other,
        }
    }

    fn after_recording(&mut self, state: Recording, came: Came, now: Timestamp) -> State {
        let record = state.record;
        let silences = state.silences + 1;
        match came {
            Came::Words => self.go(record.next.get_ref(), now),
            Came::Half => self.go(record.broke_off.as_ref().unwrap_or(&record.next).get_ref(), now),
            // A second attempt came to nothing: what was told before still stands.
            Came::Nothing | Came::Failed if record.story.is_some() && self.story.is_some() => {
                self.go(record.next.get_ref(), now)
            }
            Came::Failed => self.go(record.failed.get_ref(), now),
            Came::Nothing => match again(&record.no_input, silences) {
                Ok(prompts) => self.announce(Arc::clone(&record), prompts, silences, now),
                Err(to) => self.go(to, now),
            },
        }
    }

    /// The driver never said that the recording ended: it is asked once more, then given up.
    pub(super) fn recording_overdue(&mut self, mut state: Recording, now: Timestamp) -> State {
        match state.phase {
            RecordingPhase::Running => {
                self.effects.push(Effect::StopRecording);
                state.phase = RecordingPhase::Stopping;
                state.until = now + RECORDING_GRACE;
                State::Recording(state)
            }
            RecordingPhase::Stopping => {
                self.note("failed", now);
                self.after_recording(state, Came::Failed, now)
            }
        }
    }

    /// Takes what was recorded for the ticket, if there is speech in it.
    fn keep(
        &mut self,
        record: &Record,
        take: &str,
        ended_by: RecordingEnd,
        speech: Duration,
        now: Timestamp,
    ) -> Came {
        let broke_off = ended_by == RecordingEnd::Failed;
        let (what, came) = match (broke_off, speech >= record.min_speech) {
            (false, true) => ("recorded", Came::Words),
            (false, false) => ("no_input", Came::Nothing),
            (true, true) => ("broke_off", Came::Half),
            (true, false) => ("failed", Came::Failed),
        };
        self.note(what, now);
        if matches!(came, Came::Nothing | Came::Failed) {
            return came;
        }
        *self.takes.entry(record.slot.clone()).or_insert(0) += 1;
        match &record.story {
            Some(class) => self.keep_story(class, take, came),
            None if self.ticket_is_open() => {
                let (name, value) = (take.to_owned(), Answer::Recording);
                self.effects.push(Effect::Answer { name, value });
            }
            None => self.kept.push(take.to_owned()),
        }
        came
    }

    fn keep_story(&mut self, class: &str, take: &str, came: Came) {
        let step = self.step.clone();
        let story = Story { class: class.to_owned(), take: take.to_owned(), step };
        if let Some(before) = self.story.replace(story)
            && (came == Came::Half
                || self.story.as_ref().is_some_and(|story| story.step != before.step))
        {
            // Not a second attempt at the same story, but more of it; or an attempt that replaces nothing.
            self.kept.push(before.take);
        }
    }

    pub(super) fn open(&mut self, open: Arc<Open>, now: Timestamp) -> State {
        self.typed.clear();
        if self.send_open(open.class.as_deref()) {
            State::Opening(Opening { open, until: now + PATIENCE })
        } else {
            self.note("failed", now);
            self.go(open.failed.get_ref(), now)
        }
    }

    /// Asks for a ticket of everything recorded and not yet in one; false if there is no story.
    pub(super) fn send_open(&mut self, class: Option<&str>) -> bool {
        let Some(story) = self.story.take() else { return false };
        let mut slots = vec![story.take];
        slots.append(&mut self.kept);
        let class = class.map_or(story.class, str::to_owned);
        self.effects.push(Effect::Open { class, slots });
        true
    }

    pub(super) fn opened(&mut self, state: State, code: String, now: Timestamp) -> State {
        self.note("opened", now);
        self.code = Some(code);
        for (name, value) in std::mem::take(&mut self.choices) {
            self.effects.push(Effect::Answer { name, value: Answer::Choice(value) });
        }
        match state {
            State::Opening(Opening { open, .. }) => {
                let then = Then::Go(open.next.get_ref().clone());
                self.say(&open.prompts, open.barge_in, then, now)
            }
            State::Wrapping(Wrapping { wait: Wait::Opening, farewell, .. }) => match farewell {
                Some(farewell) => self.part(self.with_code(farewell), now),
                None => State::Over,
            },
            late => late,
        }
    }

    pub(super) fn open_failed(&mut self, state: State, now: Timestamp) -> State {
        match state {
            State::Opening(Opening { open, .. }) => {
                self.note("failed", now);
                self.go(open.failed.get_ref(), now)
            }
            State::Wrapping(Wrapping { wait: Wait::Opening, farewell, .. }) => {
                self.note("failed", now);
                match farewell {
                    Some(farewell) => self.part(farewell, now),
                    None => State::Over,
                }
            }
            other => other,
        }
    }
}
