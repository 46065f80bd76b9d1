//! What the two sides of each call say to each other, kept in memory while the call lasts, for the technician.
//!
//! The edge shows every message to [`Traces`]; only those of calls are kept, each call's up to a bound, all calls'
//! together up to another. An INVITE opens a trace; [`Traces::claim`] hands it to its call; a trace that nobody claims
//! (refused, never answered) is forgotten soon. Pure: the edge reads the clock.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::text::{Message, NameAddr, param, read};

pub use redact::redact;

mod redact;

/// Messages of one call; beyond them the middle is left out.
const MESSAGES: usize = 64;
/// Messages of the beginning, which tell more than those of the middle.
const FIRST: usize = 32;
/// Bytes of one call.
const BYTES: usize = 64 << 10;
/// Bytes of one message; the rest is cut off.
const MESSAGE: usize = 16 << 10;
/// Traces that no call has claimed yet.
const UNCLAIMED: usize = 1024;
/// How long they wait: 64*T1, as long as an INVITE's transaction.
const PATIENCE: Duration = Duration::from_secs(32);

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Received,
    Sent,
}

/// Where a message came from or went to, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    pub peer: SocketAddr,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
}

/// A message as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    pub at: Instant,
    pub direction: Direction,
    pub wire: Wire,
    pub bytes: Vec<u8>,
}

/// What was kept of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub messages: Vec<Traced>,
    /// Messages that there was no room for.
    pub left_out: u32,
}

/// The traces of one agent.
#[derive(Debug)]
pub struct Traces {
    /// Bytes of all calls together; 0 keeps nothing.
    limit: usize,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the hash of Call-ID and the caller's tag, so that long ones cost no more than short ones.
    calls: HashMap<u64, Entry>,
    bytes: usize,
    unclaimed: VecDeque<(Instant, u64)>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The INVITE's branch, which its CANCEL, its ACK and the provisional responses share.
    branch: u64,
    /// Ours, once a call has claimed it: another call with the same Call-ID and caller's tag has another.
    local_tag: Option<u64>,
    record: Record,
    bytes: usize,
    refused: bool,
    over: bool,
    waiting: Option<oneshot::Sender<()>>,
}

/// What tells whose message it is.
struct Names<'m> {
    call_id: &'m str,
    remote_tag: Option<&'m str>,
    local_tag: Option<&'m str>,
    branch: &'m str,
}

/// A message on its way through the edge.
struct Passing<'m> {
    direction: Direction,
    wire: Wire,
    raw: &'m [u8],
    now: Instant,
}

impl Traces {
    /// Keeps up to `limit` bytes.
    pub fn new(limit: usize) -> Traces {
        Traces { limit, hasher: RandomState::new(), state: Mutex::default() }
    }

    /// Shows a message that came: `message` as it was read, `raw` as it was on the wire. `passed` tells whether the stack
    /// gets it: a refused INVITE opens no trace.
    pub fn received(&self, message: &Message, raw: &[u8], wire: Wire, passed: bool, now: Instant) {
        let passing = Passing { direction: Direction::Received, wire, raw, now };
        self.show(message, passed, passing);
    }

    /// Shows a message that goes out.
    pub fn sent(&self, raw: &[u8], wire: Wire, now: Instant) {
        if self.limit == 0 {
            return;
        }
        if let Ok(message) = read(raw) {
            self.show(&message, false, Passing { direction: Direction::Sent, wire, raw, now });
        }
    }

    fn show(&self, message: &Message, may_open: bool, passing: Passing) {
        if self.limit == 0 {
            return;
        }
        let Some(names) = names(message, passing.direction) else { return };
        let key = self.key(names.call_id, names.remote_tag);
        let branch = self.hasher.hash_one(names.branch);
        let local_tag = names.local_tag.map(|tag| self.hasher.hash_one(tag));
        let mut state = self.lock();
        let opens = may_open && local_tag.is_none() && method(message) == Some("INVITE");
        if opens {
            state.open(key, branch, passing.now);
        }
        state.keep(key, branch, local_tag, self.limit, &passing);
        if let Some(entry) = state.calls.get_mut(&key) {
            entry.notice(message, passing.direction);
        }
    }

    /// Hands the trace of a new call to it. `None` when there is none, or when it is another call's.
    pub fn claim(
        self: &Arc<Traces>,
        call_id: &str,
        remote_tag: &str,
        local_tag: &str,
    ) -> Option<Trace> {
        let key = self.key(call_id, Some(remote_tag));
        let mut state = self.lock();
        let entry = state.calls.get_mut(&key).filter(|entry| entry.local_tag.is_none())?;
        entry.local_tag = Some(self.hasher.hash_one(local_tag));
        Some(Trace { traces: self.clone(), key })
    }

    fn key(&self, call_id: &str, remote_tag: Option<&str>) -> u64 {
        self.hasher.hash_one((call_id, remote_tag.unwrap_or_default()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Opens a trace for an INVITE, unless it is one that was there before.
    fn open(&mut self, key: u64, branch: u64, now: Instant) {
        self.forget(now);
        match self.calls.get_mut(&key) {
            // Once more after a refusal (422, 401): one story.
            Some(entry) if entry.local_tag.is_none() => entry.branch = branch,
            Some(_) => {}
            None => {
                self.calls.insert(key, Entry { branch, ..Entry::default() });
                self.unclaimed.push_back((now, key));
            }
        }
    }

    /// Lets go of what no call claimed.
    fn forget(&mut self, now: Instant) {
        while let Some((since, key)) = self.unclaimed.front().copied() {
            if now.saturating_duration_since(since) < PATIENCE && self.unclaimed.len() < UNCLAIMED {
                return;
            }
            self.unclaimed.pop_front();
            if self.calls.get(&key).is_some_and(|entry| entry.local_tag.is_none()) {
                self.remove(key);
            }
        }
        // A burst's memory goes back once it has passed.
        self.calls.shrink_to(1024);
        self.unclaimed.shrink_to(1024);
    }

    fn keep(
        &mut self,
        key: u64,
        branch: u64,
        local_tag: Option<u64>,
        limit: usize,
        passing: &Passing,
    ) {
        let Some(entry) = self.calls.get_mut(&key) else { return };
        if !entry.is_of(branch, local_tag) {
            return;
        }
        let before = entry.bytes;
        entry.keep(passing, limit.saturating_sub(self.bytes));
        self.bytes = self.bytes + entry.bytes - before;
    }

    fn remove(&mut self, key: u64) {
        if let Some(entry) = self.calls.remove(&key) {
            self.bytes -= entry.bytes;
        }
    }
}

impl Entry {
    fn is_of(&self, branch: u64, local_tag: Option<u64>) -> bool {
        match (self.local_tag, local_tag) {
            (Some(ours), Some(named)) => ours == named,
            (Some(_), None) => self.branch == branch,
            (None, _) => true,
        }
    }

    fn keep(&mut self, passing: &Passing, room: usize) {
        let bytes = &passing.raw[..passing.raw.len().min(MESSAGE)];
        while self.record.messages.len() >= MESSAGES || self.bytes + bytes.len() > BYTES {
            if self.record.messages.len() <= FIRST {
                break;
            }
            self.bytes -= self.record.messages.remove(FIRST).bytes.len();
            self.record.left_out += 1;
        }
        if bytes.len() > room || self.bytes + bytes.len() > BYTES {
            self.record.left_out += 1;
            return;
        }
        self.bytes += bytes.len();
        self.record.messages.push(Traced {
            at: passing.now,
            direction: passing.direction,
            wire: passing.wire,
            bytes: bytes.to_vec(),
        });
    }

    /// Nothing more is to be said after the answer to a BYE, or after the ACK of a refusal.
    fn notice(&mut self, message: &Message, direction: Direction) {
        let over = match message {
            Message::Request(request) => request.method == "ACK" && self.refused,
            Message::Response(response) => {
                let method = response.headers.get("CSeq").and_then(|c| c.split_whitespace().nth(1));
                self.refused |= direction == Direction::Sent
                    && method == Some("INVITE")
                    && response.status >= 300;
                method == Some("BYE") && response.status >= 200
            }
        };
        if over {
            self.over = true;
            // Whoever waited may have lost patience.
            let _ = self.waiting.take().map(|waiting| waiting.send(()));
        }
    }
}

/// Whose message it is; `None` for one that names nobody.
fn names<'m>(message: &'m Message, direction: Direction) -> Option<Names<'m>> {
    let (headers, is_request) = match message {
        Message::Request(request) => (&request.headers, true),
        Message::Response(response) => (&response.headers, false),
    };
    let tag =
        |name: &str| NameAddr::read(headers.get(name)?)?.param("tag").filter(|t| !t.is_empty());
    // From names whoever sent the request.
    let from_peer = is_request == (direction == Direction::Received);
    let (remote, local) = if from_peer { ("From", "To") } else { ("To", "From") };
    Some(Names {
        call_id: headers.get("Call-ID")?,
        remote_tag: tag(remote),
        local_tag: tag(local),
        branch: headers
            .elements("Via")
            .next()
            .and_then(|via| param(via, "branch"))
            .unwrap_or_default(),
    })
}

fn method<'m>(message: &'m Message) -> Option<&'m str> {
    match message {
        Message::Request(request) => Some(request.method),
        Message::Response(_) => None,
    }
}

/// A call's hold on its trace; with it the trace goes.
#[derive(Debug)]
pub struct Trace {
    traces: Arc<Traces>,
    key: u64,
}

impl Trace {
    /// Comes back when the two sides have nothing more to say: the BYE is answered, or the refusal has its ACK.
    pub async fn over(&self) {
        let over = {
            let mut state = self.traces.lock();
            let Some(entry) = state.calls.get_mut(&self.key).filter(|entry| !entry.over) else {
                return;
            };
            let (waiting, over) = oneshot::channel();
            entry.waiting = Some(waiting);
            over
        };
        // An error says that the trace is gone.
        let _ = over.await;
    }

    /// What was said, fit to be kept: see [`redact`].
    pub fn take(self) -> Record {
        let mut record = {
            let mut state = self.traces.lock();
            state
                .calls
                .get_mut(&self.key)
                .map(|e| std::mem::take(&mut e.record))
                .unwrap_or_default()
        };
        for message in &mut record.messages {
            message.bytes = redact(&message.bytes).into_bytes();
        }
        record
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.traces.lock().remove(self.key);
    }
}

#[cfg(test)]
mod tests;
