//! Telephone numbers as they come, made comparable.

use phonenumber::Mode;
use phonenumber::country::Id::ID;

/// The E.164 form (`+6281234567890`) of a caller's or sender's number, a short code as it came (`112`, `14045`), or
/// `None` if it is neither: withheld, a name, noise. National numbers are Indonesian. Hyphens, blanks and brackets are ignored.
pub fn normalise(raw: &str) -> Option<String> {
    let dialled = dialled(raw)?;
    if is_short_code(&dialled) {
        return Some(dialled);
    }
    let number = phonenumber::parse(Some(ID), &dialled).ok()?;
    let whole = number.format().mode(Mode::E164).to_string();
    (number.is_valid() || is_plausible(&whole)).then_some(whole)
}

/// Only digits, with `+` in front of an international number. `00` is turned into `+`: Indonesia's own prefixes (001, 007,
/// 008, ...) are not what trunks and foreign phones send.
fn dialled(raw: &str) -> Option<String> {
    if !raw.chars().all(|c| c.is_ascii_digit() || " -.()/+".contains(c)) || raw.len() > 32 {
        return None;
    }
    let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
    let international = raw.trim_start().starts_with('+');
    match digits.strip_prefix("00") {
        Some(rest) if !international => Some(format!("+{rest}")),
        _ if international => Some(format!("+{digits}")),
        _ => Some(digits),
    }
}

/// Emergency and service numbers, and extensions: too short to be a subscriber's, and never to be prefixed.
fn is_short_code(dialled: &str) -> bool {
    (2..=6).contains(&dialled.len()) && dialled.bytes().all(|b| b.is_ascii_digit())
}

/// Number ranges are opened faster than tables are updated: what fits E.164's bounds is kept even if no table has it.
fn is_plausible(whole: &str) -> bool {
    (9..=16).contains(&whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_spelling_become_one() {
        for (raw, e164) in [
            ("081234567890", "+6281234567890"),
            ("6281234567890", "+6281234567890"),
            ("+62 0812 3456 7890", "+6281234567890"),
            ("+6281234567890", "+6281234567890"),
            ("8123456789", "+628123456789"),
            ("0062 812-3456-7890", "+6281234567890"),
            ("0531-2065020", "+625312065020"),
            ("(0531) 21052", "+6253121052"),
            ("0549 21234", "+6254921234"),
            ("021-5551234", "+62215551234"),
            ("0800 1234567", "+628001234567"),
            ("+1 202-456-1111", "+12024561111"),
            ("0049 30 123456", "+4930123456"),
        ] {
            assert_eq!(normalise(raw).as_deref(), Some(e164), "{raw}");
        }
    }

    #[test]
    fn short_codes_stay_as_they_are() {
        for code in ["112", "110", "113", "118", "119", "1708", "137", "14045", "123", "100"] {
            assert_eq!(normalise(code).as_deref(), Some(code));
        }
    }

    #[test]
    fn names_and_noise_are_no_numbers() {
        for raw in [
            "",
            " ",
            "+",
            "00",
            "-",
            "anonymous",
            "unknown",
            "restricted",
            "BRI-INFO",
            "ani",
            "9",
            "1'; DROP TABLE",
            "+62812345678901234567",
            "9999999999999999999999999999999",
            "\u{0}081",
            "٠٨١٢",
        ] {
            assert_eq!(normalise(raw), None, "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_made_comparable_stays_so(raw in "[0-9 +()./-]{0,20}") {
            if let Some(once) = normalise(&raw) {
                proptest::prop_assert_eq!(normalise(&once), Some(once.clone()));
                proptest::prop_assert!(once.len() <= 16);
            }
        }

        #[test]
        fn any_text_is_taken(raw in ".{0,40}") {
            let _ = normalise(&raw);
        }
    }
}
