//! The RTP header, read and written in place.

use rtp::header::Header;
use webrtc_util::marshal::{Marshal, Unmarshal};

use crate::media::Negotiated;

/// Bytes of the header without CSRCs and extension: all that we ever write.
pub const HEADER: usize = 12;

/// Comfort noise (RFC 3389): a sign of life, nothing to hear.
const COMFORT_NOISE: u8 = 13;

/// What a packet carries, by the payload types of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Audio,
    TelephoneEvent,
    ComfortNoise,
}

/// A packet that has passed as RTP of this call.
#[derive(Debug)]
pub struct Arrived<'a> {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub content: Content,
    pub payload: &'a [u8],
}

impl<'a> Arrived<'a> {
    /// Reads a datagram; `None` if it is no RTP of version 2, is cut short, or carries what was not agreed on.
    pub fn parse(datagram: &'a [u8], agreed: &Negotiated) -> Option<Arrived<'a>> {
        let mut fixed: [u8; HEADER] = datagram.get(..HEADER)?.try_into().ok()?;
        let flags = fixed[0];
        // CSRCs and extensions are stepped over here: the crate allocates for them, and panics on a lying length.
        fixed[0] = flags & 0b1100_0000;
        let header = Header::unmarshal(&mut &fixed[..]).ok()?;
        if header.version != 2 {
            return None;
        }
        let content = content(header.payload_type, agreed)?;
        Some(Arrived {
            ssrc: header.ssrc,
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            content,
            payload: payload(datagram, flags)?,
        })
    }
}

fn content(payload_type: u8, agreed: &Negotiated) -> Option<Content> {
    if payload_type == agreed.payload_type {
        Some(Content::Audio)
    } else if agreed
        .telephone_event
        .is_some_and(|event| [event.payload_type, event.offered].contains(&payload_type))
    {
        Some(Content::TelephoneEvent)
    } else {
        (payload_type == COMFORT_NOISE).then_some(Content::ComfortNoise)
    }
}

/// What lies between CSRCs, extension and padding (RFC 3550 sections 5.1 and 5.3.1).
fn payload(datagram: &[u8], flags: u8) -> Option<&[u8]> {
    let mut rest = datagram.get(HEADER + 4 * usize::from(flags & 0x0F)..)?;
    if flags & 0x10 != 0 {
        let words = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
        rest = rest.get(4 + 4 * usize::from(words)..)?;
    }
    if flags & 0x20 != 0 {
        let padding = usize::from(*rest.last()?);
        rest = rest.get(..rest.len().checked_sub(padding)?)?;
    }
    Some(rest)
}

/// Writes `header` at the start of `out`; the payload follows at [`HEADER`].
pub fn write(header: &Header, out: &mut [u8]) -> Option<()> {
    header.marshal_to(out).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::{Codec, Direction, TelephoneEvent};

    fn agreed() -> Negotiated {
        Negotiated {
            remote: None,
            remote_rtcp: None,
            codec: Codec::Pcma,
            payload_type: 8,
            telephone_event: Some(TelephoneEvent { payload_type: 101, offered: 101, clock: 8000 }),
            direction: Direction::SendRecv,
            ptime: 20,
        }
    }

    #[test]
    fn csrcs_extension_and_padding_are_stepped_over() {
        let mut packet = vec![0x80 | 0x20 | 0x10 | 2, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([9; 8]);
        packet.extend([0xBE, 0xDE, 0, 1, 0xFF, 1, 2, 3]);
        packet.extend(*b"audio");
        packet.extend([0, 0, 3]);
        let arrived = Arrived::parse(&packet, &agreed()).unwrap();
        assert_eq!(arrived.payload, b"audio");
        assert_eq!((arrived.sequence, arrived.timestamp, arrived.ssrc), (1, 2, 3));
    }

    #[test]
    fn only_the_agreed_payload_types_and_comfort_noise_pass() {
        let content = |payload_type| {
            let packet = [0x80, payload_type, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
            Arrived::parse(&packet, &agreed()).map(|arrived| arrived.content)
        };
        assert_eq!(content(8), Some(Content::Audio));
        assert_eq!(content(101), Some(Content::TelephoneEvent));
        assert_eq!(content(13), Some(Content::ComfortNoise));
        assert_eq!(content(0), None);
    }

    #[test]
    fn keys_come_by_the_answers_number_and_by_the_offers() {
        let event = TelephoneEvent { payload_type: 96, offered: 101, clock: 8000 };
        let agreed = Negotiated { telephone_event: Some(event), ..agreed() };
        for payload_type in [96, 101] {
            let packet = [0x80, payload_type, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
            let arrived = Arrived::parse(&packet, &agreed).expect("both are taken");
            assert_eq!(arrived.content, Content::TelephoneEvent);
        }
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_strange(datagram in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Arrived::parse(&datagram, &agreed());
        }

        #[test]
        fn a_header_with_lying_lengths_is_no_packet(flags in 0x80u8..0xC0, rest in proptest::collection::vec(any::<u8>(), 10..40)) {
            let datagram = [&[flags, 8], &rest[..]].concat();
            if let Some(arrived) = Arrived::parse(&datagram, &agreed()) {
                prop_assert!(arrived.payload.len() <= datagram.len() - HEADER);
            }
        }
    }
}
