use proptest::prelude::*;

use super::*;

/// A buffer with its clock, and all that came out of it.
struct Tape {
    buffer: Buffer,
    now: Instant,
    heard: Vec<i16>,
    gaps: usize,
}

impl Tape {
    #[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
    fn new() -> Tape {
        Tape { buffer: Buffer::new(), now: Instant::now(), heard: Vec::new(), gaps: 0 }
    }

    fn drain(&mut self) {
        let mut frame = [0; FRAME];
        while let Some(popped) = self.buffer.pop(self.now, &mut frame) {
            self.keep(popped, frame);
        }
    }

    fn keep(&mut self, popped: Popped, frame: [i16; FRAME]) {
        self.heard.extend(frame);
        self.gaps += usize::from(popped == Popped::Gap);
        if popped == Popped::Gap {
            assert_eq!(frame, [0; FRAME]);
        }
    }

    /// Time passes with a tick each 20 ms.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while self.now < end {
            self.now = end.min(self.now + Duration::from_millis(20));
            self.drain();
        }
    }

    fn hear(&mut self, sequence: u16, timestamp: u32, samples: &[i16]) -> bool {
        let new = self.buffer.push(sequence, timestamp, samples, self.now);
        self.drain();
        new
    }

    /// Packets of 20 ms, each full of its number, one each 20 ms.
    fn talk(&mut self, sequence: u16, timestamp: u32, packets: u16) {
        for n in 0..packets {
            let seq = sequence.wrapping_add(n);
            self.hear(seq, timestamp.wrapping_add(u32::from(n) * 160), &sound(seq));
            self.pass(20);
        }
    }

    fn finish(mut self) -> Tape {
        let mut frame = [0; FRAME];
        while let Some(popped) = self.buffer.flush(&mut frame) {
            self.keep(popped, frame);
        }
        self
    }

    /// The numbers heard, frame by frame, 0 for silence.
    fn frames(&self) -> Vec<i16> {
        self.heard.chunks(FRAME).map(|frame| frame[FRAME / 2]).collect()
    }
}

/// The audio of a packet: its number in each sample, never 0.
fn sound(sequence: u16) -> [i16; FRAME] {
    [number(sequence); FRAME]
}

fn number(sequence: u16) -> i16 {
    (sequence % 30_000) as i16 + 1
}

fn numbers(sequences: impl IntoIterator<Item = u16>) -> Vec<i16> {
    sequences.into_iter().map(number).collect()
}

#[test]
fn a_sequence_number_is_extended_over_the_wrap_and_back() {
    let mut last = ExtendedSequence::first(65_534);
    let all = [65_535, 0, 65_533, 1, 2].map(|seq| {
        last = last.nearest(seq);
        last.get()
    });
    assert_eq!(all, [131_071, 131_072, 131_069, 131_073, 131_074]);
    assert!(ExtendedSequence::first(0).nearest(65_535) < ExtendedSequence::first(0));
}

#[test]
fn packets_in_order_come_out_as_they_went_in_over_both_wraps() {
    let mut tape = Tape::new();
    tape.talk(65_530, u32::MAX - 700, 20);
    let tape = tape.finish();
    assert_eq!(tape.frames(), numbers((65_530..=u16::MAX).chain(0..14)));
}

#[test]
fn a_lost_packet_leaves_a_gap_of_its_length_after_the_wait() {
    let mut tape = Tape::new();
    tape.talk(0, 0, 10);
    tape.hear(11, 11 * 160, &sound(11));
    assert_eq!(tape.heard.len(), 10 * FRAME, "it may still come");
    tape.pass(59);
    assert_eq!(tape.heard.len(), 10 * FRAME);
    tape.pass(1);
    assert_eq!(tape.gaps, 1);
    let tape = tape.finish();
    assert_eq!(tape.frames()[9..], [10, 0, 12]);
}

#[test]
fn a_packet_within_the_wait_is_put_in_its_place_and_a_later_one_refused() {
    let mut tape = Tape::new();
    tape.talk(0, 0, 5);
    tape.hear(7, 7 * 160, &sound(7));
    tape.pass(40);
    assert!(tape.hear(6, 6 * 160, &sound(6)));
    tape.pass(40);
    assert!(!tape.hear(5, 5 * 160, &sound(5)), "given up 20 ms ago");
    let tape = tape.finish();
    assert_eq!(tape.frames()[4..], [5, 0, 7, 8]);
}

#[test]
fn losing_every_second_packet_does_not_delay_the_rest() {
    let mut tape = Tape::new();
    for n in 0..200 {
        if n % 2 == 0 {
            assert!(tape.hear(n, u32::from(n) * 160, &sound(n)));
        }
        tape.pass(20);
        assert!(tape.heard.len() + 7 * FRAME >= usize::from(n) * FRAME, "at packet {n}");
    }
    assert_eq!(tape.finish().heard.len(), 199 * FRAME);
}

#[test]
fn packets_that_come_twice_are_kept_once() {
    let mut tape = Tape::new();
    for n in 0..10 {
        assert!(tape.hear(n, u32::from(n) * 160, &sound(n)));
        assert!(!tape.hear(n, u32::from(n) * 160, &sound(n)));
        tape.pass(20);
    }
    assert_eq!(tape.finish().frames(), numbers(0..10));
}

#[test]
fn the_first_packet_may_have_been_overtaken() {
    let mut tape = Tape::new();
    tape.hear(8, 8 * 160, &sound(8));
    tape.hear(7, 7 * 160, &sound(7));
    tape.hear(9, 9 * 160, &sound(9));
    assert_eq!(tape.finish().frames(), numbers(7..10));
}

#[test]
fn packets_of_any_length_fill_frames_of_twenty_milliseconds() {
    for len in [80, 120, 240, 320, 480] {
        let mut tape = Tape::new();
        for n in 0..30_usize {
            let samples: Vec<i16> = (n * len..(n + 1) * len).map(|s| s as i16 + 1).collect();
            tape.hear(n as u16, (n * len) as u32, &samples);
            tape.pass(len as u64 / 8);
        }
        let tape = tape.finish();
        let expected = (0..30 * len).map(|s| s as i16 + 1);
        assert!(tape.heard.iter().copied().take(30 * len).eq(expected), "{len} samples");
        assert_eq!(tape.heard.len(), (30 * len).next_multiple_of(FRAME));
    }
}

#[test]
fn silence_that_is_not_sent_is_filled_in_while_it_lasts() {
    let mut tape = Tape::new();
    tape.talk(0, 0, 5);
    tape.pass(3000);
    let live = tape.heard.len() / 8;
    assert!((2900..=2920).contains(&live), "{live} ms of 3100, 200 behind");
    tape.talk(5, 5 * 160 + 3000 * 8, 5);
    let tape = tape.finish();
    assert_eq!(tape.heard.len(), (200 + 3000) * 8);
    assert_eq!(tape.gaps, 150);
    assert_eq!(tape.frames()[155..], [6, 7, 8, 9, 10]);
}

#[test]
fn a_silence_that_nobody_ticked_through_is_filled_in_too() {
    let mut tape = Tape::new();
    tape.talk(0, 0, 5);
    tape.now += Duration::from_secs(3);
    tape.talk(5, 5 * 160 + 3000 * 8, 5);
    let tape = tape.finish();
    assert_eq!(tape.heard.len(), (200 + 3000) * 8);
    assert_eq!(tape.frames()[155..], [6, 7, 8, 9, 10]);
}

#[test]
fn a_stalled_network_loses_no_word() {
    for stall in [100, 190, 400, 1500] {
        let mut tape = Tape::new();
        tape.talk(0, 0, 5);
        tape.pass(stall);
        for n in 5..5 + (stall / 20) as u16 {
            assert!(tape.hear(n, u32::from(n) * 160, &sound(n)), "after {stall} ms");
        }
        tape.talk(5 + (stall / 20) as u16, (5 + stall as u32 / 20) * 160, 10);
        let tape = tape.finish();
        let mut frames = tape.frames();
        frames.retain(|&frame| frame != 0);
        assert_eq!(frames, numbers(0..15 + (stall / 20) as u16), "after {stall} ms");
        let longest = (300 + stall as usize * 2) * 8;
        assert!(tape.heard.len() <= longest, "{} samples", tape.heard.len());
    }
}

#[test]
fn timestamps_that_leap_go_on_where_time_has_come_to() {
    for leap in [1_000_000_000, 4_000_000_000, 200_000] {
        let mut tape = Tape::new();
        tape.talk(0, 0, 5);
        tape.talk(5, leap, 5);
        assert_eq!(tape.finish().frames(), numbers(0..10), "by {leap}");
    }
}

#[test]
fn another_stream_follows_after_the_time_between() {
    let mut tape = Tape::new();
    tape.talk(0, 0, 5);
    tape.pass(1000);
    tape.buffer.restart();
    tape.talk(2, 5 * 160, 5);
    let tape = tape.finish();
    assert_eq!(tape.heard.len(), (200 + 1000) * 8);
    assert_eq!(tape.frames()[55..], numbers(2..7));

    let mut tape = Tape::new();
    tape.talk(0, 0, 5);
    tape.talk(30_000, 77, 5);
    assert_eq!(tape.finish().frames(), numbers((0..5).chain(30_000..30_005)));
}

#[test]
fn a_sender_a_little_fast_or_slow_is_followed_for_an_hour() {
    for interval in [19_990, 20_010] {
        let mut tape = Tape::new();
        for n in 0..180_000_u32 {
            assert!(tape.hear(n as u16, n * 160, &sound(n as u16)));
            tape.now += Duration::from_micros(interval);
            tape.drain();
            if n % 1000 == 0 {
                tape.heard.clear();
            }
        }
        assert_eq!(tape.gaps, 0);
    }
}

proptest! {
    #[test]
    fn packets_shuffled_within_the_wait_come_out_in_order_and_whole(
        start in any::<u16>(),
        timestamp in any::<u32>(),
        // Milliseconds that each packet is late, and whether it comes twice.
        fate in prop::collection::vec((0..55_u64, any::<bool>()), 1..60),
    ) {
        let mut wire: Vec<(u64, u16)> = Vec::new();
        for (n, &(late, doubled)) in fate.iter().enumerate() {
            let n = n as u16;
            wire.extend(std::iter::repeat_n((u64::from(n) * 20 + late, n), 1 + usize::from(doubled)));
        }
        wire.sort();
        let mut tape = Tape::new();
        let begin = tape.now;
        for (at, n) in wire {
            tape.now = begin + Duration::from_millis(at);
            tape.drain();
            tape.hear(start.wrapping_add(n), timestamp.wrapping_add(u32::from(n) * 160), &sound(n));
        }
        prop_assert_eq!(tape.finish().frames(), numbers(0..fate.len() as u16));
    }

    #[test]
    fn loss_changes_no_length_and_no_order(
        lost in prop::collection::vec(prop::bool::weighted(0.3), 1..100),
    ) {
        let mut tape = Tape::new();
        let kept = |n: usize| n == 0 || n == lost.len() - 1 || !lost[n];
        for n in 0..lost.len() {
            if kept(n) {
                tape.hear(n as u16, n as u32 * 160, &sound(n as u16));
            }
            tape.pass(20);
        }
        let expected: Vec<i16> = (0..lost.len()).map(|n| if kept(n) { number(n as u16) } else { 0 }).collect();
        prop_assert_eq!(tape.finish().frames(), expected);
    }

    #[test]
    fn any_packets_are_survived(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0..500_usize, 0..5000_u64), 0..60),
    ) {
        let mut tape = Tape::new();
        let mut passed = 0;
        for (sequence, timestamp, len, milliseconds) in packets {
            tape.hear(sequence, timestamp, &vec![i16::MIN; len]);
            tape.pass(milliseconds);
            passed += milliseconds as usize + 63;
        }
        let tape = tape.finish();
        prop_assert!(tape.heard.len() <= passed * 8 + 8000 * 60, "{} samples", tape.heard.len());
    }
}
