//! The media threads: every call's packets, on one or two threads of their own.
//!
//! A thread wakes every 5 ms and serves the calls whose turn it is: it reads what has come to their sockets since
//! their last turn, then sends what is due. Sends are thereby spread over the packet interval, and a call costs
//! three system calls in 20 ms. Nothing waits for a disk, a lock that is held for long, or another call.

mod config;
mod lateness;
mod port;
mod thread;
mod urgent;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::media::recorder::Recorder;
use crate::media::session::{Session, Start};
use crate::media::{Clip, LegEvent, Negotiated, PlayTag, RecordSpec, recorder};
pub use config::Config;
use lateness::Board;
pub use lateness::Lateness;
use port::Ports;
use thread::{Command, LegId, NewLeg, Order};

/// A hundredth of the ticks this late: a packet interval is over, and callers hear it.
const TOO_LATE: Duration = Duration::from_millis(20);

/// Why a leg could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The answer to the caller is 503; the remedy a wider range.
    #[error("every RTP port of the configured range is in use")]
    NoPort,
    #[error("the process may not open more files; raise LimitNOFILE (each call takes three)")]
    NoDescriptor,
    #[error("no RTP socket can be opened on {address}: {error}")]
    Bind { address: IpAddr, error: io::Error },
    #[error("the media thread has ended")]
    Stopped,
}

/// The media threads and the recorder. Dropping it closes every leg and waits until recordings are complete.
pub struct Engine {
    config: Config,
    ports: Arc<Ports>,
    threads: Vec<Thread>,
    next_leg: AtomicU64,
    // After the threads: it ends when they have let go of it.
    recorder: Recorder,
}

/// One media thread, seen from outside.
struct Thread {
    door: Door,
    board: Arc<Board>,
    legs: Arc<AtomicUsize>,
    join: Option<JoinHandle<()>>,
}

/// The way into a thread.
#[derive(Clone)]
struct Door {
    orders: Sender<Order>,
    waker: Arc<mio::Waker>,
}

impl Door {
    /// Whether the thread is still there to hear it.
    fn submit(&self, order: Order) -> bool {
        self.orders.send(order).is_ok() && self.waker.wake().is_ok()
    }
}

impl Engine {
    /// Starts the threads.
    pub fn start(config: Config) -> io::Result<Engine> {
        allow_many_files();
        let recorder = Recorder::start()?;
        let threads = (0..config.threads.clamp(1, 2))
            .map(|number| Thread::start(number, &recorder))
            .collect::<io::Result<_>>()?;
        Ok(Engine {
            ports: Ports::new(config.bind, &config.ports),
            threads,
            next_leg: AtomicU64::new(0),
            recorder,
            config,
        })
    }

    /// Opens a leg: a port to name in a session description, silent until [`Leg::connect`]. The receiver ends with
    /// [`LegEvent::Closed`].
    pub fn open(&self) -> Result<(Leg, UnboundedReceiver<LegEvent>), OpenError> {
        let pair = self.ports.take()?;
        let address = SocketAddr::new(self.config.advertised(), pair.lease.port);
        let id = LegId(self.next_leg.fetch_add(1, Ordering::Relaxed));
        let (events, told) = unbounded_channel();
        let session = Session::new(self.config.session(), random_start());
        let thread = self
            .threads
            .iter()
            .min_by_key(|thread| thread.legs.load(Ordering::Relaxed))
            .ok_or(OpenError::Stopped)?;
        thread.legs.fetch_add(1, Ordering::Relaxed);
        let leg = Leg { id, address, door: thread.door.clone() };
        let order = Order::Open(Box::new(NewLeg { id, pair, session, events }));
        thread.door.submit(order).then_some((leg, told)).ok_or(OpenError::Stopped)
    }

    /// How late the threads are: the sign by which to refuse calls.
    pub fn lateness(&self) -> Lateness {
        self.threads
            .iter()
            .map(|thread| thread.board.read())
            .reduce(Lateness::worse)
            .unwrap_or_default()
    }

    /// Whether the threads run so late that callers would hear gaps: no more calls then.
    pub fn is_late(&self) -> bool {
        self.lateness().p99 > TOO_LATE
    }

    /// Legs that are open.
    pub fn legs(&self) -> usize {
        self.threads.iter().map(|thread| thread.legs.load(Ordering::Relaxed)).sum()
    }

    /// The error state of the recordings' disk: set by a recording that failed, cleared by one that succeeded.
    pub fn recorder_fault(&self) -> Option<recorder::Fault> {
        self.recorder.fault()
    }

    /// Ends that error state, unless another fault has come since `tried`.
    pub fn clear_recorder_fault(&self, tried: &recorder::Fault) {
        self.recorder.clear_fault(tried);
    }
}

impl Thread {
    fn start(number: usize, recorder: &Recorder) -> io::Result<Thread> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), thread::WAKER)?);
        let (orders, queue) = std::sync::mpsc::channel();
        let board = Arc::new(Board::default());
        let legs = Arc::new(AtomicUsize::new(0));
        let worker =
            thread::Worker::new(poll, queue, recorder.handle(), board.clone(), legs.clone());
        let join =
            std::thread::Builder::new().name(format!("media-{number}")).spawn(move || {
                urgent::make_urgent();
                worker.run();
            })?;
        Ok(Thread { door: Door { orders, waker }, board, legs, join: Some(join) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.door.submit(Order::Shutdown);
        if let Some(join) = self.join.take() {
            let _ = join.join();
        }
    }
}

/// One call's handle on its audio. Nothing here waits; what comes of it is told by events. Dropping it closes the
/// leg and frees its ports.
pub struct Leg {
    id: LegId,
    address: SocketAddr,
    door: Door,
}

impl Leg {
    /// Where the other side should send its RTP: the advertised address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes over what was agreed on, at the answer and at every later one.
    pub fn connect(&self, agreed: Negotiated) {
        self.submit(Command::Connect(Box::new(agreed)));
    }

    /// Plays clips without a gap, in place of what is playing.
    pub fn play(&self, tag: PlayTag, clips: Vec<Arc<Clip>>) {
        self.submit(Command::Play(tag, clips));
    }

    /// Falls silent with the next packet.
    pub fn stop_playing(&self) {
        self.submit(Command::StopPlaying);
    }

    /// Starts a recording; [`LegEvent::Recorded`] tells its end.
    pub fn record(&self, spec: RecordSpec) {
        self.submit(Command::Record(Box::new(spec)));
    }

    /// Ends the recording that runs.
    pub fn stop_recording(&self) {
        self.submit(Command::StopRecording);
    }

    /// Sends keys as telephone-events (RFC 4733).
    pub fn send_digits(&self, digits: &str) {
        self.submit(Command::SendDigits(digits.to_owned()));
    }

    /// Gives everything heard from now on to `ear` as well, in order, decoded: for the test phone.
    pub fn listen(&self, ear: UnboundedSender<Vec<i16>>) {
        self.submit(Command::Listen(ear));
    }

    /// Closes the leg; the same as dropping it.
    pub fn close(self) {}

    fn submit(&self, command: Command) {
        // A thread that has ended has closed this leg and told so.
        self.door.submit(Order::Leg(self.id, command));
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.submit(Command::Close);
    }
}

fn random_start() -> Start {
    Start { ssrc: rand::random(), sequence: rand::random(), timestamp: rand::random() }
}

/// Raises the soft limit of open files to the hard one: the usual 1024 end at 340 calls.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;
