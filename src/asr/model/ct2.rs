//! Reads a CTranslate2 `model.bin`: little-endian, names with lengths of two bytes, each variable with its shape.

use std::collections::HashMap;

/// A variable: its shape, and its values as they stand in the file.
pub struct Variable<'a> {
    pub shape: Vec<usize>,
    pub kind: u8,
    pub bytes: &'a [u8],
}

/// The `kind` of IEEE half floats.
pub const FLOAT16: u8 = 4;

/// Why a file is no model. Says where in the file.
#[derive(Debug, thiserror::Error)]
#[error("not a CTranslate2 model: {what} at byte {at}")]
pub struct Ct2Error {
    what: &'static str,
    at: usize,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// All variables by name.
pub fn read(bytes: &[u8]) -> Result<HashMap<String, Variable<'_>>, Ct2Error> {
    let mut reader = Reader { bytes, at: 0 };
    let _version = reader.u32()?;
    let _spec = reader.name()?;
    let _revision = reader.u32()?;
    let count = reader.u32()?;
    let mut all = HashMap::new();
    for _ in 0..count {
        let name = reader.name()?;
        all.insert(name, reader.variable()?);
    }
    Ok(all)
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Ct2Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..len).ok_or(Ct2Error { what: "the file ends", at: self.at })?;
        self.at += len;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, Ct2Error> {
        Ok(self.take(4)?.iter().rev().fold(0, |all, &byte| all << 8 | u32::from(byte)))
    }

    fn name(&mut self) -> Result<String, Ct2Error> {
        let len = self.take(2)?;
        let text = self.take(usize::from(len[0]) | usize::from(len[1]) << 8)?;
        let text = std::str::from_utf8(text)
            .map_err(|_| Ct2Error { what: "a name that is no text", at: self.at })?;
        Ok(text.trim_end_matches('\0').to_owned())
    }

    fn variable(&mut self) -> Result<Variable<'a>, Ct2Error> {
        let rank = self.take(1)?[0];
        let shape = (0..rank).map(|_| Ok(self.u32()? as usize)).collect::<Result<_, _>>()?;
        let kind = self.take(1)?[0];
        let len = self.u32()? as usize;
        Ok(Variable { shape, kind, bytes: self.take(len)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(len: u32) -> Vec<u8> {
        let mut file = [6, 0, 0, 0, 2, 0, b'W', 0, 3, 0, 0, 0, 1, 0, 0, 0].to_vec();
        file.extend([2, 0, b'a', 0, 1, 2, 0, 0, 0, FLOAT16]);
        file.extend(len.to_le_bytes());
        file.extend([1, 2, 3, 4]);
        file
    }

    #[test]
    fn a_variable_is_read_with_its_shape() {
        let file = file(4);
        let all = read(&file).unwrap();
        assert_eq!((all["a"].shape.as_slice(), all["a"].bytes), (&[2][..], &[1, 2, 3, 4][..]));
    }

    #[test]
    fn a_file_that_is_cut_or_lies_about_its_length_is_an_error() {
        let whole = file(4);
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_err(), "{len}");
        }
        assert!(read(&file(u32::MAX)).is_err());
    }
}
