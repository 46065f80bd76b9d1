//! Calls that we place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{Header, HeadersExt, Response, StatusCode, StatusCodeKind, Uri};
use rsipstack::transport::SipAddr;
use tracing::{debug, info};

use super::call::{self, Ends};
use super::dialog::Dialog;
use super::dispatch::log_id;
use super::owner::{Descriptions, Owner, Phase, Work};
use super::{Shared, body, reply};

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
    let to = address(&dial.to)?;
    let transport = to.transport().copied().unwrap_or_default();
    let peer = resolve(shared, &to).await?;
    let contact = shared.contact(peer, transport);
    let from = if dial.from.is_empty() { contact.clone() } else { address(&dial.from)? };
    let (states, state_receiver) = shared.layer.new_dialog_state_channel();
    let option = InviteOption {
        caller: Uri { params: vec![], ..from },
        callee: to,
        destination: Some(SipAddr { r#type: Some(transport), addr: peer.into() }),
        content_type: Some("application/sdp".to_owned()),
        offer: Some(dial.offer.clone().into_bytes()),
        contact,
        headers: Some(headers(&dial)),
        ..InviteOption::default()
    };
    let (dialog, invite) = shared
        .layer
        .do_invite_async(option, states)
        .map_err(|e| DialError::Failed(e.to_string()))?;
    let early = dialog.id();
    let log_id = log_id(&early.call_id);
    let (handle, ends) = call::handle(&log_id);
    // From now on requests of the other side find us, even before its 200 has been read.
    shared.lock().insert(early.clone(), ends.inbox_sender.clone());
    let attempt = Attempt { shared, dialog: &dialog, early, answered: false };
    info!(call = %log_id, "dialled");

    let (id, response) = match tokio::time::timeout(dial.patience, invite).await {
        Err(_elapsed) => return Err(DialError::NoAnswer),
        Ok(Err(panicked)) => return Err(DialError::Failed(panicked.to_string())),
        Ok(Ok(Err(error))) => return Err(DialError::Failed(error.to_string())),
        Ok(Ok(Ok((_, None)))) => return Err(DialError::NoResponse),
        Ok(Ok(Ok((id, Some(response))))) => (id, response),
    };
    if response.status_code.kind() != StatusCodeKind::Successful {
        return Err(refused(&response));
    }
    let sdp = body::session_description(body::content_type(&response.headers), &response.body);
    let Ok(Some(answer)) = sdp else { return Err(DialError::NoDescription) };
    attempt.become_call(id, ends, state_receiver, log_id, &dial.offer, &answer);
    Ok((handle, answer))
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
    let found = resolver.resolve(&target).await.and_then(|found| found.get_socketaddr());
    found.map_err(|error| DialError::Failed(error.to_string()))
}

fn headers(dial: &Dial) -> Vec<Header> {
    let mut headers = reply::capabilities();
    headers.extend(dial.headers.iter().map(|(name, value)| {
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        reply::named(name, value)
    }));
    headers
}

fn refused(response: &Response) -> DialError {
    let tagged = response.to_header().is_ok_and(|to| to.tag().is_ok_and(|tag| tag.is_some()));
    if !tagged && response.status_code == StatusCode::RequestTimeout {
        // Made up by our own transaction when Timer B ran out.
        return DialError::NoResponse;
    }
    let reason = response.wire_reason.clone();
    DialError::Refused {
        status: response.status_code.code(),
        reason: reason.unwrap_or_else(|| response.status_code.text().to_owned()),
    }
}

/// A call on its way. Dropped before it is one, it is cancelled, and hung up if the answer crossed the CANCEL.
struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    dialog: &'a InviteDialog,
    early: DialogId,
    answered: bool,
}

impl Attempt<'_> {
    fn become_call(
        mut self,
        id: DialogId,
        ends: Ends,
        states: rsipstack::dialog::dialog::DialogStateReceiver,
        log_id: Arc<str>,
        offer: &str,
        answer: &str,
    ) {
        self.answered = true;
        info!(call = %log_id, "answered by the other side");
        let owner = Owner {
            shared: self.shared.clone(),
            log_id,
            id: id.clone(),
            dialog: self.dialog.clone(),
            phase: Phase::Confirmed,
            states,
            inbox: ends.inbox,
            inbox_sender: ends.inbox_sender.clone(),
            events: Some(ends.events),
            end: ends.end,
            invite: None,
            remote_cseq: None,
            agreed: Descriptions { local: Some(offer.to_owned()), remote: Some(answer.to_owned()) },
            answer_in_ack: None,
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
