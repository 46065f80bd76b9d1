//! A whole call's RTP by hand: each test moves time and packets itself.

use rtp::header::Header;
use webrtc_util::marshal::{Marshal, Unmarshal};

use super::*;
use crate::media::{Codec, TelephoneEvent};

const START: Start = Start { ssrc: 0x1234, sequence: 65_534, timestamp: u32::MAX - 200 };
const FRAME: usize = 160;

/// A session with the other side at port 1, and the time.
struct Bench {
    session: Session,
    now: Instant,
    /// Of the other side's next packet.
    sequence: u16,
    timestamp: u32,
}

/// A packet that the session sent.
struct Sent {
    header: Header,
    payload: Vec<u8>,
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn agreed() -> Negotiated {
    Negotiated {
        remote: Some(at(1)),
        remote_rtcp: Some(at(2)),
        codec: Codec::Pcma,
        payload_type: 8,
        telephone_event: Some(TelephoneEvent { payload_type: 101, offered: 101, clock: 8000 }),
        direction: Direction::SendRecv,
        ptime: 20,
    }
}

fn spec() -> RecordSpec {
    RecordSpec {
        tag: 4,
        path: "take.wav".into(),
        max: Duration::from_secs(60),
        silence: None,
        no_input: None,
        beep: None,
    }
}

/// A clip of bytes that tell their place: `from`, `from + 1`, ...
fn clip(from: usize, length: usize) -> (Arc<Clip>, Vec<u8>) {
    let codes: Vec<u8> = (from..from + length).map(|byte| (byte % 251) as u8).collect();
    let mut samples = Vec::new();
    Codec::Pcma.decode(&codes, &mut samples);
    let clip = Clip::from_samples(&samples);
    let bytes = clip.bytes(Codec::Pcma).to_vec();
    (Arc::new(clip), bytes)
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn new() -> Bench {
        let settings = Settings {
            latching: Latching::FirstSource,
            rtp_timeout: Some(Duration::from_secs(60)),
            inband_digits: true,
        };
        let now = Instant::now();
        let mut session = Session::new(settings, START);
        session.connect(agreed(), now);
        Bench { session, now, sequence: 65_530, timestamp: u32::MAX - 500 }
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// One turn of 20 ms.
    fn turn(&mut self) -> Option<Sent> {
        self.session.handle_timeout(self.now);
        let sent = self.poll();
        self.pass(20);
        sent
    }

    fn poll(&mut self) -> Option<Sent> {
        let mut out = [0; 1500];
        let length = self.session.poll_transmit(self.now, &mut out)?;
        let header = Header::unmarshal(&mut &out[..length]).unwrap();
        Some(Sent { header, payload: out[12..length].to_vec() })
    }

    /// The audio of the next `turns` packets.
    fn hear(&mut self, turns: usize) -> Vec<u8> {
        (0..turns).flat_map(|_| self.turn().map(|sent| sent.payload).unwrap_or_default()).collect()
    }

    /// The other side speaks: 20 ms of samples near `level`.
    fn speak(&mut self, level: i16) {
        let packet = self.packet(level);
        self.session.handle_packet(at(1), &packet, self.now);
    }

    /// The other side says the frame `turn` of something like syllables.
    fn babble(&mut self, turn: usize) {
        let loudness = if turn % 10 < 7 { 8000.0 } else { 100.0 };
        let wave = |n: usize| (loudness * (n as f32 * 0.7).sin() * (n as f32 * 0.03).sin()) as i16;
        let samples: Vec<i16> = (turn * FRAME..(turn + 1) * FRAME).map(wave).collect();
        let mut packet = self.packet(0);
        packet.truncate(12);
        Codec::Pcma.encode(&samples, &mut packet);
        self.session.handle_packet(at(1), &packet, self.now);
    }

    /// The next packet of the other side, for the test to deliver, or not.
    fn packet(&mut self, level: i16) -> Vec<u8> {
        let mut payload = Vec::new();
        Codec::Pcma.encode(&[level; FRAME], &mut payload);
        let packet = datagram(8, self.sequence, self.timestamp, &payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        packet
    }

    fn events(&mut self) -> Vec<LegEvent> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// What the recorder was given: the samples, and how it ended.
    fn recorded(&mut self) -> (Vec<i16>, Option<(RecordEnd, Duration)>) {
        let (mut samples, mut end) = (Vec::new(), None);
        while let Some(step) = self.session.poll_recording(Vec::new) {
            match step {
                RecordingStep::Open { tag, .. } => assert_eq!(tag, 4),
                RecordingStep::Samples(chunk) => samples.extend(chunk),
                RecordingStep::Close { ended_by, speech } => end = Some((ended_by, speech)),
            }
        }
        (samples, end)
    }
}

fn datagram(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        version: 2,
        payload_type,
        sequence_number: sequence,
        timestamp,
        ssrc: 77,
        ..Header::default()
    };
    [&header.marshal().unwrap()[..], payload].concat()
}

/// Lengths of the runs of equal level: `(1, 3200)` is 0.4 s that is not silence.
fn runs(samples: &[i16]) -> Vec<(bool, usize)> {
    samples
        .chunk_by(|a, b| (a.abs() > 100) == (b.abs() > 100))
        .map(|run| (run[0].abs() > 100, run.len()))
        .collect()
}

#[test]
fn numbers_wrap_and_only_the_first_packet_bears_the_marker() {
    let mut bench = Bench::new();
    let sent: Vec<Sent> = (0..5).filter_map(|_| bench.turn()).collect();
    let sequence: Vec<u16> = sent.iter().map(|sent| sent.header.sequence_number).collect();
    assert_eq!(sequence, [65_534, 65_535, 0, 1, 2]);
    let timestamp: Vec<u32> =
        sent.iter().map(|sent| sent.header.timestamp.wrapping_sub(START.timestamp)).collect();
    assert_eq!(timestamp, [0, 160, 320, 480, 640]);
    assert!(sent[0].header.marker && sent[1..].iter().all(|sent| !sent.header.marker));
    assert!(sent.iter().all(|sent| sent.header.ssrc == 0x1234 && sent.header.payload_type == 8));
    assert!(sent.iter().all(|sent| sent.payload == [Codec::Pcma.silence(); FRAME]));
}

#[test]
fn clips_follow_each_other_without_a_gap_within_a_packet() {
    let mut bench = Bench::new();
    let (first, mut expected) = clip(0, 200);
    let (second, bytes) = clip(7, 1);
    let (third, more) = clip(100, 239);
    expected.extend(bytes);
    expected.extend(more);
    expected.extend([Codec::Pcma.silence(); 40]);
    bench.session.play(9, vec![first, second, third]);
    assert_eq!(bench.hear(2), expected[..320]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.hear(1), expected[320..]);
    assert_eq!(bench.events(), [LegEvent::PlayEnded(9)]);
}

#[test]
fn a_playback_of_nothing_ends_with_the_next_packet() {
    let mut bench = Bench::new();
    bench.session.play(1, vec![]);
    bench.turn();
    assert_eq!(bench.events(), [LegEvent::PlayEnded(1)]);
}

#[test]
fn the_packet_after_a_stop_is_silence_and_nothing_more_is_told() {
    let mut bench = Bench::new();
    let (long, bytes) = clip(0, 8000);
    bench.session.play(1, vec![long]);
    assert_eq!(bench.hear(2), bytes[..320]);
    bench.session.stop_playing();
    assert_eq!(bench.hear(1), [Codec::Pcma.silence(); FRAME]);
    assert_eq!(bench.events(), []);
}

#[test]
fn a_new_playback_takes_the_place_of_the_old_one_at_once() {
    let mut bench = Bench::new();
    let ((old, _), (new, bytes)) = (clip(0, 8000), clip(40, 160));
    bench.session.play(1, vec![old]);
    bench.turn();
    bench.session.play(2, vec![new]);
    assert_eq!(bench.hear(1), bytes);
    assert_eq!(bench.events(), [LegEvent::PlayEnded(2)]);
}

#[test]
fn after_a_stall_two_packets_follow_and_the_timestamps_tell_the_gap() {
    let mut bench = Bench::new();
    let (long, bytes) = clip(0, 1600);
    bench.session.play(1, vec![long]);
    let before = bench.turn().unwrap();
    bench.pass(500);
    let burst: Vec<Sent> = std::iter::from_fn(|| bench.poll()).collect();
    assert_eq!(burst.len(), 2);
    assert_eq!(burst[0].header.sequence_number, before.header.sequence_number.wrapping_add(1));
    let behind = burst[1].header.timestamp.wrapping_sub(before.header.timestamp);
    assert_eq!(behind, (500 + 20) * 8, "the second of them is of the present");
    assert!(burst[0].header.marker);
    let heard: Vec<u8> = burst.into_iter().flat_map(|sent| sent.payload).collect();
    assert_eq!(heard, bytes[160..480], "no part of the prompt is skipped");
    bench.pass(20);
    assert!(bench.poll().is_some());
}

#[test]
fn ticks_that_are_a_little_uneven_cost_no_packet() {
    let mut bench = Bench::new();
    let mut sent = 0;
    for jitter in [0, 2, 0, 1, 2, 0, 0, 2] {
        let now = bench.now;
        bench.pass(jitter);
        sent += usize::from(bench.poll().is_some());
        bench.now = now + Duration::from_millis(20);
    }
    assert_eq!(sent, 8);
}

#[test]
fn every_packet_interval_has_packets_of_its_length() {
    for ptime in [10, 20, 30, 40, 60] {
        let mut bench = Bench::new();
        bench.session.connect(Negotiated { ptime, ..agreed() }, bench.now);
        let mut sent = Vec::new();
        for _ in 0..24 {
            sent.extend(bench.poll());
            bench.pass(5);
        }
        assert_eq!(sent.len(), 120 / usize::from(ptime), "{ptime} ms");
        assert!(sent.iter().all(|sent| sent.payload.len() == usize::from(ptime) * 8));
    }
}

#[test]
fn on_hold_nothing_is_sent_and_the_prompt_waits() {
    let mut bench = Bench::new();
    let (prompt, bytes) = clip(0, 320);
    bench.session.play(1, vec![prompt]);
    let before = bench.turn().unwrap();
    let hold = Negotiated { direction: Direction::Inactive, remote: None, ..agreed() };
    bench.session.connect(hold, bench.now);
    assert!((0..10).all(|_| bench.turn().is_none()));
    bench.session.connect(agreed(), bench.now);
    let after = bench.turn().unwrap();
    assert_eq!(after.payload, bytes[160..]);
    assert!(after.header.marker);
    assert_eq!(after.header.timestamp.wrapping_sub(before.header.timestamp), 11 * 160);
    assert_eq!(bench.events(), [LegEvent::PlayEnded(1)]);
}

#[test]
fn a_silent_line_is_told_once_but_not_on_hold() {
    let mut bench = Bench::new();
    bench.speak(0);
    bench.events();
    bench.session.connect(Negotiated { remote: None, ..agreed() }, bench.now);
    bench.pass(600_000);
    bench.turn();
    bench.session.connect(agreed(), bench.now);
    bench.pass(59_000);
    bench.turn();
    assert_eq!(bench.events(), []);
    let noise = datagram(13, 1, 1, &[70]);
    bench.session.handle_packet(at(1), &noise, bench.now);
    bench.pass(59_000);
    bench.turn();
    assert_eq!(bench.events(), [], "comfort noise is a sign of life");
    bench.pass(1_000);
    bench.turn();
    bench.turn();
    assert_eq!(bench.events(), [LegEvent::RtpTimeout]);
}

#[test]
fn a_call_without_a_first_packet_is_counted_once() {
    let mut bench = Bench::new();
    assert!(!bench.session.misses_first_packet(bench.now));
    bench.pass(5_000);
    assert!(bench.session.misses_first_packet(bench.now));
    assert!(!bench.session.misses_first_packet(bench.now));
    let mut heard = Bench::new();
    heard.speak(0);
    heard.pass(5_000);
    assert!(!heard.session.misses_first_packet(heard.now));
}

#[test]
fn strangers_are_counted_and_change_nothing() {
    let mut bench = Bench::new();
    bench.speak(0);
    assert_eq!(bench.events(), [LegEvent::Latched(at(1))]);
    let key = datagram(101, 5, 5, &[1, 0x80, 3, 0xC0]);
    bench.session.handle_packet(at(9), &key, bench.now);
    bench.session.handle_packet(at(1), b"GET / HTTP/1.1\r\n", bench.now);
    bench.session.handle_packet(at(1), &datagram(3, 6, 6, b"gsm"), bench.now);
    assert_eq!(bench.events(), []);
    let stats = bench.session.stats();
    assert_eq!((stats.packets_received, stats.packets_refused, stats.digits), (1, 3, 0));
    assert_eq!(bench.session.destination(), Some(at(1)));
}

#[test]
fn a_caller_behind_nat_keeps_the_call_whatever_a_stranger_sprays() {
    let mut bench = Bench::new();
    let key = datagram(101, 5, 5, &[1, 0x80, 3, 0xC0]);
    bench.session.handle_packet(at(9), &key, bench.now);
    let bye = [0x81, 203, 0, 1, 0, 0, 0, 77];
    bench.session.handle_rtcp(SocketAddr::from(([192, 0, 2, 7], 2)), &bye, bench.now);
    assert_eq!(bench.events(), [], "one packet of a stranger presses no key");
    // The offer named port 1, and NAT made it 7.
    for turn in 0..5 {
        let packet = bench.packet(3000);
        bench.session.handle_packet(at(7), &packet, bench.now);
        assert_eq!(bench.session.destination(), Some(at(7)), "prompts go to the caller");
        bench.session.handle_packet(at(100 + turn), &key, bench.now);
        bench.turn();
    }
    assert_eq!(bench.events(), [LegEvent::Latched(at(7))]);
    assert_eq!(bench.session.stats().packets_received, 3);
}

#[test]
fn a_hold_without_music_is_no_silent_line() {
    let mut bench = Bench::new();
    bench.speak(0);
    bench.events();
    let held = Negotiated { direction: Direction::RecvOnly, ..agreed() };
    bench.session.connect(held, bench.now);
    bench.pass(600_000);
    bench.turn();
    assert_eq!(bench.events(), []);
    bench.session.connect(agreed(), bench.now);
    bench.pass(59_000);
    bench.turn();
    assert_eq!(bench.events(), []);
    bench.pass(1_000);
    bench.turn();
    assert_eq!(bench.events(), [LegEvent::RtpTimeout], "resumed, it counts again");
}

#[test]
fn a_key_is_told_once_however_many_packets_carry_it() {
    let mut bench = Bench::new();
    bench.speak(0);
    bench.events();
    for (sequence, duration, end) in [(1, 160u16, 0), (2, 320, 0), (3, 480, 0x80), (4, 480, 0x80)] {
        let [high, low] = duration.to_be_bytes();
        let key = datagram(101, sequence, 900, &[11, end | 10, high, low]);
        bench.session.handle_packet(at(1), &key, bench.now);
    }
    assert_eq!(bench.events(), [LegEvent::Digit('#')]);
    assert_eq!(bench.session.stats().digits, 1);
}

#[test]
fn keys_that_are_sent_are_the_keys_that_another_session_hears() {
    let (mut phone, mut hotline) = (Bench::new(), Bench::new());
    phone.session.send_digits("48217360*#4400");
    for _ in 0..200 {
        if let Some(Sent { header, payload }) = phone.turn() {
            let packet = [&header.marshal().unwrap()[..], &payload].concat();
            hotline.session.handle_packet(at(1), &packet, hotline.now);
        }
        hotline.pass(20);
    }
    let digits: String = hotline
        .events()
        .into_iter()
        .filter_map(|event| match event {
            LegEvent::Digit(digit) => Some(digit),
            _ => None,
        })
        .collect();
    assert_eq!(digits, "48217360*#4400");
}

#[test]
fn a_recording_holds_what_was_said_after_the_beep() {
    let mut bench = Bench::new();
    let (beep, bytes) = clip(50, 400);
    bench.session.record(RecordSpec { beep: Some(beep), ..spec() }, Vec::new(), bench.now);
    let mut heard = Vec::new();
    for _ in 0..3 {
        bench.speak(9000);
        heard.extend(bench.turn().unwrap().payload);
    }
    assert_eq!(heard[..400], bytes);
    for _ in 0..50 {
        bench.speak(2000);
        bench.turn();
    }
    bench.session.stop_recording(bench.now);
    let (samples, end) = bench.recorded();
    assert_eq!(runs(&samples), [(true, 8000)]);
    assert!(samples.iter().all(|sample| (1900..2100).contains(sample)));
    assert_eq!(end.map(|(ended_by, _)| ended_by), Some(RecordEnd::Stopped));
}

#[test]
fn loss_reordering_and_duplicates_leave_the_length_right() {
    let mut bench = Bench::new();
    bench.session.record(spec(), Vec::new(), bench.now);
    for turn in 0..50 {
        let packet = bench.packet(3000);
        match turn {
            // Lost.
            10..13 => {}
            // Twice.
            20 => {
                bench.session.handle_packet(at(1), &packet, bench.now);
                bench.session.handle_packet(at(1), &packet, bench.now);
            }
            // After the next one.
            30 => {
                let next = bench.packet(3000);
                bench.session.handle_packet(at(1), &next, bench.now);
                bench.session.handle_packet(at(1), &packet, bench.now);
            }
            31 => {}
            _ => bench.session.handle_packet(at(1), &packet, bench.now),
        }
        bench.turn();
    }
    bench.session.stop_recording(bench.now);
    let (samples, _) = bench.recorded();
    // Turn 31 made a packet that was not delivered, for the extra one of turn 30.
    assert_eq!(samples.len(), 51 * FRAME);
    let said = runs(&samples);
    assert!((1600..1600 + FRAME).contains(&said[0].1), "the edge of a loss fades out: {said:?}");
    assert_eq!(said[0].1 + said[1].1, 1600 + 480);
    // Another came twice; it does not make up for them.
    assert_eq!(bench.session.stats().packets_lost, 4);
}

#[test]
fn a_phone_that_sends_nothing_in_silence_leaves_the_length_right() {
    let mut bench = Bench::new();
    bench.session.record(spec(), Vec::new(), bench.now);
    for turn in 0..150 {
        let packet = bench.packet(3000);
        if !(50..100).contains(&turn) {
            bench.session.handle_packet(at(1), &packet, bench.now);
        } else {
            // Only packets that are sent have numbers.
            bench.sequence = bench.sequence.wrapping_sub(1);
        }
        bench.turn();
    }
    bench.session.stop_recording(bench.now);
    let (samples, _) = bench.recorded();
    assert_eq!(samples.len(), 24_000);
    assert!(samples[..8000].iter().chain(&samples[16_000..]).all(|sample| *sample > 2900));
    assert!(samples[8000 + FRAME..16_000].iter().all(|sample| *sample == 0));
}

#[test]
fn words_that_come_late_in_a_burst_are_kept() {
    let mut bench = Bench::new();
    bench.session.record(spec(), Vec::new(), bench.now);
    let mut late = Vec::new();
    for turn in 0..100 {
        let packet = bench.packet(3000);
        match turn {
            30..60 => late.push(packet),
            _ => {
                for packet in late.drain(..).chain([packet]) {
                    bench.session.handle_packet(at(1), &packet, bench.now);
                }
            }
        }
        bench.turn();
    }
    bench.session.stop_recording(bench.now);
    let (samples, _) = bench.recorded();
    let said: usize = runs(&samples).iter().filter(|run| run.0).map(|run| run.1).sum();
    assert!((100 * FRAME..101 * FRAME).contains(&said), "{said}, with the fading edge of the gap");
}

#[test]
fn a_line_that_falls_silent_still_ends_the_recording() {
    let mut bench = Bench::new();
    let limits = RecordSpec { silence: Some(Duration::from_secs(6)), ..spec() };
    bench.session.record(limits, Vec::new(), bench.now);
    for turn in 0..100 {
        bench.babble(turn);
        bench.turn();
    }
    (0..320).for_each(|_| drop(bench.turn()));
    let (samples, end) = bench.recorded();
    let (ended_by, speech) = end.expect("six seconds have passed");
    assert_eq!(ended_by, RecordEnd::Silence);
    assert!((1500..=2000).contains(&speech.as_millis()), "{speech:?}");
    assert!((63_000..66_000).contains(&samples.len()), "{}", samples.len());
}

#[test]
fn nobody_speaking_and_the_longest_time_end_a_recording() {
    let no_input = RecordSpec { no_input: Some(Duration::from_secs(5)), ..spec() };
    let longest = RecordSpec { max: Duration::from_millis(1010), ..spec() };
    for (limits, turns, ended_by) in
        [(no_input, 260, RecordEnd::NoInput), (longest, 60, RecordEnd::MaxTime)]
    {
        let mut bench = Bench::new();
        let max = limits.max.as_millis() as usize * 8;
        bench.session.record(limits, Vec::new(), bench.now);
        for _ in 0..turns {
            bench.speak(0);
            bench.turn();
        }
        let (samples, end) = bench.recorded();
        assert_eq!(end, Some((ended_by, Duration::ZERO)));
        assert!(samples.len() <= max);
    }
}

#[test]
fn closing_keeps_the_last_word() {
    let mut bench = Bench::new();
    bench.session.record(spec(), Vec::new(), bench.now);
    (0..3).for_each(|_| bench.speak(3000));
    let bye = bench.session.close(bench.now, 0);
    assert_eq!(bye.map(|(to, _)| to), Some(at(2)));
    let (samples, end) = bench.recorded();
    assert_eq!(samples.len(), 3 * FRAME);
    assert_eq!(end.map(|(ended_by, _)| ended_by), Some(RecordEnd::Closed));
}

#[test]
fn a_second_recording_ends_the_first() {
    let mut bench = Bench::new();
    bench.session.record(spec(), Vec::new(), bench.now);
    bench.speak(3000);
    bench.session.record(spec(), Vec::new(), bench.now);
    let (samples, end) = bench.recorded();
    assert_eq!(samples.len(), FRAME);
    assert_eq!(end.map(|(ended_by, _)| ended_by), Some(RecordEnd::Stopped));
}

#[test]
fn another_stream_in_the_same_call_goes_on_in_the_recording() {
    let mut bench = Bench::new();
    bench.session.record(spec(), Vec::new(), bench.now);
    for turn in 0..20 {
        let mut packet = bench.packet(3000);
        if turn >= 10 {
            packet[8..12].copy_from_slice(&[0, 0, 0, 9]);
            // Its timestamps start elsewhere.
            packet[4] ^= 0x55;
        }
        bench.session.handle_packet(at(1), &packet, bench.now);
        bench.turn();
    }
    bench.session.stop_recording(bench.now);
    assert_eq!(runs(&bench.recorded().0), [(true, 20 * FRAME)]);
    assert_eq!(bench.session.stats().packets_lost, 0);
}

#[test]
fn rtcp_is_read_from_the_other_side_only() {
    let mut bench = Bench::new();
    bench.speak(0);
    bench.events();
    let bye = [0x81, 203, 0, 1, 0, 0, 0, 77];
    let stranger = SocketAddr::from(([192, 0, 2, 7], 2));
    bench.session.handle_rtcp(stranger, &bye, bench.now);
    assert_eq!(bench.events(), []);
    bench.session.handle_rtcp(at(2), &bye, bench.now);
    assert_eq!(bench.events(), [LegEvent::RtcpBye]);
}

proptest::proptest! {
    #[test]
    fn nothing_that_arrives_stops_a_session(
        datagrams in proptest::collection::vec(
            (0u16..4, proptest::collection::vec(proptest::num::u8::ANY, 0..200)), 1..40),
    ) {
        let mut bench = Bench::new();
        bench.session.record(spec(), Vec::new(), bench.now);
        for (port, mut datagram) in datagrams {
            if let [flags, kind, ..] = &mut datagram[..] {
                *flags = 0x80 | *flags & 0x3F;
                *kind = [8, 101, 13, *kind][usize::from(*kind) % 4];
            }
            bench.session.handle_packet(at(port), &datagram, bench.now);
            bench.session.handle_rtcp(at(port), &datagram, bench.now);
            bench.turn();
        }
        bench.recorded();
        proptest::prop_assert!(bench.turn().is_some());
    }
}
