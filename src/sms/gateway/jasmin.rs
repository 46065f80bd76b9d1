//! Jasmin: an SMPP gateway that throws messages at our address by GET or POST and throws them again until it hears
//! exactly `ACK/Jasmin`. Nothing is signed.

use ipnet::IpNet;
use serde::Deserialize;

use super::fields::Fields;
use super::outgoing::{failed, form, is_unicode, post_form, told, with_query};
use super::{
    Ack, Call, Delivery, DeliveryReport, Gateway, InboundMessage, Incoming, Malformed,
    Misconfigured, OutboundMessage, Request, Secrets, Sent, Unverified, auth, encoding,
};
use crate::clock::Timestamp;

/// Keys of `type = "jasmin"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jasmin {
    /// `token=` in the address of the HTTP client connector.
    #[serde(default)]
    pub token: Secrets,
    /// Networks that Jasmin is in; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// `http://127.0.0.1:1401/send`
    pub url: String,
    pub username: String,
    #[serde(default)]
    pub password: Secrets,
    /// The sender that is shown.
    pub from: Option<String>,
    /// Our address as Jasmin reaches it, for delivery reports; without it there are none.
    pub public_url: Option<String>,
    /// What the network means by coding 0.
    #[serde(default)]
    pub alphabet: Alphabet,
}

/// Letters of coding 0, "the SMSC's default".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    #[default]
    Gsm7,
    Latin1,
}

impl Jasmin {
    pub(super) fn checked(&self) -> Result<Jasmin, Misconfigured> {
        self.token.needed("token")?;
        self.password.needed("password")?;
        Ok(self.clone())
    }

    fn text(&self, raw: &[u8], coding: &str) -> String {
        match (coding, self.alphabet) {
            ("8", _) => encoding::utf16(raw),
            ("0", Alphabet::Gsm7) => encoding::gsm7(raw),
            ("0", Alphabet::Latin1) | ("3", _) => encoding::decode(raw, Some("ISO-8859-1")),
            _ => encoding::decode(raw, None),
        }
    }
}

impl Gateway for Jasmin {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        auth::token(request, &self.token)
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let fields = Fields::of(request)?;
        if let Some(status) = fields.word("message_status") {
            return report(&status, &fields);
        }
        let coding = fields.word("coding").unwrap_or_else(|| "0".into());
        // The same in hexadecimal, which no encoding of forms can change.
        let binary =
            fields.raw("binary").and_then(encoding::unhex).filter(|bytes| !bytes.is_empty());
        let raw =
            binary.as_deref().or(fields.raw("content")).ok_or(Malformed::Missing("content"))?;
        Ok(Incoming::Messages(vec![InboundMessage {
            external_id: fields.needed("id")?,
            from: fields.needed("from")?,
            to: fields.word("to"),
            text: self.text(raw, &coding),
            sent_at: None,
            part: None,
        }]))
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack { status: 200, content_type: "text/plain", body: "ACK/Jasmin".into() }
    }

    /// In hexadecimal: how `content` is coded differs from version to version.
    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let (coding, content) = match (is_unicode(message.text), self.alphabet) {
            (true, _) => ("8", encoding::to_utf16(message.text)),
            (false, Alphabet::Gsm7) => ("0", encoding::to_gsm7(message.text)),
            (false, Alphabet::Latin1) if message.text.is_ascii() => ("0", message.text.into()),
            (false, Alphabet::Latin1) => ("8", encoding::to_utf16(message.text)),
        };
        let content = encoding::hex(&content);
        let mut fields = vec![
            ("username", self.username.as_str()),
            ("password", self.password.newest()),
            ("to", message.to),
            ("coding", coding),
            ("hex-content", &content),
        ];
        fields.extend(self.from.as_deref().map(|from| ("from", from)));
        let ours = form(&[("token", self.token.newest()), ("ref", message.reference)]);
        let dlr = self.public_url.as_ref().map(|url| with_query(url, &ours));
        if let Some(dlr) = &dlr {
            fields.extend([
                ("dlr", "yes"),
                ("dlr-level", "3"),
                ("dlr-method", "POST"),
                ("dlr-url", dlr),
            ]);
        }
        post_form(&self.url, &fields)
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let said = encoding::decode(body, None);
        let said = said.trim();
        match said.strip_prefix("Success \"").and_then(|rest| rest.strip_suffix('"')) {
            Some(id) if status == 200 => Sent::Accepted { gateway_id: Some(id.into()) },
            _ => failed(status, said),
        }
    }
}

fn report(status: &str, fields: &Fields) -> Result<Incoming, Malformed> {
    let state = match status {
        "DELIVRD" => Delivery::Delivered,
        "ESME_ROK" | "ACCEPTD" | "ENROUTE" | "UNKNOWN" => Delivery::Sent,
        _ => Delivery::Failed,
    };
    let reference = fields.word("ref").map_or_else(|| fields.needed("id"), Ok)?;
    let reason = (state == Delivery::Failed)
        .then(|| told(&format!("{status} {}", fields.word("err").unwrap_or_default())));
    Ok(Incoming::Reports(vec![DeliveryReport { reference, state, reason }]))
}
