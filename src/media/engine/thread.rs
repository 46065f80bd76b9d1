//! One media thread: ticks, sockets, and the sessions between them.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use tokio::sync::mpsc::UnboundedSender;

use super::lateness::{Board, Lateness, Meter};
use super::port::{Lease, PortPair};
use crate::media::recorder::{RecorderHandle, TakeId};
use crate::media::session::{RecordingStep, Session};
use crate::media::{Clip, LegEvent, LegStats, Negotiated, PlayTag, RecordSpec};

/// The token of the waker; legs have their key in the slab.
pub const WAKER: Token = Token(usize::MAX);

/// Time between two wake-ups.
const TICK: Duration = Duration::from_millis(5);

/// Slots of the wheel: more than a turn has ticks.
const SLOTS: usize = 16;

/// Ticks that are made up for after a stall: enough for every leg to have its turn.
const MAKE_UP: u32 = SLOTS as u32;

/// Ticks between two turns of a leg with packets of 20 ms.
const USUAL_TURN: usize = 4;

/// Datagrams read for a leg in one turn: more is a flood, and waits.
const READS: usize = 8;

/// Room for the largest datagram that is of any use: 60 ms of audio, or a compound RTCP packet.
const DATAGRAM: usize = 1500;

/// From 1900 (NTP) to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// Names a leg within an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LegId(pub u64);

/// What a thread is told.
pub enum Order {
    Open(Box<NewLeg>),
    Leg(LegId, Command),
    Shutdown,
}

/// A leg on its way to its thread.
pub struct NewLeg {
    pub id: LegId,
    pub pair: PortPair,
    pub session: Session,
    pub events: UnboundedSender<LegEvent>,
}

/// What a leg is told.
pub enum Command {
    Connect(Box<Negotiated>),
    Play(PlayTag, Vec<Arc<Clip>>),
    StopPlaying,
    Record(Box<RecordSpec>),
    StopRecording,
    SendDigits(String),
    Listen(UnboundedSender<Vec<i16>>),
    Close,
}

/// A leg as its thread sees it. The lease is dropped last, when the sockets are closed.
struct Leg {
    id: LegId,
    rtp: UdpSocket,
    /// What the RTP socket is connected to.
    filter: Option<SocketAddr>,
    rtcp: mio::net::UdpSocket,
    session: Session,
    /// Ticks between two turns.
    turn: usize,
    /// The last recording; `None` until there is one.
    take: Option<TakeId>,
    events: UnboundedSender<LegEvent>,
    _lease: Lease,
}

/// The state of a media thread.
pub struct Worker {
    poll: Poll,
    queue: Receiver<Order>,
    recorder: RecorderHandle,
    board: Arc<Board>,
    /// Legs, as the engine counts them.
    count: Arc<AtomicUsize>,
    legs: Slab<Leg>,
    keys: HashMap<LegId, usize>,
    /// Whose turn it is in which of the coming ticks.
    wheel: [Vec<usize>; SLOTS],
    buffer: [u8; DATAGRAM],
}

/// The pace of a thread: ticks at fixed times from its start.
struct Pace {
    start: Instant,
    tick: u64,
}

impl Pace {
    /// When the next tick is.
    fn time(&self) -> Instant {
        self.start + Duration::from_micros(self.tick * TICK.as_micros() as u64)
    }

    /// Lets the next tick be at `now`.
    fn shift_to(&mut self, now: Instant) {
        self.start += now.saturating_duration_since(self.time());
    }

    /// After a stall, leaves only so many ticks to make up for that each leg has its turn: sessions know the time.
    fn forgive(&mut self, late: Duration) {
        if let Some(excess) = late.checked_sub(TICK * MAKE_UP) {
            self.start += excess;
        }
    }
}

/// The present on both clocks.
#[derive(Clone, Copy)]
struct Present {
    now: Instant,
    /// The wall clock in NTP's format (RFC 3550 section 4).
    ntp: u64,
}

impl Present {
    #[expect(
        clippy::disallowed_methods,
        reason = "the media thread is the edge that reads the clock"
    )]
    fn read() -> Present {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
        Present { now: Instant::now(), ntp: (wall.as_secs() + NTP_OFFSET) << 32 | fraction }
    }
}

impl Worker {
    pub fn new(
        poll: Poll,
        queue: Receiver<Order>,
        recorder: RecorderHandle,
        board: Arc<Board>,
        count: Arc<AtomicUsize>,
    ) -> Worker {
        Worker {
            poll,
            queue,
            recorder,
            board,
            count,
            legs: Slab::new(),
            keys: HashMap::new(),
            wheel: Default::default(),
            buffer: [0; DATAGRAM],
        }
    }

    /// Serves legs until it is told to shut down.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut meter = Meter::default();
        let origin = Present::read().now;
        let mut pace = Pace { start: origin, tick: 0 };
        loop {
            let idle = self.legs.is_empty();
            let wait = pace.time().saturating_duration_since(Present::read().now);
            // Waiting for sockets ends on whole milliseconds, later rather than earlier.
            let wait = Duration::from_millis(wait.as_millis() as u64);
            if let Err(error) = self.poll.poll(&mut events, (!idle).then_some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the media thread cannot wait for its sockets");
                break;
            }
            let present = Present::read();
            if idle {
                pace.shift_to(present.now);
            }
            self.read_rtcp(&events, present);
            if !self.obey(pace.tick, present) {
                break;
            }
            let rest = pace.time().saturating_duration_since(Present::read().now);
            if rest < Duration::from_millis(1) {
                std::thread::sleep(rest);
            }
            self.catch_up(&mut pace, &mut meter, origin);
            if !idle && self.legs.is_empty() {
                // A thread without legs is not late; what the last window said would stand until the next call.
                self.publish(meter.rest(Present::read().now - origin));
            }
        }
        self.close_all();
    }

    /// Has the turns whose time has come; comes back now and then even when there is no end to them.
    fn catch_up(&mut self, pace: &mut Pace, meter: &mut Meter, origin: Instant) {
        pace.forgive(Present::read().now.saturating_duration_since(pace.time()));
        for _ in 0..=MAKE_UP {
            let present = Present::read();
            let Some(late) = present.now.checked_duration_since(pace.time()) else { break };
            if let Some(lateness) = meter.record(late, present.now - origin) {
                self.publish(lateness);
            }
            self.have_turn(pace.tick, present);
            pace.tick += 1;
        }
    }

    /// Serves the legs of one tick and notes when each is next.
    fn have_turn(&mut self, tick: u64, present: Present) {
        let slot = slot(tick);
        let mut keys = std::mem::take(&mut self.wheel[slot]);
        for key in keys.drain(..) {
            if let Some(leg) = self.legs.get_mut(key) {
                leg.serve(&mut self.buffer, present);
                leg.deliver(&self.recorder);
                self.wheel[(slot + leg.turn) % SLOTS].push(key);
            }
        }
        self.wheel[slot] = keys;
    }

    fn read_rtcp(&mut self, events: &Events, present: Present) {
        for event in events.iter().filter(|event| event.token() != WAKER) {
            if let Some(leg) = self.legs.get_mut(event.token().0) {
                leg.read_rtcp(&mut self.buffer, present.now);
                leg.deliver(&self.recorder);
            }
        }
    }

    /// Carries out what has been ordered; false when that is to end.
    fn obey(&mut self, tick: u64, present: Present) -> bool {
        while let Ok(order) = self.queue.try_recv() {
            match order {
                Order::Open(leg) => self.open(*leg, tick),
                Order::Leg(id, Command::Close) => {
                    if let Some(key) = self.keys.get(&id) {
                        self.close(*key, present);
                    }
                }
                Order::Leg(id, command) => {
                    if let Some(leg) = self.keys.get(&id).and_then(|key| self.legs.get_mut(*key)) {
                        leg.obey(command, &self.recorder, present.now);
                        leg.deliver(&self.recorder);
                    }
                }
                Order::Shutdown => return false,
            }
        }
        true
    }

    fn open(&mut self, new: NewLeg, tick: u64) {
        let NewLeg { id, pair, session, events } = new;
        let entry = self.legs.vacant_entry();
        let key = entry.key();
        let mut rtcp = mio::net::UdpSocket::from_std(pair.rtcp);
        // Without it only reports of the other side go unread.
        if let Err(error) = self.poll.registry().register(&mut rtcp, Token(key), Interest::READABLE)
        {
            tracing::warn!(leg = id.0, %error, "RTCP of this leg cannot be read");
        }
        entry.insert(Leg {
            id,
            rtp: pair.rtp,
            filter: None,
            rtcp,
            session,
            turn: USUAL_TURN,
            take: None,
            events,
            _lease: pair.lease,
        });
        self.keys.insert(id, key);
        // The emptiest of the next ticks: packets of all legs are spread over the interval.
        let coming = (tick..tick + USUAL_TURN as u64).map(slot);
        if let Some(emptiest) = coming.min_by_key(|slot| self.wheel[*slot].len()) {
            self.wheel[emptiest].push(key);
        }
    }

    fn close(&mut self, key: usize, present: Present) {
        let mut leg = self.legs.remove(key);
        self.keys.remove(&leg.id);
        self.wheel.iter_mut().for_each(|slot| slot.retain(|other| *other != key));
        let _ = self.poll.registry().deregister(&mut leg.rtcp);
        if let Some((to, bye)) = leg.session.close(present.now, present.ntp) {
            let _ = leg.rtcp.send_to(&bye, to);
        }
        leg.deliver(&self.recorder);
        self.count.fetch_sub(1, Ordering::Relaxed);
        let stats = leg.session.stats();
        count(&stats);
        let (events, take) = (leg.events.clone(), leg.take);
        // The ports are free before anyone is told.
        drop(leg);
        match take {
            Some(_) => self.recorder.farewell(events, stats),
            None => drop(events.send(LegEvent::Closed(stats))),
        }
    }

    fn close_all(&mut self) {
        let present = Present::read();
        let open: Vec<usize> = self.legs.iter().map(|(key, _)| key).collect();
        open.into_iter().for_each(|key| self.close(key, present));
    }

    fn publish(&self, lateness: Lateness) {
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let cpu = Duration::try_from(cpu).unwrap_or_default();
        self.board.write(Lateness { cpu, ..lateness });
        let thread = std::thread::current().name().unwrap_or("media").to_owned();
        metrics::gauge!("kentongan_media_legs", "thread" => thread.clone())
            .set(self.legs.len() as f64);
        metrics::gauge!("kentongan_media_late_p99_seconds", "thread" => thread.clone())
            .set(lateness.p99.as_secs_f64());
        metrics::gauge!("kentongan_media_late_max_seconds", "thread" => thread.clone())
            .set(lateness.max.as_secs_f64());
        metrics::counter!("kentongan_media_late_ticks_total", "thread" => thread.clone())
            .absolute(lateness.late_ticks);
        metrics::gauge!("kentongan_media_cpu_seconds", "thread" => thread).set(cpu.as_secs_f64());
    }
}

impl Leg {
    /// Reads what has come and sends what is due.
    fn serve(&mut self, buffer: &mut [u8], present: Present) {
        for _ in 0..READS {
            match self.rtp.recv_from(buffer) {
                Ok((length, from)) => {
                    self.session.handle_packet(from, &buffer[..length], present.now);
                }
                // Nothing more; or the report of a packet of ours that found nobody, which is consumed by this.
                Err(_) => break,
            }
        }
        self.session.handle_timeout(present.now);
        if let Some(length) = self.session.poll_transmit(present.now, buffer) {
            // UDP: what cannot be sent now is lost, and the next packet tries again.
            let _ = match (self.filter, self.session.destination()) {
                (Some(_), _) => self.rtp.send(&buffer[..length]),
                (None, Some(to)) => self.rtp.send_to(&buffer[..length], to),
                (None, None) => Ok(0),
            };
        }
        self.update_filter(present.now);
        if let Some((to, report)) = self.session.poll_rtcp(present.now, present.ntp) {
            let _ = self.rtcp.send_to(&report, to);
        }
        if self.session.misses_first_packet(present.now) {
            metrics::counter!("kentongan_media_no_first_packet_total").increment(1);
            tracing::warn!(leg = self.id.0, "no RTP has come since the answer");
        }
    }

    /// Lets the kernel drop strangers' packets where only one address can be right.
    fn update_filter(&mut self, now: Instant) {
        let wanted = self.session.filter(now);
        if wanted == self.filter {
            return;
        }
        let done = match wanted {
            Some(address) => self.rtp.connect(address),
            None => rustix::net::connect_unspec(&self.rtp).map_err(io::Error::from),
        };
        match done {
            Ok(()) => self.filter = wanted,
            Err(error) => tracing::debug!(leg = self.id.0, %error, "the filter stays as it was"),
        }
    }

    fn read_rtcp(&mut self, buffer: &mut [u8], now: Instant) {
        for _ in 0..READS {
            let Ok((length, from)) = self.rtcp.recv_from(buffer) else { break };
            self.session.handle_rtcp(from, &buffer[..length], now);
        }
    }

    fn obey(&mut self, command: Command, recorder: &RecorderHandle, now: Instant) {
        match command {
            Command::Connect(agreed) => {
                self.turn = turn(agreed.ptime);
                self.session.connect(*agreed, now);
            }
            Command::Play(tag, clips) => self.session.play(tag, clips),
            Command::StopPlaying => self.session.stop_playing(),
            Command::Record(spec) => self.session.record(*spec, recorder.buffer(), now),
            Command::StopRecording => self.session.stop_recording(now),
            Command::SendDigits(digits) => self.session.send_digits(&digits),
            Command::Listen(ear) => self.session.listen(ear),
            // The thread closes legs, since it also forgets them.
            Command::Close => {}
        }
    }

    /// Hands on what the session has for the recorder and for the call.
    fn deliver(&mut self, recorder: &RecorderHandle) {
        while let Some(step) = self.session.poll_recording(|| recorder.buffer()) {
            match (step, self.take) {
                (RecordingStep::Open { tag, path }, _) => {
                    self.take = Some(recorder.open(tag, path, self.events.clone()));
                }
                (RecordingStep::Samples(chunk), Some(take)) => recorder.write(take, chunk),
                (RecordingStep::Close { ended_by, speech }, Some(take)) => {
                    recorder.close(take, ended_by, speech);
                }
                (_, None) => {}
            }
        }
        while let Some(event) = self.session.poll_event() {
            // A call that no longer listens is about to drop its leg.
            let _ = self.events.send(event);
        }
    }
}

/// Ticks between two turns of a leg with packets of `ptime` ms: as many as its packets allow, so that each leaves when
/// it is due, and never more than usual, so that a key stops a prompt as soon with long packets as with short ones.
fn turn(ptime: u8) -> usize {
    let packet = usize::from(ptime) / TICK.as_millis() as usize;
    (1..=USUAL_TURN).rev().find(|turn| packet.is_multiple_of(*turn)).unwrap_or(1)
}

fn slot(tick: u64) -> usize {
    (tick % SLOTS as u64) as usize
}

fn count(stats: &LegStats) {
    metrics::counter!("kentongan_media_packets_sent_total").increment(stats.packets_sent);
    metrics::counter!("kentongan_media_packets_received_total").increment(stats.packets_received);
    metrics::counter!("kentongan_media_packets_lost_total").increment(stats.packets_lost);
    metrics::counter!("kentongan_media_packets_refused_total").increment(stats.packets_refused);
    metrics::counter!("kentongan_media_digits_total").increment(stats.digits.into());
}
