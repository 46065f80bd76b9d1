//! What is answered before any transaction exists: requests that RFC 3261 section 8.2 refuses, and rsipstack lets through
//! or drops without a word. Pure; [`Gate`] adds the memory for merged requests and is shared by all transports.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Instant;

use super::text::Request;

/// The methods we serve, as the Allow header field lists them.
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE";
/// The option tags we understand (RFC 3261 section 19.2), as the Supported header field lists them.
pub const SUPPORTED: &str = "timer";

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let the stack have it.
    Pass,
    /// Say nothing: it is an ACK, or nobody could be answered.
    Drop,
    /// Refuse it, without a transaction (RFC 3261 section 8.2.7).
    Reply(Reply),
}

/// A refusal in the making; [`stateless_response`] writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 4xx or 5xx.
    pub status: u16,
    /// The reason phrase: says what is wrong, for whoever reads the trace at the other end.
    pub phrase: Cow<'static, str>,
    /// Header fields beyond those that every response copies, such as `Unsupported`.
    pub headers: Vec<(&'static str, String)>,
}

/// What is known of the dialog that a request with a To tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Not looked up; the stack will.
    Unknown,
    Exists,
    Absent,
}

/// What a request is judged by beyond its own text.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub dialog: Dialog,
    /// The hosts by which requests may call us; empty when any will do. Max-Forwards 0 matters only to the others.
    pub hosts: &'a [String],
    /// Another request of the same tag, Call-ID and CSeq came by another way (RFC 3261 section 8.2.2.2).
    pub merged: bool,
}

/// Judges a request by RFC 3261 section 8.2, before any transaction exists.
pub fn screen(request: &Request, facts: &Facts) -> Verdict {
    todo!()
}

/// Writes the response to `request` (RFC 3261 section 8.2.6), with `received` and `rport` of `source` in the top Via
/// (RFC 3581) and a To tag that stays the same for every retransmission. `None` if the request lacks what a response copies.
pub fn stateless_response(
    request: &Request,
    source: Option<SocketAddr>,
    reply: &Reply,
) -> Option<String> {
    todo!()
}

/// [`screen`] with a memory for merged requests; one for all transports.
pub struct Gate {}

impl Gate {
    /// `hosts` as in [`Facts`].
    pub fn new(hosts: Vec<String>) -> Gate {
        todo!()
    }

    /// Judges a request that came from the network at `now`.
    pub fn screen(&self, request: &Request, dialog: Dialog, now: Instant) -> Verdict {
        todo!()
    }
}

/// The session description of a request, if it has one: an `application/sdp` body, or the first such part of a
/// multipart one (RFC 5621). [`screen`] has refused bodies it cannot find one in.
pub fn session_description(request: &Request) -> Option<String> {
    todo!()
}

impl Reply {
    /// The refusal of a new call while the house is full or closing; `None` when it is open.
    pub fn busy(admission: super::Admission) -> Option<Reply> {
        todo!()
    }
}
