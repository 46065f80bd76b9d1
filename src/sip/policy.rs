//! What is answered before any transaction exists: requests that RFC 3261 section 8.2 refuses, and rsipstack lets through
//! or drops without a word. Pure; [`Gate`] adds the memory for merged requests and is shared by all transports.
//!
//! The edge asks [`Gate`] about each message before the stack has it, on UDP and TCP alike.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::Admission;
use super::repair::Fault;
use super::text::{Headers, NameAddr, Request, Response, Uri, is_token};

pub use body::session_description;
pub use response::{destination, stateless_response};

mod body;
mod grammar;
mod merged;
mod response;

/// The methods we serve, as the Allow header field lists them.
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE";
/// The option tags we understand (RFC 3261 section 19.2), as the Supported header field lists them.
pub const SUPPORTED: &str = "timer";

/// Methods we know of and do not serve: 405, where an unknown one is 501 (RFC 3261 section 8.2.1).
const KNOWN: [&str; 7] =
    ["REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "PRACK"];

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let the stack have it.
    Pass,
    /// Say nothing: it is an ACK.
    Drop,
    /// Refuse it, without a transaction (RFC 3261 section 8.2.7).
    Reply(Reply),
}

/// A refusal in the making; [`stateless_response`] writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 4xx or 5xx.
    pub status: u16,
    /// The reason phrase: says what is wrong, for whoever reads the trace at the other end.
    pub phrase: Cow<'static, str>,
    /// Header fields beyond those that every response copies, such as `Unsupported`.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    fn new(status: u16, phrase: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status, phrase: phrase.into(), headers: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// The refusal of a new call while the house is full or closing; `None` when it is open.
    pub fn busy(admission: Admission) -> Option<Reply> {
        let (reply, retry_after) = match admission {
            Admission::Open => return None,
            Admission::Unavailable { retry_after } => {
                (Reply::new(503, "Service Unavailable"), retry_after)
            }
        };
        Some(reply.with("Retry-After", retry_after.to_string()))
    }
}

/// Judges a request by RFC 3261 section 8.2, before any transaction exists. An ACK is never answered.
///
/// `hosts` are the addresses by which requests may call us; empty when any will do. A request with Max-Forwards 0 that calls
/// another would have to be forwarded: 483. One for us is served (RFC 4475 section 3.3.11), and any name may be ours.
pub fn screen(request: &Request, hosts: &[String]) -> Verdict {
    match check(request, hosts) {
        Ok(()) => Verdict::Pass,
        Err(reply) => refuse(request, reply),
    }
}

/// The verdict on a request whose body could not be had.
pub fn broken(request: &Request, fault: Fault) -> Verdict {
    refuse(request, Reply::new(400, fault.to_string()))
}

/// The verdict on a request that passed and that the stack cannot read all the same.
pub fn unreadable(request: &Request) -> Verdict {
    refuse(request, Reply::new(400, "Unreadable request"))
}

/// The verdict on a request larger than the stack can read from a datagram; TCP would carry it.
pub fn too_large(request: &Request) -> Verdict {
    refuse(request, Reply::new(513, "Message Too Large"))
}

fn refuse(request: &Request, reply: Reply) -> Verdict {
    if request.method == "ACK" { Verdict::Drop } else { Verdict::Reply(reply) }
}

/// Whether a response may be for us: one with a second Via was meant for somebody else (RFC 3261 section 8.1.3.3),
/// and one without the header fields that name its transaction for nobody.
pub fn is_ours(response: &Response) -> bool {
    let headers = &response.headers;
    grammar::mandatory(headers).is_ok() && headers.elements("Via").count() == 1
}

fn check(request: &Request, hosts: &[String]) -> Result<(), Reply> {
    if !request.version.starts_with("SIP/") {
        return Err(Reply::new(400, "Malformed request line"));
    }
    if request.version != "SIP/2.0" {
        return Err(Reply::new(505, "Version Not Supported"));
    }
    grammar::mandatory(&request.headers)?;
    check_method(request)?;
    check_uri(request.uri)?;
    check_hops(request, hosts)?;
    check_dialog(request)?;
    check_extensions(request)?;
    body::check(request)
}

fn check_method(request: &Request) -> Result<(), Reply> {
    let served = ALLOW.split(", ").any(|method| method == request.method);
    if !served && !KNOWN.contains(&request.method) {
        return Err(Reply::new(501, "Not Implemented").with("Allow", ALLOW));
    }
    if grammar::cseq(&request.headers).map(|(_, method)| method) != Some(request.method) {
        return Err(Reply::new(400, "CSeq names another method than the request line"));
    }
    if !served {
        return Err(Reply::new(405, "Method Not Allowed").with("Allow", ALLOW));
    }
    if request.method == "INVITE" { grammar::contact(&request.headers) } else { Ok(()) }
}

fn check_uri(text: &str) -> Result<(), Reply> {
    if text.contains([' ', '\t', '<', '>', '"']) {
        return Err(Reply::new(400, "Malformed Request-URI"));
    }
    let uri = Uri::read(text).ok_or(Reply::new(400, "Malformed Request-URI"))?;
    if !uri.is_sip() && !uri.is_tel() {
        return Err(Reply::new(416, "Unsupported URI Scheme"));
    }
    if uri.is_sip() && (!uri.has_host() || !uri.headers.is_empty()) {
        return Err(Reply::new(400, "Malformed Request-URI"));
    }
    Ok(())
}

fn check_hops(request: &Request, hosts: &[String]) -> Result<(), Reply> {
    let Some(hops) = request.headers.get("Max-Forwards") else { return Ok(()) };
    if hops.is_empty() || !hops.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reply::new(400, "Malformed Max-Forwards"));
    }
    let host = Uri::read(request.uri).map_or("", |uri| uri.host);
    let for_us = hosts.is_empty()
        || !is_address(host)
        || hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host));
    if !for_us && hops.bytes().all(|b| b == b'0') {
        return Err(Reply::new(483, "Too Many Hops"));
    }
    Ok(())
}

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn check_dialog(request: &Request) -> Result<(), Reply> {
    // Which dialog a tag names is the stack's to find, as is the transaction that CANCEL names.
    let needs_dialog = matches!(request.method, "BYE" | "INFO" | "UPDATE");
    if needs_dialog && to_tag(&request.headers).is_none() {
        return Err(Reply::new(481, "Call/Transaction Does Not Exist"));
    }
    Ok(())
}

fn to_tag<'h>(headers: &'h Headers) -> Option<&'h str> {
    NameAddr::read(headers.get("To")?)?.param("tag").filter(|tag| !tag.is_empty())
}

/// RFC 3261 section 8.2.2.3; ACK and CANCEL carry the INVITE's Require, which has been judged there.
fn check_extensions(request: &Request) -> Result<(), Reply> {
    if matches!(request.method, "ACK" | "CANCEL") {
        return Ok(());
    }
    let mut lacking = Vec::new();
    for tag in request.headers.elements("Require") {
        if !is_token(tag) {
            return Err(Reply::new(400, "Malformed Require"));
        }
        if !SUPPORTED.split(", ").any(|ours| ours.eq_ignore_ascii_case(tag)) {
            lacking.push(tag);
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Reply::new(420, "Bad Extension").with("Unsupported", lacking.join(", ")))
}

/// [`screen`] with a memory for merged requests; one for all transports.
pub struct Gate {
    hosts: Vec<String>,
    merged: Mutex<merged::Memory>,
}

impl Gate {
    /// `hosts` as for [`screen`].
    pub fn new(hosts: Vec<String>) -> Gate {
        Gate { hosts, merged: Mutex::default() }
    }

    /// Judges a request that came from the network at `now`; adds 482 for one that came before by another way
    /// (RFC 3261 section 8.2.2.2).
    pub fn screen(&self, request: &Request, now: Instant) -> Verdict {
        match screen(request, &self.hosts) {
            // Only what would pass is remembered, so that nonsense does not fill the memory.
            Verdict::Pass if self.is_merged(request, now) => {
                Verdict::Reply(Reply::new(482, "Loop Detected"))
            }
            verdict => verdict,
        }
    }

    fn is_merged(&self, request: &Request, now: Instant) -> bool {
        let Some(key) = merged::Key::of(request) else { return false };
        self.merged.lock().unwrap_or_else(PoisonError::into_inner).is_merged(key, now)
    }
}

#[cfg(test)]
mod tests;
