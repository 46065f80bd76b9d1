//! What makes a prompt fit for a telephone line: band, ends and level.

use std::f32::consts::PI;

use crate::media::SAMPLE_RATE;

/// The level of speech in every prompt, in dB below full scale.
pub const TARGET_LEVEL: f32 = -20.0;
/// No sample is louder, in dB below full scale.
const PEAK_LEVEL: f32 = -3.0;
/// Quieter than this is no speech and is not made louder, in dB below full scale.
pub const FAINTEST_LEVEL: f32 = -55.0;
/// The telephone's band in Hz (ITU-T G.712).
const BAND: (f32, f32) = (300.0, 3400.0);
/// 20 ms.
const FRAME: usize = SAMPLE_RATE as usize / 50;
/// 5 ms: no end of a clip clicks.
const FADE: usize = SAMPLE_RATE as usize / 200;

/// Limits 8 kHz samples to 300-3400 Hz, cuts silent ends off, and brings speech to [`TARGET_LEVEL`] with no
/// peak above -3 dBFS. Silence stays as it is.
pub fn for_telephone(samples: &mut Vec<f32>) {
    limit_band(samples);
    let Some(level) = active_level(samples).filter(|level| *level > FAINTEST_LEVEL) else { return };
    trim(samples, level);
    fade_ends(samples);
    set_level(samples, TARGET_LEVEL - level);
}

/// The level of the loud part in dB relative to full scale: the mean power of the 20 ms frames that lie
/// within 25 dB of the loudest, near enough to the active speech level of ITU-T P.56. `None` for pure silence.
pub fn active_level(samples: &[f32]) -> Option<f32> {
    let powers: Vec<f32> = samples.chunks(FRAME).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let active: Vec<f32> = powers.into_iter().filter(|p| *p > loudest * decibels(-25.0)).collect();
    let mean = active.iter().sum::<f32>() / active.len() as f32;
    (loudest > 0.0).then(|| 10.0 * mean.log10())
}

/// Rounds to 16 bits; full scale is 1.
pub(super) fn to_i16(samples: &[f32]) -> Vec<i16> {
    // The cast saturates.
    samples.iter().map(|s| (s * 32768.0).round() as i16).collect()
}

fn power(frame: &[f32]) -> f32 {
    frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32
}

/// A ratio of powers.
fn decibels(db: f32) -> f32 {
    10f32.powf(db / 10.0)
}

/// Cuts off what is 35 dB below the speech at both ends, but leaves 30 ms: consonants begin softly.
fn trim(samples: &mut Vec<f32>, level: f32) {
    const STEP: usize = FRAME / 4;
    const MARGIN: usize = FRAME * 3 / 2;
    let loud = |frame: &[f32]| power(frame) > decibels(level - 35.0);
    let Some(first) = samples.chunks(STEP).position(loud) else { return };
    let Some(last) = samples.chunks(STEP).rposition(loud) else { return };
    samples.truncate((last + 1) * STEP + MARGIN);
    samples.drain(..(first * STEP).saturating_sub(MARGIN));
}

/// Ramps both ends over 5 ms.
pub fn fade_ends(samples: &mut [f32]) {
    let fade = FADE.min(samples.len() / 2);
    for i in 0..fade {
        let gain = i as f32 / fade as f32;
        let end = samples.len() - 1 - i;
        samples[i] *= gain;
        samples[end] *= gain;
    }
}

/// Amplifies by `db`, and rounds off what would rise above [`PEAK_LEVEL`].
fn set_level(samples: &mut [f32], db: f32) {
    let gain = decibels(db).sqrt();
    let ceiling = decibels(PEAK_LEVEL).sqrt();
    for sample in samples {
        *sample = soft_limit(*sample * gain, ceiling);
    }
}

/// Straight up to half the ceiling, then bent so that the ceiling is never passed. Speech has rare high peaks;
/// turning a whole prompt down for one of them would leave it quieter than its neighbours.
fn soft_limit(sample: f32, ceiling: f32) -> f32 {
    let knee = ceiling / 2.0;
    let size = sample.abs();
    if size <= knee {
        return sample;
    }
    (knee + (ceiling - knee) * ((size - knee) / (ceiling - knee)).tanh()).copysign(sample)
}

fn limit_band(samples: &mut [f32]) {
    // Two sections make a Butterworth filter of the fourth order.
    for q in [0.541_196_1, 1.306_563] {
        Biquad::high_pass(BAND.0, q).run(samples);
        Biquad::low_pass(BAND.1, q).run(samples);
    }
}

/// A second-order filter, from R. Bristow-Johnson's "Cookbook formulae for audio equalizer biquad filters".
struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
}

impl Biquad {
    fn low_pass(hz: f32, q: f32) -> Biquad {
        let (cos, alpha) = Biquad::angles(hz, q);
        Biquad::new([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], cos, alpha)
    }

    fn high_pass(hz: f32, q: f32) -> Biquad {
        let (cos, alpha) = Biquad::angles(hz, q);
        Biquad::new([(1.0 + cos) / 2.0, -(1.0 + cos), (1.0 + cos) / 2.0], cos, alpha)
    }

    fn angles(hz: f32, q: f32) -> (f32, f32) {
        let omega = 2.0 * PI * hz / SAMPLE_RATE as f32;
        (omega.cos(), omega.sin() / (2.0 * q))
    }

    fn new(b: [f32; 3], cos: f32, alpha: f32) -> Biquad {
        let a0 = 1.0 + alpha;
        Biquad { b: b.map(|b| b / a0), a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }
    }

    fn run(&self, samples: &mut [f32]) {
        let (mut z1, mut z2) = (0.0, 0.0);
        for sample in samples {
            let out = self.b[0] * *sample + z1;
            z1 = self.b[1] * *sample - self.a[0] * out + z2;
            z2 = self.b[2] * *sample - self.a[1] * out;
            *sample = out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, amplitude: f32, seconds: f32) -> Vec<f32> {
        let step = 2.0 * PI * hz / SAMPLE_RATE as f32;
        let length = (seconds * SAMPLE_RATE as f32) as usize;
        (0..length).map(|n| amplitude * (step * n as f32).sin()).collect()
    }

    /// Gain of the band filter in dB.
    fn gain(hz: f32) -> f32 {
        let mut samples = tone(hz, 0.5, 2.0);
        limit_band(&mut samples);
        10.0 * (power(&samples[8000..]) / (0.5 * 0.5 / 2.0)).log10()
    }

    #[test]
    fn the_band_of_a_telephone_passes_and_the_rest_does_not() {
        for hz in [400.0, 1000.0, 3000.0] {
            assert!(gain(hz).abs() < 1.5, "{hz} Hz: {} dB", gain(hz));
        }
        for hz in [300.0, 3400.0] {
            assert!((gain(hz) + 3.0).abs() < 0.5, "{hz} Hz: {} dB", gain(hz));
        }
        for hz in [50.0, 100.0, 3900.0] {
            assert!(gain(hz) < -30.0, "{hz} Hz: {} dB", gain(hz));
        }
    }

    #[test]
    fn a_quiet_and_a_loud_voice_come_out_at_the_same_level() {
        for amplitude in [0.01, 0.1, 0.9] {
            let mut samples = tone(1000.0, amplitude, 1.0);
            for_telephone(&mut samples);
            let level = active_level(&samples).unwrap();
            assert!((level - TARGET_LEVEL).abs() < 0.5, "{amplitude} came out at {level} dBFS");
        }
    }

    #[test]
    fn silent_ends_are_cut_off_and_the_pause_within_stays() {
        let silence = vec![0.0; 4000];
        let word = tone(1000.0, 0.3, 0.5);
        let mut samples = [&silence[..], &word, &silence, &word, &silence].concat();
        for_telephone(&mut samples);
        let spoken = 4000 + 4000 + 4000;
        assert!((spoken..spoken + 800).contains(&samples.len()), "{}", samples.len());
    }

    #[test]
    fn no_peak_passes_the_ceiling() {
        // Clicks on a faint tone: the worst crest factor there is.
        let mut samples = tone(800.0, 0.001, 1.0);
        for n in (0..samples.len()).step_by(400) {
            samples[n] = 1.0;
        }
        for_telephone(&mut samples);
        let peak = samples.iter().fold(0.0, |peak: f32, s| peak.max(s.abs()));
        assert!(peak <= 0.7080 && peak > 0.3, "{peak}");
    }

    #[test]
    fn silence_stays_silence() {
        let mut samples = vec![0.0; 8000];
        for_telephone(&mut samples);
        assert_eq!(samples, vec![0.0; 8000]);
        assert_eq!(active_level(&samples), None);
        assert_eq!(active_level(&[]), None);
    }
}
