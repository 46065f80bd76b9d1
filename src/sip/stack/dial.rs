//! Calls that we place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{Header, HeadersExt, Response, StatusCodeKind, Transport, Uri};
use rsipstack::transport::SipAddr;
use tracing::{debug, info};

use super::call::{self, Ends};
use super::dialog::Dialog;
use super::dispatch::log_id;
use super::owner::{self, Descriptions, Owner, Phase, Work};
use super::transport::{self, Flow};
use super::{Shared, reply, wire};
use crate::sip::timers::{self, SessionTimer};

/// A call to place.
#[derive(Clone, Debug)]
pub struct Dial {
    /// `sip:user@host[:port]`, with `;transport=tcp` for TCP.
    pub to: String,
    /// `sip:user@host`, for From; an empty one becomes ourselves.
    pub from: String,
    /// Our session description.
    pub offer: String,
    /// Further header fields, name and value.
    pub headers: Vec<(String, String)>,
    /// How long it may ring.
    pub patience: Duration,
}

impl Default for Dial {
    fn default() -> Dial {
        Dial {
            to: String::new(),
            from: String::new(),
            offer: String::new(),
            headers: Vec::new(),
            patience: Duration::from_secs(60),
        }
    }
}

/// Why a call did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("{0:?} is not a SIP address")]
    BadAddress(String),
    /// 3xx to 6xx.
    #[error("refused: {status} {reason}")]
    Refused { status: u16, reason: String },
    /// No response at all within 64*T1, or no connection.
    #[error("the other side does not respond")]
    NoResponse,
    #[error("nobody answered in time")]
    NoAnswer,
    /// A 200 without a session description; hung up again.
    #[error("the answer carries no session description")]
    NoDescription,
    #[error("the call could not be placed: {0}")]
    Failed(String),
}

pub(super) async fn dial(shared: &Arc<Shared>, dial: Dial) -> Result<(Dialog, String), DialError> {
    match attempt(shared, &dial, None).await {
        // Their session interval is longer than ours: once more with theirs (RFC 4028 section 7.3).
        Err(Failure::IntervalTooSmall(min_se)) => attempt(shared, &dial, Some(min_se)).await,
        outcome => outcome,
    }
    .map_err(|failure| match failure {
        Failure::Told(error) => error,
        Failure::IntervalTooSmall(_) => {
            DialError::Refused { status: 422, reason: "Session Interval Too Small".to_owned() }
        }
    })
}

enum Failure {
    IntervalTooSmall(Duration),
    Told(DialError),
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Failure {
        Failure::Told(error)
    }
}

async fn attempt(
    shared: &Arc<Shared>,
    dial: &Dial,
    min_se: Option<Duration>,
) -> Result<(Dialog, String), Failure> {
    let to = address(&dial.to)?;
    let transport = to.transport().copied().unwrap_or_default();
    let flow = Flow { peer: resolve(shared, &to).await?, transport };
    if transport == Transport::Tcp {
        let reached = tokio::time::timeout(dial.patience, transport::reach(shared, flow.peer));
        reached.await.ok().and_then(Result::ok).ok_or(DialError::NoResponse)?;
    }
    let option = invite(shared, dial, to, flow, min_se)?;
    let failed = |error: &dyn std::fmt::Display| DialError::Failed(error.to_string());
    let (dialog, invite) = shared
        .layer
        .do_invite_async(option, shared.states.clone())
        .map_err(|error| failed(&error))?;
    let early = dialog.id();
    let log_id = log_id(&early.call_id);
    let (handle, ends) = call::handle(&log_id);
    // From now on requests of the other side find us, even before its 200 has been read.
    shared.lock().insert(early.clone(), ends.inbox_sender.clone());
    let attempt = Attempt { shared, dialog: &dialog, early, flow, answered: false };
    info!(call = %log_id, "dialled");

    let invited = tokio::time::timeout(dial.patience, invite).await;
    let invited = invited.map_err(|_elapsed| DialError::NoAnswer)?;
    let (id, response) =
        invited.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let response = response.ok_or(DialError::NoResponse)?;
    if response.status_code.kind() != StatusCodeKind::Successful {
        return Err(refused(&response));
    }
    let answer = wire::session_description(&response.headers, &response.body);
    let answer = answer.ok_or(DialError::NoDescription)?;
    let agreed = Descriptions { local: Some(dial.offer.clone()), remote: Some(answer.clone()) };
    attempt.become_call(id, ends, &response, agreed);
    info!(call = %log_id, "answered by the other side");
    Ok((handle, answer))
}

fn invite(
    shared: &Shared,
    dial: &Dial,
    to: Uri,
    flow: Flow,
    min_se: Option<Duration>,
) -> Result<InviteOption, DialError> {
    let Flow { peer, transport } = flow;
    let contact = shared.contact(peer, transport);
    let from = if dial.from.is_empty() { contact.clone() } else { address(&dial.from)? };
    Ok(InviteOption {
        caller: Uri { params: vec![], ..from },
        callee: to,
        destination: Some(SipAddr { r#type: Some(transport), addr: peer.into() }),
        content_type: Some("application/sdp".to_owned()),
        offer: Some(dial.offer.clone().into_bytes()),
        contact,
        headers: Some(headers(shared, dial, min_se)),
        ..InviteOption::default()
    })
}

fn address(text: &str) -> Result<Uri, DialError> {
    let bad = || DialError::BadAddress(text.to_owned());
    let text = text.trim();
    if !text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip:")) {
        return Err(bad());
    }
    Uri::try_from(text).map_err(|_| bad())
}

async fn resolve(shared: &Shared, to: &Uri) -> Result<SocketAddr, DialError> {
    let target = SipAddr::try_from(to).map_err(|_| DialError::BadAddress(to.to_string()))?;
    if let Ok(address) = target.get_socketaddr() {
        return Ok(address);
    }
    let resolver = &shared.endpoint.transport_layer.inner.domain_resolver;
    let found =
        resolver.resolve(&target).await.map_err(|error| DialError::Failed(error.to_string()))?;
    found.get_socketaddr().map_err(|error| DialError::Failed(error.to_string()))
}

fn headers(shared: &Shared, dial: &Dial, min_se: Option<Duration>) -> Vec<Header> {
    let mut headers = vec![reply::allow(), reply::accept()];
    if let Some(config) = shared.config.session_timer() {
        headers.extend(wire::fields(timers::request_headers(&config, min_se)));
    }
    headers.extend(dial.headers.iter().map(|(name, value)| {
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        reply::named(name, value)
    }));
    headers
}

fn refused(response: &Response) -> Failure {
    let status = response.status_code.code();
    if status == 422
        && let Some(min_se) = timers::min_se(&wire::headers(&response.headers))
    {
        return Failure::IntervalTooSmall(min_se);
    }
    let tagged = response.to_header().is_ok_and(|to| to.tag().is_ok_and(|tag| tag.is_some()));
    if !tagged && status == 408 {
        // Made up by our own transaction when Timer B ran out.
        return DialError::NoResponse.into();
    }
    let reason = response.wire_reason.clone();
    let reason = reason.unwrap_or_else(|| response.status_code.text().to_owned());
    DialError::Refused { status, reason }.into()
}

/// A call on its way. Dropped before it is one, it is cancelled, and hung up if the answer crossed the CANCEL.
struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    dialog: &'a InviteDialog,
    early: DialogId,
    flow: Flow,
    answered: bool,
}

impl Attempt<'_> {
    fn become_call(mut self, id: DialogId, ends: Ends, response: &Response, agreed: Descriptions) {
        self.answered = true;
        let owner = Owner {
            shared: self.shared.clone(),
            log_id: log_id(&id.call_id),
            id: id.clone(),
            flow: self.flow,
            dialog: self.dialog.clone(),
            phase: Phase::Confirmed,
            inbox: ends.inbox,
            inbox_sender: ends.inbox_sender.clone(),
            events: Some(ends.events),
            end: ends.end,
            invite: None,
            unacknowledged: None,
            remote_cseq: None,
            agreed,
            answer_in_ack: None,
            timer: SessionTimer::granted(&wire::headers(&response.headers), owner::now()),
            updates: wire::allows(&response.headers, "UPDATE"),
            work: Work::default(),
        };
        self.shared.lock().insert(id, ends.inbox_sender);
        self.shared.owners.spawn(owner.run());
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.early);
        if self.answered {
            return;
        }
        let (dialog, shared) = (self.dialog.clone(), self.shared.clone());
        tokio::spawn(async move {
            // Has no effect once the call was answered; then BYE does.
            if let Err(error) = dialog.cancel().await {
                debug!(%error, "CANCEL failed");
            }
            if dialog.state().is_confirmed() {
                let _ = dialog.bye().await;
            }
            shared.layer.remove_dialog(&dialog.id());
        });
    }
}
