//! What is refused before a transaction exists: on TCP what the policy refuses (the socket does so on UDP), and on both
//! new calls while there is no room for them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Instant;

use rsipstack::sip::{HeadersExt, Method, Request, SipMessage};
use rsipstack::transaction::endpoint::{EndpointInner, TransportEventInspector};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::connection::TransportEvent;
use rsipstack::transport::{SipAddr, SipConnection};
use tracing::debug;

use crate::sip::Admission;
use crate::sip::policy::{Dialog, Gate, Reply, Verdict, stateless_response};
use crate::sip::socket::{self, Limiter};
use crate::sip::text::{Message, read};

/// Stands between the transports and the transactions. A request refused here costs one response and leaves nothing behind.
pub(super) struct Door {
    pub gate: Arc<Gate>,
    edge: socket::Config,
    limiter: Mutex<Limiter>,
    admission: Mutex<Admission>,
    endpoint: OnceLock<Weak<EndpointInner>>,
}

impl Door {
    pub fn new(edge: socket::Config) -> Door {
        Door {
            gate: Arc::new(Gate::new(Vec::new())),
            limiter: Mutex::new(Limiter::new(edge.rate, edge.burst)),
            edge,
            admission: Mutex::new(Admission::Open),
            endpoint: OnceLock::new(),
        }
    }

    /// The endpoint is built with the door, so the door learns of it afterwards.
    pub fn know(&self, endpoint: &Arc<EndpointInner>) {
        let _ = self.endpoint.set(Arc::downgrade(endpoint));
    }

    pub fn set(&self, admission: Admission) {
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner) = admission;
    }

    fn admission(&self) -> Admission {
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the stack may have the request; if not, it has been answered.
    async fn admits(&self, request: &Request, connection: &SipConnection, from: &SipAddr) -> bool {
        if let Some(reply) = self.busy(request) {
            answer(&request.to_bytes(), connection, from, |_| Verdict::Reply(reply)).await;
            return false;
        }
        // Datagrams have been screened by the socket, where they could still be read as they came.
        !connection.is_reliable() || self.screen(request, connection, from).await
    }

    #[expect(clippy::disallowed_methods, reason = "the edge reads the clock for the pure gate")]
    async fn screen(&self, request: &Request, connection: &SipConnection, from: &SipAddr) -> bool {
        let now = Instant::now();
        if !self.within_rate(from, now) {
            return false;
        }
        let screen =
            |request: &crate::sip::text::Request| self.gate.screen(request, Dialog::Unknown, now);
        answer(&request.to_bytes(), connection, from, screen).await
    }

    fn within_rate(&self, from: &SipAddr, now: Instant) -> bool {
        let Ok(source) = from.get_socketaddr() else { return false };
        let ip = source.ip().to_canonical();
        self.edge.unlimited.iter().any(|network| network.contains(&ip))
            || self.limiter.lock().unwrap_or_else(PoisonError::into_inner).allow(ip, now)
    }

    /// How a new call is refused for want of room.
    fn busy(&self, request: &Request) -> Option<Reply> {
        let admission = self.admission();
        let starts_call = match request.method {
            Method::Invite => true,
            // A trunk that probes us shall look elsewhere while we stop, but not while we are merely busy.
            Method::Options => matches!(admission, Admission::Unavailable { .. }),
            _ => false,
        };
        if !starts_call || request.to_header().ok()?.tag().ok()?.is_some() {
            return None;
        }
        let reply = Reply::busy(admission)?;
        // The retransmission of an INVITE that was let in belongs to its call.
        (!self.knows(request)).then_some(reply)
    }

    fn knows(&self, request: &Request) -> bool {
        let Some(endpoint) = self.endpoint.get().and_then(Weak::upgrade) else { return false };
        TransactionKey::from_request(request, TransactionRole::Server).is_ok_and(|key| {
            endpoint.transactions.contains_key(&key)
                || endpoint.finished_transactions.contains_key(&key)
        })
    }
}

/// Passes judgement on a request that the stack has read, and answers it if it is refused. Gives whether it passed.
async fn answer(
    bytes: &[u8],
    connection: &SipConnection,
    from: &SipAddr,
    judge: impl FnOnce(&crate::sip::text::Request) -> Verdict,
) -> bool {
    let Ok(Message::Request(request)) = read(bytes) else { return false };
    let reply = match judge(&request) {
        Verdict::Pass => return true,
        Verdict::Drop => return false,
        Verdict::Reply(reply) => reply,
    };
    // The transport has stamped the Via with where the request came from.
    let Some(response) = stateless_response(&request, None, &reply) else { return false };
    let sent = match connection {
        SipConnection::Udp(socket) => socket.send_raw(response.as_bytes(), from).await,
        SipConnection::Tcp(stream) => stream.inner.send_raw(response.as_bytes()).await,
        _ => Ok(()),
    };
    if let Err(error) = sent {
        debug!(%error, status = reply.status, "refusal not sent");
    }
    false
}

/// The door as rsipstack takes it.
pub(super) struct DoorInspector(pub Arc<Door>);

#[async_trait::async_trait]
impl TransportEventInspector for DoorInspector {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        let admitted = match &event {
            TransportEvent::Incoming(SipMessage::Request(request), connection, from) => {
                self.0.admits(request, connection, from).await
            }
            _ => true,
        };
        admitted.then_some(event)
    }
}
