//! Where messages arrive: what one asks for is read, the store does it, and the answer is put into words.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::command::{self, Command};
use super::gateway::{DeliveryReport, InboundMessage, Part};
use super::reply::{Replies, Reply};
use super::segment::size;
use super::{Config, gateway};
use crate::clock::{Clock, Timestamp};
use crate::store::{
    Answering, Done, NewPart, NewSms, OpenError, SmsState, Store, StoreError, Taken, Whole, Wish,
    Words,
};
use crate::ticket::contact::normalise;
use crate::ticket::disclosure::Disclosure;
use crate::ticket::{Channel, Class, Contact, Intake, TicketCode};

/// The same words from the same number within this time are one message.
const REPEATS: Duration = Duration::from_secs(10 * 60);
/// Pieces of a long message are waited for so long.
const PIECES: Duration = Duration::from_secs(24 * 3600);
/// Unfinished messages looked at in one go.
const STALE: u32 = 100;

/// Takes what comes, for all gateways.
pub struct Desk {
    store: Store,
    clock: Arc<dyn Clock>,
    keywords: Vec<String>,
    own_numbers: Vec<String>,
    answering: Answering,
}

impl Desk {
    /// A desk that answers by `replies`; dates are those of `zone`.
    pub fn new(
        config: &Config,
        replies: Arc<Replies>,
        zone: TimeZone,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> Desk {
        let words = move |done: &Done| {
            let body = replies.text(&reply(done, &zone)?);
            let parts = size(&body).parts as i64;
            Some(Words { body, parts })
        };
        let answering = Answering {
            words: Arc::new(words),
            pause: Duration::from_secs(config.limits.pause.into()),
            per_day: config.limits.answers_per_day.into(),
            repeats: REPEATS,
        };
        Desk {
            store,
            clock,
            keywords: config.keywords.clone(),
            own_numbers: config.own_numbers.iter().filter_map(|own| normalise(own)).collect(),
            answering,
        }
    }

    /// The present, by the desk's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes a message; when this returns, it is on disk and its gateway may forget it.
    pub async fn receive(&self, gateway: &str, message: InboundMessage) -> Result<(), OpenError> {
        let Some(part) = message.part.clone() else {
            return self.take(whole(gateway, message)).await;
        };
        match self.store.keep_part(piece(gateway, message, part), self.now()).await? {
            Some(joined) => self.take_joined(joined).await,
            None => Ok(()),
        }
    }

    /// Takes long messages whose missing pieces are not waited for any longer.
    pub async fn take_unfinished(&self) -> Result<(), OpenError> {
        let before = Timestamp(self.now().0 - PIECES.as_millis() as i64);
        for joined in self.store.stale_parts(before, STALE).await? {
            self.take_joined(joined).await?;
        }
        Ok(())
    }

    async fn take_joined(&self, joined: Whole) -> Result<(), OpenError> {
        let Whole { id, gateway, external_id, sender, recipient, body, sent } = joined;
        let arrived = Arrived { gateway, external_id, sender, recipient, body, sent };
        self.take(arrived).await?;
        Ok(self.store.parts_taken(id).await?)
    }

    async fn take(&self, arrived: Arrived) -> Result<(), OpenError> {
        let number = normalise(&arrived.sender);
        let wish = self.wish(&arrived, number.as_deref());
        let fingerprint = fingerprint(&arrived, &wish);
        let Arrived { gateway, external_id, sender, recipient, body, sent } = arrived;
        let label = gateway.clone();
        let sms =
            NewSms { gateway, external_id, sender, number, recipient, body, sent, fingerprint };
        #[expect(clippy::disallowed_methods, reason = "the edge that draws the codes")]
        let taking =
            self.store.take_sms(sms, wish, self.answering.clone(), self.now(), &mut rand::rng());
        let outcome = match taking.await? {
            Taken::New { .. } => "new",
            Taken::Known => "repeated",
        };
        metrics::counter!("kentongan_sms_received_total", "gateway" => label, "outcome" => outcome)
            .increment(1);
        Ok(())
    }

    fn wish(&self, arrived: &Arrived, number: Option<&str>) -> Wish {
        match number {
            // Names and short codes are other machines: what they advertise is no report.
            Some(number) if !number.starts_with('+') => return Wish::Tell("machine"),
            None => return Wish::Tell("machine"),
            Some(number) if self.is_ours(number, arrived) => return Wish::Tell("own"),
            Some(_) => {}
        }
        match command::parse(&arrived.body, &self.keywords) {
            Command::Report(text) => Wish::Open(intake(text, number)),
            Command::Status(code) => Wish::LookUp { code },
            Command::Add { code, text } => Wish::Add { code, text },
            Command::Stop => Wish::Stop,
            Command::Start => Wish::Start,
            Command::Info => Wish::Tell("info"),
            Command::Help | Command::Empty => Wish::Tell("help"),
        }
    }

    /// An answer to it would come back to us.
    fn is_ours(&self, number: &str, arrived: &Arrived) -> bool {
        let to = arrived.recipient.as_deref().and_then(normalise);
        self.own_numbers.iter().any(|own| own == number) || to.as_deref() == Some(number)
    }

    /// Sets down what became of a message of ours.
    pub async fn report(&self, gateway: &str, report: &DeliveryReport) -> Result<(), StoreError> {
        let state = match report.state {
            gateway::Delivery::Accepted => SmsState::Accepted,
            gateway::Delivery::Sent => SmsState::Sent,
            gateway::Delivery::Delivered => SmsState::Delivered,
            gateway::Delivery::Failed => SmsState::Failed,
        };
        let (reference, reason) = (&report.reference, report.reason.as_deref());
        self.store.report_sms(gateway, reference, state, reason, self.now()).await.map(drop)
    }
}

/// A whole message that arrived.
struct Arrived {
    gateway: String,
    external_id: String,
    sender: String,
    recipient: Option<String>,
    body: String,
    sent: Option<Timestamp>,
}

fn whole(gateway: &str, message: InboundMessage) -> Arrived {
    let InboundMessage { external_id, from, to, text, sent_at, .. } = message;
    let gateway = gateway.to_owned();
    Arrived { gateway, external_id, sender: from, recipient: to, body: text, sent: sent_at }
}

fn piece(gateway: &str, message: InboundMessage, part: Part) -> NewPart {
    NewPart {
        gateway: gateway.to_owned(),
        external_id: message.external_id,
        sender: message.from,
        recipient: message.to,
        reference: part.reference,
        number: part.number,
        parts: part.of,
        body: message.text,
        sent: message.sent_at,
    }
}

/// A report by short message: from a number that its gateway vouches for.
fn intake(text: String, number: Option<&str>) -> Intake {
    Intake {
        channel: Channel::Sms,
        class: Class::Complaint,
        contact: Contact { number: number.map(str::to_owned), asserted: number.is_some() },
        call: None,
        recordings: Vec::new(),
        text: Some(text),
        anonymous: false,
        confidential: false,
    }
}

/// What makes two messages one. The same report twice is one report, whenever it was written; the same question twice
/// is two, unless the same moment is written on both.
fn fingerprint(arrived: &Arrived, wish: &Wish) -> Option<String> {
    let moment = match wish {
        Wish::Open(_) | Wish::Add { .. } => String::new(),
        _ => arrived.sent?.0.to_string(),
    };
    let words: String = arrived.body.trim().nfc().collect();
    let sender = normalise(&arrived.sender).unwrap_or_else(|| arrived.sender.clone());
    let recipient = arrived.recipient.clone().unwrap_or_default();
    let mut hash = Sha256::new();
    for piece in [&sender, &recipient, &moment, &words] {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece);
    }
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The answer to what was done; `None` where none is given.
fn reply(done: &Done, zone: &TimeZone) -> Option<Reply> {
    Some(match done {
        Done::Opened(code) => Reply::Received { code: code.to_string() },
        Done::Found { code, disclosure, agency, answer } => {
            found(code, disclosure, agency.clone(), answer.clone(), zone)
        }
        Done::NotFound => Reply::NotFound,
        Done::Exhausted => Reply::TooOften,
        Done::Added(code) => Reply::Added { code: code.to_string() },
        Done::NotTheirs => Reply::NotTheirs,
        Done::Stopped => Reply::Stopped,
        Done::Started => Reply::Started,
        Done::Told("info") => Reply::Info,
        Done::Told("help") => Reply::Help,
        Done::Told(_) => return None,
    })
}

fn found(
    code: &TicketCode,
    disclosure: &Disclosure,
    agency: Option<String>,
    answer: Option<String>,
    zone: &TimeZone,
) -> Reply {
    let code = code.to_string();
    let Some(status) = disclosure.status else { return Reply::Confidential { code } };
    let status = status.word().to_owned();
    let date = disclosure.updated.map(|at| date(at, zone)).unwrap_or_default();
    match answer {
        Some(answer) => {
            let agency = agency.unwrap_or_else(|| "kami".into());
            Reply::Answer { code, status, date, agency, answer }
        }
        None => Reply::Status { code, status, date, agency },
    }
}

const MONTHS: [&str; 12] = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
];

/// `2 Mei 2026`, as on the reader's wall.
fn date(at: Timestamp, zone: &TimeZone) -> String {
    let Ok(at) = jiff::Timestamp::from_millisecond(at.0) else { return String::new() };
    let day = at.to_zoned(zone.clone()).date();
    let month = MONTHS[usize::from(day.month().unsigned_abs()) - 1];
    format!("{} {month} {}", day.day(), day.year())
}

#[cfg(test)]
mod tests;
