//! Sums: how a file is known to be what its maker made.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a file must add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Sha256(&'static str),
    /// Git's name for the content: SHA-1 over `blob`, the length and the bytes. It is what a repository itself vouches
    /// for where its files have no other sum.
    GitBlob(&'static str),
}

impl Sum {
    /// The file's sum when it is another one.
    pub fn differs(self, path: &Path) -> io::Result<Option<String>> {
        let (known, found) = match self {
            Sum::Sha256(known) => (known, sha256(path)?),
            Sum::GitBlob(known) => (known, git_blob(path)?),
        };
        Ok((found != known).then_some(found))
    }
}

/// Of a file's content.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut sum = Sha256::new();
    through(path, |bytes| sum.update(bytes))?;
    Ok(hex(&sum.finalize()))
}

fn git_blob(path: &Path) -> io::Result<String> {
    let mut sum = Sha1::new();
    sum.update(format!("blob {}\0", path.metadata()?.len()));
    through(path, |bytes| sum.update(bytes))?;
    Ok(hex(&sum.finalize()))
}

fn through(path: &Path, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            len => take(&buffer[..len]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sums what goes through to the file.
pub struct Summed<W> {
    file: W,
    sum: Sha256,
}

impl<W: Write> Summed<W> {
    pub fn new(file: W) -> Summed<W> {
        Summed { file, sum: Sha256::new() }
    }

    /// What went through adds up to this; it is flushed.
    pub fn finish(mut self) -> io::Result<String> {
        self.file.flush()?;
        Ok(hex(&self.sum.finalize()))
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        self.sum.update(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums_are_met_and_a_changed_byte_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "hello\n").unwrap();
        // As sha256sum(1) and git-hash-object(1) have it.
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let blob = "ce013625030ba8dba906f756967f9e9ca394464a";
        for sum in [Sum::Sha256(sha256), Sum::GitBlob(blob)] {
            assert_eq!(sum.differs(&path).unwrap(), None);
        }
        std::fs::write(&path, "hellO\n").unwrap();
        for sum in [Sum::Sha256(sha256), Sum::GitBlob(blob)] {
            assert!(sum.differs(&path).unwrap().is_some(), "{sum:?}");
        }
    }
}
