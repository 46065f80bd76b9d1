//! One version of the menu, two of them side by side, and back to an older one.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::super::access::Actor;
use super::super::error::PageError;
use super::super::page::{Frame, html};
use super::super::{App, Console};
use super::edit::NotPublished;
use super::study::{self, Line, Message};
use super::{DiffLine, Shown, Version, diff, edit, listed, may_edit, traffic, version};
use crate::ivr::graph::Drawing;
use crate::store::{MenuError, MenuRow};

#[derive(Template)]
#[template(path = "menu_version.html")]
struct VersionPage {
    frame: Frame,
    may_edit: bool,
    version: Version,
    /// Its number is the published one's.
    answers: bool,
    published: i64,
    /// The newest version there is.
    base: i64,
    text: String,
    lines: Vec<Line>,
    rows: usize,
    note: String,
    error: Option<String>,
    messages: Vec<Message>,
    drawing: Option<Drawing>,
    /// The step that is lit.
    here: String,
    /// The page with the text of the drawing; empty for this one.
    text_at: String,
}

#[derive(Deserialize)]
pub(in crate::console) struct BackForm {
    #[serde(default)]
    nonce: String,
    dasar: i64,
    #[serde(default)]
    catatan: String,
}

/// `GET /menu-suara/versi/{number}`
pub(in crate::console) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
) -> Result<Response, PageError> {
    let row = load(&console, number).await?;
    page(&console, &actor, row, String::new(), None).await
}

async fn load(console: &Console, number: i64) -> Result<MenuRow, PageError> {
    console.store.menu(number).await?.ok_or(PageError::NotFound)
}

async fn page(
    console: &Console,
    actor: &Actor,
    row: MenuRow,
    note: String,
    error: Option<String>,
) -> Result<Response, PageError> {
    let published = console.store.menu_published().await?;
    let newest = console.store.menu_newest().await?;
    let taken = traffic::of(console, published.as_ref()).await?.taken;
    let study = study::of(console, &row.text, &taken).await?;
    let published = published.map_or(0, |published| published.number);
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = html(VersionPage {
        frame: Frame::new(console, actor, &format!("Versi {} menu suara", row.number)).await?,
        may_edit: may_edit(actor),
        answers: published == row.number,
        version: version(console, &listed(&row)),
        published,
        base: newest.map_or(0, |newest| newest.number),
        lines: study::lines(&row.text, &study.messages),
        rows: study::rows(&row.text),
        text: row.text,
        note,
        error,
        messages: study.messages,
        drawing: study.drawing,
        here: String::new(),
        text_at: String::new(),
    })?;
    Ok((status, page).into_response())
}

/// `POST /menu-suara/versi/{number}/terbit`: the old text as a new version.
pub(in crate::console) async fn publish(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
    Form(form): Form<BackForm>,
) -> Result<Response, PageError> {
    let row = load(&console, number).await?;
    let note = form.catatan.clone();
    if note.trim().is_empty() {
        let why = "Tulis catatan singkat: mengapa versi ini dipakai.".into();
        return page(&console, &actor, row, note, Some(why)).await;
    }
    let nonce = Some(format!("menu versi {number} {}", form.nonce));
    let shown =
        Shown { text: row.text.clone(), base: form.dasar, note: form.catatan, ..Shown::default() };
    let why = match edit::put_in_place(&console, &actor, &shown, nonce).await? {
        Ok(_) => return Ok(Redirect::to("/menu-suara?pesan=terbit").into_response()),
        Err(NotPublished::Menu(MenuError::Store(error))) => return Err(error.into()),
        Err(NotPublished::Menu(MenuError::Stale)) => {
            "Belum diterbitkan: versi baru masuk sesudah halaman ini dibuka. Lihat riwayatnya, lalu terbitkan sekali lagi."
                .into()
        }
        Err(NotPublished::Menu(error)) => super::super::auth::sentence(&error.to_string()),
        Err(NotPublished::Unsound) => {
            "Belum diterbitkan: versi ini bermasalah dengan prompt yang ada sekarang.".into()
        }
    };
    page(&console, &actor, row, note, Some(why)).await
}

#[derive(Template)]
#[template(path = "menu_compare.html")]
struct ComparePage {
    frame: Frame,
    before: Version,
    after: Version,
    lines: Vec<DiffLine>,
}

#[derive(Deserialize)]
pub(in crate::console) struct Two {
    dari: Option<i64>,
    ke: Option<i64>,
}

/// `GET /menu-suara/banding?dari=3&ke=7`; without numbers, from what answers calls to the newest.
pub(in crate::console) async fn compare(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(two): Query<Two>,
) -> Result<Response, PageError> {
    let before = match two.dari {
        Some(number) => console.store.menu(number).await?,
        None => console.store.menu_published().await?,
    };
    let after = match two.ke {
        Some(number) => console.store.menu(number).await?,
        None => console.store.menu_newest().await?,
    };
    let (Some(before), Some(after)) = (before, after) else { return Err(PageError::NotFound) };
    html(ComparePage {
        frame: Frame::new(&console, &actor, "Perbandingan menu suara").await?,
        before: version(&console, &listed(&before)),
        after: version(&console, &listed(&after)),
        lines: diff::lines(before.text, after.text).await,
    })
}
