//! New offers within a call, by re-INVITE or UPDATE (RFC 3261 section 14, RFC 3311).

use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::sip::{Header, HeadersExt, Method, Request};
use tracing::info;

use super::super::dialog::{AnswerSlot, Reoffer};
use super::super::{Session, reply, transport, wire};
use super::Owner;
use crate::sip::{DialogEvent, Refusal};

/// A new offer that the application has not answered yet.
pub(super) struct Pending {
    pub number: u32,
    pub request: Request,
    pub handle: TransactionHandle,
    pub session: Session,
    pub offer: Option<String>,
}

impl Owner {
    pub(super) async fn on_offer(&mut self, request: Request, handle: TransactionHandle) {
        if self.work.pending.is_some() {
            // RFC 3261 section 14.2, RFC 3311 section 5.2.
            return reply::through(&handle, 500, vec![reply::retry_after(2)], None).await;
        }
        if self.work.refreshing == Some(Method::Invite) {
            // Our offer and theirs crossed (RFC 3261 section 14.2); our UPDATE carries none.
            return reply::through(&handle, 491, vec![], None).await;
        }
        let session = match self.shared.negotiate(&request) {
            Ok(session) => session,
            Err(min_se) => return reply::through(&handle, 422, vec![min_se], None).await,
        };
        let offer = wire::session_description(&request.headers, &request.body);
        if let Some(unchanged) = self.unchanged(&request, offer.as_deref()) {
            return self.accept(&request, &handle, session, unchanged).await;
        }
        self.work.reoffers += 1;
        let number = self.work.reoffers;
        let slot = AnswerSlot { number, inbox: self.inbox_sender.clone() };
        self.work.pending =
            Some(Pending { number, request, handle, session, offer: offer.clone() });
        // When nobody takes the event, dropping it puts a refusal into our inbox.
        self.tell(DialogEvent::Reoffered(Reoffer::new(offer, slot)));
    }

    /// What to answer to a refresh that changes nothing: it is no concern of the application's (RFC 4028 section 7.4).
    fn unchanged(&self, request: &Request, offer: Option<&str>) -> Option<Option<String>> {
        match offer {
            None if request.method == Method::Update => Some(None),
            Some(offer) if self.agreed.remote.as_deref() == Some(offer) => {
                self.agreed.local.clone().map(Some)
            }
            _ => None,
        }
    }

    pub(super) async fn on_answer(&mut self, number: u32, answer: Result<String, Refusal>) {
        let Some(pending) = self.work.pending.take_if(|pending| pending.number == number) else {
            return;
        };
        match answer {
            Ok(sdp) => {
                if pending.offer.is_none() {
                    let cseq = pending.request.cseq_header().and_then(|cseq| cseq.seq());
                    self.answer_in_ack = cseq.ok();
                } else {
                    self.agreed.remote = pending.offer;
                }
                self.agreed.local = Some(sdp.clone());
                let Pending { request, handle, session, .. } = pending;
                self.accept(&request, &handle, session, Some(sdp)).await;
            }
            Err(refusal) => {
                info!(call = %self.log_id, status = refusal.status, "new offer refused");
                let headers = reply::refusal_headers(&refusal);
                reply::through(&pending.handle, refusal.status, headers, None).await;
            }
        }
    }

    async fn accept(
        &mut self,
        request: &Request,
        handle: &TransactionHandle,
        session: Session,
        sdp: Option<String>,
    ) {
        let mut headers = reply::capabilities();
        headers.extend(session.headers);
        self.timer = session.timer;
        self.restart_timer();
        if sdp.is_some() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        // The other side may have moved (RFC 3261 section 12.2.2).
        transport::retarget(&self.dialog, request, self.flow);
        reply::through(handle, 200, headers, sdp).await;
    }
}
