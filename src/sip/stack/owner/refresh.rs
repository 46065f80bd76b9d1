//! The session timer of a call (RFC 4028): what [`crate::sip::timers`] says is due is done here.

use std::time::{Duration, Instant};

use rsipstack::sip::{Header, Method, Response};
use rsipstack::transaction::key::TransactionRole;
use tracing::debug;

use super::super::{reply, transport, wire};
use super::{Input, Owner, Phase};
use crate::sip::timers::{Due, SessionTimer};
use crate::sip::{DialogEvent, EndReason};

/// After a refusal of our refresh that will pass, such as 491; RFC 3261 section 14.1 asks for 2.1 to 4 s of whoever called,
/// and up to 2 s of the other.
const REFRESH_AGAIN: Duration = Duration::from_secs(3);

impl Owner {
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.phase == Phase::Answered {
            // The stack gives up after 64*T1; unless it could not send the 200, of which it tells nobody.
            let patience = self.shared.patience();
            return self.unacknowledged.map(|since| since + patience + patience / 8);
        }
        if self.phase != Phase::Confirmed {
            return None;
        }
        let due = self.timer.as_ref()?.poll_timeout();
        Some(self.work.refresh_again.map_or(due, |again| again.min(due)))
    }

    pub(super) fn restart_timer(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.refreshed(now());
        }
        self.work.refresh_again = None;
    }

    pub(super) fn on_deadline(&mut self) {
        if self.phase == Phase::Answered {
            return self.give_up();
        }
        let now = now();
        if self.work.refresh_again.take_if(|again| *again <= now).is_some() {
            return self.refresh();
        }
        match self.timer.as_mut().and_then(|timer| timer.handle_timeout(now)) {
            Some(Due::Refresh) => self.refresh(),
            Some(Due::Expired) => self.expire(),
            None => {}
        }
    }

    /// UPDATE where the other side takes it, else a re-INVITE with the description that holds (section 7.4).
    fn refresh(&mut self) {
        let (Some(timer), None) = (&self.timer, self.work.refreshing) else { return };
        if self.work.pending.is_some() {
            // Their offer refreshes too, once it is answered.
            self.work.refresh_again = Some(now() + REFRESH_AGAIN);
            return;
        }
        let mut headers: Vec<Header> = wire::fields(timer.request_headers()).collect();
        headers.push(reply::allow());
        let (dialog, inbox) = (self.dialog.clone(), self.inbox_sender.clone());
        let offer = self.agreed.local.clone().filter(|_| !self.updates);
        if offer.is_some() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        self.work.refreshing = Some(if offer.is_some() { Method::Invite } else { Method::Update });
        debug!(call = %self.log_id, reinvite = offer.is_some(), "refreshing the session");
        let (shared, flow) = (self.shared.clone(), self.flow);
        tokio::spawn(async move {
            transport::reach_target(&shared, &dialog, flow).await;
            let outcome = match offer {
                Some(offer) => dialog.reinvite(Some(headers), Some(offer.into_bytes())).await,
                None => dialog.update(Some(headers), None).await,
            };
            let response = outcome.ok().flatten().map(Box::new);
            let _ = inbox.send(Input::Refreshed(response));
        });
    }

    pub(super) fn on_refreshed(&mut self, response: Option<Box<Response>>) {
        self.work.refreshing = None;
        if self.phase != Phase::Confirmed {
            return;
        }
        let status = response.as_ref().map_or(408, |response| response.status_code.code());
        match (status, response) {
            (200..=299, Some(response)) => {
                self.timer = SessionTimer::granted(&wire::headers(&response.headers), now());
                self.restart_timer();
                self.answered_refresh(&response);
            }
            // The other side has lost the call (section 10).
            (408 | 481, _) => self.expire(),
            // It said UPDATE and did not mean it.
            (405 | 501, _) if self.updates => {
                self.updates = false;
                self.refresh();
            }
            (422, Some(response)) if self.lengthened(&response) => self.refresh(),
            _ => self.work.refresh_again = Some(now() + self.pause()),
        }
    }

    fn lengthened(&mut self, response: &Response) -> bool {
        let headers = wire::headers(&response.headers);
        self.timer.as_mut().is_some_and(|timer| timer.lengthen(&headers))
    }

    /// Before a refresh is tried again: whoever made the Call-ID waits longer, so that the two do not meet again
    /// (RFC 3261 section 14.1).
    fn pause(&self) -> Duration {
        match self.dialog.role() {
            TransactionRole::Client => REFRESH_AGAIN,
            TransactionRole::Server => REFRESH_AGAIN / 3,
        }
    }

    /// No ACK, and the stack has not noticed.
    fn give_up(&mut self) {
        if let Some(invite) = self.invite.take() {
            invite.give_up();
        }
        self.finish(EndReason::NoAck);
        self.phase = Phase::Over;
    }

    /// The answer to a re-INVITE of ours may move the other side's media.
    fn answered_refresh(&mut self, response: &Response) {
        let answer = wire::session_description(&response.headers, &response.body);
        if answer.is_some() && answer != self.agreed.remote {
            self.agreed.remote.clone_from(&answer);
            self.tell(DialogEvent::Confirmed { answer });
        }
    }

    fn expire(&mut self) {
        self.send_bye(Some("the session timer ran out".to_owned()), EndReason::SessionExpired);
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for the pure timers")]
pub(in crate::sip::stack) fn now() -> Instant {
    Instant::now()
}

pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
