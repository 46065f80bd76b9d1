//! WhatsApp's Cloud API: text in and out through the same door as short messages.
//!
//! The signature covers no time; a replay is known by the message's id. Answers may be sent for 24 hours after somebody's
//! last message; later ones are refused by WhatsApp, for they would need a template that it has approved.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields::{self, Fields};
use super::outgoing::{digits, failed, post_json, told};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Request, Secrets, Sent, Unverified, auth, encoding,
    international, json, outgoing, readable,
};
use crate::clock::Timestamp;

/// Keys of `type = "whatsapp"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatsApp {
    /// The app secret, which signs posts.
    #[serde(default)]
    pub secret: Secrets,
    /// The verify token, which is asked for once, when the hook is set up.
    #[serde(default)]
    pub token: Secrets,
    /// Networks that posts come from; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// The id of our number.
    pub phone_number_id: String,
    /// A system user's access token.
    #[serde(default)]
    pub password: Secrets,
    #[serde(default = "server")]
    pub url: String,
}

fn server() -> String {
    "https://graph.facebook.com/v23.0".into()
}

impl WhatsApp {
    pub(super) fn checked(&self) -> Result<WhatsApp, Misconfigured> {
        self.secret.needed("secret")?;
        self.token.needed("token")?;
        self.password.needed("password")?;
        Ok(self.clone())
    }
}

impl Gateway for WhatsApp {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        if request.method == "GET" {
            let fields = Fields::of_query(request.query);
            let given = fields.raw("hub.verify_token").ok_or(Unverified::NoToken)?;
            let is_right = self.token.any(|token| auth::same(given, token));
            return if is_right { Ok(()) } else { Err(Unverified::WrongToken) };
        }
        let given = request.header("x-hub-signature-256").ok_or(Unverified::NoSignature)?;
        let given = given.trim().strip_prefix("sha256=").ok_or(Unverified::WrongSignature)?;
        let given = encoding::unhex(given.as_bytes()).ok_or(Unverified::WrongSignature)?;
        let is_right = |key: &[u8]| auth::same(&given, &auth::hmac_sha256(key, &[request.body]));
        if self.secret.any(is_right) { Ok(()) } else { Err(Unverified::WrongSignature) }
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        if request.method == "GET" {
            return Fields::of_query(request.query)
                .needed("hub.challenge")
                .map(Incoming::Challenge);
        }
        let post = json::of(request)?;
        let changes =
            || json::list(&post, "entry").iter().flat_map(|entry| json::list(entry, "changes"));
        let values = || changes().map(|change| &change["value"]);
        let messages = values().flat_map(|value| {
            let to = json::word(&value["metadata"], "display_phone_number");
            let items = json::list(value, "messages").iter().filter(|item| is_said(item));
            items.map(move |item| message(item, to.clone()))
        });
        // A post has one of both; if it ever had both, what citizens wrote goes first.
        match readable(messages)? {
            none if none.is_empty() => {
                let statuses = values().flat_map(|value| json::list(value, "statuses"));
                readable(statuses.filter_map(report)).map(Incoming::reports)
            }
            messages => Ok(Incoming::Messages(messages)),
        }
    }

    fn ack(&self, incoming: &Incoming) -> Ack {
        match incoming {
            Incoming::Challenge(challenge) => Ack::plain(challenge),
            _ => Ack::plain(""),
        }
    }

    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let url = format!("{}/{}/messages", self.url.trim_end_matches('/'), self.phone_number_id);
        let body = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": digits(message.to),
            "type": "text",
            "text": { "preview_url": false, "body": message.text },
            "biz_opaque_callback_data": message.reference,
        });
        post_json(&url, &body).header("authorization", format!("Bearer {}", self.password.newest()))
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let answer = json::parse(body).unwrap_or_default();
        if (200..=299).contains(&status) {
            let first = json::list(&answer, "messages").first();
            return outgoing::with_id(first.and_then(|message| json::word(message, "id")));
        }
        let code = json::word(&answer["error"], "code").unwrap_or_default();
        match code.as_str() {
            // Token or permission, rates, their own trouble: said with status 400 as well.
            "0" | "1" | "2" | "3" | "4" | "10" | "190" | "200" | "368" | "80007" | "130429"
            | "131000" | "131005" | "131016" | "131031" | "131042" | "131045" | "131048"
            | "131056" | "131057" | "133004" | "133010" => {
                Sent::Later { reason: format!("{status} {code}") }
            }
            _ => failed(status, &code),
        }
    }
}

/// Reactions and notices are not said to us.
fn is_said(item: &Value) -> bool {
    !matches!(item["type"].as_str(), Some("reaction" | "system" | "unsupported" | "unknown"))
}

/// A picture's caption and a button's words are text; what has none is empty, so that its sender is told what to do.
fn message(item: &Value, to: Option<String>) -> Result<InboundMessage, Malformed> {
    let kind = item["type"].as_str().unwrap_or("text");
    let text = match kind {
        "text" => json::text(&item["text"], "body"),
        "button" => json::text(&item["button"], "text"),
        "interactive" => {
            let pressed = ["button_reply", "list_reply"];
            pressed.iter().find_map(|kind| json::text(&item["interactive"][kind], "title"))
        }
        kind => json::text(&item[kind], "caption"),
    };
    Ok(InboundMessage {
        external_id: json::needed(item, "id")?,
        from: international(&json::needed(item, "from")?),
        to,
        text: text.unwrap_or_default(),
        sent_at: json::word(item, "timestamp").and_then(|seconds| fields::epoch(&seconds)),
        part: None,
    })
}

/// None for a state that is none of our business.
fn report(item: &Value) -> Option<Result<DeliveryReport, Malformed>> {
    let state = match item["status"].as_str()? {
        "sent" => Delivery::Sent,
        "delivered" | "read" | "played" => Delivery::Delivered,
        "failed" => Delivery::Failed,
        _ => return None,
    };
    let error = json::list(item, "errors").first();
    let reason = error.map(|error| {
        let words = [json::word(error, "code"), json::word(error, "title")];
        told(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    });
    let ours = json::word(item, "biz_opaque_callback_data");
    let reference = ours.map_or_else(|| json::needed(item, "id"), Ok);
    Some(reference.map(|reference| DeliveryReport { reference, state, reason }))
}
