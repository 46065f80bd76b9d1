//! Panggilan: what became of each call, what was said by SIP, and which keys were pressed.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::ladder::{self, Rung};
use super::page::{Frame, html};
use super::{App, Console, show};
use crate::clock::Timestamp;
use crate::ivr::graph::readable;
use crate::store::{CallFilter, CallListed, CallPath, EndedBy, LiveCall, Step, TracedCall};
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
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    next: Option<String>,
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

/// A choice of calls.
struct Tab {
    href: String,
    label: &'static str,
    here: bool,
}

/// The choices, and their word in the address.
const FILTERS: [(CallFilter, &str, &str); 6] = [
    (CallFilter::All, "", "Semua"),
    (CallFilter::Missed, "tak-terjawab", "Tak terjawab"),
    (CallFilter::WithoutRecording, "tanpa-rekaman", "Tanpa rekaman"),
    (CallFilter::EndedBy(EndedBy::Caller), "penelepon", "Ditutup penelepon"),
    (CallFilter::EndedBy(EndedBy::Hotline), "layanan", "Diakhiri layanan"),
    (CallFilter::EndedBy(EndedBy::Network), "jaringan", "Putus jaringan"),
];

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
    /// How far it came.
    step: String,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    hasil: String,
    sebelum: Option<i64>,
}

/// `GET /panggilan`
pub(super) async fn list(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let known = FILTERS.iter().find(|(_, word, _)| *word == wanted.hasil);
    let &(filter, word, _) = known.unwrap_or(&FILTERS[0]);
    let before = wanted.sebelum.map(CallId);
    let mut calls = console.store.calls_before(filter, before, PAGE as i64 + 1).await?;
    let more = calls.len() > PAGE;
    calls.truncate(PAGE);
    let next = calls.last().filter(|_| more).map(|call| address(word, Some(call.id)));
    let tab = |&(_, own, label): &(CallFilter, &str, &'static str)| Tab {
        href: address(own, None),
        label,
        here: own == word,
    };
    let tabs = FILTERS.iter().map(tab).collect();
    let rows = calls.into_iter().map(|call| row(&console, &actor, call)).collect();
    let frame = Frame::new(&console, &actor, "Panggilan").await?;
    let live = live(&console, &actor).await?;
    html(CallsPage { frame, live, tabs, rows, next })
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
            step: readable(&call.step),
            seconds: lasts / 1_000,
            lasts: show::duration(lasts),
        }
    };
    Ok(calls.into_iter().map(row).collect())
}

/// The list of these calls, from the one before `before` on.
fn address(word: &str, before: Option<CallId>) -> String {
    match (word, before) {
        ("", None) => "/panggilan".into(),
        ("", Some(before)) => format!("/panggilan?sebelum={}", before.0),
        (word, None) => format!("/panggilan?hasil={word}"),
        (word, Some(before)) => format!("/panggilan?hasil={word}&sebelum={}", before.0),
    }
}

fn row(console: &Console, actor: &Actor, call: CallListed) -> Row {
    let lasted = call.ended.map(|end| end.0 - call.answered.unwrap_or(call.started).0);
    Row {
        id: call.id.0,
        time: console.time(call.started),
        number: show::number(actor.role, call.number.as_deref(), false),
        asserted: call.asserted,
        outcome: show::outcome(call.end_reason),
        step: readable(&call.step),
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
    rungs: Vec<Rung>,
    /// Whether messages were kept, and how many were not.
    traced: bool,
    left_out: u32,
}

/// `GET /panggilan/{call}`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let id = CallId(id);
    let found = console.store.traced_call(id).await?.ok_or(PageError::NotFound)?;
    let TracedCall { call, code, trace } = found;
    let steps = console.store.steps(id).await?;
    let (traced, trace) = (trace.is_some(), trace.unwrap_or_default());
    let rungs = ladder::rungs(&call, &steps, &trace, actor.role);
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
        rungs,
        traced,
        left_out: trace.left_out,
    })
}

/// The key path: how long after the beginning, where, what.
pub(super) fn path(path: &CallPath) -> Vec<(String, String, String)> {
    let one = |step: &Step| {
        let after = show::duration(step.at.0 - path.started.0);
        (after, readable(&step.step), show::step(&step.what))
    };
    path.steps.iter().map(one).collect()
}
