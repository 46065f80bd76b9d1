//! The edge: drops strangers, limits rates, repairs messages and answers what the policy refuses, so that the stack sees
//! only what it can digest. For datagrams it is the socket that rsipstack reads from, for connections a [`stream`].

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ipnet::IpNet;
use rsipstack::platform::net::UdpSocket;
use rsipstack::sip::SipMessage;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use serde::Deserialize;

use super::policy::{self, Gate, Verdict, stateless_response};
use super::repair::{Repaired, repair};
use super::text::{Message, Request, read};
use super::trace::{Traces, Wire};

pub use limiter::Limiter;

/// Loss, duplicates and reordering on purpose: an instrument for tests.
pub mod faults;
mod limiter;
pub(super) mod stream;

/// Who may send, and how much.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Networks that may talk to us; others are dropped without an answer. Empty: everyone.
    pub allow: Vec<IpNet>,
    /// Networks whose rate is not limited: the trunks, where all calls come from one address.
    pub unlimited: Vec<IpNet>,
    /// Messages a second that each other source may send in the long run.
    pub rate: f64,
    /// Messages that each other source may send at once.
    pub burst: u32,
}

impl Default for Config {
    /// Everyone, at the pace of a busy telephone: a call is some ten messages.
    fn default() -> Config {
        Config { allow: Vec::new(), unlimited: Vec::new(), rate: 50.0, burst: 200 }
    }
}

impl Config {
    /// Whether `source` may talk to us at all.
    pub fn admits(&self, source: IpAddr) -> bool {
        self.allow.is_empty() || covers(&self.allow, source)
    }
}

fn covers(networks: &[IpNet], source: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&source.to_canonical()))
}

/// What all transports of an agent share: one rate for each source, one memory for merged requests.
///
/// Counts each message in `kentongan_sip_datagrams_total{outcome}` and each refusal in
/// `kentongan_sip_refusals_total{status}`.
pub struct Edge {
    config: Config,
    gate: Gate,
    limiter: Mutex<Limiter>,
    traces: Arc<Traces>,
}

/// Wraps the socket handed to `UdpConnection::from_socket`.
pub struct EdgeSocket {
    inner: Arc<dyn UdpSocket>,
    edge: Arc<Edge>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The stack gets the first `length` bytes of the buffer; its answer to a datagram goes to `peer`.
    Through {
        length: usize,
        peer: SocketAddr,
    },
    Answer {
        response: Vec<u8>,
        peer: SocketAddr,
    },
    /// Dropped, and why.
    Nothing(&'static str),
}

impl Edge {
    /// `hosts` are those by which requests may call us, or none when any will do; `traces` are shown every message of a
    /// call.
    pub fn new(config: Config, hosts: Vec<String>, traces: Arc<Traces>) -> Edge {
        let limiter = Mutex::new(Limiter::new(config.rate, config.burst));
        Edge { config, gate: Gate::new(hosts), limiter, traces }
    }

    /// Judges the first `len` bytes of `buf` and mends them in place; what is mended may need more room.
    fn judge(&self, buf: &mut [u8], len: usize, wire: Wire, now: Instant) -> Fate {
        let source = wire.peer;
        if !self.config.admits(source.ip()) {
            return Fate::Nothing("stranger");
        }
        if !self.within_rate(source.ip(), now) {
            return Fate::Nothing("too_many");
        }
        // A buffer filled to the brim may have lost what did not fit.
        let cut = len == buf.len();
        match repair(&buf[..len]) {
            Repaired::Ping => Fate::Answer { response: b"\r\n".to_vec(), peer: source },
            Repaired::Noise => Fate::Nothing("noise"),
            Repaired::Broken { message, .. } if cut => {
                answer_request(&message, source, policy::too_large)
            }
            Repaired::Broken { message, fault } => {
                answer_request(&message, source, |request| policy::broken(request, fault))
            }
            Repaired::Whole(bytes) if cut || bytes.len() > buf.len() => {
                answer_request(&bytes, source, policy::too_large)
            }
            Repaired::Whole(Cow::Borrowed(bytes)) => {
                let at = len - bytes.len();
                let fate = self.screen(bytes, bytes, wire, now);
                buf.copy_within(at..len, 0);
                fate
            }
            Repaired::Whole(Cow::Owned(bytes)) => {
                let fate = self.screen(&bytes, &buf[..len], wire, now);
                buf[..bytes.len()].copy_from_slice(&bytes);
                fate
            }
        }
    }

    fn within_rate(&self, source: IpAddr, now: Instant) -> bool {
        covers(&self.config.unlimited, source)
            || self.limiter.lock().unwrap_or_else(PoisonError::into_inner).allow(source, now)
    }

    /// Judges a mended message; `raw` is what it was before.
    fn screen(&self, message: &[u8], raw: &[u8], wire: Wire, now: Instant) -> Fate {
        let Ok(read) = read(message) else { return Fate::Nothing("unreadable") };
        let fate = self.fate(message, &read, wire.peer, now);
        let passed = matches!(fate, Fate::Through { .. });
        self.traces.received(&read, raw, wire, passed, now);
        fate
    }

    fn fate(&self, message: &[u8], read: &Message, source: SocketAddr, now: Instant) -> Fate {
        let length = message.len();
        match read {
            Message::Response(response) if !policy::is_ours(response) => {
                Fate::Nothing("misrouted_response")
            }
            Message::Response(_) if is_digestible(message) => {
                Fate::Through { length, peer: source }
            }
            Message::Response(_) => Fate::Nothing("unreadable"),
            Message::Request(request) => match self.gate.screen(request, now) {
                Verdict::Pass if is_digestible(message) => {
                    Fate::Through { length, peer: policy::destination(request, source) }
                }
                Verdict::Pass => answer(request, source, policy::unreadable(request)),
                verdict => answer(request, source, verdict),
            },
        }
    }
}

fn udp(peer: SocketAddr) -> Wire {
    Wire { peer, transport: "UDP" }
}

/// Whether rsipstack reads a mended message and finds its transaction; if not, it would drop it without a word.
/// It reads it again afterwards: some 5 us a message, for which nobody is left without an answer.
pub(super) fn is_digestible(message: &[u8]) -> bool {
    match SipMessage::try_from(message) {
        Ok(SipMessage::Request(request)) => {
            TransactionKey::from_request(&request, TransactionRole::Server).is_ok()
        }
        Ok(SipMessage::Response(response)) => {
            TransactionKey::from_response(&response, TransactionRole::Client).is_ok()
        }
        Err(_) => false,
    }
}

/// Answers a message that cannot be let through, if it is a request.
fn answer_request(
    message: &[u8],
    source: SocketAddr,
    verdict: impl Fn(&Request) -> Verdict,
) -> Fate {
    match read(message) {
        Ok(Message::Request(request)) => answer(&request, source, verdict(&request)),
        _ => Fate::Nothing("unreadable"),
    }
}

fn answer(request: &Request, source: SocketAddr, verdict: Verdict) -> Fate {
    let Verdict::Reply(reply) = verdict else { return Fate::Nothing("bad_ack") };
    match stateless_response(request, Some(source), &reply) {
        Some(response) => {
            metrics::counter!("kentongan_sip_refusals_total", "status" => reply.status.to_string())
                .increment(1);
            tracing::debug!(status = reply.status, phrase = %reply.phrase, "request refused at the edge");
            let peer = policy::destination(request, source);
            Fate::Answer { response: response.into_bytes(), peer }
        }
        None => Fate::Nothing("unanswerable"),
    }
}

impl EdgeSocket {
    pub fn new(inner: Arc<dyn UdpSocket>, edge: Arc<Edge>) -> EdgeSocket {
        EdgeSocket { inner, edge }
    }
}

#[async_trait::async_trait]
impl UdpSocket for EdgeSocket {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge reads the clock for the pure limiter and gate"
    )]
    async fn recv_from(&self, buf: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        loop {
            let (len, source) = self.inner.recv_from(buf).await?;
            let outcome = match self.edge.judge(buf, len, udp(source), Instant::now()) {
                Fate::Through { length, peer } => {
                    count("passed");
                    return Ok((length, peer));
                }
                Fate::Answer { response, peer } => {
                    // A lost answer is asked for again.
                    let _ = self.send_to(&response, peer).await;
                    "answered"
                }
                Fate::Nothing(why) => why,
            };
            count(outcome);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the edge reads the clock for the pure traces")]
    async fn send_to(&self, buf: &[u8], addr: SocketAddr) -> rsipstack::Result<usize> {
        self.edge.traces.sent(buf, udp(addr), Instant::now());
        self.inner.send_to(buf, addr).await
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("kentongan_sip_datagrams_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests;
