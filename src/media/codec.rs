//! The codecs of a call: G.711 in both laws.
//!
//! The tables come from the `audio-codec` crate, asked once. Its encoders are used for the positive half
//! only: its A-law takes negative samples eight units too near to zero, so that 0x55 is never produced.
//! The negative half is the one's complement with the sign bit flipped, as in ITU-T G.191's `g711.c`.

use std::sync::LazyLock;

use audio_codec::{Decoder, Encoder, pcma, pcmu};

/// An audio codec that a call may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 A-law (RFC 3551, payload type 8).
    Pcma,
    /// G.711 mu-law (RFC 3551, payload type 0).
    Pcmu,
}

impl Codec {
    /// Every codec, the preferred first: Indonesian carriers speak A-law.
    pub const ALL: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

    /// The static payload type (RFC 3551 table 4).
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
        }
    }

    /// The encoding name in an `rtpmap` (RFC 3551 table 4); compare without regard to case.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        }
    }

    /// The byte that stands for a sample of zero.
    pub const fn silence(self) -> u8 {
        match self {
            Codec::Pcma => 0xD5,
            Codec::Pcmu => 0xFF,
        }
    }

    /// Appends one byte for each sample; allocates only when `out` lacks the room.
    pub fn encode(self, samples: &[i16], out: &mut Vec<u8>) {
        let law = self.law();
        out.extend(samples.iter().map(|&sample| law.encode(sample)));
    }

    /// Appends one sample for each byte; allocates only when `out` lacks the room.
    pub fn decode(self, bytes: &[u8], out: &mut Vec<i16>) {
        let law = self.law();
        out.extend(bytes.iter().map(|&byte| law.decode[usize::from(byte)]));
    }

    fn law(self) -> &'static Law {
        static PCMA: LazyLock<Law> = LazyLock::new(|| {
            Law::new(&mut pcma::PcmaDecoder::new(), &mut pcma::PcmaEncoder::new())
        });
        static PCMU: LazyLock<Law> = LazyLock::new(|| {
            Law::new(&mut pcmu::PcmuDecoder::new(), &mut pcmu::PcmuEncoder::new())
        });
        match self {
            Codec::Pcma => &PCMA,
            Codec::Pcmu => &PCMU,
        }
    }
}

/// One law as tables.
struct Law {
    decode: [i16; 256],
    /// For samples 0..=32767.
    encode: Vec<u8>,
}

impl Law {
    fn new(decoder: &mut dyn Decoder, encoder: &mut dyn Encoder) -> Law {
        let positive: Vec<i16> = (0..=i16::MAX).collect();
        Law {
            decode: std::array::from_fn(|byte| decoder.decode(&[byte as u8])[0]),
            encode: encoder.encode(&positive),
        }
    }

    fn encode(&self, sample: i16) -> u8 {
        // -1 for a negative sample, else 0: its exclusive or is the one's complement.
        let sign = sample >> 15;
        self.encode[usize::from((sample ^ sign) as u16)] ^ (sign as u8 & 0x80)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(codec: Codec, samples: &[i16]) -> Vec<u8> {
        let mut out = Vec::new();
        codec.encode(samples, &mut out);
        out
    }

    fn decoded(codec: Codec, bytes: &[u8]) -> Vec<i16> {
        let mut out = Vec::new();
        codec.decode(bytes, &mut out);
        out
    }

    #[test]
    fn silence_is_the_code_of_zero() {
        for codec in Codec::ALL {
            assert_eq!(encoded(codec, &[0]), [codec.silence()], "{codec:?}");
        }
    }

    /// Decision values and codes from G.711 tables 1a, 1b, 2a and 2b, in 16-bit units.
    #[test]
    fn samples_become_the_codes_of_the_recommendation() {
        let a_law = [(0, 0xD5), (15, 0xD5), (16, 0xD4), (1023, 0xFA), (32767, 0xAA)];
        let a_law_negative = [(-1, 0x55), (-16, 0x55), (-17, 0x54), (-32768, 0x2A)];
        for (sample, code) in a_law.into_iter().chain(a_law_negative) {
            assert_eq!(encoded(Codec::Pcma, &[sample]), [code], "A-law of {sample}");
        }
        for (sample, code) in [(0, 0xFF), (-1, 0x7F), (32767, 0x80), (-32768, 0x00)] {
            assert_eq!(encoded(Codec::Pcmu, &[sample]), [code], "mu-law of {sample}");
        }
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        let codes: Vec<u8> = (0..=255).collect();
        assert_eq!(encoded(Codec::Pcma, &decoded(Codec::Pcma, &codes)), codes);
        // mu-law has two zeros; the negative one comes back as the positive one.
        let without_minus_zero: Vec<u8> = codes.into_iter().filter(|code| *code != 0x7F).collect();
        let back = encoded(Codec::Pcmu, &decoded(Codec::Pcmu, &without_minus_zero));
        assert_eq!(back, without_minus_zero);
    }

    /// A step is a sixteenth of its segment's start, and sixteen units at least in A-law.
    #[test]
    fn no_sample_is_further_from_its_code_than_half_a_step() {
        for codec in Codec::ALL {
            for sample in i16::MIN..=i16::MAX {
                let got = decoded(codec, &encoded(codec, &[sample]))[0];
                let size = i32::from(sample).abs();
                let error = (i32::from(got) - i32::from(sample)).abs();
                assert!(error <= 8.max((size + 132) / 32 + 1), "{codec:?} {sample} became {got}");
            }
        }
    }

    #[test]
    fn a_buffer_with_room_is_filled_where_it_stands() {
        let mut out = Vec::with_capacity(320);
        let before = out.as_ptr();
        Codec::Pcma.encode(&[0; 160], &mut out);
        Codec::Pcmu.encode(&[0; 160], &mut out);
        assert_eq!(out.as_ptr(), before);
        assert_eq!((out[0], out[160], out.len()), (0xD5, 0xFF, 320));
    }
}
