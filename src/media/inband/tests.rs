use std::time::Duration;

use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::{Decoder, Encoder};
use proptest::prelude::*;

use super::generate::{frequencies, key, tones};
use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn silence(milliseconds: usize) -> Vec<i16> {
    vec![0; milliseconds * 8]
}

/// The keys found in `samples`, which come in packets of 20 ms and end in silence.
fn found(samples: &[i16]) -> String {
    let mut detector = Detector::default();
    let mut keys = String::new();
    for packet in samples.chunks(160) {
        detector.push(packet, |key| keys.push(key));
    }
    detector.push(&silence(60), |key| keys.push(key));
    keys
}

fn keys() -> impl Iterator<Item = char> {
    KEYPAD.into_iter().flatten()
}

/// Numbers between -1 and 1, the same in each run.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() / 2.0
    }

    /// Adds noise with the power of `snr` dB below that of `samples`.
    fn over(&mut self, samples: &[i16], snr: f32) -> Vec<i16> {
        let floats: Vec<f32> = samples.iter().map(|&s| f32::from(s)).collect();
        let sigma = (mean_square(&floats) / 10_f32.powf(snr / 10.0)).sqrt();
        floats.iter().map(|s| (s + sigma * self.normal()) as i16).collect()
    }
}

/// A key with its row and its column moved by so many percent, 50 ms at -10 dBm0.
fn detuned(key: char, row: f32, column: f32) -> Vec<i16> {
    let (low, high) = frequencies(key).unwrap();
    tones(&[(low * (1.0 + row / 100.0), -10.0), (high * (1.0 + column / 100.0), -10.0)], ms(50))
}

#[test]
fn goertzel_measures_the_power_of_one_frequency() {
    let samples = tones(&[(425.0, -10.0), (1000.0, -20.0)], ms(200));
    assert!((dbm0(goertzel(&samples, 425.0)) + 10.0).abs() < 0.1);
    assert!((dbm0(goertzel(&samples, 1000.0)) + 20.0).abs() < 0.1);
    assert!(dbm0(goertzel(&samples, 700.0)) < -50.0);
    assert_eq!(goertzel(&[], 425.0), 0.0);
}

#[test]
fn every_key_is_found_at_every_level_of_a_telephone_line() {
    for level in -36..=-3 {
        for k in keys() {
            let tone = key(k, level as f32, ms(50)).unwrap();
            assert_eq!(found(&[silence(30), tone].concat()), k.to_string(), "{level} dBm0");
        }
    }
}

#[test]
fn every_key_is_found_after_a_law() {
    for level in [-3.0, -20.0, -36.0] {
        for k in keys() {
            let tone = [silence(30), key(k, level, ms(50)).unwrap()].concat();
            let coded = PcmaEncoder::new().encode(&tone);
            let heard = PcmaDecoder::new().decode(&coded);
            assert_eq!(found(&heard), k.to_string(), "{level} dBm0");
        }
    }
}

#[test]
fn forty_milliseconds_are_enough_and_twenty_five_are_not_wherever_they_begin() {
    for start in 0..HOP {
        for k in keys() {
            let after = |tone: Duration| [vec![0; start], key(k, -20.0, tone).unwrap()].concat();
            assert_eq!(found(&after(ms(40))), k.to_string(), "from sample {start}");
            assert_eq!(found(&after(ms(25))), "", "from sample {start}");
        }
    }
}

#[test]
fn a_key_pressed_twice_with_forty_milliseconds_between_is_two_keys() {
    for start in 0..HOP {
        let tone = key('5', -12.0, ms(40)).unwrap();
        let twice = [vec![0; start], tone.clone(), silence(40), tone].concat();
        assert_eq!(found(&twice), "55", "from sample {start}");
    }
}

#[test]
fn a_break_of_ten_milliseconds_leaves_one_key() {
    for start in 0..HOP {
        let mut tone = [vec![0; start], key('5', -12.0, ms(200)).unwrap()].concat();
        tone[800..880].fill(0);
        assert_eq!(found(&tone), "5", "from sample {start}");
    }
}

#[test]
fn a_key_held_long_is_one_key() {
    assert_eq!(found(&key('#', -10.0, ms(4000)).unwrap()), "#");
}

#[test]
fn keys_without_a_pause_are_each_found() {
    let run: Vec<i16> = keys().flat_map(|k| key(k, -10.0, ms(60)).unwrap()).collect();
    assert_eq!(found(&run), "123A456B789C*0#D");
}

#[test]
fn tones_one_and_a_half_percent_off_are_taken_and_three_and_a_half_are_not() {
    for k in keys() {
        for (row, column) in [(1.5, 1.5), (1.5, -1.5), (-1.5, 1.5), (-1.5, -1.5)] {
            assert_eq!(found(&detuned(k, row, column)), k.to_string(), "{row} % and {column} %");
        }
        for (row, column) in [(3.5, 0.0), (-3.5, 0.0), (0.0, 3.5), (0.0, -3.5), (3.5, 3.5)] {
            assert_eq!(found(&detuned(k, row, column)), "", "{k} {row} % and {column} %");
        }
    }
}

#[test]
fn the_column_may_be_louder_by_eight_decibels_and_the_row_by_four() {
    for k in keys() {
        let (low, high) = frequencies(k).unwrap();
        let found = |row, column| found(&tones(&[(low, row), (high, column)], ms(50)));
        assert_eq!(found(-20.0, -12.5), k.to_string());
        assert_eq!(found(-20.0, -11.5), "");
        assert_eq!(found(-12.0, -15.5), k.to_string());
        assert_eq!(found(-12.0, -16.5), "");
    }
}

#[test]
fn noise_fifteen_decibels_below_hides_no_key_and_adds_none() {
    let mut noise = Noise(1);
    for (row, column) in [(-20.0, -20.0), (-20.0, -13.0), (-17.0, -20.0)] {
        for k in (0..20).flat_map(|_| keys()) {
            let (low, high) = frequencies(k).unwrap();
            let tone = [silence(20), tones(&[(low, row), (high, column)], ms(50))].concat();
            let noisy = noise.over(&tone, 15.0);
            assert_eq!(found(&noisy), k.to_string(), "{row} and {column} dBm0");
        }
    }
}

#[test]
fn noise_alone_is_no_key() {
    let mut noise = Noise(2);
    let minute: Vec<i16> = (0..60 * 8000).map(|_| (noise.normal() * 3000.0) as i16).collect();
    assert_eq!(found(&minute), "");
}

#[test]
fn one_tone_or_a_tone_with_its_harmonic_is_no_key() {
    for hz in ROWS.into_iter().chain(COLUMNS) {
        assert_eq!(found(&tones(&[(hz, -10.0)], ms(200))), "");
    }
    for k in keys() {
        let (low, high) = frequencies(k).unwrap();
        let voice = tones(&[(low, -12.0), (high, -12.0), (2.0 * high, -20.0)], ms(100));
        assert_eq!(found(&voice), "", "{k}");
    }
    assert_eq!(found(&tones(&[(425.0, -10.0)], ms(1000))), "", "dial tone");
    assert_eq!(found(&tones(&[(1100.0, -10.0)], ms(1000))), "", "fax");
}

/// A voice: a pulse train whose pitch glides, through three resonances that wander between vowels.
fn voice(pitch: f32, seconds: usize, noise: &mut Noise) -> Vec<i16> {
    let vowel = |noise: &mut Noise| {
        let mut between = |low: f32, high: f32| low + (high - low) * noise.uniform().abs();
        (between(300., 1000.), between(850., 2300.), between(2300., 3000.))
    };
    let (mut from, mut to) = (vowel(noise), vowel(noise));
    let mut resonators = [(0.0_f32, 0.0_f32); 3];
    let (mut phase, mut glide, mut samples) = (0.0, 1.0, Vec::new());
    for n in 0..seconds * 8000 {
        if n % 1600 == 0 {
            (from, to) = (to, vowel(noise));
            glide = 1.0 + 0.1 * noise.uniform();
        }
        let part = (n % 1600) as f32 / 1600.0;
        phase += pitch * (1.0 + (glide - 1.0) * part) / 8000.0;
        let mut source = 0.02 * noise.normal();
        if phase >= 1.0 {
            (phase, source) = (phase - 1.0, 1.0);
        }
        let mix = |a: f32, b: f32| a + (b - a) * part;
        let formants = [mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2)];
        for (hz, (y1, y2)) in formants.into_iter().zip(&mut resonators) {
            let r = (-TAU / 2.0 * 60.0 / 8000.0).exp();
            source += 2.0 * r * (TAU * hz / 8000.0).cos() * *y1 - r * r * *y2;
            (*y2, *y1) = (*y1, source);
        }
        samples.push(source);
    }
    let gain = 4000.0 / mean_square(&samples).sqrt();
    samples.iter().map(|s| (s * gain) as i16).collect()
}

#[test]
fn two_minutes_of_synthetic_voices_hold_no_key() {
    let mut noise = Noise(3);
    for pitch in [85.0, 120.0, 173.0, 200.0, 220.0, 238.0, 260.0, 300.0, 350.0, 400.0, 465.0] {
        assert_eq!(found(&voice(pitch, 12, &mut noise)), "", "at {pitch} Hz");
    }
}

proptest! {
    #[test]
    fn the_size_of_the_packets_does_not_matter(
        number in "[0-9*#A-D]{1,6}",
        sizes in prop::collection::vec(1..500_usize, 1..200),
    ) {
        let pressed = |k| [key(k, -15.0, ms(60)).unwrap(), silence(60)].concat();
        let audio: Vec<i16> = number.chars().flat_map(pressed).collect();
        let (mut rest, mut sizes) = (&audio[..], sizes.iter().cycle());
        let (mut detector, mut told) = (Detector::default(), String::new());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            detector.push(now, |k| told.push(k));
            rest = later;
        }
        prop_assert_eq!(told, number);
    }

    #[test]
    fn any_samples_are_survived(samples in prop::collection::vec(any::<i16>(), 0..4000)) {
        found(&samples);
    }
}
