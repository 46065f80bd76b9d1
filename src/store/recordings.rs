use std::sync::Arc;
use std::time::Duration;

use super::db::{Tx, on_read, on_tx};
use super::writer::Durability;
use super::{LINE, Store, StoreError, millis, sql, tidy};
use crate::clock::Timestamp;
use crate::ticket::{CallId, RecordingId, TicketId};

/// How a recording came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingEnd {
    pub at: Timestamp,
    pub state: RecordingState,
    pub ended_by: RecordingEndedBy,
    /// Length of the file.
    pub duration: Duration,
    /// How much of it is speech.
    pub speech: Duration,
}

/// What a recording is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RecordingState {
    /// Being spoken.
    Open,
    /// Holds words that must reach a ticket. Also when it broke off: half a sentence is kept.
    Kept,
    /// Nothing was said.
    Empty,
    /// There is no file that could be heard.
    Failed,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RecordingEndedBy {
    /// A key, or the dialogue went on.
    Stopped,
    Silence,
    NoInput,
    MaxTime,
    HungUp,
    /// The file could not be written any further.
    Failed,
    /// The program crashed or lost its power.
    Crash,
}

/// A recording as a row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RecordingRow {
    pub id: RecordingId,
    pub call: CallId,
    pub slot: String,
    /// A name for [`crate::files::Files`].
    pub file: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub state: RecordingState,
    pub duration_ms: i64,
    pub speech_ms: i64,
    pub ended_by: Option<RecordingEndedBy>,
    /// The caller spoke again under the same slot, and that was kept.
    pub replaced: bool,
    /// An engine made little of it, and nobody has said that they heard it.
    pub unheard: bool,
}

impl Store {
    /// Writes the row of a recording before its first sample, so that it is found whatever happens next: it is on
    /// disk when this returns, power cut or not.
    pub async fn begin_recording(
        &self,
        call: CallId,
        slot: &str,
        file: &str,
        at: Timestamp,
    ) -> Result<RecordingId, StoreError> {
        let names = Arc::new((tidy(slot, LINE), tidy(file, LINE)));
        self.db
            .write(Durability::PowerCut, move |tx| {
                Box::pin(insert_recording(tx, call, Arc::clone(&names), at))
            })
            .await
    }

    /// Closes a recording's row. If it is kept, it replaces what was said before under the same slot, except what
    /// belongs to a ticket already; one that broke off replaces nothing.
    pub async fn end_recording(
        &self,
        recording: RecordingId,
        end: RecordingEnd,
    ) -> Result<(), StoreError> {
        self.db
            .write(Durability::Process, move |tx| Box::pin(end_recording(tx, recording, end)))
            .await
    }

    /// One recording.
    pub async fn recording(&self, id: RecordingId) -> Result<Option<RecordingRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::RECORDING).bind(id).fetch_optional(pool).await?
        ))
    }

    /// One recording, if it is this ticket's.
    pub async fn recording_of_ticket(
        &self,
        id: RecordingId,
        ticket: TicketId,
    ) -> Result<Option<RecordingRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::RECORDING_OF_TICKET)
                .bind(id)
                .bind(ticket)
                .fetch_optional(pool)
                .await?
        ))
    }

    /// A call's recordings, in order, replaced ones included.
    pub async fn recordings(&self, call: CallId) -> Result<Vec<RecordingRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::RECORDINGS_OF_CALL).bind(call).fetch_all(pool).await?
        ))
    }
}

async fn insert_recording(
    tx: &mut Tx,
    call: CallId,
    names: Arc<(String, String)>,
    at: Timestamp,
) -> Result<RecordingId, StoreError> {
    let id = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_RECORDING)
            .bind(call)
            .bind(&names.0)
            .bind(&names.1)
            .bind(at)
            .fetch_optional(conn)
            .await?
    );
    id.ok_or(StoreError::NotOpen { what: "call", id: call.0 })
}

async fn end_recording(
    tx: &mut Tx,
    recording: RecordingId,
    end: RecordingEnd,
) -> Result<(), StoreError> {
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::END_RECORDING)
            .bind(recording)
            .bind(end.at)
            .bind(end.state)
            .bind(end.ended_by)
            .bind(millis(end.duration))
            .bind(millis(end.speech))
            .execute(conn)
            .await?
            .rows_affected()
    );
    if done == 0 {
        return Err(StoreError::NotOpen { what: "recording", id: recording.0 });
    }
    if end.state == RecordingState::Kept && end.ended_by != RecordingEndedBy::Failed {
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::REPLACE_EARLIER_RECORDINGS).bind(recording).execute(conn).await?
        );
    }
    Ok(())
}
