//! Kannel: smsbox fetches our address with the message in its query, and takes messages at `sendsms`.
//!
//! Nothing is signed: a token and the address are all that there is. The same message keeps its `%I` when it is fetched
//! again; without `%I` it cannot be told from another and is refused.

pub mod access_log;

use ipnet::IpNet;
use serde::Deserialize;

use super::fields::{self, Fields};
use super::outgoing::{escaped, failed, form, is_unicode, told, with_query};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Request, Secrets, Sent, Unverified, auth, encoding,
};
use crate::clock::Timestamp;

/// Keys of `type = "kannel"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kannel {
    /// `token=` in `get-url`.
    #[serde(default)]
    pub token: Secrets,
    /// Networks that smsbox is in; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// `http://127.0.0.1:13013/cgi-bin/sendsms`
    pub url: String,
    /// Of the `sendsms-user`.
    pub username: String,
    #[serde(default)]
    pub password: Secrets,
    /// The sender that is shown; without it smsbox's `global-sender`.
    pub from: Option<String>,
    /// The `smsc-id` to send by.
    pub smsc: Option<String>,
    /// Our address as smsbox reaches it, for delivery reports; without it there are none.
    pub public_url: Option<String>,
}

impl Kannel {
    pub(super) fn checked(&self) -> Result<Kannel, Misconfigured> {
        self.token.needed("token")?;
        self.password.needed("password")?;
        Ok(self.clone())
    }

    /// Where a report is to go. Kannel fills in its own escapes, so that ours must be doubled.
    fn dlr_url(&self, reference: &str) -> Option<String> {
        let ours = form(&[("token", self.token.newest()), ("ref", reference)]).replace('%', "%%");
        let url = self.public_url.as_ref()?.replace('%', "%%");
        Some(with_query(&url, &format!("{ours}&dlr=%d&reason=%A")))
    }
}

impl Gateway for Kannel {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        auth::token(request, &self.token)
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let fields = Fields::of_query(request.query);
        if let Some(state) = fields.word("dlr") {
            return report(&state, &fields);
        }
        let header = |name| {
            let value = request.header(name).map(str::trim).filter(|value| !value.is_empty());
            value.map(str::to_owned)
        };
        Ok(Incoming::Messages(vec![InboundMessage {
            external_id: fields.needed("id")?,
            from: fields
                .word("from")
                .or_else(|| header("x-kannel-from"))
                .ok_or(Malformed::Missing("from"))?,
            to: fields.word("to").or_else(|| header("x-kannel-to")),
            text: text(request, &fields)?,
            sent_at: fields.word("epoch").and_then(|seconds| fields::epoch(&seconds)),
            part: None,
        }]))
    }

    /// Empty: with `max-messages` above zero a body would be sent to the citizen.
    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack::plain("")
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let dlr = self.dlr_url(message.reference);
        let coding = if is_unicode(message.text) { "2" } else { "0" };
        let mut fields = vec![
            ("username", self.username.as_str()),
            ("password", self.password.newest()),
            ("to", message.to),
            ("text", message.text),
            ("charset", "UTF-8"),
            ("coding", coding),
        ];
        fields.extend(self.from.as_deref().map(|from| ("from", from)));
        fields.extend(self.smsc.as_deref().map(|smsc| ("smsc", smsc)));
        let mut query = form(&fields);
        if let Some(dlr) = dlr {
            // Delivered, failed, buffered, accepted and rejected by the network.
            query += &format!("&dlr-mask=31&dlr-url={}", escaped(&dlr));
        }
        Call {
            method: "GET",
            url: with_query(&self.url, &query),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let said = encoding::decode(body, None);
        match status {
            200 | 202 => Sent::Accepted { gateway_id: None },
            // Not routable, whatever the status of this version is.
            _ if said.contains("not try again") => {
                Sent::Refused { reason: format!("{status} {}", told(&said)) }
            }
            _ => failed(status, &said),
        }
    }
}

/// `%d`: bits, of which one is set.
fn report(state: &str, fields: &Fields) -> Result<Incoming, Malformed> {
    let state = match state {
        "1" => Delivery::Delivered,
        "2" | "16" => Delivery::Failed,
        "4" => Delivery::Accepted,
        "8" => Delivery::Sent,
        _ => return Ok(Incoming::Nothing),
    };
    let reason = fields.word("reason").filter(|_| state == Delivery::Failed);
    let reference = fields.needed("ref")?;
    Ok(Incoming::Reports(vec![DeliveryReport {
        reference,
        state,
        reason: reason.map(|r| told(&r)),
    }]))
}

/// From the address (`get-url`), or the body (`post-url`). Without `mo-recode` the charset is the network's.
fn text(request: &Request<'_>, fields: &Fields) -> Result<String, Malformed> {
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let of_body = kind.split_once("charset=").map(|(_, charset)| charset.replace('"', ""));
    let coding = fields.word("coding");
    let coding = coding.as_deref().or(request.header("x-kannel-coding"));
    let by_coding = || (coding == Some("2")).then(|| "UTF-16BE".to_owned());
    let charset = fields.word("charset").or(of_body).or_else(by_coding);
    match fields.raw("text") {
        Some(raw) => Ok(encoding::decode(raw, charset.as_deref())),
        None if request.method == "POST" => Ok(encoding::decode(request.body, charset.as_deref())),
        None => Err(Malformed::Missing("text")),
    }
}
