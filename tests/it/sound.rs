//! Sound is proved by sound: WAVs made, measured, and found again in others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Samples a second of everything here.
const RATE: usize = 8000;
/// What is looked for: long enough to be unmistakable, short enough to be searched for quickly.
const PIECE: usize = RATE * 2 / 5;

/// Lets espeak-ng say `text` into `folder`: 8 kHz, mono, 16 bits.
pub fn spoken(text: &str, folder: &Path) -> PathBuf {
    let (raw, wav) = (folder.join("raw.wav"), folder.join("say.wav"));
    run(Command::new("espeak-ng").args(["-v", "id", "-s", "130", "-w"]).arg(&raw).arg(text));
    run(Command::new("sox").arg(&raw).args(["-r", "8000", "-c", "1", "-b", "16"]).arg(&wav));
    wav
}

fn run(command: &mut Command) {
    let status = command.status().expect("installed by deploy/setup test");
    assert!(status.success(), "{command:?}: {status}");
}

/// Reads an 8 kHz mono WAV.
pub fn read(path: &Path) -> Vec<f32> {
    let wav = hound::WavReader::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        (wav.spec().sample_rate as usize, wav.spec().channels),
        (RATE, 1),
        "{}",
        path.display()
    );
    wav.into_samples::<i16>().map(|sample| f32::from(sample.unwrap())).collect()
}

/// How long a WAV is.
pub fn length(path: &Path) -> Duration {
    Duration::from_secs_f64(read(path).len() as f64 / RATE as f64)
}

/// Asserts that `said` is in `heard`: a piece of its first half and one of its second, as far apart as they were.
pub fn assert_holds(heard: &[f32], said: &[f32], what: &str) {
    let middle = said.len() / 2;
    let [first, second] = [loudest(&said[..middle]), middle + loudest(&said[middle..])];
    let found = [first, second].map(|at| find(heard, &said[at..at + PIECE]));
    let [(near, at_first), (far, at_second)] = found;
    assert!(near > 0.8 && far > 0.8, "{what}: likeness {near:.2} and {far:.2} of two pieces");
    let drift = (at_second as i64 - at_first as i64) - (second as i64 - first as i64);
    assert!(
        drift.unsigned_abs() < RATE as u64 / 10,
        "{what}: the pieces drifted {drift} samples apart"
    );
}

/// Where the loudest piece begins.
fn loudest(sound: &[f32]) -> usize {
    let starts = (0..=sound.len() - PIECE).step_by(RATE / 50);
    starts
        .max_by(|a, b| power(&sound[*a..*a + PIECE]).total_cmp(&power(&sound[*b..*b + PIECE])))
        .unwrap()
}

fn power(sound: &[f32]) -> f32 {
    sound.iter().map(|sample| sample * sample).sum()
}

/// Where in `heard` the piece fits best, and how well: 1 is the same sound at whatever level.
fn find(heard: &[f32], piece: &[f32]) -> (f32, usize) {
    let own = power(piece);
    let mut there = power(&heard[..piece.len().min(heard.len())]);
    let mut best = (0.0, 0);
    for at in 0..heard.len().saturating_sub(piece.len()) {
        let window = &heard[at..at + piece.len()];
        let product: f32 = window.iter().zip(piece).map(|(a, b)| a * b).sum();
        let likeness = product / (own * there.max(1.0)).sqrt();
        if likeness > best.0 {
            best = (likeness, at);
        }
        there += heard[at + piece.len()].powi(2) - heard[at].powi(2);
    }
    best
}

#[test]
fn a_voice_is_found_in_what_holds_it_and_not_in_what_does_not() {
    let voice = |seed: f32| -> Vec<f32> {
        let pitch = |n: usize| 0.02 + 0.01 * (n as f32 * seed).sin();
        (0..2 * RATE).map(|n| 3000.0 * (n as f32 * pitch(n)).sin()).collect()
    };
    let (said, other) = (voice(0.001), voice(0.0017));
    let mut heard = vec![0.0; 3000];
    heard.extend(said.iter().map(|sample| sample * 0.5 + 30.0));
    heard.extend([0.0; 4000]);
    assert_holds(&heard, &said, "the voice");
    assert!(find(&heard, &other[..PIECE]).0 < 0.8);
}
