//! Posts in the shapes that gateways send them. The signatures were made by another implementation.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

mod parse;
mod send;
mod verify;

/// 2026-11-26 10:00 WIB.
const NOW: Timestamp = Timestamp(1_795_662_000_000);

/// One gateway of each kind, as a site's file has them.
const SITE: &str = r#"
[kannel]
type = "kannel"
token = ["token-kannel-1", "token-kannel-2"]
allow = ["127.0.0.0/8", "::1/128"]
url = "http://127.0.0.1:13013/cgi-bin/sendsms"
username = "ivr"
password = "rahasia&1"
from = "1708"
smsc = "FAKE"
public_url = "http://127.0.0.1:8080/hooks/sms/kannel"

[smsgate]
type = "smsgate"
secret = ["kunci-android-1", "kunci-android-2"]
username = "kantor"
password = "rahasia"
sim = 1

[twilio]
type = "twilio"
account = "AC5ef8732a3c49700934481addd5ce1659"
secret = ["kunci-twilio-1", "kunci-twilio-2"]
from = "+15005550006"
public_url = "https://hotline.example/hooks/sms/twilio"

[jasmin]
type = "jasmin"
token = "token-jasmin"
url = "http://127.0.0.1:1401/send"
username = "ivr"
password = "rahasia"
public_url = "http://127.0.0.1:8080/hooks/sms/jasmin"

[vonage]
type = "vonage"
secret = "kunci-vonage"
key = "abcd1234"
password = "rahasia"
from = "HOTLINE"
public_url = "https://hotline.example/hooks/sms/vonage"

[infobip]
type = "infobip"
token = "token-infobip"
url = "https://xxxxx.api.infobip.com/"
password = "rahasia"
from = "HOTLINE"
public_url = "https://hotline.example/hooks/sms/infobip"

[whatsapp]
type = "whatsapp"
secret = "kunci-whatsapp"
token = "token-whatsapp"
phone_number_id = "106540352242922"
password = "rahasia"

[generic]
type = "generic"
secret = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
url = "https://gateway.example/send"

[gammu]
type = "gammu"
token = 1234567890

[zenziva]
type = "zenziva"
username = "kantor"
password = "rahasia"
inbox = "https://kotim.zenziva.com/api/inboxgetall.php"
"#;

fn site() -> BTreeMap<String, Config> {
    toml::from_str(SITE).expect("a site's file")
}

fn gateway(name: &str) -> Box<dyn Gateway> {
    site()[name].gateway().expect("a gateway that lacks nothing")
}

/// A gateway whose section was changed, or why it cannot be.
fn altered(name: &str, from: &str, to: &str) -> Result<Box<dyn Gateway>, String> {
    let section =
        SITE.split("\n\n").find(|section| section.trim().starts_with(&format!("[{name}]")));
    let section = section.unwrap();
    assert!(section.contains(from), "{name} has {from}");
    let site: Result<BTreeMap<String, Config>, _> = toml::from_str(&section.replace(from, to));
    let config = site.map_err(|error| error.message().to_owned())?.remove(name).unwrap();
    config.gateway().map_err(|error| error.to_string())
}

/// A request that a test holds in its hand.
#[derive(Clone)]
struct Post {
    method: &'static str,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    peer: IpAddr,
}

impl Post {
    fn new(method: &'static str, url: &str, body: impl Into<Vec<u8>>) -> Post {
        let (headers, peer) = (HeaderMap::new(), IpAddr::from([127, 0, 0, 1]));
        Post { method, url: url.into(), headers, body: body.into(), peer }
    }

    fn form(url: &str, body: impl Into<Vec<u8>>) -> Post {
        Post::new("POST", url, body).header("content-type", "application/x-www-form-urlencoded")
    }

    fn json(url: &str, body: impl Into<Vec<u8>>) -> Post {
        Post::new("POST", url, body).header("content-type", "application/json; charset=utf-8")
    }

    fn header(mut self, name: &'static str, value: &str) -> Post {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    fn peer(mut self, peer: &str) -> Post {
        self.peer = peer.parse().unwrap();
        self
    }

    fn request(&self) -> Request<'_> {
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let (url, headers, body) = (self.url.as_str(), &self.headers, self.body.as_slice());
        Request { method: self.method, url, query, headers, body, peer: self.peer }
    }

    fn verified_by(&self, gateway: &dyn Gateway, now: Timestamp) -> Result<(), Unverified> {
        gateway.verify(&self.request(), now)
    }

    fn parsed_by(&self, name: &str) -> Result<Incoming, Malformed> {
        gateway(name).parse(&self.request())
    }

    /// The only message of a post.
    fn message(&self, name: &str) -> InboundMessage {
        match self.parsed_by(name) {
            Ok(Incoming::Messages(messages)) if messages.len() == 1 => messages[0].clone(),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn report(&self, name: &str) -> (String, Delivery, Option<String>) {
        match self.parsed_by(name) {
            Ok(Incoming::Reports(reports)) if reports.len() == 1 => {
                let report = reports[0].clone();
                (report.reference, report.state, report.reason)
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn no_secret_is_shown_by_debug() {
    let shown = format!("{:?}", site());
    for secret in ["rahasia", "token-", "kunci-", "whsec_", "1234567890"] {
        assert!(SITE.contains(secret) && !shown.contains(secret), "{secret}");
    }
    let message = OutboundMessage { reference: "r-1", to: "+6281234567890", text: "Kode", at: NOW };
    for name in site().keys() {
        let shown = format!("{:?} {:?}", gateway(name).outbound(&message), gateway(name).poll());
        for secret in ["rahasia", "token-", "cmFoYXNpYQ", "Kode", "628123"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn what_a_gateway_needs_is_asked_for_by_its_name() {
    let refused = |name, from, to| altered(name, from, to).err().expect("a refusal");
    assert_eq!(refused("gammu", "token = 1234567890", "token = \"\""), "token is missing or empty");
    assert_eq!(refused("infobip", "password = \"rahasia\"", ""), "password is missing or empty");
    assert_eq!(
        refused("vonage", "secret = \"kunci-vonage\"", ""),
        "secret or token is missing or empty"
    );
    let short = refused("generic", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8G");
    assert_eq!(short, "secret is not what it should be: whsec_ and at least 24 bytes in base64");
    assert!(refused("gammu", "token", "tokne").contains("unknown field `tokne`"));
    assert!(altered("vonage", "secret = \"kunci-vonage\"", "token = \"t\"").is_ok());
}

/// Pieces of what gateways send: put together at random they go deeper than random bytes.
const PIECES: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\ud83d",
    "null",
    "-1",
    "1e999",
    "\"event\"",
    "\"payload\"",
    "\"data\"",
    "\"type\"",
    "\"sms.received\"",
    "\"results\"",
    "\"entry\"",
    "\"changes\"",
    "\"value\"",
    "\"messages\"",
    "\"statuses\"",
    "\"part\"",
    "&",
    "=",
    "%",
    "%00",
    "+",
    "text=",
    "content=",
    "binary=",
    "coding=8",
    "concat=true",
    "SMS_MESSAGES=99999999999",
    "DECODED_PARTS=255",
    "dlr=1",
    "epoch=9223372036854775807",
    "<message>",
    "</message>",
    "<id>",
    "</id>",
    "&#x110000;",
    "<![CDATA[",
    "]]>",
];

proptest! {
    #[test]
    fn no_bytes_make_any_gateway_panic_or_believe_them(
        noise: Vec<u8>,
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40),
        query in "[ -~é]{0,60}",
        get: bool,
        kind in "application/(json|x-www-form-urlencoded)|text/plain; charset=utf-16|",
        status: u16,
    ) {
        for body in [noise.clone(), pieces.concat().into_bytes(), [pieces.concat().as_bytes(), &noise].concat()] {
            let url = format!("https://hotline.example/hooks/sms/x?{query}");
            let method = if get { "GET" } else { "POST" };
            let mut post = Post::new(method, &url, body).header("content-type", &kind);
            for name in ["x-signature", "x-twilio-signature", "webhook-id", "webhook-signature", "x-hub-signature-256"] {
                post = post.header(name, "sha256=00ff");
            }
            let post = post.header("x-timestamp", "1795662000").header("webhook-timestamp", "1795662000");
            for name in site().keys() {
                let gateway = gateway(name);
                prop_assert!(post.verified_by(&*gateway, NOW).is_err(), "{}", name);
                if let Ok(incoming) = gateway.parse(&post.request()) {
                    let ack = gateway.ack(&incoming);
                    prop_assert!((200..300).contains(&ack.status));
                    // What is told as a message can be kept and answered.
                    if let Incoming::Messages(messages) = incoming {
                        prop_assert!(!messages.is_empty());
                        prop_assert!(messages.iter().all(|m| !m.external_id.is_empty() && !m.from.is_empty()));
                    }
                }
                let _ = gateway.sent(status, &post.body);
                let _ = gateway.ran(Some(0), &post.body);
                let _ = gateway.polled(200, &post.body);
            }
        }
    }

    #[test]
    fn any_text_can_be_sent(text in ".{0,200}") {
        let message = OutboundMessage { reference: "r-1", to: "+6281234567890", text: &text, at: NOW };
        for name in site().keys() {
            match gateway(name).outbound(&message) {
                Outbound::Http(call) => {
                    prop_assert!(call.url.starts_with("http") && call.url.is_ascii());
                    prop_assert!(call.url.bytes().all(|b| b.is_ascii_graphic()));
                    prop_assert!(call.headers.iter().all(|(_, value)| HeaderValue::from_str(value).is_ok()));
                }
                Outbound::Command(command) => prop_assert_eq!(command.stdin, text.as_bytes()),
            }
        }
    }
}
