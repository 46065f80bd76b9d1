//! Panggilan: what became of each call, and which keys were pressed.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};
use super::{App, Console, show};
use crate::clock::Timestamp;
use crate::store::{CallListed, LiveCall, Step};
use crate::ticket::CallId;

/// Rows on a page.
const PAGE: usize = 50;
/// Calls shown while they go on: more than a hotline has lines.
const LIVE: i64 = 200;

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsPage {
    frame: Frame,
    live: Vec<LiveRow>,
    rows: Vec<Row>,
    next: Option<i64>,
}

/// The calls that are going on: fetched again when one of them begins, moves on or ends.
#[derive(Template)]
#[template(path = "calls_live.html")]
struct LivePart {
    live: Vec<LiveRow>,
}

struct LiveRow {
    id: i64,
    number: String,
    asserted: bool,
    trunk: String,
    called: String,
    /// Nothing before the first step.
    step: String,
    /// Since the beginning; the page counts on.
    seconds: i64,
    lasts: String,
}

struct Row {
    id: i64,
    time: String,
    number: String,
    asserted: bool,
    outcome: &'static str,
    duration: String,
    recorded: String,
    code: Option<String>,
    digits: String,
}

#[derive(Deserialize)]
pub(super) struct Before {
    sebelum: Option<i64>,
}

/// `GET /panggilan`
pub(super) async fn list(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(before): Query<Before>,
) -> Result<Response, PageError> {
    let mut calls = console.store.calls_before(before.sebelum.map(CallId), PAGE as i64 + 1).await?;
    let more = calls.len() > PAGE;
    calls.truncate(PAGE);
    let next = calls.last().filter(|_| more).map(|call| call.id.0);
    let rows = calls.into_iter().map(|call| row(&console, &actor, call)).collect();
    let frame = Frame::new(&console, &actor, "Panggilan").await?;
    html(CallsPage { frame, live: live(&console, &actor).await?, rows, next })
}

/// `GET /panggilan/berlangsung`
pub(super) async fn going_on(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    html(LivePart { live: live(&console, &actor).await? })
}

async fn live(console: &Console, actor: &Actor) -> Result<Vec<LiveRow>, PageError> {
    let calls = console.store.calls_going_on(LIVE).await?;
    let row = |call: LiveCall| {
        let lasts = console.now().0 - call.started.0;
        LiveRow {
            id: call.id.0,
            number: show::number(actor.role, call.number.as_deref(), false),
            asserted: call.asserted,
            trunk: call.trunk.unwrap_or_default(),
            called: call.called,
            step: call.step,
            seconds: lasts / 1_000,
            lasts: show::duration(lasts),
        }
    };
    Ok(calls.into_iter().map(row).collect())
}

fn row(console: &Console, actor: &Actor, call: CallListed) -> Row {
    let lasted = call.ended.map(|end| end.0 - call.answered.unwrap_or(call.started).0);
    Row {
        id: call.id.0,
        time: console.time(call.started),
        number: show::number(actor.role, call.number.as_deref(), false),
        asserted: call.asserted,
        outcome: show::outcome(call.end_reason),
        duration: lasted.map(show::duration).unwrap_or_default(),
        recorded: if call.recorded_ms > 0 {
            show::duration(call.recorded_ms)
        } else {
            String::new()
        },
        digits: call.code.as_ref().map(|code| code.digits().to_owned()).unwrap_or_default(),
        code: call.code.map(|code| code.to_string()),
    }
}

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage {
    frame: Frame,
    id: i64,
    started: String,
    answered: String,
    ended: String,
    outcome: &'static str,
    number: String,
    asserted: bool,
    called: String,
    trunk: String,
    codec: String,
    packets: String,
    recorded: String,
    code: Option<String>,
    digits: String,
    steps: Vec<(String, String, String)>,
}

/// `GET /panggilan/{call}`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let id = CallId(id);
    let call = console.store.call(id).await?.ok_or(PageError::NotFound)?;
    let code = console.store.code_of_call(id).await?;
    let steps = console.store.steps(id).await?;
    let moment = |at: Option<Timestamp>| at.map(|at| console.time(at)).unwrap_or_default();
    html(CallPage {
        frame: Frame::new(&console, &actor, &format!("Panggilan {}", id.0)).await?,
        id: id.0,
        started: console.time(call.started),
        answered: moment(call.answered),
        ended: moment(call.ended),
        outcome: show::outcome(call.end_reason),
        number: show::number(actor.role, call.number.as_deref(), false),
        asserted: call.asserted,
        called: call.called,
        trunk: call.trunk.unwrap_or_default(),
        codec: call.codec.unwrap_or_default(),
        packets: format!(
            "{} dikirim, {} diterima, {} hilang",
            call.packets_sent, call.packets_received, call.packets_lost
        ),
        recorded: show::duration(call.recorded_ms),
        digits: code.as_ref().map(|code| code.digits().to_owned()).unwrap_or_default(),
        code: code.map(|code| code.to_string()),
        steps: path(call.started, &steps),
    })
}

/// The key path: how long after the beginning, where, what.
pub(super) fn path(started: Timestamp, steps: &[Step]) -> Vec<(String, String, String)> {
    let one = |step: &Step| {
        let after = show::duration(step.at.0 - started.0);
        (after, step.step.clone(), show::step(&step.what))
    };
    steps.iter().map(one).collect()
}
