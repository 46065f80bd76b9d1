//! Vonage's SMS API: GET, form or JSON; long messages come in parts, to be joined by us.
//!
//! Signed posts are a setting of the account (`SHA-256 HMAC`); without a secret the token in the address must do.

use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{self, Fields};
use super::outgoing::{digits, failed, is_unicode, post_form, told};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Part, Request, Secrets, Sent, Unverified, auth, encoding,
    international, json, outgoing,
};
use crate::clock::Timestamp;

/// Keys of `type = "vonage"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vonage {
    /// The account's signature secret; the method must be `SHA-256 HMAC`.
    #[serde(default)]
    pub secret: Secrets,
    /// `token=` in the address, where posts are not signed.
    #[serde(default)]
    pub token: Secrets,
    /// Networks that posts come from; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// How old a signature may be. Posts are repeated for a day; raise this if repeated ones keep their first time.
    #[serde(default = "window")]
    pub window_seconds: u64,
    pub key: String,
    /// The API secret, to send.
    #[serde(default)]
    pub password: Secrets,
    /// The sender that is shown.
    pub from: String,
    /// Our address, for delivery reports; without it those of the account's settings.
    pub public_url: Option<String>,
    #[serde(default = "server")]
    pub url: String,
}

fn server() -> String {
    "https://rest.nexmo.com/sms/json".into()
}

fn window() -> u64 {
    auth::WINDOW.as_secs()
}

impl Vonage {
    pub(super) fn checked(&self) -> Result<Vonage, Misconfigured> {
        self.secret.needed("secret").or_else(|_| self.token.needed("secret or token"))?;
        self.password.needed("password")?;
        Ok(self.clone())
    }
}

/// The fields by name as `&name=value`, without the signature; what would end a value early is replaced.
fn signed_text(fields: &Fields) -> Vec<u8> {
    let mut pairs: Vec<(&str, &[u8])> = fields.iter().filter(|(name, _)| *name != "sig").collect();
    pairs.sort_unstable_by_key(|(name, _)| *name);
    let safe = |byte: &u8| if matches!(byte, b'&' | b'=') { b'_' } else { *byte };
    let mut text = Vec::new();
    for (name, value) in pairs {
        text.push(b'&');
        text.extend(name.bytes());
        text.push(b'=');
        text.extend(value.iter().map(safe));
    }
    text
}

impl Gateway for Vonage {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        if self.secret.newest().is_empty() {
            return auth::token(request, &self.token);
        }
        let fields = Fields::of(request).map_err(|_| Unverified::NoSignature)?;
        let given = fields.raw("sig").ok_or(Unverified::NoSignature)?;
        let given = encoding::unhex(given.trim_ascii()).ok_or(Unverified::WrongSignature)?;
        let text = signed_text(&fields);
        if !self.secret.any(|key| auth::same(&given, &auth::hmac_sha256(key, &[&text]))) {
            return Err(Unverified::WrongSignature);
        }
        let signed = fields.word("timestamp").ok_or(Unverified::NoTime)?;
        auth::fresh(&signed, now, Duration::from_secs(self.window_seconds))
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let fields = Fields::of(request)?;
        if let Some(status) = fields.word("status") {
            return report(&status, &fields);
        }
        if fields.word("type").as_deref() == Some("binary")
            || fields.word("messageId").is_none() && fields.word("msisdn").is_none()
        {
            return Ok(Incoming::Nothing);
        }
        Ok(Incoming::Messages(vec![InboundMessage {
            external_id: fields.needed("messageId")?,
            from: international(&fields.needed("msisdn")?),
            to: fields.word("to"),
            text: fields.text("text").ok_or(Malformed::Missing("text"))?,
            sent_at: fields.word("message-timestamp").and_then(|time| fields::local(&time, 0)),
            part: part(&fields),
        }]))
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack::plain("")
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let kind = if is_unicode(message.text) { "unicode" } else { "text" };
        let mut fields = vec![
            ("api_key", self.key.as_str()),
            ("api_secret", self.password.newest()),
            ("to", digits(message.to)),
            ("from", &self.from),
            ("text", message.text),
            ("type", kind),
            ("client-ref", message.reference),
        ];
        let token = self.token.iter().next().map(|token| outgoing::form(&[("token", token)]));
        let callback = self.public_url.as_ref().map(|url| match &token {
            Some(token) => outgoing::with_query(url, token),
            None => url.clone(),
        });
        if let Some(callback) = &callback {
            fields.extend([("status-report-req", "1"), ("callback", callback)]);
        }
        post_form(&self.url, &fields)
    }

    /// Always 200: what was wrong is said for each part.
    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let answer = json::parse(body).unwrap_or_default();
        let parts = json::list(&answer, "messages");
        if !(200..=299).contains(&status) || parts.is_empty() {
            return failed(if status == 200 { 502 } else { status }, "");
        }
        let code = |part: &Value| json::word(part, "status").unwrap_or_default();
        match parts.iter().find(|part| code(part) != "0") {
            None => Sent::Accepted { gateway_id: json::word(&parts[0], "message-id") },
            // Some parts are on their way: a second attempt would send those twice.
            Some(part) if parts.iter().any(|part| code(part) == "0") => refused(part),
            Some(part) => match code(part).as_str() {
                // Missing or invalid fields, a barred number, a message too long.
                "2" | "3" | "6" | "7" | "12" | "15" | "22" | "33" => refused(part),
                _ => Sent::Later { reason: reason(part) },
            },
        }
    }
}

fn refused(part: &Value) -> Sent {
    Sent::Refused { reason: reason(part) }
}

fn reason(part: &Value) -> String {
    let said = [json::word(part, "status"), json::word(part, "error-text")];
    told(&said.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// A message with unusable numbers is taken for a whole one rather than lost.
fn part(fields: &Fields) -> Option<Part> {
    if fields.word("concat").as_deref() != Some("true") {
        return None;
    }
    let number = |name| fields.word(name).and_then(|digits| digits.parse::<u16>().ok());
    let (number, of) = (number("concat-part")?, number("concat-total")?);
    let reference = fields.word("concat-ref")?;
    (1 <= number && number <= of && of <= 255).then_some(Part { reference, number, of })
}

fn report(status: &str, fields: &Fields) -> Result<Incoming, Malformed> {
    let state = match status {
        "delivered" => Delivery::Delivered,
        "accepted" | "buffered" => Delivery::Sent,
        "expired" | "failed" | "rejected" | "deleted" | "undeliverable" => Delivery::Failed,
        _ => return Ok(Incoming::Nothing),
    };
    let reference = fields.word("client-ref").map_or_else(|| fields.needed("messageId"), Ok)?;
    let reason = (state == Delivery::Failed)
        .then(|| told(&format!("{status} {}", fields.word("err-code").unwrap_or_default())));
    Ok(Incoming::Reports(vec![DeliveryReport { reference, state, reason }]))
}
