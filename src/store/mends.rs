//! What an operator heard instead of what the engine wrote. The engine's segments stay as they are.

use std::sync::Arc;

use super::audit::{self, Deed};
use super::db::{Tx, on_tx};
use super::sql::staff as sql;
use super::work::Worker;
use super::writer::Durability;
use super::{Store, StoreError, TEXT, search, tidy_lines};
use crate::clock::Timestamp;
use crate::ticket::transcript::{Segment, mark};
use crate::ticket::{RecordingId, TicketId};

/// One mend of one segment.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MendRow {
    pub id: i64,
    pub recording: RecordingId,
    /// Which segment, from 0.
    pub position: i64,
    /// What the engine had written there; nothing where it wrote nothing at all.
    pub heard: String,
    pub text: String,
    /// The login of who mended it.
    pub by: String,
    pub at: Timestamp,
}

/// A mend that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMend {
    pub recording: RecordingId,
    pub position: i64,
    /// The [`mark`] of what the engine had written there, as the page showed it.
    pub heard: String,
    /// The mend that was on the page, 0 for the engine's own text.
    pub base: i64,
    pub text: String,
}

/// Why a mend was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MendError {
    #[error("bagian ini tidak ada lagi")]
    NoSegment,
    #[error("teks belum diisi")]
    Empty,
    /// Somebody else mended it in the meantime: this is theirs.
    #[error("bagian ini sudah diperbaiki petugas lain")]
    Stale(Box<MendRow>),
    /// An engine has written the recording down again in the meantime: this is what stands there now.
    #[error("rekaman ini sudah ditranskripsi ulang; periksa kembali bagian ini")]
    Replaced(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MendError {
    fn from(error: sqlx::Error) -> MendError {
        MendError::Store(error.into())
    }
}

impl MendRow {
    /// Whether it mends this segment of its recording as it is now: one that an engine has written anew is another.
    pub fn is_of(&self, position: i64, segment: &Segment) -> bool {
        self.position == position && self.heard == segment.text
    }
}

impl Store {
    /// Mends a segment, and puts the text into the search. The same text as before changes nothing.
    pub async fn mend(
        &self,
        mend: NewMend,
        worker: Worker,
        now: Timestamp,
    ) -> Result<(), MendError> {
        let text = tidy_lines(mend.text.trim(), TEXT);
        if text.is_empty() {
            return Err(MendError::Empty);
        }
        let request = Arc::new((NewMend { text, ..mend }, worker));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { insert(tx, &request.0, &request.1, now).await })
            })
            .await
    }
}

async fn insert(
    tx: &mut Tx,
    mend: &NewMend,
    worker: &Worker,
    now: Timestamp,
) -> Result<(), MendError> {
    let heard: Option<String> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::SEGMENT_TEXT)
            .bind(mend.recording)
            .bind(mend.position)
            .fetch_optional(conn)
            .await?
    );
    let heard = match heard {
        Some(heard) => heard,
        // Where an engine wrote nothing, the whole recording is one part.
        None if mend.position == 0 && !has_segments(tx, mend.recording).await? => {
            write_by_hand(tx, mend.recording, worker, now).await?;
            String::new()
        }
        None => return Err(MendError::NoSegment),
    };
    if mark(&heard) != mend.heard {
        return Err(MendError::Replaced(heard));
    }
    let newest: Option<MendRow> = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::NEWEST_MEND)
            .bind(mend.recording)
            .bind(mend.position)
            .bind(&heard)
            .fetch_optional(conn)
            .await?
    );
    let standing = newest.as_ref().map_or(&heard, |m| &m.text);
    if *standing == mend.text {
        return Ok(());
    }
    match newest {
        Some(other) if other.id != mend.base => return Err(MendError::Stale(Box::new(other))),
        Some(_) | None => {}
    }
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_MEND)
            .bind(mend.recording)
            .bind(mend.position)
            .bind(&heard)
            .bind(&mend.text)
            .bind(worker.staff)
            .bind(now)
            .execute(conn)
            .await?
    );
    settle(tx, mend.recording).await?;
    let deed = Deed::new("mend", format!("recording {}", mend.recording.0))
        .with(format!("segment {}", mend.position));
    Ok(audit::append(tx, &worker.doer, deed, now).await?)
}

/// A transcript for a recording that has none: what was typed is its text.
async fn write_by_hand(
    tx: &mut Tx,
    recording: RecordingId,
    worker: &Worker,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(sql::WRITE_BY_HAND).bind(recording).bind(&worker.doer.login).bind(now);
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(())
}

async fn has_segments(tx: &mut Tx, recording: RecordingId) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar(sql::HAS_SEGMENTS).bind(recording);
    on_tx!(tx, conn, query.fetch_one(conn).await)
}

/// Puts the text as it is after all mends into the transcript's row and into the search; behind it what was mended in
/// earlier transcripts, so that a person's words stay to be found.
pub(super) async fn settle(tx: &mut Tx, recording: RecordingId) -> Result<(), sqlx::Error> {
    let mut texts: Vec<String> = Vec::new();
    for statement in [sql::MENDED_TEXTS, sql::ORPHANED_TEXTS] {
        let query = sqlx::query_scalar(statement).bind(recording);
        texts.extend(on_tx!(tx, conn, query.fetch_all(conn).await?));
    }
    let text = tidy_lines(&texts.join(" "), TEXT);
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::SET_TRANSCRIPT_TEXT).bind(recording).bind(&text).execute(conn).await?
    );
    weigh(tx, recording).await?;
    search::put_recording(tx, recording, &text).await
}

/// Notes whether somebody should hear a recording, and its ticket therefore waits in that queue.
pub(super) async fn weigh(tx: &mut Tx, recording: RecordingId) -> Result<(), sqlx::Error> {
    for statement in [sql::WEIGH_RECORDING, sql::WEIGH_TICKET] {
        on_tx!(tx, conn, sqlx::query(statement).bind(recording).execute(conn).await?);
    }
    Ok(())
}

/// Notes that somebody heard a recording of this ticket. Gives whether there is one.
pub(super) async fn hear(
    tx: &mut Tx,
    ticket: TicketId,
    recording: RecordingId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(sql::HEAR_RECORDING).bind(recording).bind(ticket).bind(now);
    let found = on_tx!(tx, conn, query.execute(conn).await?.rows_affected());
    weigh(tx, recording).await?;
    Ok(found > 0)
}
