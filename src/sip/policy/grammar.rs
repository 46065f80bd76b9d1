//! The header fields that every request must have, and have right (RFC 3261 section 8.1.1).

use super::Reply;
use crate::sip::text::{Headers, NameAddr, Uri, is_token, params, split_outside};

const TRANSPORTS: [&str; 7] = ["UDP", "TCP", "TLS", "SCTP", "TLS-SCTP", "WS", "WSS"];

/// Checks Via, From, To, Call-ID and CSeq; the first fault is the one told.
pub(super) fn mandatory(headers: &Headers) -> Result<(), Reply> {
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        if headers.get(name).is_none_or(str::is_empty) {
            return Err(bad(format!("Missing {name} header field")));
        }
    }
    for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards"] {
        if headers.all(name).count() > 1 {
            return Err(bad(format!("More than one {name} header field")));
        }
    }
    via(headers)?;
    let from = address(headers, "From")?;
    // Without one, neither transaction nor dialog can be told apart (RFC 2543 is not spoken).
    if !from.param("tag").is_some_and(is_token) {
        return Err(bad("From without a tag"));
    }
    address(headers, "To")?;
    if headers
        .get("Call-ID")
        .is_some_and(|id| id.contains([' ', '\t']) || id.contains(char::is_control))
    {
        return Err(bad("Malformed Call-ID"));
    }
    cseq(headers).map(drop).ok_or_else(|| bad("Malformed CSeq"))
}

/// An INVITE names the one place where its sender can be reached in the dialog (RFC 3261 section 8.1.1.8).
pub(super) fn contact(headers: &Headers) -> Result<(), Reply> {
    let mut contacts = headers.elements("Contact");
    let Some(first) = contacts.next() else { return Err(bad("Missing Contact header field")) };
    match NameAddr::read(first) {
        Some(address)
            if Uri::read(address.uri).is_some()
                && params(first).all(|(name, _)| is_token(name)) =>
        {
            Ok(())
        }
        _ => Err(bad("Malformed Contact")),
    }
}

/// The number and the method of CSeq.
pub(super) fn cseq<'h>(headers: &'h Headers) -> Option<(u32, &'h str)> {
    let (number, method) = headers.get("CSeq")?.split_once([' ', '\t'])?;
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let method = method.trim();
    (digits && is_token(method)).then_some((number.parse().ok()?, method))
}

/// The topmost element of Via.
pub(super) fn top_via<'h>(headers: &'h Headers) -> Option<&'h str> {
    split_outside(headers.get("Via")?, ',').next().map(str::trim)
}

fn via(headers: &Headers) -> Result<(), Reply> {
    let top = top_via(headers).unwrap_or_default();
    let (protocol, sent_by) =
        top.split(';').next().unwrap_or_default().trim().split_once(' ').unwrap_or_default();
    let transport = match protocol.get(..8) {
        Some(version) if version.eq_ignore_ascii_case("SIP/2.0/") => &protocol[8..],
        _ => return Err(bad("Malformed Via")),
    };
    let host = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    // The stack reads no others, and would drop the request without a word.
    if !TRANSPORTS.iter().any(|known| known.eq_ignore_ascii_case(transport)) {
        return Err(bad("Unknown transport in Via"));
    }
    let quotes_end = |via: &str| via.bytes().filter(|b| *b == b'"').count() % 2 == 0;
    let whole = headers.all("Via").all(|via| !via.is_empty() && quotes_end(via))
        && !sent_by.is_empty()
        && sent_by.bytes().all(host)
        && params(top).all(|(name, value)| is_token(name) && value != Some(""));
    if !whole {
        return Err(bad("Malformed Via"));
    }
    // The magic cookie alone identifies no transaction (RFC 4475 section 3.2.1).
    if params(top)
        .any(|(name, value)| name.eq_ignore_ascii_case("branch") && value == Some("z9hG4bK"))
    {
        return Err(bad("Via branch without an identifier"));
    }
    Ok(())
}

fn address<'h>(headers: &'h Headers, name: &'static str) -> Result<NameAddr<'h>, Reply> {
    let malformed = || bad(format!("Malformed {name}"));
    let text = headers.get(name).ok_or_else(malformed)?;
    let address = NameAddr::read(text).ok_or_else(malformed)?;
    let whole = Uri::read(address.uri).is_some_and(|uri| !uri.is_sip() || uri.has_host())
        && !address.uri.contains(char::is_whitespace)
        && params(text).all(|(name, _)| is_token(name));
    if whole { Ok(address) } else { Err(malformed()) }
}

fn bad(phrase: impl Into<std::borrow::Cow<'static, str>>) -> Reply {
    Reply::new(400, phrase)
}
