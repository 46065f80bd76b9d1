//! Loket: what a visitor tells, typed in, and the receipt with the code.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::inbox::{self, Choice};
use super::page::{Frame, html};
use super::{App, Console, ticket};
use crate::store::{Deed, OpenError};
use crate::ticket::{Channel, Class, Contact, Intake, TicketCode, contact};

#[derive(Template)]
#[template(path = "counter.html")]
struct CounterPage {
    frame: Frame,
    form: CounterForm,
    classes: Vec<Choice>,
    error: Option<&'static str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CounterForm {
    nonce: String,
    laporan: String,
    nomor: String,
    jenis: String,
    anonim: Option<String>,
    rahasia: Option<String>,
}

/// `GET /loket`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    page(&console, &actor, CounterForm::default(), None).await
}

async fn page(
    console: &Console,
    actor: &Actor,
    form: CounterForm,
    error: Option<&'static str>,
) -> Result<Response, PageError> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let class = Class::parse(&form.jenis).unwrap_or(Class::Complaint);
    let page = html(CounterPage {
        frame: Frame::new(console, actor, "Loket").await?,
        classes: inbox::classes(Some(class)),
        form,
        error,
    })?;
    Ok((status, page).into_response())
}

/// `POST /loket`: the same form twice is one report.
pub(super) async fn open(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Form(form): Form<CounterForm>,
) -> Result<Response, PageError> {
    if form.laporan.trim().is_empty() {
        return page(&console, &actor, form, Some("Isi laporan belum diisi.")).await;
    }
    let number = contact::normalise(&form.nomor);
    if number.is_none() && !form.nomor.trim().is_empty() {
        let error = "Nomor telepon ini tidak dapat dibaca. Contoh: 0812-3456-7890.";
        return page(&console, &actor, form, Some(error)).await;
    }
    let Some(class) = Class::parse(&form.jenis) else {
        return page(&console, &actor, form, Some("Pilih jenis laporan.")).await;
    };
    let intake = Intake {
        channel: Channel::Counter,
        class,
        contact: Contact { number, asserted: false },
        call: None,
        recordings: Vec::new(),
        text: Some(form.laporan.trim().to_owned()),
        anonymous: form.anonim.is_some(),
        confidential: form.rahasia.is_some(),
    };
    let code = open_once(&console, &actor, &form, intake).await?;
    Ok(Redirect::to(&format!("/tiket/{}/tanda-terima", code.digits())).into_response())
}

/// Opens a ticket, or finds the one that this form opened before. The form is marked behind the ticket: should the
/// program stop in between, a report comes twice rather than not at all.
async fn open_once(
    console: &Console,
    actor: &Actor,
    form: &CounterForm,
    intake: Intake,
) -> Result<TicketCode, PageError> {
    let nonce = super::secret::hash(&format!("{form:?}"));
    let _one_at_a_time = console.counter.lock().await;
    let before = console.store.form_outcome(&nonce).await?;
    if let Some(code) = before.and_then(|code| TicketCode::parse(&code).ok()) {
        return Ok(code);
    }
    let now = console.now();
    let opened = {
        #[expect(clippy::disallowed_methods, reason = "the edge where codes are drawn")]
        let mut rng = rand::rng();
        console.store.open_ticket(intake, now, &mut rng)
    };
    let ticket = opened.await.map_err(|error| match error {
        OpenError::Store(error) => PageError::Store(error),
        OpenError::NoFreeCode { .. } | OpenError::UnknownRecording(_) => {
            PageError::Refused("Laporan belum dapat dibuka. Silakan coba lagi.".into())
        }
    })?;
    console.store.set_form_outcome(&nonce, ticket.code.digits(), now).await?;
    let deed = Deed::new("open", format!("ticket {}", ticket.code.digits()));
    console.store.audit(actor.doer(), deed, now).await?;
    Ok(ticket.code)
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    code: String,
    digits: String,
    opened: String,
    class: &'static str,
    confidential: bool,
    anonymous: bool,
}

/// `GET /tiket/{code}/tanda-terima`
pub(super) async fn receipt(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
) -> Result<Response, PageError> {
    let ticket = ticket::load(&console, &actor, &code).await?.ticket;
    html(ReceiptPage {
        frame: Frame::new(&console, &actor, "Tanda terima").await?,
        code: ticket.code.to_string(),
        digits: ticket.code.digits().into(),
        opened: console.time(ticket.opened),
        class: ticket.class.word(),
        confidential: ticket.confidential,
        anonymous: ticket.anonymous,
    })
}
