//! Twilio: forms, signed over the exact address and every field.
//!
//! The signature covers no time. A replay is known by its `MessageSid` alone.

use ipnet::IpNet;
use serde::Deserialize;

use super::fields::Fields;
use super::outgoing::{base64, failed, post_form, with_query};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Request, Secrets, Sent, Unverified, auth, json, outgoing,
};
use crate::clock::Timestamp;

/// Keys of `type = "twilio"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twilio {
    pub account: String,
    /// The auth token, which signs posts and lets us send.
    #[serde(default)]
    pub secret: Secrets,
    /// Networks that posts come from; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// The hook's address exactly as it is set at Twilio; without it as the request came, and no delivery reports.
    pub public_url: Option<String>,
    /// A number, or the `MG...` of a messaging service.
    pub from: String,
    /// Another server than Twilio's own.
    #[serde(default = "server")]
    pub url: String,
}

fn server() -> String {
    "https://api.twilio.com".into()
}

impl Twilio {
    pub(super) fn checked(&self) -> Result<Twilio, Misconfigured> {
        self.secret.needed("secret")?;
        Ok(self.clone())
    }

    /// What Twilio may have taken for our address: it writes the default port or leaves it out, and likewise what is
    /// behind a `#` (its settings for the connection).
    fn addresses(&self, request: &Request<'_>) -> Vec<String> {
        let (base, fragment) = match &self.public_url {
            Some(url) => url.split_once('#').unwrap_or((url, "")),
            None => (request.url.split('?').next().unwrap_or_default(), ""),
        };
        let whole = match (&self.public_url, request.query) {
            (None, _) => request.url.to_owned(),
            (Some(_), "") => base.to_owned(),
            (Some(_), query) => format!("{}?{query}", base.split('?').next().unwrap_or_default()),
        };
        let mut addresses = vec![whole.clone()];
        addresses.extend(other_port(&whole));
        if !fragment.is_empty() {
            let with_fragment: Vec<_> =
                addresses.iter().map(|a| format!("{a}#{fragment}")).collect();
            addresses.extend(with_fragment);
        }
        addresses
    }
}

/// With the scheme's port if it has none, without it if it has one.
fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let port = if scheme == "https" { ":443" } else { ":80" };
    Some(match host.rsplit_once(':') {
        Some((name, digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{scheme}://{name}{path}")
        }
        _ => format!("{scheme}://{host}{port}{path}"),
    })
}

/// The form's fields by name, each name and value one after the other.
fn signed_fields(request: &Request<'_>) -> Vec<u8> {
    if request.method != "POST" {
        return Vec::new();
    }
    let fields = Fields::of_form(request.body);
    let mut pairs: Vec<(&str, &[u8])> = fields.iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value].concat()).collect()
}

impl Gateway for Twilio {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        let given = request.header("x-twilio-signature").ok_or(Unverified::NoSignature)?;
        let (addresses, fields) = (self.addresses(request), signed_fields(request));
        let is_right = |key: &[u8]| {
            addresses.iter().fold(false, |found, address| {
                let ours = base64(auth::hmac_sha1(key, &[address.as_bytes(), &fields]));
                found | auth::same(given.as_bytes(), ours.as_bytes())
            })
        };
        if self.secret.any(is_right) { Ok(()) } else { Err(Unverified::WrongSignature) }
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let fields = Fields::of(request)?;
        if let Some(status) = fields.word("MessageStatus") {
            return report(&status, &fields);
        }
        Ok(Incoming::Messages(vec![InboundMessage {
            external_id: fields.needed("MessageSid")?,
            from: fields.needed("From")?,
            to: fields.word("To"),
            // A picture alone has no text.
            text: fields.text("Body").unwrap_or_default(),
            sent_at: None,
            part: None,
        }]))
    }

    fn ack(&self, incoming: &Incoming) -> Ack {
        match incoming {
            Incoming::Reports(_) => Ack::plain(""),
            _ => Ack {
                status: 200,
                content_type: "text/xml; charset=utf-8",
                body: r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#.into(),
            },
        }
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let base = self.url.trim_end_matches('/');
        let url = format!("{base}/2010-04-01/Accounts/{}/Messages.json", self.account);
        let sender = if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let mut fields = vec![("To", message.to), (sender, &self.from), ("Body", message.text)];
        let ours = format!("ref={}", message.reference);
        let callback = self.public_url.as_ref().map(|url| {
            let (base, fragment) =
                url.split_once('#').map_or((url.as_str(), None), |(b, f)| (b, Some(f)));
            let fragment = fragment.map(|f| format!("#{f}")).unwrap_or_default();
            with_query(base, &ours) + &fragment
        });
        fields.extend(callback.as_deref().map(|url| ("StatusCallback", url)));
        post_form(&url, &fields).basic(&self.account, self.secret.newest())
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let answer = json::parse(body).unwrap_or_default();
        match status {
            200..=299 => outgoing::with_id(json::word(&answer, "sid")),
            // Its words would repeat the number.
            _ => failed(status, &json::word(&answer, "code").unwrap_or_default()),
        }
    }
}

fn report(status: &str, fields: &Fields) -> Result<Incoming, Malformed> {
    let state = match status {
        "accepted" | "scheduled" | "queued" | "sending" => Delivery::Accepted,
        "sent" => Delivery::Sent,
        "delivered" | "read" => Delivery::Delivered,
        "undelivered" | "failed" | "canceled" => Delivery::Failed,
        _ => return Ok(Incoming::Nothing),
    };
    let reference = fields.word("ref").map_or_else(|| fields.needed("MessageSid"), Ok)?;
    let reason = fields.word("ErrorCode").filter(|_| state == Delivery::Failed);
    Ok(Incoming::Reports(vec![DeliveryReport { reference, state, reason }]))
}
