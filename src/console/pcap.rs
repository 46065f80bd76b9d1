//! A call's SIP messages as a capture file that Wireshark and tcpdump open. Pure.
//!
//! The classic format (libpcap) with raw IP packets: each message in one UDP datagram between the other side's address and
//! [`US`], whatever really carried it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::clock::Timestamp;

/// The hotline in a capture: addresses for documentation (RFC 5737, RFC 3849) and SIP's port.
const US: (Ipv4Addr, Ipv6Addr, u16) =
    (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 5060);
/// The other side, for those who must not see its address.
pub(super) const SOMEBODY: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 5060);
/// Raw IPv4 or IPv6 (LINKTYPE_RAW).
const RAW: u32 = 101;
const UDP: u8 = 17;
/// The longest text that fits a datagram over IPv4 or IPv6.
const LONGEST: usize = 65_507;

/// One message of a capture.
pub(super) struct Packet<'a> {
    pub at: Timestamp,
    pub peer: SocketAddr,
    pub from_peer: bool,
    pub text: &'a str,
}

/// The whole file.
pub(super) fn file<'a>(packets: impl Iterator<Item = Packet<'a>>) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    file.extend([0; 8]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(RAW.to_le_bytes());
    for packet in packets {
        let bytes = ip(&packet);
        let length = (bytes.len() as u32).to_le_bytes();
        let ms = packet.at.0.max(0);
        file.extend(((ms / 1_000) as u32).to_le_bytes());
        file.extend(((ms % 1_000 * 1_000) as u32).to_le_bytes());
        file.extend(length);
        file.extend(length);
        file.extend(bytes);
    }
    file
}

fn ip(packet: &Packet) -> Vec<u8> {
    let (peer, port) = (packet.peer.ip().to_canonical(), packet.peer.port());
    let us = match peer {
        IpAddr::V4(_) => IpAddr::V4(US.0),
        IpAddr::V6(_) => IpAddr::V6(US.1),
    };
    let ends = [(peer, port), (us, US.2)];
    let [from, to] = if packet.from_peer { ends } else { [ends[1], ends[0]] };
    let text = packet.text.as_bytes();
    let udp = udp(from, to, &text[..text.len().min(LONGEST)]);
    let length = udp.len() as u16;
    let mut bytes = match peer {
        IpAddr::V4(_) => {
            let mut head = vec![0x45, 0];
            head.extend((20 + length).to_be_bytes());
            head.extend([0, 0, 0, 0, 64, UDP, 0, 0]);
            head.extend(octets(from.0));
            head.extend(octets(to.0));
            let sum = checksum(&head);
            head[10..12].copy_from_slice(&sum.to_be_bytes());
            head
        }
        IpAddr::V6(_) => {
            let mut head = vec![0x60, 0, 0, 0];
            head.extend(length.to_be_bytes());
            head.extend([UDP, 64]);
            head.extend(octets(from.0));
            head.extend(octets(to.0));
            head
        }
    };
    bytes.extend(udp);
    bytes
}

fn udp(from: (IpAddr, u16), to: (IpAddr, u16), text: &[u8]) -> Vec<u8> {
    let length = (8 + text.len()) as u16;
    let mut datagram = Vec::with_capacity(usize::from(length));
    datagram.extend(from.1.to_be_bytes());
    datagram.extend(to.1.to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(text);
    // The sum is over the addresses as well (RFC 768, RFC 8200 section 8.1).
    let mut summed = octets(from.0);
    summed.extend(octets(to.0));
    summed.extend([0, UDP]);
    summed.extend(length.to_be_bytes());
    summed.extend(&datagram);
    let sum = match checksum(&summed) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let pair = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(pair).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet<'a>(peer: &str, text: &'a str) -> Packet<'a> {
        let at = Timestamp(1_795_368_600_123);
        Packet { at, peer: peer.parse().unwrap(), from_peer: true, text }
    }

    #[test]
    fn a_file_is_a_header_and_packets_whose_sums_are_right() {
        let file = file(
            [packet("198.51.100.9:5070", "BYE"), packet("[2001:db8::9]:5070", "ACKS")].into_iter(),
        );
        assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(file[20..24], [101, 0, 0, 0]);
        let first = &file[24..];
        assert_eq!(u32::from_le_bytes(first[..4].try_into().unwrap()), 1_795_368_600);
        assert_eq!(u32::from_le_bytes(first[4..8].try_into().unwrap()), 123_000);
        assert_eq!(first[8..12], [31, 0, 0, 0]);
        let ip = &first[16..16 + 31];
        assert_eq!(checksum(&ip[..20]), 0);
        assert_eq!((&ip[12..16], &ip[16..20]), (&[198, 51, 100, 9][..], &[192, 0, 2, 1][..]));
        assert_eq!(ip[20..26], [0x13, 0xce, 0x13, 0xc4, 0, 11]);
        assert_eq!(&ip[28..], b"BYE");
        let second = &first[16 + 31 + 16..];
        assert_eq!((second.len(), second[0], second[6]), (52, 0x60, UDP));
        assert_eq!(&second[48..], b"ACKS");
    }

    #[test]
    fn what_does_not_fit_a_datagram_is_cut() {
        let long = "x".repeat(70_000);
        assert_eq!(ip(&packet("192.0.2.9:1", &long)).len(), 65_535);
    }
}
