use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use rand::{CryptoRng, RngExt as _};

use super::outbox::{NewOutgoing, SmsKind, queue, stopped};
use crate::clock::Timestamp;
use crate::store::db::{Tx, on_read, on_tx};
use crate::store::lookups::{self, LookUp, LookedUp};
use crate::store::tickets::{self, Addition, DRAWS, OpenRequest};
use crate::store::writer::Durability;
use crate::store::{Asker, LINE, OpenError, Store, StoreError, TEXT, sql, tidy};
use crate::ticket::disclosure::{Disclosure, Limits};
use crate::ticket::{Intake, TicketCode, TicketId};

/// A whole message, as a gateway handed it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSms {
    pub gateway: String,
    /// The gateway's own name for it.
    pub external_id: String,
    /// As it came.
    pub sender: String,
    /// The sender in the form that tickets have; `None` for names and noise.
    pub number: Option<String>,
    pub recipient: Option<String>,
    pub body: String,
    /// By the gateway's clock.
    pub sent: Option<Timestamp>,
    /// Two messages with the same one within [`Answering::repeats`] are one message.
    pub fingerprint: Option<String>,
}

/// What the sender wants of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Open(Intake),
    LookUp {
        code: String,
    },
    Add {
        code: String,
        text: String,
    },
    Stop,
    Start,
    /// An answer that needs no rows; its name is kept.
    Tell(&'static str),
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Opened(TicketCode),
    Found {
        code: TicketCode,
        disclosure: Disclosure,
        /// The agency's name, if it may be told.
        agency: Option<String>,
        /// The agency's answer, if it may be told.
        answer: Option<String>,
    },
    NotFound,
    Exhausted,
    Added(TicketCode),
    /// Not from the number that reported.
    NotTheirs,
    Stopped,
    Started,
    Told(&'static str),
}

impl Done {
    /// The word in the row.
    fn word(&self) -> &'static str {
        match self {
            Done::Opened(_) => "opened",
            Done::Found { .. } => "found",
            Done::NotFound => "not_found",
            Done::Exhausted => "exhausted",
            Done::Added(_) => "added",
            Done::NotTheirs => "not_theirs",
            Done::Stopped => "stopped",
            Done::Started => "started",
            Done::Told(what) => what,
        }
    }
}

/// A message that came, as a row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ReceivedSms {
    pub gateway: String,
    pub external_id: String,
    pub sender: String,
    pub body: String,
    pub received: Timestamp,
    /// What was done: the name of a [`Done`] in small letters, or `repeated`.
    pub outcome: String,
    /// Of the ticket that it is about.
    pub code: Option<TicketCode>,
}

/// A message that came, for a comparison with its gateway's own records.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredSms {
    pub external_id: String,
    pub sender: String,
    pub body: String,
    /// By the gateway's clock, or else ours.
    pub at: Timestamp,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was new.
    New { done: Done, answered: bool },
    /// We have it already, by its name or by its fingerprint: nothing was done again.
    Known,
}

/// An answer in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub body: String,
    /// What the network counts it as.
    pub parts: i64,
}

/// Puts what was done into words.
pub type Wording = dyn Fn(&Done) -> Option<Words> + Send + Sync;

/// How messages are answered.
#[derive(Clone)]
pub struct Answering {
    /// The words for what was done; `None` where nothing is to be said.
    pub words: Arc<Wording>,
    /// Between two answers to one number.
    pub pause: Duration,
    /// Answers to one number within 24 hours; beyond it there is silence, for the other side may be a robot too.
    pub per_day: i64,
    /// How long the same words from the same number are the same message.
    pub repeats: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Request {
    sms: NewSms,
    wish: Wish,
    answering: Answering,
    now: Timestamp,
    codes: Vec<TicketCode>,
    reference: String,
    limits: Arc<Limits>,
    zone: TimeZone,
}

impl Request {
    /// The sender asks. Whoever can make the answer go to a number holds the telephone with that number.
    fn look_up(&self, code: &str) -> LookUp {
        let number = self.sms.number.clone();
        let asker = Asker { asserted: number.is_some(), number, call: None };
        LookUp::new(code, asker, Arc::clone(&self.limits), self.now)
    }
}

impl Store {
    /// Takes a message: writes it down, does what it asks for and queues the answer, all or none, and safe from a power
    /// cut when this returns. A message that is here already changes nothing.
    pub fn take_sms<'s>(
        &'s self,
        sms: NewSms,
        wish: Wish,
        answering: Answering,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> impl Future<Output = Result<Taken, OpenError>> + Send + use<'s> {
        let codes = (0..DRAWS).map(|_| TicketCode::generate(rng)).collect();
        let reference = reference(rng);
        let (limits, zone) = (Arc::clone(&self.limits), self.zone.clone());
        let request =
            Arc::new(Request { sms, wish, answering, now, codes, reference, limits, zone });
        async move {
            let taken = self
                .db
                .write(Durability::PowerCut, move |tx| Box::pin(take(tx, Arc::clone(&request))))
                .await?;
            if matches!(taken, Taken::New { answered: true, .. }) {
                self.sms_changed.notify_waiters();
            }
            Ok(taken)
        }
    }

    /// Messages that came, newest first.
    pub async fn sms_received(&self, limit: u32) -> Result<Vec<ReceivedSms>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SMS_RECEIVED).bind(i64::from(limit)).fetch_all(pool).await?
        ))
    }

    /// What came by a gateway since then, for a comparison with its own records.
    pub async fn sms_since(
        &self,
        gateway: &str,
        since: Timestamp,
    ) -> Result<Vec<StoredSms>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SMS_SINCE).bind(gateway).bind(since).fetch_all(pool).await?
        ))
    }
}

/// A name for a message of ours that nobody can guess, and that no earlier database gave to another.
pub(super) fn reference(rng: &mut dyn CryptoRng) -> String {
    format!("{:016x}", rng.random::<u64>())
}

async fn take(tx: &mut Tx, request: Arc<Request>) -> Result<Taken, OpenError> {
    let Request { sms, now, .. } = &*request;
    if known(tx, sms).await? {
        return Ok(Taken::Known);
    }
    if let Some(ticket) = like(tx, &request).await? {
        insert(tx, sms, "repeated", ticket, *now).await?;
        return Ok(Taken::Known);
    }
    let (done, ticket) = fulfil(tx, &request).await?;
    let id = insert(tx, sms, done.word(), ticket, *now).await?;
    let answered = answer(tx, &request, &done, id, ticket).await?;
    Ok(Taken::New { done, answered })
}

async fn known(tx: &mut Tx, sms: &NewSms) -> Result<bool, sqlx::Error> {
    let id: Option<i64> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::SMS_KNOWN)
            .bind(&sms.gateway)
            .bind(tidy(&sms.external_id, LINE))
            .fetch_optional(conn)
            .await?
    );
    Ok(id.is_some())
}

/// The ticket, if there is one, of the same message under another name.
async fn like(tx: &mut Tx, request: &Request) -> Result<Option<Option<TicketId>>, sqlx::Error> {
    let Some(fingerprint) = &request.sms.fingerprint else { return Ok(None) };
    let since = lookups::before(request.now, request.answering.repeats);
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::SMS_LIKE)
            .bind(fingerprint)
            .bind(since)
            .fetch_optional(conn)
            .await?
    ))
}

async fn insert(
    tx: &mut Tx,
    sms: &NewSms,
    outcome: &str,
    ticket: Option<TicketId>,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    // As it came, but for what no database keeps in a text.
    let body: String = sms.body.chars().filter(|c| *c != '\0').take(TEXT).collect();
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_SMS)
            .bind(&sms.gateway)
            .bind(tidy(&sms.external_id, LINE))
            .bind(tidy(&sms.sender, LINE))
            .bind(&sms.number)
            .bind(sms.recipient.as_deref().map(|to| tidy(to, LINE)))
            .bind(body)
            .bind(sms.sent)
            .bind(now)
            .bind(&sms.fingerprint)
            .bind(outcome)
            .bind(ticket)
            .fetch_one(conn)
            .await?
    ))
}

/// Does what is asked for; tells the ticket that it is about.
async fn fulfil(tx: &mut Tx, request: &Request) -> Result<(Done, Option<TicketId>), OpenError> {
    let Request { sms, wish, now, .. } = request;
    match wish {
        Wish::Open(intake) => {
            let open = OpenRequest {
                intake: intake.clone(),
                now: *now,
                codes: request.codes.clone(),
                zone: request.zone.clone(),
                by: tickets::REPORTER.into(),
            };
            let ticket = tickets::open(tx, &open).await?;
            Ok((Done::Opened(ticket.code), Some(ticket.id)))
        }
        Wish::LookUp { code } => Ok(find(tx, request.look_up(code)).await?),
        Wish::Add { code, text } => match find(tx, request.look_up(code)).await? {
            (Done::Found { code, disclosure, .. }, Some(ticket)) if disclosure.owner => {
                let addition = Addition { text: Some(text.clone()), ..Addition::default() };
                tickets::add(tx, ticket, &addition, *now).await?;
                Ok((Done::Added(code), Some(ticket)))
            }
            (Done::Found { .. }, _) => Ok((Done::NotTheirs, None)),
            other => Ok(other),
        },
        Wish::Stop => {
            on_tx!(
                tx,
                conn,
                sqlx::query(sql::STOP_SMS).bind(&sms.number).bind(now).execute(conn).await?
            );
            Ok((Done::Stopped, None))
        }
        Wish::Start => {
            on_tx!(tx, conn, sqlx::query(sql::START_SMS).bind(&sms.number).execute(conn).await?);
            Ok((Done::Started, None))
        }
        Wish::Tell(what) => Ok((Done::Told(what), None)),
    }
}

#[derive(sqlx::FromRow)]
struct AnswerRow {
    ticket: TicketId,
    agency: Option<String>,
    answer: Option<String>,
}

async fn find(tx: &mut Tx, look_up: LookUp) -> Result<(Done, Option<TicketId>), StoreError> {
    let (disclosure, code) = match (lookups::look_up(tx, &look_up).await?, look_up.code) {
        (LookedUp::Found(disclosure), Some(code)) => (disclosure, code),
        (LookedUp::Exhausted(_), _) => return Ok((Done::Exhausted, None)),
        _ => return Ok((Done::NotFound, None)),
    };
    let row: AnswerRow =
        on_tx!(tx, conn, sqlx::query_as(sql::ANSWER_OF_TICKET).bind(&code).fetch_one(conn).await?);
    let agency = row.agency.filter(|_| disclosure.agency.is_some());
    let answer = row.answer.filter(|_| disclosure.answer_available);
    Ok((Done::Found { code, disclosure, agency, answer }, Some(row.ticket)))
}

/// Queues the answer, unless its limits or the sender's wish stand against it.
async fn answer(
    tx: &mut Tx,
    request: &Request,
    done: &Done,
    id: i64,
    ticket: Option<TicketId>,
) -> Result<bool, OpenError> {
    let Request { sms, answering, now, reference, .. } = request;
    // Names and short codes are other machines.
    let Some(number) = sms.number.as_ref().filter(|number| number.starts_with('+')) else {
        return Ok(false);
    };
    if *done != Done::Stopped && stopped(tx, number).await? {
        return Ok(false);
    }
    let Some(due) = next_answer(tx, number, answering, *now).await? else { return Ok(false) };
    let Some(Words { body, parts }) = (answering.words)(done) else { return Ok(false) };
    let outgoing = NewOutgoing {
        gateway: sms.gateway.clone(),
        number: number.clone(),
        body,
        parts,
        kind: SmsKind::Answer,
        ticket,
        due,
    };
    Ok(queue(tx, &outgoing, reference, Some(id), *now).await?.is_some())
}

#[derive(sqlx::FromRow)]
struct Answered {
    answers: i64,
    newest: Option<Timestamp>,
}

/// When a number may be answered next; `None` if it had enough for a day.
async fn next_answer(
    tx: &mut Tx,
    number: &str,
    answering: &Answering,
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let had: Answered = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::SMS_ANSWERS_SINCE)
            .bind(number)
            .bind(lookups::before(now, DAY))
            .fetch_one(conn)
            .await?
    );
    let due = had.newest.map_or(now, |newest| now.max(newest + answering.pause));
    Ok((had.answers < answering.per_day).then_some(due))
}
