//! What a crash left behind, and how it is closed.
//!
//! At the start: for each [`Store::unfinished_calls`], repair the files of its open recordings and
//! [`Store::end_recording`] them, then [`Store::close_crashed_call`]. Then, and from time to time, do so with
//! [`Store::recordings_left_open`] and open a ticket for each of [`Store::stories_without_ticket`]. Each step may be repeated: a crash in the middle of it does no harm.

use super::calls::{EndReason, EndedBy, open_or_err};
use super::db::{Tx, on_read, on_tx};
use super::recordings::RecordingRow;
use super::writer::Durability;
use super::{Store, StoreError, sql, ways};
use crate::clock::Timestamp;
use crate::ticket::{CallId, Contact, RecordingId, TicketId};

/// A call that an earlier run of the program did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedCall {
    pub id: CallId,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    pub caller: Contact,
    /// The ticket it had already opened.
    pub ticket: Option<TicketId>,
    /// Recordings that were being spoken.
    pub open_recordings: Vec<RecordingRow>,
}

/// A recording whose call has ended and whose own end was not written: the disk was stuck, or the database.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LeftOpen {
    #[sqlx(flatten)]
    pub recording: RecordingRow,
    /// The ticket of its call.
    pub ticket: Option<TicketId>,
}

/// Something said that is in no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    pub recording: RecordingId,
    pub slot: String,
    pub file: String,
    pub duration_ms: i64,
    pub speech_ms: i64,
    pub call: CallId,
    pub caller: Contact,
    /// The ticket of the same call, if it has one: this then belongs to it.
    pub ticket: Option<TicketId>,
}

impl Store {
    /// Calls without an end from before this start, oldest first.
    pub async fn unfinished_calls(&self) -> Result<Vec<UnfinishedCall>, StoreError> {
        let rows: Vec<UnfinishedRow> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::CALLS_UNFINISHED).bind(self.run).fetch_all(pool).await?
        );
        let mut calls = Vec::with_capacity(rows.len());
        for row in rows {
            calls.push(UnfinishedCall {
                id: row.id,
                started: row.started,
                answered: row.answered,
                caller: Contact { number: row.number, asserted: row.asserted },
                ticket: row.ticket,
                open_recordings: self.open_recordings(row.id).await?,
            });
        }
        Ok(calls)
    }

    async fn open_recordings(&self, call: CallId) -> Result<Vec<RecordingRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::OPEN_RECORDINGS_OF_CALL).bind(call).fetch_all(pool).await?
        ))
    }

    /// Ends a call that a crash cut off, `at` the last moment it was known to be alive. Recordings still open are set
    /// down as failed: end those whose file can be repaired before.
    pub async fn close_crashed_call(&self, call: CallId, at: Timestamp) -> Result<(), StoreError> {
        self.db
            .write(Durability::Process, move |tx| Box::pin(close_crashed_call(tx, call, at)))
            .await
    }

    /// Open recordings of calls that ended before `ended_before`, long enough ago that nobody writes to them any more.
    pub async fn recordings_left_open(
        &self,
        ended_before: Timestamp,
    ) -> Result<Vec<LeftOpen>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::RECORDINGS_LEFT_OPEN).bind(ended_before).fetch_all(pool).await?
        ))
    }

    /// Kept recordings that are in no ticket: of any earlier run's calls, and of this run's calls that ended before
    /// `ended_before`, a little ago, so that a call which is just opening its ticket is left alone.
    pub async fn stories_without_ticket(
        &self,
        ended_before: Timestamp,
    ) -> Result<Vec<Story>, StoreError> {
        let rows: Vec<StoryRow> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::STORIES_WITHOUT_TICKET)
                .bind(ended_before)
                .bind(self.run)
                .fetch_all(pool)
                .await?
        );
        Ok(rows.into_iter().map(Story::from).collect())
    }
}

async fn close_crashed_call(tx: &mut Tx, call: CallId, at: Timestamp) -> Result<(), StoreError> {
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::FAIL_OPEN_RECORDINGS).bind(call).bind(at).execute(conn).await?
    );
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::END_CALL)
            .bind(call)
            .bind(at)
            .bind(EndReason::Crash)
            .bind(EndedBy::Hotline)
            // What the packets were died with the program.
            .bind(0_i64)
            .bind(0_i64)
            .bind(0_i64)
            .bind(None::<Timestamp>)
            .execute(conn)
            .await?
            .rows_affected()
    );
    open_or_err(done, call)?;
    ways::count(tx, call, at).await
}

#[derive(sqlx::FromRow)]
struct UnfinishedRow {
    id: CallId,
    started: Timestamp,
    answered: Option<Timestamp>,
    number: Option<String>,
    asserted: bool,
    ticket: Option<TicketId>,
}

#[derive(sqlx::FromRow)]
struct StoryRow {
    id: RecordingId,
    slot: String,
    file: String,
    duration_ms: i64,
    speech_ms: i64,
    call: CallId,
    number: Option<String>,
    asserted: bool,
    ticket: Option<TicketId>,
}

impl From<StoryRow> for Story {
    fn from(row: StoryRow) -> Story {
        Story {
            recording: row.id,
            slot: row.slot,
            file: row.file,
            duration_ms: row.duration_ms,
            speech_ms: row.speech_ms,
            call: row.call,
            caller: Contact { number: row.number, asserted: row.asserted },
            ticket: row.ticket,
        }
    }
}
