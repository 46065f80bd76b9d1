//! Tones, for phones without telephone-event and for tests.

use std::f32::consts::TAU;
use std::time::Duration;

use super::{COLUMNS, KEYPAD, ROWS, SAMPLE_RATE, amplitude};

/// The sum of sines, each with its frequency in Hz and level in dBm0.
pub fn tones(tones: &[(f32, f32)], length: Duration) -> Vec<i16> {
    let samples = length.as_micros() as usize * SAMPLE_RATE as usize / 1_000_000;
    let at = |n: usize| {
        let seconds = n as f32 / SAMPLE_RATE as f32;
        let sine =
            |&(hz, dbm0): &(f32, f32)| amplitude(dbm0) * (TAU * (hz * seconds).fract()).sin();
        tones.iter().map(sine).sum::<f32>().round() as i16
    };
    (0..samples).map(at).collect()
}

/// A key, each of its tones at `dbm0`; `None` if it is no key.
pub fn key(key: char, dbm0: f32, length: Duration) -> Option<Vec<i16>> {
    let (row, column) = frequencies(key)?;
    Some(tones(&[(row, dbm0), (column, dbm0)], length))
}

/// The row and the column of a key, in Hz.
pub fn frequencies(key: char) -> Option<(f32, f32)> {
    let key = key.to_ascii_uppercase();
    let place = |row: &[char; 4]| row.iter().position(|&k| k == key);
    let row = KEYPAD.iter().position(|row| place(row).is_some())?;
    Some((ROWS[row], COLUMNS[place(&KEYPAD[row])?]))
}
