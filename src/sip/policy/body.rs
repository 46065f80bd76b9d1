//! What a request may carry: a session description, alone or as part of a multipart body.

use super::Reply;
use crate::sip::text::{Request, param};

const SDP: &str = "application/sdp";

/// The session description of a request, if it has one: an `application/sdp` body, or the first such part of a
/// multipart one (RFC 5621). [`super::screen`] has refused bodies without any.
pub fn session_description(request: &Request) -> Option<String> {
    let content_type = request.headers.get("Content-Type")?;
    let body = if is_type(content_type, SDP) {
        request.body
    } else if media_type(content_type).to_ascii_lowercase().starts_with("multipart/") {
        sdp_part(request.body, param(content_type, "boundary")?.trim_matches('"'))?
    } else {
        return None;
    };
    (!body.is_empty()).then(|| match std::str::from_utf8(body) {
        Ok(text) => text.to_owned(),
        // Session names from old exchanges, as in header fields.
        Err(_) => body.iter().map(|b| char::from(*b)).collect(),
    })
}

/// RFC 3261 section 8.2.3, and whether the answer could carry a session description at all.
pub(super) fn check(request: &Request) -> Result<(), Reply> {
    if !matches!(request.method, "INVITE" | "UPDATE") {
        return Ok(());
    }
    check_accept(request)?;
    if request.body.is_empty() {
        return Ok(());
    }
    if request
        .headers
        .elements("Content-Encoding")
        .any(|coding| !coding.eq_ignore_ascii_case("identity"))
    {
        return Err(Reply::new(415, "Unsupported Media Type").with("Accept-Encoding", "identity"));
    }
    if request.headers.get("Content-Type").is_none_or(str::is_empty) {
        return Err(Reply::new(400, "Body without a Content-Type"));
    }
    if session_description(request).is_none() {
        return Err(Reply::new(415, "Unsupported Media Type").with("Accept", SDP));
    }
    Ok(())
}

fn check_accept(request: &Request) -> Result<(), Reply> {
    let accepts_sdp =
        |range: &str| [SDP, "application/*", "*/*"].iter().any(|ours| is_type(range, ours));
    let said = request.headers.get("Accept").is_some();
    if said && !request.headers.elements("Accept").any(accepts_sdp) {
        return Err(Reply::new(406, "Not Acceptable: only application/sdp can be sent"));
    }
    Ok(())
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_type(content_type: &str, wanted: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case(wanted)
}

/// The content of the first part of type `application/sdp` (RFC 2046 section 5.1.1).
fn sdp_part<'b>(body: &'b [u8], boundary: &str) -> Option<&'b [u8]> {
    if boundary.is_empty() {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let mut rest = &body[find(body, delimiter.as_bytes())? + delimiter.len()..];
    while let Some(end) = find(rest, format!("\r\n{delimiter}").as_bytes()) {
        let part = &rest[..end];
        let head_end = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..head_end]);
        let typed = head.lines().filter_map(|line| line.split_once(':')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("content-type") && is_type(value, SDP)
        });
        if typed {
            return Some(&part[head_end + 4..]);
        }
        rest = &rest[end + 2 + delimiter.len()..];
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
