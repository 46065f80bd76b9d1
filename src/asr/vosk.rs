//! Vosk: Kaldi's recogniser, for sites that hold a model of their own. The model is loaded once, each job has a
//! recogniser of its own.
//!
//! It hears the audio in pieces, so it can be stopped at any of them. It decides itself where a sentence ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use vosk::{CompleteResult, DecodingState, LogLevel, Model, Recognizer};

use super::audio::{SAMPLE_RATE, to_ms};
use super::belief::confidence;
use super::{TranscribeError, Transcriber, Watch};
use crate::ticket::transcript::{Segment, Word};

/// Samples between two looks at the watch: half a second.
const PIECE: usize = SAMPLE_RATE as usize / 2;

/// One model in memory.
pub struct Vosk {
    model: Model,
    name: String,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: Vosk cannot read this model; are all of its files there, and is it one for Vosk 0.3?", path.display())]
pub struct LoadError {
    path: PathBuf,
}

impl Vosk {
    /// Loads the model in `folder`.
    pub fn load(folder: &Path, name: &str) -> Result<Vosk, LoadError> {
        // What else it prints is meant for its makers. Errors stay: they name the file that is missing or broken.
        vosk::set_log_level(LogLevel::Error);
        let model = folder.to_str().and_then(Model::new);
        // A part of the model is missed only by the first recogniser.
        let model = model.filter(|model| Recognizer::new(model, SAMPLE_RATE as f32).is_some());
        let model = model.ok_or_else(|| LoadError { path: folder.into() })?;
        Ok(Vosk { model, name: name.into() })
    }

    fn hear(&self, audio: &[f32], watch: &Watch) -> Result<Vec<Segment>, TranscribeError> {
        let mut recognizer = Recognizer::new(&self.model, SAMPLE_RATE as f32)
            .ok_or_else(|| TranscribeError::Engine("no recogniser for this model".into()))?;
        recognizer.set_words(true);
        let mut heard = Vec::new();
        for (n, piece) in audio.chunks(PIECE).enumerate() {
            if watch.is_cancelled() {
                return Err(TranscribeError::Cancelled);
            }
            watch.progress((n * PIECE * 100 / audio.len()) as u8);
            let samples: Vec<i16> = piece.iter().map(|s| (s * 32_767.0) as i16).collect();
            let state = recognizer
                .accept_waveform(&samples)
                .map_err(|error| TranscribeError::Engine(error.to_string()))?;
            match state {
                DecodingState::Finalized => heard.extend(segment(recognizer.result())),
                DecodingState::Running => {}
                DecodingState::Failed => return Err(TranscribeError::Engine("it gave up".into())),
            }
        }
        heard.extend(segment(recognizer.final_result()));
        watch.progress(100);
        Ok(heard)
    }
}

impl Transcriber for Vosk {
    fn engine(&self) -> &'static str {
        "vosk"
    }

    fn model(&self) -> &str {
        &self.name
    }

    fn transcribe(&self, audio: &[f32], watch: &Watch) -> Result<Vec<Segment>, TranscribeError> {
        // The crate panics where the library's answer is not what it expects; the recogniser is gone then, the model
        // stays as it was.
        catch_unwind(AssertUnwindSafe(|| self.hear(audio, watch)))
            .unwrap_or_else(|_| Err(TranscribeError::Engine("its answer cannot be read".into())))
    }
}

/// `None` for silence.
fn segment(result: CompleteResult<'_>) -> Option<Segment> {
    let result = result.single()?;
    let words: Vec<Word> = result.result.iter().map(word).collect();
    Some(Segment {
        start_ms: words.first()?.start_ms,
        end_ms: words.last()?.end_ms,
        text: result.text.into(),
        confidence: confidence(words.iter().map(|word| word.confidence)),
        doubtful: false,
        words,
    })
}

fn word(word: &vosk::Word<'_>) -> Word {
    Word {
        start_ms: ms(word.start),
        end_ms: ms(word.end),
        text: word.word.into(),
        confidence: word.conf,
    }
}

/// Seconds to milliseconds.
fn ms(seconds: f32) -> u32 {
    to_ms((seconds.max(0.0) * SAMPLE_RATE as f32) as usize)
}

#[cfg(test)]
mod tests;
