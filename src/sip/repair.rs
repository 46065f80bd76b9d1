//! Mends what old exchanges send, before rsipstack's reader would lose it. Pure.

use std::borrow::Cow;

/// What a datagram turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired<'a> {
    /// A double CRLF: answer with one CRLF (RFC 5626 section 4.4.1).
    Ping,
    /// Nothing that SIP knows: an answered ping, blanks, STUN, noise.
    Noise,
    /// One whole message: the header section is UTF-8 in unfolded lines that end in CRLF, Content-Length is the body's.
    Whole(Cow<'a, [u8]>),
    /// A message as far as its header section goes, whose body cannot be had; a request deserves 400.
    Broken { message: Cow<'a, [u8]>, fault: Fault },
}

/// Why the body cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// RFC 3261 section 18.3.
    #[error("Content-Length larger than the body")]
    CutShort,
    #[error("Content-Length is not a number")]
    BadLength,
    #[error("Content-Length given more than once, differently")]
    TwoLengths,
}

/// Mends one datagram.
pub fn repair(datagram: &[u8]) -> Repaired<'_> {
    todo!()
}
