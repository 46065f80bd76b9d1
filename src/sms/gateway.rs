//! What each SMS gateway says and wants to hear: who may post, what a post means, how it is acknowledged, and the
//! request that sends a message.
//!
//! Everything here is pure. A [`Request`] comes in as bytes, a [`Call`] goes out as data; whoever owns the sockets and
//! the clock carries them. A replayed post is refused by its age where the signature covers a time, and within those
//! five minutes it has the same [`InboundMessage::external_id`] as the first, which is stored only once.

use std::fmt;
use std::net::IpAddr;

use http::HeaderMap;
use serde::Deserialize;

use crate::clock::Timestamp;

mod auth;
mod encoding;
mod fields;
mod json;
mod outgoing;

pub mod gammu;
pub mod generic;
pub mod infobip;
pub mod jasmin;
pub mod kannel;
pub mod smsgate;
pub mod twilio;
pub mod vonage;
pub mod whatsapp;
pub mod zenziva;

pub use auth::Secrets;

/// One HTTP request as it came.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// As the gateway knows it: public address, path and query.
    pub url: &'a str,
    /// Without its question mark.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// Raw; its size is bounded by who read it.
    pub body: &'a [u8],
    pub peer: IpAddr,
}

impl<'a> Request<'a> {
    /// A header's value, if it is text.
    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A message from somebody's telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    /// The gateway's own name for it: the same when it posts the message again.
    pub external_id: String,
    /// As it came: a number in any spelling, a short code, a name.
    pub from: String,
    pub to: Option<String>,
    pub text: String,
    pub sent_at: Option<Timestamp>,
    /// Set where the gateway leaves it to us to join long messages.
    pub part: Option<Part>,
}

/// A piece of a long message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The same for all pieces; only a few bits wide, so that it means something only together with the sender.
    pub reference: String,
    /// From one.
    pub number: u16,
    pub of: u16,
}

/// What became of a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Our own reference, or the gateway's id as [`Sent::Accepted`] told it.
    pub reference: String,
    pub state: Delivery,
    pub reason: Option<String>,
}

/// How far a message of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The gateway has it.
    Accepted,
    /// The network has it.
    Sent,
    /// The telephone has it.
    Delivered,
    Failed,
}

/// What a post means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    Messages(Vec<InboundMessage>),
    Reports(Vec<DeliveryReport>),
    /// A ping, or an event that is none of our business.
    Nothing,
    /// To be sent back as it is: the gateway asks whether the address is ours.
    Challenge(String),
}

impl Incoming {
    fn messages(messages: Vec<InboundMessage>) -> Incoming {
        if messages.is_empty() { Incoming::Nothing } else { Incoming::Messages(messages) }
    }

    fn reports(reports: Vec<DeliveryReport>) -> Incoming {
        if reports.is_empty() { Incoming::Nothing } else { Incoming::Reports(reports) }
    }
}

/// The answer to a post whose contents are safely stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Ack {
    /// 200 with a plain text.
    fn plain(body: &str) -> Ack {
        Ack { status: 200, content_type: "text/plain; charset=utf-8", body: body.to_owned() }
    }
}

/// A message to somebody's telephone.
#[derive(Clone, Copy)]
pub struct OutboundMessage<'a> {
    /// Ours; unique, letters, digits and `-._~` only.
    pub reference: &'a str,
    /// E.164.
    pub to: &'a str,
    pub text: &'a str,
    /// When this attempt is made; a signature may cover it.
    pub at: Timestamp,
}

/// An HTTP request to be made: data, so that it can be tested without a network.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl fmt::Debug for Call {
    /// Neither passwords nor what the message says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {address} ({} bytes)", self.method, self.body.len())
    }
}

/// A program to be run: how messages leave through a gateway on this machine that has no HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    pub program: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, &'static str)>,
    pub stdin: Vec<u8>,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.program, self.stdin.len())
    }
}

/// How a message leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// Its answer is read by [`Gateway::sent`].
    Http(Call),
    /// Its end is read by [`Gateway::ran`].
    Command(Command),
}

/// What a gateway said to a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Accepted {
        gateway_id: Option<String>,
    },
    /// This message will never be taken.
    Refused {
        reason: String,
    },
    /// Try again: the gateway, our account or the way to it is at fault, not the message.
    Later {
        reason: String,
    },
}

/// Why a post is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("comes from an address that is not allowed")]
    Address,
    #[error("has no token")]
    NoToken,
    #[error("has a wrong token")]
    WrongToken,
    #[error("has no signature")]
    NoSignature,
    #[error("has a wrong signature")]
    WrongSignature,
    #[error("does not say when it was signed")]
    NoTime,
    #[error("was signed too long ago, or by a clock that is wrong")]
    Stale,
    #[error("this gateway does not post")]
    NoHook,
}

/// Why a post cannot be read. Never tells what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("line {line}, column {column}: not JSON")]
    Json { line: usize, column: usize },
    #[error("not XML")]
    Xml,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("status {0}")]
    Status(u16),
}

/// Why a gateway cannot be used as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misconfigured {
    #[error("{0} is missing or empty")]
    Missing(&'static str),
    #[error("{0} is not what it should be: {1}")]
    Wrong(&'static str, &'static str),
}

/// One gateway: both directions.
pub trait Gateway: Send + Sync {
    /// Whether a post is really the gateway's.
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Unverified>;

    /// What a verified post means.
    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed>;

    /// What the gateway wants to hear once that is stored, also for what was stored before.
    fn ack(&self, incoming: &Incoming) -> Ack;

    /// The request that sends a message.
    fn send(&self, message: &OutboundMessage<'_>) -> Call;

    /// What its answer means.
    fn sent(&self, status: u16, body: &[u8]) -> Sent;

    /// Whether the gateway knows a message by our reference, so that a second attempt sends nothing twice.
    fn repeats(&self) -> bool {
        false
    }

    /// How a message leaves; by [`Gateway::send`] unless the gateway has no HTTP.
    fn outbound(&self, message: &OutboundMessage<'_>) -> Outbound {
        Outbound::Http(self.send(message))
    }

    /// What the end of a [`Command`] means: its exit status, and what it wrote.
    fn ran(&self, status: Option<i32>, _output: &[u8]) -> Sent {
        Sent::Later { reason: format!("exit status {status:?}") }
    }

    /// The request that fetches what has come, for a gateway that does not post.
    fn poll(&self) -> Option<Call> {
        None
    }

    /// What its answer means.
    fn polled(&self, status: u16, _body: &[u8]) -> Result<Incoming, Malformed> {
        Err(Malformed::Status(status))
    }
}

/// A gateway as the site's file has it; each kind's keys are documented with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Config {
    Kannel(kannel::Kannel),
    Smsgate(smsgate::SmsGate),
    Twilio(twilio::Twilio),
    Jasmin(jasmin::Jasmin),
    Vonage(vonage::Vonage),
    Infobip(infobip::Infobip),
    Whatsapp(whatsapp::WhatsApp),
    Generic(generic::Generic),
    Gammu(gammu::Gammu),
    Zenziva(zenziva::Zenziva),
}

impl Config {
    /// The gateway, if nothing that it needs is missing.
    pub fn gateway(&self) -> Result<Box<dyn Gateway>, Misconfigured> {
        Ok(match self {
            Config::Kannel(gateway) => Box::new(gateway.checked()?),
            Config::Smsgate(gateway) => Box::new(gateway.checked()?),
            Config::Twilio(gateway) => Box::new(gateway.checked()?),
            Config::Jasmin(gateway) => Box::new(gateway.checked()?),
            Config::Vonage(gateway) => Box::new(gateway.checked()?),
            Config::Infobip(gateway) => Box::new(gateway.checked()?),
            Config::Whatsapp(gateway) => Box::new(gateway.checked()?),
            Config::Generic(gateway) => Box::new(gateway.checked()?),
            Config::Gammu(gateway) => Box::new(gateway.checked()?),
            Config::Zenziva(gateway) => Box::new(gateway.checked()?),
        })
    }
}

/// What can be read of a batch. One bad item must not keep the others out: the gateway would post them all again, for
/// ever. An error only if there is nothing else.
fn readable<T>(items: impl Iterator<Item = Result<T, Malformed>>) -> Result<Vec<T>, Malformed> {
    let (mut read, mut failed) = (Vec::new(), None);
    for item in items {
        match item {
            Ok(item) => read.push(item),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        Some(error) if read.is_empty() => Err(error),
        _ => Ok(read),
    }
}

/// A number that is known to be international though it lacks its `+`; short codes and names stay.
fn international(raw: &str) -> String {
    let digits = raw.bytes().all(|b| b.is_ascii_digit());
    if digits && raw.len() > 8 && !raw.starts_with('0') {
        format!("+{raw}")
    } else {
        raw.to_owned()
    }
}

#[cfg(test)]
mod tests;
