//! Finds the session description in a message body.

use rsipstack::sip::{Header, Headers};

/// The body is of a kind that we cannot read: 415 with Accept (RFC 3261 section 8.2.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnsupportedMedia;

/// The first header value with this name, trimmed.
pub(super) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|h| h.name().eq_ignore_ascii_case(name)).map(|h| h.value().trim())
}

/// The Content-Type, in any of its spellings.
pub(super) fn content_type(headers: &Headers) -> Option<&str> {
    headers.iter().find_map(|header| match header {
        Header::ContentType(value) => Some(value.value().trim()),
        _ => None,
    })
}

/// The session description within `body`; `None` when there is no body.
///
/// Carriers that speak ISUP wrap it into `multipart/mixed` (RFC 5621); some old phones send it without a Content-Type.
pub(super) fn session_description(
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Option<String>, UnsupportedMedia> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let content_type = content_type.unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if media_type.eq_ignore_ascii_case("application/sdp")
        || (media_type.is_empty() && body.starts_with(b"v="))
    {
        return Ok(Some(String::from_utf8_lossy(body).into_owned()));
    }
    if media_type.to_ascii_lowercase().starts_with("multipart/") {
        let text = String::from_utf8_lossy(body);
        let boundary = boundary(content_type).ok_or(UnsupportedMedia)?;
        return part_with_sdp(&text, boundary).map(Some).ok_or(UnsupportedMedia);
    }
    Err(UnsupportedMedia)
}

fn boundary(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty()).then_some(value)
    })
}

fn part_with_sdp(body: &str, boundary: &str) -> Option<String> {
    let delimiter = format!("--{boundary}");
    body.split(delimiter.as_str()).skip(1).find_map(|part| {
        let part = part.trim_start_matches(['\r', '\n']);
        let (headers, content) = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n"))?;
        let is_sdp = headers.lines().any(|line| {
            line.split_once(':').is_some_and(|(name, value)| {
                let value = value.split(';').next().unwrap_or("").trim();
                let name = name.trim();
                (name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c"))
                    && value.eq_ignore_ascii_case("application/sdp")
            })
        });
        is_sdp.then(|| format!("{}\r\n", content.trim_end()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

    #[test]
    fn a_plain_description_is_taken_as_it_is() {
        let found = session_description(Some("Application/SDP ; charset=utf-8"), SDP.as_bytes());
        assert_eq!(found, Ok(Some(SDP.to_owned())));
        assert_eq!(session_description(None, SDP.as_bytes()), Ok(Some(SDP.to_owned())));
    }

    #[test]
    fn no_body_or_only_line_ends_is_no_description() {
        assert_eq!(session_description(Some("application/sdp"), b""), Ok(None));
        assert_eq!(session_description(None, b"\r\n"), Ok(None));
    }

    #[test]
    fn the_description_beside_an_isup_part_is_found() {
        let body = format!(
            "--unique-1\r\nContent-Type: application/ISUP; version=itu-t92+\r\n\r\n\u{1}\u{0}I\r\n\
             --unique-1\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--unique-1--\r\n"
        );
        let found =
            session_description(Some("multipart/mixed; boundary=\"unique-1\""), body.as_bytes());
        assert_eq!(found, Ok(Some(SDP.to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_refused_not_guessed() {
        assert_eq!(session_description(Some("text/plain"), b"hello"), Err(UnsupportedMedia));
        assert_eq!(session_description(Some("multipart/mixed"), b"--x"), Err(UnsupportedMedia));
        let without = "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--";
        let found = session_description(Some("multipart/mixed;boundary=x"), without.as_bytes());
        assert_eq!(found, Err(UnsupportedMedia));
    }
}
