//! How a call ends: by its script, by its longest time, by the caller. No way loses a story that was told.

use std::time::Duration;

use super::state::{Ending, Farewell, Opening, Recording, RecordingPhase, State, Wait, Wrapping};
use super::{PATIENCE, Session};
use crate::clock::Timestamp;
use crate::ivr::{Effect, Outcome, PromptId};

/// The longest that last words may take.
const LAST_WORDS: Duration = Duration::from_secs(60);

impl Session {
    /// The script is at its end. A story that no step has sent is sent now.
    pub(super) fn finish(
        &mut self,
        prompts: Vec<PromptId>,
        outcome: Outcome,
        now: Timestamp,
    ) -> State {
        self.wrap_up(Some(Farewell { prompts, outcome }), now)
    }

    /// The longest time is reached: what is being said is kept, then goodbye.
    pub(super) fn too_long(&mut self, state: State, now: Timestamp) -> State {
        self.note("too_long", now);
        if state.is_playing() {
            self.effects.push(Effect::StopPlaying);
        }
        let prompts = self.render(&self.script.over.prompts, &[], None);
        let farewell = Some(Farewell { prompts, outcome: Outcome::TooLong });
        self.leave(state, farewell, now)
    }

    pub(super) fn hung_up(&mut self, state: State, now: Timestamp) -> State {
        match state {
            State::Over => State::Over,
            State::New | State::Ending(_) => {
                self.note("hung_up", now);
                State::Over
            }
            State::Wrapping(mut state) => {
                // It may be noted already, when the recording told it first.
                if state.farewell.take().is_some() {
                    self.note("hung_up", now);
                }
                State::Wrapping(state)
            }
            other => {
                self.note("hung_up", now);
                self.leave(other, None, now)
            }
        }
    }

    /// The recording told that the caller has gone.
    pub(super) fn caller_gone(&mut self, now: Timestamp) -> State {
        self.note("hung_up", now);
        self.wrap_up(None, now)
    }

    /// Ends the dialogue from any state of it, without losing what is on its way.
    fn leave(&mut self, state: State, farewell: Option<Farewell>, now: Timestamp) -> State {
        let until = now + PATIENCE;
        match state {
            State::Recording(Recording { record, take, phase, .. }) => {
                if phase == RecordingPhase::Running {
                    self.effects.push(Effect::StopRecording);
                }
                let wait = Wait::Recording { record, take };
                State::Wrapping(Wrapping { wait, until, farewell })
            }
            State::Opening(Opening { .. }) => {
                State::Wrapping(Wrapping { wait: Wait::Opening, until, farewell })
            }
            // The caller may not have heard the code to its end.
            _ if self.story.is_none() && self.code.is_some() => match farewell {
                Some(farewell) => self.part(self.with_code(farewell), now),
                None => State::Over,
            },
            _ => self.wrap_up(farewell, now),
        }
    }

    /// Opens a ticket of a story that has none, then parts.
    pub(super) fn wrap_up(&mut self, farewell: Option<Farewell>, now: Timestamp) -> State {
        if self.send_open(None) {
            let until = now + PATIENCE;
            return State::Wrapping(Wrapping { wait: Wait::Opening, until, farewell });
        }
        match farewell {
            Some(farewell) => self.part(farewell, now),
            None => State::Over,
        }
    }

    pub(super) fn wrapping_timed_out(&mut self, state: Wrapping, now: Timestamp) -> State {
        self.note("failed", now);
        match state.wait {
            Wait::Recording { .. } => self.wrap_up(state.farewell, now),
            Wait::Opening => match state.farewell {
                Some(farewell) => self.part(farewell, now),
                None => State::Over,
            },
        }
    }

    /// Says the last words and hangs up after them.
    pub(super) fn part(&mut self, farewell: Farewell, now: Timestamp) -> State {
        let outcome = farewell.outcome;
        match self.play(farewell.prompts) {
            Some(play) => State::Ending(Ending { play, until: now + LAST_WORDS, outcome }),
            None => self.hang_up(outcome),
        }
    }

    pub(super) fn with_code(&self, mut farewell: Farewell) -> Farewell {
        let mut prompts = self.render(&self.script.over.with_code, &[], None);
        prompts.append(&mut farewell.prompts);
        farewell.prompts = prompts;
        farewell
    }

    pub(super) fn hang_up(&mut self, outcome: Outcome) -> State {
        self.effects.push(Effect::HangUp { outcome });
        State::Over
    }
}
