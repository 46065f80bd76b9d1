//! A bad network between a caller and a hotline: datagrams of SIP and of RTP are lost, doubled, late and out of order.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kentongan::phone::Phone;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::hotline::Hotline;
use crate::rows;

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
        loop {
            let Ok((len, source)) = sides[from].socket.recv_from(&mut buf).await else { continue };
            sides[from].peer.get_or_init(|| source);
            let Some(&to) = sides[1 - from].peer.get() else { continue };
            let datagram = match kind {
                Kind::Sip => self.readdressed(from, to, &buf[..len]),
                Kind::Rtp => buf[..len].to_vec(),
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
