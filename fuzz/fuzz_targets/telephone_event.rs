//! Events as a stranger sends them: payload, timestamp and marker of each packet.
#![no_main]

use std::time::{Duration, Instant};

use kentongan::media::telephone_event::Receiver;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packets: &[u8]| {
    let mut receiver = Receiver::default();
    let mut now = Instant::now();
    for packet in packets.chunks(8) {
        let [marker, wait, time, payload @ ..] = packet else { return };
        now += Duration::from_millis(u64::from(*wait));
        receiver.push(payload, u32::from(*time) * 160, marker & 1 == 1, now);
    }
});
