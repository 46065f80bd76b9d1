//! Named values, however they were posted: in the address, as a form, as the members of a JSON object. And times.

use percent_encoding::percent_decode;
use serde_json::Value;

use super::encoding::decode;
use super::{Malformed, Request, json};
use crate::clock::Timestamp;

/// Names and raw values, in their order.
pub struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    /// Of an address.
    pub fn of_query(query: &str) -> Fields {
        Fields::of_form(query.as_bytes())
    }

    /// Of a form. The charset is left to who asks: only the values know it.
    pub fn of_form(form: &[u8]) -> Fields {
        let pair = |pair: &[u8]| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(end + 1..).unwrap_or_default();
            (decode(&unescaped(&pair[..end]), None), unescaped(value))
        };
        Fields(form.split(|byte| *byte == b'&').filter(|p| !p.is_empty()).map(pair).collect())
    }

    /// Of an address and the body behind it.
    pub fn of(request: &Request<'_>) -> Result<Fields, Malformed> {
        let mut fields = Fields::of_query(request.query);
        fields.0.extend(Fields::of_body(request)?.0);
        Ok(fields)
    }

    /// Of a body, form or JSON.
    pub fn of_body(request: &Request<'_>) -> Result<Fields, Malformed> {
        let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if kind.contains("json") || request.body.trim_ascii_start().starts_with(b"{") {
            return json::parse(request.body).map(|value| Fields::of_object(&value));
        }
        Ok(Fields::of_form(request.body))
    }

    /// Of an object; members that are lists or objects are left out.
    fn of_object(value: &Value) -> Fields {
        let members = value.as_object().into_iter().flatten();
        let plain = members.filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.clone(), text.clone().into_bytes())),
            Value::Number(_) | Value::Bool(_) => {
                Some((name.clone(), value.to_string().into_bytes()))
            }
            _ => None,
        });
        Fields(plain.collect())
    }

    /// A value as it came; the first of that name.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// A value as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| decode(value, None))
    }

    /// A value that means nothing when it is empty, without the blanks around it.
    pub fn word(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The same of a field that must be there.
    pub fn needed(&self, name: &'static str) -> Result<String, Malformed> {
        self.word(name).ok_or(Malformed::Missing(name))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

fn unescaped(value: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = value.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).collect()
}

/// Seconds since 1970.
pub fn epoch(seconds: &str) -> Option<Timestamp> {
    let seconds: i64 = seconds.trim().parse().ok()?;
    seconds.checked_mul(1000).map(Timestamp)
}

/// A date and time with its offset (`2026-11-26T10:00:00.000+0700` as well).
pub fn moment(text: &str) -> Option<Timestamp> {
    let strict = text.parse::<jiff::Timestamp>().ok();
    let loose = || jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok();
    strict.or_else(loose).map(|moment| Timestamp(moment.as_millisecond()))
}

/// A date and time of a clock that is so many hours ahead of UTC.
pub fn local(text: &str, hours: i8) -> Option<Timestamp> {
    let read: jiff::civil::DateTime = text.trim().parse().ok()?;
    let moment = jiff::tz::Offset::constant(hours).to_timestamp(read).ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_taken_apart_with_all_their_escapes() {
        let fields = Fields::of_form(b"a=1+2%2B3&&b&=x&c=%E9%zz&a=2&%61b=%00");
        assert_eq!(fields.text("a").as_deref(), Some("1 2+3"));
        assert_eq!(fields.raw("b"), Some(&b""[..]));
        assert_eq!(fields.word("b"), None);
        assert_eq!(fields.text("c").as_deref(), Some("é%zz"));
        assert_eq!(fields.raw("ab"), Some(&b"\0"[..]));
        assert_eq!(fields.iter().count(), 6);
    }

    #[test]
    fn times_are_read_in_the_spellings_of_gateways() {
        let ten = Some(Timestamp(1_795_662_000_000));
        for text in [
            "2026-11-26T03:00:00Z",
            "2026-11-26T10:00:00.000+07:00",
            "2026-11-26T03:00:00.000+0000",
            "2026-11-26T10:00:00+0700",
        ] {
            assert_eq!(moment(text), ten, "{text}");
        }
        assert_eq!(local("2026-11-26 03:00:00", 0), ten);
        assert_eq!(local("2026-11-26 10:00:00", 7), ten);
        assert_eq!(epoch("1795662000"), ten);
        assert_eq!(
            (moment("kemarin"), local("", 7), epoch("9999999999999999999")),
            (None, None, None)
        );
        assert_eq!(epoch("9223372036854775807"), None);
    }
}
