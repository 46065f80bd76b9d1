//! New calls while there is no room for them are refused before a transaction exists. What the policy refuses, the edge
//! has answered before.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rsipstack::sip::{HeadersExt, Method, Request, SipMessage};
use rsipstack::transaction::endpoint::{EndpointInner, TransportEventInspector};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::connection::TransportEvent;
use rsipstack::transport::{SipAddr, SipConnection};
use tracing::debug;

use crate::sip::Admission;
use crate::sip::policy::{Reply, stateless_response};
use crate::sip::text::{Message, read};

/// Stands between the transports and the transactions. A request refused here costs one response and leaves nothing behind.
pub(super) struct Door {
    admission: Mutex<Admission>,
    endpoint: OnceLock<Weak<EndpointInner>>,
}

impl Default for Door {
    fn default() -> Door {
        Door { admission: Mutex::new(Admission::Open), endpoint: OnceLock::new() }
    }
}

impl Door {
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
        let Some(reply) = self.busy(request) else { return true };
        refuse(&request.to_bytes(), connection, from, &reply).await;
        false
    }

    /// How a new call is refused for want of room.
    fn busy(&self, request: &Request) -> Option<Reply> {
        let admission = self.admission();
        // A trunk that probes us shall look elsewhere meanwhile.
        if !matches!(request.method, Method::Invite | Method::Options)
            || request.to_header().ok()?.tag().ok()?.is_some()
        {
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

async fn refuse(bytes: &[u8], connection: &SipConnection, from: &SipAddr, reply: &Reply) {
    let Ok(Message::Request(request)) = read(bytes) else { return };
    // The transport has stamped the Via with where the request came from.
    let Some(response) = stateless_response(&request, None, reply) else { return };
    let sent = match connection {
        SipConnection::Udp(socket) => socket.send_raw(response.as_bytes(), from).await,
        SipConnection::Tcp(stream) => stream.inner.send_raw(response.as_bytes()).await,
        _ => Ok(()),
    };
    if request.method == "INVITE" {
        metrics::counter!("kentongan_calls_refused_total", "reason" => "unavailable").increment(1);
    }
    if let Err(error) = sent {
        debug!(%error, status = reply.status, "refusal not sent");
    }
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
