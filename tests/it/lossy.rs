//! A bad network between a caller and a hotline: datagrams of SIP and of RTP are lost, doubled, late and out of order.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kentongan::media::{Clip, Codec};
use kentongan::phone::ear::{Heard, likeness};
use kentongan::phone::{Met, Phone, PhoneCall};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::caller::{PATIENCE, PROMPTS, dial_by, hears, hears_code, names};
use crate::hotline::{Hotline, get, slow};
use crate::{loopback, rows};

/// How bad a way is: chances from 0 to 1 for each datagram, and times.
#[derive(Clone, Copy)]
struct Plan {
    lose: f64,
    double: f64,
    /// How many come later by [`OVERTAKEN`].
    reorder: f64,
    /// Each comes later by up to this.
    jitter: Duration,
}

/// Later than the two RTP packets that follow.
const OVERTAKEN: Duration = Duration::from_millis(45);

impl Plan {
    /// How late each copy of the next datagram comes; no copy if it is lost.
    fn throw(self, chance: &mut StdRng) -> Vec<Duration> {
        if chance.random::<f64>() < self.lose {
            return Vec::new();
        }
        let copies = if chance.random::<f64>() < self.double { 2 } else { 1 };
        let mut late = || {
            let overtaken = chance.random::<f64>() < self.reorder;
            self.jitter.mul_f64(chance.random()) + OVERTAKEN * u32::from(overtaken)
        };
        (0..copies).map(|_| late()).collect()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Sip,
    Rtp,
}

/// A socket of the network and whom it speaks to.
struct Side {
    socket: UdpSocket,
    peer: OnceLock<SocketAddr>,
}

impl Side {
    async fn new() -> Side {
        loop {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // Ports of five digits, like all that the kernel chooses, leave the length of a description as it is.
            if socket.local_addr().unwrap().port() >= 10_000 {
                return Side { socket, peer: OnceLock::new() };
            }
        }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }
}

/// The network between one caller and the hotline: a side towards each. Each knows the other by an address of the
/// network, in SIP headers and session descriptions too, so nothing goes past it. RTCP has no way through.
struct Network {
    sip: [Side; 2],
    rtp: [Side; 2],
    lost: [AtomicU32; 2],
}

const CALLER: usize = 0;
const HOTLINE: usize = 1;

/// A network that is up until it is dropped.
struct Line {
    network: Arc<Network>,
    _carriers: JoinSet<()>,
}

impl Line {
    async fn to(hotline: &Hotline, sip: Plan, rtp: Plan, seed: u64) -> Line {
        let network = Arc::new(Network {
            sip: [Side::new().await, Side::new().await],
            rtp: [Side::new().await, Side::new().await],
            lost: Default::default(),
        });
        let server = (Ipv4Addr::LOCALHOST, hotline.sip_port).into();
        network.sip[HOTLINE].peer.set(server).unwrap();
        let mut carriers = JoinSet::new();
        for from in [CALLER, HOTLINE] {
            carriers.spawn(network.clone().carry(Kind::Sip, from, sip, seed));
            carriers.spawn(network.clone().carry(Kind::Rtp, from, rtp, seed));
        }
        Line { network, _carriers: carriers }
    }

    fn uri(&self) -> String {
        format!("sip:100@{}", self.network.sip[CALLER].address())
    }

    fn lost(&self, kind: Kind) -> u32 {
        self.network.lost[kind as usize].load(Ordering::Relaxed)
    }
}

impl Network {
    /// Carries what comes in on the side `from` to the other one.
    async fn carry(self: Arc<Network>, kind: Kind, from: usize, plan: Plan, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed * 2 + from as u64);
        let sides = self.sides(kind);
        let mut buf = vec![0; 65_535];
        let mut first = None;
        loop {
            let Ok((len, source)) = sides[from].socket.recv_from(&mut buf).await else { continue };
            sides[from].peer.get_or_init(|| source);
            let Some(&to) = sides[1 - from].peer.get() else { continue };
            let datagram = match kind {
                Kind::Sip => self.readdressed(from, to, &buf[..len]),
                Kind::Rtp => wrapping(&mut first, from, &buf[..len]),
            };
            let copies = plan.throw(&mut chance);
            if copies.is_empty() {
                self.lost[kind as usize].fetch_add(1, Ordering::Relaxed);
            }
            for late in copies {
                let (network, datagram) = (self.clone(), datagram.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    // After the call nobody is there any more: lost as well.
                    let _ = network.sides(kind)[1 - from].socket.send_to(&datagram, to).await;
                });
            }
        }
    }

    fn sides(&self, kind: Kind) -> &[Side; 2] {
        match kind {
            Kind::Sip => &self.sip,
            Kind::Rtp => &self.rtp,
        }
    }

    /// A message from the side `from` as the other side may see it.
    fn readdressed(&self, from: usize, to: SocketAddr, message: &[u8]) -> Vec<u8> {
        let (here, there) = (&self.sip[from], &self.sip[1 - from]);
        let sender = here.peer.get().expect("it has sent this");
        let text = String::from_utf8(message.to_vec()).expect("our own SIP is text");
        let text = text
            .replace(&sender.to_string(), &there.address().to_string())
            .replace(&here.address().to_string(), &to.to_string());
        let Some((before, rest)) = text.split_once("m=audio ") else { return text.into_bytes() };
        let (port, after) = rest.split_once(' ').expect("an m= line has more than a port");
        let media = (Ipv4Addr::LOCALHOST, port.parse().unwrap()).into();
        self.rtp[from].peer.get_or_init(|| media);
        let port = self.rtp[1 - from].address().port();
        format!("{before}m=audio {port} {after}").into_bytes()
    }
}

/// How much of the hotline's prompts, and of the caller's stream, has gone by when its sequence numbers wrap: in mid-prompt,
/// and in mid-story.
const WRAPS_AFTER: [u16; 2] = [1250, 800];
/// Packets between that and the wrap of the timestamps.
const WRAPS_APART: u32 = 100;

/// A packet of a stream with its numbers moved so that both wrap in mid-call. `first` is what its first packet had.
fn wrapping(first: &mut Option<(u16, u32)>, from: usize, packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let (Some(sequence), Some(timestamp)) = (packet[2..].first_chunk(), packet[4..].first_chunk())
    else {
        return packet;
    };
    let (sequence, timestamp) = (u16::from_be_bytes(*sequence), u32::from_be_bytes(*timestamp));
    let (first_sequence, first_timestamp) = *first.get_or_insert((sequence, timestamp));
    let before = WRAPS_AFTER[from];
    let sequence = sequence.wrapping_sub(first_sequence).wrapping_sub(before);
    let samples = (u32::from(before) + WRAPS_APART) * 160;
    let timestamp = timestamp.wrapping_sub(first_timestamp).wrapping_sub(samples);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet
}

/// 1, a story, `#`, `#`: the code that is heard, and how many packets were lost on its way to the caller.
async fn report(mut call: PhoneCall, story: Arc<Clip>) -> (String, u64) {
    hears(&mut call, "salam/direkam").await;
    hears(&mut call, "menu/lapor").await;
    call.press("1");
    hears(&mut call, "lapor/akhiri").await;
    // Two packets lost hide a tone so short: then the hotline hears nobody, says so and sounds another. A disk that
    // takes its time may keep it waiting.
    let tone = |heard: &[Heard]| heard.iter().any(|h| h.id == "bunyi/bip");
    let met = call.until(Duration::from_secs(60), tone).await;
    assert_eq!(met, Met::Yes, "no tone: {:?}", names(call.heard()));
    call.say(story);
    assert_eq!(call.said(PATIENCE).await, Met::Yes);
    call.press("#");
    hears(&mut call, "periksa/pilihan").await;
    call.press("#");
    let code = hears_code(&mut call).await;
    (code, call.hang_up().await.stats.packets_lost)
}

/// 2, the code, and the status.
async fn ask(mut call: PhoneCall, code: &str) -> u64 {
    hears(&mut call, "menu/cek").await;
    call.press("2");
    hears(&mut call, "cek/masukkan_kode").await;
    call.press(code);
    hears(&mut call, "status/diterima").await;
    call.hang_up().await.stats.packets_lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_and_a_question_get_through_a_bad_line_to_the_last_key() {
    if !slow() {
        return;
    }
    const CALLERS: u64 = 3;
    let sip = Plan { lose: 0.05, double: 0.05, reorder: 0.1, jitter: Duration::from_millis(20) };
    let rtp = Plan { lose: 0.03, double: 0.03, reorder: 0.03, jitter: Duration::from_millis(20) };
    let mut hotline = Hotline::start("").unwrap();
    let phone = Arc::new(Phone::new(Ipv4Addr::LOCALHOST.into(), "+6281200000000").await.unwrap());
    // Made before the first call: it takes longer than the first words.
    drop(PROMPTS.ear(Codec::Pcma));
    let mut callers = JoinSet::new();
    for seed in 0..CALLERS {
        let lines = [seed, seed + CALLERS].map(|seed| Line::to(&hotline, sip, rtp, seed));
        let [reporting, asking] = lines;
        let (reporting, asking, phone) = (reporting.await, asking.await, phone.clone());
        callers.spawn(async move {
            let story = loopback::voice(seed, Duration::from_secs(8));
            let call = dial_by(&phone, &reporting.uri()).await;
            let (code, told) = report(call, story.clone()).await;
            let call = dial_by(&phone, &asking.uri()).await;
            let asked = ask(call, &code).await;
            (code, story, told + asked, reporting.lost(Kind::Rtp) + asking.lost(Kind::Rtp))
        });
    }
    let callers = callers.join_all().await;
    let (_, metrics) = get(hotline.http_port, "/metrics").unwrap();
    // 1, #, #; 2 and eight digits.
    let digits = format!("kentongan_digits_total {}\n", CALLERS * 12);
    assert!(metrics.contains(&digits), "a key was lost or came twice: {metrics}");
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());

    let mut codes: Vec<&String> = callers.iter().map(|(code, ..)| code).collect();
    let mut opened = rows::codes(&hotline).await;
    codes.sort();
    opened.sort();
    assert_eq!(codes, opened.iter().collect::<Vec<_>>(), "heard, and opened");
    let calls = rows::calls(&hotline).await;
    assert_eq!(calls.len(), 2 * CALLERS as usize, "{calls:?}");
    let reports = calls.iter().filter(|call| {
        call.did("menu_utama", "key 1") && call.did("lapor", "key #") && call.did("periksa", "sent")
    });
    assert_eq!(reports.count(), CALLERS as usize, "{calls:?}");
    let asked = calls.iter().filter(|call| call.did("cek", "found")).count();
    assert_eq!(asked, CALLERS as usize, "{calls:?}");

    let lost: u64 = callers.iter().map(|(.., lost)| u64::from(*lost)).sum();
    let missed: u64 = callers.iter().map(|(_, _, missed, _)| missed).sum();
    let missed = missed + calls.iter().map(|call| call.packets_lost as u64).sum::<u64>();
    assert!(lost > 100, "the line was good: {lost} lost");
    // What is lost last is missed by nobody.
    assert!((lost * 3 / 4..=lost).contains(&missed), "{lost} lost, {missed} of them missed");

    let recordings = rows::recordings(&hotline).await;
    assert_eq!(recordings.len(), CALLERS as usize);
    for recording in &recordings {
        // The key comes a little after it.
        assert!((7900..10_000).contains(&recording.duration_ms), "{}", recording.duration_ms);
    }
    for (_, story, ..) in &callers {
        let best = recordings
            .iter()
            .map(|recording| likeness(&hotline.data.join(&recording.file), story).unwrap())
            .fold(0.0, f64::max);
        assert!(best > 0.9, "a recording holds what was said: likeness {best:.3}");
    }
}

/// Enough calls that each message of a call is lost in some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_over_a_line_that_loses_a_fifth_is_one_call_and_ends() {
    const CALLS: u64 = 12;
    let sip = Plan { lose: 0.2, double: 0.2, reorder: 0.2, jitter: Duration::from_millis(20) };
    let rtp = Plan { lose: 0.0, double: 0.0, reorder: 0.0, jitter: Duration::ZERO };
    let mut hotline = Hotline::start("").unwrap();
    let phone = Arc::new(Phone::new(Ipv4Addr::LOCALHOST.into(), "+6281200000000").await.unwrap());
    let mut calls = JoinSet::new();
    for seed in 0..CALLS {
        let (line, phone) = (Line::to(&hotline, sip, rtp, seed).await, phone.clone());
        calls.spawn(async move {
            let mut call = phone.dial(&line.uri(), None, None).await.unwrap();
            call.wait(Duration::from_millis(300)).await;
            call.hang_up().await;
            // A lost BYE is sent again by a phone that has hung up.
            tokio::time::sleep(Duration::from_secs(4)).await;
            line.lost(Kind::Sip)
        });
    }
    let lost: u32 = calls.join_all().await.into_iter().sum();
    assert!(lost > 10, "the line was good: {lost} lost");
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());
    let calls = rows::calls(&hotline).await;
    assert_eq!(calls.len(), CALLS as usize, "{calls:?}");
    assert!(
        calls.iter().all(|call| call.end_reason == "hung_up" && call.ended_by == "caller"),
        "{calls:?}"
    );
}
