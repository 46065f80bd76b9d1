//! One recording of a session: what is heard from the end of the beep on, and the silence before it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::media::jitter::{Concealer, FRAME, Popped};
use crate::media::recorder::{Take, samples_in};
use crate::media::{RecordEnd, RecordSpec, RecordTag};

/// What the recorder should do, in this order: one `Open`, any number of `Samples`, one `Close`.
#[derive(Debug)]
pub enum RecordingStep {
    Open { tag: RecordTag, path: PathBuf },
    Samples(Vec<i16>),
    Close { ended_by: RecordEnd, speech: Duration },
}

/// How long the very first packet is waited for before silence is written down; after it, the order of the packets
/// tells what is silence.
const ABSENCE: Duration = Duration::from_millis(200);

/// A recording under way.
pub struct Recording {
    take: Take,
    concealer: Concealer,
    /// When the first sample was or will be kept; `None` while the beep sounds.
    since: Option<Instant>,
    /// Whether audio has come since then.
    heard: bool,
    /// Samples of silence before audio came.
    silence: u64,
}

impl Recording {
    pub fn new(spec: &RecordSpec, buffer: Vec<i16>) -> Recording {
        Recording {
            take: Take::new(spec, buffer),
            concealer: Concealer::default(),
            since: None,
            heard: false,
            silence: 0,
        }
    }

    /// From `now` on samples are kept.
    pub fn keep_from(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Keeps the next 20 ms. Tells whether the recording is over.
    pub fn hear(&mut self, popped: Popped, frame: &mut [i16; FRAME]) -> Option<RecordEnd> {
        self.since?;
        self.heard = true;
        self.concealer.conceal(popped, frame);
        self.take.push(frame)
    }

    /// Writes down the silence before anything came. Tells whether the recording is over by it.
    pub fn pass(&mut self, now: Instant) -> Option<RecordEnd> {
        let ran = now.saturating_duration_since(self.since?);
        if self.heard || ran < ABSENCE {
            return None;
        }
        let due = samples_in(ran);
        while self.silence + FRAME as u64 <= due {
            self.silence += FRAME as u64;
            if let Some(end) = self.take.push(&[0; FRAME]) {
                return Some(end);
            }
        }
        None
    }

    /// A chunk of samples, once it has gathered.
    pub fn full_chunk(&mut self, spare: impl FnOnce() -> Vec<i16>) -> Option<Vec<i16>> {
        self.take.is_chunk_full().then(|| self.take.exchange(spare()))
    }

    /// The last samples and the length of speech.
    pub fn finish(self) -> (Vec<i16>, Duration) {
        self.take.finish()
    }
}
