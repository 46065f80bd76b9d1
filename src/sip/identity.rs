//! Who calls: P-Asserted-Identity where a trusted trunk vouches for it (RFC 3325), else From; nobody where Privacy asks (RFC 3323).

use super::Caller;
use super::text::{Headers, NameAddr, Uri, unescape};

/// Longer than any number, and than any name a person would answer to; beyond it the text is an attack.
const LONGEST: usize = 64;

/// Names that say that the caller withholds the number.
const WITHHELD: [&str; 7] =
    ["anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "invalid"];

/// The caller of an INVITE with these header fields; `trusted` if it came from a trunk whose word we take.
///
/// A caller who asks not to be known is not known, whatever a trunk says besides: with `Privacy: id`, `user` or `header`,
/// or an anonymous From, the number is `None` and nothing is asserted. It costs that caller the SMS with the code, and
/// keeps the promise that the caller was given.
pub fn caller(headers: &Headers, trusted: bool) -> Caller {
    if wants_privacy(headers) {
        return Caller::default();
    }
    // Only the first identity that is a telephone address counts: a trunk may add a second one as tel:.
    let asserted = headers.elements("P-Asserted-Identity").filter(|_| trusted).find_map(number);
    match asserted {
        Some(number) => Caller { number: Some(number), asserted: true },
        None => Caller { number: headers.get("From").and_then(number), asserted: false },
    }
}

fn wants_privacy(headers: &Headers) -> bool {
    let asked = headers.all("Privacy").flat_map(|value| value.split([';', ','])).map(str::trim);
    let hides =
        |value: &str| ["id", "user", "header"].iter().any(|p| value.eq_ignore_ascii_case(p));
    asked.into_iter().any(hides) || headers.get("From").is_some_and(is_anonymous)
}

fn is_anonymous(from: &str) -> bool {
    let Some(address) = NameAddr::read(from) else { return false };
    let Some(uri) = Uri::read(address.uri) else { return false };
    let invalid_host = uri.host.to_ascii_lowercase().ends_with("anonymous.invalid");
    let name = address.display_name.trim_matches('"').trim();
    invalid_host || name.eq_ignore_ascii_case("anonymous") || is_withheld(uri.user)
}

fn is_withheld(user: &str) -> bool {
    WITHHELD.iter().any(|word| user.eq_ignore_ascii_case(word))
}

/// The user part or number of an address, unescaped, as long as it is printable text of a sane length.
fn number(address: &str) -> Option<String> {
    let uri = Uri::read(NameAddr::read(address)?.uri)?;
    if !uri.is_sip() && !uri.is_tel() {
        return None;
    }
    // `sip:+62812;npdi@host`: parameters of a telephone number may ride in the user part (RFC 3261 section 19.1.6).
    let user = unescape(uri.user.split(';').next()?)?;
    let sane = !user.is_empty() && user.len() <= LONGEST && !user.contains(char::is_control);
    (sane && !is_withheld(&user)).then_some(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)], trusted: bool) -> (Option<String>, bool) {
        let caller = caller(&fields.iter().copied().collect(), trusted);
        (caller.number, caller.asserted)
    }

    fn from(value: &str) -> Option<String> {
        of(&[("From", value)], false).0
    }

    #[test]
    fn the_number_is_the_user_part_as_it_came() {
        for (value, number) in [
            ("<sip:081234567890@10.0.0.1>;tag=1", "081234567890"),
            ("\"Bpk. Budi, S.Kom <x>\" <sip:+62-812@h;user=phone>;tag=1", "+62-812"),
            ("<tel:+62-812-3456;phone-context=+62>;tag=1", "+62-812-3456"),
            ("sip:112@h;tag=1", "112"),
            ("<sip:+62812;npdi=yes:secret@h>", "+62812"),
            ("<sips:%2B62812@[::1]:5061>", "+62812"),
            ("\"\" <sip:ani@h>", "ani"),
        ] {
            assert_eq!(from(value).as_deref(), Some(number), "{value}");
        }
    }

    #[test]
    fn nobody_is_known_by_hostile_or_empty_text() {
        let long = format!("<sip:{}@h>", "9".repeat(65));
        for value in [
            "",
            "<>",
            "<sip:h>",
            "<sip:@h>",
            "<http://h/a@b>",
            "<sip:a%00b@h>",
            "<sip:a%0d%0aTo: x@h>",
            "<sip:%zz@h>",
            "<sip:%4@h>",
            "<sip:%ff@h>",
            "\"a <sip:a@b>",
            "mailto:a@b",
            &long,
        ] {
            assert_eq!(from(value), None, "{value}");
        }
    }

    #[test]
    fn a_withheld_number_is_nobodys() {
        for value in [
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1",
            "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=1",
            "<sip:Unavailable@10.0.0.1>",
            "<sip:+62812@anonymous.invalid>",
            "<sip:restricted@h>",
        ] {
            assert_eq!(from(value), None, "{value}");
            let asserted = [("From", value), ("P-Asserted-Identity", "<sip:+62812@h>")];
            assert_eq!(of(&asserted, true), (None, false), "{value}");
        }
    }

    #[test]
    fn only_a_trusted_trunk_asserts() {
        let fields = [
            ("From", "<sip:100@h>"),
            ("P-Asserted-Identity", "\"A, B\" <sip:+62812@h>, <tel:+62813>"),
        ];
        assert_eq!(of(&fields, true), (Some("+62812".into()), true));
        assert_eq!(of(&fields, false), (Some("100".into()), false));
        let other = [
            ("From", "<sip:100@h>"),
            ("P-Asserted-Identity", "<urn:x>"),
            ("P-Asserted-Identity", "tel:+62813"),
        ];
        assert_eq!(of(&other, true), (Some("+62813".into()), true));
        assert_eq!(of(&[("From", "<sip:100@h>")], true), (Some("100".into()), false));
    }

    #[test]
    fn privacy_is_kept_even_from_a_trunk() {
        for privacy in ["id", "user;id", "header", "critical; ID"] {
            let fields = [
                ("From", "<sip:1@h>"),
                ("P-Asserted-Identity", "<sip:+62812@h>"),
                ("Privacy", privacy),
            ];
            assert_eq!(of(&fields, true), (None, false), "{privacy}");
        }
        for privacy in ["none", "history", "session"] {
            let fields = [("f", "<sip:1@h>"), ("Privacy", privacy)];
            assert_eq!(of(&fields, true), (Some("1".into()), false), "{privacy}");
        }
    }
}
