//! What comes from the other side: counted, put in order, decoded where someone listens, searched for keys.

use std::time::{Duration, Instant};

use crate::media::inband::Detector;
use crate::media::jitter::{Reorder, Statistics};
use crate::media::telephone_event::Receiver;
use crate::media::{Codec, LegStats, SAMPLE_RATE};

use super::packet::{Arrived, Content};

/// Decoded audio, next in its order.
pub struct Audio<'a> {
    /// RTP timestamp of the first sample.
    pub timestamp: u32,
    pub samples: &'a [i16],
    /// A key heard as tones in it.
    pub digit: Option<char>,
}

/// The receiving half of a session.
#[derive(Default)]
pub struct Inbound {
    ssrc: Option<u32>,
    received: u64,
    /// Lost in streams before the present SSRC.
    lost_before: u64,
    statistics: Statistics,
    order: Reorder,
    events: Receiver,
    tones: Option<Box<Detector>>,
    samples: Vec<i16>,
    /// When a packet last came, or was first due.
    last: Option<Instant>,
    /// The silence has been told.
    silent: bool,
    /// The missing first packet has been told.
    missed: bool,
}

impl Inbound {
    /// From `now` on a packet is due: time on hold is no silence.
    pub fn expect_packets(&mut self, now: Instant) {
        self.last = Some(now);
        self.silent = false;
    }

    /// Whether to search the audio for keys.
    pub fn want_tones(&mut self, want: bool) {
        match want {
            true => drop(self.tones.get_or_insert_default()),
            false => self.tones = None,
        }
    }

    /// Takes in a packet of this call and returns the key that it tells first; its audio is put in order if it is to be kept or searched.
    pub fn receive(&mut self, packet: &Arrived, keep: bool, now: Instant) -> Option<char> {
        if self.ssrc.replace(packet.ssrc) != Some(packet.ssrc) {
            self.restart();
        }
        self.received += 1;
        self.expect_packets(now);
        // The timestamp of an event is that of its start: no measure of jitter.
        self.statistics.observe(packet.sequence, packet.timestamp, now);
        if keep || self.tones.is_some() {
            let audio = if packet.content == Content::Audio { packet.payload } else { &[] };
            self.order.push(packet.sequence, packet.timestamp, audio, now);
        }
        if packet.content != Content::TelephoneEvent {
            return None;
        }
        self.events.push(packet.payload, packet.timestamp, packet.marker, now)
    }

    /// Another stream in the same call: its numbers have nothing to do with the old ones.
    fn restart(&mut self) {
        self.lost_before += self.statistics.lost();
        self.statistics = Statistics::default();
        self.order = Reorder::default();
    }

    /// The next audio whose turn has come.
    pub fn poll_audio(&mut self, codec: Codec, now: Instant) -> Option<Audio<'_>> {
        let (timestamp, payload) = self.order.pop(now)?;
        self.samples.clear();
        codec.decode(&payload, &mut self.samples);
        let mut digit = None;
        if let Some(tones) = &mut self.tones {
            tones.push(&self.samples, |key| digit = Some(key));
        }
        Some(Audio { timestamp, samples: &self.samples, digit })
    }

    /// Whether nothing has come for `timeout`. True once for each silence.
    pub fn falls_silent(&mut self, timeout: Duration, now: Instant) -> bool {
        let quiet = self.last.is_some_and(|last| now >= last + timeout);
        quiet && !std::mem::replace(&mut self.silent, true)
    }

    /// Whether no packet has come in the whole call. True once.
    pub fn never_came(&mut self) -> bool {
        self.received == 0 && !std::mem::replace(&mut self.missed, true)
    }

    /// The stream that is heard.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// RFC 3550 A.3 and A.8, for reports.
    pub fn statistics(&mut self) -> &mut Statistics {
        &mut self.statistics
    }

    /// Figures of what was received.
    pub fn stats(&self) -> LegStats {
        LegStats {
            packets_received: self.received,
            packets_lost: self.lost_before + self.statistics.lost(),
            jitter_ms: (self.statistics.jitter() * 1000.0 / f64::from(SAMPLE_RATE)) as f32,
            ..LegStats::default()
        }
    }
}
