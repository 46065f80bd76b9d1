//! What goes to the other side: prompts, keys, silence, one packet after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtp::header::Header;

use crate::media::telephone_event::Sender;
use crate::media::{Clip, Codec, Direction, Negotiated, PlayTag, SAMPLE_RATE, TelephoneEvent};

use super::Start;
use super::packet::{self, HEADER};

/// How early a packet may leave: the owner's ticks are a little uneven.
const EARLY: Duration = Duration::from_millis(3);

/// How long a key is held: well over the 40 ms that count as a key.
const KEY_LENGTH: Duration = Duration::from_millis(120);

/// Packets that may follow each other at once after a stall.
const BURST: u32 = 2;

/// The sending half of a session.
pub struct Outbound {
    header: Header,
    due: Option<Instant>,
    playing: Option<Playlist>,
    ended: Option<PlayTag>,
    beep: Option<Playlist>,
    beeped: bool,
    keys: VecDeque<char>,
    key: Option<Sender>,
    packets: u64,
    octets: u64,
}

/// Clips that follow each other without a gap.
struct Playlist {
    tag: PlayTag,
    clips: Vec<Arc<Clip>>,
    clip: usize,
    offset: usize,
}

impl Playlist {
    fn new(tag: PlayTag, clips: Vec<Arc<Clip>>) -> Playlist {
        Playlist { tag, clips, clip: 0, offset: 0 }
    }

    /// Copies what comes next into `out`, across the borders of clips; returns how much that was.
    fn fill(&mut self, codec: Codec, out: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(clip) = self.clips.get(self.clip) {
            let rest = clip.bytes(codec).get(self.offset..).unwrap_or_default();
            let taken = rest.len().min(out.len() - filled);
            out[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            if taken < rest.len() {
                self.offset += taken;
                break;
            }
            (self.clip, self.offset) = (self.clip + 1, 0);
        }
        filled
    }

    fn is_over(&self) -> bool {
        self.clip >= self.clips.len()
    }
}

impl Outbound {
    pub fn new(start: Start) -> Outbound {
        let header = Header {
            version: 2,
            // The first packet begins a talkspurt.
            marker: true,
            ssrc: start.ssrc,
            sequence_number: start.sequence,
            timestamp: start.timestamp,
            ..Header::default()
        };
        Outbound {
            header,
            due: None,
            playing: None,
            ended: None,
            beep: None,
            beeped: false,
            keys: VecDeque::new(),
            key: None,
            packets: 0,
            octets: 0,
        }
    }

    pub fn play(&mut self, tag: PlayTag, clips: Vec<Arc<Clip>>) {
        self.playing = Some(Playlist::new(tag, clips));
        self.ended = None;
    }

    pub fn stop_playing(&mut self) {
        self.playing = None;
        self.ended = None;
    }

    /// Plays `clip` after what is playing; [`Outbound::take_beeped`] tells when it is sent.
    pub fn beep(&mut self, clip: Arc<Clip>) {
        self.beep = Some(Playlist::new(0, vec![clip]));
    }

    pub fn drop_beep(&mut self) {
        self.beep = None;
        self.beeped = false;
    }

    pub fn send_digits(&mut self, digits: &str) {
        self.keys.extend(digits.chars());
    }

    /// The playback that has just been sent to its end. Told once.
    pub fn take_ended(&mut self) -> Option<PlayTag> {
        self.ended.take()
    }

    /// Whether the beep has just been sent to its end. Told once.
    pub fn take_beeped(&mut self) -> bool {
        std::mem::take(&mut self.beeped)
    }

    /// Packets sent so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of payload sent so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The timestamp of the next packet.
    pub fn timestamp(&self) -> u32 {
        self.header.timestamp
    }

    pub fn ssrc(&self) -> u32 {
        self.header.ssrc
    }

    /// Writes the packet that is due at `now`, if one is and may be sent.
    pub fn poll(&mut self, agreed: &Negotiated, now: Instant, out: &mut [u8]) -> Option<usize> {
        let samples = u32::from(agreed.ptime) * SAMPLE_RATE / 1000;
        if !self.falls_due(Duration::from_millis(agreed.ptime.into()), samples, now) {
            return None;
        }
        if agreed.remote.is_none() || !sends(agreed.direction) {
            self.header.marker = true;
            self.header.timestamp = self.header.timestamp.wrapping_add(samples);
            return None;
        }
        let length = self.write(agreed, samples, out)?;
        self.header.timestamp = self.header.timestamp.wrapping_add(samples);
        self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        self.header.marker = false;
        self.packets += 1;
        self.octets += (length - HEADER) as u64;
        Some(length)
    }

    /// Keeps the pace. After a stall the timestamps go on as if packets had been sent, the prompt does not: what
    /// the caller has not heard still comes.
    fn falls_due(&mut self, interval: Duration, samples: u32, now: Instant) -> bool {
        let mut due = *self.due.get_or_insert(now);
        if now + EARLY < due {
            return false;
        }
        let owed = ((now + EARLY - due).as_micros() / interval.as_micros().max(1)) as u32 + 1;
        if let Some(skipped @ 1..) = owed.checked_sub(BURST) {
            due += interval * skipped;
            self.header.timestamp =
                self.header.timestamp.wrapping_add(samples.wrapping_mul(skipped));
            self.header.marker = true;
        }
        self.due = Some(due + interval);
        true
    }

    fn write(&mut self, agreed: &Negotiated, samples: u32, out: &mut [u8]) -> Option<usize> {
        if let Some(event) = agreed.telephone_event
            && let Some(length) = self.write_key(event, out)
        {
            return Some(length);
        }
        let end = HEADER + samples as usize;
        self.fill(agreed.codec, out.get_mut(HEADER..end)?);
        self.header.payload_type = agreed.payload_type;
        packet::write(&self.header, out)?;
        Some(end)
    }

    /// Prompt, then beep, then silence: whatever is at hand, without a gap within the packet.
    fn fill(&mut self, codec: Codec, out: &mut [u8]) {
        let mut filled = 0;
        if let Some(playing) = &mut self.playing {
            filled += playing.fill(codec, out);
            if playing.is_over() {
                self.ended = Some(playing.tag);
                self.playing = None;
            }
        }
        if self.playing.is_none()
            && let Some(beep) = &mut self.beep
        {
            filled += beep.fill(codec, &mut out[filled..]);
            if beep.is_over() {
                self.beep = None;
                self.beeped = true;
            }
        }
        out[filled..].fill(codec.silence());
    }

    /// The next packet of a key. Its timestamp is that of the key's start (RFC 4733 section 2.5.1.2).
    fn write_key(&mut self, event: TelephoneEvent, out: &mut [u8]) -> Option<usize> {
        let next = loop {
            if let Some(packet) = self.key.as_mut().and_then(Iterator::next) {
                break packet;
            }
            let key = self.keys.pop_front()?;
            self.key = Sender::new(key, self.header.timestamp, event.clock, KEY_LENGTH);
        };
        let header = Header {
            marker: next.marker,
            payload_type: event.payload_type,
            timestamp: next.timestamp,
            ..self.header.clone()
        };
        packet::write(&header, out)?;
        let end = HEADER + next.payload.len();
        out.get_mut(HEADER..end)?.copy_from_slice(&next.payload);
        Some(end)
    }
}

fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
}
