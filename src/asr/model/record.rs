//! What is kept beside an installed model about it: `model.toml`.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::asr::Engine;

/// Beside the model.
const RECORD: &str = "model.toml";

/// Where a model came from and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub engine: Engine,
    pub licence: String,
    pub origin: String,
    /// Of the file that it was installed from, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Record {
    /// Of the model in `folder`; `None` where none can be read.
    pub fn read(folder: &Path) -> Option<Record> {
        toml::from_str(&std::fs::read_to_string(folder.join(RECORD)).ok()?).ok()
    }

    /// Writes it into the model's `folder`.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        std::fs::write(folder.join(RECORD), text)
    }
}
