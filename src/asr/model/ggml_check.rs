//! Walks through a whisper.cpp file from end to end without loading it. whisper.cpp throws C++ exceptions at a broken
//! header, which would end the whole program, calls and all: no file gets to it that this has not passed.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek};
use std::path::Path;

use super::ggml::MAGIC;

/// Why a file is no model.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("it is no whisper.cpp model (ggml)")]
    Other,
    #[error("it ends too early: it was not copied or downloaded whole")]
    Cut,
    #[error("it is broken: {0}")]
    Broken(&'static str),
    #[error("it cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for CheckError {
    fn from(error: io::Error) -> CheckError {
        match error.kind() {
            ErrorKind::UnexpectedEof => CheckError::Cut,
            _ => CheckError::Io(error),
        }
    }
}

/// What the numbers of the header may be at most, in their order: tokens, frames, width, heads and layers of the
/// encoder, the same of the decoder, mels, form.
const MOST: [u32; 11] =
    [1 << 17, 1 << 14, 1 << 13, 128, 128, 1 << 14, 1 << 13, 128, 128, 512, 9999];
/// Longer than any token or tensor's name.
const LONGEST: u32 = 1 << 10;

/// Whether the file at `path` is a whole model.
pub fn check(path: &Path) -> Result<(), CheckError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut walk = Walk { length, file: BufReader::new(file) };
    if walk.number().ok() != Some(MAGIC) {
        return Err(CheckError::Other);
    }
    let mut header = [0; MOST.len()];
    for (number, most) in header.iter_mut().zip(MOST) {
        *number = walk.at_most(most, "its header holds what no model has")?;
    }
    walk.mels()?;
    walk.tokens()?;
    // What each layer and each side has beside its layers.
    let [encoder, decoder] = [header[4], header[8]];
    let tensors = 11 + 15 * encoder + 24 * decoder;
    for _ in 0..tensors {
        walk.tensor()?;
    }
    match walk.file.stream_position()? {
        position if position == length => Ok(()),
        _ => Err(CheckError::Broken("more follows than belongs to it")),
    }
}

struct Walk {
    file: BufReader<File>,
    length: u64,
}

impl Walk {
    fn number(&mut self) -> Result<u32, CheckError> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn at_most(&mut self, most: u32, else_what: &'static str) -> Result<u32, CheckError> {
        match self.number()? {
            number if (1..=most).contains(&number) => Ok(number),
            _ => Err(CheckError::Broken(else_what)),
        }
    }

    /// Steps over what is not looked at. Seeking alone would not notice the end.
    fn skip(&mut self, bytes: u64) -> Result<(), CheckError> {
        let left = self.length.saturating_sub(self.file.stream_position()?);
        match i64::try_from(bytes) {
            Ok(step) if bytes <= left => Ok(self.file.seek_relative(step)?),
            _ => Err(CheckError::Cut),
        }
    }

    fn mels(&mut self) -> Result<(), CheckError> {
        let what = "its mel filters are not of a model's size";
        let (mels, bins) = (self.at_most(512, what)?, self.at_most(1 << 12, what)?);
        self.skip(4 * u64::from(mels) * u64::from(bins))
    }

    fn tokens(&mut self) -> Result<(), CheckError> {
        for _ in 0..self.at_most(MOST[0], "it has too many tokens, or none")? {
            let length = self.number()?;
            if length > LONGEST {
                return Err(CheckError::Broken("a token is too long"));
            }
            self.skip(length.into())?;
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<(), CheckError> {
        let rank = self.at_most(4, "a tensor has too many dimensions, or none")?;
        let name = self.at_most(LONGEST, "a tensor's name is too long, or empty")?;
        let form = self.number()?;
        let (block, bytes) =
            form_size(form).ok_or(CheckError::Broken("a tensor's form is unknown"))?;
        let mut elements = 1_u64;
        for _ in 0..rank {
            let length = self.at_most(1 << 24, "a tensor is too large, or empty")?;
            elements = elements.saturating_mul(length.into());
        }
        self.skip(name.into())?;
        self.skip((elements / block).saturating_mul(bytes))
    }
}

/// Elements of a block and its bytes, by ggml's number of the form.
fn form_size(form: u32) -> Option<(u64, u64)> {
    Some(match form {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The smallest file that passes: one layer on each side, one number in each tensor.
    pub fn tiny() -> Vec<u8> {
        let header = [MAGIC, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let mut file: Vec<u8> = header.iter().flat_map(|n: &u32| n.to_le_bytes()).collect();
        let mut numbers =
            |numbers: &[u32]| file.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        numbers(&[1, 1, 0]);
        numbers(&[1, 4, 0]);
        (0..50).for_each(|name| numbers(&[1, 4, 0, 1, name, 0]));
        file
    }

    fn checked(bytes: &[u8]) -> Result<(), CheckError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        check(file.path())
    }

    #[test]
    fn a_whole_file_passes_and_no_part_of_it_does() {
        let whole = tiny();
        checked(&whole).unwrap();
        for length in 0..whole.len() {
            assert!(checked(&whole[..length]).is_err(), "{length}");
        }
        assert!(checked(&[&whole[..], b"x"].concat()).is_err());
    }

    #[test]
    fn what_is_broken_is_told() {
        let told = |at: usize, byte: u8| {
            let mut file = tiny();
            file[at] = byte;
            checked(&file).unwrap_err().to_string()
        };
        assert!(told(0, b'x').contains("no whisper.cpp model"));
        assert!(told(7, 0x7f).contains("header"));
        let first_tensor = 12 * 4 + 6 * 4;
        assert!(told(first_tensor + 8, 99).contains("form"));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(at in 0_usize..1272, byte: u8) {
            let mut file = tiny();
            let at = at % file.len();
            file[at] = byte;
            let _ = checked(&file);
        }
    }
}
