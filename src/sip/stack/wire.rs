//! From rsipstack's messages to the text that the policy, the timers and the identity read.

use rsipstack::sip::{Header, Headers, Request};

use crate::sip::{policy, text};

pub(super) fn headers(headers: &Headers) -> text::Headers<'_> {
    headers.iter().map(|header| (header.name(), header.value())).collect()
}

/// The session description that a message carries.
pub(super) fn session_description(headers: &Headers, body: &[u8]) -> Option<String> {
    let headers = self::headers(headers);
    policy::session_description(&text::Request { method: "", uri: "", version: "", headers, body })
}

pub(super) fn content_type(request: &Request) -> String {
    headers(&request.headers).get("Content-Type").unwrap_or_default().to_owned()
}

/// Whether the sender of these header fields takes requests of this method (RFC 3261 section 20.5).
pub(super) fn allows(headers: &Headers, method: &str) -> bool {
    self::headers(headers).elements("Allow").any(|allowed| allowed.eq_ignore_ascii_case(method))
}

/// Header fields as the timers give them, for rsipstack.
pub(super) fn fields(fields: Vec<(&'static str, String)>) -> impl Iterator<Item = Header> {
    fields.into_iter().map(|(name, value)| rsipstack::sip::headers::make_header(name, value))
}
