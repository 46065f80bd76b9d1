//! Gammu SMSD: a modem on this machine. Its `RunOnReceive` program posts what it finds in its environment as a form;
//! messages leave by `gammu-smsd-inject`, for there is no HTTP.

pub mod inbox;

use ipnet::IpNet;
use serde::Deserialize;

use super::fields::Fields;
use super::outgoing::{is_unicode, told};
use super::{
    Ack, Call, Command, Gateway, InboundMessage, Incoming, Malformed, Misconfigured, Outbound,
    OutboundMessage, Request, Secrets, Sent, Unverified, auth, encoding,
};
use crate::clock::Timestamp;

/// More parts than a message can have.
const PARTS: usize = 255;

/// Keys of `type = "gammu"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gammu {
    /// `token=` in the address that the hook posts to.
    #[serde(default)]
    pub token: Secrets,
    /// Networks that the hook runs in; anywhere if empty.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// SMSD's own configuration.
    #[serde(default = "smsdrc")]
    pub config: String,
    #[serde(default = "inject")]
    pub program: String,
}

fn smsdrc() -> String {
    "/etc/gammu-smsdrc".into()
}

fn inject() -> String {
    "gammu-smsd-inject".into()
}

impl Gammu {
    pub(super) fn checked(&self) -> Result<Gammu, Misconfigured> {
        self.token.needed("token")?;
        Ok(self.clone())
    }

    fn command(&self, message: &OutboundMessage<'_>) -> Command {
        // In characters; without it everything behind the 160th is cut off.
        let length = message.text.chars().count().to_string();
        let mut arguments = vec!["-c", &self.config, "TEXT", message.to, "-len", &length];
        if is_unicode(message.text) {
            arguments.push("-unicode");
        }
        Command {
            program: self.program.clone(),
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            // Or it reads the letters as Latin-1.
            environment: vec![("LC_ALL", "C.UTF-8")],
            stdin: message.text.into(),
        }
    }
}

impl Gateway for Gammu {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<(), Unverified> {
        auth::admitted(request, &self.allow)?;
        auth::token(request, &self.token)
    }

    /// SMSD may run its program again for the same message: the names of its files are the message's.
    fn parse(&self, request: &Request<'_>) -> Result<Incoming, Malformed> {
        let fields = Fields::of_form(request.body);
        let count = |name| fields.word(name).and_then(|digits| digits.parse::<usize>().ok());
        // What it has put together is better than the pieces; a message of one piece may have only those.
        let decoded = count("DECODED_PARTS").unwrap_or(0).min(PARTS);
        let pieces = count("SMS_MESSAGES").ok_or(Malformed::Missing("SMS_MESSAGES"))?.min(PARTS);
        let all = |name: fn(usize) -> String, count: usize| {
            let texts: Vec<String> = (1..=count).filter_map(|n| fields.text(&name(n))).collect();
            (!texts.is_empty()).then(|| texts.concat())
        };
        let text = all(|n| format!("DECODED_{n}_TEXT"), decoded)
            .or_else(|| all(|n| format!("SMS_{n}_TEXT"), pieces))
            .ok_or(Malformed::Missing("SMS_1_TEXT"))?;
        Ok(Incoming::Messages(vec![InboundMessage {
            external_id: fields.needed("ID")?,
            from: fields.needed("SMS_1_NUMBER")?,
            to: None,
            text,
            sent_at: None,
            part: None,
        }]))
    }

    fn ack(&self, _incoming: &Incoming) -> Ack {
        Ack::plain("")
    }

    /// Never asked for, since [`Gateway::outbound`] is another: a request to nowhere.
    fn send(&self, _message: &OutboundMessage<'_>) -> Call {
        Call { method: "GET", url: String::new(), headers: Vec::new(), body: Vec::new() }
    }

    fn sent(&self, status: u16, _body: &[u8]) -> Sent {
        Sent::Later { reason: format!("{status}: Gammu has no HTTP") }
    }

    fn outbound(&self, message: &OutboundMessage<'_>) -> Outbound {
        Outbound::Command(self.command(message))
    }

    /// `Written message with ID 17`, or the path of a file.
    fn ran(&self, status: Option<i32>, output: &[u8]) -> Sent {
        let said = encoding::decode(output, None);
        if status == Some(0) {
            let id = said.split_once("message with ID ").map(|(_, rest)| id(rest.trim()));
            return Sent::Accepted { gateway_id: id };
        }
        let status = status.map_or("killed".to_owned(), |status| format!("exit status {status}"));
        // What it is about to do comes before what went wrong.
        let last = told(said.trim().lines().last().unwrap_or_default());
        Sent::Later { reason: format!("{status} {last}").trim_end().to_owned() }
    }
}

/// The file's name as far as the number in it, which is nobody's business.
fn id(path: &str) -> String {
    let line = path.lines().next().unwrap_or_default();
    let name = line.rsplit('/').next().unwrap_or_default();
    name.split("_+").next().unwrap_or_default().to_owned()
}
