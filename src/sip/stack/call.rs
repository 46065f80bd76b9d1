//! A call that has not been answered yet.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::Header;
use tokio::sync::mpsc;
use tracing::info;

use super::dialog::Dialog;
use super::owner::{self, Command, Input, Invite};
use super::{Shared, reply};
use crate::sip::trace::Trace;
use crate::sip::{Caller, DialogEvent, EndReason, Refusal};

/// A call that wants an answer. Dropping it refuses with 480.
#[derive(Debug)]
pub struct InboundCall {
    /// The Call-ID, as it came.
    pub call_id: String,
    /// Names the call in the log; derived from its Call-ID.
    pub log_id: Arc<str>,
    pub caller: Caller,
    /// The user part of the Request-URI: the number that was dialled.
    pub called: String,
    /// Where the INVITE came from.
    pub peer: SocketAddr,
    /// The name of the trunk that brought it.
    pub trunk: Option<String>,
    /// The session description; `None` when the caller leaves the offer to us (RFC 3261 section 13.2.1).
    pub offer: Option<String>,
    /// What is said from the INVITE on; `None` when nothing is kept.
    pub trace: Option<Trace>,
    pub(super) line: Line,
}

/// Why a call could not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// CANCEL or BYE came first.
    #[error("the caller cancelled before the answer")]
    Cancelled,
    /// The INVITE's transaction is gone.
    #[error("the answer could not be sent")]
    Failed,
}

impl InboundCall {
    /// Says 180 Ringing.
    pub fn ring(&self) {
        // It fails only when the call is over, which `answer` tells.
        let _ = self.line.dialog.ringing(None, None);
    }

    /// Answers with 200 and this session description: the answer to `offer`, or the offer if there was none; then the
    /// answer comes in `DialogEvent::Confirmed`.
    pub fn answer(mut self, sdp: String) -> Result<Dialog, AnswerError> {
        self.line.answer(sdp)
    }

    /// Refuses; `Retry-After` and `Warning` come from the refusal.
    pub fn refuse(mut self, refusal: Refusal) {
        self.line.refuse(&refusal);
    }

    /// Comes back when the caller has given up before the answer. Cancel-safe.
    pub async fn given_up(&mut self) {
        if let Some(dialog) = self.line.handle.as_mut() {
            while dialog.next().await.is_some() {}
        }
    }
}

/// The way to the INVITE's transaction.
pub(super) struct Line {
    pub shared: Arc<Shared>,
    pub dialog: InviteDialog,
    pub invite: Invite,
    /// What a 200 carries for the session timer.
    pub headers: Vec<Header>,
    /// Taken by the answer or the refusal.
    pub handle: Option<Dialog>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl Line {
    fn answer(&mut self, sdp: String) -> Result<Dialog, AnswerError> {
        if self.dialog.state().is_terminated() {
            return Err(AnswerError::Cancelled);
        }
        let handle = self.handle.take().ok_or(AnswerError::Failed)?;
        let mut headers = reply::capabilities();
        headers.append(&mut self.headers);
        headers.push(Header::ContentType("application/sdp".into()));
        // First, so that the owner knows our description before the ACK can come.
        let answered = Input::Command(Command::Answered { sdp: sdp.clone() });
        let told = handle.inbox.send(answered);
        let sent = self.dialog.accept(Some(headers), Some(sdp.into_bytes()));
        if self.dialog.state().is_terminated() {
            return Err(AnswerError::Cancelled);
        }
        if told.is_err() || sent.is_err() {
            return Err(AnswerError::Failed);
        }
        info!(call = %handle.log_id, "answered");
        Ok(handle)
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let Some(mut handle) = self.handle.take() else { return };
        handle.ended = true;
        if !self.dialog.state().is_terminated() {
            info!(call = %handle.log_id, status = refusal.status, why = refusal.reason, "refused");
            owner::refuse(&self.shared, &self.dialog, &self.invite, refusal, Vec::new());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.refuse(&Refusal::new(480, "nobody answered"));
    }
}

/// The application's handle on a dialog, and what its owner keeps of it.
pub(super) struct Ends {
    pub events: mpsc::Sender<DialogEvent>,
    pub end: Arc<OnceLock<EndReason>>,
    pub inbox: mpsc::UnboundedReceiver<Input>,
    pub inbox_sender: mpsc::UnboundedSender<Input>,
}

/// Events that the application may lag behind: a re-INVITE or a few digits by INFO, never a backlog.
const EVENTS: usize = 16;

pub(super) fn handle(log_id: &Arc<str>) -> (Dialog, Ends) {
    let (events, receiver) = mpsc::channel(EVENTS);
    let (inbox_sender, inbox) = mpsc::unbounded_channel();
    let end = Arc::new(OnceLock::new());
    let dialog = Dialog {
        log_id: log_id.clone(),
        events: receiver,
        end: end.clone(),
        inbox: inbox_sender.clone(),
        ended: false,
    };
    (dialog, Ends { events, end, inbox, inbox_sender })
}
