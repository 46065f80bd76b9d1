//! Who calls: P-Asserted-Identity where a trusted trunk vouches for it (RFC 3325), else From; nobody where Privacy asks (RFC 3323).

use super::Caller;
use super::text::Headers;

/// The caller of an INVITE with these header fields; `trusted` if it came from a trunk whose word we take.
pub fn caller(headers: &Headers, trusted: bool) -> Caller {
    todo!()
}
