//! What a media thread costs. Runs only where KENTONGAN_BENCH_MEDIA names a number of legs, e.g.
//! `KENTONGAN_BENCH_MEDIA=800 cargo test --release --lib media::engine::bench -- --nocapture`.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::*;
use crate::media::{Codec, Direction, TelephoneEvent};

const RUN: Duration = Duration::from_secs(20);
const SLOT: Duration = Duration::from_millis(5);

/// Callers: each sends a packet every 20 ms and notes when packets come.
struct Callers {
    sockets: Vec<mio::net::UdpSocket>,
    heard: Vec<Option<Instant>>,
    gaps: Vec<u32>,
    poll: Poll,
}

#[test]
#[expect(clippy::print_stdout, reason = "a bench is there to print")]
fn figures_of_many_legs() {
    let Some(legs) = std::env::var("KENTONGAN_BENCH_MEDIA").ok().and_then(|n| n.parse().ok())
    else {
        return;
    };
    for recording in [false, true] {
        println!("{}", run(legs, recording));
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn run(count: usize, recording: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let bind = Ipv4Addr::LOCALHOST.into();
    let engine = Engine::start(Config { bind, ports: 0..=0, ..Config::default() }).unwrap();
    let prompt = Arc::new(Clip::from_samples(&vec![2000; 8000 * 60]));
    let before = resident();
    let legs: Vec<_> = (0..count).map(|_| engine.open().unwrap()).collect();
    let mut callers = Callers::new(legs.iter().map(|(leg, _)| leg.local_addr()));
    for (number, (leg, _)) in legs.iter().enumerate() {
        leg.connect(callers.agreed(number));
        leg.play(1, vec![prompt.clone()]);
        if recording {
            leg.record(RecordSpec {
                tag: 1,
                path: dir.path().join(format!("{number}.wav")),
                max: Duration::from_secs(600),
                silence: None,
                no_input: None,
                beep: None,
            });
        }
    }
    callers.run(Duration::from_secs(2));
    callers.gaps.clear();
    let memory = resident().saturating_sub(before) / count as u64;
    let (cpu, start) = (thread_cpu(), Instant::now());
    callers.run(RUN);
    let (cpu_after, elapsed) = (thread_cpu(), start.elapsed());
    let packets = callers.gaps.len() as f64;
    callers.gaps.sort_unstable();
    let gap = |per_mille: usize| {
        let last = callers.gaps.len() - 1;
        f64::from(callers.gaps[last * per_mille / 1000]) / 1000.0
    };
    let since = |name: &str, which: usize| {
        cpu_after[name][which] - cpu.get(name).copied().unwrap_or_default()[which]
    };
    let used = |name| since(name, 0);
    let call_minutes = count as f64 * elapsed.as_secs_f64() / 60.0;
    format!(
        "{count} legs, recording: {recording}, {:.1} s, {:?}\n\
         packets heard {packets} of {:.0}; gap p50 {} p99 {} p99.9 {} max {} ms\n\
         media thread {:.2} us a pair, {:.4} CPU s a call-minute, waited {:.1} s for a CPU; recorder {:.4}\n\
         {memory} bytes resident a leg, callers included",
        elapsed.as_secs_f64(),
        engine.lateness(),
        count as f64 * elapsed.as_secs_f64() * 50.0,
        gap(500),
        gap(990),
        gap(999),
        gap(1000),
        used("media-0").as_secs_f64() * 1e6 / packets,
        used("media-0").as_secs_f64() / call_minutes,
        since("media-0", 1).as_secs_f64(),
        used("recorder").as_secs_f64() / call_minutes,
    )
}

impl Callers {
    fn new(legs: impl Iterator<Item = SocketAddr>) -> Callers {
        let poll = Poll::new().unwrap();
        let sockets: Vec<_> = legs
            .enumerate()
            .map(|(number, leg)| {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                socket.connect(leg).unwrap();
                socket.set_nonblocking(true).unwrap();
                let mut socket = mio::net::UdpSocket::from_std(socket);
                let token = Token(number);
                poll.registry().register(&mut socket, token, Interest::READABLE).unwrap();
                socket
            })
            .collect();
        Callers { heard: vec![None; sockets.len()], sockets, gaps: Vec::new(), poll }
    }

    fn agreed(&self, number: usize) -> Negotiated {
        Negotiated {
            remote: Some(self.sockets[number].local_addr().unwrap()),
            remote_rtcp: None,
            codec: Codec::Pcma,
            payload_type: 8,
            telephone_event: Some(TelephoneEvent { payload_type: 101, offered: 101, clock: 8000 }),
            direction: Direction::SendRecv,
            ptime: 20,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
    fn run(&mut self, length: Duration) {
        let mut events = Events::with_capacity(1024);
        let start = Instant::now();
        let mut packet = [0x55; 172];
        packet[..2].copy_from_slice(&[0x80, 8]);
        let mut slot = 0u32;
        while start.elapsed() < length {
            let due = start + SLOT * slot;
            loop {
                let wait = due.saturating_duration_since(Instant::now());
                self.poll.poll(&mut events, Some(wait)).unwrap();
                self.hear(&events);
                if Instant::now() >= due {
                    break;
                }
            }
            let number = (length.as_secs() as u32 * 50 + slot / 4).to_be_bytes();
            packet[2..4].copy_from_slice(&number[2..]);
            packet[4..8].copy_from_slice(&(slot / 4 * 160).to_be_bytes());
            let turn = self.sockets.iter().skip(slot as usize % 4).step_by(4);
            turn.for_each(|socket| drop(socket.send(&packet)));
            slot += 1;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
    fn hear(&mut self, events: &Events) {
        let mut packet = [0; 1500];
        for event in events {
            let number = event.token().0;
            while self.sockets[number].recv(&mut packet).is_ok() {
                let now = Instant::now();
                if let Some(last) = self.heard[number].replace(now) {
                    self.gaps.push((now - last).as_micros() as u32);
                }
            }
        }
    }
}

/// Bytes of memory in use by this process.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// CPU time by thread name, and how long the thread waited for a CPU.
fn thread_cpu() -> HashMap<String, [Duration; 2]> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    threads
        .filter_map(|thread| {
            let name = fs::read_to_string(thread.path().join("comm")).ok()?.trim().to_owned();
            let nanos = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let mut times =
                nanos.split(' ').map(|nanos| Some(Duration::from_nanos(nanos.parse().ok()?)));
            Some((name, [times.next()??, times.next()??]))
        })
        .collect()
}
