//! Puts the caller's packets in order for the recording, whatever the network did to them.
//!
//! Nobody listens while it is recorded, so nothing is thrown away to keep pace: a piece is given up only when
//! later audio shows that it is lost, and silence is filled in only when nothing comes at all. The recording
//! is as long as the call was, by the sender's timestamps.

mod conceal;
mod statistics;
#[cfg(test)]
mod tests;

pub use conceal::Concealer;
pub use statistics::{Report, Statistics};

use std::time::{Duration, Instant};

use super::SAMPLE_RATE;

/// Samples of a frame: 20 ms.
pub const FRAME: usize = 160;
/// How long a missing piece is waited for once later audio has come; also how long the first frame waits
/// for one that it has overtaken.
pub const WAIT: Duration = Duration::from_millis(60);
/// How long silence on the line is taken for a stalled network before it is filled in.
pub const QUIET: Duration = Duration::from_millis(200);

/// Samples that the buffer holds: 512 ms.
const CAPACITY: usize = 4096;
/// A place in the buffer that no packet has filled. Audio at this value is stored one step quieter.
const ABSENT: i16 = i16::MIN;
/// The first position, so far in that nothing comes before it.
const ORIGIN: u64 = 1 << 40;
/// Sequence numbers ahead and behind that belong to the same stream (RFC 3550 A.1).
const MAX_DROPOUT: i16 = 3000;
const MAX_MISORDER: i16 = 100;
/// Timestamps further ahead of the clock than this are a new start (a transfer, music on hold).
const MAX_LEAP: Duration = Duration::from_secs(1);

/// A sequence number that does not wrap (RFC 3550 A.1). It starts in cycle 1, so that one before the first has
/// a number too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExtendedSequence(u64);

impl ExtendedSequence {
    /// Of the first packet of a stream.
    pub fn first(sequence: u16) -> ExtendedSequence {
        ExtendedSequence((1 << 16) + u64::from(sequence))
    }

    /// How far `sequence` is ahead; below zero if it is behind.
    pub fn ahead(self, sequence: u16) -> i16 {
        sequence.wrapping_sub(self.0 as u16) as i16
    }

    /// `sequence`, taken to be the nearest to this one.
    pub fn nearest(self, sequence: u16) -> ExtendedSequence {
        ExtendedSequence(self.0.saturating_add_signed(self.ahead(sequence).into()))
    }

    /// The number itself: cycles above the lowest 16 bits, counted from 1.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popped {
    /// Audio; a part of it that is lost is silence.
    Audio,
    /// Nothing but silence: lost, or never sent.
    Gap,
}

/// The newest packet, to which the next is compared.
#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: ExtendedSequence,
    timestamp: u32,
    position: u64,
    arrived: Instant,
}

/// The order of one stream. Positions count samples since the start of the call.
///
/// After each [`push`](Self::push), and on every tick, [`pop`](Self::pop) until it returns `None`: then the
/// buffer cannot overflow. Nothing is allocated after [`new`](Self::new).
#[derive(Clone, Debug)]
pub struct Buffer {
    ring: Box<[i16; CAPACITY]>,
    /// The next sample to hand out.
    cursor: u64,
    /// The sample after the last that came.
    end: u64,
    newest: Option<Newest>,
    /// The next packet belongs to another stream.
    restarted: bool,
    /// When the first packet came, until the first frame is handed out.
    waiting_since: Option<Instant>,
    /// Frames of silence before `cursor`.
    owed: u64,
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::new()
    }
}

impl Buffer {
    pub fn new() -> Buffer {
        Buffer {
            ring: Box::new([ABSENT; CAPACITY]),
            cursor: ORIGIN,
            end: ORIGIN,
            newest: None,
            restarted: false,
            waiting_since: None,
            owed: 0,
        }
    }

    /// Says that the next packet belongs to another stream (a new SSRC): it follows where time has come to.
    pub fn restart(&mut self) {
        self.restarted = true;
    }

    /// Takes the decoded audio of one packet, at most 100 ms or so. False if it came too late or twice.
    pub fn push(&mut self, sequence: u16, timestamp: u32, samples: &[i16], now: Instant) -> bool {
        let Some(newest) = self.newest else {
            self.waiting_since = Some(now);
            let sequence = ExtendedSequence::first(sequence);
            self.newest = Some(Newest { sequence, timestamp, position: ORIGIN, arrived: now });
            return self.place(ORIGIN, samples);
        };
        let ahead = newest.sequence.ahead(sequence);
        let ticks = i64::from(timestamp.wrapping_sub(newest.timestamp) as i32);
        let restarted = std::mem::take(&mut self.restarted);
        if !restarted && (-MAX_MISORDER..=0).contains(&ahead) && ticks <= 0 {
            return self.place(newest.position.saturating_add_signed(ticks), samples);
        }

        let elapsed = now.saturating_duration_since(newest.arrived);
        let latest = samples_in(elapsed + MAX_LEAP) as i64;
        let continues = (1..=MAX_DROPOUT).contains(&ahead) && (1..=latest).contains(&ticks);
        let position = if continues && !restarted {
            newest.position.saturating_add_signed(ticks)
        } else {
            self.where_time_has_come_to(elapsed, samples.len())
        };
        // A packet later than the silence that was filled in for it: rather a longer recording than lost words.
        let position = position.max(self.cursor);
        let sequence = newest.sequence.nearest(sequence);
        self.newest = Some(Newest { sequence, timestamp, position, arrived: now });
        self.place(position, samples)
    }

    /// Hands out the next frame if it is whole, or will not become so.
    pub fn pop(&mut self, now: Instant, frame: &mut [i16; FRAME]) -> Option<Popped> {
        if self.owed > 0 {
            self.owed -= 1;
            frame.fill(0);
            return Some(Popped::Gap);
        }
        let newest = self.newest?;
        if self.waiting_since.is_some_and(|since| now.saturating_duration_since(since) < WAIT) {
            return None;
        }
        let quiet = samples_in(now.saturating_duration_since(newest.arrived));
        let frame_end = self.cursor + FRAME as u64;
        let due = if self.end >= frame_end {
            // The first packet after a hole came as long before the newest as its timestamp says.
            let known_for = quiet + newest.position.saturating_sub(frame_end);
            self.is_whole() || known_for >= samples_in(WAIT)
        } else {
            quiet >= samples_in(QUIET) + (frame_end - self.end)
        };
        due.then(|| self.take(frame))
    }

    /// Hands out what is left, when no more is to come; the last frame is filled up with silence.
    pub fn flush(&mut self, frame: &mut [i16; FRAME]) -> Option<Popped> {
        if self.owed > 0 {
            self.owed -= 1;
            frame.fill(0);
            return Some(Popped::Gap);
        }
        (self.cursor < self.end).then(|| self.take(frame))
    }

    /// For a packet whose timestamp says nothing.
    fn where_time_has_come_to(&self, elapsed: Duration, len: usize) -> u64 {
        let missed =
            if elapsed > WAIT { samples_in(elapsed).saturating_sub(len as u64) } else { 0 };
        self.end + missed
    }

    /// Writes what still has a place. False if nothing was new.
    fn place(&mut self, position: u64, samples: &[i16]) -> bool {
        let end = position + samples.len() as u64;
        self.make_room(position, end);
        let mut new = false;
        for (at, &sample) in (position..end).zip(samples) {
            let slot = &mut self.ring[at as usize % CAPACITY];
            if at >= self.cursor && at < self.cursor + CAPACITY as u64 && *slot == ABSENT {
                *slot = sample.max(ABSENT + 1);
                self.end = self.end.max(at + 1);
                new = true;
            }
        }
        new
    }

    /// Moves the cursor back for what was overtaken at the very start, and on over a silence that is longer
    /// than the buffer.
    fn make_room(&mut self, position: u64, end: u64) {
        let back =
            self.waiting_since.is_some() && self.end - position.min(self.end) <= CAPACITY as u64;
        if back {
            self.cursor = self.cursor.min(position);
        }
        if self.end <= self.cursor && end > self.cursor + CAPACITY as u64 {
            let frames = (position - self.cursor) / FRAME as u64;
            self.owed += frames;
            self.cursor += frames * FRAME as u64;
            self.waiting_since = None;
        }
    }

    fn is_whole(&self) -> bool {
        (self.cursor..).take(FRAME).all(|at| self.ring[at as usize % CAPACITY] != ABSENT)
    }

    fn take(&mut self, frame: &mut [i16; FRAME]) -> Popped {
        let mut popped = Popped::Gap;
        for sample in frame {
            let slot = &mut self.ring[self.cursor as usize % CAPACITY];
            *sample = std::mem::replace(slot, ABSENT);
            if *sample == ABSENT {
                *sample = 0;
            } else {
                popped = Popped::Audio;
            }
            self.cursor += 1;
        }
        self.waiting_since = None;
        popped
    }
}

fn samples_in(time: Duration) -> u64 {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as u64
}
