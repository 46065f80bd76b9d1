//! What a stranger sends to the ports of a call: each chunk is a length, a kind, and a datagram.
#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kentongan::media::codec::Codec;
use kentongan::media::sdp::{Local, answer};
use kentongan::media::session::{Latching, Session, Settings, Start};
use libfuzzer_sys::fuzz_target;

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
                     m=audio 20000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

fuzz_target!(|stream: &[u8]| {
    let local = Local {
        address: [192, 0, 2, 1].into(),
        port: 10_000,
        rtcp_port: None,
        session_id: 1,
        version: 1,
        codecs: Codec::ALL.to_vec(),
        telephone_event: true,
    };
    let Ok(answered) = answer(OFFER, &local) else { panic!("the offer is sound") };
    let settings = Settings {
        latching: Latching::FirstSource,
        rtp_timeout: Some(Duration::from_secs(30)),
        inband_digits: true,
    };
    let mut session = Session::new(settings, Start { ssrc: 1, sequence: 1, timestamp: 1 });
    let mut now = Instant::now();
    session.connect(answered.negotiated, now);
    let from = SocketAddr::from(([192, 0, 2, 2], 20_000));
    let mut rest = stream;
    while let [length, kind, tail @ ..] = rest {
        let (datagram, after) = tail.split_at(usize::from(*length).min(tail.len()));
        match kind % 4 {
            0 => session.handle_rtcp(from, datagram, now),
            1 => session.handle_timeout(now),
            _ => session.handle_packet(from, datagram, now),
        }
        now += Duration::from_millis(u64::from(kind >> 2));
        rest = after;
    }
});
