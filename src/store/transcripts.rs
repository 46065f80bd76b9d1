use std::sync::Arc;
use std::time::Duration;

use super::db::{Tx, on_read, on_tx};
use super::jobs::{self, Job, JobError};
use super::writer::Durability;
use super::{LINE, Store, StoreError, TEXT, mends, millis, sql, tidy, tidy_lines};
use crate::clock::Timestamp;
use crate::ticket::transcript::{Outcome, Segment, Transcript, Word};
use crate::ticket::{RecordingId, TicketCode};

/// A transcript as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptRow {
    pub recording: RecordingId,
    pub transcript: Transcript,
    pub made: Timestamp,
    /// CPU time that it cost.
    pub cpu_ms: i64,
}

/// A transcript that a worker made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub transcript: Transcript,
    /// CPU time that it cost.
    pub cpu: Duration,
}

/// Which recordings are to be written down again, by a better model perhaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redo {
    /// All but those that somebody has mended.
    All,
    /// Those that were given up, but for what somebody has mended.
    Failed,
    Ticket(TicketCode),
    Recording(RecordingId),
}

/// What became of a wish to have recordings written down again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    pub recordings: u64,
    /// Left out, because somebody has mended them.
    pub mended: u64,
}

/// Segments that are kept of one recording.
const SEGMENTS: usize = 2_000;
/// Words that are kept of one segment.
const WORDS: usize = 1_000;
/// The longest word, in characters.
const WORD: usize = 100;

impl Store {
    /// Stores what was written down and ends its job, both or neither: [`JobError::Lost`] when another worker has the
    /// job by now. An earlier transcript of the recording is replaced.
    pub async fn finish_transcript(
        &self,
        job: &Job,
        made: Made,
        now: Timestamp,
    ) -> Result<(), JobError> {
        let transcript = tidied(made.transcript);
        let done = Arc::new((job.clone(), Made { transcript, ..made }));
        self.db
            .write(Durability::PowerCut, move |tx| Box::pin(finish(tx, Arc::clone(&done), now)))
            .await?;
        self.jobs_changed.notify_waiters();
        Ok(())
    }

    /// What was written down of a recording.
    pub async fn transcript(
        &self,
        recording: RecordingId,
    ) -> Result<Option<TranscriptRow>, StoreError> {
        let head: Option<Head> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::TRANSCRIPT).bind(recording).fetch_optional(pool).await?
        );
        match head {
            Some(head) => Ok(Some(self.with_segments(head).await?)),
            None => Ok(None),
        }
    }

    /// Queues recordings of tickets to be written down again, with all attempts. Those that a worker holds just now are
    /// left to it. What was written stays until it is replaced; what was mended in it is history from then on.
    pub async fn queue_again(&self, what: Redo, now: Timestamp) -> Result<Queued, StoreError> {
        let what = Arc::new(what);
        let queued = self
            .db
            .write(Durability::Process, move |tx| Box::pin(redo(tx, Arc::clone(&what), now)))
            .await?;
        self.jobs_changed.notify_waiters();
        Ok(queued)
    }

    async fn with_segments(&self, head: Head) -> Result<TranscriptRow, StoreError> {
        let rows: Vec<SegmentRow> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SEGMENTS).bind(head.id).fetch_all(pool).await?
        );
        Ok(head.with(rows.into_iter().map(Segment::from).collect()))
    }
}

#[derive(sqlx::FromRow)]
struct Head {
    id: i64,
    recording: RecordingId,
    engine: String,
    model: String,
    outcome: Outcome,
    duration_ms: i64,
    made: Timestamp,
    cpu_ms: i64,
}

impl Head {
    fn with(self, segments: Vec<Segment>) -> TranscriptRow {
        TranscriptRow {
            recording: self.recording,
            transcript: Transcript {
                engine: self.engine,
                model: self.model,
                duration_ms: to_u32(self.duration_ms),
                outcome: self.outcome,
                segments,
            },
            made: self.made,
            cpu_ms: self.cpu_ms,
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct SegmentRow {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) text: String,
    pub(super) confidence: f64,
    pub(super) doubtful: bool,
    pub(super) words: String,
}

impl From<SegmentRow> for Segment {
    fn from(row: SegmentRow) -> Segment {
        Segment {
            start_ms: to_u32(row.start_ms),
            end_ms: to_u32(row.end_ms),
            text: row.text,
            confidence: row.confidence as f32,
            doubtful: row.doubtful,
            // Words only point into the audio: without them the sentence still stands.
            words: serde_json::from_str(&row.words).unwrap_or_default(),
        }
    }
}

async fn finish(tx: &mut Tx, done: Arc<(Job, Made)>, now: Timestamp) -> Result<(), JobError> {
    let (job, made) = &*done;
    jobs::finish(tx, job, now).await?;
    let recording = RecordingId(job.subject);
    let text = tidy_lines(&made.transcript.text(), TEXT);
    let id = put(tx, recording, made, &text, now).await?;
    for (position, segment) in made.transcript.segments.iter().enumerate() {
        insert_segment(tx, id, position as i64, segment).await?;
    }
    // Also puts it into the search: what an operator mended holds where the engine writes the same again, and is found
    // still where it does not.
    mends::settle(tx, recording).await?;
    Ok(())
}

async fn put(
    tx: &mut Tx,
    recording: RecordingId,
    made: &Made,
    text: &str,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    let transcript = &made.transcript;
    let id: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::PUT_TRANSCRIPT)
            .bind(recording)
            .bind(&transcript.engine)
            .bind(&transcript.model)
            .bind(transcript.outcome)
            .bind(text)
            .bind(i64::from(transcript.duration_ms))
            .bind(now)
            .bind(millis(made.cpu))
            .fetch_one(conn)
            .await?
    );
    on_tx!(tx, conn, sqlx::query(sql::DELETE_SEGMENTS).bind(id).execute(conn).await?);
    Ok(id)
}

async fn insert_segment(
    tx: &mut Tx,
    transcript: i64,
    position: i64,
    segment: &Segment,
) -> Result<(), sqlx::Error> {
    let words = serde_json::to_string(&segment.words)
        .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_SEGMENT)
            .bind(transcript)
            .bind(position)
            .bind(i64::from(segment.start_ms))
            .bind(i64::from(segment.end_ms))
            .bind(&segment.text)
            .bind(f64::from(segment.confidence))
            .bind(segment.doubtful)
            .bind(words)
            .execute(conn)
            .await?
    );
    Ok(())
}

async fn redo(tx: &mut Tx, what: Arc<Redo>, now: Timestamp) -> Result<Queued, StoreError> {
    let (query, mended) = match &*what {
        Redo::All => (sqlx::query(sql::REDO_ALL).bind(None::<&str>), left_out(tx, None).await?),
        Redo::Failed => {
            let failed = Some("failed");
            (sqlx::query(sql::REDO_ALL).bind(failed), left_out(tx, failed).await?)
        }
        Redo::Ticket(code) => (sqlx::query(sql::REDO_TICKET).bind(code), 0),
        Redo::Recording(recording) => (sqlx::query(sql::REDO_RECORDING).bind(recording), 0),
    };
    let recordings = on_tx!(tx, conn, query.bind(now).execute(conn).await?.rows_affected());
    Ok(Queued { recordings, mended })
}

/// How many of those in this state, or in any, have mends.
async fn left_out(tx: &mut Tx, state: Option<&str>) -> Result<u64, sqlx::Error> {
    let query = sqlx::query_scalar(sql::REDO_LEFT_OUT).bind(state);
    let count: i64 = on_tx!(tx, conn, query.fetch_one(conn).await?);
    Ok(count.unsigned_abs())
}

/// An engine's output, fit for rows: what it makes of noise may be anything, and endless.
fn tidied(transcript: Transcript) -> Transcript {
    let end = transcript.duration_ms;
    let mut room = TEXT;
    let mut segments = Vec::new();
    for segment in transcript.segments.into_iter().take(SEGMENTS) {
        let text = tidy_lines(&segment.text, room);
        room -= text.chars().count();
        let (start_ms, end_ms) = within(segment.start_ms, segment.end_ms, end);
        let words = segment.words.into_iter().take(WORDS).map(|word| tidied_word(word, end));
        segments.push(Segment {
            start_ms,
            end_ms,
            text,
            confidence: share(segment.confidence),
            words: words.collect(),
            ..segment
        });
        if room == 0 {
            break;
        }
    }
    Transcript {
        engine: tidy(&transcript.engine, LINE),
        model: tidy(&transcript.model, LINE),
        segments,
        ..transcript
    }
}

fn tidied_word(word: Word, end: u32) -> Word {
    let (start_ms, end_ms) = within(word.start_ms, word.end_ms, end);
    Word { start_ms, end_ms, text: tidy(&word.text, WORD), confidence: share(word.confidence) }
}

/// Times that lie in the recording, in order.
fn within(start: u32, end: u32, last: u32) -> (u32, u32) {
    let start = start.min(last);
    (start, end.clamp(start, last))
}

/// A number from 0 to 1; what is none is 0.
fn share(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

pub(super) fn to_u32(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
