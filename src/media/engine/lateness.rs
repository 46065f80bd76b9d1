//! How late the media threads are: the first sign that a machine carries too many calls.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A tick this late is counted: one slot of 5 ms has been missed.
pub const LATE: Duration = Duration::from_millis(5);

/// How long a window of measurements is.
const WINDOW: Duration = Duration::from_secs(2);

/// Upper bounds of the histogram's cells, in microseconds.
const BOUNDS: [u32; 24] = [
    100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 7000, 10_000, 15_000, 20_000,
    25_000, 30_000, 40_000, 60_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000,
];

/// How late the ticks of the media threads were in the last window of two seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Half of the ticks were at most this late.
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
    /// Ticks more than 5 ms late since the start.
    pub late_ticks: u64,
    /// Ticks since the start.
    pub ticks: u64,
    /// CPU time used by the media threads since the start.
    pub cpu: Duration,
}

impl Lateness {
    /// Of two threads, what the worse one shows.
    pub fn worse(self, other: Lateness) -> Lateness {
        Lateness {
            p50: self.p50.max(other.p50),
            p99: self.p99.max(other.p99),
            max: self.max.max(other.max),
            late_ticks: self.late_ticks + other.late_ticks,
            ticks: self.ticks + other.ticks,
            cpu: self.cpu + other.cpu,
        }
    }
}

/// Where a thread leaves its figures for others.
#[derive(Debug, Default)]
pub struct Board(Mutex<Lateness>);

impl Board {
    /// The figures of the last whole window.
    pub fn read(&self) -> Lateness {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the figures.
    pub fn write(&self, lateness: Lateness) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lateness;
    }
}

/// The measurements of one thread.
#[derive(Default)]
pub struct Meter {
    cells: [u32; BOUNDS.len() + 1],
    in_window: u32,
    max: Duration,
    opened: Duration,
    late_ticks: u64,
    ticks: u64,
}

impl Meter {
    /// Notes a tick that began `late` after its time, `now` after the thread's start; at the end of a window,
    /// returns its figures.
    pub fn record(&mut self, late: Duration, now: Duration) -> Option<Lateness> {
        let micros = late.as_micros().min(u128::from(u32::MAX)) as u32;
        self.cells[BOUNDS.partition_point(|bound| *bound < micros)] += 1;
        self.in_window += 1;
        self.max = self.max.max(late);
        self.ticks += 1;
        self.late_ticks += u64::from(late > LATE);
        (now.saturating_sub(self.opened) >= WINDOW).then(|| self.turn(now))
    }

    /// Ends the window because there is nothing to be late for: only the totals remain.
    pub fn rest(&mut self, now: Duration) -> Lateness {
        let zero = Duration::ZERO;
        Lateness { p50: zero, p99: zero, max: zero, ..self.turn(now) }
    }

    fn turn(&mut self, now: Duration) -> Lateness {
        let lateness = Lateness {
            p50: self.percentile(50),
            p99: self.percentile(99),
            max: self.max,
            late_ticks: self.late_ticks,
            ticks: self.ticks,
            cpu: Duration::ZERO,
        };
        *self = Meter {
            opened: now,
            late_ticks: self.late_ticks,
            ticks: self.ticks,
            ..Meter::default()
        };
        lateness
    }

    /// The upper bound of the cell where `percent` of the ticks lie at or below, never above the maximum.
    fn percentile(&self, percent: u64) -> Duration {
        let wanted = (u64::from(self.in_window) * percent).div_ceil(100);
        let mut seen = 0;
        for (cell, count) in self.cells.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                let bound = BOUNDS.get(cell).map(|bound| Duration::from_micros(u64::from(*bound)));
                return bound.unwrap_or(self.max).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_window_tells_its_percentiles_and_the_totals_go_on() {
        let mut meter = Meter::default();
        for tick in 1..400 {
            let late = if tick % 50 == 0 { 12 * MS } else { MS };
            assert_eq!(meter.record(late, tick * 5 * MS), None);
        }
        let first = meter.record(MS, WINDOW).unwrap();
        assert_eq!((first.p50, first.p99, first.max), (MS, 12 * MS, 12 * MS));
        assert_eq!((first.late_ticks, first.ticks), (7, 400));

        let second = meter.record(2 * MS, 2 * WINDOW).unwrap();
        assert_eq!((second.p50, second.max), (2 * MS, 2 * MS));
        assert_eq!((second.late_ticks, second.ticks), (7, 401));
    }

    #[test]
    fn a_thread_at_rest_is_not_late() {
        let mut meter = Meter::default();
        meter.record(90 * MS, MS);
        let lateness = meter.rest(2 * MS);
        assert_eq!((lateness.max, lateness.late_ticks), (Duration::ZERO, 1));
        assert_eq!(meter.record(MS, WINDOW + 2 * MS).unwrap().max, MS);
    }

    #[test]
    fn a_stall_beyond_the_histogram_shows_as_itself() {
        let mut meter = Meter::default();
        let lateness = meter.record(Duration::from_secs(60), WINDOW).unwrap();
        assert_eq!(lateness.p99, Duration::from_secs(60));
    }
}
