//! One caller's voice, ears and fingers. Pure: packets in, packets out, time as an argument.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::voice::{self, Tone};

/// A packet's worth of audio (RFC 3551: 8000 Hz, 20 ms).
pub const SAMPLES: usize = 160;
/// An RTP packet with that much audio.
pub const PACKET: usize = 12 + SAMPLES;

const PCMA: u8 = 8;
const TELEPHONE_EVENT: u8 = 101;
const MARKER: u8 = 0x80;
const HASH: u8 = 11;
/// Second bytes that are never RTP's (RFC 5761 section 4).
const RTCP: RangeInclusive<u8> = 192..=223;

/// Between two keys that need no thought.
const BREATH: Duration = Duration::from_millis(1500);
/// A beep that has not come by now will not come.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// `1` after some of the greeting, wait for the beep, speak for so long, `#`, `#`, hear the code.
    Report { greeting: Duration, speech: Duration },
    /// Hears what is played.
    Listen,
}

/// Where a caller is. Times are since the start of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ringing,
    Listening,
    Greeted { until: Duration },
    Beep { until: Duration },
    Speaking { packets: u32 },
    Review { until: Duration },
    Code,
    Lost,
}

/// A caller in a call.
pub struct Caller {
    plan: Plan,
    stage: Stage,
    mouth: Mouth,
    tone: Tone,
    pub ear: Ear,
    pub keys: u32,
}

/// What arrived, and when.
#[derive(Default)]
pub struct Ear {
    last: Option<(u16, i64)>,
    /// The kernel's time of the first packet, in microseconds since 1970.
    pub first: Option<i64>,
    /// Between one packet and the next, in microseconds.
    pub gaps: Vec<u32>,
    pub lost: u32,
    /// Packets with sound in them after the last key.
    pub code: u32,
}

impl Caller {
    pub fn new(plan: Plan, ssrc: u32) -> Caller {
        Caller {
            plan,
            stage: Stage::Ringing,
            mouth: Mouth::new(ssrc),
            tone: Tone::default(),
            ear: Ear::default(),
            keys: 0,
        }
    }

    /// Takes a packet that the kernel received at `at` (microseconds since 1970).
    pub fn hear(&mut self, packet: &[u8], at: i64, now: Duration) {
        if packet.len() < 12 || packet[0] >> 6 != 2 || RTCP.contains(&packet[1]) {
            return;
        }
        self.ear.hear(u16::from_be_bytes([packet[2], packet[3]]), at);
        let audio = &packet[12..];
        match self.stage {
            Stage::Ringing => {
                self.stage = match self.plan {
                    Plan::Report { greeting, .. } => Stage::Greeted { until: now + greeting },
                    Plan::Listen => Stage::Listening,
                }
            }
            Stage::Beep { .. } => {
                if let Plan::Report { speech, .. } = self.plan
                    && self.tone.ended(audio)
                {
                    self.stage = Stage::Speaking { packets: packets(speech) };
                }
            }
            Stage::Code if voice::sounds(audio) => self.ear.code += 1,
            _ => {}
        }
    }

    /// The next 20 ms of this side; nothing before the call is up.
    pub fn speak<'b>(&mut self, now: Duration, buffer: &'b mut [u8; PACKET]) -> Option<&'b [u8]> {
        match self.stage {
            Stage::Ringing => return None,
            Stage::Greeted { until } if now >= until => {
                self.press(1);
                self.stage = Stage::Beep { until: now + PATIENCE };
            }
            Stage::Beep { until } if now >= until => self.stage = Stage::Lost,
            // Counted, not timed: what is recorded is as long as what was sent, however late it went.
            Stage::Speaking { packets: 0 } => {
                self.press(HASH);
                self.stage = Stage::Review { until: now + BREATH };
            }
            Stage::Speaking { packets } => self.stage = Stage::Speaking { packets: packets - 1 },
            Stage::Review { until } if now >= until => {
                self.press(HASH);
                self.stage = Stage::Code;
            }
            _ => {}
        }
        let talking = matches!(self.stage, Stage::Speaking { .. });
        Some(self.mouth.packet(talking, buffer))
    }

    /// Whether all of the plan was carried out.
    pub fn done(&self) -> bool {
        match self.plan {
            // A code takes longer than this to say.
            Plan::Report { .. } => self.stage == Stage::Code && self.ear.code > 200,
            Plan::Listen => self.stage == Stage::Listening,
        }
    }

    /// Where this caller is, for those who ask why it got no further.
    pub fn stage(&self) -> String {
        format!("{:?}", self.stage)
    }

    fn press(&mut self, event: u8) {
        self.mouth.key = Some(Key { event, begun: self.mouth.timestamp, sent: 0 });
        self.keys += 1;
    }
}

impl Ear {
    fn hear(&mut self, sequence: u16, at: i64) {
        if let Some((last, before)) = self.last {
            let step = sequence.wrapping_sub(last);
            if step == 0 || step > u16::MAX / 2 {
                return;
            }
            self.lost += u32::from(step) - 1;
            self.gaps.push(u32::try_from(at - before).unwrap_or(0));
        }
        self.first.get_or_insert(at);
        self.last = Some((sequence, at));
    }
}

/// Packets of so much audio.
fn packets(length: Duration) -> u32 {
    (length.as_millis() / 20) as u32
}

/// The sending side of an RTP stream (RFC 3550) with keys (RFC 4733).
struct Mouth {
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    key: Option<Key>,
}

/// A key being pressed: four packets of it, then three that say it ended.
#[derive(Clone, Copy)]
struct Key {
    event: u8,
    begun: u32,
    sent: u16,
}

const HELD: u16 = 4;
const ENDS: u16 = 3;

impl Mouth {
    fn new(ssrc: u32) -> Mouth {
        Mouth { sequence: 1, timestamp: 0, ssrc, key: None }
    }

    fn packet<'b>(&mut self, talking: bool, buffer: &'b mut [u8; PACKET]) -> &'b [u8] {
        let length = match self.key {
            Some(key) => self.key_packet(key, buffer),
            None => {
                let audio = if talking { voice::speech(self.timestamp) } else { &voice::SILENCE };
                self.header(PCMA, self.timestamp, buffer);
                buffer[12..].copy_from_slice(audio);
                PACKET
            }
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES as u32);
        &buffer[..length]
    }

    fn key_packet(&mut self, key: Key, buffer: &mut [u8; PACKET]) -> usize {
        let marker = if key.sent == 0 { MARKER } else { 0 };
        self.header(TELEPHONE_EVENT | marker, key.begun, buffer);
        let duration = (key.sent + 1).min(HELD + 1) * SAMPLES as u16;
        let end = if key.sent >= HELD { 0x80 } else { 0 };
        buffer[12] = key.event;
        buffer[13] = end | 10;
        buffer[14..16].copy_from_slice(&duration.to_be_bytes());
        let sent = key.sent + 1;
        self.key = (sent < HELD + ENDS).then_some(Key { sent, ..key });
        16
    }

    fn header(&self, kind: u8, timestamp: u32, buffer: &mut [u8; PACKET]) {
        buffer[0] = 0x80;
        buffer[1] = kind;
        buffer[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        buffer[4..8].copy_from_slice(&timestamp.to_be_bytes());
        buffer[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}
