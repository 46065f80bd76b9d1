//! Room on the disk, before something large is begun.

use std::io;
use std::path::{Path, PathBuf};

/// What stays free for the calls' recordings.
const SPARE: u64 = 100 << 20;

/// There is not enough.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} MB more must be free at {} ({} MB are needed, {} MB are free)",
    megabytes(self.needed - self.free), path.display(), megabytes(*needed), megabytes(*free)
)]
pub struct NoRoom {
    path: PathBuf,
    needed: u64,
    free: u64,
}

/// Whether `bytes` fit on the disk of `path`. A disk that does not tell is given the benefit of the doubt.
pub fn check(path: &Path, bytes: u64) -> Result<(), NoRoom> {
    let needed = bytes.saturating_add(SPARE);
    match free(path) {
        Ok(free) if free < needed => Err(NoRoom { path: path.into(), needed, free }),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn free(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Rounded up, so that making so much room is enough.
fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), 1).unwrap();
        let error = check(folder.path(), u64::MAX).unwrap_err();
        let missing = megabytes(u64::MAX - error.free);
        assert!(error.to_string().starts_with(&format!("{missing} MB more")), "{error}");
    }
}
