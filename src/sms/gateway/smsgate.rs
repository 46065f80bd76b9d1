//! SMS Gateway for Android (sms-gate.app): a telephone with a SIM card. JSON events, signed over body and time.
//!
//! Messages to its API have our reference as their `id`, which makes a second attempt harmless.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::outgoing::{failed, post_json, told};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Request, Secrets, Sent, Unverified, auth, encoding, json,
};
use crate::clock::Timestamp;

/// Keys of `type = "smsgate"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsGate {
    /// The app's signing key (Settings, Webhooks).
    #[serde(default)]
    pub secret: Secrets,
    /// Networks that posts come from; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// The app's own server (`http://TELEPHONE:8080/message`), or the public one.
    #[serde(default = "public_server")]
    pub url: String,
    pub username: String,
    #[serde(default)]
    pub password: Secrets,
    /// Which SIM card sends, from 1; else the telephone's default.
    pub sim: Option<u8>,
}

fn public_server() -> String {
    "https://api.sms-gate.app/3rdparty/v1/messages".into()
}

impl SmsGate {
    pub(super) fn checked(&self) -> Result<SmsGate, Misconfigured> {
        self.secret.needed("secret")?;
        self.password.needed("password")?;
        Ok(self.clone())
    }
}

impl Gateway for SmsGate {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        let given = request.header("x-signature").ok_or(Unverified::NoSignature)?;
        let seconds = request.header("x-timestamp").ok_or(Unverified::NoTime)?;
        let given = encoding::unhex(given.trim().as_bytes()).ok_or(Unverified::WrongSignature)?;
        let signed = |key: &[u8]| auth::hmac_sha256(key, &[request.body, seconds.as_bytes()]);
        if !self.secret.any(|key| auth::same(&given, &signed(key))) {
            return Err(Unverified::WrongSignature);
        }
        auth::fresh(seconds, now, auth::WINDOW)
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let event = json::of(request)?;
        let payload = &event["payload"];
        let state = match json::needed(&event, "event")?.as_str() {
            "sms:received" => return message(&event, payload),
            "sms:sent" => Delivery::Sent,
            // Once for each part.
            "sms:delivered" => Delivery::Delivered,
            "sms:failed" | "sms:cancelled" => Delivery::Failed,
            _ => return Ok(Incoming::Nothing),
        };
        let reason = json::word(payload, "reason").filter(|_| state == Delivery::Failed);
        let reference = json::needed(payload, "messageId")?;
        Ok(Incoming::Reports(vec![DeliveryReport {
            reference,
            state,
            reason: reason.map(|r| told(&r)),
        }]))
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack::plain("")
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let mut body = json!({
            "id": message.reference,
            "textMessage": { "text": message.text },
            "phoneNumbers": [message.to],
            "withDeliveryReport": true,
        });
        if let Some(sim) = self.sim {
            body["simNumber"] = sim.into();
        }
        post_json(&self.url, &body).basic(&self.username, self.password.newest())
    }

    fn repeats(&self) -> bool {
        true
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let answer = json::parse(body).unwrap_or_default();
        match status {
            200..=299 => Sent::Accepted { gateway_id: json::word(&answer, "id") },
            // It has this id already: an attempt whose answer was lost.
            409 => Sent::Accepted { gateway_id: None },
            _ => failed(status, &json::word(&answer, "message").unwrap_or_default()),
        }
    }
}

/// The payload's `messageId` is made from the text: two that say "tolong" share it. Older versions say `phoneNumber`.
fn message(event: &Value, payload: &Value) -> Result<Incoming, Malformed> {
    let from = json::word(payload, "sender").or_else(|| json::word(payload, "phoneNumber"));
    Ok(Incoming::Messages(vec![InboundMessage {
        external_id: json::needed(event, "id")?,
        from: from.ok_or(Malformed::Missing("sender"))?,
        to: json::word(payload, "recipient"),
        text: json::text(payload, "message").ok_or(Malformed::Missing("message"))?,
        sent_at: json::time(payload, "receivedAt"),
        part: None,
    }]))
}
