//! JSON as gateways write it.

use serde_json::Value;

use super::encoding::decode;
use super::fields::moment;
use super::{Malformed, Request};
use crate::clock::Timestamp;

/// Reads a body. Letters that were cut in half by a gateway (one surrogate without the other) are mended: a message is not
/// lost for an emoji. The error tells where, never what.
pub fn parse(body: &[u8]) -> Result<Value, Malformed> {
    let text = decode(body, None);
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&mended(&text)))
        .map_err(|error| Malformed::Json { line: error.line(), column: error.column() })
}

/// Reads a request's body.
pub fn of(request: &Request<'_>) -> Result<Value, Malformed> {
    parse(request.body)
}

/// Lone surrogates replaced by the sign for letters that cannot be shown.
fn mended(json: &str) -> String {
    let (mut mended, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let (kept, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&escape[..12], 12),
            (Some(0xd800..=0xdfff), _) => ("\\ufffd", 6),
            _ => {
                let escaped = escape[1..].chars().next().map_or(0, char::len_utf8);
                (&escape[..1 + escaped], 1 + escaped)
            }
        };
        mended.push_str(kept);
        rest = &escape[length..];
    }
    mended + rest
}

/// The number in `\u0041`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

/// A member's text, as it is.
pub fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// A member that means nothing when it is empty, without the blanks around it; numbers are taken as well.
pub fn word(value: &Value, name: &str) -> Option<String> {
    let word = match value.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!word.is_empty()).then_some(word)
}

/// The same of a member that must be there.
pub fn needed(value: &Value, name: &'static str) -> Result<String, Malformed> {
    word(value, name).ok_or(Malformed::Missing(name))
}

/// A member's time.
pub fn time(value: &Value, name: &str) -> Option<Timestamp> {
    moment(value.get(name)?.as_str()?)
}

/// A member's list; empty if it is none.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_letters_do_not_cost_the_message() {
        let read = |json: &str| text(&parse(json.as_bytes()).unwrap(), "t").unwrap();
        assert_eq!(read(r#"{"t":"a\ud83d"}"#), "a\u{fffd}");
        assert_eq!(read(r#"{"t":"\ude00b\ud83d\ud83d\ude00"}"#), "\u{fffd}b\u{fffd}😀");
        // An escaped backslash before a "u" is no escape.
        assert_eq!(read(r#"{"t":"\\ud83d\ud83d é\n"}"#), "\\ud83d\u{fffd} é\n");
    }

    #[test]
    fn latin_1_is_read_and_an_error_tells_only_where() {
        assert_eq!(text(&parse(b"{\"t\":\"caf\xe9\"}").unwrap(), "t").as_deref(), Some("café"));
        let error = parse(br#"{"t": rahasia}"#).unwrap_err();
        assert_eq!(error.to_string(), "line 1, column 7: not JSON");
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
