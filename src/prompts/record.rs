//! `rendered.toml`: which text each WAV says.

use std::collections::BTreeMap;
use std::path::Path;

use super::Content;
use super::catalogue::sha256;
use serde::{Deserialize, Serialize};

/// The record's name inside a folder of prompts.
pub const FILE: &str = "rendered.toml";

const HEADER: &str = "\
# Written by `kentongan prompts render`: the fingerprint of the text and voice that each WAV was made from,
# and of the text that each person's recording was found with. Not to be edited.

";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Id to fingerprint.
    #[serde(default)]
    pub rendered: BTreeMap<String, String>,
    /// Id to what was found beside the text.
    #[serde(default)]
    pub recorded: BTreeMap<String, Recording>,
}

/// A person's recording, and the text it was first seen with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recording {
    /// sha256 of the text.
    pub text: String,
    /// sha256 of the file.
    pub sound: String,
}

impl Recording {
    /// Notes a recording with the text it is found with; `None` if it cannot be read.
    pub fn of(path: &Path, content: &Content) -> Option<Recording> {
        let sound = sha256(&std::fs::read(path).ok()?);
        Some(Recording { text: content.hash(), sound })
    }

    /// Whether the text has changed since, and the recording has not.
    pub fn is_older_than(&self, path: &Path, content: &Content) -> bool {
        let now = Recording::of(path, content);
        now.is_some_and(|now| now.sound == self.sound && now.text != self.text)
    }
}

/// Why the record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("is damaged: {}", .0.message())]
    Damaged(#[from] toml::de::Error),
}

impl Record {
    /// Reads the record; empty if there is none yet.
    pub fn read(dir: &Path) -> Result<Record, RecordError> {
        match std::fs::read_to_string(dir.join(FILE)) {
            Ok(text) => Ok(toml::from_str(&text)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Record::default()),
            Err(e) => Err(e.into()),
        }
    }

    /// Writes the record, under another name first.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        let part = dir.join(format!("{FILE}.part"));
        std::fs::write(&part, format!("{HEADER}{text}"))?;
        std::fs::rename(part, dir.join(FILE))
    }
}
