//! A token bucket for each source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Sources watched at once. Beyond it newcomers share one bucket, so that a flood of forged addresses
/// costs neither memory nor those already known.
const MOST: usize = 4096;
/// How often full buckets are thrown out.
const SWEEP: Duration = Duration::from_secs(1);

/// Token buckets by source address, in bounded memory. An IPv6 source is its /64: whoever has one address has them all.
#[derive(Debug)]
pub struct Limiter {
    rate: f64,
    burst: f64,
    buckets: HashMap<IpAddr, Bucket>,
    crowd: Option<Bucket>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Limiter {
    /// `rate` datagrams a second in the long run, `burst` at once.
    pub fn new(rate: f64, burst: u32) -> Limiter {
        Limiter { rate, burst: f64::from(burst), buckets: HashMap::new(), crowd: None, swept: None }
    }

    /// Whether a datagram from `source` may pass at `now`.
    pub fn allow(&mut self, source: IpAddr, now: Instant) -> bool {
        let full = Bucket { tokens: self.burst, filled: now };
        let source = network(source);
        if self.buckets.len() >= MOST && !self.buckets.contains_key(&source) {
            self.sweep(now);
        }
        let room = self.buckets.len() < MOST || self.buckets.contains_key(&source);
        let bucket = if room {
            self.buckets.entry(source).or_insert(full)
        } else {
            self.crowd.get_or_insert(full)
        };
        bucket.fill(self.rate, self.burst, now);
        bucket.take()
    }

    /// Forgets the sources whose buckets have filled up again: they are as good as new.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|last| now.saturating_duration_since(last) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        let (rate, burst) = (self.rate, self.burst);
        self.buckets.retain(|_, bucket| {
            bucket.fill(rate, burst, now);
            bucket.tokens < burst
        });
    }
}

impl Bucket {
    fn fill(&mut self, rate: f64, burst: f64, now: Instant) {
        let idle = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + idle * rate).min(burst);
        self.filled = self.filled.max(now);
    }

    fn take(&mut self) -> bool {
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do, and only the clock makes one")]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn allowed(limiter: &mut Limiter, source: &str, now: Instant, tries: usize) -> usize {
        let source = source.parse().unwrap();
        (0..tries).filter(|_| limiter.allow(source, now)).count()
    }

    #[test]
    fn a_source_has_its_burst_and_then_its_rate() {
        let mut limiter = Limiter::new(10.0, 5);
        let start = Instant::now();
        assert_eq!(allowed(&mut limiter, "10.0.0.1", start, 20), 5);
        assert_eq!(allowed(&mut limiter, "10.0.0.2", start, 20), 5);
        assert_eq!(allowed(&mut limiter, "10.0.0.1", start + Duration::from_millis(300), 20), 3);
        assert_eq!(allowed(&mut limiter, "10.0.0.1", start + Duration::from_secs(3600), 20), 5);
    }

    #[test]
    fn a_64_network_is_one_source_and_a_mapped_address_is_its_v4() {
        let mut limiter = Limiter::new(1.0, 2);
        let now = Instant::now();
        assert_eq!(allowed(&mut limiter, "2001:db8::1", now, 1), 1);
        assert_eq!(allowed(&mut limiter, "2001:db8::2", now, 9), 1);
        assert_eq!(allowed(&mut limiter, "2001:db8:0:1::2", now, 9), 2);
        assert_eq!(allowed(&mut limiter, "::ffff:10.0.0.1", now, 1), 1);
        assert_eq!(allowed(&mut limiter, "10.0.0.1", now, 9), 1);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_memory_and_leaves_the_known_alone() {
        let mut limiter = Limiter::new(10.0, 2);
        let start = Instant::now();
        assert_eq!(allowed(&mut limiter, "192.0.2.1", start, 1), 1);
        let passed = (0..100_000u32)
            .filter(|n| limiter.allow(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n)), start))
            .count();
        assert_eq!(limiter.buckets.len(), MOST);
        assert_eq!(passed, MOST - 1 + 2);
        assert_eq!(allowed(&mut limiter, "192.0.2.1", start, 9), 1);
        let later = start + Duration::from_secs(2);
        assert_eq!(allowed(&mut limiter, "198.51.100.1", later, 9), 2);
        assert!(limiter.buckets.len() < 3, "the flood is forgotten");
    }
}
