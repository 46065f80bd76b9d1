//! The one task per dialog that talks to rsipstack.
//!
//! rsipstack's futures must not be dropped half way, and it answers 501 by itself to whatever nobody consumes. So one
//! task owns the dialog from the INVITE to the end, and everybody else (the application's handles, the dispatcher, its own
//! requests) writes to its inbox. It awaits nothing long: what may take a while runs in a task of its own and reports back.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{
    DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle,
};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, HeadersExt, Method, Request, Response, StatusCode};
use rsipstack::transaction::key::TransactionRole;
use rsipstack::transaction::transaction::{Transaction, TransactionEvent, TransactionEventSender};
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::dialog::{AnswerSlot, Reoffer};
use super::{Session, Shared};
use super::{reply, wire};
use crate::sip::timers::{Due, SessionTimer};
use crate::sip::{DialogEvent, EndReason, Refusal};

/// Requests that may wait for the ACK of our 200; a phone sends one, perhaps two.
const STASH: usize = 4;

/// After a refusal of our refresh that will pass, such as 491; RFC 3261 section 14.1 asks for 2.1 to 4 s.
const REFRESH_AGAIN: Duration = Duration::from_secs(3);

/// What the owner is told.
#[derive(Debug)]
pub enum Input {
    Command(Command),
    /// A request within the dialog, from the dispatcher.
    Request(Incoming),
    /// Our BYE has been answered, or given up.
    ByeDone,
    /// Our refresh has been answered; `None` when it was not.
    Refreshed(Option<Box<Response>>),
}

/// A request within the dialog and its transaction.
pub struct Incoming(pub Box<Transaction>);

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Incoming({})", self.0.original.method)
    }
}

/// What the application asks for.
#[derive(Debug)]
pub enum Command {
    /// The 200 is about to go out with this session description.
    Answered {
        sdp: String,
    },
    HangUp {
        why: Option<String>,
    },
    Reply {
        number: u32,
        answer: Result<String, Refusal>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No final response yet.
    Early,
    /// 200 sent, ACK awaited.
    Answered,
    Confirmed,
    /// BYE sent, its answer awaited.
    Leaving,
    Over,
}

/// A new offer that the application has not answered yet.
struct Pending {
    number: u32,
    request: Request,
    handle: TransactionHandle,
    session: Session,
    offer: Option<String>,
}

/// What the two sides last agreed on.
#[derive(Default)]
pub(super) struct Descriptions {
    pub local: Option<String>,
    pub remote: Option<String>,
}

pub(super) struct Owner {
    pub shared: Arc<Shared>,
    pub log_id: Arc<str>,
    pub id: DialogId,
    pub dialog: InviteDialog,
    pub phase: Phase,
    pub states: DialogStateReceiver,
    pub inbox: mpsc::UnboundedReceiver<Input>,
    pub inbox_sender: mpsc::UnboundedSender<Input>,
    pub events: Option<mpsc::Sender<DialogEvent>>,
    pub end: Arc<OnceLock<EndReason>>,
    /// Reaches the INVITE's transaction while it has no final response.
    pub invite: Option<TransactionEventSender>,
    /// CSeq number of the other side's last request (RFC 3261 section 12.2.2).
    pub remote_cseq: Option<u32>,
    pub agreed: Descriptions,
    /// CSeq number of the INVITE whose ACK carries the answer to our offer.
    pub answer_in_ack: Option<u32>,
    /// When the session is refreshed or given up (RFC 4028).
    pub timer: Option<SessionTimer>,
    /// Whether the other side takes UPDATE, which refreshes without a new offer.
    pub updates: bool,
    pub work: Work,
}

/// What the owner has in hand.
#[derive(Default)]
pub(super) struct Work {
    pending: Option<Pending>,
    reoffers: u32,
    stash: VecDeque<Box<Transaction>>,
    /// Our refresh has no answer yet.
    refreshing: bool,
    /// When to refresh again after a refusal that will pass.
    refresh_again: Option<Instant>,
    /// Set while a BYE waits for the ACK (RFC 3261 section 15).
    hang_up: Option<Option<String>>,
}

impl Owner {
    pub async fn run(mut self) {
        while self.phase != Phase::Over {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                Some(input) = self.inbox.recv() => self.on_input(input).await,
                Some(state) = self.states.recv() => self.on_state(state).await,
                () = until(deadline) => self.on_deadline(),
                else => break,
            }
        }
        self.close();
    }

    async fn on_input(&mut self, input: Input) {
        match input {
            Input::Request(Incoming(transaction)) => self.on_request(transaction).await,
            Input::ByeDone => self.phase = Phase::Over,
            Input::Refreshed(response) => self.on_refreshed(response),
            Input::Command(Command::Answered { sdp }) => {
                self.agreed.local = Some(sdp);
                self.restart_timer();
            }
            Input::Command(Command::HangUp { why }) => self.hang_up(why),
            Input::Command(Command::Reply { number, answer }) => {
                self.on_answer(number, answer).await
            }
        }
    }

    // Requests of the other side, before rsipstack's dialog sees them.

    async fn on_request(&mut self, transaction: Box<Transaction>) {
        let request = &transaction.original;
        let cseq = request.cseq_header().and_then(|cseq| cseq.seq()).ok();
        if self.remote_cseq.is_some_and(|last| cseq.is_none_or(|cseq| cseq < last)) {
            debug!(call = %self.log_id, "request out of order");
            return reply::spawn(transaction, 500, vec![]);
        }
        self.remote_cseq = cseq;
        match (request.method, self.phase) {
            (Method::Bye, _) => self.on_bye(transaction).await,
            (_, Phase::Leaving | Phase::Over) => reply::spawn(transaction, 481, vec![]),
            (Method::Info, _) => self.on_info(transaction),
            (Method::Options, _) => reply::spawn(transaction, 200, reply::capabilities()),
            (Method::Invite | Method::Update, Phase::Confirmed) => {
                self.hand_to_stack(transaction).await
            }
            (Method::Invite | Method::Update, Phase::Answered) if self.work.stash.len() < STASH => {
                self.work.stash.push_back(transaction);
            }
            (Method::Invite | Method::Update, _) => {
                reply::spawn(transaction, 500, vec![reply::retry_after(1)])
            }
            _ => reply::spawn(transaction, 405, vec![reply::allow()]),
        }
    }

    async fn on_bye(&mut self, transaction: Box<Transaction>) {
        if self.phase == Phase::Early {
            // A caller may end an early dialog with BYE; its INVITE is owed a 487 (RFC 3261 section 15.1.2), which
            // rsipstack forgets.
            self.refuse_invite(&Refusal::new(487, "ended by BYE"));
        }
        self.hand_to_stack(transaction).await;
    }

    fn on_info(&mut self, transaction: Box<Transaction>) {
        let content_type = wire::content_type(&transaction.original);
        let body = transaction.original.body.clone();
        let taken = self.tell(DialogEvent::Info { content_type, body });
        reply::spawn(transaction, if taken { 200 } else { 500 }, vec![]);
    }

    /// Polls the stack once in line, so that its state moves in the order in which requests came, and leaves the rest to a
    /// task: a re-INVITE waits for its answer and its ACK.
    async fn hand_to_stack(&mut self, mut transaction: Box<Transaction>) {
        let mut dialog = self.dialog.clone();
        let mut work = Box::pin(async move {
            if let Err(error) = dialog.handle(&mut transaction).await {
                debug!(%error, "request within a dialog failed");
            }
        });
        let ready = poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_ready())).await;
        if !ready {
            tokio::spawn(work);
        }
    }

    // What rsipstack's dialog tells.

    async fn on_state(&mut self, state: DialogState) {
        match state {
            DialogState::Calling(_) | DialogState::Trying(_) | DialogState::Early(..) => {}
            DialogState::WaitAck(..) => {
                self.phase = Phase::Answered;
                self.invite = None;
            }
            DialogState::Confirmed(..) => self.on_confirmed().await,
            DialogState::Updated(_, request, handle) => self.on_offer(request, handle).await,
            // Answered before they get here; consumed all the same, or rsipstack says 501.
            DialogState::Info(_, _, handle) | DialogState::Options(_, _, handle) => {
                let _ = handle.reply(StatusCode::OK).await;
            }
            DialogState::Publish(_, _, handle)
            | DialogState::Notify(_, _, handle)
            | DialogState::Refer(_, _, handle)
            | DialogState::Message(_, _, handle) => {
                let _ = handle.reply(StatusCode::MethodNotAllowed).await;
            }
            DialogState::Terminated(_, reason) => self.on_terminated(reason),
        }
    }

    async fn on_confirmed(&mut self) {
        let first = self.phase == Phase::Answered;
        if first {
            self.phase = Phase::Confirmed;
            info!(call = %self.log_id, "confirmed");
        }
        let answer = self.answer_from_ack();
        if first || answer.is_some() {
            self.tell(DialogEvent::Confirmed { answer });
        }
        if let Some(why) = self.work.hang_up.take() {
            return self.send_bye(why, EndReason::LocalBye);
        }
        while let Some(transaction) = self.work.stash.pop_front() {
            self.hand_to_stack(transaction).await;
        }
    }

    /// The session description in the ACK of the INVITE to which we answered with an offer.
    fn answer_from_ack(&mut self) -> Option<String> {
        let expected = self.answer_in_ack?;
        let ack = self.dialog.last_remote_ack()?;
        if ack.cseq_header().and_then(|cseq| cseq.seq()).ok()? != expected {
            return None;
        }
        self.answer_in_ack = None;
        let sdp = wire::session_description(&ack.headers, &ack.body)?;
        self.agreed.remote = Some(sdp.clone());
        Some(sdp)
    }

    fn on_terminated(&mut self, reason: TerminatedReason) {
        let server = self.dialog.role() == TransactionRole::Server;
        let end = match reason {
            // Refused by us: there is nobody to tell.
            TerminatedReason::UasDecline => {
                self.phase = Phase::Over;
                return;
            }
            TerminatedReason::Timeout => EndReason::NoAck,
            TerminatedReason::UacCancel => EndReason::Cancelled,
            TerminatedReason::UacBye if server => EndReason::RemoteBye,
            TerminatedReason::UasBye if !server => EndReason::RemoteBye,
            TerminatedReason::UacBye | TerminatedReason::UasBye => EndReason::LocalBye,
            _ => EndReason::Failed,
        };
        self.finish(end);
        if self.phase != Phase::Leaving {
            self.phase = Phase::Over;
        }
    }

    // New offers.

    async fn on_offer(&mut self, request: Request, handle: TransactionHandle) {
        if self.work.pending.is_some() {
            // RFC 3261 section 14.2, RFC 3311 section 5.2.
            return reply::through(&handle, 500, vec![reply::retry_after(2)], None).await;
        }
        if self.work.refreshing {
            // Ours and theirs crossed (RFC 3261 section 14.2).
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

    async fn on_answer(&mut self, number: u32, answer: Result<String, Refusal>) {
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
        self.shared.retarget(&self.dialog, request);
        reply::through(handle, 200, headers, sdp).await;
    }

    // The session timer (RFC 4028).

    fn deadline(&self) -> Option<Instant> {
        if self.phase != Phase::Confirmed {
            return None;
        }
        let due = self.timer.as_ref()?.poll_timeout();
        Some(self.work.refresh_again.map_or(due, |again| again.min(due)))
    }

    fn restart_timer(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.refreshed(now());
        }
        self.work.refresh_again = None;
    }

    fn on_deadline(&mut self) {
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
        let (Some(timer), false) = (&self.timer, self.work.refreshing) else { return };
        let mut headers: Vec<Header> = wire::fields(timer.request_headers()).collect();
        headers.push(reply::allow());
        let (dialog, inbox) = (self.dialog.clone(), self.inbox_sender.clone());
        let offer = self.agreed.local.clone().filter(|_| !self.updates);
        if offer.is_some() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        self.work.refreshing = true;
        debug!(call = %self.log_id, reinvite = offer.is_some(), "refreshing the session");
        tokio::spawn(async move {
            let outcome = match offer {
                Some(offer) => dialog.reinvite(Some(headers), Some(offer.into_bytes())).await,
                None => dialog.update(Some(headers), None).await,
            };
            let response = outcome.ok().flatten().map(Box::new);
            let _ = inbox.send(Input::Refreshed(response));
        });
    }

    fn on_refreshed(&mut self, response: Option<Box<Response>>) {
        self.work.refreshing = false;
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
            _ => self.work.refresh_again = Some(now() + REFRESH_AGAIN),
        }
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

    // The end.

    fn hang_up(&mut self, why: Option<String>) {
        match self.phase {
            Phase::Early => {
                self.refuse_invite(&Refusal::new(503, "the hotline is stopping"));
                self.finish(EndReason::Failed);
                self.phase = Phase::Over;
            }
            Phase::Answered => {
                self.work.hang_up.get_or_insert(why);
                self.finish(EndReason::LocalBye);
            }
            Phase::Confirmed => self.send_bye(why, EndReason::LocalBye),
            Phase::Leaving | Phase::Over => {}
        }
    }

    fn send_bye(&mut self, why: Option<String>, reason: EndReason) {
        self.phase = Phase::Leaving;
        self.finish(reason);
        if let Some(pending) = self.work.pending.take() {
            tokio::spawn(async move { reply::through(&pending.handle, 487, vec![], None).await });
        }
        let (dialog, inbox) = (self.dialog.clone(), self.inbox_sender.clone());
        let headers = why.map(|why| vec![reply::reason(&why)]);
        tokio::spawn(async move {
            if let Err(error) = dialog.bye_with_headers(headers).await {
                debug!(%error, "BYE failed");
            }
            let _ = inbox.send(Input::ByeDone);
        });
    }

    fn refuse_invite(&mut self, refusal: &Refusal) {
        if let Some(invite) = self.invite.take() {
            refuse(&self.shared, &self.dialog, &invite, refusal, vec![]);
        }
    }

    /// Sets the reason once and lets `Dialog::next` come to its end.
    fn finish(&mut self, reason: EndReason) {
        if self.end.set(reason).is_ok() {
            info!(call = %self.log_id, ?reason, "ended");
        }
        self.events = None;
    }

    fn close(&mut self) {
        // A handle that still waits, after a refusal or a failure, must come to its end too.
        let _ = self.end.set(EndReason::Failed);
        self.events = None;
        self.shared.forget(&self.id);
        if let Some(pending) = self.work.pending.take() {
            tokio::spawn(async move { reply::through(&pending.handle, 487, vec![], None).await });
        }
        for transaction in self.work.stash.drain(..) {
            reply::spawn(transaction, 481, vec![]);
        }
        self.inbox.close();
        while let Ok(input) = self.inbox.try_recv() {
            if let Input::Request(Incoming(transaction)) = input {
                reply::spawn(transaction, 481, vec![]);
            }
        }
    }

    /// Whether the application got it. It does not if it lags far behind, or is gone.
    fn tell(&mut self, event: DialogEvent) -> bool {
        self.events.as_ref().is_some_and(|events| events.try_send(event).is_ok())
    }
}

/// Refuses the INVITE of `dialog` through its transaction.
///
/// rsipstack's own `reject` can carry no header but Reason. It comes second here, to end the dialog: the transaction then
/// has its final response and lets no other one out.
pub(super) fn refuse(
    shared: &Shared,
    dialog: &InviteDialog,
    invite: &TransactionEventSender,
    refusal: &Refusal,
    headers: Vec<Header>,
) {
    let request = dialog.initial_request();
    let status = reply::final_status(refusal.status);
    let mut response = shared.endpoint.make_response(&request, status.clone(), None);
    reply::set_to_tag(&mut response, &dialog.id().local_tag);
    response.headers.extend(reply::refusal_headers(refusal));
    response.headers.extend(headers);
    let _ = invite.send(TransactionEvent::Respond(response));
    let _ = dialog.reject(Some(status), None);
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for the pure timers")]
pub(super) fn now() -> Instant {
    Instant::now()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
