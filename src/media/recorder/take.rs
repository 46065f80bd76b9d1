//! One recording as the media thread sees it: what is kept, and when it ends.

use std::time::Duration;

use super::{CHUNK_SAMPLES, samples_in};
use crate::media::jitter::FRAME;
use crate::media::silence::Gate;
use crate::media::{RecordEnd, RecordSpec};

/// The samples of a recording on their way to the writer, and the rules that end it. No file, no clock: time is
/// counted in samples.
pub struct Take {
    chunk: Vec<i16>,
    gate: Gate,
    kept: u64,
    /// In samples.
    max: u64,
    silence: Option<Duration>,
    no_input: Option<Duration>,
}

impl Take {
    /// An empty take under the limits of `spec`, gathering into `chunk`.
    pub fn new(spec: &RecordSpec, mut chunk: Vec<i16>) -> Take {
        chunk.clear();
        chunk.reserve_exact(CHUNK_SAMPLES);
        Take {
            chunk,
            gate: Gate::new(),
            kept: 0,
            max: samples_in(spec.max),
            silence: spec.silence,
            no_input: spec.no_input,
        }
    }

    /// Keeps `samples` (at most a frame) and tells whether the recording is over by them.
    pub fn push(&mut self, samples: &[i16]) -> Option<RecordEnd> {
        let room = self.max.saturating_sub(self.kept).min(samples.len() as u64) as usize;
        let kept = &samples[..room];
        self.chunk.extend_from_slice(kept);
        self.kept += kept.len() as u64;
        self.gate.push(kept);
        self.verdict()
    }

    fn verdict(&self) -> Option<RecordEnd> {
        let (patience, end) = match self.gate.speech().is_zero() {
            true => (self.no_input, RecordEnd::NoInput),
            false => (self.silence, RecordEnd::Silence),
        };
        if self.kept >= self.max {
            Some(RecordEnd::MaxTime)
        } else {
            patience.filter(|limit| self.gate.silence() >= *limit).map(|_| end)
        }
    }

    /// Whether a chunk has gathered and should be handed over: one more frame might not fit.
    pub fn is_chunk_full(&self) -> bool {
        self.chunk.len() + FRAME > CHUNK_SAMPLES
    }

    /// The samples gathered so far, in exchange for an empty buffer.
    pub fn exchange(&mut self, mut empty: Vec<i16>) -> Vec<i16> {
        empty.clear();
        empty.reserve_exact(CHUNK_SAMPLES);
        std::mem::replace(&mut self.chunk, empty)
    }

    /// The last samples and how much of the whole take was speech.
    pub fn finish(self) -> (Vec<i16>, Duration) {
        (self.chunk, self.gate.speech())
    }
}
