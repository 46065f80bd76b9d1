//! What a ticket's recordings say: what an engine wrote down, and what people heard instead.

use super::db::on_read;
use super::transcripts::{SegmentRow, to_u32};
use super::{MendRow, RecordingRow, Store, StoreError, TranscriptRow, sql};
use crate::clock::Timestamp;
use crate::ticket::TicketId;
use crate::ticket::transcript::{Outcome, Segment, Transcript};

/// A recording with what was written down of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    pub recording: RecordingRow,
    pub transcript: Option<TranscriptRow>,
    /// Of this transcript and of those that it replaced, the newest last.
    pub mends: Vec<MendRow>,
}

impl Spoken {
    /// The parts that may be mended: the engine's segments, or the whole recording where it wrote none.
    pub fn parts(&self) -> Vec<Segment> {
        let row = self.transcript.as_ref();
        match row.map(|row| &row.transcript.segments).filter(|segments| !segments.is_empty()) {
            Some(segments) => segments.clone(),
            None => {
                vec![Segment { end_ms: to_u32(self.recording.duration_ms), ..Segment::default() }]
            }
        }
    }

    /// The transcript as it is after all mends. What an operator heard is not doubtful.
    pub fn mended(&self) -> Option<Transcript> {
        let row = self.transcript.as_ref()?;
        let one = |(position, part): (i64, Segment)| match self.mends_of(position, &part).last() {
            Some(mend) => {
                Segment { text: mend.text.clone(), doubtful: false, words: Vec::new(), ..part }
            }
            None => part,
        };
        let segments: Vec<Segment> = (0..).zip(self.parts()).map(one).collect();
        let segments: Vec<Segment> = segments.into_iter().filter(|s| !s.text.is_empty()).collect();
        if segments.is_empty() {
            return Some(row.transcript.clone());
        }
        Some(Transcript { outcome: Outcome::Words, segments, ..row.transcript.clone() })
    }

    /// The mends of a part as it is now, the newest last: one that an engine has written anew is another.
    pub fn mends_of(&self, position: i64, part: &Segment) -> impl Iterator<Item = &MendRow> {
        self.mends.iter().filter(move |mend| mend.is_of(position, part))
    }

    /// Mends of earlier transcripts, which have no place in the one that there is now.
    pub fn orphaned(&self) -> impl Iterator<Item = &MendRow> {
        let parts = self.parts();
        let has_place = move |mend: &MendRow| {
            let at = usize::try_from(mend.position).ok();
            let part = at.and_then(|at| parts.get(at));
            part.is_some_and(|part| mend.is_of(mend.position, part))
        };
        self.mends.iter().filter(move |mend| !has_place(mend))
    }
}

/// A recording and its transcript's head, with one segment, or one mend, or neither.
#[derive(sqlx::FromRow)]
struct Line {
    #[sqlx(flatten)]
    recording: RecordingRow,
    engine: Option<String>,
    model: Option<String>,
    outcome: Option<Outcome>,
    transcript_ms: Option<i64>,
    made: Option<Timestamp>,
    cpu_ms: Option<i64>,
    /// 0 for a segment.
    mend: i64,
    position: Option<i64>,
    text: Option<String>,
    start_ms: Option<i64>,
    end_ms: Option<i64>,
    confidence: Option<f64>,
    doubtful: Option<bool>,
    words: Option<String>,
    heard: Option<String>,
    by: Option<String>,
    at: Option<Timestamp>,
}

impl Line {
    /// Without its segments.
    fn transcript(&self) -> Option<TranscriptRow> {
        Some(TranscriptRow {
            recording: self.recording.id,
            transcript: Transcript {
                engine: self.engine.clone()?,
                model: self.model.clone()?,
                duration_ms: to_u32(self.transcript_ms?),
                outcome: self.outcome?,
                segments: Vec::new(),
            },
            made: self.made?,
            cpu_ms: self.cpu_ms?,
        })
    }

    fn segment(&self) -> Option<Segment> {
        let row = SegmentRow {
            start_ms: self.start_ms?,
            end_ms: self.end_ms?,
            text: self.text.clone()?,
            confidence: self.confidence?,
            doubtful: self.doubtful?,
            words: self.words.clone()?,
        };
        Some(row.into())
    }

    fn mend(self) -> Option<MendRow> {
        Some(MendRow {
            id: self.mend,
            recording: self.recording.id,
            position: self.position?,
            heard: self.heard?,
            text: self.text?,
            by: self.by?,
            at: self.at?,
        })
    }
}

impl Store {
    /// A ticket's recordings in their order, replaced ones included: one query, however much was said.
    pub(super) async fn spoken(&self, ticket: TicketId) -> Result<Vec<Spoken>, StoreError> {
        let lines: Vec<Line> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SPOKEN_OF_TICKET).bind(ticket).fetch_all(pool).await?
        );
        let mut all: Vec<Spoken> = Vec::new();
        for line in lines {
            if all.last().is_none_or(|last| last.recording.id != line.recording.id) {
                let (recording, transcript) = (line.recording.clone(), line.transcript());
                all.push(Spoken { recording, transcript, mends: Vec::new() });
            }
            let Some(last) = all.last_mut() else { continue };
            match (line.segment(), &mut last.transcript) {
                (Some(segment), Some(row)) => row.transcript.segments.push(segment),
                _ => last.mends.extend(line.mend()),
            }
        }
        Ok(all)
    }
}
