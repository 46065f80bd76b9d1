//! Whose packets are heard, and where ours go: symmetric RTP (RFC 4961) with a lock against strangers.
//!
//! The offered address locks with its first packet. Any other address (a caller behind NAT, or somebody who sprays
//! packets over ports) must first send a row of them: one packet takes no call over. Until a row is complete what it
//! carries is not listened to, but our packets go where the longest row comes from, so that a caller hears us from
//! the first packet on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Latching;
use super::packet::{Arrived, Content};

/// How long after a lock on another address the offered one may still claim the call: a stranger who was first
/// loses it again to a caller who is reached as he said.
const SETTLES: Duration = Duration::from_secs(2);

/// Silence after which the offered address may take the call over, and after which a row begins anew.
const QUIET: Duration = Duration::from_secs(2);

/// Packets of one stream, one after the other, that an address must send which nobody offered.
const ROW: u32 = 3;

/// Addresses whose rows are counted at once.
const CANDIDATES: usize = 4;

/// Numbers that may be missing within a row: the network loses some.
const GAP: u16 = 50;

/// What to do with a packet from some address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Refused,
    /// It may be the other side: not listened to yet, and not refused either.
    Waits,
    Known,
    /// From here on this is the other side.
    Latched,
}

/// The address of the other side as far as it is known.
pub struct Latch {
    mode: Latching,
    offered: Option<SocketAddr>,
    locked: Option<Lock>,
    /// Who may become the other side, while nobody is.
    candidates: Vec<Candidate>,
}

struct Lock {
    address: SocketAddr,
    since: Instant,
    heard: Instant,
}

impl Lock {
    /// Whether nobody else has a claim.
    fn holds(&self, now: Instant) -> bool {
        now >= self.since + SETTLES && now < self.heard + QUIET
    }
}

/// An address that nobody offered, and the row of packets that came from it.
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    sequence: u16,
    row: u32,
    heard: Instant,
}

impl Candidate {
    fn new(address: SocketAddr, packet: &Arrived, now: Instant) -> Candidate {
        Candidate { address, ssrc: packet.ssrc, sequence: packet.sequence, row: 1, heard: now }
    }

    /// Counts a packet: the row goes on, stays as it is (a copy, or one that came late), or begins anew.
    fn count(&mut self, packet: &Arrived, now: Instant) {
        let ahead = packet.sequence.wrapping_sub(self.sequence);
        let same = self.ssrc == packet.ssrc && now < self.heard + QUIET;
        match ahead {
            1..=GAP if same => (self.row, self.sequence) = (self.row + 1, packet.sequence),
            0 | 0xFFF0.. if same => {}
            _ => *self = Candidate::new(self.address, packet, now),
        }
        self.heard = now;
    }
}

impl Latch {
    pub fn new(mode: Latching) -> Latch {
        Latch { mode, offered: None, locked: None, candidates: Vec::new() }
    }

    /// A session description came. Another address in it unlocks; on hold (`None`) the lock stays.
    pub fn renegotiate(&mut self, offered: Option<SocketAddr>) {
        if offered.is_some() && offered != self.offered {
            self.offered = offered;
            self.locked = None;
            self.candidates.clear();
        }
    }

    /// Judges a packet that has passed as RTP of this call.
    pub fn admit(&mut self, from: SocketAddr, packet: &Arrived, now: Instant) -> Verdict {
        let offered = self.offered == Some(from);
        let unknown = match &mut self.locked {
            Some(lock) if lock.address == from => {
                lock.heard = now;
                return Verdict::Known;
            }
            Some(lock) if !offered || lock.holds(now) => return Verdict::Refused,
            Some(_) => false,
            // Noise is too cheap to forge, and says nothing of what was agreed on.
            None if packet.content == Content::ComfortNoise => return Verdict::Refused,
            None if !offered && self.mode == Latching::Offered => return Verdict::Refused,
            None => !offered,
        };
        if unknown && self.row_of(from, packet, now) < ROW {
            return Verdict::Waits;
        }
        self.locked = Some(Lock { address: from, since: now, heard: now });
        self.candidates.clear();
        Verdict::Latched
    }

    /// How many packets this address has sent in a row, with this one.
    fn row_of(&mut self, from: SocketAddr, packet: &Arrived, now: Instant) -> u32 {
        if let Some(known) = self.candidates.iter_mut().find(|known| known.address == from) {
            known.count(packet, now);
            return known.row;
        }
        if self.candidates.len() >= CANDIDATES {
            // However many addresses a stranger has, the caller's row is longer or fresher than most of theirs.
            self.candidates.sort_by_key(|known| std::cmp::Reverse((known.row, known.heard)));
            self.candidates.pop();
        }
        self.candidates.push(Candidate::new(from, packet, now));
        1
    }

    /// Where to send: to the other side; while that is not known, to who is most likely it.
    pub fn destination(&self) -> Option<SocketAddr> {
        let likely = || self.candidates.iter().max_by_key(|c| (c.row, c.heard)).map(|c| c.address);
        self.locked.as_ref().map(|lock| lock.address).or_else(likely).or(self.offered)
    }

    /// The other side: locked, or as it was offered.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.locked.as_ref().map(|lock| lock.address).or(self.offered)
    }

    /// The one address that can pass [`Latch::admit`] now, if it is only one.
    pub fn filter(&self, now: Instant) -> Option<SocketAddr> {
        let lock = self.locked.as_ref()?;
        (self.offered == Some(lock.address) || lock.holds(now)).then_some(lock.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn packet(content: Content, ssrc: u32, sequence: u16) -> Arrived<'static> {
        Arrived { ssrc, sequence, timestamp: 1, marker: false, content, payload: b"" }
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    /// A latch that was offered port 1, and the streams that come to it.
    struct Bench {
        latch: Latch,
        start: Instant,
        sequence: u16,
    }

    impl Bench {
        fn new(mode: Latching) -> Bench {
            let mut latch = Latch::new(mode);
            latch.renegotiate(Some(at(1)));
            Bench { latch, start: start(), sequence: 65_534 }
        }

        fn later(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        /// The next audio from `port`, `ms` after the start; each port has a stream of its own.
        fn admit(&mut self, port: u16, ms: u64) -> Verdict {
            self.sequence = self.sequence.wrapping_add(1);
            let packet = packet(Content::Audio, port.into(), self.sequence);
            self.latch.admit(at(port), &packet, self.later(ms))
        }

        /// A whole row from `port`.
        fn lock(&mut self, port: u16, ms: u64) {
            let verdicts = [ms, ms + 20, ms + 40].map(|ms| self.admit(port, ms));
            assert_eq!(verdicts, [Verdict::Waits, Verdict::Waits, Verdict::Latched]);
        }
    }

    #[test]
    fn the_first_source_with_a_row_of_packets_is_locked_and_strangers_are_refused() {
        let mut bench = Bench::new(Latching::FirstSource);
        assert_eq!(bench.latch.destination(), Some(at(1)));
        bench.lock(9, 0);
        assert_eq!(bench.admit(9, 60), Verdict::Known);
        assert_eq!(bench.admit(8, 60), Verdict::Refused);
        assert_eq!(bench.latch.destination(), Some(at(9)));
    }

    #[test]
    fn one_packet_of_a_stranger_takes_no_call_over() {
        let mut bench = Bench::new(Latching::FirstSource);
        assert_eq!(bench.admit(7, 0), Verdict::Waits);
        assert_eq!(bench.latch.peer(), Some(at(1)));
        // The caller hears us from the first packet on, and is heard with the third.
        assert_eq!(bench.admit(9, 500), Verdict::Waits);
        assert_eq!(bench.latch.destination(), Some(at(9)));
        assert_eq!(bench.admit(9, 520), Verdict::Waits);
        // Strangers in between change nothing, not even many of them.
        for stranger in 10..30 {
            assert_eq!(bench.admit(stranger, 530), Verdict::Waits);
        }
        assert_eq!(bench.latch.destination(), Some(at(9)));
        assert_eq!(bench.admit(9, 540), Verdict::Latched);
        assert_eq!(bench.admit(7, 560), Verdict::Refused);
    }

    #[test]
    fn copies_other_streams_and_packets_far_apart_make_no_row() {
        let mut bench = Bench::new(Latching::FirstSource);
        let mut admit = |ssrc, sequence, ms| {
            let now = bench.later(ms);
            bench.latch.admit(at(9), &packet(Content::Audio, ssrc, sequence), now)
        };
        for (ssrc, sequence, ms) in
            [(1, 5, 0), (1, 5, 1), (1, 5, 2), (2, 6, 3), (3, 7, 4), (3, 900, 5), (3, 901, 2100)]
        {
            assert_eq!(admit(ssrc, sequence, ms), Verdict::Waits, "{sequence} of {ssrc}");
        }
        assert_eq!(admit(3, 903, 2120), Verdict::Waits, "one is lost");
        assert_eq!(admit(3, 902, 2130), Verdict::Waits, "or comes late");
        assert_eq!(admit(3, 904, 2140), Verdict::Latched);
    }

    #[test]
    fn the_offered_address_wins_over_a_stranger_who_was_first() {
        let mut bench = Bench::new(Latching::FirstSource);
        bench.lock(9, 0);
        assert_eq!(bench.admit(1, 60), Verdict::Latched);
        assert_eq!(bench.admit(9, 80), Verdict::Refused);
        let mut bench = Bench::new(Latching::FirstSource);
        bench.admit(9, 0);
        assert_eq!(bench.admit(1, 20), Verdict::Latched, "its first packet is enough");
    }

    #[test]
    fn a_settled_lock_is_the_kernels_filter_until_it_falls_silent() {
        let mut bench = Bench::new(Latching::FirstSource);
        bench.lock(9, 0);
        assert_eq!(bench.latch.filter(bench.later(60)), None);
        bench.admit(9, 2100);
        assert_eq!(bench.latch.filter(bench.later(2101)), Some(at(9)));
        assert_eq!(bench.admit(1, 2200), Verdict::Refused);
        assert_eq!(bench.latch.filter(bench.later(4100)), None);
        assert_eq!(bench.admit(8, 4200), Verdict::Refused);
        assert_eq!(bench.admit(1, 4200), Verdict::Latched);
        assert_eq!(bench.latch.filter(bench.later(4200)), Some(at(1)));
    }

    #[test]
    fn a_new_address_in_the_description_unlocks_and_hold_does_not() {
        let mut bench = Bench::new(Latching::FirstSource);
        bench.lock(9, 0);
        bench.latch.renegotiate(None);
        bench.latch.renegotiate(Some(at(1)));
        assert_eq!(bench.latch.destination(), Some(at(9)));
        bench.latch.renegotiate(Some(at(2)));
        assert_eq!(bench.latch.destination(), Some(at(2)));
        bench.lock(7, 9000);
    }

    #[test]
    fn without_latching_only_the_offered_address_is_heard() {
        let mut bench = Bench::new(Latching::Offered);
        assert_eq!(bench.admit(9, 0), Verdict::Refused);
        assert_eq!(bench.admit(1, 0), Verdict::Latched);
    }

    #[test]
    fn comfort_noise_does_not_lock() {
        let mut bench = Bench::new(Latching::FirstSource);
        let noise = packet(Content::ComfortNoise, 1, 1);
        assert_eq!(bench.latch.admit(at(9), &noise, bench.start), Verdict::Refused);
    }
}
