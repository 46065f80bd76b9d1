//! Offer and answer (RFC 3264) over session descriptions (RFC 8866), as pure functions on text.
//!
//! One audio stream is taken, the first that both sides can carry; every other one is declined in its place.
//! The offerer's order of codecs wins, and one codec is answered, so that it never changes in mid-call.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Media, Session};

use super::{Codec, Direction, Negotiated, SAMPLE_RATE, TelephoneEvent};
use read::{Audio, Events};

/// The longest description that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What this side brings to a session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address that the other side can reach: the advertised one, not the socket's.
    pub address: IpAddr,
    /// The port for RTP.
    pub port: u16,
    /// The port for RTCP if it is not the one after [`port`](Self::port) (RFC 3605).
    pub rtcp_port: Option<u16>,
    /// `sess-id` of the o= line: the same for the whole call, and below 2^63 for old parsers.
    pub session_id: u64,
    /// `sess-version` of the o= line; [`supersede`] counts it on.
    pub version: u64,
    /// What we can carry; the order counts only in our own offers.
    pub codecs: Vec<Codec>,
    /// Whether keys may come as RFC 4733 events.
    pub telephone_event: bool,
}

impl Local {
    /// All that we can carry, at `address`.
    pub fn new(address: SocketAddr, session_id: u64) -> Local {
        Local {
            address: address.ip(),
            port: address.port(),
            rtcp_port: None,
            session_id,
            version: session_id,
            codecs: Codec::ALL.to_vec(),
            telephone_event: true,
        }
    }
}

/// An answer and what it settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The body of the 200.
    pub sdp: String,
    pub negotiated: Negotiated,
}

/// Why a description cannot be taken. Each is a sentence for the Warning or Reason header of a 488: it tells
/// the technician of the other side what to change, and quotes nothing of what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("The session description is longer than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("The session description is not version 0 (RFC 8866)")]
    Version,
    #[error("A c= or m= line of the session description cannot be read")]
    Unreadable,
    #[error("The session description has no audio stream")]
    NoAudio,
    #[error("The audio stream was declined with port 0")]
    Declined,
    #[error("Encrypted audio (SRTP) is not available here: offer RTP/AVP")]
    Encrypted,
    #[error("Audio must be offered as RTP/AVP")]
    Transport,
    #[error("No common codec: offer PCMA or PCMU (G.711)")]
    NoCommonCodec,
    #[error("The audio stream has no c= line")]
    NoAddress,
    #[error("The c= line must hold an IP address instead of a host name")]
    HostName,
    #[error("The c= line must hold a unicast address")]
    NotUnicast,
    #[error("The c= line has an IPv6 address, but only IPv4 is available here")]
    NoIpv6,
    #[error("The c= line has an IPv4 address, but only IPv6 is available here")]
    NoIpv4,
}

impl Rejected {
    /// The `warn-code` of a Warning header (RFC 3261 section 20.43).
    pub fn warning_code(self) -> u16 {
        match self {
            Rejected::HostName | Rejected::NoAddress | Rejected::NoIpv4 | Rejected::NoIpv6 => 301,
            Rejected::Encrypted | Rejected::Transport => 302,
            Rejected::NoAudio | Rejected::Declined => 304,
            Rejected::NoCommonCodec => 305,
            Rejected::NotUnicast => 330,
            Rejected::TooLarge | Rejected::Version | Rejected::Unreadable => 399,
        }
    }
}

/// Answers an offer, the first of a call or a later one.
///
/// An audio stream offered with port 0 is taken only if there is no better: it is answered with port 0 and
/// leaves [`Negotiated::remote`] empty, as a hold with 0.0.0.0 does.
pub fn answer(offer: &str, local: &Local) -> Result<Answered, Rejected> {
    let session = read::parse(offer)?;
    let (taken, audio) = choose(&session, local)?;
    let events = if local.telephone_event { audio.best_events() } else { None };
    let negotiated = settle(&audio, events);

    let media = |(index, offered): (usize, &Media)| {
        if index == taken && audio.port != 0 {
            write::answered(offered, local, &negotiated, events)
        } else {
            write::declined(offered)
        }
    };
    let sdp = write::session(local, session.medias.iter().enumerate().map(media).collect());
    Ok(Answered { sdp, negotiated })
}

/// An offer: for an INVITE of ours, or for the 200 to one that carried none (delayed offer).
pub fn offer(local: &Local) -> String {
    write::session(local, vec![write::offered(local)])
}

/// Takes the answer to an offer of ours.
///
/// A codec or a direction that `our_offer` did not hold is not taken from the answer.
pub fn accept(our_offer: &str, answer: &str, local: &Local) -> Result<Negotiated, Rejected> {
    let ours = read::parse(our_offer)?;
    let (_, ours) = choose(&ours, local)?;
    let offered_events = ours.best_events();
    let offered = Local { codecs: ours.codecs, ..local.clone() };

    let (_, audio) = choose(&read::parse(answer)?, &offered)?;
    if audio.port == 0 {
        return Err(Rejected::Declined);
    }
    let events = audio.best_events().filter(|_| offered_events.is_some());
    let mut negotiated = settle(&audio, events);
    negotiated.direction = intersect(negotiated.direction, ours.direction);
    if let (Some(agreed), Some(offered)) = (&mut negotiated.telephone_event, offered_events) {
        agreed.offered = offered.payload_type;
    }
    Ok(negotiated)
}

/// `next` with the o= version that follows from `previous`: the same if nothing else differs, one more if
/// something does (RFC 3264 section 8). Both are descriptions of ours.
pub fn supersede(previous: &str, next: &str) -> String {
    let Some(version) = write::version(previous) else { return next.to_owned() };
    let same = write::with_version(next, version);
    if same == previous { same } else { write::with_version(next, version.saturating_add(1)) }
}

/// The stream to take, and its place: the first usable one, else the first usable one with port 0. If there
/// is none, the error is that of the first audio stream.
fn choose(session: &Session, local: &Local) -> Result<(usize, Audio), Rejected> {
    let mut disabled = None;
    let mut error = None;
    for (index, media) in session.medias.iter().enumerate() {
        match read::audio(session, media, local) {
            Ok(audio) if audio.port != 0 => return Ok((index, audio)),
            Ok(audio) => disabled = disabled.or(Some((index, audio))),
            Err(Rejected::NoAudio) => {}
            Err(why) => error = error.or(Some(why)),
        }
    }
    disabled.ok_or(error.unwrap_or(Rejected::NoAudio))
}

fn settle(audio: &Audio, events: Option<Events>) -> Negotiated {
    Negotiated {
        remote: audio.remote,
        remote_rtcp: audio.remote_rtcp,
        codec: audio.codec,
        payload_type: audio.payload_type,
        telephone_event: events.map(|e| TelephoneEvent {
            payload_type: e.payload_type,
            offered: e.payload_type,
            clock: e.clock,
        }),
        direction: our_direction(audio),
        ptime: audio.ptime,
    }
}

/// What we may do, given what the other side says that it does (RFC 3264 section 6.1). Towards 0.0.0.0, the
/// older form of hold, nothing may be sent (RFC 3264 section 8.4).
fn our_direction(audio: &Audio) -> Direction {
    let allowed = match (audio.port, audio.remote) {
        (0, _) => Direction::Inactive,
        (_, None) => Direction::RecvOnly,
        (_, Some(_)) => Direction::SendRecv,
    };
    intersect(allowed, reverse(audio.direction))
}

fn reverse(direction: Direction) -> Direction {
    match direction {
        Direction::SendOnly => Direction::RecvOnly,
        Direction::RecvOnly => Direction::SendOnly,
        both_or_none => both_or_none,
    }
}

fn intersect(a: Direction, b: Direction) -> Direction {
    use Direction::{Inactive, SendRecv};
    match (a, b) {
        (SendRecv, other) | (other, SendRecv) => other,
        (a, b) if a == b => a,
        _ => Inactive,
    }
}

/// The encoding name of RFC 3551.
fn encoding_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcma => "PCMA",
        Codec::Pcmu => "PCMU",
    }
}

/// The payload type that needs no rtpmap (RFC 3551 section 6).
fn static_payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcma => 8,
        Codec::Pcmu => 0,
    }
}
