//! Digits by SIP INFO, as phones and gateways send them in place of RFC 4733 events.
//!
//! Two bodies are in use: `application/dtmf-relay` (`Signal=5` and `Duration=160` in lines) and
//! `application/dtmf` (the bare key). Neither has an RFC; RFC 6086 names the practice.

/// The key in an INFO body, if that is what it carries.
pub fn digit(content_type: &str, body: &[u8]) -> Option<char> {
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let body = std::str::from_utf8(body).ok()?;
    let key = match kind.as_str() {
        "application/dtmf-relay" => body.lines().find_map(signal)?,
        "application/dtmf" => body.trim(),
        _ => return None,
    };
    key_of(key)
}

/// `Signal= 5` to `5`.
fn signal(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
}

/// One key; some gateways send the event's number (RFC 4733 table 1) for the two that are no digits.
fn key_of(text: &str) -> Option<char> {
    match text {
        "10" => Some('*'),
        "11" => Some('#'),
        _ => {
            let mut chars = text.chars();
            let key = chars.next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'))?;
            chars.next().is_none().then_some(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bodies_give_their_key() {
        assert_eq!(digit("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(digit("Application/DTMF-Relay; x=y", b"Duration=100\nsignal = #\n"), Some('#'));
        assert_eq!(digit("application/dtmf", b" 0 \r\n"), Some('0'));
        assert_eq!(digit("application/dtmf-relay", b"Signal=11\r\n"), Some('#'));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for body in [&b""[..], b"Signal=", b"Signal=A", b"Signal=123", b"\xff\xfe", b"Signal"] {
            assert_eq!(digit("application/dtmf-relay", body), None, "{body:?}");
        }
        assert_eq!(digit("application/media_control+xml", b"5"), None);
    }
}
