use std::sync::Arc;

use super::db::{Tx, on_read, on_tx};
use super::traces::{self, CallTrace};
use super::writer::Durability;
use super::{LINE, Store, StoreError, count, sql, tidy, ways};
use crate::clock::Timestamp;
use crate::ticket::{CallId, Contact, TicketId};

/// What is known of a call before it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// The Call-ID header (RFC 3261 section 20.8): a stranger's text, and not unique.
    pub sip_call_id: String,
    /// The name of the trunk it came by, if it came by one.
    pub trunk: Option<String>,
    pub caller: Contact,
    /// The number that was dialled.
    pub called: String,
    pub started: Timestamp,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEnd {
    pub at: Timestamp,
    pub reason: EndReason,
    pub ended_by: EndedBy,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub packets_lost: u64,
    /// When the caller's first audio came.
    pub first_audio: Option<Timestamp>,
    /// The key path, or the rest of it.
    pub steps: Vec<Step>,
    /// What was said by SIP.
    pub trace: CallTrace,
}

/// One entry of the key path.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Step {
    pub at: Timestamp,
    pub step: String,
    /// Never digits of a code or PIN.
    pub what: String,
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum EndReason {
    /// The dialogue came to its end.
    Completed,
    /// The caller hung up before that.
    HungUp,
    /// The caller gave up before the answer (CANCEL).
    Cancelled,
    /// We refused it (no common codec, ...).
    Refused,
    /// No line was free.
    Busy,
    /// The longest time for a call.
    TooLong,
    /// Nothing could be done for the caller, and that was said.
    ServiceFailed,
    /// Somebody else took the call.
    Transferred,
    /// No ACK to our answer (RFC 3261 section 13.3.1.4).
    NoAck,
    /// The session timer ran out (RFC 4028).
    SessionExpired,
    /// No audio came any more.
    RtpTimeout,
    /// RTCP BYE, or the media thread gave it up.
    MediaFailed,
    /// The SIP transport failed.
    TransportFailed,
    /// The program was told to stop.
    Shutdown,
    /// The program crashed or lost its power; found at the next start.
    Crash,
}

impl EndReason {
    /// The word in the row, for metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            EndReason::Completed => "completed",
            EndReason::HungUp => "hung_up",
            EndReason::Cancelled => "cancelled",
            EndReason::Refused => "refused",
            EndReason::Busy => "busy",
            EndReason::TooLong => "too_long",
            EndReason::ServiceFailed => "service_failed",
            EndReason::Transferred => "transferred",
            EndReason::NoAck => "no_ack",
            EndReason::SessionExpired => "session_expired",
            EndReason::RtpTimeout => "rtp_timeout",
            EndReason::MediaFailed => "media_failed",
            EndReason::TransportFailed => "transport_failed",
            EndReason::Shutdown => "shutdown",
            EndReason::Crash => "crash",
        }
    }
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum EndedBy {
    Caller,
    Hotline,
    Network,
}

/// A call as a row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallRow {
    pub id: CallId,
    pub sip_call_id: String,
    pub trunk: Option<String>,
    pub number: Option<String>,
    pub asserted: bool,
    pub called: String,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub end_reason: Option<EndReason>,
    pub ended_by: Option<EndedBy>,
    pub codec: Option<String>,
    pub packets_sent: i64,
    pub packets_received: i64,
    pub packets_lost: i64,
    pub first_audio: Option<Timestamp>,
    /// Milliseconds, all recordings together.
    pub recorded_ms: i64,
    pub ticket: Option<TicketId>,
}

/// A call's key path, as far as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPath {
    pub started: Timestamp,
    /// `None` while it goes on.
    pub end_reason: Option<EndReason>,
    pub steps: Vec<Step>,
}

impl Store {
    /// Writes the row of a call, before the first prompt.
    pub async fn begin_call(&self, call: NewCall) -> Result<CallId, StoreError> {
        let (run, call) = (self.run, Arc::new(call));
        self.db
            .write(Durability::Process, move |tx| Box::pin(insert_call(tx, run, Arc::clone(&call))))
            .await
    }

    /// Notes that a call was answered, and with which codec.
    pub async fn answer_call(
        &self,
        call: CallId,
        codec: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let codec: Arc<str> = tidy(codec, LINE).into();
        self.db
            .write(Durability::Process, move |tx| {
                Box::pin(answer_call(tx, call, Arc::clone(&codec), at))
            })
            .await
    }

    /// Notes the codec of a call whose offer came with its answer, or that changed it.
    pub async fn note_codec(&self, call: CallId, codec: &'static str) -> Result<(), StoreError> {
        self.db.write(Durability::Process, move |tx| Box::pin(note_codec(tx, call, codec))).await
    }

    /// Adds to a call's key path while it lasts. A call that ends soon gives all its steps with [`CallEnd`].
    pub async fn add_steps(&self, call: CallId, steps: Vec<Step>) -> Result<(), StoreError> {
        let steps = Arc::new(steps);
        self.db
            .write(Durability::Process, move |tx| {
                Box::pin(insert_steps(tx, call, Arc::clone(&steps)))
            })
            .await
    }

    /// Closes a call's row. A call ends once: a second end is [`StoreError::NotOpen`], and the first stands.
    pub async fn end_call(&self, call: CallId, end: CallEnd) -> Result<(), StoreError> {
        let end = Arc::new(end);
        self.db
            .write(Durability::Process, move |tx| Box::pin(end_call(tx, call, Arc::clone(&end))))
            .await
    }

    /// One call.
    pub async fn call(&self, call: CallId) -> Result<Option<CallRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::CALL).bind(call).fetch_optional(pool).await?
        ))
    }

    /// The latest calls, newest first.
    pub async fn calls_recent(&self, limit: u32) -> Result<Vec<CallRow>, StoreError> {
        let limit = i64::from(limit);
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::CALLS_RECENT).bind(limit).fetch_all(pool).await?
        ))
    }

    /// A call's key path with how it began and ended.
    pub async fn path(&self, call: CallId) -> Result<Option<CallPath>, StoreError> {
        let rows: Vec<PathRow> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::PATH_OF_CALL).bind(call).fetch_all(pool).await?
        );
        let Some(&PathRow { started, end_reason, .. }) = rows.first() else { return Ok(None) };
        let steps = rows.into_iter().filter_map(PathRow::step).collect();
        Ok(Some(CallPath { started, end_reason, steps }))
    }

    /// A call's key path, in order.
    pub async fn steps(&self, call: CallId) -> Result<Vec<Step>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::STEPS_OF_CALL).bind(call).fetch_all(pool).await?
        ))
    }
}

#[derive(sqlx::FromRow)]
struct PathRow {
    started: Timestamp,
    end_reason: Option<EndReason>,
    at: Option<Timestamp>,
    step: Option<String>,
    what: Option<String>,
}

impl PathRow {
    fn step(self) -> Option<Step> {
        Some(Step { at: self.at?, step: self.step?, what: self.what? })
    }
}

async fn insert_call(tx: &mut Tx, run: i64, call: Arc<NewCall>) -> Result<CallId, StoreError> {
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_CALL)
            .bind(run)
            .bind(tidy(&call.sip_call_id, LINE))
            .bind(call.trunk.as_deref().map(|t| tidy(t, LINE)))
            .bind(call.caller.number.as_deref().map(|n| tidy(n, LINE)))
            .bind(call.caller.asserted)
            .bind(tidy(&call.called, LINE))
            .bind(call.started)
            .fetch_one(conn)
            .await?
    ))
}

async fn answer_call(
    tx: &mut Tx,
    call: CallId,
    codec: Arc<str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::ANSWER_CALL)
            .bind(call)
            .bind(&*codec)
            .bind(at)
            .execute(conn)
            .await?
            .rows_affected()
    );
    open_or_err(done, call)
}

async fn note_codec(tx: &mut Tx, call: CallId, codec: &'static str) -> Result<(), StoreError> {
    on_tx!(tx, conn, sqlx::query(sql::NOTE_CODEC).bind(call).bind(codec).execute(conn).await?);
    Ok(())
}

async fn end_call(tx: &mut Tx, call: CallId, end: Arc<CallEnd>) -> Result<(), StoreError> {
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::END_CALL)
            .bind(call)
            .bind(end.at)
            .bind(end.reason)
            .bind(end.ended_by)
            .bind(count(end.packets_sent))
            .bind(count(end.packets_received))
            .bind(count(end.packets_lost))
            .bind(end.first_audio)
            .execute(conn)
            .await?
            .rows_affected()
    );
    open_or_err(done, call)?;
    for step in &end.steps {
        insert_step(tx, call, step).await?;
    }
    traces::insert(tx, call, end.at, &end.trace).await?;
    ways::count(tx, call, end.at).await
}

async fn insert_steps(tx: &mut Tx, call: CallId, steps: Arc<Vec<Step>>) -> Result<(), StoreError> {
    for step in steps.iter() {
        insert_step(tx, call, step).await?;
    }
    Ok(())
}

async fn insert_step(tx: &mut Tx, call: CallId, step: &Step) -> Result<(), StoreError> {
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_STEP)
            .bind(call)
            .bind(step.at)
            .bind(tidy(&step.step, LINE))
            .bind(tidy(&step.what, LINE))
            .execute(conn)
            .await?
    );
    Ok(())
}

/// A call that a statement did not find is one that has ended, or never was.
pub(super) fn open_or_err(rows: u64, call: CallId) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::NotOpen { what: "call", id: call.0 }) } else { Ok(()) }
}
