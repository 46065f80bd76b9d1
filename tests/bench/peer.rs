//! The callers' end of the audio: one thread, one socket for each call, packets every 20 ms.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

use crate::caller::{Caller, PACKET, Plan};
use crate::machine;

/// Calls are spread over the 20 ms in slots of 2 ms.
const SLOTS: usize = 10;
const SLOT: Duration = Duration::from_millis(2);

/// Where one caller's packets go.
pub struct Line {
    rtp: UdpSocket,
    /// Held, so that reports meant for this caller (RFC 3550 section 11: the next port) reach no other. Nobody reads them.
    _rtcp: UdpSocket,
    pub port: u16,
}

/// The lines of the callers of one step, on ports that the kernel chose.
pub fn lines(count: usize) -> io::Result<Vec<Line>> {
    let mut lines = Vec::with_capacity(count);
    // Ports that fit no pair are held until all are found, or the kernel would offer them again.
    let mut unfit = Vec::new();
    while lines.len() < count {
        let rtp = UdpSocket::bind(("127.0.0.1", 0))?;
        let port = rtp.local_addr()?.port();
        match UdpSocket::bind(("127.0.0.1", port.saturating_add(1))) {
            Ok(rtcp) if port % 2 == 0 => {
                rtp.set_nonblocking(true)?;
                setsockopt(&rtp, sockopt::ReceiveTimestampns, &true)?;
                lines.push(Line { rtp, _rtcp: rtcp, port });
            }
            _ => unfit.push(rtp),
        }
    }
    Ok(lines)
}

/// Callers at work until they are called home.
pub struct Peer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Caller>>>,
}

impl Peer {
    pub fn start(lines: Vec<Line>, plan: Plan) -> Peer {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            machine::pin(machine::GENERATOR);
            Desk::new(lines, plan)?.run(&stopped)
        });
        Peer { stop, thread }
    }

    /// Ends the thread; its callers, in the order of their lines.
    pub fn stop(self) -> io::Result<Vec<Caller>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| io::Error::other("the thread of the callers panicked"))?
    }
}

/// What the thread works with.
struct Desk {
    lines: Vec<Line>,
    connected: Vec<bool>,
    callers: Vec<Caller>,
    epoll: Epoll,
    control: Vec<u8>,
    start: Instant,
}

impl Desk {
    fn new(lines: Vec<Line>, plan: Plan) -> io::Result<Desk> {
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        for (n, line) in lines.iter().enumerate() {
            epoll.add(&line.rtp, EpollEvent::new(EpollFlags::EPOLLIN, n as u64))?;
        }
        Ok(Desk {
            connected: vec![false; lines.len()],
            callers: (0..lines.len()).map(|n| Caller::new(plan, n as u32 + 1)).collect(),
            lines,
            epoll,
            control: nix::cmsg_space!(TimeSpec),
            start: Instant::now(),
        })
    }

    fn run(mut self, stop: &AtomicBool) -> io::Result<Vec<Caller>> {
        let mut events = [EpollEvent::empty(); 256];
        let mut slot = 0;
        let mut due = SLOT;
        while !stop.load(Ordering::Relaxed) {
            while self.start.elapsed() >= due {
                self.send(slot % SLOTS);
                slot += 1;
                due += SLOT;
            }
            let wait = due.saturating_sub(self.start.elapsed()).as_millis() as u16;
            let ready = match self.epoll.wait(&mut events, EpollTimeout::from(wait)) {
                Err(nix::Error::EINTR) => 0,
                ready => ready?,
            };
            for event in &events[..ready] {
                self.receive(event.data() as usize);
            }
        }
        Ok(self.callers)
    }

    fn send(&mut self, slot: usize) {
        let now = self.start.elapsed();
        let mut buffer = [0; PACKET];
        for n in (slot..self.lines.len()).step_by(SLOTS) {
            if !self.connected[n] {
                continue;
            }
            if let Some(packet) = self.callers[n].speak(now, &mut buffer) {
                // A call that is over refuses packets; its caller goes on like a real phone would.
                let _ = self.lines[n].rtp.send(packet);
            }
        }
    }

    fn receive(&mut self, n: usize) {
        let mut buffer = [0; 2048];
        let Some((length, at, from)) =
            datagram(self.lines[n].rtp.as_raw_fd(), &mut buffer, &mut self.control)
        else {
            return;
        };
        if !self.connected[n] && self.lines[n].rtp.connect(from).is_ok() {
            self.connected[n] = true;
        }
        self.callers[n].hear(&buffer[..length], at, self.start.elapsed());
    }
}

/// One datagram: its length, the kernel's time of it in microseconds since 1970, and where it came from.
fn datagram(
    socket: RawFd,
    buffer: &mut [u8],
    control: &mut [u8],
) -> Option<(usize, i64, SocketAddr)> {
    let mut parts = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrIn>(socket, &mut parts, Some(control), MsgFlags::MSG_DONTWAIT).ok()?;
    let at = message.cmsgs().ok()?.find_map(|part| match part {
        ControlMessageOwned::ScmTimestampns(at) => {
            Some(at.tv_sec() * 1_000_000 + at.tv_nsec() / 1000)
        }
        _ => None,
    })?;
    let from = message.address?;
    Some((message.bytes, at, SocketAddr::from((from.ip(), from.port()))))
}
