//! What the configuration file says of speech to text.

use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The `[asr]` table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub engine: Engine,
    /// The model's name: its folder in `models`.
    pub model: String,
    /// Where models are installed.
    pub models: PathBuf,
    /// Recordings written down at the same time, one thread each.
    pub workers: usize,
    /// How far the workers stand back from the calls, as nice(1) counts: 0 to 19, which is only when nobody else wants
    /// the processor.
    #[serde(deserialize_with = "nice")]
    pub nice: i32,
    /// Guesses followed at the same time, 1 to 8; more is slower and a little better.
    #[serde(deserialize_with = "beam")]
    pub beam: u8,
    /// Words that the engine should expect. Measured: it rarely helps.
    pub prompt: String,
    /// Seconds that a minute of audio may take before the job is given up.
    pub seconds_per_minute: u32,
}

/// Which engine listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Whisper,
    Vosk,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Engine::Whisper => "whisper",
            Engine::Vosk => "vosk",
        })
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            engine: Engine::Whisper,
            model: "whisper-base".into(),
            models: "data/models".into(),
            workers: 1,
            nice: 10,
            beam: 5,
            prompt: String::new(),
            seconds_per_minute: 300,
        }
    }
}

fn nice<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    match i32::deserialize(from)? {
        nice @ 0..=19 => Ok(nice),
        other => Err(D::Error::custom(format!("nice = {other}: it can be 0 to 19"))),
    }
}

fn beam<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    match u8::deserialize(from)? {
        beam @ 1..=8 => Ok(beam),
        other => Err(D::Error::custom(format!("a beam of {other}: it can be 1 to 8"))),
    }
}
