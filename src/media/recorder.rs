//! What callers say, kept: from the packets to a WAV that survives the process.
//!
//! A [`Take`] is one recording as the media thread sees it: it decides when it ends and hands over samples by the
//! quarter second. One [`Recorder`] for each engine is the thread that writes them, so that a slow disk never delays a
//! packet. Samples reach the file unbuffered, its header and the disk once a second: `kill -9` costs at most the
//! quarter second in memory, and [`repair()`] gives the file its true length back.

mod repair;
mod take;
mod writer;

pub use repair::{Repair, RepairError, repair};
pub use take::Take;
pub use writer::{Fault, Recorder, RecorderHandle, TakeId};

use std::time::Duration;

use crate::media::SAMPLE_RATE;

/// Samples that the media thread gathers before it hands them over: a quarter of a second, and a whole page of memory.
pub const CHUNK_SAMPLES: usize = 2048;

/// The only format that is written: PCM, 8 kHz, mono, 16 bits.
const SPEC: hound::WavSpec = hound::WavSpec {
    channels: 1,
    sample_rate: SAMPLE_RATE,
    bits_per_sample: 16,
    sample_format: hound::SampleFormat::Int,
};

/// Bytes before the first sample of a file written here.
const HEADER_BYTES: u64 = 44;

/// How long `samples` last.
pub(super) fn duration_of(samples: u64) -> Duration {
    Duration::from_micros(samples * 1_000_000 / u64::from(SAMPLE_RATE))
}

/// How many samples last `duration`.
pub(super) fn samples_in(duration: Duration) -> u64 {
    (duration.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000).min(u128::from(u64::MAX)) as u64
}
