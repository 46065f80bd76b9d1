//! A SIP message as text (RFC 3261 section 7): start line, header fields, body. No more is read than is needed.
//!
//! rsipstack's own reader drops what it cannot type (unknown methods, odd header fields) without a word; the
//! policy must still answer those, so it reads for itself. Borrowed throughout: one pass, no copies but of folded lines.

use std::borrow::Cow;

pub use params::{is_token, param, params, split_outside};
pub use uri::{NameAddr, Uri, unescape};

mod params;
mod uri;

/// The header fields of a message, in order. Names compare without case, and the compact forms are the long ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Headers<'a> {
    /// The first value under `name` (the long form, such as `Call-ID`).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every header field called `name`, in order; comma lists are not split.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Every element of the comma-separated lists under `name`, trimmed, none empty.
    pub fn elements<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.all(name)
            .flat_map(|value| split_outside(value, ','))
            .map(str::trim)
            .filter(|e| !e.is_empty())
    }

    /// Every header field with its long name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (long_form(name), value.as_ref()))
    }

    fn push(&mut self, name: &'a str, value: Cow<'a, str>) {
        self.0.push((name, value));
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(fields: I) -> Headers<'a> {
        Headers(fields.into_iter().map(|(name, value)| (name, Cow::Borrowed(value))).collect())
    }
}

/// A request, not yet judged: any part may be nonsense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    /// `SIP/2.0`, or whatever stood in its place.
    pub version: &'a str,
    pub headers: Headers<'a>,
    pub body: &'a [u8],
}

/// A response, not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// 100..=699.
    pub status: u16,
    pub headers: Headers<'a>,
}

/// What a datagram holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    Request(Request<'a>),
    Response(Response<'a>),
}

/// Why the bytes are no SIP message at all; there is nobody to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSip {
    #[error("the header section does not end in an empty line")]
    NoEmptyLine,
    #[error("the header section is not UTF-8")]
    NotUtf8,
    #[error("the first line is neither a request line nor a status line")]
    StartLine,
}

/// Reads a message whose lines end in CRLF and whose header section is UTF-8, as [`super::repair`] leaves them.
/// The body is everything after the empty line.
pub fn read(bytes: &[u8]) -> Result<Message<'_>, NotSip> {
    let end = head_end(bytes).ok_or(NotSip::NoEmptyLine)?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| NotSip::NotUtf8)?;
    let (start, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    let headers = read_headers(rest);
    if start.starts_with("SIP/") {
        return Ok(Message::Response(Response { status: read_status(start)?, headers }));
    }
    let (method, rest) = start.split_once(' ').ok_or(NotSip::StartLine)?;
    // A line that does not end in a version is a request all the same: one to be told so.
    let (uri, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    if !is_token(method) {
        return Err(NotSip::StartLine);
    }
    Ok(Message::Request(Request { method, uri, version, headers, body: &bytes[end + 4..] }))
}

/// Where the header section ends and its empty line begins.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n")
}

fn read_status(line: &str) -> Result<u16, NotSip> {
    let code = line.strip_prefix("SIP/2.0 ").ok_or(NotSip::StartLine)?;
    let code = code.split(' ').next().unwrap_or_default();
    match code.parse() {
        Ok(status @ 100..=699) if code.len() == 3 => Ok(status),
        _ => Err(NotSip::StartLine),
    }
}

fn read_headers(section: &str) -> Headers<'_> {
    let mut headers = Headers::default();
    for line in section.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.0.last_mut() {
                let unfolded = value.to_mut();
                unfolded.push(' ');
                unfolded.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push(name.trim_end(), Cow::Borrowed(value.trim()));
        }
    }
    headers
}

/// The long form of a compact header field name (RFC 3261 section 7.3.3 and the IANA registry).
fn long_form(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => name,
    }
}
