//! From transactions to calls: gives each request to the dialog it names, and makes a call of each new INVITE.

use std::sync::Arc;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::DialogStateReceiver;
use rsipstack::sip::{HeadersExt, Method, Request};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::call::{self, InboundCall, Line};
use super::owner::{Descriptions, Incoming, Input, Invite, Owner, Phase, Work};
use super::transport::Flow;
use super::{Shared, reply, transport, wire};
use crate::sip::{Refusal, identity, text};

pub(super) async fn run(
    shared: Arc<Shared>,
    mut incoming: TransactionReceiver,
    calls: mpsc::Sender<InboundCall>,
) {
    loop {
        let transaction = tokio::select! {
            () = shared.stop.cancelled() => return,
            transaction = incoming.recv() => transaction,
        };
        match transaction {
            Some(transaction) => dispatch(&shared, Box::new(transaction), &calls),
            None => return,
        }
    }
}

fn dispatch(
    shared: &Arc<Shared>,
    transaction: Box<Transaction>,
    calls: &mpsc::Sender<InboundCall>,
) {
    let Ok(id) = DialogId::try_from(&*transaction) else {
        return reply::spawn(transaction, 400, vec![]);
    };
    match transaction.original.method {
        _ if !id.local_tag.is_empty() => within_dialog(shared, id, transaction),
        Method::Invite => new_call(shared, transaction, calls),
        Method::Options => reply::spawn(transaction, 200, reply::capabilities()),
        Method::Bye | Method::Update | Method::Info | Method::PRack => {
            reply::spawn(transaction, 481, vec![])
        }
        _ => reply::spawn(transaction, 405, vec![reply::allow()]),
    }
}

/// Hands what rsipstack says of dialogs to their owners. One channel for all: each has room for 32 of these, and ten
/// kilobytes for every call would lie empty.
pub(super) async fn tell_owners(shared: Arc<Shared>, mut states: DialogStateReceiver) {
    loop {
        let state = tokio::select! {
            () = shared.stop.cancelled() => return,
            state = states.recv() => state,
        };
        let Some(state) = state else { return };
        if let Some(owner) = owner(&shared, state.id().clone()) {
            // An owner that is gone has no use for it.
            let _ = owner.send(Input::State(Box::new(state)));
        }
    }
}

fn owner(shared: &Shared, mut id: DialogId) -> Option<mpsc::UnboundedSender<Input>> {
    let dialogs = shared.lock();
    dialogs.get(&id).cloned().or_else(|| {
        // A call that we place is known without the other side's tag until its 200 has been read.
        id.remote_tag.clear();
        dialogs.get(&id).cloned()
    })
}

fn within_dialog(shared: &Shared, id: DialogId, transaction: Box<Transaction>) {
    let input = Input::Request(Incoming(transaction));
    let unclaimed = match owner(shared, id) {
        Some(owner) => owner.send(input).err().map(|error| error.0),
        None => Some(input),
    };
    if let Some(Input::Request(Incoming(transaction))) = unclaimed {
        reply::spawn(transaction, 481, vec![]);
    }
}

fn new_call(
    shared: &Arc<Shared>,
    mut transaction: Box<Transaction>,
    calls: &mpsc::Sender<InboundCall>,
) {
    let request = &transaction.original;
    let Some(flow) = flow(&transaction) else {
        return reply::spawn(transaction, 500, vec![]);
    };
    let accepted = match shared.negotiate(request) {
        Ok(accepted) => accepted,
        Err(min_se) => return reply::spawn(transaction, 422, vec![min_se]),
    };
    let offer = wire::session_description(&request.headers, &request.body);
    let contact = shared.contact(flow.peer, flow.transport);
    let states = shared.states.clone();
    let dialog =
        match shared.layer.get_or_create_server_invite(&transaction, states, None, Some(contact)) {
            Ok(dialog) => dialog,
            Err(error) => {
                // A missing or unreadable Contact, From or To.
                debug!(%error, "INVITE without a dialog");
                return reply::spawn(transaction, 400, vec![]);
            }
        };
    transport::retarget(&dialog, request, flow);

    let call_id = request.call_id_header().map(|id| id.value().to_owned()).unwrap_or_default();
    let log_id = log_id(&call_id);
    let trunk = shared.config.trunk_of(flow.peer.ip());
    let trusted = trunk.is_some_and(|trunk| trunk.asserts_identity);
    let cseq = request.cseq_header().and_then(|cseq| cseq.seq()).ok();
    let id = dialog.id();
    let trace = shared.traces.claim(&call_id, &id.remote_tag, &id.local_tag);
    let (handle, ends) = call::handle(&log_id);
    let owner = Owner {
        shared: shared.clone(),
        log_id: log_id.clone(),
        id,
        flow,
        dialog: dialog.clone(),
        phase: Phase::Early,
        inbox: ends.inbox,
        inbox_sender: ends.inbox_sender.clone(),
        events: Some(ends.events),
        end: ends.end,
        invite: Some(Invite::of(&transaction)),
        unacknowledged: None,
        remote_cseq: cseq,
        agreed: Descriptions { local: None, remote: offer.clone() },
        answer_in_ack: cseq.filter(|_| offer.is_none()),
        timer: accepted.timer,
        updates: wire::allows(&request.headers, "UPDATE"),
        work: Work::default(),
    };
    shared.lock().insert(dialog.id(), ends.inbox_sender);
    shared.owners.spawn(owner.run());

    let line = Line {
        shared: shared.clone(),
        dialog: dialog.clone(),
        invite: Invite::of(&transaction),
        headers: accepted.headers,
        handle: Some(handle),
    };
    info!(call = %log_id, trunk = trunk.map(|trunk| trunk.name.as_str()), offer = offer.is_some(), "offered");
    let call = InboundCall {
        caller: identity::caller(&wire::headers(&request.headers), trusted),
        called: called(request),
        trunk: trunk.map(|trunk| trunk.name.clone()),
        call_id,
        log_id,
        peer: flow.peer,
        offer,
        trace,
        line,
    };
    // The 487 after a CANCEL, which the stack writes from the request, must have the tag that a 180 had.
    reply::set_to_tag(&mut transaction.original, &dialog.id().local_tag);
    tokio::spawn(drive(dialog, transaction));
    if let Err(error) = calls.try_send(call) {
        let refusal = Refusal { retry_after: Some(5), ..Refusal::new(503, "too many calls wait") };
        match error {
            mpsc::error::TrySendError::Full(call) => call.refuse(refusal),
            mpsc::error::TrySendError::Closed(call) => call.refuse(refusal),
        }
    }
}

/// Runs the INVITE's transaction until its ACK, or until it has none for 64*T1.
async fn drive(
    mut dialog: rsipstack::dialog::invite_dialog::InviteDialog,
    mut transaction: Box<Transaction>,
) {
    if let Err(error) = dialog.handle(&mut transaction).await {
        debug!(%error, "INVITE failed");
    }
}

fn flow(transaction: &Transaction) -> Option<Flow> {
    let connection = transaction.connection.as_ref()?;
    let peer = connection.get_remote_addr()?.get_socketaddr().ok()?;
    Some(Flow { peer, transport: connection.transport() })
}

fn called(request: &Request) -> String {
    let uri = request.uri.to_string();
    let user = text::Uri::read(&uri).and_then(|uri| uri.user.split(';').next());
    user.and_then(text::unescape).unwrap_or_default()
}

/// Eight digits that name a call in the log: stable for a Call-ID, and telling nothing about it.
pub(super) fn log_id(call_id: &str) -> Arc<str> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    call_id.hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32).into()
}
