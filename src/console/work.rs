//! What a form on a ticket's page does: one change each, and then the page again or the next ticket.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::inbox::Place;
use super::ticket::{self, Draft, From};
use super::{App, Console, secret};
use crate::store::{After, Change, Filter, Queue, QueueRow, TicketRow, Work, WorkError};
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
    let parent = TicketCode::parse(&form.induk);
    if parent.is_err() && !form.induk.trim().is_empty() {
        let error = "Kode laporan induk salah ketik. Periksa delapan angkanya.".into();
        let draft = Draft { error, ..draft };
        return ticket::again(&console, &actor, &code, &form.dari, draft).await;
    }
    let given = Given {
        note: Some(form.catatan),
        agency: Some(form.instansi).filter(|id| !id.is_empty()),
        answer: Some(form.tanggapan),
        parent: parent.ok(),
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
    let ticket = ticket::row(console, actor, code).await?;
    let told = if change == Change::Take { "diambil" } else { "tersimpan" };
    // The same form with another text, after going back in the browser, is another one.
    let nonce = secret::hash(&format!("{} {change:?}", form.nonce));
    let code = ticket.code.clone();
    let work = Work { code: code.clone(), version: form.versi, change, nonce };
    match console.store.work(work, actor.worker(), console.now()).await {
        Ok(()) if form.lanjut.is_empty() => {
            let from = Place::tidy_trail(&form.dari);
            let page = format!("/tiket/{}?dari={from}&pesan={told}", code.digits());
            Ok(Redirect::to(&page).into_response())
        }
        Ok(()) => Ok(go_on(console, actor, &ticket, &form.dari).await?.into_response()),
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

/// To the next ticket, after something was saved.
pub(super) async fn go_on(
    console: &Console,
    actor: &Actor,
    ticket: &TicketRow,
    from: &str,
) -> Result<Redirect, PageError> {
    let next = next(console, actor, ticket, from).await?;
    let told = match next.order {
        Order::Next => "lanjut",
        Order::Around => "putar",
        Order::Over => "habis",
    };
    Ok(Redirect::to(&format!("{}&pesan={told}&laporan={}", next.page, ticket.code.digits())))
}

/// Where an operator goes on: a ticket, or the list.
struct Next {
    page: String,
    order: Order,
}

enum Order {
    Next,
    /// The queue is at its end, and begins again.
    Around,
    /// There is no other.
    Over,
}

/// `GET /tiket/{code}/berikutnya`: the next ticket, this one left as it is.
pub(super) async fn skip(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Query(from): Query<From>,
) -> Result<Redirect, PageError> {
    let ticket = ticket::row(&console, &actor, &code).await?;
    let Next { page, order } = next(&console, &actor, &ticket, &from.dari).await?;
    Ok(Redirect::to(&match order {
        Order::Next => page,
        Order::Around => format!("{page}&pesan=awal"),
        Order::Over => format!("{page}&pesan=sepi"),
    }))
}

/// The ticket behind this one in the queue with its filters, or its first one, or the empty queue. In the queue of new ones
/// those that somebody else looks into are passed over.
async fn next(
    console: &Console,
    actor: &Actor,
    ticket: &TicketRow,
    from: &str,
) -> Result<Next, PageError> {
    let place = Place::of_trail(from);
    let filter = place.filter(actor, console.now());
    let queue = filter.queue;
    let free = |row: &QueueRow| {
        let others = row.assignee.as_ref().is_some_and(|login| *login != actor.login);
        row.id != ticket.id && !(queue == Queue::New && others)
    };
    let page = |row: QueueRow| format!("/tiket/{}?dari={}", row.code.digits(), place.trail(queue));
    let here = After { at: queue.key(ticket.opened, ticket.due), id: ticket.id };
    if let Some(row) = first(console, &filter, Some(here), free).await? {
        return Ok(Next { page: page(row), order: Order::Next });
    }
    Ok(match first(console, &filter, None, free).await? {
        Some(row) => Next { page: page(row), order: Order::Around },
        None => Next { page: place.address(queue, ""), order: Order::Over },
    })
}

/// Rows that are looked at together.
const LOOK: usize = 50;
/// How often, before somebody had better choose for themselves.
const LOOKS: usize = 20;

/// The first ticket behind a place that fits.
async fn first(
    console: &Console,
    filter: &Filter,
    mut after: Option<After>,
    fits: impl Fn(&QueueRow) -> bool,
) -> Result<Option<QueueRow>, PageError> {
    for _ in 0..LOOKS {
        let rows = console.store.queue(filter, after, LOOK as i64).await?;
        let last = rows.last().filter(|_| rows.len() == LOOK);
        let reached =
            last.map(|row| After { at: filter.queue.key(row.opened, row.due), id: row.id });
        if let Some(found) = rows.into_iter().find(|row| fits(row)) {
            return Ok(Some(found));
        }
        if reached.is_none() {
            break;
        }
        after = reached;
    }
    Ok(None)
}
