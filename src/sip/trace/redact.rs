//! What must not be kept of a message: passwords, keys of encrypted audio, and what a caller typed.

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// The text of a message without its secrets: the credentials of `Authorization`, the keys of `a=crypto`, and each digit
/// of a body that is no session description (`application/dtmf-relay` and its like carry the keys of a code or PIN).
/// Bytes that are not UTF-8 are taken for Latin-1.
pub fn redact(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    };
    let (head, body) = split(&text);
    let mut clean = String::with_capacity(text.len());
    let mut described = false;
    let mut secret = false;
    for line in head.split_inclusive('\n') {
        let folded = line.starts_with([' ', '\t']);
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = name.trim();
        if !folded {
            secret = is_credential(name);
        }
        match secret {
            true if folded => {}
            true => clean.extend([name, ": ", HIDDEN, "\r\n"]),
            false => clean.push_str(line),
        }
        if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c") {
            described = value.trim_start().to_ascii_lowercase().starts_with("application/sdp");
        }
    }
    if described {
        body.split_inclusive('\n').for_each(|line| clean.push_str(&without_key(line)));
    } else {
        clean.extend(body.chars().map(without_digit));
    }
    clean
}

/// The header section with its empty line, and the body.
fn split(text: &str) -> (&str, &str) {
    let ends = [("\r\n\r\n", 4), ("\n\n", 2)];
    let end = ends.iter().filter_map(|(end, length)| Some(text.find(end)? + length)).min();
    text.split_at(end.unwrap_or(text.len()))
}

fn is_credential(name: &str) -> bool {
    ["authorization", "proxy-authorization"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// RFC 4568: the key follows `inline:`.
fn without_key(line: &str) -> String {
    if !line.starts_with("a=crypto") {
        return line.to_owned();
    }
    match line.split_once("inline:") {
        Some((before, _)) => format!("{before}inline:{HIDDEN}\r\n"),
        None => line.to_owned(),
    }
}

fn without_digit(c: char) -> char {
    if c.is_numeric() || matches!(c, '*' | '#') { 'x' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(content_type: &str, body: &str) -> String {
        redact(format!("INFO sip:112@h SIP/2.0\r\n{content_type}\r\n\r\n{body}").as_bytes())
    }

    #[test]
    fn typed_keys_leave_no_trace_whatever_the_body_is_called() {
        for kind in [
            "Content-Type: application/dtmf-relay",
            "Content-type :application/dtmf",
            "c: application/vnd.nortelnetworks.digits",
            "X: no type at all",
            "Content-Type: multipart/mixed;boundary=1",
        ] {
            let text = info(kind, "Signal=7\r\nDuration=160\r\n");
            assert!(text.ends_with("Signal=x\r\nDuration=xxx\r\n"), "{text}");
        }
        assert!(info("c: application/dtmf", "#").ends_with("\r\n\r\nx"));
        assert!(info("c: application/dtmf", "٤").ends_with("\r\n\r\nx"));
    }

    #[test]
    fn a_session_description_stays_but_for_its_keys() {
        let sdp = "v=0\r\nm=audio 40000 RTP/SAVP 8 101\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n";
        let text = info("Content-Type: application/sdp", sdp);
        assert!(text.contains("m=audio 40000 RTP/SAVP 8 101\r\n"), "{text}");
        assert!(text.ends_with("HMAC_SHA1_80 inline:***\r\n"), "{text}");
    }

    #[test]
    fn credentials_are_hidden_with_their_folded_lines() {
        let text = "INVITE sip:112@h SIP/2.0\r\nProxy-Authorization: Digest username=\"a\",\r\n response=\"beef\"\r\n\
                    AUTHORIZATION : Digest x\nFrom: <sip:a@b>;tag=1\r\n\r\n";
        assert_eq!(
            redact(text.as_bytes()),
            "INVITE sip:112@h SIP/2.0\r\nProxy-Authorization: ***\r\nAUTHORIZATION: ***\r\nFrom: <sip:a@b>;tag=1\r\n\r\n"
        );
    }

    #[test]
    fn what_is_not_utf_8_is_latin_1_and_what_has_no_end_is_all_head() {
        assert_eq!(redact(b"FOO\r\nFrom: Andr\xe9 1"), "FOO\r\nFrom: Andr\u{e9} 1");
        assert_eq!(redact(b""), "");
    }
}
