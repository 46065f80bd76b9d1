//! The codecs of a call.

/// An audio codec that a call may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 A-law (RFC 3551, payload type 8).
    Pcma,
    /// G.711 mu-law (RFC 3551, payload type 0).
    Pcmu,
}
