//! Who may post: networks, tokens, signatures, and how old a signature may be.
//!
//! Nothing here tells by its duration how much of a secret was right, nor by its `Debug` what the secret is.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::fields::{self, Fields};
use super::{Misconfigured, Request, Unverified};
use crate::clock::Timestamp;

/// How far a signature's time may be from ours.
pub const WINDOW: Duration = Duration::from_secs(300);

/// A secret, or several while one is replaced by another: the first is used, all are accepted.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Spelled")]
pub struct Secrets(Vec<String>);

/// In the file as in the environment, where digits alone are read as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Spelled {
    One(Word),
    Several(Vec<Word>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Digits(u64),
}

impl From<Spelled> for Secrets {
    fn from(spelled: Spelled) -> Secrets {
        let words = match spelled {
            Spelled::One(word) => vec![word],
            Spelled::Several(words) => words,
        };
        let text = |word| match word {
            Word::Text(text) => text,
            Word::Digits(digits) => digits.to_string(),
        };
        // An empty secret is none: it must not let anybody in.
        Secrets(words.into_iter().map(text).filter(|text| !text.is_empty()).collect())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secret(s)", self.0.len())
    }
}

impl Secrets {
    /// The one to use; empty if there is none.
    pub(super) fn newest(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether one of them fits; all are tried.
    pub(super) fn any(&self, fits: impl Fn(&[u8]) -> bool) -> bool {
        self.0.iter().fold(false, |found, secret| found | fits(secret.as_bytes()))
    }

    /// That there is one, under the name that the file has for it.
    pub(super) fn needed(&self, name: &'static str) -> Result<(), Misconfigured> {
        if self.0.is_empty() { Err(Misconfigured::Missing(name)) } else { Ok(()) }
    }
}

/// Whether both are the same, in a time that depends on neither.
pub fn same(given: &[u8], expected: &[u8]) -> bool {
    Sha256::digest(given)[..].ct_eq(&Sha256::digest(expected)[..]).into()
}

/// The address is in one of the networks, or there are none to be in.
pub fn admitted(request: &Request<'_>, allow: &[IpNet]) -> Result<(), Unverified> {
    // A socket for both families shows 192.0.2.1 as ::ffff:192.0.2.1.
    let peer = request.peer.to_canonical();
    let inside = allow.is_empty() || allow.iter().any(|network| network.contains(&peer));
    if inside { Ok(()) } else { Err(Unverified::Address) }
}

/// `?token=` in the address, for gateways that sign nothing.
pub fn token(request: &Request<'_>, tokens: &Secrets) -> Result<(), Unverified> {
    let fields = Fields::of_query(request.query);
    let given = fields.raw("token").ok_or(Unverified::NoToken)?;
    if tokens.any(|token| same(given, token)) { Ok(()) } else { Err(Unverified::WrongToken) }
}

/// A time in seconds since 1970 that is near to now.
pub fn fresh(seconds: &str, now: Timestamp, window: Duration) -> Result<(), Unverified> {
    let signed = fields::epoch(seconds).ok_or(Unverified::NoTime)?;
    let apart = now.since(signed).max(signed.since(now));
    if apart <= window { Ok(()) } else { Err(Unverified::Stale) }
}

/// HMAC-SHA256 of the parts as one.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// HMAC-SHA1 of the parts as one.
pub fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("a key of any length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}
