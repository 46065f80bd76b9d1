//! SIP (RFC 3261): a [`UserAgent`] yields an [`InboundCall`] for each INVITE that passes the policy.
//!
//! Behind it stands rsipstack; only `stack` and `socket` name it. Session descriptions are text here.

pub mod identity;
pub mod policy;
pub mod repair;
pub mod socket;
pub mod stack;
pub mod text;
pub mod timers;
pub mod trace;

#[cfg(test)]
mod torture;

pub use stack::{
    AnswerError, BindError, Config, Dial, DialError, Dialog, InboundCall, Reoffer, Stats, Trunk,
    UserAgent, source_towards,
};

/// Who calls, as far as SIP tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The user part of the identity's URI, or the number of a `tel:` URI, as it came; `None` when withheld.
    pub number: Option<String>,
    /// Whether a trunk that we trust asserts it (P-Asserted-Identity, RFC 3325); otherwise it is From's.
    pub asserted: bool,
}

/// What happens in an established call.
#[derive(Debug)]
pub enum DialogEvent {
    /// The ACK came. Carries the session description when our 200 carried the offer (RFC 3264, delayed offer).
    Confirmed { answer: Option<String> },
    /// A re-INVITE or UPDATE wants an answer; `offer` is `None` for a bodyless one.
    Reoffered(Reoffer),
    /// INFO, to be taken for a digit or ignored; it has been answered.
    Info { content_type: String, body: Vec<u8> },
    /// The dialog is over: always the last event.
    Ended(EndReason),
}

/// Who or what ended a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The other side sent BYE.
    RemoteBye,
    /// We sent BYE.
    LocalBye,
    /// No ACK within 64*T1; we sent BYE (RFC 3261 section 13.3.1.4).
    NoAck,
    /// The session timer ran out (RFC 4028 section 10).
    SessionExpired,
    /// The caller cancelled before the answer.
    Cancelled,
    /// The transport or the stack failed.
    Failed,
}

/// A refusal of a call or of a new offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 4xx, 5xx or 6xx.
    pub status: u16,
    /// Goes into the Warning header (RFC 3261 section 20.43) and the log: no personal data.
    pub reason: String,
    /// Seconds for Retry-After (RFC 3261 section 20.33).
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// A refusal without Retry-After.
    pub fn new(status: u16, reason: impl Into<String>) -> Refusal {
        Refusal { status, reason: reason.into(), retry_after: None }
    }

    /// Every line is taken.
    pub fn busy(retry_after: u32) -> Refusal {
        Refusal { retry_after: Some(retry_after), ..Refusal::new(486, "every line is taken") }
    }

    /// Something that a call needs is not there just now.
    pub fn unavailable(reason: &str, retry_after: u32) -> Refusal {
        Refusal { retry_after: Some(retry_after), ..Refusal::new(503, reason) }
    }
}

/// Whether new calls are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Open,
    /// The media threads run late, or the program is stopping: 503 with Retry-After.
    Unavailable {
        retry_after: u32,
    },
}
