//! The application's end of an established call.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::owner::{Command, Input};
use crate::sip::{DialogEvent, EndReason, Refusal};

/// An established call. Dropping it hangs up.
#[derive(Debug)]
pub struct Dialog {
    pub(super) log_id: Arc<str>,
    pub(super) events: mpsc::Receiver<DialogEvent>,
    pub(super) end: Arc<OnceLock<EndReason>>,
    pub(super) inbox: mpsc::UnboundedSender<Input>,
    pub(super) ended: bool,
}

impl Dialog {
    /// Names the call in the log; derived from its Call-ID.
    pub fn log_id(&self) -> &str {
        &self.log_id
    }

    /// The next event. `Ended` comes exactly once and is followed by `None`. Cancel-safe.
    pub async fn next(&mut self) -> Option<DialogEvent> {
        if self.ended {
            return None;
        }
        if let Some(event) = self.events.recv().await {
            return Some(event);
        }
        self.ended = true;
        // The sender goes after the reason is set; it goes without one only if its task died.
        Some(DialogEvent::Ended(self.end.get().copied().unwrap_or(EndReason::Failed)))
    }

    /// Ends the call with BYE; `Ended(LocalBye)` follows, unless the other side was first.
    pub fn hang_up(&self) {
        self.send(Command::HangUp { why: None });
    }

    /// Ends the call with BYE and tells why in the Reason header (RFC 3326).
    pub fn hang_up_because(&self, why: &str) {
        self.send(Command::HangUp { why: Some(why.to_owned()) });
    }

    fn send(&self, command: Command) {
        // A closed inbox means that the call is over, which `next` tells.
        let _ = self.inbox.send(Input::Command(command));
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        if !self.ended {
            self.hang_up();
        }
    }
}

/// A new offer within a call, by re-INVITE or UPDATE. Dropping it refuses with 488.
#[derive(Debug)]
pub struct Reoffer {
    offer: Option<String>,
    answer: Option<AnswerSlot>,
}

#[derive(Debug)]
pub(super) struct AnswerSlot {
    pub number: u32,
    pub inbox: mpsc::UnboundedSender<Input>,
}

impl AnswerSlot {
    fn fill(self, answer: Result<String, Refusal>) {
        let _ = self.inbox.send(Input::Command(Command::Reply { number: self.number, answer }));
    }
}

impl Reoffer {
    pub(super) fn new(offer: Option<String>, slot: AnswerSlot) -> Reoffer {
        Reoffer { offer, answer: Some(slot) }
    }

    /// The session description; `None` for a re-INVITE without one, whose answer carries our offer (RFC 3261 section
    /// 14.2): what `accept` takes is then that offer, and the answer comes in `DialogEvent::Confirmed`.
    pub fn offer(&self) -> Option<&str> {
        self.offer.as_deref()
    }

    /// Answers with this session description.
    pub fn accept(mut self, sdp: String) {
        if let Some(slot) = self.answer.take() {
            slot.fill(Ok(sdp));
        }
    }

    /// Refuses; the call goes on as it was.
    pub fn refuse(mut self, refusal: Refusal) {
        if let Some(slot) = self.answer.take() {
            slot.fill(Err(refusal));
        }
    }
}

impl Drop for Reoffer {
    fn drop(&mut self) {
        if let Some(slot) = self.answer.take() {
            slot.fill(Err(Refusal::new(488, "nobody answered the offer")));
        }
    }
}
