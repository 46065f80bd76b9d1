//! From text to the one stream that matters.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use sdp_types::{Connection, Media, ParserError, Rtcp, RtpMap, Session};

use super::{Codec, Direction, Local, MAX_BYTES, Rejected, SAMPLE_RATE};

/// The payload type above which RTP has no numbers.
const MAX_PAYLOAD_TYPE: u8 = 127;
/// Milliseconds a packet that we can send, the shortest first.
const PTIMES: [u8; 4] = [10, 20, 30, 40];
const DEFAULT_PTIME: u8 = 20;

/// An audio stream that this side can carry.
#[derive(Clone, Debug)]
pub(super) struct Audio {
    pub port: u16,
    /// `None` when the port is 0 or the address unspecified: a hold.
    pub remote: Option<SocketAddr>,
    pub remote_rtcp: Option<SocketAddr>,
    /// The first common codec, under the payload type that the other side gave it.
    pub codec: Codec,
    pub payload_type: u8,
    /// All common codecs, in the other side's order.
    pub codecs: Vec<Codec>,
    pub events: Vec<Events>,
    /// As the other side states it.
    pub direction: Direction,
    pub ptime: u8,
}

impl Audio {
    /// The telephone-event whose clock is the codec's (RFC 4733 section 2.1 wants no other), else the first.
    pub fn best_events(&self) -> Option<Events> {
        let useful = self.events.iter().filter(|e| e.mask != 0);
        useful.min_by_key(|e| e.clock != SAMPLE_RATE).copied()
    }
}

/// One telephone-event payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Events {
    pub payload_type: u8,
    pub clock: u32,
    /// Bit n: event n of the DTMF events 0 to 15.
    pub mask: u16,
}

/// Parses what can be read of a description.
pub(super) fn parse(text: &str) -> Result<Session, Rejected> {
    if text.len() > MAX_BYTES {
        return Err(Rejected::TooLarge);
    }
    Session::parse(repair(text)?.as_bytes()).map_err(|error| match error {
        ParserError::InvalidVersion(..) | ParserError::MultipleVersions(_) => Rejected::Version,
        _ => Rejected::Unreadable,
    })
}

/// Leaves the lines that an answer depends on: c=, a= and m=, under a v= line. Whatever else a gateway gets
/// wrong (missing or doubled o=, s= and t=, lines that are no `x=value`, NULs, stray blanks) is then no
/// reason to lose a call.
fn repair(text: &str) -> Result<String, Rejected> {
    let mut repaired = String::with_capacity(text.len() + 8);
    repaired.push_str("v=0\r\n");
    let mut in_media = false;
    let mut has_connection = false;
    for line in text.split(['\r', '\n']) {
        let line: String = line.chars().filter(|&c| c == '\t' || !c.is_control()).collect();
        let words: Vec<&str> = line.split_whitespace().collect();
        let line = words.join(" ");
        match line.split_at_checked(2) {
            Some(("v=", version)) if version.trim() != "0" => return Err(Rejected::Version),
            Some(("m=", _)) => in_media = true,
            Some(("c=", _)) if in_media => {}
            Some(("c=", _)) if !has_connection => has_connection = true,
            Some(("a=", _)) => {}
            _ => continue,
        }
        let (key, value) = line.split_at(2);
        repaired.extend([key, value.trim_start(), "\r\n"]);
    }
    Ok(repaired)
}

/// Reads `media` as audio that `local` can carry. [`Rejected::NoAudio`] if it is no audio at all.
pub(super) fn audio(session: &Session, media: &Media, local: &Local) -> Result<Audio, Rejected> {
    if !media.media.eq_ignore_ascii_case("audio") {
        return Err(Rejected::NoAudio);
    }
    check_transport(&media.proto)?;

    let maps = rtpmaps(media);
    let formats = payload_types(media);
    let common: Vec<(u8, Codec)> = formats
        .iter()
        .filter_map(|&pt| Some((pt, codec(pt, maps.get(&pt))?)))
        .filter(|(_, codec)| local.codecs.contains(codec))
        .collect();
    let &(payload_type, codec) = common.first().ok_or(Rejected::NoCommonCodec)?;

    let remote = remote(session, media, local.address)?;
    Ok(Audio {
        port: media.port,
        remote,
        remote_rtcp: remote.and_then(|rtp| rtcp(media, rtp)),
        codec,
        payload_type,
        codecs: common.into_iter().map(|(_, codec)| codec).collect(),
        events: formats.iter().filter_map(|pt| events(media, maps.get(pt)?)).collect(),
        direction: direction(session, media),
        ptime: ptime(session, media),
    })
}

/// RTP/AVPF (RFC 4585) is carried like RTP/AVP: sending feedback is never a duty.
fn check_transport(proto: &str) -> Result<(), Rejected> {
    let proto = proto.to_ascii_uppercase();
    match proto.as_str() {
        "RTP/AVP" | "RTP/AVPF" => Ok(()),
        _ if proto.contains("SAVP") => Err(Rejected::Encrypted),
        _ => Err(Rejected::Transport),
    }
}

/// The payload types of the m= line, in order; what is no number is passed over, and so is one that is written in another
/// way than the answer would write it (`00`): the answer names formats of the offer (RFC 3264 section 6.1).
fn payload_types(media: &Media) -> Vec<u8> {
    media
        .fmt
        .split_whitespace()
        .filter_map(|format| format.parse().ok().filter(|pt: &u8| pt.to_string() == format))
        .filter(|&pt| pt <= MAX_PAYLOAD_TYPE)
        .collect()
}

fn rtpmaps(media: &Media) -> HashMap<u8, RtpMap> {
    let mut maps = HashMap::new();
    for value in media.get_attribute_values("rtpmap").flatten() {
        if let Ok(map) = RtpMap::from_str(value.trim()) {
            maps.entry(map.payload_type).or_insert(map);
        }
    }
    maps
}

fn codec(payload_type: u8, map: Option<&RtpMap>) -> Option<Codec> {
    let all = [Codec::Pcma, Codec::Pcmu];
    let Some(map) = map else {
        return all.into_iter().find(|&c| super::static_payload_type(c) == payload_type);
    };
    let mono = map.encoding_params.as_deref().is_none_or(|channels| channels == "1");
    let named = |c: &Codec| map.encoding_name.eq_ignore_ascii_case(super::encoding_name(*c));
    all.into_iter().find(named).filter(|_| mono && map.clock_rate == SAMPLE_RATE)
}

fn events(media: &Media, map: &RtpMap) -> Option<Events> {
    let is_events = map.encoding_name.eq_ignore_ascii_case("telephone-event");
    if !is_events || map.clock_rate == 0 {
        return None;
    }
    let mask = media
        .get_attribute_values("fmtp")
        .flatten()
        .filter_map(|fmtp| fmtp.trim().split_once(' '))
        .find(|(pt, _)| pt.parse() == Ok(map.payload_type))
        .map_or(u16::MAX, |(_, list)| event_mask(list));
    Some(Events { payload_type: map.payload_type, clock: map.clock_rate, mask })
}

/// The DTMF part of an event list such as `0-11,66` (RFC 4733 section 2.4.1). A list that cannot be read
/// counts as none given: events 0 to 15.
fn event_mask(list: &str) -> u16 {
    let mut mask = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) else {
            return u16::MAX;
        };
        (first..=last.min(15)).for_each(|event| mask |= 1 << event);
    }
    mask
}

/// Where the audio is wanted; `None` for a hold.
fn remote(session: &Session, media: &Media, local: IpAddr) -> Result<Option<SocketAddr>, Rejected> {
    if media.port == 0 {
        return Ok(None);
    }
    let connection = media.connections.first().or(session.connection.as_ref());
    let ip = address(connection.ok_or(Rejected::NoAddress)?)?;
    if ip.is_unspecified() {
        return Ok(None);
    }
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    match ip {
        _ if ip.is_multicast() || broadcast => Err(Rejected::NotUnicast),
        IpAddr::V6(_) if local.is_ipv4() => Err(Rejected::NoIpv6),
        IpAddr::V4(_) if local.is_ipv6() => Err(Rejected::NoIpv4),
        _ => Ok(Some(SocketAddr::new(ip, media.port))),
    }
}

/// The address before any `/ttl`. Brackets around IPv6 are an error that some gateways make.
fn address(connection: &Connection) -> Result<IpAddr, Rejected> {
    let text = connection.connection_address.split('/').next().unwrap_or_default();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| Rejected::HostName)
}

/// RFC 3605, else the port after RTP's. rtcp-mux is never accepted, so that the rule always holds.
fn rtcp(media: &Media, rtp: SocketAddr) -> Option<SocketAddr> {
    let Some(Ok(rtcp)) = media.get_first_attribute_typed::<Rtcp>() else {
        return Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?));
    };
    let stated = rtcp.connection_address.and_then(|address| address.parse().ok());
    let usable =
        |ip: &IpAddr| ip.is_ipv4() == rtp.is_ipv4() && !ip.is_unspecified() && !ip.is_multicast();
    let ip = stated.filter(usable).unwrap_or(rtp.ip());
    (rtcp.port != 0).then(|| SocketAddr::new(ip, rtcp.port))
}

/// The stream's direction, else the session's, else both ways (RFC 8866 section 6.7).
fn direction(session: &Session, media: &Media) -> Direction {
    let mut names = media.attributes.iter().chain(&session.attributes).map(|a| &a.attribute);
    names.find_map(|name| direction_named(name)).unwrap_or(Direction::SendRecv)
}

fn direction_named(name: &str) -> Option<Direction> {
    match name.to_ascii_lowercase().as_str() {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

/// The packet length to send: the one asked for if we can, else 20 ms, and never above maxptime.
fn ptime(session: &Session, media: &Media) -> u8 {
    let number = |name| {
        let value = media.get_first_attribute_value(name);
        let value = value.or_else(|| session.get_first_attribute_value(name))??;
        let digits = value.trim().split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok().filter(|&ms| ms > 0)
    };
    let wanted = number("ptime");
    let wanted = PTIMES.into_iter().find(|&p| wanted == Some(p.into())).unwrap_or(DEFAULT_PTIME);
    let Some(max) = number("maxptime") else { return wanted };
    let fits = |p: &u8| *p <= wanted && u32::from(*p) <= max;
    PTIMES.into_iter().rev().find(fits).unwrap_or(PTIMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_list_is_read_up_to_event_15() {
        assert_eq!(event_mask("0-15"), 0xFFFF);
        assert_eq!(event_mask("0-16"), 0xFFFF);
        assert_eq!(event_mask("0-11,66,70"), 0x0FFF);
        assert_eq!(event_mask("0, 2 - 3"), 0b1101);
        assert_eq!(event_mask("32-36"), 0);
        assert_eq!(event_mask("9-3"), 0);
        assert_eq!(event_mask("events"), 0xFFFF);
    }
}
