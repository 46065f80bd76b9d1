//! Where a session stands: one struct a state, each with what that state needs and no more.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::ivr::digits::Collector;
use crate::ivr::script::{Confirm, Digits, Lookup, Menu, Open, Pin, Record, Transfer};
use crate::ivr::{Outcome, PlayId, PromptId};

#[derive(Debug, Default)]
pub(super) enum State {
    /// Not answered yet.
    New,
    Saying(Saying),
    Choosing(Choosing),
    Collecting(Collecting),
    LookingUp(LookingUp),
    Announcing(Announcing),
    Recording(Recording),
    Confirming(Confirming),
    Opening(Opening),
    Transferring(Transferring),
    Wrapping(Wrapping),
    Ending(Ending),
    #[default]
    Over,
}

/// A playback that leads somewhere.
#[derive(Debug)]
pub(super) struct Saying {
    pub play: PlayId,
    pub barge_in: bool,
    pub then: Then,
}

/// What follows a playback.
#[derive(Debug)]
pub(super) enum Then {
    Go(String),
    Transfer(Arc<Transfer>),
}

/// What the caller hears while a key is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hears {
    Prompt(PlayId),
    /// Silence, until it has lasted too long.
    Nothing(Timestamp),
}

/// How often the caller was silent, and wrong, since the step was entered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    pub silences: usize,
    pub misses: usize,
}

/// A menu waits for a key.
#[derive(Debug)]
pub(super) struct Choosing {
    pub menu: Arc<Menu>,
    pub hears: Hears,
    pub tries: Tries,
}

/// Digits are awaited; `play` is the prompt still heard.
#[derive(Debug)]
pub(super) struct Collecting {
    pub what: Wanted,
    pub play: Option<PlayId>,
    pub collector: Collector,
    pub tries: Tries,
}

/// What the digits are for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Answer(Arc<Digits>),
    Code(Arc<Lookup>),
    Pin(LockedTicket),
}

/// A ticket that was found, and would tell more for its PIN.
#[derive(Clone, Debug)]
pub(super) struct LockedTicket {
    pub lookup: Arc<Lookup>,
    /// How that step asks.
    pub pin: Arc<Pin>,
    pub code: String,
}

/// The store was asked about a code.
#[derive(Debug)]
pub(super) struct LookingUp {
    pub lookup: Arc<Lookup>,
    pub code: String,
    pub until: Timestamp,
}

/// What is said before a recording.
#[derive(Debug)]
pub(super) struct Announcing {
    pub record: Arc<Record>,
    pub play: PlayId,
    pub silences: usize,
}

/// The caller speaks.
#[derive(Debug)]
pub(super) struct Recording {
    pub record: Arc<Record>,
    pub take: Take,
    pub silences: usize,
    /// When it must have ended by itself; after that the driver is at fault.
    pub until: Timestamp,
    pub phase: RecordingPhase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordingPhase {
    Running,
    /// StopRecording was sent.
    Stopping,
}

/// One recording: the slot's name, numbered where an earlier one under the same slot is to stay.
pub(super) type Take = String;

/// Hear, repeat or send.
#[derive(Debug)]
pub(super) struct Confirming {
    pub confirm: Arc<Confirm>,
    pub hears: ConfirmHears,
    pub misses: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ConfirmHears {
    Prompt(PlayId),
    Story(PlayId),
    Nothing(Timestamp),
}

/// The store was asked to open a ticket.
#[derive(Debug)]
pub(super) struct Opening {
    pub open: Arc<Open>,
    pub until: Timestamp,
}

/// A person is being called.
#[derive(Debug)]
pub(super) struct Transferring {
    pub transfer: Arc<Transfer>,
    pub until: Timestamp,
}

/// The dialogue is over, but words are still to be kept.
#[derive(Debug)]
pub(super) struct Wrapping {
    pub wait: Wait,
    pub until: Timestamp,
    /// How to part; `None` when the caller has gone.
    pub farewell: Option<Farewell>,
}

#[derive(Debug)]
pub(super) enum Wait {
    Recording { record: Arc<Record>, take: Take },
    Opening,
}

/// The last words.
#[derive(Debug)]
pub(super) struct Farewell {
    pub prompts: Vec<PromptId>,
    pub outcome: Outcome,
}

/// The last words are being said.
#[derive(Debug)]
pub(super) struct Ending {
    pub play: PlayId,
    pub until: Timestamp,
    pub outcome: Outcome,
}

impl State {
    /// When the state itself wants to be woken.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self {
            State::Choosing(Choosing { hears: Hears::Nothing(until), .. })
            | State::Confirming(Confirming { hears: ConfirmHears::Nothing(until), .. })
            | State::LookingUp(LookingUp { until, .. })
            | State::Recording(Recording { until, .. })
            | State::Opening(Opening { until, .. })
            | State::Transferring(Transferring { until, .. })
            | State::Wrapping(Wrapping { until, .. })
            | State::Ending(Ending { until, .. }) => Some(*until),
            State::Collecting(collecting) => collecting.collector.poll_timeout(),
            _ => None,
        }
    }

    /// Whether the longest call still counts: not before the answer, nor once the end has begun.
    pub(super) fn is_dialogue(&self) -> bool {
        !matches!(self, State::New | State::Wrapping(_) | State::Ending(_) | State::Over)
    }

    /// Whether something is being played to the caller.
    pub(super) fn is_playing(&self) -> bool {
        matches!(
            self,
            State::Saying(_)
                | State::Announcing(_)
                | State::Choosing(Choosing { hears: Hears::Prompt(_), .. })
                | State::Collecting(Collecting { play: Some(_), .. })
                | State::Confirming(Confirming {
                    hears: ConfirmHears::Prompt(_) | ConfirmHears::Story(_),
                    ..
                })
        )
    }
}
