//! The code that a caller writes down: eight digits, the last one a check digit.
//!
//! Seven digits are drawn at random, so that a code tells nothing about how many reports there are and cannot be
//! guessed from another one; the eighth is the Damm check digit (H. M. Damm, 2004), which catches every single wrong
//! digit and every swap of two neighbours. Digits only: they can be heard, typed on a keypad and sent by SMS.

use std::fmt;
use std::str::FromStr;

use rand::{CryptoRng, RngExt};
use serde::{Deserialize, Serialize};

/// A well-formed ticket code. Shown as `4821-7362`; stored and sent as `48217362`.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub struct TicketCode(String);

/// Why a text is no ticket code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Something other than digits, spaces, dashes and dots.
    #[error("a ticket code has digits only")]
    NotDigits,
    /// Digits, but not eight of them.
    #[error("a ticket code has {} digits, not {got}", TicketCode::LENGTH)]
    Length { got: usize },
    /// Codes begin with 2 to 9, so that none looks like a short code such as 110 or 112.
    #[error("a ticket code does not begin with 0 or 1")]
    FirstDigit,
    /// The check digit does not fit: at least one digit was misheard or mistyped.
    #[error("the check digit of the ticket code is wrong")]
    CheckDigit,
}

impl TicketCode {
    /// Digits in a code, check digit included.
    pub const LENGTH: usize = 8;

    /// Draws a code. The generator must be cryptographic: the next code must not follow from the last ones.
    ///
    /// Codes that are hard to hear or easy to take for something else are passed over; some 7.5 million
    /// of the 8 million possible ones remain.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> TicketCode {
        loop {
            let body: u32 = rng.random_range(2_000_000..10_000_000);
            let digits = format!("{body}{}", check_digit(&body.to_string()));
            if is_clear(digits.as_bytes()) {
                return TicketCode(digits);
            }
        }
    }

    /// Reads a code as people write it: spaces, dashes and dots between the digits are passed over.
    pub fn parse(text: &str) -> Result<TicketCode, CodeError> {
        let digits: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '\u{2010}'..='\u{2015}'))
            .take(2 * TicketCode::LENGTH)
            .collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CodeError::NotDigits);
        }
        if digits.len() != TicketCode::LENGTH {
            return Err(CodeError::Length { got: digits.len() });
        }
        if digits.starts_with(['0', '1']) {
            return Err(CodeError::FirstDigit);
        }
        // The Damm digit of a number followed by its own check digit is 0.
        if check_digit(&digits) != 0 {
            return Err(CodeError::CheckDigit);
        }
        Ok(TicketCode(digits))
    }

    /// The eight digits with nothing between them.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (front, back) = self.0.split_at_checked(4).unwrap_or((&self.0, ""));
        write!(f, "{front}-{back}")
    }
}

impl FromStr for TicketCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<TicketCode, CodeError> {
        TicketCode::parse(text)
    }
}

impl TryFrom<String> for TicketCode {
    type Error = CodeError;

    fn try_from(text: String) -> Result<TicketCode, CodeError> {
        TicketCode::parse(&text)
    }
}

impl From<TicketCode> for String {
    fn from(code: TicketCode) -> String {
        code.0
    }
}

/// The Damm check digit of a text of ASCII digits.
fn check_digit(digits: &str) -> u8 {
    digits.bytes().fold(0, |interim, d| DAMM[usize::from(interim)][usize::from(d - b'0')])
}

/// Whether a code is easy to hear and to write down: no digit three times in a row ("tujuh tujuh tujuh" loses one),
/// and no four digits that count upwards (people take 3456 for an example).
fn is_clear(digits: &[u8]) -> bool {
    let triple = digits.windows(3).any(|w| w[0] == w[1] && w[1] == w[2]);
    let counting = digits.windows(4).any(|w| w.windows(2).all(|pair| pair[1] == pair[0] + 1));
    !triple && !counting
}

/// Damm's totally anti-symmetric quasigroup of order 10: the next interim digit, by interim digit and digit read.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn some_codes(n: usize) -> Vec<TicketCode> {
        let mut rng = StdRng::seed_from_u64(2026);
        (0..n).map(|_| TicketCode::generate(&mut rng)).collect()
    }

    #[test]
    fn the_check_digit_is_damms() {
        assert_eq!(check_digit("572"), 4);
        assert_eq!(check_digit("5724"), 0);
        assert_eq!(check_digit(""), 0);
        assert_eq!(check_digit("4821736"), 2);
    }

    #[test]
    fn a_code_is_shown_in_two_groups_and_read_back() {
        let code = TicketCode::parse("48217362").unwrap();
        assert_eq!(code.to_string(), "4821-7362");
        assert_eq!(code.digits(), "48217362");
        for written in ["4821-7362", " 4821 7362 ", "48.21.73.62", "4821\u{2013}7362", "48217362\n"]
        {
            assert_eq!(TicketCode::parse(written), Ok(code.clone()), "{written:?}");
        }
    }

    #[test]
    fn the_error_tells_what_is_wrong_with_a_code() {
        for (text, error) in [
            ("", CodeError::Length { got: 0 }),
            ("4821736", CodeError::Length { got: 7 }),
            ("482173620", CodeError::Length { got: 9 }),
            ("48217363", CodeError::CheckDigit),
            ("0821736x", CodeError::NotDigits),
            ("48217#60", CodeError::NotDigits),
            ("٤٨٢١٧٣٦٠", CodeError::NotDigits),
            ("08217362", CodeError::FirstDigit),
            ("11200000", CodeError::FirstDigit),
        ] {
            assert_eq!(TicketCode::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_caught() {
        for code in some_codes(300) {
            for at in 0..TicketCode::LENGTH {
                for digit in b'0'..=b'9' {
                    let mut typed = code.digits().as_bytes().to_vec();
                    if typed[at] == digit {
                        continue;
                    }
                    typed[at] = digit;
                    let typed = String::from_utf8(typed).unwrap();
                    assert!(TicketCode::parse(&typed).is_err(), "{typed} for {code}");
                }
            }
        }
    }

    #[test]
    fn every_swap_of_two_neighbours_is_caught() {
        for code in some_codes(3000) {
            for at in 0..TicketCode::LENGTH - 1 {
                let mut typed = code.digits().as_bytes().to_vec();
                if typed[at] == typed[at + 1] {
                    continue;
                }
                typed.swap(at, at + 1);
                let typed = String::from_utf8(typed).unwrap();
                assert!(TicketCode::parse(&typed).is_err(), "{typed} for {code}");
            }
        }
    }

    #[test]
    fn drawn_codes_are_well_formed_clear_and_seldom_the_same() {
        let codes = some_codes(20_000);
        for code in &codes {
            assert_eq!(TicketCode::parse(code.digits()).as_ref(), Ok(code));
            assert!(is_clear(code.digits().as_bytes()), "{code}");
        }
        let distinct = codes.iter().collect::<HashSet<_>>().len();
        assert!(distinct > 19_900, "{distinct} distinct of 20000 drawn from 7.5 million");
        for first in '2'..='9' {
            assert!(
                codes.iter().any(|c| c.digits().starts_with(first)),
                "none begins with {first}"
            );
        }
    }

    #[test]
    fn codes_that_are_hard_to_hear_are_passed_over() {
        for (digits, clear) in [
            ("48217362", true),
            ("47772345", false),
            ("22200000", false),
            ("93456018", false),
            ("91234018", false),
            ("98765432", true),
            ("44556688", true),
        ] {
            assert_eq!(is_clear(digits.as_bytes()), clear, "{digits}");
        }
    }

    #[test]
    fn json_holds_the_bare_digits_and_refuses_others() {
        let code = TicketCode::parse("4821-7362").unwrap();
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, r#""48217362""#);
        assert_eq!(serde_json::from_str::<TicketCode>(&json).unwrap(), code);
        assert!(serde_json::from_str::<TicketCode>(r#""48217363""#).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_code_or_an_error(text in ".{0,40}") {
            if let Ok(code) = TicketCode::parse(&text) {
                prop_assert_eq!(TicketCode::parse(&code.to_string()), Ok(code));
            }
        }
    }
}
