//! Reading the data files: every mistake is told with its file and line.

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::ticket::words::words;

/// What is wrong with a data file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct DataError {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

/// A file's name and text, to tell where something stands.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        let wrong = |e: toml::de::Error| {
            self.at(e.span().map_or(0, |span| span.start), e.message().replace('\n', " "))
        };
        toml::from_str(self.text).map_err(wrong)
    }

    /// A mistake at this byte.
    pub(super) fn at(&self, byte: usize, message: impl Into<String>) -> DataError {
        let before = self.text.as_bytes().get(..byte).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        DataError { file: self.file.into(), line, message: message.into() }
    }

    /// The folded words of an entry that must have some.
    pub(super) fn phrase(&self, entry: &Spanned<String>) -> Result<Vec<String>, DataError> {
        let folded: Vec<String> = words(entry.get_ref()).into_iter().map(|w| w.folded).collect();
        if folded.is_empty() {
            return Err(self.at(entry.span().start, "there is no word in this entry: remove it"));
        }
        Ok(folded)
    }

    /// The folded word of an entry that must be a single one.
    pub(super) fn word(&self, entry: &Spanned<String>) -> Result<String, DataError> {
        let phrase = self.phrase(entry)?;
        <[String; 1]>::try_from(phrase).map(|[word]| word).map_err(|_| {
            let message =
                format!("{:?} is more than one word: only one fits here", entry.get_ref());
            self.at(entry.span().start, message)
        })
    }
}
