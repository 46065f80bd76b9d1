//! Passwords, tokens and what is kept of them.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Computes argon2id apart from the requests: a computation takes 19 MiB and a good part of a second.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Semaphore>);

/// Why a password was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("kata sandi paling sedikit {SHORTEST} karakter")]
    TooShort,
    #[error("kata sandi paling banyak {LONGEST} karakter")]
    TooLong,
    #[error("kata sandi ini terlalu mudah ditebak")]
    Common,
    #[error("jangan memakai nama masuk di dalam kata sandi")]
    Named,
    #[error("kata sandi tidak dapat diproses")]
    Failed,
}

const SHORTEST: usize = 12;
const LONGEST: usize = 128;
/// Computations at the same time.
const AT_ONCE: usize = 2;

/// Parts that people reach for first.
const COMMON: [&str; 47] = [
    "password",
    "passw0rd",
    "p4ssw0rd",
    "p@ssw0rd",
    "katakunci",
    "sandisaya",
    "sayacinta",
    "akucinta",
    "cintaku",
    "sayangku",
    "iloveyou",
    "letmein",
    "welcome",
    "selamatdatang",
    "administrator",
    "superadmin",
    "operator123",
    "petugas123",
    "pengaduan",
    "lapor123",
    "pemkab",
    "pemkot",
    "pemda123",
    "kabupaten",
    "garuda123",
    "pancasila",
    "indonesiaraya",
    "jakarta123",
    "kalimantan",
    "17081945",
    "987654321",
    "11223344",
    "1q2w3e4r",
    "1qaz2wsx",
    "zxcvbnm",
    "asdfghjkl",
    "katasandi",
    "123456789",
    "qwertyuiop",
    "rahasia123",
    "admin1234",
    "indonesia123",
    "diskominfo",
    "kentongan",
    "abcdefgh",
    "merdeka1945",
    "bismillah",
];

/// The hash of nobody's password: unknown names take as long as known ones.
static NOBODY: LazyLock<String> = LazyLock::new(|| compute(&token()).unwrap_or_default());

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// The PHC string of a password that somebody chose.
    pub async fn hash(&self, login: &str, password: &str) -> Result<String, PasswordError> {
        check(login, password)?;
        let password = password.to_owned();
        self.apart(move || compute(&password)).await.flatten().ok_or(PasswordError::Failed)
    }

    /// Whether `password` is the one that `hash` was made of. Takes as long for `None`, which nothing fits.
    pub async fn fits(&self, hash: Option<String>, password: &str) -> bool {
        // Longer ones were never taken, and would only cost time.
        let password: String = password.chars().take(LONGEST + 1).collect();
        let verify = move || {
            let (known, nobody) = (hash.is_some(), NOBODY.clone());
            let hash = hash.unwrap_or(nobody);
            let parsed = PasswordHash::new(&hash).ok();
            let fits = parsed.is_some_and(|parsed| {
                Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
            });
            known && fits
        };
        self.apart(verify).await.unwrap_or(false)
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _turn = self.0.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

fn compute(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).ok()
}

fn check(login: &str, password: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    let folded: String = password.to_lowercase().split_whitespace().collect();
    let mut letters: Vec<char> = folded.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let named = login.len() >= 4 && folded.contains(&login.to_lowercase());
    // A common word in a long sentence is no harm; one with a year behind it is.
    let rest = COMMON.iter().fold(folded.clone(), |rest, common| rest.replace(common, ""));
    let common = rest != folded && rest.chars().filter(|c| c.is_alphabetic()).count() < 6;
    if length < SHORTEST {
        Err(PasswordError::TooShort)
    } else if length > LONGEST {
        Err(PasswordError::TooLong)
    } else if named {
        Err(PasswordError::Named)
    } else if letters.len() < 5 || common {
        Err(PasswordError::Common)
    } else {
        Ok(())
    }
}

/// A secret of 256 bits for a cookie or an address.
pub(super) fn token() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// A password of 80 bits that can be read out and typed: four groups without letters that look alike.
pub fn one_time_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters: Vec<char> =
        random::<16>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// Bits from the system.
#[expect(clippy::disallowed_methods, reason = "the edge where secrets are drawn")]
pub(super) fn random<const N: usize>() -> [u8; N] {
    rand::rng().random()
}

/// What is kept of a token, or of a name that must not be kept as typed.
pub(super) fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobody_elses() {
        let passwords = Passwords::default();
        let hash = passwords.hash("siti", "kuda baterai staples").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.fits(Some(hash.clone()), "kuda baterai staples").await);
        assert!(!passwords.fits(Some(hash), "kuda baterai staplet").await);
        assert!(!passwords.fits(None, "kuda baterai staples").await);
        assert!(!passwords.fits(Some("not a hash".into()), "kuda").await);
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "it is about time")]
    async fn an_unknown_name_takes_as_long_as_a_known_one() {
        let passwords = Passwords::default();
        let hash = passwords.hash("siti", "kuda baterai staples").await.unwrap();
        let quickest = async |hash: Option<String>| {
            let mut quickest = std::time::Duration::MAX;
            for _ in 0..3 {
                let start = std::time::Instant::now();
                assert!(!passwords.fits(hash.clone(), "kuda baterai staplet").await);
                quickest = quickest.min(start.elapsed());
            }
            quickest
        };
        let (known, unknown) = (quickest(Some(hash)).await, quickest(None).await);
        // On a loaded machine; without the computation it would be a thousandth.
        assert!(unknown > known / 4 && known > unknown / 4, "{known:?} {unknown:?}");
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for (password, why) in [
            ("pendek", PasswordError::TooShort),
            (&*"x".repeat(129), PasswordError::TooLong),
            ("aaaaaaaaaaaaaaaa", PasswordError::Common),
            ("Password 2026!!", PasswordError::Common),
            ("Siti.aminah1234", PasswordError::Named),
            ("Kabupaten-Garuda123", PasswordError::Common),
            ("pass word pass word", PasswordError::Common),
        ] {
            assert_eq!(check("siti", password), Err(why), "{password}");
        }
        check("siti", "kuda baterai staples").unwrap();
        check("siti", "hujan di kalimantan bulan juni").unwrap();
        check("siti", &one_time_password()).unwrap();
    }

    #[test]
    fn secrets_are_long_and_never_the_same() {
        assert_eq!(token().len(), 43);
        assert_ne!(token(), token());
        assert_eq!(one_time_password().len(), 19);
        assert_ne!(one_time_password(), one_time_password());
    }
}
