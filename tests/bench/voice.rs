//! What callers say, and how they know a beep.

use std::f64::consts::TAU;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use audio_codec::Decoder;
use audio_codec::Encoder;
use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};

use crate::caller::SAMPLES;

/// 20 ms of nothing, in A-law.
pub const SILENCE: [u8; SAMPLES] = [0xD5; SAMPLES];

/// A second of something like speech: a voice of 140 Hz with overtones, four syllables and a breath.
/// A steady tone would not do: a level gate may rightly take it for a hum on the line.
static SPEECH: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let sample = |n: usize| {
        let at = n as f64 / 8000.0;
        let syllable = (TAU * 2.0 * at).sin().powi(2) * if at < 0.9 { 1.0 } else { 0.0 };
        let voice: f64 =
            (1..=12).map(|k| (TAU * 140.0 * f64::from(k) * at).sin() / f64::from(k)).sum();
        (syllable * voice * 6000.0) as i16
    };
    PcmaEncoder::new().encode(&(0..8000).map(sample).collect::<Vec<i16>>())
});

static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    let bytes: Vec<u8> = (0..=255).collect();
    let samples = PcmaDecoder::new().decode(&bytes);
    std::array::from_fn(|n| f32::from(samples[n]))
});

/// 20 ms of speech for the packet with this timestamp.
pub fn speech(timestamp: u32) -> &'static [u8] {
    let at = timestamp as usize % 8000 / SAMPLES * SAMPLES;
    &SPEECH[at..at + SAMPLES]
}

/// Whether there is more than the noise of a line in it.
pub fn sounds(audio: &[u8]) -> bool {
    energy(audio) > 100.0
}

/// Mean square of the samples.
fn energy(audio: &[u8]) -> f32 {
    audio.iter().map(|byte| LINEAR[usize::from(*byte)].powi(2)).sum::<f32>()
        / audio.len().max(1) as f32
}

/// Finds the end of a beep of any pitch.
#[derive(Default)]
pub struct Tone {
    packets: u32,
    pitch: f32,
}

/// Packets that a tone must last: speech is not as steady for so long.
const LASTING: u32 = 4;

impl Tone {
    /// Takes the next packet of audio; true once, when a tone that lasted is over.
    pub fn ended(&mut self, audio: &[u8]) -> bool {
        match pitch(audio) {
            Some(pitch) if self.packets == 0 || (pitch - self.pitch).abs() < 0.02 => {
                self.packets += 1;
                self.pitch = pitch;
                false
            }
            Some(pitch) => {
                *self = Tone { packets: 1, pitch };
                false
            }
            None => std::mem::take(self).packets >= LASTING,
        }
    }
}

/// A pure tone obeys x[n] + x[n-2] = a x[n-1] with a = 2 cos(2 pi f / 8000): the best such `a`, if it explains the sound.
fn pitch(audio: &[u8]) -> Option<f32> {
    let x: Vec<f32> = audio.iter().map(|byte| LINEAR[usize::from(*byte)]).collect();
    let (mut cross, mut middle, mut outer) = (0.0, 0.0, 0.0);
    for w in x.windows(3) {
        let sum = w[0] + w[2];
        cross += sum * w[1];
        middle += w[1] * w[1];
        outer += sum * sum;
    }
    if middle < 1e4 * x.len() as f32 {
        return None;
    }
    let a = cross / middle;
    let unexplained = outer - a * cross;
    (unexplained < 0.01 * middle).then_some(a)
}

/// Writes so much speech as a prompt (WAV, 8 kHz, mono, 16 bits).
pub fn write(path: &Path, length: Duration) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec)?;
    for byte in SPEECH.iter().cycle().take(length.as_millis() as usize * 8) {
        wav.write_sample(LINEAR[usize::from(*byte)] as i16)?;
    }
    wav.finalize()
}
