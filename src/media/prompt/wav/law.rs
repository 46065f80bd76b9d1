//! WAV files that hold G.711: what telephone recorders and exchanges write, and what hound does not read.

use hound::{SampleFormat, WavSpec};

use crate::media::codec::Codec;

/// A file taken apart: its law, its shape, and one byte a sample.
pub struct Logarithmic<'a> {
    pub codec: Codec,
    pub spec: WavSpec,
    pub bytes: &'a [u8],
}

/// WAVE_FORMAT_ALAW and WAVE_FORMAT_MULAW (RFC 2361).
const FORMATS: [(u16, Codec); 2] = [(6, Codec::Pcma), (7, Codec::Pcmu)];

/// Takes `file` apart; `None` when it is no WAV of G.711. A data chunk that is longer than the file ends with it: so does
/// what a recorder leaves behind when it dies.
pub fn read(file: &[u8]) -> Option<Logarithmic<'_>> {
    let mut chunks = Chunks(file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?);
    let format = chunks.find(|(name, _)| name == b"fmt ")?.1;
    let &(_, codec) = FORMATS.iter().find(|(tag, _)| Some(*tag) == u16_at(format, 0))?;
    let spec = WavSpec {
        channels: u16_at(format, 2).filter(|&n| n > 0)?,
        sample_rate: u32::from(u16_at(format, 4)?) | u32::from(u16_at(format, 6)?) << 16,
        bits_per_sample: u16_at(format, 14).filter(|&bits| bits == 8)?,
        sample_format: SampleFormat::Int,
    };
    let bytes = chunks.find(|(name, _)| name == b"data")?.1;
    Some(Logarithmic { codec, spec, bytes })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// The chunks of a RIFF file: a name, a length, that many bytes and one more when they are odd.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&name, rest) = self.0.split_first_chunk::<4>()?;
        let (&length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(length) as usize;
        let bytes = &rest[..length.min(rest.len())];
        self.0 = rest.get(length + length % 2..).unwrap_or_default();
        Some((name, bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file of one law with an odd chunk before the samples.
    fn file(tag: u8, length: u32) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
        file.extend([tag, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0, 0, 0]);
        file.extend(b"fact\x03\0\0\0abc\0data");
        file.extend(length.to_le_bytes());
        file.extend([0xD5, 0x55, 0x80]);
        file
    }

    #[test]
    fn both_laws_are_found_behind_other_chunks() {
        for (tag, codec) in [(6, Codec::Pcma), (7, Codec::Pcmu)] {
            let file = file(tag, 3);
            let read = read(&file).unwrap();
            assert_eq!((read.codec, read.bytes), (codec, &[0xD5, 0x55, 0x80][..]));
            assert_eq!((read.spec.channels, read.spec.sample_rate), (1, 8000));
        }
        assert!(read(&file(1, 3)).is_none(), "PCM is for hound");
    }

    #[test]
    fn a_length_that_lies_ends_with_the_file() {
        assert_eq!(read(&file(6, u32::MAX)).unwrap().bytes.len(), 3);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(cut in 0usize..60, junk: Vec<u8>) {
            let mut file = file(6, 3);
            file.truncate(cut);
            file.extend(junk);
            read(&file);
        }
    }
}
