//! Menu suara: the script as text beside its drawing; what is wrong with it, how it differs, how it is put in place.

pub(super) mod diff;
pub(super) mod edit;
mod study;
pub(super) mod traffic;
pub(super) mod trial;
pub(super) mod versions;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, Told, html};
use super::{App, Console};
use crate::ivr::graph::Drawing;
use crate::store::{MenuListed, MenuOrigin, MenuRow, MenuState};
use crate::ticket::Role;
use diff::DiffLine;
use study::{Line, Message};
use traffic::Traffic;

/// Versions in the list.
const PAGE: usize = 20;

/// Whether somebody may change the menu.
fn may_edit(actor: &Actor) -> bool {
    matches!(actor.role, Role::Supervisor | Role::Admin)
}

#[derive(Template)]
#[template(path = "menu.html")]
struct MenuPage {
    frame: Frame,
    may_edit: bool,
    /// What answers calls; none before the first start.
    published: Option<Version>,
    /// The newest version, where it is another one than the published one.
    draft: Option<Version>,
    text: String,
    lines: Vec<Line>,
    rows: usize,
    /// The newest version when the text was taken into the form.
    base: i64,
    note: String,
    error: Option<String>,
    messages: Vec<Message>,
    /// Nothing is wrong, and somebody asked.
    sound: bool,
    diff: Option<Difference>,
    drawing: Option<Drawing>,
    /// The step that is lit.
    here: String,
    /// The page with the text of the drawing; empty for this one.
    text_at: String,
    traffic: Traffic,
    history: Vec<Version>,
    older: Option<i64>,
}

/// A version in words.
pub(super) struct Version {
    number: i64,
    state: &'static str,
    tone: &'static str,
    who: String,
    time: String,
    note: String,
    from_file: bool,
}

/// How the text differs from another.
struct Difference {
    /// From what to what.
    title: String,
    lines: Vec<DiffLine>,
}

/// What is in the form, and what a button found.
#[derive(Default)]
struct Shown {
    text: String,
    base: i64,
    note: String,
    error: Option<String>,
    sound: bool,
    diff: Option<Difference>,
    status: StatusCode,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Before {
    sebelum: Option<i64>,
}

/// `GET /menu-suara`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(told): Query<Told>,
    Query(before): Query<Before>,
) -> Result<Response, PageError> {
    let newest = console.store.menu_newest().await?;
    let shown = newest.clone().map_or_else(Shown::default, |newest| Shown {
        base: newest.number,
        // Whoever goes on with a draft has said already what it is for.
        note: match (newest.state, newest.origin) {
            (MenuState::Draft, MenuOrigin::Console) => newest.note,
            _ => String::new(),
        },
        text: newest.text,
        ..Shown::default()
    });
    page(&console, &actor, shown, newest, &told, before.sebelum).await
}

async fn page(
    console: &Console,
    actor: &Actor,
    shown: Shown,
    newest: Option<MenuRow>,
    told: &Told,
    before: Option<i64>,
) -> Result<Response, PageError> {
    let published = console.store.menu_published().await?;
    let traffic = traffic::of(console, published.as_ref()).await?;
    let study = study::of(console, &shown.text, &traffic.taken).await?;
    let is_published = |row: &MenuRow| published.as_ref().is_some_and(|p| p.number == row.number);
    let draft =
        newest.filter(|newest| !is_published(newest)).map(|row| version(console, &listed(&row)));
    let (history, older) = history(console, before).await?;
    let status = shown.status;
    let page = html(MenuPage {
        frame: Frame::new(console, actor, "Menu suara").await?.with_notice(told),
        may_edit: may_edit(actor),
        published: published.as_ref().map(|row| version(console, &listed(row))),
        draft,
        lines: study::lines(&shown.text, &study.messages),
        rows: study::rows(&shown.text),
        sound: shown.sound && study.messages.is_empty(),
        text: shown.text,
        base: shown.base,
        note: shown.note,
        error: shown.error,
        messages: study.messages,
        diff: shown.diff,
        drawing: study.drawing,
        here: String::new(),
        text_at: String::new(),
        traffic,
        history,
        older,
    })?;
    Ok((status, page).into_response())
}

async fn history(
    console: &Console,
    before: Option<i64>,
) -> Result<(Vec<Version>, Option<i64>), PageError> {
    let mut rows = console.store.menus_before(before.unwrap_or(i64::MAX), PAGE as i64 + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let older = rows.last().filter(|_| more).map(|row| row.number);
    Ok((rows.iter().map(|row| version(console, row)).collect(), older))
}

fn listed(row: &MenuRow) -> MenuListed {
    MenuListed {
        number: row.number,
        state: row.state,
        origin: row.origin,
        author: row.author.clone(),
        at: row.at,
        note: row.note.clone(),
    }
}

fn version(console: &Console, row: &MenuListed) -> Version {
    let (state, tone) = match row.state {
        MenuState::Draft => ("konsep", "waiting"),
        MenuState::Published => ("terbit", "done"),
    };
    let who = match row.author.as_str() {
        "file" | "cli" => "teknisi".to_owned(),
        author => author.to_owned(),
    };
    Version {
        number: row.number,
        state,
        tone,
        who,
        time: console.time(row.at),
        note: row.note.clone(),
        from_file: row.origin == MenuOrigin::File,
    }
}
