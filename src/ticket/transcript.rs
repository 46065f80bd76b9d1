//! What a recording says, in words that point back into the audio. Pure data: `asr` makes it, `store` keeps it.
//!
//! Text never replaces the audio: a transcript is somebody's guess, and each part says how sure the guesser was.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What was made of one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// What listened: `whisper`, `vosk`, or the login of who did where no engine wrote anything.
    pub engine: String,
    /// The model's name (`whisper-base`).
    pub model: String,
    /// The recording's length in milliseconds; no time in here is later.
    pub duration_ms: u32,
    pub outcome: Outcome,
    /// In the order of their times; they do not overlap.
    pub segments: Vec<Segment>,
}

/// What kind of result it is. Silence is a result, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Outcome {
    /// There are words.
    Words,
    /// Nobody spoke: the voice gate never opened.
    NoSpeech,
    /// Somebody may have spoken, and nothing that came out could be believed.
    Unclear,
}

/// A sentence or so: what an operator reads as one line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Milliseconds from the start of the recording.
    pub start_ms: u32,
    pub end_ms: u32,
    pub text: String,
    /// 0 to 1, the geometric mean of its words' probabilities.
    pub confidence: f32,
    /// Doubtful text is shown as such and suggests nothing.
    pub doubtful: bool,
    pub words: Vec<Word>,
}

/// One word as it was heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    pub start_ms: u32,
    pub end_ms: u32,
    /// With the punctuation that clings to it.
    pub text: String,
    /// 0 to 1.
    pub confidence: f32,
}

impl Segment {
    /// Tells its text from another one, in a form's few letters: the beginning of a SHA-256.
    pub fn mark(&self) -> String {
        mark(&self.text)
    }
}

/// As [`Segment::mark`], of a text that stands alone.
pub fn mark(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Transcript {
    /// The whole text, a segment after the other.
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.segments.iter().map(|s| s.text.as_str()).collect();
        lines.join(" ")
    }
}
