//! Zenziva: it does not post. Its inbox is fetched as XML, its answers to messages of ours are JSON or XML.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use serde::Deserialize;

use super::fields::local;
use super::outgoing::{failed, form, post_form, told, with_query};
use super::{
    Ack, Call, Gateway, InboundMessage, Incoming, Malformed, Misconfigured, OutboundMessage,
    Request, Secrets, Sent, Unverified, encoding, json, readable,
};
use crate::clock::Timestamp;

/// Its clock, WIB: hours ahead of UTC.
const WIB: i8 = 7;

/// Keys of `type = "zenziva"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zenziva {
    /// `userkey`
    pub username: String,
    /// `passkey`
    #[serde(default)]
    pub password: Secrets,
    /// Where messages are sent to.
    #[serde(default = "server")]
    pub url: String,
    /// `https://SUBDOMAIN.zenziva.com/api/inboxgetall.php`; without it nothing is fetched.
    pub inbox: Option<String>,
    /// Which messages are fetched, `unread` or `all`. Those that were fetched before are known by their ids.
    #[serde(default = "unread")]
    pub status: String,
}

fn server() -> String {
    "https://console.zenziva.net/reguler/api/sendsms/".into()
}

fn unread() -> String {
    "unread".into()
}

impl Zenziva {
    pub(super) fn checked(&self) -> Result<Zenziva, Misconfigured> {
        self.password.needed("password")?;
        Ok(self.clone())
    }
}

impl Gateway for Zenziva {
    fn verify(&self, _request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        Err(Unverified::NoHook)
    }

    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        self.polled(200, request.body)
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack::plain("")
    }

    /// The number as it is dialled here: the form that its manual shows.
    fn send(&self, message: &OutboundMessage<'_>) -> Call {
        let national = message.to.strip_prefix("+62").map(|rest| format!("0{rest}"));
        let fields = [
            ("userkey", self.username.as_str()),
            ("passkey", self.password.newest()),
            ("to", national.as_deref().unwrap_or(message.to)),
            ("message", message.text),
        ];
        post_form(&self.url, &fields)
    }

    fn sent(&self, status: u16, body: &[u8]) -> Sent {
        let (id, said) = match json::parse(body) {
            Ok(answer) => (json::word(&answer, "messageId"), json::word(&answer, "text")),
            Err(_) => {
                let record =
                    records(body).unwrap_or_default().into_iter().next().unwrap_or_default();
                (field(&record, "messageId"), field(&record, "text"))
            }
        };
        let said = said.unwrap_or_default();
        match status {
            200..=299 if said.to_ascii_lowercase().contains("success") => {
                Sent::Accepted { gateway_id: id }
            }
            // It says in words alone what was wrong; most of that is ours to mend (keys, credit).
            200..=299 if said.to_ascii_lowercase().contains("nomor") => {
                Sent::Refused { reason: told(&said) }
            }
            200..=299 => Sent::Later { reason: told(&said) },
            _ => failed(status, &said),
        }
    }

    fn poll(&self) -> Option<Call> {
        let fields = [
            ("userkey", self.username.as_str()),
            ("passkey", self.password.newest()),
            ("status", &self.status),
        ];
        let url = with_query(self.inbox.as_ref()?, &form(&fields));
        Some(Call { method: "GET", url, headers: Vec::new(), body: Vec::new() })
    }

    fn polled(&self, status: u16, body: &[u8]) -> Result<Incoming, Malformed> {
        if !(200..=299).contains(&status) {
            return Err(Malformed::Status(status));
        }
        // An empty inbox is one message without an id: "Message empty".
        let records = records(body)?.into_iter().filter(|record| field(record, "id").is_some());
        readable(records.map(|record| message(&record))).map(Incoming::messages)
    }
}

/// Names and texts of the elements inside one `<message>`.
type Record = Vec<(String, String)>;

fn field(record: &Record, name: &str) -> Option<String> {
    let found = record.iter().find(|(known, _)| known == name);
    found.map(|(_, text)| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn message(record: &Record) -> Result<InboundMessage, Malformed> {
    let needed = |name| field(record, name).ok_or(Malformed::Missing(name));
    let date = field(record, "tgl").zip(field(record, "waktu"));
    Ok(InboundMessage {
        external_id: needed("id")?,
        from: needed("dari")?,
        to: None,
        text: needed("isiPesan")?,
        sent_at: date.and_then(|(day, time)| local(&format!("{day} {time}"), WIB)),
        part: None,
    })
}

/// Every `<message>`. Entities that a document defines for itself are not followed: there is nothing to expand.
fn records(body: &[u8]) -> Result<Vec<Record>, Malformed> {
    let text = encoding::decode(body, None);
    let mut reader = Reader::from_str(&text);
    // Who writes XML by hand forgets to escape.
    reader.config_mut().allow_dangling_amp = true;
    let mut reading = Reading::default();
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            // Broken off on the way: what was whole is kept.
            Err(_) if !reading.records.is_empty() => return Ok(reading.records),
            Err(_) => return Err(Malformed::Xml),
        };
        match event {
            Event::Start(tag) => reading.opened(tag.name().as_ref()),
            Event::End(tag) => reading.closed(tag.name().as_ref()),
            Event::Text(text) => reading.said(&text.decode().map_err(|_| Malformed::Xml)?),
            Event::CData(text) => reading.said(&text.decode().map_err(|_| Malformed::Xml)?),
            Event::GeneralRef(entity) => {
                let name = entity.decode().map_err(|_| Malformed::Xml)?;
                match entity.resolve_char_ref() {
                    Ok(Some(letter)) => reading.said(letter.encode_utf8(&mut [0; 4])),
                    _ => reading.said(resolve_xml_entity(&name).unwrap_or_default()),
                }
            }
            Event::Eof => return Ok(reading.records),
            _ => {}
        }
    }
}

/// How far a document has been read.
#[derive(Default)]
struct Reading {
    records: Vec<Record>,
    current: Option<Record>,
    /// Inside an element of the current message.
    inside: bool,
}

impl Reading {
    fn opened(&mut self, name: &[u8]) {
        match &mut self.current {
            Some(record) => {
                record.push((encoding::decode(name, None), String::new()));
                self.inside = true;
            }
            None if name == b"message" => self.current = Some(Record::new()),
            None => {}
        }
    }

    fn closed(&mut self, name: &[u8]) {
        if !self.inside && name == b"message" {
            self.records.extend(self.current.take());
        }
        self.inside = false;
    }

    fn said(&mut self, more: &str) {
        let last = self.current.as_mut().and_then(|record| record.last_mut());
        if let Some((_, text)) = last.filter(|_| self.inside) {
            text.push_str(more);
        }
    }
}
