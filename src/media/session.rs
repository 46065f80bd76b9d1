//! One call's RTP (RFC 3550, 3551): datagrams and time in, datagrams, events and samples out. No socket, no clock.
//!
//! The owner calls [`Session::handle_packet`] with what came, [`Session::poll_transmit`] when a packet may be due,
//! then drains [`Session::poll_recording`] and [`Session::poll_event`]. Nothing is allocated for a packet.
//! While the other side may hear us it gets a packet in every interval, silence included: many NATs, gateways and
//! RTP timeouts depend on a stream that never stops.

mod inbound;
mod latch;
mod outbound;
mod packet;
mod recording;
mod reports;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::media::jitter::FRAME;
use crate::media::{
    Clip, Direction, LegEvent, LegStats, Negotiated, PlayTag, RecordEnd, RecordSpec,
};
use inbound::Inbound;
use latch::Latch;
use outbound::Outbound;
use packet::Arrived;
use recording::Recording;
pub use recording::RecordingStep;
use reports::Reports;

/// How long a call may stay without its first packet before that is counted as a fault of the network.
const FIRST_PACKET: Duration = Duration::from_secs(5);

/// Whose packets a call listens to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latching {
    /// The first address that sends a row of valid packets, then only that one: callers behind NAT are heard.
    #[default]
    FirstSource,
    /// Only the address in the session description: safest where every trunk is reached without NAT.
    Offered,
}

/// What a session is told by the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub latching: Latching,
    /// Silence on the line that ends in [`LegEvent::RtpTimeout`]; `None`: never.
    pub rtp_timeout: Option<Duration>,
    /// Whether keys are heard as tones in the audio where no telephone-event was agreed.
    pub inband_digits: bool,
}

/// Where a stream starts: chosen at random by the owner (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

/// One call's RTP.
pub struct Session {
    settings: Settings,
    agreed: Option<Negotiated>,
    latch: Latch,
    inbound: Inbound,
    outbound: Outbound,
    reports: Reports,
    recording: Option<Recording>,
    /// Hears everything as well.
    ear: Option<UnboundedSender<Vec<i16>>>,
    steps: VecDeque<RecordingStep>,
    events: VecDeque<LegEvent>,
    /// Since when a packet has been due from the other side; `None` while none is (before the answer, on hold).
    listening: Option<Instant>,
    refused: u64,
    digits: u32,
}

impl Session {
    /// A session that neither sends nor listens until [`Session::connect`].
    pub fn new(settings: Settings, start: Start) -> Session {
        Session {
            settings,
            agreed: None,
            latch: Latch::new(settings.latching),
            inbound: Inbound::default(),
            outbound: Outbound::new(start),
            reports: Reports::new(start),
            recording: None,
            ear: None,
            steps: VecDeque::new(),
            events: VecDeque::new(),
            listening: None,
            refused: 0,
            digits: 0,
        }
    }

    /// Takes over what two session descriptions agreed on: at the answer, and at every later one (hold, resume, a
    /// new address). A new address unlocks the latch.
    pub fn connect(&mut self, mut agreed: Negotiated, now: Instant) {
        agreed.ptime = agreed.ptime.clamp(10, 60);
        self.latch.renegotiate(agreed.remote);
        // Whoever holds us (we may only receive) may play music, or nothing at all.
        let hears = agreed.remote.is_some() && agreed.direction == Direction::SendRecv;
        self.listening = hears.then(|| self.listening.unwrap_or(now));
        self.inbound.expect_packets(now);
        self.inbound.want_tones(self.settings.inband_digits && agreed.telephone_event.is_none());
        self.inbound.listen(self.recording.is_some() || self.ear.is_some());
        self.agreed = Some(agreed);
    }

    /// Plays `clips` without a gap between them, in place of what is playing. A playback that was replaced or
    /// stopped does not tell its end.
    pub fn play(&mut self, tag: PlayTag, clips: Vec<Arc<Clip>>) {
        self.outbound.play(tag, clips);
    }

    /// The next packet carries silence.
    pub fn stop_playing(&mut self) {
        self.outbound.stop_playing();
    }

    /// Starts a recording; one that runs ends as stopped. Samples are kept after what is playing and the beep
    /// have been sent, if there is a beep; else at once. `buffer` gathers them.
    pub fn record(&mut self, mut spec: RecordSpec, buffer: Vec<i16>, now: Instant) {
        self.stop_recording(now);
        let beep = spec.beep.take();
        let mut recording = Recording::new(&spec, buffer);
        self.steps.push_back(RecordingStep::Open { tag: spec.tag, path: spec.path });
        match beep {
            Some(beep) => self.outbound.beep(beep),
            None => recording.keep_from(now),
        }
        self.recording = Some(recording);
        self.inbound.listen_anew();
    }

    /// Ends the recording that runs, if any.
    pub fn stop_recording(&mut self, now: Instant) {
        self.take_rest(now);
        self.end_recording(RecordEnd::Stopped);
    }

    /// Queues keys to be sent as telephone-events (RFC 4733); dropped where none were agreed.
    pub fn send_digits(&mut self, digits: &str) {
        self.outbound.send_digits(digits);
    }

    /// Gives everything heard from now on to `ear` as well.
    pub fn listen(&mut self, ear: UnboundedSender<Vec<i16>>) {
        self.ear = Some(ear);
        self.inbound.listen(true);
    }

    /// Takes in a datagram from the RTP port. Anything may be in it, from anyone.
    pub fn handle_packet(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let Some(agreed) = &self.agreed else { return self.refused += 1 };
        let Some(arrived) = Arrived::parse(datagram, agreed) else { return self.refused += 1 };
        match self.latch.admit(from, &arrived, now) {
            latch::Verdict::Refused => return self.refused += 1,
            latch::Verdict::Waits => return,
            latch::Verdict::Latched => self.events.push_back(LegEvent::Latched(from)),
            latch::Verdict::Known => {}
        }
        if let Some(digit) = self.inbound.receive(&arrived, agreed.codec, now) {
            self.tell_digit(digit);
        }
        self.take_audio(now);
    }

    /// Takes in a datagram from the RTCP port. Only the other side of this call is listened to.
    pub fn handle_rtcp(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let peer = self.latch.peer().map(|peer| peer.ip());
        let offered = self.agreed.as_ref().and_then(|agreed| agreed.remote_rtcp);
        if peer != Some(from.ip()) && offered != Some(from) {
            self.refused += 1;
        } else if self.reports.handle(from, datagram, self.inbound.ssrc(), now) {
            self.events.push_back(LegEvent::RtcpBye);
        }
    }

    /// Does what time alone brings about: timeouts, the passing of a recording in which nothing comes.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.take_audio(now);
        self.pass_time(now);
        if let (Some(_), Some(timeout)) = (self.listening, self.settings.rtp_timeout)
            && self.inbound.falls_silent(timeout, now)
        {
            self.events.push_back(LegEvent::RtpTimeout);
        }
    }

    /// Writes the packet that is due, if one is, and returns its length. Call it at least every 5 ms or so around
    /// the packet interval; after a stall at most two packets follow at once and the timestamps tell the gap.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<usize> {
        let agreed = self.agreed.as_ref()?;
        let length = self.outbound.poll(agreed, now, out);
        if let Some(tag) = self.outbound.take_ended() {
            self.events.push_back(LegEvent::PlayEnded(tag));
        }
        if self.outbound.take_beeped()
            && let Some(recording) = &mut self.recording
        {
            recording.keep_from(now);
            self.inbound.listen_anew();
        }
        length
    }

    /// Writes the RTCP report that is due, if one is. `ntp` is the wall clock as RFC 3550 section 4 has it.
    pub fn poll_rtcp(&mut self, now: Instant, ntp: u64) -> Option<(SocketAddr, Bytes)> {
        let to = self.rtcp_destination()?;
        Some((to, self.reports.poll(&self.outbound, &mut self.inbound, now, ntp)?))
    }

    /// Ends everything: the recording is closed, and the RTCP BYE to send comes back.
    pub fn close(&mut self, now: Instant, ntp: u64) -> Option<(SocketAddr, Bytes)> {
        self.take_rest(now);
        self.end_recording(RecordEnd::Closed);
        let to = self.rtcp_destination()?;
        Some((to, self.reports.bye(&self.outbound, &mut self.inbound, now, ntp)?))
    }

    /// What the recorder should do next. `spare` is asked for an empty buffer when one is handed over.
    pub fn poll_recording(&mut self, spare: impl FnOnce() -> Vec<i16>) -> Option<RecordingStep> {
        if let Some(step) = self.steps.pop_front() {
            return Some(step);
        }
        self.recording.as_mut()?.full_chunk(spare).map(RecordingStep::Samples)
    }

    /// What the call should know.
    pub fn poll_event(&mut self) -> Option<LegEvent> {
        self.events.pop_front()
    }

    /// Where RTP goes: to the latched address, before that to the likeliest, or to the offered one.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.latch.destination()
    }

    /// The only address that the kernel needs to let through; `None` while others may be right too.
    pub fn filter(&self, now: Instant) -> Option<SocketAddr> {
        self.latch.filter(now)
    }

    /// Whether the call has gone without any packet for too long after its start. True once.
    pub fn misses_first_packet(&mut self, now: Instant) -> bool {
        let waited = self.listening.is_some_and(|since| now >= since + FIRST_PACKET);
        waited && self.inbound.never_came()
    }

    /// Figures of the whole leg so far.
    pub fn stats(&self) -> LegStats {
        LegStats {
            packets_sent: self.outbound.packets(),
            digits: self.digits,
            packets_refused: self.refused,
            ..self.inbound.stats()
        }
    }

    fn rtcp_destination(&self) -> Option<SocketAddr> {
        let agreed = self.agreed.as_ref()?;
        let peer = self.latch.peer()?;
        // Behind NAT the offered RTCP address is as wrong as the RTP one; answer where its reports come from.
        let guessed = || SocketAddr::new(peer.ip(), peer.port().saturating_add(1));
        let offered = agreed.remote_rtcp.filter(|_| agreed.remote == Some(peer));
        Some(self.reports.source().or(offered).unwrap_or_else(guessed))
    }

    fn tell_digit(&mut self, digit: char) {
        self.digits += 1;
        self.events.push_back(LegEvent::Digit(digit));
    }

    /// Moves audio that has come into its order to whoever listens.
    fn take_audio(&mut self, now: Instant) {
        let mut frame = [0; FRAME];
        let (events, digits) = (&mut self.events, &mut self.digits);
        let mut found = |digit| {
            *digits += 1;
            events.push_back(LegEvent::Digit(digit));
        };
        let mut ended = None;
        while let Some(popped) = self.inbound.poll_audio(now, &mut frame, &mut found) {
            if let Some(ear) = &self.ear {
                // Nobody listens any more when this fails.
                let _ = ear.send(frame.to_vec());
            }
            let recording = self.recording.as_mut().filter(|_| ended.is_none());
            ended = ended.or(recording.and_then(|recording| recording.hear(popped, &mut frame)));
        }
        if let Some(ended_by) = ended {
            self.end_recording(ended_by);
        }
    }

    /// Keeps what still waits for an earlier packet: none is coming any more.
    fn take_rest(&mut self, now: Instant) {
        if self.recording.is_none() {
            return;
        }
        self.take_audio(now);
        let mut frame = [0; FRAME];
        while let Some(popped) = self.inbound.flush_audio(&mut frame) {
            let Some(recording) = &mut self.recording else { break };
            if let Some(ended_by) = recording.hear(popped, &mut frame) {
                self.end_recording(ended_by);
            }
        }
    }

    fn pass_time(&mut self, now: Instant) {
        let ended = self.recording.as_mut().and_then(|recording| recording.pass(now));
        if let Some(ended_by) = ended {
            self.end_recording(ended_by);
        }
    }

    fn end_recording(&mut self, ended_by: RecordEnd) {
        if let Some(recording) = self.recording.take() {
            self.outbound.drop_beep();
            self.inbound.listen(self.ear.is_some());
            let (rest, speech) = recording.finish();
            self.steps.push_back(RecordingStep::Samples(rest));
            self.steps.push_back(RecordingStep::Close { ended_by, speech });
        }
    }
}

#[cfg(test)]
mod tests;
