//! Lays what is heard on the timeline of a recording, so that its length is right whatever the network lost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::media::recorder::Take;
use crate::media::{RecordEnd, RecordSpec, RecordTag, SAMPLE_RATE};

/// What the recorder should do, in this order: one `Open`, any number of `Samples`, one `Close`.
#[derive(Debug)]
pub enum RecordingStep {
    Open { tag: RecordTag, path: PathBuf },
    Samples(Vec<i16>),
    Close { ended_by: RecordEnd, speech: Duration },
}

/// Silence in which no packet at all comes (a phone that suppresses silence, a broken network) is written down
/// after this long; what merely was late comes before.
const ABSENCE: Duration = Duration::from_millis(200);

/// A jump of timestamps beyond this is a new start, not a loss.
const MAX_GAP: u32 = 2 * SAMPLE_RATE;

/// Silence to fill gaps with, a packet at a time.
const NOTHING: [i16; 160] = [0; 160];

/// A recording under way.
pub struct Recording {
    take: Take,
    /// When the first sample was or will be kept; `None` while the beep sounds.
    since: Option<Instant>,
    /// When audio last came.
    heard: Option<Instant>,
    kept: u64,
    /// Timestamp of the next sample if nothing is lost.
    expected: Option<u32>,
}

impl Recording {
    pub fn new(spec: &RecordSpec, buffer: Vec<i16>) -> Recording {
        Recording {
            take: Take::new(spec, buffer),
            since: None,
            heard: None,
            kept: 0,
            expected: None,
        }
    }

    /// From `now` on samples are kept.
    pub fn keep_from(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.heard.get_or_insert(now);
    }

    /// Keeps audio, after silence for what was lost before it. Tells whether the recording is over.
    pub fn hear(&mut self, timestamp: u32, samples: &[i16], now: Instant) -> Option<RecordEnd> {
        self.since?;
        if samples.is_empty() {
            return None;
        }
        self.heard = Some(now);
        let gap = self.expected.map_or(0, |expected| timestamp.wrapping_sub(expected));
        self.expected = Some(timestamp.wrapping_add(samples.len() as u32));
        let lost = if gap <= MAX_GAP { u64::from(gap) } else { 0 };
        self.fill(lost).or_else(|| self.keep(samples))
    }

    /// Writes down the silence in which nothing came. Tells whether the recording is over by it.
    pub fn pass(&mut self, now: Instant) -> Option<RecordEnd> {
        if now < self.heard? + ABSENCE {
            return None;
        }
        let missing = self.missing(now);
        self.expected = self.expected.map(|expected| expected.wrapping_add(missing as u32));
        self.fill(missing)
    }

    /// Samples by which the recording is shorter than the time it has run.
    fn missing(&self, now: Instant) -> u64 {
        let ran = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let samples = ran.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
        (samples as u64).saturating_sub(self.kept)
    }

    fn fill(&mut self, samples: u64) -> Option<RecordEnd> {
        let mut left = samples as usize;
        while left > 0 {
            let piece = left.min(NOTHING.len());
            if let Some(end) = self.keep(&NOTHING[..piece]) {
                return Some(end);
            }
            left -= piece;
        }
        None
    }

    fn keep(&mut self, samples: &[i16]) -> Option<RecordEnd> {
        self.kept += samples.len() as u64;
        self.take.push(samples)
    }

    /// Half a second of samples, once they have gathered.
    pub fn full_chunk(&mut self, spare: impl FnOnce() -> Vec<i16>) -> Option<Vec<i16>> {
        self.take.is_chunk_full().then(|| self.take.exchange(spare()))
    }

    /// The last samples and the length of speech.
    pub fn finish(self) -> (Vec<i16>, Duration) {
        self.take.finish()
    }
}
