//! Whose packets are heard, and where ours go: symmetric RTP (RFC 4961) with a lock against strangers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Latching;
use super::packet::{Arrived, Content};

/// How long after a lock on another address the offered one may still claim the call: a stranger who was first
/// loses it again to a caller who is reached as he said.
const SETTLES: Duration = Duration::from_secs(2);

/// Silence after which the offered address may take the call over.
const QUIET: Duration = Duration::from_secs(2);

/// What to do with a packet from some address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Refused,
    Known,
    /// From here on this is the other side.
    Latched,
}

/// The address of the other side as far as it is known.
pub struct Latch {
    mode: Latching,
    offered: Option<SocketAddr>,
    locked: Option<Lock>,
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

impl Latch {
    pub fn new(mode: Latching) -> Latch {
        Latch { mode, offered: None, locked: None }
    }

    /// A session description came. Another address in it unlocks; on hold (`None`) the lock stays.
    pub fn renegotiate(&mut self, offered: Option<SocketAddr>) {
        if offered.is_some() && offered != self.offered {
            self.offered = offered;
            self.locked = None;
        }
    }

    /// Judges a packet that has passed as RTP of this call.
    pub fn admit(&mut self, from: SocketAddr, packet: &Arrived, now: Instant) -> Verdict {
        let offered = self.offered == Some(from);
        match &mut self.locked {
            Some(lock) if lock.address == from => {
                lock.heard = now;
                return Verdict::Known;
            }
            Some(lock) if !offered || lock.holds(now) => return Verdict::Refused,
            Some(_) => {}
            // Noise is too cheap to forge, and says nothing of what was agreed on.
            None if packet.content == Content::ComfortNoise => return Verdict::Refused,
            None if self.mode == Latching::Offered && !offered => return Verdict::Refused,
            None => {}
        }
        self.locked = Some(Lock { address: from, since: now, heard: now });
        Verdict::Latched
    }

    /// Where to send.
    pub fn destination(&self) -> Option<SocketAddr> {
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

    fn packet(content: Content) -> Arrived<'static> {
        Arrived { ssrc: 1, sequence: 1, timestamp: 1, marker: false, content, payload: b"" }
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    /// A latch that was offered port 1 and what it says to audio from `port`, `ms` after the start.
    fn latch(mode: Latching) -> (Latch, impl Fn(&mut Latch, u16, u64) -> Verdict, Instant) {
        let mut latch = Latch::new(mode);
        latch.renegotiate(Some(at(1)));
        let start = start();
        let admit = move |latch: &mut Latch, port, ms| {
            latch.admit(at(port), &packet(Content::Audio), start + Duration::from_millis(ms))
        };
        (latch, admit, start)
    }

    #[test]
    fn the_first_source_is_locked_and_strangers_are_refused() {
        let (mut latch, admit, _) = latch(Latching::FirstSource);
        assert_eq!(latch.destination(), Some(at(1)));
        assert_eq!(admit(&mut latch, 9, 0), Verdict::Latched);
        assert_eq!(admit(&mut latch, 9, 20), Verdict::Known);
        assert_eq!(admit(&mut latch, 8, 20), Verdict::Refused);
        assert_eq!(latch.destination(), Some(at(9)));
    }

    #[test]
    fn the_offered_address_wins_over_a_stranger_who_was_first() {
        let (mut latch, admit, _) = latch(Latching::FirstSource);
        admit(&mut latch, 9, 0);
        assert_eq!(admit(&mut latch, 1, 40), Verdict::Latched);
        assert_eq!(admit(&mut latch, 9, 60), Verdict::Refused);
    }

    #[test]
    fn a_settled_lock_is_the_kernels_filter_until_it_falls_silent() {
        let (mut latch, admit, start) = latch(Latching::FirstSource);
        admit(&mut latch, 9, 0);
        let later = |ms| start + Duration::from_millis(ms);
        assert_eq!(latch.filter(later(20)), None);
        admit(&mut latch, 9, 2000);
        assert_eq!(latch.filter(later(2001)), Some(at(9)));
        assert_eq!(admit(&mut latch, 1, 2100), Verdict::Refused);
        assert_eq!(latch.filter(later(4000)), None);
        assert_eq!(admit(&mut latch, 8, 4100), Verdict::Refused);
        assert_eq!(admit(&mut latch, 1, 4100), Verdict::Latched);
        assert_eq!(latch.filter(later(4100)), Some(at(1)));
    }

    #[test]
    fn a_new_address_in_the_description_unlocks_and_hold_does_not() {
        let (mut latch, admit, _) = latch(Latching::FirstSource);
        admit(&mut latch, 9, 0);
        latch.renegotiate(None);
        latch.renegotiate(Some(at(1)));
        assert_eq!(latch.destination(), Some(at(9)));
        latch.renegotiate(Some(at(2)));
        assert_eq!(latch.destination(), Some(at(2)));
        assert_eq!(admit(&mut latch, 7, 9000), Verdict::Latched);
    }

    #[test]
    fn without_latching_only_the_offered_address_is_heard() {
        let (mut latch, admit, _) = latch(Latching::Offered);
        assert_eq!(admit(&mut latch, 9, 0), Verdict::Refused);
        assert_eq!(admit(&mut latch, 1, 0), Verdict::Latched);
    }

    #[test]
    fn comfort_noise_does_not_lock() {
        let (mut latch, _, start) = latch(Latching::FirstSource);
        assert_eq!(latch.admit(at(9), &packet(Content::ComfortNoise), start), Verdict::Refused);
    }
}
