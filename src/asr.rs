//! Recordings to text, on this machine, without a network.
//!
//! A recording becomes 16 kHz samples (`audio`), a gate decides whether anybody spoke, an engine writes down what it
//! heard (`whisper`, or `vosk` where the program is built with it), and `belief` throws out what no caller said. `model` brings the models, `worker` leases
//! the jobs. Engines block: a worker gives each a thread of its own.

pub mod audio;
pub mod belief;
mod config;
pub mod formats;
pub mod model;
#[cfg(feature = "vosk")]
pub mod vosk;
pub mod whisper;
pub mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ticket::transcript::{Outcome, Segment, Transcript};

pub use config::{Config, Engine};

/// One engine with its model loaded. Shared between workers; each call keeps its own state.
pub trait Transcriber: Send + Sync {
    /// `whisper` or `vosk`.
    fn engine(&self) -> &'static str;

    /// The model's name (`whisper-base`).
    fn model(&self) -> &str;

    /// Writes down what is said in `audio` (16 kHz, mono, -1 to 1), times in milliseconds from its first sample.
    /// Looks at `watch` every few seconds of work at least, and tells it how far it is.
    fn transcribe(&self, audio: &[f32], watch: &Watch) -> Result<Vec<Segment>, TranscribeError>;

    /// Nothing is waiting: what was kept for the next recording may go.
    fn rest(&self) {}
}

/// How somebody outside follows a transcription and ends it.
#[derive(Clone, Default)]
pub struct Watch {
    cancelled: Arc<AtomicBool>,
    progress: Option<Arc<dyn Fn(u8) + Send + Sync>>,
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum TranscribeError {
    /// [`Watch::cancel`] was called: by a shutdown, or because it took too long.
    #[error("cancelled")]
    Cancelled,
    #[error("the engine failed: {0}")]
    Engine(String),
}

impl Watch {
    /// A watch that hears of progress, in percent.
    pub fn with_progress(progress: impl Fn(u8) + Send + Sync + 'static) -> Watch {
        Watch { cancelled: Arc::default(), progress: Some(Arc::new(progress)) }
    }

    /// Asks the engine to stop. Any clone may.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Tells how far it is, in percent.
    pub fn progress(&self, percent: u8) {
        if let Some(progress) = &self.progress {
            progress(percent);
        }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the model {name} is not installed ({} is missing): {}", path.display(), remedy(name))]
    Missing { name: String, path: PathBuf },
    #[error(
        "the model {name} is one of {is}, engine = \"{wanted}\" cannot open it: set engine = \"{is}\" in [asr]"
    )]
    Other { name: String, is: Engine, wanted: Engine },
    #[error("{}: {why}", path.display())]
    Broken { path: PathBuf, why: model::CheckError },
    #[error(transparent)]
    Load(#[from] whisper::LoadError),
    #[cfg(feature = "vosk")]
    #[error(transparent)]
    LoadVosk(#[from] vosk::LoadError),
    #[error(
        "engine = \"vosk\", but this program was built without Vosk: build it with `cargo build --release --features \
         vosk`, as the README tells, or set engine = \"whisper\" in [asr]"
    )]
    NoVosk,
}

impl OpenError {
    /// Whether the model is there and broken: installing it again may help.
    pub fn is_broken(&self) -> bool {
        match self {
            OpenError::Broken { .. } => true,
            OpenError::Load(error) => matches!(error, whisper::LoadError::Unreadable { .. }),
            #[cfg(feature = "vosk")]
            OpenError::LoadVosk(_) => true,
            OpenError::Missing { .. } | OpenError::Other { .. } | OpenError::NoVosk => false,
        }
    }
}

/// What brings a model.
pub fn remedy(name: &str) -> String {
    let from = if model::known::find(name).is_some() { "" } else { " --from FILE" };
    format!("run `kentongan model install {name}{from}`")
}

/// The engine that `config` names, with its model loaded.
pub fn open(config: &Config) -> Result<Arc<dyn Transcriber>, OpenError> {
    let name = config.model.clone();
    match model::find(&config.models, &name) {
        None => Err(OpenError::Missing { path: config.models.join(&name), name }),
        Some(model) if model.engine != config.engine => {
            Err(OpenError::Other { name, is: model.engine, wanted: config.engine })
        }
        Some(model) => open_at(&model.path, config),
    }
}

/// As [`open`], with the model at `path`: Whisper's is a file, Vosk's a folder.
pub fn open_at(path: &Path, config: &Config) -> Result<Arc<dyn Transcriber>, OpenError> {
    match path.metadata() {
        Ok(kind) if kind.is_dir() => open_vosk(path, config),
        Ok(_) => {
            let broken = |why| OpenError::Broken { path: path.to_owned(), why };
            model::check_ggml(path).map_err(broken)?;
            let (beam, prompt) = (config.beam, &config.prompt);
            Ok(Arc::new(whisper::Whisper::load(path, &config.model, beam, prompt)?))
        }
        Err(_) => Err(OpenError::Missing { name: config.model.clone(), path: path.to_owned() }),
    }
}

#[cfg(feature = "vosk")]
fn open_vosk(path: &Path, config: &Config) -> Result<Arc<dyn Transcriber>, OpenError> {
    Ok(Arc::new(vosk::Vosk::load(path, &config.model)?))
}

#[cfg(not(feature = "vosk"))]
fn open_vosk(_: &Path, _: &Config) -> Result<Arc<dyn Transcriber>, OpenError> {
    Err(OpenError::NoVosk)
}

/// Writes down what is said in a recording: gate, level, engine, belief. Times are the recording's own.
pub fn listen(
    engine: &dyn Transcriber,
    recording: &audio::Recording,
    watch: &Watch,
) -> Result<Transcript, TranscribeError> {
    let duration_ms = recording.duration_ms();
    let (outcome, segments) = match recording.speech() {
        None => (Outcome::NoSpeech, Vec::new()),
        Some(range) => {
            let mut speech = recording.samples()[range.clone()].to_vec();
            audio::level(&mut speech);
            let mut heard = engine.transcribe(&speech, watch)?;
            shift(&mut heard, audio::to_ms(range.start));
            belief::believe(heard, duration_ms)
        }
    };
    let (engine, model) = (engine.engine().to_owned(), engine.model().to_owned());
    Ok(Transcript { engine, model, duration_ms, outcome, segments })
}

fn shift(segments: &mut [Segment], ms: u32) {
    for segment in segments {
        segment.start_ms = segment.start_ms.saturating_add(ms);
        segment.end_ms = segment.end_ms.saturating_add(ms);
        for word in &mut segment.words {
            word.start_ms = word.start_ms.saturating_add(ms);
            word.end_ms = word.end_ms.saturating_add(ms);
        }
    }
}

#[cfg(test)]
mod tests;
