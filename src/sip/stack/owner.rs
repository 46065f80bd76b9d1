//! The one task per dialog that talks to rsipstack.
//!
//! rsipstack's futures must not be dropped half way, and it answers 501 by itself to whatever nobody consumes. So one
//! task owns the dialog from the INVITE to the end, and everybody else (the application's handles, the dispatcher, its own
//! requests) writes to its inbox. It awaits nothing long: what may take a while runs in a task of its own and reports back.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Instant;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{DialogState, TerminatedReason};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, HeadersExt, Method, Response, StatusCode};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::{Transaction, TransactionEvent, TransactionEventSender};
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::Shared;
use super::transport::{self, Flow};
use super::{reply, wire};
use crate::sip::timers::SessionTimer;
use crate::sip::{DialogEvent, EndReason, Refusal};

pub(super) use refresh::now;

mod offers;
mod refresh;

/// Requests that may wait for the ACK of our 200; a phone sends one, perhaps two.
const STASH: usize = 4;

/// What the owner is told.
#[derive(Debug)]
pub enum Input {
    Command(Command),
    /// A request within the dialog, from the dispatcher.
    Request(Incoming),
    /// What rsipstack says of the dialog.
    State(Box<DialogState>),
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
    pub flow: Flow,
    pub dialog: InviteDialog,
    pub phase: Phase,
    pub inbox: mpsc::UnboundedReceiver<Input>,
    pub inbox_sender: mpsc::UnboundedSender<Input>,
    pub events: Option<mpsc::Sender<DialogEvent>>,
    pub end: Arc<OnceLock<EndReason>>,
    /// While it has no final response, or no ACK.
    pub invite: Option<Invite>,
    /// Since when our 200 waits for its ACK.
    pub unacknowledged: Option<Instant>,
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

/// The way to an INVITE's transaction.
///
/// Where the network refuses our final response, the stack starts no timer, and the transaction would stay for ever:
/// whoever sent one gives up some time later. Nothing comes of that where all went well.
#[derive(Clone)]
pub(super) struct Invite {
    events: TransactionEventSender,
    key: TransactionKey,
}

impl Invite {
    pub fn of(transaction: &Transaction) -> Invite {
        Invite { events: transaction.tu_sender.clone(), key: transaction.key.clone() }
    }

    fn respond(&self, response: Response) {
        let _ = self.events.send(TransactionEvent::Respond(response));
    }

    fn give_up(&self) {
        let _ = self.events.send(TransactionEvent::Terminate(self.key.clone()));
    }
}

/// What the owner has in hand.
#[derive(Default)]
pub(super) struct Work {
    pending: Option<offers::Pending>,
    reoffers: u32,
    stash: VecDeque<Box<Transaction>>,
    /// Our refresh by this method has no answer yet.
    refreshing: Option<Method>,
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
                // In memory of its own: a dialog would hold the largest of it all its time.
                Some(input) = self.inbox.recv() => Box::pin(self.on_input(input)).await,
                () = refresh::until(deadline) => self.on_deadline(),
                else => break,
            }
        }
        self.close();
    }

    async fn on_input(&mut self, input: Input) {
        match input {
            Input::Request(Incoming(transaction)) => self.on_request(transaction).await,
            Input::State(state) => self.on_state(*state).await,
            Input::ByeDone => self.phase = Phase::Over,
            Input::Refreshed(response) => self.on_refreshed(response),
            Input::Command(Command::Answered { sdp }) => {
                // Before the stack says so: a BYE or a hang-up may come in between, and find a call that was answered.
                self.phase = Phase::Answered;
                self.unacknowledged = Some(now());
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
            // Long enough for our answer and for its ACK; where the answer cannot be sent, the stack waits for ever.
            tokio::spawn(tokio::time::timeout(self.shared.patience() * 3, work));
        }
    }

    // What rsipstack's dialog tells.

    async fn on_state(&mut self, state: DialogState) {
        match state {
            DialogState::Calling(_) | DialogState::Trying(_) | DialogState::Early(..) => {}
            // Known since the answer was given.
            DialogState::WaitAck(..) => {}
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
            (self.invite, self.unacknowledged) = (None, None);
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
        let (shared, flow) = (self.shared.clone(), self.flow);
        tokio::spawn(async move {
            transport::reach_target(&shared, &dialog, flow).await;
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
    invite: &Invite,
    refusal: &Refusal,
    headers: Vec<Header>,
) {
    let request = dialog.initial_request();
    let status = reply::final_status(refusal.status);
    let mut response = shared.endpoint.make_response(&request, status.clone(), None);
    reply::set_to_tag(&mut response, &dialog.id().local_tag);
    response.headers.extend(reply::refusal_headers(refusal));
    response.headers.extend(headers);
    invite.respond(response);
    let _ = dialog.reject(Some(status), None);
    let (invite, patience) = (invite.clone(), shared.patience());
    tokio::spawn(async move {
        tokio::time::sleep(patience + patience / 8).await;
        invite.give_up();
    });
}
