//! Responses written without a transaction (RFC 3261 section 8.2.7).

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use super::grammar::{cseq, top_via};
use super::{Reply, to_tag};
use crate::sip::text::{NameAddr, Request, param, split_outside};

/// Writes the response to `request` (RFC 3261 section 8.2.6), with `received` and `rport` of `source` in the top Via
/// (RFC 3581) and a To tag that stays the same for every retransmission; send it to `source`, as rsipstack does with its own.
/// `source` is `None` on a stream whose Via the stack has stamped. `None` comes back without
/// Via and CSeq, by which alone the sender could tell what is answered (section 17.1.3); From, To and Call-ID are copied where they are.
pub fn stateless_response(
    request: &Request,
    source: Option<SocketAddr>,
    reply: &Reply,
) -> Option<String> {
    let headers = &request.headers;
    let sequence = headers.get("CSeq")?;
    let top = headers.get("Via").filter(|via| !via.is_empty())?;
    let mut out = format!("SIP/2.0 {} {}\r\n", reply.status, reply.phrase);
    field(&mut out, "Via", &stamped(top, source));
    for via in headers.all("Via").skip(1) {
        field(&mut out, "Via", via);
    }
    if let Some(from) = headers.get("From") {
        field(&mut out, "From", from);
    }
    if let Some(to) = headers.get("To") {
        field(&mut out, "To", &tagged(to, request));
    }
    if let Some(call_id) = headers.get("Call-ID") {
        field(&mut out, "Call-ID", call_id);
    }
    field(&mut out, "CSeq", sequence);
    for (name, value) in &reply.headers {
        field(&mut out, name, value);
    }
    out.push_str("Content-Length: 0\r\n\r\n");
    Some(out)
}

/// Where the response to a datagram from `source` goes. Who wants it at the port that the request came from asks for it
/// (RFC 3581), and a Via that names another address was written behind a NAT, where nothing else arrives; all others
/// listen at the port in their Via (RFC 3261 section 18.2.2), whichever they send from: some gateways take a new one for
/// each request.
pub fn destination(request: &Request, source: SocketAddr) -> SocketAddr {
    let Some(via) = top_via(&request.headers).filter(|via| param(via, "rport").is_none()) else {
        return source;
    };
    let sent_by = via.split(';').next().and_then(|head| head.trim().rsplit_once([' ', '\t']));
    let Some((_, sent_by)) = sent_by else { return source };
    let listening = match sent_by.parse::<SocketAddr>() {
        Ok(address) => Some(address),
        Err(_) => {
            sent_by.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|ip| (ip, 5060).into())
        }
    };
    match listening {
        Some(address) if address.ip() == source.ip().to_canonical() => {
            SocketAddr::new(source.ip(), address.port())
        }
        _ => source,
    }
}

/// Copied values come from one line each; control characters within would only confuse the other side's reader.
fn field(out: &mut String, name: &str, value: &str) {
    let clean = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
    let _ = write!(out, "{name}: ");
    out.extend(value.chars().map(clean));
    out.push_str("\r\n");
}

/// The first Via with where its request really came from in its first element.
fn stamped(via: &str, source: Option<SocketAddr>) -> String {
    let Some(source) = source else { return via.to_owned() };
    let top = split_outside(via, ',').next().unwrap_or(via);
    let others = &via[top.len()..];
    let mut out = String::new();
    for (at, param) in split_outside(top.trim(), ';').enumerate() {
        let name = param.split('=').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "received" if at > 0 => continue,
            "rport" if at > 0 => drop(write!(out, ";rport={}", source.port())),
            _ if at > 0 => drop(write!(out, ";{}", param.trim())),
            _ => out.push_str(param.trim()),
        }
    }
    let _ = write!(out, ";received={}", source.ip());
    out + others
}

/// To with a tag, unless it has one or cannot be read far enough to tell.
fn tagged(to: &str, request: &Request) -> String {
    match NameAddr::read(to) {
        Some(_) if to_tag(&request.headers).is_none() => format!("{to};tag={}", tag(request)),
        _ => to.to_owned(),
    }
}

/// Made from what a retransmission repeats (section 8.2.7); not a secret.
fn tag(request: &Request) -> String {
    let mut hasher = DefaultHasher::new();
    request.headers.get("From").hash(&mut hasher);
    request.headers.get("Call-ID").hash(&mut hasher);
    cseq(&request.headers).map(|(number, _)| number).hash(&mut hasher);
    top_via(&request.headers).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
