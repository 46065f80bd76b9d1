//! What staff does to a ticket: one change in one transaction, with its row in the history and in the audit, so that
//! whoever asks by code hears it at once.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::staff as sql;
use super::tickets::{MessageKind, message};
use super::writer::Durability;
use super::{LINE, Store, StoreError, TEXT, deadlines, mends, search, tidy, tidy_lines};
use crate::clock::Timestamp;
use crate::ticket::sla::Clocks;
use crate::ticket::workflow::{self, Action, Given, Need, Refused, Status, Transition};
use crate::ticket::{Class, RecordingId, StaffId, TicketCode, TicketId};

/// One change of one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    pub code: TicketCode,
    /// The version that the change was made for.
    pub version: i64,
    pub change: Change,
    /// The form that it came by; the same one twice is one change.
    pub nonce: String,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A step of the workflow. [`Given::answered`] is found out here.
    Step { action: Action, given: Given },
    /// The worker takes the ticket, from somebody else perhaps.
    Take,
    /// What it is about.
    Classify { class: Class, category: Option<String>, place: Option<String> },
    /// A remark for colleagues.
    Note(String),
    /// The worker has listened to a recording that a machine made little of.
    Heard(RecordingId),
}

/// Who works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    pub staff: StaffId,
    pub doer: Doer,
    /// The only agency whose tickets are there for them.
    pub agency: Option<String>,
}

/// Why nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WorkError {
    /// There is no such ticket, or not for this worker.
    #[error("laporan tidak ditemukan")]
    NotFound,
    /// Somebody else changed it in the meantime.
    #[error("laporan ini sudah diubah petugas lain")]
    Stale,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("{} belum diisi", .0.word())]
    Missing(Need),
    #[error("instansi ini tidak terdaftar")]
    UnknownAgency,
    #[error("kategori ini tidak terdaftar")]
    UnknownCategory,
    #[error("laporan induk tidak ditemukan")]
    UnknownParent,
    #[error("laporan tidak dapat digabung dengan dirinya sendiri")]
    OwnParent,
    #[error("laporan induk itu sendiri sudah ditolak atau digabung; pilih laporan lain")]
    ParentOver,
    #[error("catatan belum diisi")]
    EmptyNote,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for WorkError {
    fn from(error: sqlx::Error) -> WorkError {
        WorkError::Store(error.into())
    }
}

impl Store {
    /// Makes one change, all of it or nothing, safe from a power cut when this returns.
    pub async fn work(&self, work: Work, worker: Worker, now: Timestamp) -> Result<(), WorkError> {
        let request = Arc::new((tidied(work), worker, self.zone.clone()));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move {
                    let (work, worker, zone) = &*request;
                    change(tx, work, worker, zone, now).await
                })
            })
            .await
    }
}

impl Store {
    /// The reports that were merged into this one; of one agency alone if it is given.
    pub async fn children(
        &self,
        ticket: TicketId,
        agency: Option<&str>,
    ) -> Result<Vec<TicketCode>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::CHILDREN).bind(ticket).bind(agency).fetch_all(pool).await?
        ))
    }
}

#[derive(sqlx::FromRow)]
struct Current {
    id: TicketId,
    status: Status,
    version: i64,
    agency: Option<String>,
    class: Class,
    opened: Timestamp,
    since: Timestamp,
    desk: Timestamp,
    answered: bool,
}

impl Current {
    /// What its deadline is reckoned from after a change.
    fn running(&self, change: &Change, now: Timestamp) -> (Class, Clocks) {
        let clocks = Clocks { since: self.since, desk: self.desk };
        match change {
            Change::Step { action, .. } => (self.class, clocks.after(self.status, *action, now)),
            Change::Classify { class, .. } => (*class, clocks),
            Change::Take | Change::Note(_) | Change::Heard(_) => (self.class, clocks),
        }
    }
}

/// A row of the history that is to be written.
struct Event {
    what: &'static str,
    from: Status,
    to: Status,
    note: Option<String>,
}

async fn change(
    tx: &mut Tx,
    work: &Work,
    worker: &Worker,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<(), WorkError> {
    let ticket: Option<Current> = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::TICKET_TO_CHANGE).bind(&work.code).fetch_optional(conn).await?
    );
    let ticket = ticket
        .filter(|t| worker.agency.is_none() || t.agency == worker.agency)
        .ok_or(WorkError::NotFound)?;
    if !claim_form(tx, &work.nonce, work.code.digits(), now).await? {
        return Ok(());
    }
    if ticket.version != work.version {
        return Err(WorkError::Stale);
    }
    let at = ticket.status;
    let stays = |what, note| Event { what, from: at, to: at, note };
    let event = match &work.change {
        Change::Step { action, given } => {
            let way = workflow::way(at, *action)?;
            let (last, before) = way.split_last().ok_or(Refused { status: at, action: *action })?;
            for check in before {
                let event = step(tx, &ticket, worker, check, &Given::default(), now).await?;
                write_down(tx, work, &ticket, &event, &worker.doer, now).await?;
            }
            step(tx, &ticket, worker, last, given, now).await?
        }
        Change::Take => {
            let query = sqlx::query(sql::TAKE_TICKET).bind(ticket.id).bind(worker.staff).bind(now);
            on_tx!(tx, conn, query.execute(conn).await?);
            stays("take", None)
        }
        Change::Classify { class, category, place } => {
            let category = category.as_deref();
            let note = classify(tx, &ticket, *class, category, place.as_deref(), now).await?;
            stays("classify", Some(note))
        }
        Change::Note(text) => {
            if text.trim().is_empty() {
                return Err(WorkError::EmptyNote);
            }
            let query = sqlx::query(sql::NOTE_TICKET).bind(ticket.id).bind(now);
            on_tx!(tx, conn, query.execute(conn).await?);
            stays("note", Some(text.clone()))
        }
        Change::Heard(recording) => {
            if !mends::hear(tx, ticket.id, *recording, now).await? {
                return Err(WorkError::NotFound);
            }
            let query = sqlx::query(sql::NOTE_TICKET).bind(ticket.id).bind(now);
            on_tx!(tx, conn, query.execute(conn).await?);
            stays("heard", None)
        }
    };
    let (class, clocks) = ticket.running(&work.change, now);
    deadlines::set_clocks(tx, zone, ticket.id, (event.to, class), clocks).await?;
    write_down(tx, work, &ticket, &event, &worker.doer, now).await
}

async fn step(
    tx: &mut Tx,
    ticket: &Current,
    worker: &Worker,
    transition: &Transition,
    given: &Given,
    now: Timestamp,
) -> Result<Event, WorkError> {
    let complete = Given { answered: ticket.answered, ..given.clone() };
    if let Some(need) = complete.missing(transition.needs) {
        return Err(WorkError::Missing(need));
    }
    // What an action does not take is not stored with it.
    let takes = |need: Need| transition.needs.contains(&need);
    let agency = given.agency.as_deref().filter(|_| takes(Need::Agency));
    let called = match agency {
        Some(id) => Some(name(tx, sql::AGENCY_NAME, id).await?.ok_or(WorkError::UnknownAgency)?),
        None => None,
    };
    let parent = match given.parent.as_ref().filter(|_| takes(Need::Parent)) {
        Some(code) => Some(parent(tx, ticket.id, code).await?),
        None => None,
    };
    // Whoever begins to check takes it, unless somebody has it.
    let taker = (transition.action == Action::Verify).then_some(worker.staff);
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::STEP_TICKET)
            .bind(ticket.id)
            .bind(transition.to)
            .bind(agency)
            .bind(parent)
            .bind(now)
            .bind(taker)
            .bind(transition.action == Action::Reopen)
            .execute(conn)
            .await?
    );
    if let Some(answer) =
        given.answer.as_deref().filter(|a| takes(Need::AnswerText) && !a.is_empty())
    {
        message(tx, ticket.id, MessageKind::Answer, answer, now).await?;
    }
    let Transition { from, action, to, .. } = *transition;
    Ok(Event { what: action.id(), from, to, note: noted(called, given.note.clone()) })
}

/// Where it went and what was remarked.
fn noted(agency: Option<String>, note: Option<String>) -> Option<String> {
    match (agency, note) {
        (Some(agency), Some(note)) => Some(format!("Kepada {agency}: {note}")),
        (Some(agency), None) => Some(format!("Kepada {agency}")),
        (None, note) => note,
    }
}

async fn parent(tx: &mut Tx, of: TicketId, code: &TicketCode) -> Result<TicketId, WorkError> {
    let found: Option<(TicketId, Status)> =
        on_tx!(tx, conn, sqlx::query_as(sql::PARENT).bind(code).fetch_optional(conn).await?);
    match found {
        Some((id, _)) if id == of => Err(WorkError::OwnParent),
        // Whoever asks about this one is sent on to that one, where nothing happens any more.
        Some((_, Status::Rejected | Status::Merged)) => Err(WorkError::ParentOver),
        Some((id, _)) => Ok(id),
        None => Err(WorkError::UnknownParent),
    }
}

/// Gives what the history says of it.
async fn classify(
    tx: &mut Tx,
    ticket: &Current,
    class: Class,
    category: Option<&str>,
    place: Option<&str>,
    now: Timestamp,
) -> Result<String, WorkError> {
    let mut note = class.word().to_owned();
    if let Some(id) = category {
        let called = name(tx, sql::CATEGORY_NAME, id).await?.ok_or(WorkError::UnknownCategory)?;
        note = format!("{note}, kategori {called}");
    }
    if let Some(place) = place {
        note = format!("{note}, tempat {place}");
    }
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::CLASSIFY_TICKET)
            .bind(ticket.id)
            .bind(class)
            .bind(category)
            .bind(place)
            .bind(now)
            .execute(conn)
            .await?
    );
    search::put_place(tx, ticket.id, ticket.opened, place).await?;
    Ok(note)
}

/// What an agency or a category is called; `None` if there is none of this id.
async fn name(
    tx: &mut Tx,
    statement: &'static str,
    id: &str,
) -> Result<Option<String>, sqlx::Error> {
    on_tx!(tx, conn, sqlx::query_scalar(statement).bind(id).fetch_optional(conn).await)
}

/// Into the history and into the audit.
async fn write_down(
    tx: &mut Tx,
    work: &Work,
    ticket: &Current,
    event: &Event,
    doer: &Doer,
    now: Timestamp,
) -> Result<(), WorkError> {
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_NOTED_EVENT)
            .bind(ticket.id)
            .bind(now)
            .bind(&doer.login)
            .bind(event.what)
            .bind(event.from)
            .bind(event.to)
            .bind(event.note.as_deref())
            .execute(conn)
            .await?
    );
    let deed = Deed::new(event.what, format!("ticket {}", work.code.digits())).with(format!(
        "{} -> {}",
        event.from.id(),
        event.to.id()
    ));
    Ok(audit::append(tx, doer, deed, now).await?)
}

impl Store {
    /// Marks a form as handed in, whose outcome is shown once and kept nowhere; `false` when it was before.
    pub async fn claim_form(&self, nonce: &str, now: Timestamp) -> Result<bool, StoreError> {
        let nonce: Arc<str> = nonce.into();
        self.db
            .write(Durability::Process, move |tx| {
                let nonce = Arc::clone(&nonce);
                Box::pin(async move { Ok(claim_form(tx, &nonce, "", now).await?) })
            })
            .await
    }
}

/// Marks a form as handed in; `false` when it was before.
pub(super) async fn claim_form(
    tx: &mut Tx,
    nonce: &str,
    outcome: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    // Nobody keeps a page open longer than a session lasts.
    let old = Timestamp(now.0 - 2 * 24 * 3_600_000);
    on_tx!(tx, conn, sqlx::query(sql::FORGET_OLD_FORMS).bind(old).execute(conn).await?);
    let claimed = on_tx!(
        tx,
        conn,
        sqlx::query(sql::CLAIM_FORM)
            .bind(tidy(nonce, LINE))
            .bind(now)
            .bind(outcome)
            .execute(conn)
            .await?
            .rows_affected()
    );
    Ok(claimed == 1)
}

/// What was typed, fit for rows.
fn tidied(work: Work) -> Work {
    let lines = |text: String| tidy_lines(text.trim(), TEXT);
    let line = |text: String| tidy(text.trim(), LINE);
    let filled = |text: String| Some(text).filter(|t| !t.is_empty());
    let change = match work.change {
        Change::Step { action, given } => {
            let note = given.note.map(lines).and_then(filled);
            let answer = given.answer.map(lines).and_then(filled);
            Change::Step { action, given: Given { note, answer, ..given } }
        }
        unchanged @ (Change::Take | Change::Heard(_)) => unchanged,
        Change::Classify { class, category, place } => {
            Change::Classify { class, category, place: place.map(line).and_then(filled) }
        }
        Change::Note(text) => Change::Note(lines(text)),
    };
    Work { change, ..work }
}
