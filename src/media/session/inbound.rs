//! What comes from the other side: counted, put in order, decoded where someone listens, searched for keys.

use std::time::{Duration, Instant};

use crate::media::inband::Detector;
use crate::media::jitter::{Buffer, FRAME, Popped, Report, Statistics};
use crate::media::telephone_event::Receiver;
use crate::media::{Codec, LegStats, SAMPLE_RATE};

use super::packet::{Arrived, Content};

/// The receiving half of a session.
pub struct Inbound {
    ssrc: Option<u32>,
    received: u64,
    statistics: Statistics,
    /// Present while someone listens: nothing is decoded for nobody.
    order: Option<Buffer>,
    samples: Vec<i16>,
    events: Receiver,
    tones: Option<Box<Detector>>,
    /// When a packet last came, or was first due.
    last: Option<Instant>,
    /// The silence has been told.
    silent: bool,
    /// The missing first packet has been told.
    missed: bool,
}

impl Default for Inbound {
    fn default() -> Inbound {
        Inbound {
            ssrc: None,
            received: 0,
            statistics: Statistics::new(SAMPLE_RATE),
            order: None,
            samples: Vec::new(),
            events: Receiver::default(),
            tones: None,
            last: None,
            silent: false,
            missed: false,
        }
    }
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

    /// Whether audio is kept from here on, or at least searched for keys.
    pub fn listen(&mut self, keep: bool) {
        match keep || self.tones.is_some() {
            true => drop(self.order.get_or_insert_default()),
            false => self.order = None,
        }
    }

    /// Forgets audio that came before now.
    pub fn listen_anew(&mut self) {
        self.order = Some(Buffer::default());
    }

    /// Takes in a packet of this call and returns the key that it tells first.
    pub fn receive(&mut self, packet: &Arrived, codec: Codec, now: Instant) -> Option<char> {
        if self.ssrc.replace(packet.ssrc).is_some_and(|before| before != packet.ssrc) {
            self.statistics.restart();
            self.order.iter_mut().for_each(Buffer::restart);
        }
        self.received += 1;
        self.expect_packets(now);
        self.statistics.count(packet.sequence);
        match packet.content {
            Content::Audio => {
                self.statistics.arrived(packet.timestamp, now);
                self.order(packet, codec, now);
                None
            }
            Content::TelephoneEvent => {
                self.events.push(packet.payload, packet.timestamp, packet.marker, now)
            }
            Content::ComfortNoise => None,
        }
    }

    fn order(&mut self, packet: &Arrived, codec: Codec, now: Instant) {
        if let Some(order) = &mut self.order {
            self.samples.clear();
            codec.decode(packet.payload, &mut self.samples);
            order.push(packet.sequence, packet.timestamp, &self.samples, now);
        }
    }

    /// The next 20 ms of audio whose turn has come, and the keys heard as tones in it.
    pub fn poll_audio(
        &mut self,
        now: Instant,
        frame: &mut [i16; FRAME],
        found: impl FnMut(char),
    ) -> Option<Popped> {
        let popped = self.order.as_mut()?.pop(now, frame)?;
        if let Some(tones) = &mut self.tones {
            tones.push(frame, found);
        }
        Some(popped)
    }

    /// The next 20 ms of what still waits for an earlier packet.
    pub fn flush_audio(&mut self, frame: &mut [i16; FRAME]) -> Option<Popped> {
        self.order.as_mut()?.flush(frame)
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

    /// What to report of the stream that is heard.
    pub fn report(&mut self) -> Option<Report> {
        self.statistics.report()
    }

    /// Figures of what was received.
    pub fn stats(&self) -> LegStats {
        LegStats {
            packets_received: self.received,
            packets_lost: self.statistics.missing(),
            jitter_ms: self.statistics.jitter_ms(),
            ..LegStats::default()
        }
    }
}
