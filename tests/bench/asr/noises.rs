//! Twenty seconds in which nobody says anything.

use std::f32::consts::TAU;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Samples a second, as on the telephone.
pub const RATE: usize = 8000;
const LENGTH: usize = 20 * RATE;

/// Each noise with its name; `speech` is what is played backwards.
pub fn all(speech: &[f32]) -> Vec<(&'static str, Vec<f32>)> {
    let backwards: Vec<f32> = speech.iter().rev().copied().cycle().take(LENGTH).collect();
    vec![
        ("digital silence", vec![0.0; LENGTH]),
        ("white noise", white().collect()),
        ("brown noise", brown()),
        ("tone of 425 Hz", tone(425.0).collect()),
        ("busy tone", busy()),
        ("plucked music", music()),
        ("speech backwards", backwards),
    ]
}

fn white() -> impl Iterator<Item = f32> {
    let mut rng = StdRng::seed_from_u64(1);
    (0..LENGTH).map(move |_| rng.random_range(-0.2..0.2))
}

fn brown() -> Vec<f32> {
    let mut at = 0.0;
    let walk = white().map(|step| {
        at = at * 0.995 + step * 0.2;
        at
    });
    walk.collect()
}

fn tone(hertz: f32) -> impl Iterator<Item = f32> {
    (0..LENGTH).map(move |n| 0.3 * (TAU * hertz * n as f32 / RATE as f32).sin())
}

/// Half a second on, half a second off.
fn busy() -> Vec<f32> {
    tone(425.0)
        .enumerate()
        .map(|(n, s)| if (n / (RATE / 2)).is_multiple_of(2) { s } else { 0.0 })
        .collect()
}

/// A melody of plucked strings: a burst of noise that runs round and is softened each time (Karplus and Strong, 1983).
fn music() -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(2);
    let melody = [262.0, 294.0, 330.0, 392.0, 440.0, 392.0, 330.0, 294.0];
    let mut played = Vec::with_capacity(LENGTH);
    for hertz in melody.iter().cycle() {
        if played.len() >= LENGTH {
            break;
        }
        let mut string: Vec<f32> =
            (0..(RATE as f32 / hertz) as usize).map(|_| rng.random_range(-0.4..0.4)).collect();
        for n in 0..RATE / 3 {
            let (here, next) = (n % string.len(), (n + 1) % string.len());
            played.push(string[here]);
            string[here] = (string[here] + string[next]) * 0.497;
        }
    }
    played.truncate(LENGTH);
    played
}
