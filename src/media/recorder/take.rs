//! One recording as the media thread sees it: what is kept, and when it ends.

use std::time::Duration;

use super::{CHUNK_SAMPLES, duration_of, samples_in};
use crate::media::silence::Gate;
use crate::media::{RecordEnd, RecordSpec};

/// The samples of a recording on their way to the writer, and the rules that end it. No file, no clock: time is
/// counted in samples.
pub struct Take {
    chunk: Vec<i16>,
    gate: Gate,
    kept: u64,
    /// Speech by the level gate.
    speech: u64,
    /// Samples since the last speech, or since the start.
    quiet: u64,
    max: u64,
    silence: Option<u64>,
    no_input: Option<u64>,
}

impl Take {
    /// An empty take under the limits of `spec`, gathering into `chunk`.
    pub fn new(spec: &RecordSpec, mut chunk: Vec<i16>) -> Take {
        chunk.clear();
        chunk.reserve_exact(CHUNK_SAMPLES);
        Take {
            chunk,
            gate: Gate::default(),
            kept: 0,
            speech: 0,
            quiet: 0,
            max: samples_in(spec.max),
            silence: spec.silence.map(samples_in),
            no_input: spec.no_input.map(samples_in),
        }
    }

    /// Keeps `samples` (at most a packet's worth) and tells whether the recording is over by them.
    pub fn push(&mut self, samples: &[i16]) -> Option<RecordEnd> {
        let room = self.max.saturating_sub(self.kept).min(samples.len() as u64) as usize;
        let kept = &samples[..room];
        self.chunk.extend_from_slice(kept);
        self.kept += kept.len() as u64;
        if self.gate.push(kept) {
            self.speech += kept.len() as u64;
            self.quiet = 0;
        } else {
            self.quiet += kept.len() as u64;
        }
        self.verdict()
    }

    fn verdict(&self) -> Option<RecordEnd> {
        let patience = if self.speech > 0 { self.silence } else { self.no_input };
        if self.kept >= self.max {
            Some(RecordEnd::MaxTime)
        } else if patience.is_none_or(|limit| self.quiet < limit) {
            None
        } else if self.speech > 0 {
            Some(RecordEnd::Silence)
        } else {
            Some(RecordEnd::NoInput)
        }
    }

    /// Whether half a second has gathered and should be handed over.
    pub fn is_chunk_full(&self) -> bool {
        self.chunk.len() >= CHUNK_SAMPLES
    }

    /// The samples gathered so far, in exchange for an empty buffer.
    pub fn exchange(&mut self, mut empty: Vec<i16>) -> Vec<i16> {
        empty.clear();
        empty.reserve_exact(CHUNK_SAMPLES);
        std::mem::replace(&mut self.chunk, empty)
    }

    /// The last samples and how much of the whole take was speech.
    pub fn finish(self) -> (Vec<i16>, Duration) {
        (self.chunk, duration_of(self.speech))
    }
}
