//! The dialogue of one call as a pure machine: events in, effects out, time as an argument.
//!
//! [`Session`] walks a [`script::Script`]. It knows steps, prompts and digits; what a ticket is, where a
//! recording lies and how a prompt sounds are the call's business.

pub mod check;
pub mod digits;
pub mod graph;
pub mod script;
pub mod session;
pub mod speech;
pub mod trial;

use std::time::Duration;

pub use session::Session;

use crate::clock::Timestamp;

/// A prompt's id, as in `prompts/id/prompts.toml`.
pub type PromptId = String;

/// Tells one playback from the next, so that a late "it ended" is not taken for the present one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlayId(pub u32);

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The call was answered and audio can flow. Always the first event.
    Answered,
    /// One key: `0`-`9`, `*`, `#` (RFC 4733 events 0-11; A-D are dropped before they get here).
    Digit(char),
    /// A playback came to its end by itself. Not sent for one that was stopped.
    PlayEnded(PlayId),
    /// A recording ended, for whatever reason.
    RecordingEnded { slot: String, ended_by: RecordingEnd, speech: Duration },
    /// The answer to [`Effect::LookUp`].
    LookedUp(Lookup),
    /// The answer to [`Effect::Open`]: the ticket's eight digits.
    Opened { code: String },
    /// The answer to [`Effect::Open`] when no ticket could be written.
    OpenFailed,
    /// The answer to [`Effect::Transfer`]: whether somebody took the call.
    Transferred { taken: bool },
    /// The caller is gone: no effect after it needs the line. Only [`Event::RecordingEnded`], [`Event::Opened`] and
    /// [`Event::OpenFailed`] may follow; the driver goes on until [`Session::is_over`].
    HungUp,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingEnd {
    /// The session asked for it ([`Effect::StopRecording`]).
    Stopped,
    /// The caller spoke and then fell silent.
    Silence,
    /// Nothing was ever said.
    NoInput,
    /// The longest time allowed.
    MaxTime,
    /// The caller hung up.
    HungUp,
    /// It cannot be kept: the disk is full or broken.
    Failed,
}

/// What the ticket store says to a code that a caller typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Found: what this caller may hear, as prompts ready to play.
    Found(Found),
    /// The ticket is there, the PIN was not its own.
    WrongPin,
    /// No such ticket, or the check digit is wrong.
    NotFound,
    /// Too many tries: from this number, or from withheld numbers together.
    Exhausted,
    /// The store did not answer.
    Failed,
}

/// What a caller may hear of a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Prompts ready to play.
    pub say: Vec<PromptId>,
    /// The agency has answered, and this caller may hear it.
    pub answered: bool,
    /// The report is this caller's own.
    pub owner: bool,
    /// There is more, for whoever knows the PIN.
    pub sealed: bool,
}

/// What the driver is to do. In order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Play these clips without a gap, then send [`Event::PlayEnded`]. Replaces what is playing.
    Play { id: PlayId, prompts: Vec<PromptId> },
    /// Play back what the caller recorded under this slot, then send [`Event::PlayEnded`].
    PlayRecording { id: PlayId, slot: String },
    /// Stop what is playing, at once (barge-in).
    StopPlaying,
    /// Record under a slot; a second recording under the same slot replaces the first. A slot that holds words is never
    /// used again: the next attempt is called `slot-2`, and so on.
    Record { slot: String, limits: RecordLimits },
    /// End the recording; [`Event::RecordingEnded`] follows.
    StopRecording,
    /// Ask the ticket store about a code (eight digits as typed) and, if one was asked for, a PIN.
    LookUp { code: String, pin: Option<String> },
    /// Open a ticket. `slots` are the recordings that belong to it, the story first.
    Open { class: String, slots: Vec<String> },
    /// An answer given after the ticket was opened, to be added to it: a recording's slot, or a choice made.
    Answer { name: String, value: Answer },
    /// Hand the caller to a person.
    Transfer { to: String },
    /// End the call; the outcome goes into the call's row.
    HangUp { outcome: Outcome },
}

/// What a caller gave in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Something spoken, kept under the slot's name.
    Recording,
    /// A key or digits typed, or the name of the choice.
    Choice(String),
}

/// How long a caller may speak, and be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    pub max: Duration,
    /// Silence after speech that ends the recording.
    pub silence: Duration,
    /// Silence from the start that ends it.
    pub no_input: Duration,
    /// Whether a beep comes first.
    pub beep: bool,
}

/// How a call's dialogue came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The script reached an end step.
    Completed,
    /// The longest time for a call was reached.
    TooLong,
    /// Nothing can be done for this caller now (said to them before).
    Failed,
}

/// One entry of the key path: where the caller was, what they did, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathEntry {
    pub at: Timestamp,
    pub step: String,
    /// `enter`, `key 1`, `no_input`, `no_match`, `recorded`, `hung_up`, ... Never digits of a code or PIN.
    pub what: String,
}
