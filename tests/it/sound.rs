//! Sound is proved by sound: WAVs made, measured, and found again in others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Samples a second of everything here.
const RATE: usize = 8000;
/// What is looked for: long enough to be unmistakable, short enough to be searched for quickly.
const PIECE: usize = RATE * 2 / 5;
/// How far the other side's clock and jitter buffer may move one piece against another.
const SLACK: usize = RATE / 50;

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
    let near = likeness(heard, &said[first..first + PIECE]);
    let far = likeness(heard, &said[second..second + PIECE]);
    // Words recur in other prompts: only both, this far apart, are the prompt.
    let both = |at: usize| {
        let at_second = at + second - first;
        let around =
            at_second.saturating_sub(SLACK).min(far.len())..(at_second + SLACK).min(far.len());
        near[at].min(far[around].iter().copied().fold(0.0, f32::max))
    };
    let best = (0..near.len()).map(both).fold(0.0, f32::max);
    assert!(best > 0.8, "{what}: likeness {best:.2} at best");
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

/// How well the piece fits at each place: 1 is the same sound at whatever level.
fn likeness(heard: &[f32], piece: &[f32]) -> Vec<f32> {
    let own = power(piece);
    heard
        .windows(piece.len())
        .map(|window| {
            let (product, there) = window
                .iter()
                .zip(piece)
                .fold((0.0, 0.0), |(product, there), (a, b)| (product + a * b, there + a * a));
            product / (own * f32::max(there, 1.0)).sqrt()
        })
        .collect()
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
    assert!(likeness(&heard, &other[..PIECE]).iter().all(|likeness| *likeness < 0.8));
}
