//! Legs over loopback UDP. The other side's clock is the stream it hears: it answers each packet with one.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::media::recorder::Fault;
use crate::media::{Codec, Direction, LegStats, RecordEnd, Recorded, SAMPLE_RATE, TelephoneEvent};

const FRAME: usize = 160;

/// A phone: one socket, and the numbers of its own stream.
struct Peer {
    socket: UdpSocket,
    sequence: u16,
    timestamp: u32,
}

/// What a phone received.
struct Heard {
    from: SocketAddr,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

impl Peer {
    fn new() -> Peer {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Peer { socket, sequence: 0xFFF0, timestamp: 0 }
    }

    fn agreed(&self) -> Negotiated {
        Negotiated {
            remote: Some(self.socket.local_addr().unwrap()),
            remote_rtcp: None,
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some(TelephoneEvent { payload_type: 96, offered: 96, clock: 8000 }),
            direction: Direction::SendRecv,
            ptime: 20,
        }
    }

    fn hear(&self) -> Heard {
        let mut packet = [0; 1500];
        let (length, from) = self.socket.recv_from(&mut packet).unwrap();
        Heard {
            from,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            payload: packet[12..length].to_vec(),
        }
    }

    /// The next packet of this phone's stream: a tone.
    fn packet(&mut self) -> Vec<u8> {
        let mut packet = vec![0x80, 0];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend([0, 0, 0, 5]);
        Codec::Pcmu.encode(&tone(self.timestamp, FRAME), &mut packet);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp += FRAME as u32;
        packet
    }

    fn send(&self, packet: &[u8], to: SocketAddr) {
        self.socket.send_to(packet, to).unwrap();
    }

    fn wait(&self, packets: usize) {
        (0..packets).for_each(|_| drop(self.hear()));
    }
}

/// 500 Hz.
fn tone(from: u32, samples: usize) -> Vec<i16> {
    (from..).take(samples).map(|n| (8000.0 * (f64::from(n) * TAU / 16.0).sin()) as i16).collect()
}

fn engine(ports: std::ops::RangeInclusive<u16>) -> Engine {
    let bind = Ipv4Addr::LOCALHOST.into();
    Engine::start(Config { bind, ports, ..Config::default() }).unwrap()
}

fn spec(path: &Path) -> RecordSpec {
    RecordSpec {
        tag: 3,
        path: path.to_owned(),
        max: Duration::from_secs(60),
        silence: None,
        no_input: None,
        beep: None,
    }
}

fn recorded(events: &mut UnboundedReceiver<LegEvent>) -> Recorded {
    loop {
        match events.blocking_recv().expect("the leg is open") {
            LegEvent::Recorded(recorded) => return recorded,
            LegEvent::Closed(_) => panic!("closed without a recording"),
            _ => {}
        }
    }
}

fn closed(events: &mut UnboundedReceiver<LegEvent>) -> LegStats {
    loop {
        if let LegEvent::Closed(stats) = events.blocking_recv().expect("the end is told") {
            assert_eq!(events.blocking_recv(), None, "nothing comes after the end");
            return stats;
        }
    }
}

#[test]
fn a_prompt_arrives_byte_for_byte() {
    let (engine, peer) = (engine(0..=0), Peer::new());
    let (leg, mut events) = engine.open().unwrap();
    let clips = [Clip::from_samples(&tone(0, 1000)), Clip::from_samples(&tone(3, 2040))];
    let mut expected = clips.each_ref().map(|clip| clip.bytes(Codec::Pcmu).to_vec()).concat();
    expected.resize(20 * FRAME, Codec::Pcmu.silence());
    leg.play(1, clips.into_iter().map(Arc::new).collect());
    leg.connect(peer.agreed());

    let heard: Vec<Heard> = (0..20).map(|_| peer.hear()).collect();
    let bytes: Vec<u8> = heard.iter().flat_map(|heard| heard.payload.clone()).collect();
    assert_eq!(bytes, expected);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(step >= FRAME as u32 && step.is_multiple_of(FRAME as u32));
    }
    assert_eq!(heard[0].from, leg.local_addr());
    assert_eq!(events.blocking_recv(), Some(LegEvent::PlayEnded(1)));
}

#[test]
fn what_is_said_is_recorded_whatever_the_network_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("said.wav");
    let (engine, mut peer) = (engine(0..=0), Peer::new());
    let (leg, mut events) = engine.open().unwrap();
    leg.connect(peer.agreed());
    leg.record(spec(&path));
    peer.wait(2);
    for turn in 0..60 {
        let packet = peer.packet();
        match turn {
            20..22 => {}
            30 => {
                let next = peer.packet();
                peer.send(&next, leg.local_addr());
                peer.send(&packet, leg.local_addr());
                peer.send(&next, leg.local_addr());
            }
            _ => peer.send(&packet, leg.local_addr()),
        }
        peer.wait(1);
    }
    peer.wait(3);
    leg.stop_recording();

    let recorded = recorded(&mut events);
    assert_eq!(recorded.ended_by, RecordEnd::Stopped);
    assert_eq!(recorded.duration, Duration::from_millis(61 * 20));
    let wav = hound::WavReader::open(&path).unwrap();
    assert_eq!(wav.spec().sample_rate, SAMPLE_RATE);
    let kept: Vec<i16> = wav.into_samples().map(Result::unwrap).collect();
    let said = tone(0, 61 * FRAME);
    let lost = 20 * FRAME..22 * FRAME;
    assert_eq!(kept.len(), said.len());
    for (place, (kept, said)) in kept.iter().zip(&said).enumerate() {
        let hidden = lost.contains(&place);
        assert!(hidden || kept.abs_diff(*said) < 300, "sample {place}: {kept} for {said}");
    }
    leg.close();
    let stats = closed(&mut events);
    // Another came twice; it does not make up for them.
    assert_eq!((stats.packets_lost, stats.packets_refused), (2, 0));
}

#[test]
fn a_stopped_prompt_is_gone_within_two_packets() {
    let (engine, peer) = (engine(0..=0), Peer::new());
    let (leg, _events) = engine.open().unwrap();
    leg.connect(peer.agreed());
    leg.play(1, vec![Arc::new(Clip::from_samples(&[5000; 80_000]))]);
    while peer.hear().payload != [Codec::Pcmu.silence(); FRAME] {
        // The first packets may be silence; the prompt follows.
        if peer.hear().payload[0] != Codec::Pcmu.silence() {
            break;
        }
    }
    peer.socket.set_nonblocking(true).unwrap();
    leg.stop_playing();
    // What had been sent before the order.
    while peer.socket.recv_from(&mut [0; 1500]).is_ok() {}
    peer.socket.set_nonblocking(false).unwrap();
    peer.wait(1);
    assert_eq!(peer.hear().payload, [Codec::Pcmu.silence(); FRAME]);
}

/// By the order of things alone: a key that is read with the turn of the next packet is told after that packet.
#[test]
fn a_key_stops_a_prompt_before_the_next_packet_however_long_packets_are() {
    let (engine, peer) = (engine(0..=0), Peer::new());
    let (leg, mut events) = engine.open().unwrap();
    leg.connect(Negotiated { ptime: 40, ..peer.agreed() });
    let prompt = Arc::new(Clip::from_samples(&[5000; 80_000]));
    let silence = [Codec::Pcmu.silence(); 2 * FRAME];
    // A busy machine may be late with one or the other key, but not with all of them.
    let stopped = (0..30u32).any(|turn| {
        leg.play(turn, vec![prompt.clone()]);
        while peer.hear().payload == silence {}
        let mut key = vec![0x80, 96];
        key.extend((turn as u16).to_be_bytes());
        key.extend((turn * 8000).to_be_bytes());
        key.extend([0, 0, 0, 5, 1, 0x80, 3, 0xC0]);
        peer.send(&key, leg.local_addr());
        while !matches!(events.blocking_recv().expect("the leg is open"), LegEvent::Digit(_)) {}
        leg.stop_playing();
        peer.hear().payload == silence
    });
    assert!(stopped, "each key was told after one more packet of the prompt");
}

#[test]
fn keys_travel_between_two_legs() {
    let engine = engine(0..=0);
    let ((phone, _), (hotline, mut events)) = (engine.open().unwrap(), engine.open().unwrap());
    let toward = |leg: &Leg| Negotiated { remote: Some(leg.local_addr()), ..Peer::new().agreed() };
    phone.connect(toward(&hotline));
    hotline.connect(toward(&phone));
    phone.send_digits("10*#");
    let mut digits = String::new();
    while digits.len() < 4 {
        match events.blocking_recv() {
            Some(LegEvent::Digit(digit)) => digits.push(digit),
            Some(LegEvent::Latched(from)) => assert_eq!(from, phone.local_addr()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(digits, "10*#");
    // The end of one is the RTCP BYE of the other.
    phone.close();
    assert_eq!(events.blocking_recv(), Some(LegEvent::RtcpBye));
}

#[test]
fn a_leg_that_is_dropped_frees_its_ports() {
    let first = engine(0..=0).open().unwrap().0.local_addr().port();
    let engine = engine(first..=first + 1);
    for _ in 0..3 {
        // Another test's socket may sit on the ports for a moment; then there is nothing to see here.
        let Ok((leg, mut events)) = engine.open() else { return };
        assert!(matches!(engine.open(), Err(OpenError::NoPort)));
        drop(leg);
        closed(&mut events);
    }
    assert_eq!(engine.legs(), 0);
}

#[test]
fn a_hundred_legs_are_served_at_once() {
    let (engine, peer) = (engine(0..=0), Peer::new());
    let legs: Vec<_> = (0..100).map(|_| engine.open().unwrap()).collect();
    let prompt = Arc::new(Clip::from_samples(&tone(0, 10 * FRAME)));
    for (leg, _) in &legs {
        leg.connect(peer.agreed());
        leg.play(7, vec![prompt.clone()]);
    }
    let mut packets: HashMap<SocketAddr, Vec<u16>> = HashMap::new();
    while packets.len() < 100 || packets.values().any(|numbers| numbers.len() < 10) {
        let heard = peer.hear();
        packets.entry(heard.from).or_default().push(heard.sequence);
    }
    for numbers in packets.values() {
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    }
    for (leg, mut events) in legs {
        assert!(packets.contains_key(&leg.local_addr()));
        assert_eq!(events.blocking_recv(), Some(LegEvent::PlayEnded(7)));
        drop(leg);
        assert!(closed(&mut events).packets_sent >= 10);
    }
}

#[test]
fn a_full_disk_ends_the_recording_but_not_the_call() {
    let dir = tempfile::tempdir().unwrap();
    let full = dir.path().join("full.wav");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let (engine, peer) = (engine(0..=0), Peer::new());
    let (leg, mut events) = engine.open().unwrap();
    leg.connect(peer.agreed());
    leg.record(spec(&full));
    let failed = RecordEnd::Failed(io::ErrorKind::StorageFull);
    assert_eq!(recorded(&mut events).ended_by, failed);
    let fault = engine.recorder_fault().unwrap();
    assert_eq!(fault.kind, io::ErrorKind::StorageFull);
    assert!(fault.message.contains("full.wav"));
    peer.wait(5);

    leg.record(spec(&dir.path().join("good.wav")));
    leg.stop_recording();
    assert_eq!(recorded(&mut events).ended_by, RecordEnd::Stopped);
    assert_eq!(engine.recorder_fault(), None);

    leg.record(spec(&full));
    assert_eq!(recorded(&mut events).ended_by, failed);
    engine.clear_recorder_fault(&Fault { message: "an older one".into(), ..fault.clone() });
    assert_eq!(engine.recorder_fault().as_ref(), Some(&fault));
    engine.clear_recorder_fault(&fault);
    assert_eq!(engine.recorder_fault(), None);
}

#[test]
fn the_end_of_the_engine_completes_recordings_and_tells_every_leg() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("last.wav");
    let (engine, mut peer) = (engine(0..=0), Peer::new());
    let (leg, mut events) = engine.open().unwrap();
    leg.connect(peer.agreed());
    leg.record(spec(&path));
    peer.wait(2);
    for _ in 0..5 {
        let packet = peer.packet();
        peer.send(&packet, leg.local_addr());
        peer.wait(1);
    }
    peer.wait(2);
    drop(engine);
    let recorded = recorded(&mut events);
    assert_eq!(
        (recorded.ended_by, recorded.duration),
        (RecordEnd::Closed, Duration::from_millis(100))
    );
    assert_eq!(hound::WavReader::open(&path).unwrap().duration(), 800);
    assert_eq!(closed(&mut events).packets_received, 5);
    // The handle of a leg that is gone does no harm.
    leg.stop_playing();
}
