//! The authenticator's code (RFC 6238), its secret, and the QR code that hands the secret over.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};
use totp_rs::{Builder, Secret};

use super::secret;
use crate::clock::Timestamp;

/// What authenticators show above the code.
const ISSUER: &str = "Kentongan";
/// Modules of white around a QR code.
const BORDER: i32 = 4;

/// A secret of 160 bits, in base32.
pub(super) fn new_secret() -> String {
    Secret::new_stack(secret::random()).to_base32()
}

/// The time step of which `code` is the code, if it is the one of now or a neighbour: telephones' clocks are not exact.
pub(super) fn step(secret: &str, code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).ok()?).build().ok()?;
    let step = totp.check(&digits, u64::try_from(now.0 / 1_000).ok()?)?;
    i64::try_from(step).ok()
}

/// What the QR code says.
fn address(login: &str, secret: &str) -> String {
    format!("otpauth://totp/{ISSUER}:{login}?secret={secret}&issuer={ISSUER}")
}

/// A drawing: a square of `size`, and the path of its dark modules.
pub(super) struct Qr {
    pub size: i32,
    pub path: String,
}

impl Qr {
    /// The secret as authenticators scan it; `None` when it does not fit, which no login of ours is long enough for.
    pub fn of(login: &str, secret: &str) -> Option<Qr> {
        let code = QrCode::encode_text(&address(login, secret), QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            for x in (0..code.size()).filter(|&x| code.get_module(x, y)) {
                let _ = write!(path, "M{} {}h1v1h-1z", x + BORDER, y + BORDER);
            }
        }
        Some(Qr { size: code.size() + 2 * BORDER, path })
    }
}

/// The secret in groups, as one types it.
pub(super) fn groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

/// A recovery code as it is kept, however it was typed.
pub(super) fn recovery_hash(typed: &str) -> String {
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    secret::hash(&plain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the examples in RFC 6238, of which the last six digits are the code.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_examples_of_the_standard_are_taken_with_a_neighbour_and_no_more() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")]
        {
            let at = |shift: i64| Timestamp((seconds + shift) * 1_000);
            assert_eq!(step(RFC, code, at(0)), Some(seconds / 30), "{code}");
            assert_eq!(step(RFC, code, at(30)), Some(seconds / 30), "{code}");
            assert_eq!(step(RFC, code, at(-30)), Some(seconds / 30), "{code}");
            assert_eq!(step(RFC, code, at(60)), None, "{code}");
        }
        assert_eq!(step(RFC, " 287 082 ", Timestamp(59_000)), Some(1), "as it is shown");
        for wrong in ["", "287083", "28708", "0287082", "+287082", "abcdef", "２８７０８２"] {
            assert_eq!(step(RFC, wrong, Timestamp(59_000)), None, "{wrong:?}");
        }
        assert_eq!(step("bukan rahasia", "287082", Timestamp(59_000)), None);
    }

    #[test]
    fn a_secret_is_long_and_another_one_each_time() {
        assert_eq!(new_secret().len(), 32);
        assert_ne!(new_secret(), new_secret());
        assert_eq!(groups("ABCDEFGHIJ"), "ABCD EFGH IJ");
    }

    #[test]
    fn the_drawing_has_the_modules_of_the_code() {
        let qr = Qr::of("siti", RFC).unwrap();
        assert!(qr.size > 29 && qr.path.starts_with("M4 4h1v1h-1z"), "{}", qr.size);
        let longest = "x".repeat(40);
        assert!(Qr::of(&longest, RFC).is_some());
    }

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        assert_eq!(recovery_hash("abcd-efgh-jkmn-pqrs"), recovery_hash(" ABCD efgh jkmnpqrs"));
    }
}
