//! Keys as tones in the audio (ITU-T Q.23, Q.24), for calls without telephone-event.
//!
//! The audio is cut into overlapping 10 ms pieces, 5 ms apart. Six of them, 35 ms, must agree on one tone of
//! each group: steady, near its frequency, the two of like level, and little else to be heard.

pub mod generate;
#[cfg(test)]
mod tests;

use std::f32::consts::TAU;

use super::SAMPLE_RATE;

/// Hz, the rows of the keypad.
pub const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// Hz, its columns.
pub const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The keys where they cross.
pub const KEYPAD: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Samples between two pieces: 5 ms.
const HOP: usize = 40;
/// Samples of a piece.
const PIECE: usize = 2 * HOP;
/// Pieces that must agree. Any 40 ms hold six whole ones, wherever they begin.
const PIECES: usize = 6;
/// Samples that these cover.
const WINDOW: usize = HOP * (PIECES + 1);
/// Windows without the key after which it counts as released. A break of 10 ms (Q.24) spoils at most four
/// pieces and so nine windows; a pause of 40 ms silences at least six and so eleven.
const RELEASE: u8 = 10;

/// The level of a full-scale sine in dBm0 (G.711).
#[expect(clippy::approx_constant, reason = "decibels, not a circle")]
const FULL_SCALE_DBM0: f32 = 3.14;
/// The weakest tone that counts.
const MIN_LEVEL_DBM0: f32 = -40.0;
/// How far the column may be above the row, and the row above the column, in dB.
const NORMAL_TWIST_DB: f32 = 8.0;
const REVERSE_TWIST_DB: f32 = 4.0;
/// How far a tone may be off: between the 1.5 % that must and the 3.5 % that must not be taken, with
/// room for what noise adds to the first.
const MAX_DEVIATION: f32 = 0.022;
/// The share of the power that the two tones must have: 8.6 dB over all else.
const MIN_SHARE: f32 = 0.88;
/// How much weaker than the strongest a piece of the tone may be, as an amplitude: 2.5 dB.
const MIN_STEADINESS: f32 = 0.75;
/// How strong the second harmonic may be, as a power: -12 dB. Voices have strong ones.
const MAX_HARMONIC: f32 = 0.063;

/// The mean square of the part of `samples` that lies at `hz`: a sine of amplitude A has A²/2.
///
/// Goertzel's algorithm over all of `samples`; it tells frequencies apart that are 8000 / `samples.len()`
/// Hz from each other, or further.
pub fn goertzel(samples: &[i16], hz: f32) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let (re, im) = correlate(samples.iter().map(|&s| f32::from(s)), hz);
    2.0 * (re * re + im * im) / (samples.len() as f32).powi(2)
}

/// The level of a mean square in dBm0.
pub fn dbm0(mean_square: f32) -> f32 {
    let full_scale = f32::from(i16::MAX).powi(2) / 2.0;
    10.0 * (mean_square / full_scale).log10() + FULL_SCALE_DBM0
}

/// The amplitude of a sine of so many dBm0.
pub fn amplitude(dbm0: f32) -> f32 {
    f32::from(i16::MAX) * 10_f32.powf((dbm0 - FULL_SCALE_DBM0) / 20.0)
}

/// The sum of `samples` times e^(-iωn), turned by a constant angle.
fn correlate(samples: impl Iterator<Item = f32>, hz: f32) -> (f32, f32) {
    let (sin, cos) = (TAU * hz / SAMPLE_RATE as f32).sin_cos();
    let step = |(s1, s2), sample| (sample + 2.0 * cos * s1 - s2, s1);
    let (s1, s2) = samples.fold((0.0, 0.0), step);
    (s1 - s2 * cos, s2 * sin)
}

/// [`correlate`] for all eight tones at once, as vectors: this is where the time goes.
fn correlate_keypad(samples: &[f32; PIECE], sin_cos: &[(f32, f32); 8]) -> [(f32, f32); 8] {
    let turn = sin_cos.map(|(_, cos)| 2.0 * cos);
    let (mut s1, mut s2) = ([0.0; 8], [0.0; 8]);
    for sample in samples {
        let s0 = std::array::from_fn(|t| sample + turn[t] * s1[t] - s2[t]);
        (s1, s2) = (s0, s1);
    }
    std::array::from_fn(|t| (s1[t] - s2[t] * sin_cos[t].1, s2[t] * sin_cos[t].0))
}

fn rotate((re, im): (f32, f32), angle: f32) -> (f32, f32) {
    let (sin, cos) = angle.sin_cos();
    (re * cos - im * sin, re * sin + im * cos)
}

/// One of the eight tones in the latest pieces.
#[derive(Clone, Debug)]
struct Tone {
    hz: f32,
    /// Amplitude and phase in each piece, against a sine of `hz` that never stops.
    pieces: [(f32, f32); PIECES],
}

/// What the pieces tell of a tone.
struct Measured {
    /// The share of the mean square that the tone has.
    power: f32,
    /// Where it really is.
    hz: f32,
}

impl Tone {
    fn new(hz: f32) -> Tone {
        Tone { hz, pieces: [(0.0, 0.0); PIECES] }
    }

    fn push(&mut self, sum: (f32, f32), position: u32) {
        self.pieces.rotate_left(1);
        // Frequencies are whole numbers: the phase repeats each second.
        let phase = self.hz * position as f32 / SAMPLE_RATE as f32;
        self.pieces[PIECES - 1] = rotate(sum, -TAU * phase.fract());
    }

    fn energy(&self) -> f32 {
        self.pieces.iter().map(|(re, im)| re * re + im * im).sum()
    }

    /// `None` if the tone is not steady.
    fn measure(&self) -> Option<Measured> {
        let size = |&(re, im): &(f32, f32)| re.hypot(im);
        let largest = self.pieces.iter().map(size).fold(0.0, f32::max);
        if self.pieces.iter().any(|piece| size(piece) < MIN_STEADINESS * largest) {
            return None;
        }
        // The phase moves on by the deviation: from it the true frequency, then the sum at that.
        let turned = |[a, b]: &[(f32, f32); 2]| (a.0 * b.0 + a.1 * b.1, a.0 * b.1 - a.1 * b.0);
        let step = self.pieces.array_windows().map(turned).fold((0.0, 0.0), add);
        let angle = step.1.atan2(step.0);
        let in_phase = (0..).zip(&self.pieces).map(|(n, &piece)| rotate(piece, n as f32 * -angle));
        let (re, im) = in_phase.fold((0.0, 0.0), add);
        // Over a Hann window, a sine of amplitude A sums to A/2 times half the samples.
        let amplitude = 4.0 * re.hypot(im) / (PIECES * PIECE) as f32;
        let hz = self.hz + angle / TAU * SAMPLE_RATE as f32 / HOP as f32;
        Some(Measured { power: amplitude * amplitude / 2.0, hz })
    }
}

fn add(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0 + b.0, a.1 + b.1)
}

/// Finds keys in the audio of one call.
#[derive(Clone, Debug)]
pub struct Detector {
    rows: [Tone; 4],
    columns: [Tone; 4],
    /// Of one sample's turn of each tone.
    sin_cos: [(f32, f32); 8],
    /// The latest samples, oldest first.
    window: [f32; WINDOW],
    /// Samples until the next piece is whole.
    missing: usize,
    /// Samples since the start, modulo a second.
    position: u32,
    /// A Hann window.
    hann: [f32; PIECE],
    held: Option<char>,
    /// Windows since `held` was last seen.
    absent: u8,
}

impl Default for Detector {
    fn default() -> Detector {
        let hann = |n| 0.5 - 0.5 * (TAU * n as f32 / PIECE as f32).cos();
        let hz = |tone: usize| if tone < 4 { ROWS[tone] } else { COLUMNS[tone - 4] };
        Detector {
            rows: ROWS.map(Tone::new),
            columns: COLUMNS.map(Tone::new),
            sin_cos: std::array::from_fn(|tone| (TAU * hz(tone) / SAMPLE_RATE as f32).sin_cos()),
            window: [0.0; WINDOW],
            missing: HOP,
            position: 0,
            hann: std::array::from_fn(hann),
            held: None,
            absent: 0,
        }
    }
}

impl Detector {
    /// Takes the next samples, any number, and tells each key in them once it has lasted 35 to 40 ms.
    pub fn push(&mut self, mut samples: &[i16], mut found: impl FnMut(char)) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(self.missing));
            self.append(now);
            samples = later;
            if self.missing == 0 {
                self.missing = HOP;
                if let Some(key) = self.hop() {
                    found(key);
                }
            }
        }
    }

    fn append(&mut self, samples: &[i16]) {
        self.window.copy_within(samples.len().., 0);
        let room = &mut self.window[WINDOW - samples.len()..];
        room.iter_mut().zip(samples).for_each(|(to, &from)| *to = f32::from(from));
        self.missing -= samples.len();
        self.position = (self.position + samples.len() as u32) % SAMPLE_RATE;
    }

    /// Five milliseconds have passed.
    fn hop(&mut self) -> Option<char> {
        let latest = &self.window[WINDOW - PIECE..];
        let piece: [f32; PIECE] = std::array::from_fn(|n| latest[n] * self.hann[n]);
        let sums = correlate_keypad(&piece, &self.sin_cos);
        let tones = self.rows.iter_mut().chain(&mut self.columns);
        tones.zip(sums).for_each(|(tone, sum)| tone.push(sum, self.position));

        let Some(key) = self.heard() else {
            self.absent = self.absent.saturating_add(1);
            if self.absent >= RELEASE {
                self.held = None;
            }
            return None;
        };
        self.absent = 0;
        (self.held.replace(key) != Some(key)).then_some(key)
    }

    /// The key whose tones fill the window.
    fn heard(&self) -> Option<char> {
        let floor = amplitude(MIN_LEVEL_DBM0).powi(2) / 2.0;
        let total = mean_square(&self.window);
        if total < 2.0 * floor {
            return None;
        }
        let (row, low) = strongest(&self.rows)?;
        let (column, high) = strongest(&self.columns)?;
        let twist = 10.0 * (high.power / low.power).log10();
        let heard = low.power.min(high.power) >= floor
            && (-REVERSE_TWIST_DB..=NORMAL_TWIST_DB).contains(&twist)
            && low.power + high.power >= MIN_SHARE * total
            && near(&low, ROWS[row])
            && near(&high, COLUMNS[column])
            && !self.is_voice(&low, &high);
        heard.then(|| KEYPAD[row][column])
    }

    /// Whether either tone has a strong second harmonic. The row's may fall on the column: such a pair is
    /// told from a voice by its frequencies alone, since no column is twice a row.
    fn is_voice(&self, low: &Measured, high: &Measured) -> bool {
        let harmonic = |tone: &Measured| {
            let (re, im) = correlate(self.window.iter().copied(), 2.0 * tone.hz);
            2.0 * (re * re + im * im) / (WINDOW * WINDOW) as f32 > MAX_HARMONIC * tone.power
        };
        let beside_column = (2.0 * low.hz - high.hz).abs() < 120.0;
        (!beside_column && harmonic(low)) || harmonic(high)
    }
}

fn near(tone: &Measured, nominal: f32) -> bool {
    (tone.hz - nominal).abs() <= MAX_DEVIATION * nominal
}

fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32
}

/// The strongest tone of a group, and its place.
fn strongest(group: &[Tone; 4]) -> Option<(usize, Measured)> {
    let by_energy = |a: &(usize, &Tone), b: &(usize, &Tone)| a.1.energy().total_cmp(&b.1.energy());
    let (place, tone) = group.iter().enumerate().max_by(by_energy)?;
    Some((place, tone.measure()?))
}
