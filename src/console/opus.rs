//! Recordings as Ogg Opus: made when first listened to, and kept until there are too many of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Semaphore;

use crate::files::{Files, FilesError};
use crate::media::opus::{OpusError, ogg_opus};
use crate::media::prompt::{ClipError, Sound};
use crate::store::RecordingRow;

/// The folder of what was made, in the data directory. It may be emptied at any time.
const FOLDER: &str = "cache/opus";
/// Bytes that it may hold: about 70 hours of speech.
const MOST: u64 = 512 * 1024 * 1024;
/// What is longer than this is listened to as WAV.
const LONGEST_SECONDS: u32 = 3600;

/// Makes them one at a time, away from the threads that answer: calls need this machine more than listeners do.
#[derive(Debug)]
pub struct Opus {
    gate: Arc<Semaphore>,
}

impl Default for Opus {
    fn default() -> Opus {
        Opus { gate: Arc::new(Semaphore::new(1)) }
    }
}

impl Opus {
    /// Where a recording lies as Opus; `None` when it cannot be made into it, for a reason that is in the log.
    pub(super) async fn of(
        &self,
        files: &Files,
        row: &RecordingRow,
    ) -> Result<Option<PathBuf>, FilesError> {
        let wav = files.path(&row.file)?;
        let Ok(metadata) = tokio::fs::metadata(&wav).await else { return Ok(None) };
        // A recording that was mended or made anew is another one.
        let changed = metadata.modified().map_or(0, millis);
        let name = format!("{FOLDER}/{}-{}-{changed}.opus", row.id.0, metadata.len());
        let opus = files.path(&name)?;
        if tokio::fs::try_exists(&opus).await.unwrap_or(false) {
            return Ok(Some(opus));
        }
        let Ok(permit) = self.gate.clone().acquire_owned().await else { return Ok(None) };
        let making = tokio::task::spawn_blocking(move || {
            let made = make(&wav, &opus);
            // With the work, not with whoever waits for it: a listener may be gone by now.
            drop(permit);
            made.map(|()| opus)
        });
        let told = |error: &dyn std::fmt::Display| {
            tracing::warn!(recording = row.id.0, %error, "a recording is not to be had as Opus");
        };
        Ok(match making.await {
            Ok(made) => made.inspect_err(|error| told(error)).ok(),
            Err(error) => {
                told(&error);
                None
            }
        })
    }
}

/// Why a recording is not to be had as Opus.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Wav(#[from] ClipError),
    #[error(transparent)]
    Opus(#[from] OpusError),
    #[error("it cannot be kept: {0}")]
    Io(#[from] io::Error),
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

fn make(wav: &Path, opus: &Path) -> Result<(), MakeError> {
    // Whoever was before us at the gate may have made it.
    if opus.is_file() {
        return Ok(());
    }
    let samples = Sound::read_at_most(wav, LONGEST_SECONDS)?.samples_at_8_khz()?;
    let bytes = ogg_opus(&samples)?;
    if let Some(folder) = opus.parent() {
        std::fs::create_dir_all(folder)?;
        make_room(folder, MOST.saturating_sub(bytes.len() as u64))?;
    }
    // Under another name first: nobody ever hears half of one.
    let part = opus.with_extension("part");
    std::fs::write(&part, bytes)?;
    Ok(std::fs::rename(part, opus)?)
}

/// Takes the oldest files away until the rest holds at most `most` bytes.
fn make_room(folder: &Path, most: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        files.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    files.sort();
    let mut held: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if held <= most {
            break;
        }
        std::fs::remove_file(path)?;
        held -= length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        for (age, name) in ["c", "a", "b"].into_iter().enumerate() {
            let file = std::fs::File::create(dir.path().join(name)).unwrap();
            file.set_len(100).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age as u64);
            file.set_modified(time).unwrap();
        }
        let there = |name: &str| dir.path().join(name).exists();
        make_room(dir.path(), 300).unwrap();
        assert!(there("a") && there("b") && there("c"));
        make_room(dir.path(), 250).unwrap();
        assert!(there("a") && there("b") && !there("c"), "c is the oldest");
        make_room(dir.path(), 0).unwrap();
        assert!(!there("a") && !there("b"));
    }
}
