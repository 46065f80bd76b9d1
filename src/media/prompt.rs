//! Prompts: read from WAVs, brought to the telephone's form and encoded once in both laws.

mod shape;
mod wav;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use shape::{FAINTEST_LEVEL, TARGET_LEVEL, active_level, fade_ends, for_telephone};
pub use wav::{ClipError, Sound, wav_bytes, write_wav};

use shape::to_i16;

use super::{Codec, SAMPLE_RATE};

/// No script may record for longer than an hour, nor a second of network more.
const LONGEST_RECORDING_SECONDS: u32 = 3600;

/// A piece of audio ready to be sent in either law.
#[derive(Clone)]
pub struct Clip {
    pcma: Arc<[u8]>,
    pcmu: Arc<[u8]>,
}

impl Clip {
    /// Encodes 8 kHz samples.
    pub fn from_samples(samples: &[i16]) -> Clip {
        let encode = |codec: Codec| {
            let mut bytes = Vec::with_capacity(samples.len());
            codec.encode(samples, &mut bytes);
            Arc::from(bytes)
        };
        Clip { pcma: encode(Codec::Pcma), pcmu: encode(Codec::Pcmu) }
    }

    /// Reads a WAV as it is: any rate, one or more channels, 8 to 32 bits or float, as long as a caller may be recorded.
    /// The level is left alone.
    pub fn from_wav(path: &Path) -> Result<Clip, ClipError> {
        Clip::of(Sound::read_at_most(path, LONGEST_RECORDING_SECONDS)?)
    }

    fn of(sound: Sound) -> Result<Clip, ClipError> {
        Ok(Clip::from_samples(&sound.samples_at_8_khz()?))
    }

    /// Reads a person's recording: as [`Clip::from_wav`], then limited to the telephone's band, its silent
    /// ends cut off, at the level of all prompts ([`for_telephone`]).
    pub fn from_recording(path: &Path) -> Result<Clip, ClipError> {
        let mut samples = Sound::read(path)?.at_8_khz()?;
        for_telephone(&mut samples);
        Ok(Clip::from_samples(&to_i16(&samples)))
    }

    /// The audio in this law, one byte for each sample.
    pub fn bytes(&self, codec: Codec) -> &Arc<[u8]> {
        match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
        }
    }

    /// A WAV of what a phone plays: through the A-law and back.
    pub fn as_heard(&self) -> Result<Vec<u8>, hound::Error> {
        let mut samples = Vec::with_capacity(self.pcma.len());
        Codec::Pcma.decode(&self.pcma, &mut samples);
        wav_bytes(&samples)
    }

    /// How long it plays.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.pcma.len() as u64) / SAMPLE_RATE
    }
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clip({:?})", self.duration())
    }
}

/// The folder of people's recordings inside a folder of prompts.
pub const RECORDED: &str = "recorded";

/// Where a prompt's audio lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `DIR/recorded/ID.wav`: a person's voice.
    Recorded(PathBuf),
    /// `DIR/ID.wav`: made from the text.
    Rendered(PathBuf),
}

impl Source {
    /// A recording if there is one, else the place of the rendering, be it there or not.
    pub fn of(dir: &Path, id: &str) -> Source {
        let file = format!("{id}.wav");
        let recorded = dir.join(RECORDED).join(&file);
        if recorded.is_file() {
            Source::Recorded(recorded)
        } else {
            Source::Rendered(dir.join(file))
        }
    }

    /// Reads it into the telephone's form.
    pub fn load(&self) -> Result<Clip, ClipError> {
        match self {
            Source::Recorded(path) => Clip::from_recording(path),
            Source::Rendered(path) => Clip::of(Sound::read(path)?),
        }
    }
}

/// Every prompt of a language, in memory.
#[derive(Clone, Debug, Default)]
pub struct Library {
    clips: HashMap<String, Arc<Clip>>,
}

impl Library {
    /// Loads these ids from a folder of prompts; a person's recording wins over a rendering.
    ///
    /// Ids must be plain (`angka/3`): whoever reads them from a file checks that they do not lead out of `dir`.
    /// Fails with every prompt that is missing or cannot be read, not only the first.
    pub fn load<S: AsRef<str>>(
        dir: &Path,
        ids: impl IntoIterator<Item = S>,
    ) -> Result<Library, LoadError> {
        let mut clips = HashMap::new();
        let mut faults = Vec::new();
        for id in ids {
            let id = id.as_ref().to_owned();
            match Source::of(dir, &id).load() {
                Ok(clip) => drop(clips.insert(id, Arc::new(clip))),
                Err(fault) => faults.push((id, fault)),
            }
        }
        if faults.is_empty() { Ok(Library { clips }) } else { Err(LoadError { faults }) }
    }

    /// A library of clips made elsewhere (tests, tones).
    pub fn from_clips(clips: impl IntoIterator<Item = (String, Clip)>) -> Library {
        Library { clips: clips.into_iter().map(|(id, clip)| (id, Arc::new(clip))).collect() }
    }

    /// The same with other clips for some ids.
    pub fn with(mut self, clips: impl IntoIterator<Item = (String, Clip)>) -> Library {
        self.clips.extend(clips.into_iter().map(|(id, clip)| (id, Arc::new(clip))));
        self
    }

    /// The clip of this id.
    pub fn get(&self, id: &str) -> Option<Arc<Clip>> {
        self.clips.get(id).cloned()
    }

    /// Every id with its clip, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Clip>)> {
        self.clips.iter().map(|(id, clip)| (id.as_str(), clip))
    }

    /// Every id, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.clips.keys().map(String::as_str)
    }
}

/// Prompts that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} cannot be played:{}\n`kentongan prompts check` tells more",
    count(faults),
    list(faults)
)]
pub struct LoadError {
    /// Each prompt's id and what is wrong with it.
    pub faults: Vec<(String, ClipError)>,
}

fn count(faults: &[(String, ClipError)]) -> String {
    if faults.len() == 1 { "1 prompt".into() } else { format!("{} prompts", faults.len()) }
}

fn list(faults: &[(String, ClipError)]) -> String {
    faults.iter().map(|(id, fault)| format!("\n  {id}: {fault}")).collect()
}

#[cfg(test)]
mod tests;
