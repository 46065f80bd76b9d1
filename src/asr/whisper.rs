//! Whisper by whisper.cpp: the model is loaded once, each job has a state of its own.
//!
//! Chosen by measuring: Indonesian forced, beam search, timestamps on, one thread a job. Its log texts are silenced.

mod pieces;
mod times;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperSegment,
    WhisperState,
};

use super::audio::{SAMPLE_RATE, to_ms};
use super::belief::{self, confidence};
use super::{TranscribeError, Transcriber, Watch};
use crate::ticket::transcript::{Segment, Word};

/// One model in memory.
pub struct Whisper {
    context: WhisperContext,
    /// What a job works in, 250 MB, until [`Transcriber::rest`]: taking it from the system and giving it back for each
    /// recording holds up every other thread of the process that touches new memory.
    states: Mutex<Vec<WhisperState>>,
    model: String,
    beam: u8,
    prompt: String,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "this processor lacks {0}, which speech to text is built for; run it on another machine"
    )]
    Processor(&'static str),
    #[error("{}: {what}; is it a whisper model in ggml form?", path.display())]
    Unreadable { path: PathBuf, what: whisper_rs::WhisperError },
}

impl Whisper {
    /// Loads the ggml file at `path`. `beam` is 1 to 8; `prompt` leads the model towards its words, "" does not.
    pub fn load(path: &Path, model: &str, beam: u8, prompt: &str) -> Result<Whisper, LoadError> {
        check_processor()?;
        // Without a log back end these hooks swallow what the library would print, texts included.
        whisper_rs::install_logging_hooks();
        let mut parameters = WhisperContextParameters::default();
        parameters.use_gpu(false);
        let context = WhisperContext::new_with_params(path, parameters)
            .map_err(|what| LoadError::Unreadable { path: path.to_owned(), what })?;
        // A NUL would not pass into C.
        let prompt = prompt.replace('\0', "");
        let states = Mutex::default();
        Ok(Whisper { context, states, model: model.to_owned(), beam, prompt })
    }

    /// How `piece` of all `samples` is listened to.
    fn parameters(
        &self,
        piece: &Range<usize>,
        samples: usize,
        watch: &Watch,
    ) -> FullParams<'_, '_> {
        let beam_size = i32::from(self.beam);
        let mut parameters =
            FullParams::new(SamplingStrategy::BeamSearch { beam_size, patience: -1.0 });
        // More threads spin and would take the calls' time.
        parameters.set_n_threads(1);
        parameters.set_language(Some("id"));
        parameters.set_no_context(true);
        // No second try at a higher temperature: it sharpens the probabilities, so that guesses at noise look certain.
        parameters.set_temperature_inc(0.0);
        parameters.set_audio_ctx(window(piece.len()));
        parameters.set_print_special(false);
        parameters.set_print_progress(false);
        parameters.set_print_realtime(false);
        parameters.set_print_timestamps(false);
        if !self.prompt.is_empty() {
            parameters.set_initial_prompt(&self.prompt);
        }
        let (stop, told) = (watch.clone(), watch.clone());
        // 0.16.0 hands its trampoline a pointer to a box and reads it as the closure's own type: that is only sound
        // when the closure's type is that very box. Any other closure here is undefined behaviour.
        let stop: Box<dyn FnMut() -> bool> = Box::new(move || stop.is_cancelled());
        parameters.set_abort_callback_safe(stop);
        let (before, here) = (piece.start, piece.len());
        parameters.set_progress_callback_safe(move |percent: i32| {
            let done = before + here * percent.clamp(0, 100) as usize / 100;
            told.progress((done * 100 / samples) as u8);
        });
        parameters
    }

    /// A segment of a piece, with times from the piece's start.
    fn segment(&self, segment: &WhisperSegment<'_>, piece: &[f32]) -> Segment {
        let within = bounds(segment.start_timestamp(), segment.end_timestamp(), piece.len());
        let words = placed(self.words(segment), piece, within.clone());
        Segment {
            start_ms: within.start,
            end_ms: within.end,
            text: segment.to_str_lossy().unwrap_or_default().into_owned(),
            confidence: confidence(words.iter().map(|w| w.confidence)),
            doubtful: false,
            words,
        }
    }

    /// Its words, without times.
    fn words(&self, segment: &WhisperSegment<'_>) -> Vec<Word> {
        // From the end of text on, tokens are marks and times.
        let first_mark = self.context.token_eot();
        let pieces = (0..segment.n_tokens()).filter_map(|n| {
            let token = segment.get_token(n).filter(|t| t.token_id() < first_mark)?;
            let bytes = token.to_bytes().ok()?.to_vec();
            Some(Piece { bytes, probability: token.token_data().p })
        });
        join(pieces)
    }
}

impl Transcriber for Whisper {
    fn engine(&self) -> &'static str {
        "whisper"
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn transcribe(&self, audio: &[f32], watch: &Watch) -> Result<Vec<Segment>, TranscribeError> {
        // Less than a second is refused by whisper.cpp: silence follows.
        let mut audio = audio.to_vec();
        audio.resize(audio.len().max(SAMPLE_RATE as usize * 5 / 4), 0.0);
        let mut state = self.state()?;
        let heard = self.hear(&mut state, &audio, watch)?;
        // One that failed is not used again.
        self.idle_states().push(state);
        Ok(heard)
    }

    fn rest(&self) {
        self.idle_states().clear();
    }
}

impl Whisper {
    fn state(&self) -> Result<WhisperState, TranscribeError> {
        match self.idle_states().pop() {
            Some(state) => Ok(state),
            None => self.context.create_state().map_err(failed),
        }
    }

    fn idle_states(&self) -> std::sync::MutexGuard<'_, Vec<WhisperState>> {
        // Whoever broke down had taken its state out.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(
        &self,
        state: &mut WhisperState,
        audio: &[f32],
        watch: &Watch,
    ) -> Result<Vec<Segment>, TranscribeError> {
        let mut heard = Vec::new();
        for piece in pieces::pieces(audio) {
            if watch.is_cancelled() {
                return Err(TranscribeError::Cancelled);
            }
            let done =
                state.full(self.parameters(&piece, audio.len(), watch), &audio[piece.clone()]);
            if watch.is_cancelled() {
                return Err(TranscribeError::Cancelled);
            }
            done.map_err(failed)?;
            let mut segments: Vec<Segment> = state
                .as_iter()
                .map(|segment| self.segment(&segment, &audio[piece.clone()]))
                .collect();
            if belief::runs_in_circles(&segments) {
                continue;
            }
            super::shift(&mut segments, to_ms(piece.start));
            heard.append(&mut segments);
        }
        Ok(heard)
    }
}

fn failed(error: whisper_rs::WhisperError) -> TranscribeError {
    TranscribeError::Engine(error.to_string())
}

/// The encoder's window in frames of 20 ms: a short clip would else cost as much as thirty seconds.
fn window(samples: usize) -> i32 {
    const FRAME: usize = SAMPLE_RATE as usize / 50;
    const MARGIN: usize = 64;
    const WHOLE: usize = 1500;
    i32::try_from((samples.div_ceil(FRAME) + MARGIN).min(WHOLE)).unwrap_or(0)
}

/// A segment's times in a piece of so many samples. One that the engine did not close ends with its window, half a minute
/// after it began, wherever the piece ends.
fn bounds(start: i64, end: i64, samples: usize) -> Range<u32> {
    let start = ms(start).min(to_ms(samples));
    start..ms(end).clamp(start, to_ms(samples))
}

/// Hundredths of a second to milliseconds.
fn ms(hundredths: i64) -> u32 {
    u32::try_from(hundredths.max(0).saturating_mul(10)).unwrap_or(u32::MAX)
}

/// The words with their times.
fn placed(mut words: Vec<Word>, piece: &[f32], within: Range<u32>) -> Vec<Word> {
    let weights: Vec<f32> = words.iter().map(|word| weight(&word.text)).collect();
    for (word, time) in words.iter_mut().zip(times::of_words(piece, within, &weights)) {
        (word.start_ms, word.end_ms) = (time.start, time.end);
    }
    words
}

/// How long a word takes to say: a letter as long as another, a digit as long as its name.
fn weight(word: &str) -> f32 {
    let length = |c: char| match c {
        '0'..='9' => 5.0,
        c if c.is_alphabetic() => 1.0,
        _ => 0.0,
    };
    word.chars().map(length).sum::<f32>().max(1.0)
}

/// A token's part of the text, which may end within a letter.
struct Piece {
    bytes: Vec<u8>,
    probability: f32,
}

/// Words from tokens: one that begins with a space begins a word.
fn join(pieces: impl Iterator<Item = Piece>) -> Vec<Word> {
    let mut words: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        match words.last_mut() {
            Some(word) if !piece.bytes.starts_with(b" ") => word.push(piece),
            _ => words.push(vec![piece]),
        }
    }
    words.iter().map(|pieces| word(pieces)).collect()
}

fn word(pieces: &[Piece]) -> Word {
    let bytes: Vec<u8> = pieces.iter().flat_map(|p| p.bytes.iter().copied()).collect();
    Word {
        start_ms: 0,
        end_ms: 0,
        text: String::from_utf8_lossy(&bytes).trim().to_owned(),
        confidence: confidence(pieces.iter().map(|p| p.probability)),
    }
}

/// The native code is built for these; without them the first multiplication would kill the program.
#[cfg(target_arch = "x86_64")]
fn check_processor() -> Result<(), LoadError> {
    let has = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
    ];
    match has.iter().find(|(_, there)| !there) {
        Some((name, _)) => Err(LoadError::Processor(name)),
        None => Ok(()),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn check_processor() -> Result<(), LoadError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_words_even_where_a_letter_is_split() {
        let piece = |bytes: &[u8]| Piece { bytes: bytes.to_vec(), probability: 0.5 };
        let pieces = [piece(b" caf"), piece(b"\xc3"), piece(b"\xa9"), piece(b","), piece(b" ya")];
        let words = join(pieces.into_iter());
        assert_eq!(words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["café,", "ya"]);
        assert!((words[0].confidence - 0.5).abs() < 0.001);
    }

    #[test]
    fn a_segment_that_was_not_closed_ends_with_its_piece() {
        // Ten seconds, of which the last four are spoken; the engine's window ends at thirty.
        let second = SAMPLE_RATE as usize;
        let loud = |n: usize| if n < 6 * second { 0.0 } else { (n as f32 * 0.3).sin() };
        let piece: Vec<f32> = (0..10 * second).map(loud).collect();
        let within = bounds(550, 3_000, piece.len());
        assert_eq!(within, 5_500..10_000);
        let words = join(
            [b" satu", b" lima"].map(|w| Piece { bytes: w.to_vec(), probability: 0.9 }).into_iter(),
        );
        let words = placed(words, &piece, within);
        let times: Vec<(u32, u32)> = words.iter().map(|w| (w.start_ms, w.end_ms)).collect();
        assert_eq!(times, [(6_000, 8_000), (8_000, 10_000)]);
        assert_eq!(bounds(3_000, 2_000, piece.len()), 10_000..10_000);
    }

    #[test]
    fn a_short_clip_gets_a_short_window_and_a_long_one_the_whole() {
        assert_eq!(window(16_000), 114);
        assert_eq!(window(40 * 16_000), 1500);
    }

    #[test]
    fn a_file_that_is_no_model_is_told_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ggml");
        std::fs::write(&path, "no model").unwrap();
        let error = Whisper::load(&path, "x", 5, "").err().unwrap().to_string();
        assert!(error.contains("model.ggml"), "{error}");
    }
}
