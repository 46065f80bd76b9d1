use proptest::prelude::*;

use super::*;

/// A receiver, its clock, and what it told.
struct Line {
    receiver: Receiver,
    now: Instant,
    told: String,
}

impl Line {
    #[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
    fn new() -> Line {
        Line { receiver: Receiver::default(), now: Instant::now(), told: String::new() }
    }

    /// Time passes, then a packet comes.
    fn hear(&mut self, packet: EventPacket) {
        self.now += Sender::INTERVAL;
        let EventPacket { payload, timestamp, marker } = packet;
        self.told.extend(self.receiver.push(&payload, timestamp, marker, self.now));
    }
}

/// What is told when `packets` come one each 20 ms.
fn told(packets: impl IntoIterator<Item = EventPacket>) -> String {
    let mut line = Line::new();
    packets.into_iter().for_each(|packet| line.hear(packet));
    line.told
}

/// A press of 100 ms: five packets and two repeated ends.
fn press(key: char, timestamp: u32) -> Vec<EventPacket> {
    Sender::new(key, timestamp, 8000, Duration::from_millis(100)).unwrap().collect()
}

fn packet(payload: [u8; 4], timestamp: u32) -> EventPacket {
    EventPacket { payload, timestamp, marker: false }
}

#[test]
fn a_press_is_sent_as_start_updates_and_three_ends() {
    let mut expected = Vec::new();
    for (flags, duration) in
        [(10, 160), (10, 320), (10, 480), (10, 640), (0x8A, 800), (0x8A, 800), (0x8A, 800)]
    {
        let [high, low] = u16::to_be_bytes(duration);
        expected.push(EventPacket {
            payload: [5, flags, high, low],
            timestamp: 7000,
            marker: expected.is_empty(),
        });
    }
    assert_eq!(press('5', 7000), expected);
}

#[test]
fn every_key_is_told_once_with_its_first_packet() {
    for key in KEYS {
        let packets = press(key, u32::MAX - 100);
        assert_eq!(told(packets[..1].iter().copied()), key.to_string(), "at the start");
        assert_eq!(told(packets), key.to_string(), "by the end");
    }
    assert!(Sender::new('x', 0, 8000, Duration::from_millis(100)).is_none());
}

#[test]
fn any_one_packet_of_a_press_is_enough() {
    for survivor in press('7', 5000) {
        assert_eq!(told([survivor]), "7");
    }
}

#[test]
fn a_lost_end_does_not_hide_the_next_press_of_the_same_key() {
    let first = press('3', 1000);
    let second = press('3', 2600);
    assert_eq!(told(first[..2].iter().chain(&second).copied()), "33");
}

#[test]
fn the_same_key_in_quick_succession_is_told_each_time() {
    let presses = (0..4).flat_map(|n| press('0', 1000 + n * 1100));
    assert_eq!(told(presses), "0000");
}

#[test]
fn packets_of_two_keys_that_pass_each_other_tell_each_once() {
    let mut packets = [press('1', 1000), press('2', 2600)].concat();
    packets.swap(5, 7);
    packets.swap(6, 8);
    assert_eq!(told(packets), "12");
}

#[test]
fn a_key_held_beyond_the_longest_duration_is_one_key() {
    let held: Vec<_> = Sender::new('9', 50, 8000, Duration::from_secs(20)).unwrap().collect();
    let segments: Vec<u32> = held.iter().map(|p| p.timestamp).collect();
    assert!(segments.contains(&(50 + 0xFFFF)) && segments.contains(&(50 + 2 * 0xFFFF)));
    assert_eq!(held.iter().filter(|p| p.marker).count(), 1);
    assert_eq!(told(held), "9");
}

#[test]
fn phones_that_move_the_timestamp_within_a_press_tell_it_once() {
    let moving = press('4', 1000).into_iter().enumerate();
    let moving = moving.map(|(n, p)| EventPacket { timestamp: p.timestamp + n as u32 * 160, ..p });
    assert_eq!(told(moving), "4");
}

#[test]
fn events_on_other_clocks_are_told_alike() {
    for clock in [16000, 48000] {
        let long = Duration::from_millis(2500);
        assert_eq!(told(Sender::new('8', 0, clock, long).unwrap()), "8");
    }
}

#[test]
fn what_is_no_key_is_passed_over() {
    assert_eq!(told([packet([16, 10, 0, 160], 1)]), "", "hook flash");
    assert_eq!(told([packet([255, 10, 0, 160], 1)]), "");
    assert_eq!(told([packet([1, 0x8A, 0, 0], 1)]), "", "duration 0");
    let mut receiver = Line::new();
    for short in [&[][..], &[1], &[1, 10, 0]] {
        assert_eq!(receiver.receiver.push(short, 1, true, receiver.now), None);
    }
}

#[test]
fn a_stream_that_begins_anew_with_earlier_timestamps_is_heard() {
    assert_eq!(told([press('1', 4_000_000_000), press('1', 1000)].concat()), "11");
}

proptest! {
    #[test]
    fn loss_doubles_and_small_reordering_change_no_dialled_number(
        number in "[0-9*#]{1,12}",
        // For each packet: lost, doubled, late by so many packets.
        fate in prop::collection::vec((prop::bool::weighted(0.2), any::<bool>(), 0..3_usize), 12 * 7),
    ) {
        let mut wire = Vec::new();
        for (n, key) in number.chars().enumerate() {
            for (i, packet) in press(key, n as u32 * 1600).into_iter().enumerate() {
                let (lost, doubled, late) = fate[n * 7 + i];
                // One packet in the middle of each press survives and is in time.
                let kept = i == 3;
                let place = (n * 10 + i + if kept { 0 } else { late }, i);
                if kept || !lost {
                    wire.extend(std::iter::repeat_n((place, packet), 1 + usize::from(doubled)));
                }
            }
        }
        wire.sort_by_key(|(place, _)| *place);
        prop_assert_eq!(told(wire.into_iter().map(|(_, packet)| packet)), number);
    }

    #[test]
    fn arbitrary_packets_tell_only_keys(
        packets in prop::collection::vec((any::<[u8; 4]>(), any::<u32>(), any::<bool>()), 0..50),
    ) {
        let packets = packets.into_iter().map(|(payload, timestamp, marker)| EventPacket { payload, timestamp, marker });
        prop_assert!(told(packets).chars().all(|key| KEYS.contains(&key)));
    }
}
