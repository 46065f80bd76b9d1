//! Requests to gateways, and what their answers have in common.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Call, Sent};
use crate::sms::segment::{Alphabet, size};

/// All but what RFC 3986 leaves alone everywhere.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value inside an address or a form.
pub fn escaped(value: &str) -> String {
    utf8_percent_encode(value, ESCAPED).to_string()
}

/// `a=1&b=2`
pub fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(k, v)| format!("{}={}", escaped(k), escaped(v))).collect();
    pairs.join("&")
}

/// An address with more behind it.
pub fn with_query(url: &str, query: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{query}")
}

pub fn post_form(url: &str, fields: &[(&str, &str)]) -> Call {
    let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
    Call {
        method: "POST",
        url: url.to_owned(),
        headers: vec![kind],
        body: form(fields).into_bytes(),
    }
}

pub fn post_json(url: &str, body: &Value) -> Call {
    let kind = ("content-type", "application/json".to_owned());
    Call {
        method: "POST",
        url: url.to_owned(),
        headers: vec![kind],
        body: body.to_string().into_bytes(),
    }
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

impl Call {
    pub(super) fn header(mut self, name: &'static str, value: String) -> Call {
        self.headers.push((name, value));
        self
    }

    pub(super) fn basic(self, user: &str, password: &str) -> Call {
        self.header("authorization", format!("Basic {}", base64(format!("{user}:{password}"))))
    }
}

/// Whether a text needs UCS-2.
pub fn is_unicode(text: &str) -> bool {
    size(text).alphabet == Alphabet::Ucs2
}

/// E.164 without its sign.
pub fn digits(to: &str) -> &str {
    to.trim_start_matches('+')
}

/// The message was not taken. What is wrong with our account, with the address in the file, or with the gateway can be
/// mended, and the message then goes out; only what is wrong with the message itself cannot.
pub fn failed(status: u16, reason: &str) -> Sent {
    let reason = format!("{status} {}", told(reason)).trim_end().to_owned();
    match status {
        400 | 406 | 409 | 410 | 413..=415 | 422 => Sent::Refused { reason },
        _ => Sent::Later { reason },
    }
}

/// A gateway that always tells an id has taken the message only if it does: all else is somebody's error page.
pub fn with_id(id: Option<String>) -> Sent {
    match id {
        Some(id) => Sent::Accepted { gateway_id: Some(id) },
        None => Sent::Later { reason: "an answer without an id".into() },
    }
}

/// A gateway's words: one short line, without telephone numbers, for it is logged and shown.
pub fn told(reason: &str) -> String {
    let line = reason.trim().lines().next().unwrap_or_default();
    let (mut told, mut digits) = (String::new(), String::new());
    for letter in line.chars().filter(|letter| !letter.is_control()).chain([' ']).take(120) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        told.push_str(if digits.len() > 8 { "..." } else { &digits });
        told.push(letter);
        digits.clear();
    }
    told.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_short_and_name_nobody() {
        assert_eq!(told("  Invalid number +6281234567890!\nmore"), "Invalid number +...!");
        assert_eq!(told("error 21211"), "error 21211");
        assert_eq!(told("ke 081234567890"), "ke ...");
        assert!(told(&"x".repeat(5000)).len() <= 120);
        // A number that the limit cuts off is not shown by halves.
        assert!(!told(&format!("{}6281234567890", "x ".repeat(57))).contains("62"));
    }

    #[test]
    fn only_the_message_s_own_faults_are_final() {
        for status in [400, 413, 422] {
            assert!(matches!(failed(status, ""), Sent::Refused { .. }), "{status}");
        }
        for status in [0, 302, 401, 402, 403, 404, 408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(failed(status, ""), Sent::Later { .. }), "{status}");
        }
        assert_eq!(failed(401, ""), Sent::Later { reason: "401".into() });
    }
}
