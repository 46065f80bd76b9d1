//! Where recordings lie: a directory. Rows hold names, and only this module turns a name into a path.
//!
//! Names are the same in whatever comes to hold the files (`recordings/2026/11/22/CALL-slot.wav`, the date in UTC), and
//! hold no personal data.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::clock::Timestamp;
use crate::ticket::CallId;

/// The directory of everything that is no row. A cheap handle.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// Not a name that this program gives: it might lead outside.
    #[error("{0:?} is no name of a file in the data directory")]
    Name(String),
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Less room than asked for.
    #[error("only {} MB are free in {}, {} MB are needed", free / MB, path.display(), needed / MB)]
    NoSpace { path: PathBuf, free: u64, needed: u64 },
}

const MB: u64 = 1_000_000;

/// The folder of recordings in the data directory.
const RECORDINGS: &str = "recordings";

/// Recordings of one slot in one call.
const TAKES: u32 = 100;

impl Files {
    /// Files under `root`, which must exist: a data directory that is not mounted is an error, not a new directory.
    pub fn new(root: impl Into<PathBuf>) -> Result<Files, FilesError> {
        let root = root.into();
        let io = |source| FilesError::Io { path: root.clone(), source };
        if !root.metadata().map_err(io)?.is_dir() {
            return Err(io(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        Ok(Files { root })
    }

    /// The name and path for a recording that begins now, with its folder made. A later take of the same slot gets a
    /// name of its own (`CALL-slot-2.wav`): what was said before is not written over.
    pub fn recording_path(
        &self,
        now: Timestamp,
        call: CallId,
        slot: &str,
    ) -> Result<(String, PathBuf), FilesError> {
        for take in 1..=TAKES {
            let name = recording_name(now, call, slot, take)?;
            let path = self.path(&name)?;
            if take == 1 {
                make_parent(&path)?;
            }
            if !path.try_exists().map_err(|source| FilesError::Io { path: path.clone(), source })? {
                return Ok((name, path));
            }
        }
        Err(FilesError::Name(format!("{slot} (take {})", TAKES + 1)))
    }

    /// The path of a name from a row.
    pub fn path(&self, name: &str) -> Result<PathBuf, FilesError> {
        let inside = Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b));
        if name.is_empty() || name.len() > 255 || !inside || !plain {
            return Err(FilesError::Name(name.to_owned()));
        }
        Ok(self.root.join(name))
    }

    /// The path of a name, with its folder made.
    pub fn place(&self, name: &str) -> Result<PathBuf, FilesError> {
        let path = self.path(name)?;
        make_parent(&path)?;
        Ok(path)
    }

    /// Whether recordings are there at all: a disk that is not mounted holds none.
    pub fn holds_recordings(&self) -> bool {
        let entries = std::fs::read_dir(self.root.join(RECORDINGS));
        entries.is_ok_and(|mut entries| entries.next().is_some_and(|entry| entry.is_ok()))
    }

    /// Bytes that this program may still write.
    pub fn free_space(&self) -> Result<u64, FilesError> {
        let stat = rustix::fs::statvfs(&self.root)
            .map_err(|errno| FilesError::Io { path: self.root.clone(), source: errno.into() })?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Writes a little where recordings go, and takes it away again: whether a disk takes words is told by trying.
    pub fn check_writable(&self) -> Result<(), FilesError> {
        let probe = self.root.join(RECORDINGS).join(format!("probe-{}", std::process::id()));
        make_parent(&probe)?;
        let io = |source| FilesError::Io { path: probe.clone(), source };
        std::fs::write(&probe, [0; 4096]).map_err(io)?;
        std::fs::remove_file(&probe).map_err(io)
    }

    /// Fails when fewer than `needed` bytes are free: a minute of recording takes 1 MB.
    pub fn ensure_space(&self, needed: u64) -> Result<(), FilesError> {
        let free = self.free_space()?;
        if free < needed {
            return Err(FilesError::NoSpace { path: self.root.clone(), free, needed });
        }
        Ok(())
    }
}

fn recording_name(
    now: Timestamp,
    call: CallId,
    slot: &str,
    take: u32,
) -> Result<String, FilesError> {
    let plain = slot.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if slot.is_empty() || slot.len() > 64 || !plain || call.0 < 0 {
        return Err(FilesError::Name(slot.to_owned()));
    }
    // A clock so wrong that it has no date still gets a place.
    let date = jiff::Timestamp::from_millisecond(now.0)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let (year, month, day) = (date.year(), date.month(), date.day());
    let again = if take > 1 { format!("-{take}") } else { String::new() };
    Ok(format!("{RECORDINGS}/{year:04}/{month:02}/{day:02}/{}-{slot}{again}.wav", call.0))
}

fn make_parent(path: &Path) -> Result<(), FilesError> {
    match path.parent() {
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|source| FilesError::Io { path: folder.to_owned(), source }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-22 23:59:59.999 UTC, the 23rd already in Indonesia.
    const LATE: Timestamp = Timestamp(1_795_391_999_999);

    fn files() -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path()).unwrap();
        (dir, files)
    }

    #[test]
    fn a_recording_is_named_by_the_utc_day_the_call_and_the_slot() {
        let (dir, files) = files();
        let (name, path) = files.recording_path(LATE, CallId(42), "story").unwrap();
        assert_eq!(name, "recordings/2026/11/22/42-story.wav");
        assert_eq!(path, dir.path().join(&name));
        std::fs::write(&path, "the folder is there").unwrap();
        assert_eq!(files.path(&name).unwrap(), path);
    }

    #[test]
    fn a_second_take_does_not_write_over_the_first() {
        let (_dir, files) = files();
        for expected in ["42-story.wav", "42-story-2.wav", "42-story-3.wav"] {
            let (name, path) = files.recording_path(LATE, CallId(42), "story").unwrap();
            assert!(name.ends_with(expected), "{name}");
            std::fs::write(path, expected).unwrap();
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (_dir, files) = files();
        for name in [
            "",
            "/etc/passwd",
            "../x.wav",
            "recordings/../../x.wav",
            "./x.wav",
            "a/./../b",
            "x\0.wav",
            "nama saya.wav",
            "x\n.wav",
            "é.wav",
        ] {
            assert!(matches!(files.path(name), Err(FilesError::Name(_))), "{name:?}");
        }
        for slot in ["", "../story", "a/b", "a.b", "cerita saya", "x\0"] {
            let named = files.recording_path(LATE, CallId(1), slot);
            assert!(matches!(named, Err(FilesError::Name(_))), "{slot:?}");
        }
        assert!(files.recording_path(LATE, CallId(-1), "story").is_err());
    }

    proptest! {
        #[test]
        fn no_name_leads_outside(name in r"[a-z./\\\x00-]{0,40}") {
            let files = Files { root: PathBuf::from("/data") };
            if let Ok(path) = files.path(&name) {
                prop_assert!(path.starts_with("/data"));
                let normal = |c: Component| matches!(c, Component::Normal(_) | Component::RootDir);
                prop_assert!(path.components().all(normal));
            }
        }
    }

    #[test]
    fn a_clock_without_a_date_still_names_a_file() {
        let (_dir, files) = files();
        let (name, _) = files.recording_path(Timestamp(i64::MAX), CallId(1), "story").unwrap();
        assert_eq!(name, "recordings/1970/01/01/1-story.wav");
    }

    #[test]
    fn a_missing_root_is_told_by_its_path() {
        let missing = Files::new("/nowhere/to/be/found").unwrap_err();
        assert!(missing.to_string().contains("/nowhere/to/be/found"), "{missing}");
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Files::new(file.path()), Err(FilesError::Io { .. })));
    }

    #[test]
    fn a_folder_that_takes_no_recordings_is_told_by_its_path() {
        let (dir, files) = files();
        files.check_writable().unwrap();
        assert_eq!(dir.path().join("recordings").read_dir().unwrap().count(), 0);
        std::fs::remove_dir(dir.path().join("recordings")).unwrap();
        std::fs::write(dir.path().join("recordings"), "not a folder").unwrap();
        let error = files.check_writable().unwrap_err();
        assert!(error.to_string().contains("recordings"), "{error}");
    }

    #[test]
    fn too_little_space_is_an_error_with_figures() {
        let (_dir, files) = files();
        assert!(files.free_space().unwrap() > 0);
        files.ensure_space(1).unwrap();
        let error = files.ensure_space(u64::MAX).unwrap_err();
        assert!(matches!(error, FilesError::NoSpace { needed: u64::MAX, .. }));
        assert!(error.to_string().contains("MB are free"), "{error}");
    }
}
