use std::future::Future;
use std::sync::Arc;

use jiff::tz::TimeZone;
use rand::CryptoRng;

use super::db::{Tx, on_read, on_tx};
use super::jobs::JobKind;
use super::writer::Durability;
use super::{
    LINE, OpenError, Spoken, Store, StoreError, TEXT, deadlines, pins, search, sql, tidy,
    tidy_lines,
};
use crate::clock::Timestamp;
use crate::ticket::sla::Clocks;
use crate::ticket::{CallId, Channel, Class, Intake, RecordingId, Status, TicketCode, TicketId};

/// A ticket that was opened, or found to be open already.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Ticket {
    pub id: TicketId,
    pub code: TicketCode,
    pub status: Status,
    pub class: Class,
    pub channel: Channel,
    pub opened: Timestamp,
    pub call: Option<CallId>,
}

/// What comes to a ticket after it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    pub recordings: Vec<RecordingId>,
    pub text: Option<String>,
    /// `None` leaves it as it is.
    pub anonymous: Option<bool>,
    /// `None` leaves it as it is.
    pub confidential: Option<bool>,
    /// The PIN that its reporter locks it with; `None` leaves it as it is.
    pub pin: Option<String>,
}

/// Everything about a ticket, for those who may see everything.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketView {
    pub ticket: TicketRow,
    pub history: Vec<TicketEvent>,
    /// Its recordings, and what they say.
    pub spoken: Vec<Spoken>,
    pub messages: Vec<Message>,
}

/// Whose a ticket is: what it takes to say who may see something of it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TicketScope {
    pub id: TicketId,
    pub code: TicketCode,
    pub agency: Option<String>,
    pub anonymous: bool,
}

/// A ticket as a row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TicketRow {
    pub id: TicketId,
    pub code: TicketCode,
    pub status: Status,
    pub class: Class,
    pub channel: Channel,
    pub number: Option<String>,
    pub asserted: bool,
    pub anonymous: bool,
    pub confidential: bool,
    pub agency: Option<String>,
    pub agency_name: Option<String>,
    pub category: Option<String>,
    pub opened: Timestamp,
    pub updated: Timestamp,
    /// By when something must happen; `None` where nobody waits for the office.
    pub due: Option<Timestamp>,
    pub call: Option<CallId>,
    /// Counts the changes by staff.
    pub version: i64,
    /// Where it is, in an operator's words.
    pub place: Option<String>,
    /// The login of who works on it.
    pub assignee: Option<String>,
    pub assignee_name: Option<String>,
    /// Its reporter chose a PIN.
    pub locked: bool,
    /// The ticket that this one repeats.
    pub parent: Option<TicketCode>,
}

/// One row of a ticket's history.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TicketEvent {
    pub at: Timestamp,
    /// `reporter`, or the login of somebody who works here.
    pub actor: String,
    /// `opened`, `added`, one of the workflow's actions ([`Action::id`](crate::ticket::workflow::Action::id)), or what staff
    /// does beside it ([`Change`](super::Change)).
    pub what: String,
    pub from_status: Option<Status>,
    pub to_status: Status,
    pub note: Option<String>,
}

/// Something written about a ticket.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Message {
    pub kind: MessageKind,
    pub body: String,
    pub at: Timestamp,
}

/// Who wrote it, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum MessageKind {
    /// The report as the reporter wrote it.
    Report,
    /// What the reporter added.
    Addition,
    /// The agency's answer to the reporter.
    Answer,
}

/// Codes drawn for one ticket. With a million tickets open, all of them taken is one chance in 10^13.
pub(super) const DRAWS: usize = 16;

impl Store {
    /// The one door for new tickets: the ticket, its history, its recordings, its text and the transcription jobs, all
    /// or none, and safe from a power cut when this returns.
    ///
    /// Opening twice is harmless: when one of the recordings belongs to a ticket already, that ticket is returned and
    /// the other recordings are added to it.
    pub fn open_ticket<'s>(
        &'s self,
        intake: Intake,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> impl Future<Output = Result<Ticket, OpenError>> + Send + use<'s> {
        // Drawn beforehand: the generator stays with the caller, the writing is done by another task.
        let codes: Vec<TicketCode> = (0..DRAWS).map(|_| TicketCode::generate(rng)).collect();
        let request =
            OpenRequest { intake, now, codes, zone: self.zone.clone(), by: REPORTER.into() };
        let request = Arc::new(request);
        async move {
            let ticket = self
                .db
                .write(Durability::PowerCut, move |tx| {
                    let request = Arc::clone(&request);
                    Box::pin(async move { open(tx, &request).await })
                })
                .await?;
            self.jobs_changed.notify_waiters();
            Ok(ticket)
        }
    }

    /// Adds to a ticket what its reporter said later. Recordings that it has already are passed over.
    pub async fn add_to_ticket(
        &self,
        ticket: TicketId,
        addition: Addition,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        let pin_hash = match addition.pin.clone() {
            Some(pin) => pins::hash(pin).await,
            None => None,
        };
        let addition = Arc::new((addition, pin_hash));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let addition = Arc::clone(&addition);
                Box::pin(async move {
                    let (addition, pin_hash) = &*addition;
                    lock(tx, ticket, pin_hash.as_deref()).await?;
                    add(tx, ticket, addition, now).await
                })
            })
            .await?;
        self.jobs_changed.notify_waiters();
        Ok(())
    }

    /// Whose a ticket is.
    pub async fn ticket_scope(&self, code: &TicketCode) -> Result<Option<TicketScope>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::TICKET_SCOPE).bind(code).fetch_optional(pool).await?
        ))
    }

    /// A ticket by itself.
    pub async fn ticket_row(&self, code: &TicketCode) -> Result<Option<TicketRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::TICKET_BY_CODE).bind(code).fetch_optional(pool).await?
        ))
    }

    /// A ticket with all that belongs to it, for the office's own eyes: [`Store::look_up`] is the callers' way.
    pub async fn ticket(&self, code: &TicketCode) -> Result<Option<TicketView>, StoreError> {
        let Some(ticket) = self.ticket_row(code).await? else { return Ok(None) };
        let id = ticket.id;
        Ok(Some(TicketView {
            ticket,
            history: on_read!(
                &self.db,
                pool,
                sqlx::query_as(sql::EVENTS_OF_TICKET).bind(id).fetch_all(pool).await?
            ),
            spoken: self.spoken(id).await?,
            messages: on_read!(
                &self.db,
                pool,
                sqlx::query_as(sql::MESSAGES_OF_TICKET).bind(id).fetch_all(pool).await?
            ),
        }))
    }
}

pub(super) struct OpenRequest {
    pub(super) intake: Intake,
    pub(super) now: Timestamp,
    /// Of which the first that is free is taken.
    pub(super) codes: Vec<TicketCode>,
    /// Whose days count for its deadline.
    pub(super) zone: TimeZone,
    /// Who wrote it down, as the history calls them.
    pub(super) by: String,
}

/// What the history calls whoever reported.
pub(super) const REPORTER: &str = "reporter";

pub(super) async fn open(tx: &mut Tx, request: &OpenRequest) -> Result<Ticket, OpenError> {
    let OpenRequest { intake, now, codes, zone, by } = request;
    if let Some(ticket) = already_open(tx, &intake.recordings).await? {
        attach(tx, ticket.id, &intake.recordings, intake.call, *now).await?;
        return Ok(ticket);
    }
    let ticket = insert(tx, intake, codes, *now).await?;
    let kind = (ticket.status, ticket.class);
    deadlines::set_clocks(tx, zone, ticket.id, kind, Clocks::start(*now)).await?;
    event(tx, ticket.id, *now, (by, "opened"), None, ticket.status).await?;
    attach(tx, ticket.id, &intake.recordings, intake.call, *now).await?;
    if let Some(text) = &intake.text {
        message(tx, ticket.id, MessageKind::Report, text, *now).await?;
    }
    if let Some(call) = intake.call {
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::TICKET_OF_CALL).bind(call).bind(ticket.id).execute(conn).await?
        );
        // What the reporter spoke again and did not send must not come back as a story of its own.
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::REPLACE_UNSENT_RECORDINGS).bind(call).execute(conn).await?
        );
    }
    Ok(ticket)
}

async fn already_open(
    tx: &mut Tx,
    recordings: &[RecordingId],
) -> Result<Option<Ticket>, sqlx::Error> {
    for recording in recordings {
        let ticket = on_tx!(
            tx,
            conn,
            sqlx::query_as(sql::TICKET_OF_RECORDING).bind(recording).fetch_optional(conn).await?
        );
        if ticket.is_some() {
            return Ok(ticket);
        }
    }
    Ok(None)
}

/// Inserts a ticket under the first of `codes` that is free; which one is, the constraint says.
async fn insert(
    tx: &mut Tx,
    intake: &Intake,
    codes: &[TicketCode],
    now: Timestamp,
) -> Result<Ticket, OpenError> {
    let status = Status::Received;
    for code in codes {
        let id: Option<TicketId> = on_tx!(
            tx,
            conn,
            sqlx::query_scalar(sql::INSERT_TICKET)
                .bind(code)
                .bind(status)
                .bind(intake.class)
                .bind(intake.channel)
                .bind(intake.contact.number.as_deref().map(|n| tidy(n, LINE)))
                .bind(intake.contact.asserted)
                .bind(intake.anonymous)
                .bind(intake.confidential)
                .bind(now)
                .bind(intake.call)
                .fetch_optional(conn)
                .await?
        );
        if let Some(id) = id {
            return Ok(Ticket {
                id,
                code: code.clone(),
                status,
                class: intake.class,
                channel: intake.channel,
                opened: now,
                call: intake.call,
            });
        }
    }
    Err(OpenError::NoFreeCode { tried: codes.len() })
}

/// Gives recordings to a ticket and queues their transcription. `call` is whose recordings they must be, if known.
async fn attach(
    tx: &mut Tx,
    ticket: TicketId,
    recordings: &[RecordingId],
    call: Option<CallId>,
    now: Timestamp,
) -> Result<(), OpenError> {
    for &recording in recordings {
        let attached = on_tx!(
            tx,
            conn,
            sqlx::query(sql::ATTACH_RECORDING)
                .bind(recording)
                .bind(ticket)
                .bind(call)
                .execute(conn)
                .await?
                .rows_affected()
        );
        if attached == 0 {
            must_have(tx, ticket, recording).await?;
            continue;
        }
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::QUEUE_JOB)
                .bind(JobKind::Transcribe)
                .bind(recording)
                .bind(now)
                .execute(conn)
                .await?
        );
    }
    Ok(())
}

/// A recording that could not be attached must be one that is attached already, and to this ticket.
async fn must_have(tx: &mut Tx, ticket: TicketId, recording: RecordingId) -> Result<(), OpenError> {
    let found: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::IS_ATTACHED).bind(recording).bind(ticket).fetch_one(conn).await?
    );
    if found == 0 { Err(OpenError::UnknownRecording(recording)) } else { Ok(()) }
}

pub(super) async fn lock(
    tx: &mut Tx,
    ticket: TicketId,
    hash: Option<&str>,
) -> Result<(), sqlx::Error> {
    let Some(hash) = hash else { return Ok(()) };
    on_tx!(tx, conn, sqlx::query(sql::LOCK_TICKET).bind(ticket).bind(hash).execute(conn).await?);
    Ok(())
}

pub(super) async fn add(
    tx: &mut Tx,
    ticket: TicketId,
    addition: &Addition,
    now: Timestamp,
) -> Result<(), OpenError> {
    let status: Option<Status> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::TOUCH_TICKET)
            .bind(ticket)
            .bind(now)
            .bind(addition.anonymous)
            .bind(addition.confidential)
            .fetch_optional(conn)
            .await?
    );
    let status = status.ok_or(StoreError::NotOpen { what: "ticket", id: ticket.0 })?;
    attach(tx, ticket, &addition.recordings, None, now).await?;
    if let Some(text) = &addition.text {
        message(tx, ticket, MessageKind::Addition, text, now).await?;
    }
    event(tx, ticket, now, (REPORTER, "added"), Some(status), status).await?;
    Ok(())
}

pub(super) async fn message(
    tx: &mut Tx,
    ticket: TicketId,
    kind: MessageKind,
    text: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let text = tidy_lines(text, TEXT);
    let id: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_MESSAGE)
            .bind(ticket)
            .bind(kind)
            .bind(&text)
            .bind(now)
            .fetch_one(conn)
            .await?
    );
    search::put_message(tx, id, ticket, now, &text).await
}

async fn event(
    tx: &mut Tx,
    ticket: TicketId,
    at: Timestamp,
    (actor, what): (&str, &'static str),
    from: Option<Status>,
    to: Status,
) -> Result<(), sqlx::Error> {
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_EVENT)
            .bind(ticket)
            .bind(at)
            .bind(actor)
            .bind(what)
            .bind(from)
            .bind(to)
            .execute(conn)
            .await?
    );
    Ok(())
}
