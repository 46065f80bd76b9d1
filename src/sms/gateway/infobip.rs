//! Infobip: JSON with several messages or reports in one post. Nothing is signed.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::outgoing::{digits, failed, form, post_json, told, with_query};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Request, Secrets, Sent, Unverified, auth, international, json,
    readable,
};
use crate::clock::Timestamp;

/// Keys of `type = "infobip"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Infobip {
    /// `token=` in the address.
    #[serde(default)]
    pub token: Secrets,
    /// Networks that posts come from; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// The account's own address: `https://xxxxx.api.infobip.com`.
    pub url: String,
    /// The API key.
    #[serde(default)]
    pub password: Secrets,
    /// The sender that is shown.
    pub from: String,
    /// Our address, for delivery reports; without it those of the account's settings.
    pub public_url: Option<String>,
}

impl Infobip {
    pub(super) fn checked(&self) -> Result<Infobip, Misconfigured> {
        self.token.needed("token")?;
        self.password.needed("password")?;
        Ok(self.clone())
    }
}

impl Gateway for Infobip {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        auth::token(request, &self.token)
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let post = json::of(request)?;
        let results = json::list(&post, "results");
        // A post has results of one kind.
        if results.iter().any(|result| result.get("status").is_some()) {
            return readable(results.iter().map(report)).map(Incoming::reports);
        }
        readable(results.iter().map(message)).map(Incoming::messages)
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack::plain("")
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let to = json!({ "to": digits(message.to), "messageId": message.reference });
        let mut item = json!({
            "sender": self.from,
            "destinations": [to],
            "content": { "text": message.text },
        });
        if let Some(url) = &self.public_url {
            let url = with_query(url, &form(&[("token", self.token.newest())]));
            item["webhooks"] =
                json!({ "delivery": { "url": url }, "contentType": "application/json" });
        }
        let url = format!("{}/sms/3/messages", self.url.trim_end_matches('/'));
        let key = format!("App {}", self.password.newest());
        post_json(&url, &json!({ "messages": [item] })).header("authorization", key)
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let answer = json::parse(body).unwrap_or_default();
        if !(200..=299).contains(&status) {
            let error = &answer["requestError"]["serviceException"];
            return failed(status, &json::word(error, "messageId").unwrap_or_default());
        }
        let Some(message) = json::list(&answer, "messages").first() else {
            return failed(502, "an answer without a message");
        };
        let name = json::word(&message["status"], "name").unwrap_or_default();
        match state(message) {
            // Ours to mend.
            Some(Delivery::Failed) if name.contains("CREDITS") || name.contains("SENDER") => {
                Sent::Later { reason: told(&name) }
            }
            Some(Delivery::Failed) => Sent::Refused { reason: told(&name) },
            _ => Sent::Accepted { gateway_id: json::word(message, "messageId") },
        }
    }
}

fn message(result: &Value) -> Result<InboundMessage, Malformed> {
    let text = json::text(result, "text").or_else(|| json::text(result, "cleanText"));
    Ok(InboundMessage {
        external_id: json::needed(result, "messageId")?,
        from: international(&json::needed(result, "from")?),
        to: json::word(result, "to"),
        text: text.ok_or(Malformed::Missing("text"))?,
        sent_at: json::time(result, "receivedAt"),
        part: None,
    })
}

fn report(result: &Value) -> Result<DeliveryReport, Malformed> {
    let state = state(result).ok_or(Malformed::Missing("status.groupName"))?;
    let said =
        json::word(&result["error"], "name").or_else(|| json::word(&result["status"], "name"));
    let reason = said.filter(|_| state == Delivery::Failed).map(|name| told(&name));
    Ok(DeliveryReport { reference: json::needed(result, "messageId")?, state, reason })
}

fn state(result: &Value) -> Option<Delivery> {
    match json::word(&result["status"], "groupName")?.as_str() {
        "ACCEPTED" | "PENDING" => Some(Delivery::Sent),
        "DELIVERED" => Some(Delivery::Delivered),
        "UNDELIVERABLE" | "EXPIRED" | "REJECTED" => Some(Delivery::Failed),
        _ => None,
    }
}
