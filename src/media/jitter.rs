//! placeholder
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Statistics {
    base: Option<u64>,
    highest: u64,
    received: u64,
    jitter: f64,
    transit: Option<(u32, Instant)>,
    reported: (u64, u64),
}
impl Statistics {
    pub fn observe(&mut self, sequence: u16, timestamp: u32, arrival: Instant) {
        let extended = match self.base {
            None => u64::from(sequence) + 65536,
            Some(_) => {
                let delta = sequence.wrapping_sub(self.highest as u16) as i16;
                self.highest.wrapping_add_signed(i64::from(delta))
            }
        };
        self.base.get_or_insert(extended);
        self.highest = self.highest.max(extended);
        self.received += 1;
        if let Some((ts, at)) = self.transit.replace((timestamp, arrival)) {
            let spread = (arrival - at).as_secs_f64() * 8000.0
                - f64::from(timestamp.wrapping_sub(ts) as i32);
            self.jitter += (spread.abs() - self.jitter) / 16.0;
        }
    }
    fn expected(&self) -> u64 {
        self.base.map_or(0, |base| self.highest - base + 1)
    }
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }
    pub fn jitter(&self) -> f64 {
        self.jitter
    }
    pub fn highest(&self) -> u32 {
        self.highest as u32
    }
    pub fn fraction_lost(&mut self) -> u8 {
        let (expected, received) = (self.expected(), self.received);
        let (e, r) = std::mem::replace(&mut self.reported, (expected, received));
        let (e, r) = (expected - e, received - r);
        if e == 0 || r >= e { 0 } else { ((e - r) * 256 / e) as u8 }
    }
}

struct Slot {
    sequence: u16,
    timestamp: u32,
    arrival: Instant,
    payload: Vec<u8>,
}
#[derive(Default)]
pub struct Reorder {
    next: Option<u16>,
    held: Vec<Slot>,
}
impl Reorder {
    pub fn push(&mut self, sequence: u16, timestamp: u32, payload: &[u8], arrival: Instant) {
        let late = self.next.is_some_and(|n| (sequence.wrapping_sub(n) as i16) < 0);
        if late || self.held.iter().any(|s| s.sequence == sequence) {
            return;
        }
        self.held.push(Slot { sequence, timestamp, arrival, payload: payload.to_vec() });
        self.held.sort_by_key(|s| s.sequence.wrapping_sub(self.next.unwrap_or(sequence)));
    }
    pub fn pop(&mut self, now: Instant) -> Option<(u32, Vec<u8>)> {
        let first = self.held.first()?;
        let due = self.next.is_none_or(|n| n == first.sequence)
            || self.held.len() >= 8
            || self.held.iter().any(|s| now - s.arrival >= Duration::from_millis(60));
        due.then(|| {
            let slot = self.held.remove(0);
            self.next = Some(slot.sequence.wrapping_add(1));
            (slot.timestamp, slot.payload)
        })
    }
}
