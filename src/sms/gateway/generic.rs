//! Any gateway that speaks our own JSON, signed both ways as Standard Webhooks has it: the door for what has no adapter.
//!
//! In and out are described in `docs/sms-gateways.md`. The signature covers id, time and body; one that is too old is
//! refused, and one that is repeated in time carries the same message id.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::outgoing::{base64, failed, post_json, told, unbase64};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Part, Request, Secrets, Sent, Unverified, auth, json, readable,
};
use crate::clock::Timestamp;

/// Signatures in one header; more than a rotation needs.
const SIGNATURES: usize = 8;

/// Keys of `type = "generic"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generic {
    /// `whsec_` and at least 24 bytes in base64.
    #[serde(default)]
    pub secret: Secrets,
    /// Networks that posts come from; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// Where messages are posted to.
    pub url: String,
}

impl Generic {
    pub(super) fn checked(&self) -> Result<Generic, Misconfigured> {
        self.secret.needed("secret")?;
        let is_key = |secret: &str| key(secret).is_some_and(|key| key.len() >= 24);
        if !self.secret.iter().all(is_key) {
            return Err(Misconfigured::Wrong("secret", "whsec_ and at least 24 bytes in base64"));
        }
        Ok(self.clone())
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    unbase64(secret.strip_prefix("whsec_")?)
}

/// The signature of a post by whoever has the secret (`whsec_...`); `None` if that is no secret.
pub fn sign(secret: &str, id: &str, seconds: &str, body: &[u8]) -> Option<String> {
    key(secret).map(|key| signature(&key, id, seconds, body))
}

/// `v1,` and the signature.
fn signature(key: &[u8], id: &str, seconds: &str, body: &[u8]) -> String {
    let parts = [id.as_bytes(), b".", seconds.as_bytes(), b".", body];
    format!("v1,{}", base64(auth::hmac_sha256(key, &parts)))
}

impl Gateway for Generic {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        let id = request.header("webhook-id").ok_or(Unverified::NoSignature)?;
        let given = request.header("webhook-signature").ok_or(Unverified::NoSignature)?;
        let seconds = request.header("webhook-timestamp").ok_or(Unverified::NoTime)?;
        let is_right = |secret: &str| {
            let Some(key) = key(secret) else { return false };
            let ours = signature(&key, id, seconds, request.body);
            let given = given.split_ascii_whitespace().take(SIGNATURES);
            given.fold(false, |found, one| found | auth::same(one.as_bytes(), ours.as_bytes()))
        };
        if !self.secret.iter().fold(false, |found, secret| found | is_right(secret)) {
            return Err(Unverified::WrongSignature);
        }
        auth::fresh(seconds, now, auth::WINDOW)
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let event = json::of(request)?;
        let data = &event["data"];
        let items = data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice);
        match json::needed(&event, "type")?.as_str() {
            "sms.received" => readable(items.iter().map(message)).map(Incoming::messages),
            "sms.report" => readable(items.iter().map(report)).map(Incoming::reports),
            _ => Ok(Incoming::Nothing),
        }
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack { status: 200, content_type: "application/json", body: r#"{"ok":true}"#.into() }
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let data =
            json!({ "reference": message.reference, "to": message.to, "text": message.text });
        let call = post_json(&self.url, &json!({ "type": "sms.send", "data": data }));
        let seconds = message.at.0.div_euclid(1000).to_string();
        let keys = self.secret.iter().filter_map(key);
        let signatures: Vec<String> =
            keys.map(|key| signature(&key, message.reference, &seconds, &call.body)).collect();
        call.header("webhook-id", message.reference.to_owned())
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
    }

    fn repeats(&self) -> bool {
        true
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let answer = json::parse(body).unwrap_or_default();
        match status {
            200..=299 => Sent::Accepted { gateway_id: json::word(&answer, "id") },
            _ => failed(status, &json::word(&answer, "error").unwrap_or_default()),
        }
    }
}

fn message(item: &Value) -> Result<InboundMessage, Malformed> {
    Ok(InboundMessage {
        external_id: json::needed(item, "id")?,
        from: json::needed(item, "from")?,
        to: json::word(item, "to"),
        text: json::text(item, "text").ok_or(Malformed::Missing("text"))?,
        sent_at: json::time(item, "sent_at"),
        part: item.get("part").filter(|part| !part.is_null()).map(part).transpose()?,
    })
}

fn part(part: &Value) -> Result<Part, Malformed> {
    let number = |name| part.get(name).and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
    let of =
        number("of").filter(|of| (1..=255).contains(of)).ok_or(Malformed::Missing("part.of"))?;
    let within = |number: &u16| (1..=of).contains(number);
    let number = number("number").filter(within).ok_or(Malformed::Missing("part.number"))?;
    Ok(Part { reference: json::needed(part, "reference")?, number, of })
}

fn report(item: &Value) -> Result<DeliveryReport, Malformed> {
    let state = match json::needed(item, "state")?.as_str() {
        "accepted" => Delivery::Accepted,
        "sent" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        "failed" => Delivery::Failed,
        _ => return Err(Malformed::Missing("state")),
    };
    let reason = json::word(item, "reason").map(|reason| told(&reason));
    Ok(DeliveryReport { reference: json::needed(item, "reference")?, state, reason })
}
