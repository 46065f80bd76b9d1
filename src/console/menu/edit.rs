//! What the buttons under the text do: check, compare, keep, publish.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::super::access::Actor;
use super::super::error::PageError;
use super::super::page::Told;
use super::super::{App, Console};
use super::{Difference, Shown, diff, listed, page, study, version};
use crate::ivr::script::MOST_BYTES;
use crate::menu::{self, Origin};
use crate::store::{MenuError, MenuOrigin, MenuState, NewMenu};

#[derive(Deserialize)]
pub(in crate::console) struct MenuForm {
    #[serde(default)]
    nonce: String,
    naskah: String,
    dasar: i64,
    #[serde(default)]
    catatan: String,
}

/// What a form is taken as: too long a body is no fault of the program.
type Sent = Result<Form<MenuForm>, FormRejection>;

fn sent(form: Sent) -> Result<Shown, PageError> {
    let too_long = "Naskah ini tidak dapat diterima: terlalu panjang atau bukan teks biasa. Paling panjang 64 KB.";
    let Form(form) = form.map_err(|_| PageError::Refused(too_long.into()))?;
    Ok(Shown {
        text: menu::plain(&form.naskah),
        base: form.dasar,
        note: form.catatan,
        ..Shown::default()
    })
}

/// `POST /menu-suara/periksa`
pub(in crate::console) async fn check(
    State(console): App,
    Extension(actor): Extension<Actor>,
    form: Sent,
) -> Result<Response, PageError> {
    let shown = Shown { sound: true, ..sent(form)? };
    page(&console, &actor, shown, console.store.menu_newest().await?, &Told::default(), None).await
}

/// `POST /menu-suara/banding`: the text in the form with what answers calls.
pub(in crate::console) async fn compare(
    State(console): App,
    Extension(actor): Extension<Actor>,
    form: Sent,
) -> Result<Response, PageError> {
    let mut shown = sent(form)?;
    let published = console.store.menu_published().await?;
    let (number, before) = published.map(|row| (row.number, row.text)).unwrap_or_default();
    shown.diff = Some(Difference {
        title: format!("Versi {number} yang terbit, lalu naskah Anda"),
        lines: diff::lines(before, shown.text.clone()).await,
    });
    page(&console, &actor, shown, console.store.menu_newest().await?, &Told::default(), None).await
}

/// `POST /menu-suara`: keeps the text as a draft, broken or not.
pub(in crate::console) async fn save(
    State(console): App,
    Extension(actor): Extension<Actor>,
    form: Sent,
) -> Result<Response, PageError> {
    let nonce = nonce("konsep", &form);
    let shown = sent(form)?;
    if shown.text.len() > MOST_BYTES || shown.text.trim().is_empty() {
        let why = "Naskah kosong atau lebih panjang dari 64 KB, sehingga tidak dapat disimpan.";
        return refused(&console, &actor, shown, why).await;
    }
    let new = NewMenu {
        text: shown.text.clone(),
        state: MenuState::Draft,
        origin: MenuOrigin::Console,
        note: shown.note.clone(),
        base: based(shown.base),
        nonce,
    };
    match console.store.add_menu(new, actor.doer(), console.now()).await {
        Ok(_) => Ok(Redirect::to("/menu-suara?pesan=konsep").into_response()),
        Err(error) => not_added(&console, &actor, shown, error).await,
    }
}

/// `POST /menu-suara/terbit`: the text answers the next call, if the checker lets it.
pub(in crate::console) async fn publish(
    State(console): App,
    Extension(actor): Extension<Actor>,
    form: Sent,
) -> Result<Response, PageError> {
    let nonce = nonce("terbit", &form);
    let shown = sent(form)?;
    if shown.note.trim().is_empty() {
        let why = "Tulis catatan singkat: apa yang berubah dan mengapa.";
        return refused(&console, &actor, shown, why).await;
    }
    match put_in_place(&console, &actor, &shown, nonce).await? {
        Ok(_) => Ok(Redirect::to("/menu-suara?pesan=terbit").into_response()),
        Err(NotPublished::Unsound) => {
            let why =
                "Belum diterbitkan: naskah ini masih bermasalah. Menu yang lama tetap dipakai.";
            refused(&console, &actor, shown, why).await
        }
        Err(NotPublished::Menu(error)) => not_added(&console, &actor, shown, error).await,
    }
}

/// Why a text was not published.
pub(super) enum NotPublished {
    Unsound,
    Menu(MenuError),
}

/// Proves the text and publishes it.
pub(super) async fn put_in_place(
    console: &Console,
    actor: &Actor,
    shown: &Shown,
    nonce: Option<String>,
) -> Result<Result<i64, NotPublished>, PageError> {
    let Some(sound) = study::prove(console, &shown.text).await? else {
        return Ok(Err(NotPublished::Unsound));
    };
    let (note, base) = (shown.note.clone(), based(shown.base));
    let from = Origin { origin: MenuOrigin::Console, note, base, nonce };
    let published = sound.publish(&console.store, from, actor.doer(), console.now()).await;
    Ok(published.map_err(NotPublished::Menu))
}

/// A form's nonce counts for what its button does.
fn nonce(does: &str, form: &Sent) -> Option<String> {
    let form = form.as_ref().ok()?;
    (!form.nonce.is_empty()).then(|| format!("menu {does} {}", form.nonce))
}

/// Versions count from 1; 0 stands for none.
fn based(base: i64) -> Option<i64> {
    (base > 0).then_some(base)
}

async fn refused(
    console: &Console,
    actor: &Actor,
    shown: Shown,
    why: &str,
) -> Result<Response, PageError> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let shown = Shown { error: Some(why.into()), status, ..shown };
    page(console, actor, shown, console.store.menu_newest().await?, &Told::default(), None).await
}

/// Somebody was faster: both texts are shown, and saving once more goes on from the newest.
async fn not_added(
    console: &Console,
    actor: &Actor,
    shown: Shown,
    error: MenuError,
) -> Result<Response, PageError> {
    match error {
        MenuError::Store(error) => Err(error.into()),
        MenuError::Same(number) => {
            let why =
                format!("Naskah ini sama dengan versi {number}: tidak ada yang perlu disimpan.");
            refused(console, actor, shown, &why).await
        }
        MenuError::Stale => {
            let newest = console.store.menu_newest().await?.ok_or(PageError::NotFound)?;
            let diff = Some(Difference {
                title: format!(
                    "Versi {} oleh {}, lalu naskah Anda",
                    newest.number,
                    version(console, &listed(&newest)).who
                ),
                lines: diff::lines(newest.text, shown.text.clone()).await,
            });
            let why = format!(
                "Belum tersimpan: versi {} masuk selagi Anda menulis. Naskah Anda masih utuh; bandingkan keduanya, lalu simpan \
                 sekali lagi bila naskah Anda yang harus berlaku.",
                newest.number
            );
            let (base, status) = (newest.number, StatusCode::CONFLICT);
            let shown = Shown { base, diff, status, error: Some(why), ..shown };
            page(console, actor, shown, console.store.menu_newest().await?, &Told::default(), None)
                .await
        }
    }
}
