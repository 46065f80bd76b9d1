//! What is refused before a transaction exists: new calls while there is no room for them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rsipstack::sip::{Header, HeadersExt, Method, Request, SipMessage};
use rsipstack::transaction::endpoint::{EndpointInner, TransportEventInspector};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::connection::TransportEvent;
use rsipstack::transport::{SipAddr, SipConnection};
use tracing::debug;

use super::reply;
use crate::sip::{Admission, Refusal};

/// Stands between the transports and the transactions. An INVITE refused here costs one response and leaves nothing behind.
pub(super) struct Door {
    admission: Mutex<Admission>,
    endpoint: OnceLock<Weak<EndpointInner>>,
}

impl Door {
    pub fn new() -> Door {
        Door { admission: Mutex::new(Admission::Open), endpoint: OnceLock::new() }
    }

    /// The endpoint is built with the door, so the door learns of it afterwards.
    pub fn know(&self, endpoint: &Arc<EndpointInner>) {
        let _ = self.endpoint.set(Arc::downgrade(endpoint));
    }

    pub fn set(&self, admission: Admission) {
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner) = admission;
    }

    pub fn get(&self) -> Admission {
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How `request` is refused, if it is.
    fn refusal(&self, request: &Request) -> Option<Refusal> {
        let starts_call = match request.method {
            Method::Invite => true,
            // A trunk that probes us shall look elsewhere while we stop, but not while we are merely busy.
            Method::Options => matches!(self.get(), Admission::Unavailable { .. }),
            _ => false,
        };
        if !starts_call || request.to_header().ok()?.tag().ok()?.is_some() {
            return None;
        }
        let refusal = match self.get() {
            Admission::Open => return None,
            Admission::Full { retry_after } => Refusal {
                status: 486,
                reason: "all lines are busy".into(),
                retry_after: Some(retry_after),
            },
            Admission::Unavailable { retry_after } => {
                Refusal { status: 503, reason: String::new(), retry_after: Some(retry_after) }
            }
        };
        // The retransmission of an INVITE that was let in belongs to its call.
        (!self.endpoint()?.knows(request)).then_some(refusal)
    }

    fn endpoint(&self) -> Option<Arc<EndpointInner>> {
        self.endpoint.get()?.upgrade()
    }

    async fn refuse(
        &self,
        request: &Request,
        refusal: &Refusal,
        connection: &SipConnection,
        from: &SipAddr,
    ) {
        let Some(endpoint) = self.endpoint() else { return };
        let status = reply::final_status(refusal.status);
        let mut response = endpoint.make_response(request, status, None);
        reply::set_to_tag(&mut response, &stateless_tag(request));
        response.headers.extend(reply::refusal_headers(refusal));
        let destination = (!connection.is_reliable()).then(|| reply_to(request, from));
        if let Err(error) = connection.send(response.into(), destination.as_ref()).await {
            debug!(%error, "refusal not sent");
        }
    }
}

/// Where the response goes (RFC 3261 section 18.2.2, RFC 3581): back where the request came from, without asking the DNS.
fn reply_to(request: &Request, from: &SipAddr) -> SipAddr {
    let via =
        request.via_header().ok().and_then(|via| SipConnection::parse_target_from_via(via).ok());
    let mut to = from.clone();
    if let Some((_, target)) = via {
        to.addr.port = target.port.or(Some(5060.into()));
    }
    to
}

trait Knows {
    fn knows(&self, request: &Request) -> bool;
}

impl Knows for EndpointInner {
    fn knows(&self, request: &Request) -> bool {
        TransactionKey::from_request(request, TransactionRole::Server).is_ok_and(|key| {
            self.transactions.contains_key(&key) || self.finished_transactions.contains_key(&key)
        })
    }
}

/// The same tag for every retransmission (RFC 3261 section 8.2.7).
fn stateless_tag(request: &Request) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for header in request.headers.iter() {
        if let Header::CallId(_) | Header::From(_) | Header::CSeq(_) = header {
            header.value().hash(&mut hasher);
        }
    }
    format!("{:016x}", hasher.finish())
}

#[async_trait::async_trait]
impl TransportEventInspector for DoorInspector {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        if let TransportEvent::Incoming(SipMessage::Request(request), connection, from) = &event
            && let Some(refusal) = self.0.refusal(request)
        {
            self.0.refuse(request, &refusal, connection, from).await;
            return None;
        }
        Some(event)
    }
}

/// The door as rsipstack takes it.
pub(super) struct DoorInspector(pub Arc<Door>);
