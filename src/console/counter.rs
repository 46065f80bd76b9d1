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
use super::{App, Console, Service, ticket};
use crate::ivr::script::Script;
use crate::store::{OpenError, WalkIn};
use crate::ticket::{Channel, Class, Contact, Intake, Status, TicketCode, contact};

#[derive(Template)]
#[template(path = "counter.html")]
struct CounterPage {
    frame: Frame,
    form: CounterForm,
    classes: Vec<Choice>,
    /// The length of a PIN.
    digits: Option<usize>,
    error: Option<String>,
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
    /// Never shown again.
    pin: String,
}

impl CounterForm {
    fn pin(&self) -> Option<String> {
        Some(self.pin.trim().to_owned()).filter(|pin| !pin.is_empty())
    }
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
    error: Option<String>,
) -> Result<Response, PageError> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let class = Class::parse(&form.jenis).unwrap_or(Class::Complaint);
    let page = html(CounterPage {
        frame: Frame::new(console, actor, "Loket").await?,
        classes: inbox::classes(Some(class)),
        digits: pin_digits(console).await?,
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
        return page(&console, &actor, form, Some("Isi laporan belum diisi.".into())).await;
    }
    let number = contact::normalise(&form.nomor);
    if number.is_none() && !form.nomor.trim().is_empty() {
        let error = "Nomor telepon ini tidak dapat dibaca. Contoh: 0812-3456-7890.";
        return page(&console, &actor, form, Some(error.into())).await;
    }
    let Some(class) = Class::parse(&form.jenis) else {
        return page(&console, &actor, form, Some("Pilih jenis laporan.".into())).await;
    };
    if let Some(error) = refuse_pin(&form, pin_digits(&console).await?) {
        return page(&console, &actor, form, Some(error)).await;
    }
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

/// Opens a ticket, or finds the one that this form opened before.
async fn open_once(
    console: &Console,
    actor: &Actor,
    form: &CounterForm,
    intake: Intake,
) -> Result<TicketCode, PageError> {
    let nonce = super::secret::hash(&format!("{form:?}"));
    let walk_in = WalkIn { intake, pin: form.pin(), nonce };
    let opened = {
        #[expect(clippy::disallowed_methods, reason = "the edge where codes are drawn")]
        let mut rng = rand::rng();
        console.store.open_at_counter(walk_in, actor.doer(), console.now(), &mut rng)
    };
    opened.await.map_err(|error| match error {
        OpenError::Store(error) => PageError::Store(error),
        OpenError::NoFreeCode { .. } | OpenError::UnknownRecording(_) | OpenError::NoLock => {
            PageError::Refused("Laporan belum dapat dibuka. Silakan coba lagi.".into())
        }
    })
}

/// How many digits the hotline asks for where a report has a PIN; without such a menu a PIN would open nothing.
async fn pin_digits(console: &Console) -> Result<Option<usize>, PageError> {
    let menu = console.store.menu_published().await?;
    let script = menu.and_then(|menu| Script::parse("naskah", &menu.text).ok());
    Ok(script.and_then(|script| script.pin_digits()))
}

/// Why this PIN is not taken.
fn refuse_pin(form: &CounterForm, digits: Option<usize>) -> Option<String> {
    let pin = form.pin()?;
    let Some(digits) = digits else {
        return Some("Menu suara yang terbit tidak meminta PIN. Kosongkan PIN-nya.".into());
    };
    if form.rahasia.is_none() {
        return Some(
            "PIN hanya berlaku untuk laporan rahasia. Centang Rahasia, atau kosongkan PIN-nya."
                .into(),
        );
    }
    (pin.len() != digits || !pin.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| format!("PIN terdiri dari {digits} angka."))
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    code: String,
    digits: String,
    opened: String,
    /// What happens by when.
    due: Option<String>,
    /// Who hands it over.
    by: String,
    class: &'static str,
    confidential: bool,
    anonymous: bool,
    locked: bool,
    service: Service,
}

/// `GET /tiket/{code}/tanda-terima`
pub(super) async fn receipt(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
) -> Result<Response, PageError> {
    let ticket = ticket::row(&console, &actor, &code).await?;
    html(ReceiptPage {
        frame: Frame::new(&console, &actor, "Tanda terima").await?,
        code: ticket.code.to_string(),
        digits: ticket.code.digits().into(),
        opened: console.time(ticket.opened),
        due: ticket.due.map(|due| {
            let day = console.due(due).day;
            match ticket.status {
                Status::Routed | Status::InProgress => format!("ditanggapi paling lambat {day}"),
                // The first deadline is the desk's own.
                _ => format!("diteruskan ke instansi paling lambat {day}"),
            }
        }),
        by: actor.name.clone(),
        class: match ticket.class {
            // What kind of complaint it is, is the office's own business.
            Class::Complaint | Class::OversightComplaint => "Pengaduan",
            other => other.word(),
        },
        confidential: ticket.confidential,
        anonymous: ticket.anonymous,
        locked: ticket.locked,
        service: console.service.clone(),
    })
}
