//! Whether somebody is speaking: a level gate that learns the noise of the line.
//!
//! Each 20 ms frame is measured in three bands. In each band the quietest moment of the last two seconds is
//! taken for the noise, so that a fan, hum or an even roar of traffic stops counting within that time, while
//! speech, which falls back between syllables, does not become noise. A frame rises above the noise when its
//! bands together do; three such frames within four open the gate, and 200 ms without one close it.

use std::f32::consts::PI;
use std::time::Duration;

use super::SAMPLE_RATE;

/// What the gate says of the latest whole frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Whether somebody is speaking, short pauses included.
    pub speech: bool,
    /// Between 300 and 3400 Hz, in dB relative to full scale.
    pub dbfs: f32,
}

/// Listens to one side of a call. Costs some fifteen multiplications a sample and keeps some 200 bytes.
#[derive(Clone, Debug)]
pub struct Gate {
    bands: [Band; 3],
    /// Samples of the frame under way.
    filled: usize,
    latest: Level,
    /// The latest frames, the newest in the lowest bit: whether they rose above the noise.
    recent: u8,
    /// Frames that count as speech.
    spoken: u32,
    /// Frames since the last one that rose above the noise while the gate was open.
    quiet: u32,
}

/// Samples in 20 ms.
const FRAME: usize = SAMPLE_RATE as usize / 50;
const FRAME_TIME: Duration = Duration::from_millis(20);
/// How long the gate stays open after the last loud frame.
const HANGOVER: u32 = 10;
/// The loud frames among the latest four that open the gate: a click is shorter.
const OPENING: u32 = 3;

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

impl Gate {
    /// A gate that has heard nothing yet.
    pub fn new() -> Gate {
        Gate {
            bands: [Band::new(520.0, 0.9), Band::new(1340.0, 1.2), Band::new(2610.0, 1.9)],
            filled: 0,
            latest: Level { speech: false, dbfs: QUIETEST },
            recent: 0,
            spoken: 0,
            quiet: 0,
        }
    }

    /// Takes any number of samples, and says how the latest whole frame of 20 ms was.
    pub fn push(&mut self, mut samples: &[i16]) -> Level {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(FRAME - self.filled));
            for &sample in now {
                let sample = f32::from(sample) * (1.0 / 32768.0);
                // Side by side, so that the processor works on all three at once.
                let [low, middle, high] = &mut self.bands;
                low.filter(sample);
                middle.filter(sample);
                high.filter(sample);
            }
            self.filled += now.len();
            samples = later;
            if self.filled == FRAME {
                self.filled = 0;
                self.end_frame();
            }
        }
        self.latest
    }

    /// How long somebody has spoken so far, pauses shorter than 200 ms included.
    pub fn speech(&self) -> Duration {
        FRAME_TIME * self.spoken
    }

    /// How long nobody has spoken: since the last word, or since the beginning.
    pub fn silence(&self) -> Duration {
        FRAME_TIME * self.quiet
    }

    fn end_frame(&mut self) {
        let mut power = 0.0;
        let mut excess = 0.0;
        for band in &mut self.bands {
            let frame = band.end_frame();
            power += frame.power;
            excess += (frame.above_noise - SLACK).max(0.0);
        }
        self.recent = self.recent << 1 | u8::from(excess > self.threshold());
        self.count();
        self.latest = Level { speech: self.latest.speech, dbfs: decibels(power) };
    }

    /// An open gate is easier to keep open: words end more softly than they begin.
    fn threshold(&self) -> f32 {
        if self.latest.speech { KEEP_OPEN } else { OPEN }
    }

    fn count(&mut self) {
        let loud = self.recent & 1 == 1;
        if !self.latest.speech && loud && (self.recent & 0b1111).count_ones() >= OPENING {
            self.latest.speech = true;
            self.quiet = OPENING - 1;
        }
        if self.latest.speech && loud {
            self.spoken += self.quiet + 1;
            self.quiet = 0;
        } else {
            self.quiet = self.quiet.saturating_add(1);
            self.latest.speech &= self.quiet < HANGOVER;
        }
    }
}

// Measured on read speech over a telephone band, with noise of five kinds added: rather a street taken for
// speech now and then, which ends a recording some seconds late, than a soft voice taken for silence.

/// A band's part in a frame may be so many dB above the noise without counting: noise is never quite even.
const SLACK: f32 = 2.0;
/// What the bands together must have beyond the slack, in dB.
const OPEN: f32 = 3.0;
const KEEP_OPEN: f32 = 1.5;
/// What is quieter, in dB relative to full scale, is no speech: the law's own steps make as much.
const QUIETEST: f32 = -62.0;

/// One band: a filter, and the noise in it.
#[derive(Clone, Debug)]
struct Band {
    /// Band-pass of the second order: `out = b * (x - x[-2]) - a1 * y[-1] - a2 * y[-2]`.
    b: f32,
    a: [f32; 2],
    z: [f32; 2],
    energy: f32,
    noise: Noise,
}

struct BandFrame {
    /// Full scale is 1.
    power: f32,
    /// dB.
    above_noise: f32,
}

impl Band {
    fn new(hz: f32, q: f32) -> Band {
        let omega = 2.0 * PI * hz / SAMPLE_RATE as f32;
        let alpha = omega.sin() / (2.0 * q);
        let a0 = 1.0 + alpha;
        Band {
            b: alpha / a0,
            a: [-2.0 * omega.cos() / a0, (1.0 - alpha) / a0],
            z: [0.0; 2],
            energy: 0.0,
            noise: Noise::new(),
        }
    }

    fn filter(&mut self, sample: f32) {
        let x = sample * self.b;
        let out = x + self.z[0];
        self.z = [self.z[1] - self.a[0] * out, -x - self.a[1] * out];
        self.energy += out * out;
    }

    fn end_frame(&mut self) -> BandFrame {
        let power = self.energy / FRAME as f32;
        self.energy = 0.0;
        let level = decibels(power);
        let above_noise = level - self.noise.level();
        self.noise.hear(level);
        BandFrame { power, above_noise }
    }
}

/// The quietest of the last two seconds: a minimum in each of several spells, the oldest of which is dropped.
#[derive(Clone, Debug)]
struct Noise {
    spells: [f32; 5],
    /// Frames heard in the spell under way, which is the first.
    heard: u32,
    /// The level, smoothed over a few frames.
    smooth: f32,
}

/// 400 ms.
const SPELL: u32 = 20;
/// The quietest of a hundred smoothed frames of even noise lies so far below their mean, in dB.
const BIAS: f32 = 1.5;
/// The share of the newest frame in the smoothed level.
const NEWEST: f32 = 0.4;

impl Noise {
    fn new() -> Noise {
        Noise { spells: [f32::INFINITY; 5], heard: 0, smooth: f32::NAN }
    }

    /// dB relative to full scale; above everything before the first frame.
    fn level(&self) -> f32 {
        self.spells.iter().copied().fold(f32::INFINITY, f32::min).max(QUIETEST) + BIAS
    }

    fn hear(&mut self, level: f32) {
        let last = if self.smooth.is_nan() { level } else { self.smooth };
        self.smooth = last + NEWEST * (level - last);
        if self.heard == SPELL {
            self.spells.rotate_right(1);
            self.spells[0] = f32::INFINITY;
            self.heard = 0;
        }
        self.spells[0] = self.spells[0].min(self.smooth);
        self.heard += 1;
    }
}

fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-10).log10()
}

#[cfg(test)]
mod tests;
