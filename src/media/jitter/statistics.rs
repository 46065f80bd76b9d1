use std::time::Instant;

use super::{ExtendedSequence, MAX_DROPOUT, MAX_MISORDER};

/// Loss and jitter of a received stream, by the algorithms of RFC 3550 A.1, A.3 and A.8. A stream counts
/// from its first packet: the address was agreed upon, so there is no probation.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Hz.
    clock: u32,
    sequence: Option<Sequence>,
    /// Packets lost and received before the latest restart.
    earlier: (u64, u64),
    arrival: Option<Arrival>,
    /// In ticks of the clock.
    jitter: f64,
}

/// The state of A.1, in its names.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    max_seq: ExtendedSequence,
    base_seq: ExtendedSequence,
    /// The number that would confirm a jump.
    bad_seq: Option<u16>,
    received: u64,
    /// Of those, packets that had come before.
    doubled: u64,
    /// Which of the latest packets have come: bit n for the one n before `max_seq`.
    latest: u128,
    expected_prior: u64,
    received_prior: u64,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Instant,
    timestamp: u32,
}

/// The fields of an RTCP report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of the packets since the report before, in 256ths.
    pub fraction_lost: u8,
    /// Of all; 24 bits, below zero when packets came twice.
    pub cumulative_lost: i32,
    /// Cycles in the upper half.
    pub extended_highest: u32,
    /// In ticks of the clock.
    pub jitter: u32,
}

impl Sequence {
    fn new(seq: u16) -> Sequence {
        Sequence {
            max_seq: ExtendedSequence::first(seq),
            base_seq: ExtendedSequence::first(seq),
            bad_seq: None,
            received: 1,
            doubled: 0,
            latest: 1,
            expected_prior: 0,
            received_prior: 0,
        }
    }

    fn expected(&self) -> u64 {
        self.max_seq.get() - self.base_seq.get() + 1
    }

    /// As a report counts: a packet that came twice makes up for one that did not.
    fn lost(&self) -> i64 {
        self.expected() as i64 - self.received as i64
    }

    /// How many never came.
    fn missing(&self) -> u64 {
        (self.lost() + self.doubled as i64).max(0) as u64
    }

    /// Notes that a packet came, `ahead` of `max_seq` before it counted.
    fn note(&mut self, ahead: i16) {
        let bit = if ahead > 0 {
            self.latest = self.latest.checked_shl(ahead.unsigned_abs().into()).unwrap_or(0);
            1
        } else {
            // Zero for one that is older than what is remembered: taken to be new.
            1u128.checked_shl(ahead.unsigned_abs().into()).unwrap_or(0)
        };
        self.doubled += u64::from(self.latest & bit != 0);
        self.latest |= bit;
    }
}

impl Statistics {
    /// Of a stream whose timestamps run at `clock` Hz.
    pub fn new(clock: u32) -> Statistics {
        Statistics { clock, sequence: None, earlier: (0, 0), arrival: None, jitter: 0.0 }
    }

    /// Counts a packet by its number, of whatever payload type. False if it lies so far from the others that
    /// the next must confirm it (A.1).
    pub fn count(&mut self, seq: u16) -> bool {
        let Some(s) = &mut self.sequence else {
            self.sequence = Some(Sequence::new(seq));
            return true;
        };
        let ahead = s.max_seq.ahead(seq);
        if (0..MAX_DROPOUT).contains(&ahead) {
            s.max_seq = s.max_seq.nearest(seq);
        } else if !(-MAX_MISORDER..0).contains(&ahead) {
            if s.bad_seq == Some(seq) {
                self.restart();
                self.sequence = Some(Sequence::new(seq));
                return true;
            }
            s.bad_seq = Some(seq.wrapping_add(1));
            return false;
        }
        s.bad_seq = None;
        s.received += 1;
        s.note(ahead);
        true
    }

    /// Notes when a packet of audio came (A.8). Not for events and comfort noise: an event's packets all
    /// carry the timestamp of its start.
    pub fn arrived(&mut self, timestamp: u32, now: Instant) {
        let this = Arrival { at: now, timestamp };
        if let Some(last) = self.arrival.replace(this) {
            let elapsed = now.saturating_duration_since(last.at).as_secs_f64();
            let ticks = f64::from(timestamp.wrapping_sub(last.timestamp) as i32);
            let d = (elapsed * f64::from(self.clock) - ticks).abs();
            // A second and more is a sender that set its clock anew.
            if d < f64::from(self.clock) {
                self.jitter += (d - self.jitter) / 16.0;
            }
        }
    }

    /// The next packet belongs to another stream (a new SSRC). What was lost stays counted in
    /// [`missing`](Self::missing); reports begin anew.
    pub fn restart(&mut self) {
        self.earlier = (self.missing(), self.received());
        self.sequence = None;
        self.arrival = None;
    }

    /// All packets counted.
    pub fn received(&self) -> u64 {
        self.earlier.1 + self.sequence.map_or(0, |s| s.received)
    }

    /// All packets that never came. Not what a report tells (A.3), in which a network that loses and doubles alike
    /// looks sound.
    pub fn missing(&self) -> u64 {
        self.earlier.0 + self.sequence.map_or(0, |s| s.missing())
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> f32 {
        (self.jitter * 1000.0 / f64::from(self.clock)) as f32
    }

    /// What to report now; `None` before the first packet. The next fraction counts from here.
    pub fn report(&mut self) -> Option<Report> {
        let jitter = self.jitter as u32;
        let s = self.sequence.as_mut()?;
        let expected = s.expected() - s.expected_prior;
        let received = s.received - s.received_prior;
        (s.expected_prior, s.received_prior) = (s.expected(), s.received);
        let lost = expected.saturating_sub(received);
        Some(Report {
            fraction_lost: ((lost << 8).checked_div(expected).unwrap_or(0)).min(255) as u8,
            cumulative_lost: s.lost().clamp(-0x80_0000, 0x7F_FFFF) as i32,
            // Cycles are counted from 0 here.
            extended_highest: (s.max_seq.get() - (1 << 16)) as u32,
            jitter,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn counted(packets: impl IntoIterator<Item = u16>) -> Statistics {
        let mut statistics = Statistics::new(8000);
        packets.into_iter().for_each(|seq| {
            statistics.count(seq);
        });
        statistics
    }

    #[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn lost_packets_are_counted_over_the_wrap() {
        let all = (65_500..=u16::MAX).chain(0..100);
        let mut statistics = counted(all.filter(|seq| seq % 4 != 0));
        assert_eq!(statistics.received(), 102);
        assert_eq!(statistics.missing(), 33, "the first, 65500, was never expected");
        let report = statistics.report().unwrap();
        assert_eq!(report.cumulative_lost, 33);
        assert_eq!(report.extended_highest, 65_536 + 99);
        assert_eq!(report.fraction_lost, (33 * 256 / 135) as u8);
    }

    #[test]
    fn the_fraction_is_that_of_the_time_since_the_last_report() {
        let mut statistics = counted((0..100).filter(|seq| seq % 2 == 0));
        assert_eq!(statistics.report().unwrap().fraction_lost, 126);
        (99..200).for_each(|seq| assert!(statistics.count(seq)));
        let report = statistics.report().unwrap();
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 49));
        let again = statistics.report().unwrap();
        assert_eq!(again.fraction_lost, 0, "nothing was expected meanwhile");
    }

    #[test]
    fn reordered_and_doubled_packets_are_not_lost_ones() {
        let mut statistics = counted([10, 12, 11, 13, 13, 14]);
        assert_eq!((statistics.missing(), statistics.received()), (0, 6));
        assert_eq!(statistics.report().unwrap().cumulative_lost, -1);
    }

    #[test]
    fn doubled_packets_do_not_make_up_for_those_that_never_came() {
        let mut statistics = counted([65_534, 65_535, 65_535, 1, 1, 65_534, 2, 150, 149, 149]);
        assert_eq!(statistics.missing(), 1 + 146, "0, and 3 to 148");
        assert_eq!(statistics.report().unwrap().cumulative_lost, 147 - 4);
    }

    #[test]
    fn one_packet_from_nowhere_changes_nothing_and_two_begin_anew() {
        let mut statistics = counted((0..10).filter(|&seq| seq != 5));
        assert!(!statistics.count(40_000));
        assert!(statistics.count(10));
        assert_eq!((statistics.missing(), statistics.received()), (1, 10));
        assert!(!statistics.count(40_000));
        assert!(statistics.count(40_001));
        assert!(statistics.count(40_003));
        assert_eq!(
            (statistics.missing(), statistics.received()),
            (2, 12),
            "the earlier loss stays"
        );
        assert_eq!(statistics.report().unwrap().cumulative_lost, 1);
    }

    #[test]
    fn a_steady_stream_has_no_jitter_and_an_uneven_one_its_own() {
        let (mut steady, mut uneven) = (Statistics::new(8000), Statistics::new(8000));
        let mut now = start();
        for n in 0..500_u32 {
            let timestamp = (n * 160).wrapping_add(u32::MAX - 1000);
            steady.arrived(timestamp, now);
            uneven.arrived(timestamp, now + Duration::from_millis(u64::from(n % 2) * 10));
            now += Duration::from_millis(20);
        }
        assert!(steady.jitter_ms() < 0.01, "{}", steady.jitter_ms());
        assert!((uneven.jitter_ms() - 10.0).abs() < 0.1, "{}", uneven.jitter_ms());
    }

    #[test]
    fn a_timestamp_that_leaps_leaves_the_jitter_alone() {
        let mut statistics = Statistics::new(8000);
        let now = start();
        statistics.arrived(0, now);
        statistics.arrived(3_000_000_000, now + Duration::from_millis(20));
        statistics.arrived(3_000_000_160, now + Duration::from_millis(40));
        assert!(statistics.jitter_ms() < 0.01, "{}", statistics.jitter_ms());
    }
}
