//! What a form on a ticket's page does: one change each, and then the page again or the next ticket.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::ticket::{self, Draft, From};
use super::{App, Console, secret};
use crate::store::{After, Change, Filter, Order, Queue, TicketRow, Work, WorkError};
use crate::ticket::workflow::{Action, Given};
use crate::ticket::{Class, RecordingId, TicketCode};

/// What every form on the page has.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Common {
    /// The version that the page showed.
    versi: i64,
    nonce: String,
    /// The queue that the operator works through.
    #[serde(default)]
    dari: String,
    /// There when the operator wants to go on to the next ticket.
    #[serde(default)]
    lanjut: String,
}

#[derive(Deserialize)]
pub(super) struct StepForm {
    versi: i64,
    nonce: String,
    #[serde(default)]
    dari: String,
    #[serde(default)]
    lanjut: String,
    tindakan: String,
    #[serde(default)]
    catatan: String,
    #[serde(default)]
    instansi: String,
    #[serde(default)]
    tanggapan: String,
    #[serde(default)]
    induk: String,
}

/// `POST /tiket/{code}/langkah`
pub(super) async fn step(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Form(form): Form<StepForm>,
) -> Result<Response, PageError> {
    let action = Action::parse(&form.tindakan).ok_or(PageError::NotFound)?;
    if !actor.may(action) {
        return Err(PageError::Forbidden);
    }
    let draft = Draft {
        action: Some(action),
        note: form.catatan.clone(),
        answer: form.tanggapan.clone(),
        agency: form.instansi.clone(),
        parent: form.induk.clone(),
        ..Draft::default()
    };
    let given = Given {
        note: Some(form.catatan),
        agency: Some(form.instansi).filter(|id| !id.is_empty()),
        answer: Some(form.tanggapan),
        parent: TicketCode::parse(&form.induk).ok(),
        answered: false,
    };
    let common =
        Common { versi: form.versi, nonce: form.nonce, dari: form.dari, lanjut: form.lanjut };
    change(&console, &actor, &code, common, Change::Step { action, given }, draft).await
}

#[derive(Deserialize)]
pub(super) struct NoteForm {
    versi: i64,
    nonce: String,
    #[serde(default)]
    dari: String,
    #[serde(default)]
    lanjut: String,
    catatan: String,
}

/// `POST /tiket/{code}/catatan`
pub(super) async fn note(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Form(form): Form<NoteForm>,
) -> Result<Response, PageError> {
    let draft = Draft { remark: form.catatan.clone(), ..Draft::default() };
    let common =
        Common { versi: form.versi, nonce: form.nonce, dari: form.dari, lanjut: form.lanjut };
    change(&console, &actor, &code, common, Change::Note(form.catatan), draft).await
}

/// `POST /tiket/{code}/ambil`
pub(super) async fn take(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Form(form): Form<Common>,
) -> Result<Response, PageError> {
    change(&console, &actor, &code, form, Change::Take, Draft::default()).await
}

/// `POST /tiket/{code}/rekaman/{recording}/didengar`
pub(super) async fn heard(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path((code, recording)): Path<(String, i64)>,
    Form(form): Form<Common>,
) -> Result<Response, PageError> {
    let change_to = Change::Heard(RecordingId(recording));
    change(&console, &actor, &code, form, change_to, Draft::default()).await
}

#[derive(Deserialize)]
pub(super) struct ClassifyForm {
    versi: i64,
    nonce: String,
    #[serde(default)]
    dari: String,
    #[serde(default)]
    lanjut: String,
    jenis: String,
    #[serde(default)]
    kategori: String,
    #[serde(default)]
    tempat: String,
}

/// `POST /tiket/{code}/jenis`
pub(super) async fn classify(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Form(form): Form<ClassifyForm>,
) -> Result<Response, PageError> {
    let class = Class::parse(&form.jenis)
        .ok_or_else(|| PageError::Refused("Jenis laporan ini tidak dikenal.".into()))?;
    let draft = Draft {
        class: Some(form.jenis.clone()),
        category: Some(form.kategori.clone()),
        place: Some(form.tempat.clone()),
        ..Draft::default()
    };
    let change_to = Change::Classify {
        class,
        category: Some(form.kategori).filter(|id| !id.is_empty()),
        place: Some(form.tempat),
    };
    let common =
        Common { versi: form.versi, nonce: form.nonce, dari: form.dari, lanjut: form.lanjut };
    change(&console, &actor, &code, common, change_to, draft).await
}

async fn change(
    console: &Console,
    actor: &Actor,
    code: &str,
    form: Common,
    change: Change,
    draft: Draft,
) -> Result<Response, PageError> {
    let view = ticket::load(console, actor, code).await?;
    let told = if change == Change::Take { "diambil" } else { "tersimpan" };
    // The same form with another text, after going back in the browser, is another one.
    let nonce = secret::hash(&format!("{} {change:?}", form.nonce));
    let code = view.ticket.code.clone();
    let work = Work { code: code.clone(), version: form.versi, change, nonce };
    match console.store.work(work, actor.worker(), console.now()).await {
        Ok(()) if form.lanjut.is_empty() => {
            let from = Queue::parse(&form.dari).map_or("", Queue::id);
            let page = format!("/tiket/{}?dari={from}&pesan={told}", code.digits());
            Ok(Redirect::to(&page).into_response())
        }
        Ok(()) => {
            let (page, told) = match next(console, actor, &view.ticket, &form.dari).await? {
                Next::Ticket(page) => (page, "tersimpan"),
                Next::Inbox(page) => (page, "habis"),
            };
            Ok(Redirect::to(&format!("{page}&pesan={told}")).into_response())
        }
        Err(WorkError::NotFound) => Err(PageError::NotFound),
        Err(WorkError::Store(error)) => Err(error.into()),
        Err(refused) => {
            let stale = matches!(refused, WorkError::Stale);
            let error = super::auth::sentence(&refused.to_string());
            ticket::again(
                console,
                actor,
                code.digits(),
                &form.dari,
                Draft { stale, error, ..draft },
            )
            .await
        }
    }
}

/// Where an operator goes on.
enum Next {
    Ticket(String),
    /// The queue is empty.
    Inbox(String),
}

/// `GET /tiket/{code}/berikutnya`: the next ticket, this one left as it is.
pub(super) async fn skip(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Query(from): Query<From>,
) -> Result<Redirect, PageError> {
    let view = ticket::load(&console, &actor, &code).await?;
    let (Next::Ticket(page) | Next::Inbox(page)) =
        next(&console, &actor, &view.ticket, &from.dari).await?;
    Ok(Redirect::to(&page))
}

/// The ticket behind this one in the queue, or its first one, or the empty queue.
async fn next(
    console: &Console,
    actor: &Actor,
    ticket: &TicketRow,
    from: &str,
) -> Result<Next, PageError> {
    let unset = if actor.agency.is_some() { Queue::WithAgency } else { Queue::New };
    let queue = Queue::parse(from).unwrap_or(unset);
    let filter = Filter {
        queue,
        staff: Some(actor.staff),
        agency: actor.agency.clone(),
        order: Order::OldestFirst,
        now: console.now(),
        ..Filter::default()
    };
    let here = After { at: queue.key(ticket.opened, ticket.due), id: ticket.id };
    let behind = console.store.queue(&filter, Some(here), 1).await?;
    let first = console.store.queue(&filter, None, 2).await?;
    let next = behind.into_iter().chain(first).find(|row| row.id != ticket.id);
    Ok(match next {
        Some(row) => Next::Ticket(format!("/tiket/{}?dari={}", row.code.digits(), queue.id())),
        None => Next::Inbox(format!("/kotak-masuk?antrean={}", queue.id())),
    })
}
