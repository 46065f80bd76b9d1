//! Requests that came before by another way (RFC 3261 section 8.2.2.2): remembered while their transaction may live.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::grammar::{cseq, top_via};
use super::to_tag;
use crate::sip::text::{NameAddr, Request, param};

/// 64*T1: how long a server transaction may wait (RFC 3261 section 17.2).
const KEPT: Duration = Duration::from_secs(32);
/// Some 2,000 new calls a second; beyond that the oldest are forgotten.
const MOST: usize = 1 << 16;

/// What makes two requests the same, and the branch that tells the two ways apart.
pub(super) struct Key<'r> {
    request: [&'r str; 3],
    number: u32,
    branch: &'r str,
}

impl<'r> Key<'r> {
    /// `None` for requests within a dialog, ACK and CANCEL, which share their INVITE's CSeq, and those without a branch.
    pub(super) fn of(request: &'r Request) -> Option<Key<'r>> {
        if matches!(request.method, "ACK" | "CANCEL") || to_tag(&request.headers).is_some() {
            return None;
        }
        let from_tag = NameAddr::read(request.headers.get("From")?)?.param("tag")?;
        Some(Key {
            request: [request.method, from_tag, request.headers.get("Call-ID")?],
            number: cseq(&request.headers)?.0,
            branch: param(top_via(&request.headers)?, "branch")?,
        })
    }
}

/// Hashes only, so that a long Call-ID costs no more than a short one.
#[derive(Default)]
pub(super) struct Memory {
    hasher: RandomState,
    branches: HashMap<u64, u64>,
    ages: VecDeque<(Instant, u64)>,
}

impl Memory {
    /// Whether the same request was seen with another branch within [`KEPT`]; remembers it if not.
    pub(super) fn is_merged(&mut self, key: Key, now: Instant) -> bool {
        self.forget(now);
        let mut hasher = self.hasher.build_hasher();
        for part in key.request {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.write_u32(key.number);
        let (id, branch) = (hasher.finish(), self.hasher.hash_one(key.branch));
        match self.branches.entry(id) {
            Entry::Occupied(known) => *known.get() != branch,
            Entry::Vacant(free) => {
                free.insert(branch);
                self.ages.push_back((now, id));
                false
            }
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, id)) = self.ages.front().copied() {
            if now.saturating_duration_since(since) < KEPT && self.ages.len() < MOST {
                return;
            }
            self.ages.pop_front();
            self.branches.remove(&id);
        }
        // A burst's memory goes back once it has passed.
        self.branches.shrink_to(1024);
        self.ages.shrink_to(1024);
    }
}
