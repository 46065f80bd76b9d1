use proptest::prelude::*;

use super::*;

/// Noise of even power: a generator of our own, so that every run hears the same.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32 * 2.0 - 1.0
    }
}

/// dBFS to an amplitude of 16-bit samples.
fn amplitude(dbfs: f32) -> f32 {
    32768.0 * 10f32.powf(dbfs / 20.0)
}

fn samples(seconds: f32, mut at: impl FnMut(f32) -> f32) -> Vec<f32> {
    (0..(seconds * 8000.0) as usize).map(|n| at(n as f32 / 8000.0)).collect()
}

fn white(seconds: f32, dbfs: f32) -> Vec<f32> {
    let mut random = Random(7);
    samples(seconds, |_| amplitude(dbfs) * 3f32.sqrt() * random.uniform())
}

/// Noise that falls off above 100 Hz, as a road's.
fn rumble(seconds: f32, dbfs: f32) -> Vec<f32> {
    let mut random = Random(11);
    let mut low = 0.0;
    samples(seconds, |_| {
        low += 0.08 * (random.uniform() - low);
        amplitude(dbfs) * 8.5 * low
    })
}

/// Mains hum with its harmonics on a DC offset.
fn hum(seconds: f32, dbfs: f32) -> Vec<f32> {
    let harmonics = 1..10;
    samples(seconds, |t| {
        let sum = |k: i32| (2.0 * PI * 50.0 * k as f32 * t).sin() / k as f32;
        amplitude(dbfs) * harmonics.clone().map(sum).sum::<f32>() + 1000.0
    })
}

/// Four syllables a second: a buzz of many harmonics, loud for half of the time.
fn babble(seconds: f32, dbfs: f32) -> Vec<f32> {
    samples(seconds, |t| {
        let loudness = (2.0 * PI * 4.0 * t).sin().max(0.0);
        let buzz: f32 = (3..20).map(|k| (2.0 * PI * 140.0 * k as f32 * t).sin()).sum();
        amplitude(dbfs) * loudness * buzz / 2.0
    })
}

/// What espeak-ng says in a shipped prompt.
fn prompt(id: &str) -> Vec<f32> {
    let path = format!("{}/prompts/id/{id}.wav", env!("CARGO_MANIFEST_DIR"));
    let mut reader = hound::WavReader::open(path).unwrap();
    reader.samples::<i16>().map(|s| f32::from(s.unwrap())).collect()
}

fn mix(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn silence(seconds: f32) -> Vec<f32> {
    samples(seconds, |_| 0.0)
}

fn pcm(signal: &[f32]) -> Vec<i16> {
    signal.iter().map(|s| *s as i16).collect()
}

fn hear(signal: &[f32]) -> Gate {
    let mut gate = Gate::new();
    for packet in pcm(signal).chunks(160) {
        gate.push(packet);
    }
    gate
}

fn seconds(duration: Duration) -> f32 {
    duration.as_secs_f32()
}

#[test]
fn noise_of_any_even_kind_and_level_is_no_speech() {
    for dbfs in [-70.0, -60.0, -50.0, -40.0, -30.0, -20.0] {
        for (kind, noise) in [
            ("white", white(20.0, dbfs)),
            ("rumble", rumble(20.0, dbfs)),
            ("hum", hum(20.0, dbfs)),
            ("fan", mix(&rumble(20.0, dbfs), &hum(20.0, dbfs - 6.0))),
        ] {
            let gate = hear(&noise);
            assert_eq!(gate.speech(), Duration::ZERO, "{kind} at {dbfs} dBFS");
            assert_eq!(gate.silence(), Duration::from_secs(20), "{kind} at {dbfs} dBFS");
        }
    }
}

#[test]
fn digital_silence_and_a_dc_offset_are_no_speech() {
    assert_eq!(hear(&silence(5.0)).speech(), Duration::ZERO);
    assert_eq!(hear(&samples(5.0, |_| 5000.0)).speech(), Duration::ZERO);
}

#[test]
fn a_fan_switched_on_stops_counting_within_two_seconds_and_a_half() {
    let gate = hear(&[white(3.0, -60.0), rumble(10.0, -30.0)].concat());
    assert!(seconds(gate.speech()) < 2.5, "{:?}", gate.speech());
    assert!(seconds(gate.silence()) > 7.5, "{:?}", gate.silence());
}

#[test]
fn syllables_are_speech_and_the_silence_after_them_is_timed_from_the_last() {
    for dbfs in [-15.0, -25.0, -40.0] {
        let gate = hear(&[white(1.0, -65.0), babble(4.0, dbfs), white(3.0, -65.0)].concat());
        assert!((seconds(gate.speech()) - 3.9).abs() < 0.3, "{dbfs}: {:?}", gate.speech());
        assert!((seconds(gate.silence()) - 3.1).abs() < 0.15, "{dbfs}: {:?}", gate.silence());
    }
}

#[test]
fn speech_is_found_in_noise() {
    let words = [prompt("status/diterima"), prompt("status/diteruskan_luar")].concat();
    let length = words.len() as f32 / 8000.0;
    let spoken = [silence(2.0), words, silence(4.0)].concat();
    let all = length + 6.0;
    for (snr, least) in [(40.0, 0.9), (20.0, 0.9), (10.0, 0.8), (5.0, 0.65)] {
        for (kind, noise) in
            [("white", white(all, -20.0 - snr)), ("rumble", rumble(all, -20.0 - snr))]
        {
            let gate = hear(&mix(&spoken, &noise));
            let found = seconds(gate.speech()) / length;
            assert!((least..1.05).contains(&found), "{kind}, {snr} dB: {found} of the words");
            assert!(seconds(gate.silence()) >= 3.9, "{kind}, {snr} dB: {:?}", gate.silence());
        }
    }
}

#[test]
fn who_speaks_at_once_is_heard_from_the_first_syllable_gap() {
    let gate = hear(&babble(3.0, -20.0));
    assert!(seconds(gate.speech()) > 2.5, "{:?}", gate.speech());
}

#[test]
fn a_click_is_no_speech() {
    let mut signal = white(5.0, -60.0);
    for n in (8000..signal.len()).step_by(8000) {
        signal[n..n + 40].fill(20_000.0);
    }
    assert_eq!(hear(&signal).speech(), Duration::ZERO);
}

#[test]
fn the_gate_stays_open_for_200_ms_and_no_longer() {
    let burst = samples(0.5, |t| amplitude(-20.0) * (2.0 * PI * 800.0 * t).sin());
    let mut gate = Gate::new();
    gate.push(&pcm(&[silence(1.0), burst].concat()));
    let open = |gate: &mut Gate| gate.push(&[0; 160]).speech;
    let frames = (0..50).take_while(|_| open(&mut gate)).count();
    assert!((9..=11).contains(&frames), "{frames} frames");
}

#[test]
fn two_bursts_close_together_are_one_stretch_of_speech() {
    let burst = samples(0.3, |t| amplitude(-20.0) * (2.0 * PI * 800.0 * t).sin());
    let near =
        hear(&[silence(1.0), burst.clone(), silence(0.1), burst.clone(), silence(1.0)].concat());
    let far = hear(&[silence(1.0), burst.clone(), silence(0.5), burst, silence(1.0)].concat());
    assert!((seconds(near.speech()) - 0.7).abs() < 0.06, "{:?}", near.speech());
    assert!((seconds(far.speech()) - 0.6).abs() < 0.08, "{:?}", far.speech());
}

#[test]
fn a_level_is_that_of_the_telephone_band() {
    let tone = samples(1.0, |t| amplitude(-17.0) * (2.0 * PI * 520.0 * t).sin());
    let level = Gate::new().push(&pcm(&tone)).dbfs;
    assert!((level + 20.0).abs() < 1.5, "{level}");
}

proptest! {
    /// Packets may hold any number of samples.
    #[test]
    fn the_size_of_packets_changes_nothing(sizes in proptest::collection::vec(1usize..500, 1..60)) {
        let signal = pcm(&[white(0.5, -50.0), babble(1.5, -25.0), white(1.0, -50.0)].concat());
        let (mut whole, mut pieces) = (Gate::new(), Gate::new());
        let mut rest = &signal[..];
        for size in sizes {
            let (piece, later) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = later;
        }
        pieces.push(rest);
        whole.push(&signal);
        prop_assert_eq!(pieces.speech(), whole.speech());
        prop_assert_eq!(pieces.silence(), whole.silence());
    }

    #[test]
    fn time_is_either_speech_or_silence_never_more(
        samples in proptest::collection::vec(any::<i16>(), 0..20_000),
    ) {
        let mut gate = Gate::new();
        gate.push(&samples);
        let heard = Duration::from_millis((samples.len() / 160 * 20) as u64);
        prop_assert!(gate.speech() + gate.silence() <= heard);
    }
}
