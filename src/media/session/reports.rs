//! RTCP (RFC 3550 section 6): what we report, and the BYE and sender reports that we read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtcp::goodbye::Goodbye;
use rtcp::header::{Header, PacketType};
use rtcp::packet::Packet;
use rtcp::receiver_report::ReceiverReport;
use rtcp::reception_report::ReceptionReport;
use rtcp::sender_report::SenderReport;
use rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use webrtc_util::marshal::Unmarshal;

use super::Start;
use super::inbound::Inbound;
use super::outbound::Outbound;

/// How often a report is sent (RFC 3550 section 6.2: at least 5 s apart).
const INTERVAL: Duration = Duration::from_secs(5);

/// Bytes of the header of each packet in a compound.
const HEADER: usize = 4;

/// The RTCP of one call.
pub struct Reports {
    /// Moves this call's reports within the interval, so that calls answered together do not report together.
    offset: Duration,
    due: Option<Instant>,
    name: Bytes,
    /// Packets we had sent at the last report.
    reported: u64,
    /// Where the other side's reports come from.
    source: Option<SocketAddr>,
    /// The middle of the NTP time in the last sender report, and when it came.
    last_report: Option<(u32, Instant)>,
}

impl Reports {
    pub fn new(start: Start) -> Reports {
        Reports {
            offset: Duration::from_millis(u64::from(start.ssrc) % INTERVAL.as_millis() as u64),
            due: None,
            // A name of this session only, as RFC 7022 section 4.2 advises.
            name: format!("{:08x}{:04x}", start.ssrc, start.sequence).into(),
            reported: 0,
            source: None,
            last_report: None,
        }
    }

    /// Where the other side's reports come from.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Reads a datagram; returns whether it says that the other side's stream `ssrc` has ended. Whatever else or
    /// broken it holds is passed over.
    pub fn handle(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        ssrc: Option<u32>,
        now: Instant,
    ) -> bool {
        let mut rest = datagram;
        let mut ended = false;
        while let Some((kind, packet, next)) = split(rest) {
            self.source = Some(from);
            match kind {
                PacketType::SenderReport => self.note_report(packet, now),
                PacketType::Goodbye => ended |= ends(packet, ssrc),
                _ => {}
            }
            rest = next;
        }
        ended
    }

    fn note_report(&mut self, mut packet: &[u8], now: Instant) {
        if let Ok(report) = SenderReport::unmarshal(&mut packet) {
            self.last_report = Some(((report.ntp_time >> 16) as u32, now));
        }
    }

    /// The report that is due, if one is.
    pub fn poll(
        &mut self,
        outbound: &Outbound,
        inbound: &mut Inbound,
        now: Instant,
        ntp: u64,
    ) -> Option<Bytes> {
        let due = *self.due.get_or_insert(now + self.offset);
        if now < due {
            return None;
        }
        self.due = Some(now + INTERVAL);
        marshal(&[self.report(outbound, inbound, now, ntp), self.description(outbound)])
    }

    /// The compound that ends our stream.
    pub fn bye(
        &mut self,
        outbound: &Outbound,
        inbound: &mut Inbound,
        now: Instant,
        ntp: u64,
    ) -> Option<Bytes> {
        let bye = Goodbye { sources: vec![outbound.ssrc()], reason: Bytes::new() };
        let report = self.report(outbound, inbound, now, ntp);
        marshal(&[report, self.description(outbound), Box::new(bye)])
    }

    fn report(
        &mut self,
        outbound: &Outbound,
        inbound: &mut Inbound,
        now: Instant,
        ntp: u64,
    ) -> Box<dyn Packet + Send + Sync> {
        let reports: Vec<ReceptionReport> = self.reception(inbound, now).into_iter().collect();
        let before = std::mem::replace(&mut self.reported, outbound.packets());
        if before == self.reported {
            return Box::new(ReceiverReport {
                ssrc: outbound.ssrc(),
                reports,
                ..ReceiverReport::default()
            });
        }
        Box::new(SenderReport {
            ssrc: outbound.ssrc(),
            ntp_time: ntp,
            rtp_time: outbound.timestamp(),
            packet_count: outbound.packets() as u32,
            octet_count: outbound.octets() as u32,
            reports,
            ..SenderReport::default()
        })
    }

    fn reception(&self, inbound: &mut Inbound, now: Instant) -> Option<ReceptionReport> {
        let ssrc = inbound.ssrc()?;
        let report = inbound.report()?;
        let (last_sender_report, delay) =
            self.last_report.map_or((0, 0), |(middle, at)| (middle, delay(now, at)));
        Some(ReceptionReport {
            ssrc,
            fraction_lost: report.fraction_lost,
            // The crate has no negative ones.
            total_lost: report.cumulative_lost.max(0) as u32,
            last_sequence_number: report.extended_highest,
            jitter: report.jitter,
            last_sender_report,
            delay,
        })
    }

    fn description(&self, outbound: &Outbound) -> Box<dyn Packet + Send + Sync> {
        let name =
            SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: self.name.clone() };
        let chunk = SourceDescriptionChunk { source: outbound.ssrc(), items: vec![name] };
        Box::new(SourceDescription { chunks: vec![chunk] })
    }
}

/// In 1/65536 s (RFC 3550 section 6.4.1).
fn delay(now: Instant, since: Instant) -> u32 {
    (now.saturating_duration_since(since).as_micros() * 65_536 / 1_000_000) as u32
}

fn marshal(packets: &[Box<dyn Packet + Send + Sync>]) -> Option<Bytes> {
    rtcp::packet::marshal(packets).ok()
}

/// The first packet of a compound, whole, and what follows it.
fn split(datagram: &[u8]) -> Option<(PacketType, &[u8], &[u8])> {
    // The crate's own walk hands every kind of packet to its parser; only three kinds are needed and trusted.
    let header = Header::unmarshal(&mut datagram.get(..HEADER)?).ok()?;
    let length = HEADER + 4 * usize::from(header.length);
    Some((header.packet_type, datagram.get(..length)?, &datagram[length..]))
}

fn ends(mut packet: &[u8], ssrc: Option<u32>) -> bool {
    Goodbye::unmarshal(&mut packet)
        .is_ok_and(|bye| bye.sources.iter().any(|source| Some(*source) == ssrc))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Start = Start { ssrc: 0xABCD, sequence: 7, timestamp: 0 };

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn now() -> Instant {
        Instant::now()
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4001))
    }

    fn goodbye(ssrc: u32) -> Bytes {
        let report = ReceiverReport { ssrc, ..ReceiverReport::default() };
        let bye = Goodbye { sources: vec![ssrc], reason: Bytes::from_static(b"done") };
        marshal(&[Box::new(report), Box::new(bye)]).unwrap()
    }

    #[test]
    fn the_bye_of_the_stream_that_is_heard_is_told_and_no_other() {
        let mut reports = Reports::new(START);
        assert!(reports.handle(peer(), &goodbye(5), Some(5), now()));
        assert!(!reports.handle(peer(), &goodbye(5), Some(6), now()));
        assert!(!reports.handle(peer(), &goodbye(5), None, now()));
    }

    #[test]
    fn reports_come_every_five_seconds_and_refer_to_the_last_one_heard() {
        let (mut reports, mut inbound) = (Reports::new(START), Inbound::default());
        let outbound = Outbound::new(START);
        let start = now();
        let heard = SenderReport { ssrc: 5, ntp_time: 0x1_2345_6789_0000, ..Default::default() };
        reports.handle(peer(), &marshal(&[Box::new(heard)]).unwrap(), Some(5), start);

        let at = |seconds| start + Duration::from_secs(seconds);
        let mut sent = Vec::new();
        for second in 0..=15 {
            sent.extend(reports.poll(&outbound, &mut inbound, at(second), 0));
        }
        assert_eq!(sent.len(), 3, "4 s after the start, then every five");
        let packets = rtcp::packet::unmarshal(&mut sent[0].clone()).unwrap();
        assert_eq!(packets[0].as_any().downcast_ref::<ReceiverReport>().unwrap().ssrc, 0xABCD);
        let name = packets[1].as_any().downcast_ref::<SourceDescription>().unwrap();
        assert_eq!(name.chunks[0].items[0].text, "0000abcd0007");
        assert_eq!(reports.last_report, Some((0x2345_6789, start)));
        assert_eq!(delay(at(2), start), 2 << 16);
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_strange(datagram in proptest::collection::vec(any::<u8>(), 0..80)) {
            Reports::new(START).handle(peer(), &datagram, Some(1), now());
        }

        #[test]
        fn no_report_or_bye_is_too_strange(
            kind in 200u8..=203, count in 0x80u8..0xA0, words in 0u8..20,
            body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let datagram = [&[count, kind, 0, words], &body[..]].concat();
            Reports::new(START).handle(peer(), &datagram, Some(1), now());
        }
    }
}
