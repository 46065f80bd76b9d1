//! Recordings to text, on this machine, without a network.
//!
//! A recording becomes 16 kHz samples (`audio`), a gate decides whether anybody spoke, an engine writes down what it
//! heard (`whisper`, `vosk`), and `belief` throws out what no caller said. `model` brings the models, `worker` leases
//! the jobs. Engines block: a worker gives each a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ticket::transcript::Segment;

/// One engine with its model loaded. Shared between workers; each call keeps its own state.
pub trait Transcriber: Send + Sync {
    /// `whisper` or `vosk`.
    fn engine(&self) -> &'static str;

    /// The model's name (`whisper-base`).
    fn model(&self) -> &str;

    /// Writes down what is said in `audio` (16 kHz, mono, -1 to 1), times in milliseconds from its first sample.
    /// Looks at `watch` often enough to stop within a second or two, and tells it how far it is.
    fn transcribe(&self, audio: &[f32], watch: &Watch) -> Result<Vec<Segment>, TranscribeError>;
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
