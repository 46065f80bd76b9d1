//! Audio: what was agreed on (SDP), what travels (RTP), what is heard, said and kept.
//!
//! An [`Engine`] owns one or two threads that carry every call's packets; a [`Leg`] is one call's handle on it.

pub mod codec;
pub mod engine;
pub mod inband;
pub mod jitter;
pub mod opus;
pub mod prompt;
pub mod recorder;
pub mod sdp;
pub mod session;
pub mod silence;
pub mod telephone_event;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use codec::Codec;
pub use engine::{Engine, Leg};
pub use prompt::Clip;

/// Samples a second of everything in here (RFC 3551: PCMA and PCMU run at 8000 Hz).
pub const SAMPLE_RATE: u32 = 8000;

/// Which way audio flows, seen from this side (RFC 3264 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

/// What two session descriptions agree on: all that the packets need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Where the other side wants its audio; `None` while it holds with 0.0.0.0 or port 0.
    pub remote: Option<SocketAddr>,
    /// Where it wants RTCP, when it says so or by the rule of the next port (RFC 3605).
    pub remote_rtcp: Option<SocketAddr>,
    pub codec: Codec,
    /// The payload type to send; the offerer's number (RFC 3264 section 6.1).
    pub payload_type: u8,
    /// telephone-event, if both sides have it (RFC 4733).
    pub telephone_event: Option<TelephoneEvent>,
    /// What this side may do.
    pub direction: Direction,
    /// Milliseconds of audio in each packet we send.
    pub ptime: u8,
}

/// The payload type and clock of RFC 4733 events on this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// The payload type to send: the other side's number.
    pub payload_type: u8,
    /// The number of our offer, if it was ours: an answer with another one leaves open which of the two comes (RFC 3264
    /// section 6.1 says this one, phones send either). The same as the other where theirs was the offer.
    pub offered: u8,
    /// Hz; 8000 nearly always, some phones offer others.
    pub clock: u32,
}

/// Names one playback on a leg.
pub type PlayTag = u32;

/// Names one recording on a leg.
pub type RecordTag = u32;

/// A recording to make.
#[derive(Clone, Debug)]
pub struct RecordSpec {
    pub tag: RecordTag,
    /// The WAV to write: 8 kHz, mono, 16 bits.
    pub path: PathBuf,
    pub max: Duration,
    /// Silence after speech that ends it; `None`: never.
    pub silence: Option<Duration>,
    /// Silence from the start that ends it; `None`: never.
    pub no_input: Option<Duration>,
    /// Played to the caller before the first sample is kept.
    pub beep: Option<Arc<Clip>>,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordEnd {
    Stopped,
    Silence,
    NoInput,
    MaxTime,
    /// The leg was closed under it.
    Closed,
    /// The file could not be written.
    Failed(std::io::ErrorKind),
}

/// What a recording holds once it has ended; the file is complete on disk when this is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub tag: RecordTag,
    pub path: PathBuf,
    pub ended_by: RecordEnd,
    /// Length of the file.
    pub duration: Duration,
    /// How much of it is speech, by the level gate.
    pub speech: Duration,
}

/// What a leg tells the call.
#[derive(Clone, Debug, PartialEq)]
pub enum LegEvent {
    /// The first valid packet came, from this address; packets now go there (symmetric RTP, RFC 4961).
    Latched(SocketAddr),
    /// A key was pressed, told once however many packets carried it.
    Digit(char),
    /// A playback came to its end by itself.
    PlayEnded(PlayTag),
    /// A recording ended and its file is complete.
    Recorded(Recorded),
    /// No packet for the configured time while the call was not on hold.
    RtpTimeout,
    /// The other side sent RTCP BYE.
    RtcpBye,
    /// The leg is gone: always the last event.
    Closed(LegStats),
}

/// Figures of a whole leg.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LegStats {
    pub packets_sent: u64,
    pub packets_received: u64,
    /// By sequence numbers (RFC 3550 A.3); reordered and duplicate packets do not count.
    pub packets_lost: u64,
    /// Interarrival jitter in milliseconds (RFC 3550 6.4.1).
    pub jitter_ms: f32,
    pub digits: u32,
    /// Packets dropped: not RTP, a stranger's, an unknown payload type.
    pub packets_refused: u64,
}
