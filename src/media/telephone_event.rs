//! Keys as RTP events (RFC 4733): told once each, however many packets carry them.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// The keys by event number (RFC 4733 section 3.2).
const KEYS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];
/// The longest duration a packet can state, in ticks; a longer event goes on in a new segment.
const FULL_SEGMENT: u16 = 0xFFFF;
/// Bytes of an event in a packet.
const PAYLOAD_LEN: usize = 4;
/// Packets of one event follow each other within this time, even with one or two lost.
const SAME_EVENT: Duration = Duration::from_millis(150);

/// What one packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Report {
    key: char,
    end: bool,
    /// Ticks since the packet's timestamp; never 0.
    duration: u16,
}

impl Report {
    /// `None` for what is no key: too short, another event (fax tones, hook flash), or duration 0, which a
    /// key cannot have (RFC 4733 section 2.3.5).
    fn parse(payload: &[u8]) -> Option<Report> {
        let &[event, flags, high, low] = payload.get(..PAYLOAD_LEN)? else { return None };
        let key = *KEYS.get(usize::from(event))?;
        let duration = u16::from_be_bytes([high, low]);
        (duration > 0).then_some(Report { key, end: flags & 0x80 != 0, duration })
    }
}

/// An event that has been told.
#[derive(Clone, Copy, Debug)]
struct Told {
    timestamp: u32,
    key: char,
    duration: u16,
    ended: bool,
    /// When its latest packet came.
    at: Instant,
}

/// The receiving side of one stream.
///
/// A key is told with the first packet of its event that comes, whichever that is. The sender has already
/// made sure that it is a key, so waiting for 40 ms of it would win nothing and cost the caller 40 ms before
/// the prompt stops; and a lost end needs no timer, since nothing waits for it.
///
/// The clock of the events plays no part: durations are only compared with each other.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    /// The latest events, newest first: late packets of the one before the last are still known.
    told: [Option<Told>; 4],
}

impl Receiver {
    /// Takes one packet of the telephone-event payload type; returns the key if this packet is its first.
    pub fn push(
        &mut self,
        payload: &[u8],
        timestamp: u32,
        marker: bool,
        now: Instant,
    ) -> Option<char> {
        let report = Report::parse(payload)?;
        let known = self.told.iter_mut().flatten().find(|told| told.timestamp == timestamp);
        if let Some(told) = known.filter(|told| told.key == report.key) {
            told.duration = told.duration.max(report.duration);
            told.ended |= report.end;
            told.at = now;
            return None;
        }
        let told = Told {
            timestamp,
            key: report.key,
            duration: report.duration,
            ended: report.end,
            at: now,
        };
        if let Some(last) = &mut self.told[0]
            && !marker
            && last.goes_on_in(&told)
        {
            *last = told;
            return None;
        }
        self.told.rotate_right(1);
        self.told[0] = Some(told);
        Some(report.key)
    }
}

impl Told {
    /// Whether `next`, which has another timestamp and no marker, is the same press.
    fn goes_on_in(&self, next: &Told) -> bool {
        if self.key != next.key || next.at.saturating_duration_since(self.at) > SAME_EVENT {
            return false;
        }
        if self.ended {
            // Phones that move the timestamp on with each packet do so in the repeated end too.
            return next.ended && next.duration == self.duration;
        }
        let advance = next.timestamp.wrapping_sub(self.timestamp);
        let full = u32::from(FULL_SEGMENT);
        let next_segment = advance == full || advance == full + 1;
        // The same phones: the duration grows with the timestamp, which no new press does.
        let growth = next.duration.saturating_sub(self.duration);
        next_segment || advance <= u32::from(growth)
    }
}

/// One packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    pub payload: [u8; PAYLOAD_LEN],
    pub timestamp: u32,
    pub marker: bool,
}

/// The packets of one key, in order, one to be sent each 20 ms: the start with the marker, updates, and the
/// end three times (RFC 4733 section 2.5.1).
#[derive(Clone, Debug)]
pub struct Sender {
    event: u8,
    /// Of the segment.
    timestamp: u32,
    /// Ticks of 20 ms.
    step: u32,
    /// Ticks since the segment's timestamp, as the last packet told.
    elapsed: u32,
    /// Ticks from the segment's timestamp to the end.
    length: u32,
    started: bool,
    ends_left: u8,
}

impl Sender {
    /// The time between two packets.
    pub const INTERVAL: Duration = Duration::from_millis(20);
    /// -10 dBm0.
    const VOLUME: u8 = 10;

    /// A press of `key` that begins at `timestamp` and lasts `length`, at `clock` Hz; `None` if it is no key.
    pub fn new(key: char, timestamp: u32, clock: u32, length: Duration) -> Option<Sender> {
        let key = key.to_ascii_uppercase();
        let event = KEYS.iter().position(|&k| k == key)? as u8;
        let ticks = |time: Duration| {
            u32::try_from(time.as_micros() * u128::from(clock) / 1_000_000).unwrap_or(u32::MAX)
        };
        Some(Sender {
            event,
            timestamp,
            step: ticks(Self::INTERVAL).max(1),
            elapsed: 0,
            length: ticks(length).max(1),
            started: false,
            ends_left: 3,
        })
    }
}

impl Iterator for Sender {
    type Item = EventPacket;

    fn next(&mut self) -> Option<EventPacket> {
        if self.ends_left == 0 {
            return None;
        }
        let full = u32::from(FULL_SEGMENT);
        if self.elapsed == full && self.length > full {
            self.timestamp = self.timestamp.wrapping_add(full);
            self.length -= full;
            self.elapsed = 0;
        }
        self.elapsed = self.elapsed.saturating_add(self.step).min(self.length).min(full);
        let end = self.elapsed == self.length;
        if end {
            self.ends_left -= 1;
        }
        let [high, low] = (self.elapsed as u16).to_be_bytes();
        let flags = if end { 0x80 | Self::VOLUME } else { Self::VOLUME };
        let marker = !std::mem::replace(&mut self.started, true);
        Some(EventPacket {
            payload: [self.event, flags, high, low],
            timestamp: self.timestamp,
            marker,
        })
    }
}
