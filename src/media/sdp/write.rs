//! From what was settled to text.

use sdp_types::{Attribute, Connection, Media, Origin, Rtcp, RtpMap, Session};

use super::read::Events;
use super::{Direction, Local, Negotiated, SAMPLE_RATE};

/// The payload type of telephone-event in our offers; what most of the world uses.
const OFFERED_EVENTS: Events = Events { payload_type: 101, clock: SAMPLE_RATE, mask: u16::MAX };

/// A whole description.
pub(super) fn session(local: &Local, medias: Vec<Media>) -> String {
    let origin = Origin::with_ip_addr(local.session_id, local.version, local.address);
    let mut session = Session::new(origin, "-");
    session.set_connection(Connection::from_ip_addr(local.address));
    session.medias = medias;
    let mut bytes = Vec::new();
    session.write(&mut bytes).expect("writing to memory does not fail");
    String::from_utf8(bytes).expect("every field of a Session is text")
}

/// The stream that is taken: one codec, events, packet length, direction.
pub(super) fn answered(
    offered: &Media,
    local: &Local,
    negotiated: &Negotiated,
    events: Option<Events>,
) -> Media {
    let formats = vec![(negotiated.payload_type, super::encoding_name(negotiated.codec))];
    let media = stream(&offered.proto, local, &formats, events);
    finish(media, negotiated.ptime, negotiated.direction)
}

/// The stream of our own offers.
pub(super) fn offered(local: &Local) -> Media {
    let format = |&c| (super::static_payload_type(c), super::encoding_name(c));
    let formats: Vec<_> = local.codecs.iter().map(format).collect();
    let events = local.telephone_event.then_some(OFFERED_EVENTS);
    finish(stream("RTP/AVP", local, &formats, events), 20, Direction::SendRecv)
}

/// A stream that is not taken: kept in its place with port 0 (RFC 3264 section 6). One format is enough, and
/// keeps the answer within a datagram.
pub(super) fn declined(offered: &Media) -> Media {
    let format = offered.fmt.split(' ').next().unwrap_or_default();
    media(&offered.media, 0, &offered.proto, format.to_owned())
}

fn stream(proto: &str, local: &Local, formats: &[(u8, &str)], events: Option<Events>) -> Media {
    let numbers = formats.iter().map(|(pt, _)| *pt).chain(events.map(|e| e.payload_type));
    let numbers: Vec<String> = numbers.map(|pt| pt.to_string()).collect();
    let mut media = media("audio", local.port, proto, numbers.join(" "));
    for &(payload_type, name) in formats {
        media.add_attribute(RtpMap::new(payload_type, name, SAMPLE_RATE));
    }
    if let Some(events) = events {
        media.add_attribute(RtpMap::new(events.payload_type, "telephone-event", events.clock));
        let list = format!("{} {}", events.payload_type, event_list(events.mask));
        media.add_attribute_with_value("fmtp", list);
    }
    if let Some(port) = local.rtcp_port.filter(|&port| Some(port) != local.port.checked_add(1)) {
        media.add_attribute(Rtcp::with_port(port));
    }
    media
}

fn finish(mut media: Media, ptime: u8, direction: Direction) -> Media {
    media.add_attribute_with_value("ptime", ptime);
    media.add_attribute(Attribute::new(match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }));
    media
}

fn media(kind: &str, port: u16, proto: &str, fmt: String) -> Media {
    Media {
        media: kind.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

/// `0-15`, or `0,2-3`: the bits of `mask` as RFC 4733 section 2.4.1 writes them.
fn event_list(mask: u16) -> String {
    let has = |event: u32| event < 16 && mask >> event & 1 == 1;
    let starts = (0..16).filter(|&event| has(event) && (event == 0 || !has(event - 1)));
    let ranges = starts.map(|first| {
        let last = first + (mask >> first).trailing_ones() - 1;
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    });
    ranges.collect::<Vec<_>>().join(",")
}

/// The `sess-version` of a description's o= line.
pub(super) fn version(sdp: &str) -> Option<u64> {
    let origin = sdp.lines().find(|line| line.starts_with("o="))?;
    origin.split(' ').nth(2)?.parse().ok()
}

/// The description with another `sess-version`.
pub(super) fn with_version(sdp: &str, version: u64) -> String {
    let rewrite = |line: &str| {
        if !line.starts_with("o=") {
            return line.to_owned();
        }
        let mut fields: Vec<&str> = line.split(' ').collect();
        let version = version.to_string();
        if let Some(field) = fields.get_mut(2) {
            *field = &version;
        }
        fields.join(" ")
    };
    sdp.split_inclusive('\n').map(rewrite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_list_is_written_as_ranges() {
        assert_eq!(event_list(0xFFFF), "0-15");
        assert_eq!(event_list(0x0FFF), "0-11");
        assert_eq!(event_list(0b1000_0000_0000_1101), "0,2-3,15");
        assert_eq!(event_list(0), "");
    }
}
