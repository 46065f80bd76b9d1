//! A voice that somebody brings for a prompt: read, judged, and brought to one form before it is kept.

use std::path::Path;

use super::check::flat_places;
use super::render::{self, RenderError};
use super::{Catalogue, catalogue};
use crate::media::SAMPLE_RATE;
use crate::media::prompt::{self, ClipError, Sound};

/// Nobody listens to a longer prompt.
pub const LONGEST_TAKE_SECONDS: u32 = 120;

/// 8 kHz, one channel, as it was spoken: band and level are set when it is loaded.
#[derive(Clone, Debug)]
pub struct Take {
    samples: Vec<f32>,
    /// Places where the wave is cut flat.
    pub clipped: usize,
}

/// Why something cannot be a prompt.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error(transparent)]
    Clip(#[from] ClipError),
    #[error("nothing can be heard in it")]
    Silent,
}

impl Take {
    /// Reads a WAV that may hold anything.
    pub fn read(path: &Path) -> Result<Take, TakeError> {
        let sound = Sound::read_at_most(path, LONGEST_TAKE_SECONDS)?;
        let clipped = flat_places(sound.samples());
        let samples = sound.at_8_khz()?;
        match prompt::active_level(&samples) {
            Some(level) if level > prompt::FAINTEST_LEVEL => Ok(Take { samples, clipped }),
            _ => Err(TakeError::Silent),
        }
    }

    /// Has the synthetic voice say a text; `scratch` is a file that may be made on the way.
    pub fn speak(
        catalogue: &Catalogue,
        id: &str,
        text: &str,
        scratch: &Path,
    ) -> Result<Take, RenderError> {
        let text = catalogue.for_engine(text);
        let samples = render::speak(catalogue.voice(), id, &text, scratch)?;
        Ok(Take { samples, clipped: 0 })
    }

    pub fn duration_ms(&self) -> i64 {
        let ms = self.samples.len() as u64 * 1000 / u64::from(SAMPLE_RATE);
        i64::try_from(ms).unwrap_or(i64::MAX)
    }

    /// A name that only this sound for this prompt has.
    pub fn name(&self, id: &str) -> String {
        let bytes = self.samples.iter().flat_map(|sample| sample.to_le_bytes());
        let all: Vec<u8> = id.bytes().chain([0]).chain(bytes).collect();
        catalogue::sha256(&all)[..32].to_owned()
    }

    /// Keeps it as a WAV; nobody ever reads half of one.
    pub fn write(&self, path: &Path) -> Result<(), hound::Error> {
        prompt::write_wav(path, &self.samples)
    }
}
