//! A recording as an engine wants it: 16 kHz, one channel, an even level; and whether anybody speaks in it.

use std::ops::Range;
use std::path::Path;

use crate::media::prompt::{ClipError, Sound, active_level};
use crate::media::silence::Gate;

/// Samples a second that engines take.
pub const SAMPLE_RATE: u32 = 16_000;
/// The gate listens at the telephone's rate.
const GATE_RATE: u32 = crate::media::SAMPLE_RATE;
/// No recording is longer: an hour, far beyond any complaint.
const LONGEST_SECONDS: u32 = 3600;

/// Samples of a gate's frame: 20 ms.
const FRAME: usize = GATE_RATE as usize / 50;
/// Less speech than this, in frames, is a cough or a burst of noise.
const LEAST_FRAMES: usize = 20;
/// What is kept before the first and after the last word, in samples at [`SAMPLE_RATE`]: soft consonants lie there.
const PADDING: usize = SAMPLE_RATE as usize / 2;

/// One recording in memory.
#[derive(Clone, Debug)]
pub struct Recording {
    samples: Vec<f32>,
    /// The same at [`GATE_RATE`].
    narrow: Vec<i16>,
}

impl Recording {
    /// Reads a WAV: PCM or float, any usual rate; several channels become one.
    pub fn read(path: &Path) -> Result<Recording, ClipError> {
        let sound = Sound::read_at_most(path, LONGEST_SECONDS)?;
        let narrow = sound.clone().samples_at_8_khz()?;
        Ok(Recording { samples: sound.at(SAMPLE_RATE)?, narrow })
    }

    /// One channel at [`SAMPLE_RATE`], full scale is 1.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    pub fn duration_ms(&self) -> u32 {
        to_ms(self.samples.len())
    }

    /// Where somebody speaks, as samples at [`SAMPLE_RATE`]: from half a second before the first word to half a second
    /// after the last. What lies between is never cut, since a recogniser loses words at every splice. `None`: nobody.
    pub fn speech(&self) -> Option<Range<usize>> {
        let mut gate = Gate::new();
        let open: Vec<bool> = self.narrow.chunks(FRAME).map(|f| gate.push(f).speech).collect();
        if open.iter().filter(|o| **o).count() < LEAST_FRAMES {
            return None;
        }
        let scale = FRAME * (SAMPLE_RATE / GATE_RATE) as usize;
        let start = (open.iter().position(|o| *o)? * scale).saturating_sub(PADDING);
        let end = (open.iter().rposition(|o| *o)? + 1) * scale + PADDING;
        (start < self.samples.len()).then(|| start..end.min(self.samples.len()))
    }
}

/// Milliseconds that so many samples last.
pub fn to_ms(samples: usize) -> u32 {
    u32::try_from(samples as u64 * 1000 / u64::from(SAMPLE_RATE)).unwrap_or(u32::MAX)
}

/// Where speech should lie, in dB below full scale.
const TARGET_LEVEL: f32 = -20.0;
/// The most that is added, in dB: noise must not become a voice.
const MOST_GAIN: f32 = 20.0;
/// No sample gets louder than this.
const PEAK: f32 = 0.9;

/// Brings speech to an even level by one gain for all of it; never clips.
pub fn level(samples: &mut [f32]) {
    let Some(level) = active_level(samples) else { return };
    let peak = samples.iter().fold(0.0, |peak: f32, s| peak.max(s.abs()));
    let wanted = 10f32.powf((TARGET_LEVEL - level).min(MOST_GAIN) / 20.0);
    let gain = wanted.min(PEAK / peak);
    for sample in samples {
        *sample *= gain;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recording(narrow: &[f32]) -> Recording {
        let samples = narrow.iter().flat_map(|s| [*s, *s]).collect();
        Recording { samples, narrow: narrow.iter().map(|s| (s * 32768.0) as i16).collect() }
    }

    fn noise(length: usize) -> impl Iterator<Item = f32> {
        let mut state = 1u32;
        (0..length).map(move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        })
    }

    fn brown(length: usize) -> Vec<f32> {
        let mut at = 0.0;
        let step = |s| {
            at = at * 0.998 + s * 0.05;
            at
        };
        noise(length).map(step).collect()
    }

    fn tone(length: usize) -> Vec<f32> {
        let step = 2.0 * std::f32::consts::PI * 425.0 / GATE_RATE as f32;
        (0..length).map(|n| 0.3 * (step * n as f32).sin()).collect()
    }

    /// Noise in syllables of 160 ms, as speech rises and falls.
    fn syllables(length: usize) -> Vec<f32> {
        noise(length).enumerate().map(|(n, s)| if n % 2560 < 1280 { s } else { s * 0.01 }).collect()
    }

    #[test]
    fn what_is_no_speech_does_not_open_the_gate() {
        let length = 20 * GATE_RATE as usize;
        let white: Vec<f32> = noise(length).map(|s| s * 0.2).collect();
        for (name, samples) in [
            ("silence", vec![0.0; length]),
            ("white noise", white),
            ("brown noise", brown(length)),
            ("a tone", tone(length)),
        ] {
            assert_eq!(recording(&samples).speech(), None, "{name}");
        }
    }

    #[test]
    fn only_the_ends_are_cut_and_half_a_second_stays() {
        let second = GATE_RATE as usize;
        let quiet = vec![0.0; 3 * second];
        let spoken = syllables(2 * second);
        let samples = [&quiet[..], &spoken, &quiet, &spoken, &quiet].concat();
        let range = recording(&samples).speech().unwrap();
        let ms = to_ms(range.start)..to_ms(range.end);
        assert!((2_300..=2_600).contains(&ms.start), "{ms:?}");
        assert!((10_300..=10_900).contains(&ms.end), "{ms:?}");
    }

    #[test]
    fn a_faint_voice_is_raised_and_pure_silence_left_alone() {
        let mut faint: Vec<f32> = tone(16_000).iter().map(|s| s * 0.1).collect();
        level(&mut faint);
        assert!((active_level(&faint).unwrap() - TARGET_LEVEL).abs() < 0.5);
        let mut fainter: Vec<f32> = tone(16_000).iter().map(|s| s * 0.0001).collect();
        let before = active_level(&fainter).unwrap();
        level(&mut fainter);
        assert!((active_level(&fainter).unwrap() - before - MOST_GAIN).abs() < 0.1);
        let mut silence = [0.0; 100];
        level(&mut silence);
        assert_eq!(silence, [0.0; 100]);
    }

    #[test]
    fn wavs_of_any_usual_kind_come_out_at_16_khz() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for (rate, channels) in [(8_000, 1), (16_000, 2), (44_100, 2), (48_000, 1)] {
            let sample_format = hound::SampleFormat::Int;
            let spec =
                hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format };
            let mut writer = hound::WavWriter::create(&path, spec).unwrap();
            (0..2 * rate * u32::from(channels)).for_each(|_| writer.write_sample(1000i16).unwrap());
            writer.finalize().unwrap();
            let read = Recording::read(&path).unwrap();
            assert!(read.duration_ms().abs_diff(2000) <= 1, "{rate}: {}", read.duration_ms());
        }
    }

    proptest! {
        #[test]
        fn levelling_never_clips(mut samples in prop::collection::vec(-1.0f32..1.0, 0..2000)) {
            level(&mut samples);
            prop_assert!(samples.iter().all(|s| s.abs() <= PEAK + 0.001));
        }
    }
}
