//! The adapter to rsipstack.
//!
//! rsipstack brings transports, transactions and the dialog's bookkeeping; this adds what it leaves to its user: who may
//! speak, whether there is room, one task that owns each dialog (`owner`), offers in order, session timers, an orderly end.
//! Its own log holds whole messages with people's numbers at level info: whoever sets up the log must cap `rsipstack` at warn.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rsipstack::EndpointBuilder;
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::DialogStateSender;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::{Header, Request, Transport, Uri};
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transport::TransportLayer;
use rsipstack::transport::udp::UdpConnection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

pub use call::{AnswerError, InboundCall};
pub use config::{Config, Trunk};
pub use dial::{Dial, DialError};
pub use dialog::{Dialog, Reoffer};
pub use transport::source_towards;

use super::Admission;
use super::socket::{Edge, EdgeSocket};
use super::timers::SessionTimer;
use super::trace::Traces;
use owner::{Command, Input};

mod admission;
mod call;
mod config;
mod dial;
mod dialog;
mod dispatch;
mod owner;
mod reply;
mod transport;
mod wire;

/// Calls that may wait for the application to take them; beyond that they are refused with 503.
const BACKLOG: usize = 1024;

/// Why the agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen for SIP on UDP {listen}: {source}")]
    Udp { listen: SocketAddr, source: io::Error },
    #[error("cannot listen for SIP on TCP {listen}: {source}")]
    Tcp { listen: SocketAddr, source: io::Error },
    #[error("the advertised SIP address {advertised:?} cannot be looked up: {source}")]
    Advertised { advertised: String, source: io::Error },
    #[error("the SIP stack did not start: {0}")]
    Stack(String),
}

/// Figures for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls between INVITE and the end of BYE.
    pub dialogs: usize,
    pub transactions: usize,
    /// Transactions that are over and kept to absorb retransmissions, for 64*T1.
    pub finished_transactions: usize,
    /// 200s without their ACK yet.
    pub waiting_for_ack: usize,
    /// TCP connections.
    pub connections: usize,
}

/// Listens, and dials.
pub struct UserAgent {
    shared: Arc<Shared>,
    local: SocketAddr,
}

/// What the tasks of one agent share.
struct Shared {
    config: Config,
    local: SocketAddr,
    /// What Via and Contact say, when it is not the address we listen on.
    advertised: Option<SocketAddr>,
    endpoint: EndpointInnerRef,
    layer: Arc<DialogLayer>,
    states: DialogStateSender,
    door: Arc<admission::Door>,
    edge: Arc<Edge>,
    traces: Arc<Traces>,
    dialogs: Mutex<HashMap<DialogId, mpsc::UnboundedSender<Input>>>,
    /// The far ends of the TCP connections that are open.
    connected: Arc<Mutex<HashSet<SocketAddr>>>,
    owners: TaskTracker,
    stop: CancellationToken,
}

impl UserAgent {
    /// Listens as `config` says. Calls come from the receiver; one that nobody takes is refused.
    pub async fn bind(
        config: Config,
    ) -> Result<(UserAgent, mpsc::Receiver<InboundCall>), BindError> {
        let (udp, tcp) = transport::bind(config.listen, config.tcp)?;
        let local =
            udp.local_addr().map_err(|source| BindError::Udp { listen: config.listen, source })?;
        let advertised = match &config.advertised {
            Some(text) => Some(transport::advertised(text, local.port()).await?),
            None => None,
        };
        let stop = CancellationToken::new();
        let door = Arc::new(admission::Door::default());
        let traces = Arc::new(Traces::new(config.trace_bytes()));
        let edge = Arc::new(Edge::new(config.edge(), hosts(local, advertised), traces.clone()));
        let udp = EdgeSocket::new(Arc::new(udp), edge.clone());
        let connection = UdpConnection::from_socket(Arc::new(udp), advertised, Some(stop.clone()))
            .await
            .map_err(|error| BindError::Stack(error.to_string()))?;
        let endpoint = endpoint(&config, connection, &door, &stop);
        let incoming = endpoint
            .incoming_transactions()
            .map_err(|error| BindError::Stack(error.to_string()))?;
        door.know(&endpoint.inner);
        let layer = Arc::new(DialogLayer::new(endpoint.inner.clone()));
        let (states, told) = layer.new_dialog_state_channel();
        let shared = Arc::new(Shared {
            layer,
            states,
            endpoint: endpoint.inner.clone(),
            local,
            advertised,
            config,
            door,
            edge,
            traces,
            dialogs: Mutex::default(),
            connected: Arc::default(),
            owners: TaskTracker::new(),
            stop,
        });
        tokio::spawn(async move { endpoint.serve().await });
        if let Some(listener) = tcp {
            tokio::spawn(transport::accept(shared.clone(), listener, local));
        }
        tokio::spawn(dispatch::tell_owners(shared.clone(), told));
        let (calls, receiver) = mpsc::channel(BACKLOG);
        tokio::spawn(dispatch::run(shared.clone(), incoming, calls));
        info!(%local, tcp = shared.config.tcp, "listening for SIP");
        Ok((UserAgent { shared, local }, receiver))
    }

    /// Where UDP listens, and TCP if it does.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Whether new calls are let in from now on. Requests within calls always pass.
    pub fn set_admission(&self, admission: Admission) {
        self.shared.door.set(admission);
    }

    /// Calls somebody; see [`Dial`].
    ///
    /// Gives the call and the answer to our offer. Dropping the future cancels the call.
    pub async fn dial(&self, dial: Dial) -> Result<(Dialog, String), DialError> {
        dial::dial(&self.shared, dial).await
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let stack = self.shared.endpoint.get_stats();
        Stats {
            dialogs: self.shared.lock().len(),
            transactions: stack.running_transactions,
            finished_transactions: stack.finished_transactions,
            waiting_for_ack: stack.waiting_ack,
            connections: self.shared.endpoint.transport_layer.connections_count(),
        }
    }

    /// Lets no new call in and waits until those in progress have ended, or `patience` is over.
    /// Gives the number of calls still there.
    pub async fn drain(&self, retry_after: u32, patience: Duration) -> usize {
        self.set_admission(Admission::Unavailable { retry_after });
        self.shared.owners.close();
        let _ = tokio::time::timeout(patience, self.shared.owners.wait()).await;
        self.shared.lock().len()
    }

    /// Hangs up every call, waits up to `patience` for the BYEs to be answered, and stops listening.
    pub async fn close(&self, patience: Duration) {
        self.set_admission(Admission::Unavailable { retry_after: 60 });
        for owner in self.shared.lock().values() {
            let why = Some("the hotline is stopping".to_owned());
            let _ = owner.send(Input::Command(Command::HangUp { why }));
        }
        self.drain(60, patience).await;
    }
}

impl Drop for UserAgent {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// The addresses by which requests call this agent; none when it listens at whichever the machine has.
fn hosts(local: SocketAddr, advertised: Option<SocketAddr>) -> Vec<String> {
    if local.ip().is_unspecified() {
        return Vec::new();
    }
    let addresses = advertised.into_iter().chain([local]).map(|at| match at.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    addresses.collect()
}

fn endpoint(
    config: &Config,
    connection: UdpConnection,
    door: &Arc<admission::Door>,
    stop: &CancellationToken,
) -> rsipstack::transaction::Endpoint {
    let transports = TransportLayer::new(stop.clone());
    // The stack hears no pings, which the edge answers, and would cut a phone off in the middle of its call.
    transports.set_stream_idle_timeout(Duration::ZERO);
    transports.add_transport(connection.into());
    let t1 = Duration::from_millis(config.t1_ms.max(1).into());
    let option =
        EndpointOption { t1, t2: t1 * 8, t4: t1 * 10, t1x64: t1 * 64, ..EndpointOption::default() };
    EndpointBuilder::new()
        .with_user_agent(&config.user_agent)
        .with_transport_layer(transports)
        .with_cancel_token(stop.clone())
        .with_option(option)
        .with_transport_inspector(Box::new(admission::DoorInspector(door.clone())))
        .build()
}

/// What a 2xx says about the session timer, and the timer it starts.
#[derive(Default)]
struct Session {
    headers: Vec<Header>,
    timer: Option<SessionTimer>,
}

impl Shared {
    /// Agrees on a session timer with the sender of an INVITE or UPDATE, or gives the Min-SE for a 422.
    fn negotiate(&self, request: &Request) -> Result<Session, Header> {
        let Some(config) = self.config.session_timer() else { return Ok(Session::default()) };
        match SessionTimer::negotiate(&wire::headers(&request.headers), &config, owner::now()) {
            Ok(accepted) => Ok(Session {
                headers: wire::fields(accepted.headers).collect(),
                timer: accepted.timer,
            }),
            Err(short) => Err(reply::named("Min-SE", short.min_se.as_secs().to_string())),
        }
    }

    fn is_connected(&self, peer: SocketAddr) -> bool {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).contains(&peer)
    }

    /// 64*T1: how long a server waits for the ACK (RFC 3261 section 13.3.1.4).
    fn patience(&self) -> Duration {
        Duration::from_millis(self.config.t1_ms.max(1).into()) * 64
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DialogId, mpsc::UnboundedSender<Input>>> {
        self.dialogs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a dialog that is over, here and in rsipstack, which would keep it for ever.
    fn forget(&self, id: &DialogId) {
        self.lock().remove(id);
        self.layer.remove_dialog(id);
    }

    /// The Contact for a peer.
    fn contact(&self, peer: SocketAddr, transport: Transport) -> Uri {
        let address = match self.advertised {
            Some(address) => address,
            None if self.local.ip().is_unspecified() => {
                transport::source_towards(peer, self.local.port()).unwrap_or(self.local)
            }
            None => self.local,
        };
        transport::contact(address, transport)
    }
}
