//! One prompt: its words, its voice as a phone plays it, and the voices it had before.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::standing::{self, Flag, Standing};
use crate::console::access::Actor;
use crate::console::error::PageError;
use crate::console::page::{Frame, Told, html};
use crate::console::{App, Console, assets, range};
use crate::media::prompt::Source;
use crate::store::{LONGEST_PROMPT, TakeOrigin, TakeRow};
use crate::ticket::Role;

#[derive(Template)]
#[template(path = "prompt.html")]
struct PromptPage {
    frame: Frame,
    script: String,
    recorder: String,
    /// The part of the recorder that runs beside the sound.
    tape: String,
    href: String,
    id: String,
    said: String,
    /// `None` for a pause or a tone, which nobody speaks.
    text: Option<Texts>,
    voice: &'static str,
    flags: Vec<Flag>,
    takes: Vec<Take>,
    shipped: Shipped,
    may_change: bool,
    draft: Draft,
}

struct Texts {
    now: String,
    shipped: String,
    changed: bool,
    longest: usize,
}

/// A voice that was brought by the console.
struct Take {
    id: i64,
    time: String,
    by: String,
    origin: &'static str,
    seconds: String,
    heard: bool,
    flags: Vec<Flag>,
    text: String,
    other_text: bool,
}

/// The voice that comes with the program.
struct Shipped {
    voice: &'static str,
    heard: bool,
    /// It speaks a text that was changed since.
    stale: bool,
}

/// What was handed in and not taken, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub error: String,
    /// A text that was typed.
    pub text: Option<String>,
    /// The text of somebody who was quicker.
    pub theirs: Option<String>,
}

/// Lets this page, and no other, use the microphone.
const MICROPHONE: [(HeaderName, &str); 1] = [(
    HeaderName::from_static("permissions-policy"),
    "camera=(), geolocation=(), microphone=(self)",
)];

/// `GET /prompt/{prompt}`
pub(in crate::console) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(prompt): Path<String>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    let (prompt, _) = standing::find(&console, &prompt).await?;
    page(&console, &actor, &prompt, &told, Draft::default()).await
}

/// The page again, with what could not be taken.
pub(super) async fn again(
    console: &Console,
    actor: &Actor,
    prompt: &Standing,
    draft: Draft,
) -> Result<Response, PageError> {
    let status = match draft.theirs {
        Some(_) => StatusCode::CONFLICT,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = page(console, actor, prompt, &Told::default(), draft).await?;
    Ok((status, page).into_response())
}

async fn page(
    console: &Console,
    actor: &Actor,
    prompt: &Standing,
    told: &Told,
    draft: Draft,
) -> Result<Response, PageError> {
    let text = prompt.text().unwrap_or_default();
    let heard = prompt.take.as_ref().map(|take| take.id);
    let takes = console.store.takes(&prompt.id).await?;
    let page = html(PromptPage {
        frame: Frame::new(console, actor, &prompt.id).await?.with_notice(told),
        script: assets::address("play.js"),
        recorder: assets::address("recorder.js"),
        tape: assets::address("tape.js"),
        href: prompt.href(),
        id: prompt.id.clone(),
        said: prompt.said(),
        text: texts(prompt),
        voice: prompt.voice(),
        flags: prompt.flags.clone(),
        takes: takes.iter().map(|row| take(console, row, heard, text)).collect(),
        shipped: Shipped {
            voice: match prompt.shipped {
                Source::Recorded(_) => "rekaman dari berkas",
                Source::Rendered(_) => "suara sintetis",
            },
            heard: heard.is_none(),
            stale: prompt.changed_text.is_some(),
        },
        may_change: matches!(actor.role, Role::Supervisor | Role::Admin),
        draft,
    })?;
    Ok((MICROPHONE, page).into_response())
}

fn texts(prompt: &Standing) -> Option<Texts> {
    Some(Texts {
        now: prompt.text()?.to_owned(),
        shipped: prompt.shipped_text()?.to_owned(),
        changed: prompt.changed_text.is_some(),
        longest: LONGEST_PROMPT,
    })
}

fn take(console: &Console, row: &TakeRow, heard: Option<i64>, text: &str) -> Take {
    Take {
        id: row.id,
        time: console.time(row.at),
        by: row.by.clone(),
        origin: match row.origin {
            TakeOrigin::Microphone => "direkam",
            TakeOrigin::Upload => "diunggah",
            TakeOrigin::Synthetic => "suara sintetis",
        },
        seconds: format!("{},{}", row.duration_ms / 1000, row.duration_ms % 1000 / 100),
        heard: heard == Some(row.id),
        flags: standing::flags_of(row, text, standing::source(console, row).is_ok()),
        text: row.text.clone(),
        other_text: row.text != text,
    }
}

/// `GET /prompt/{prompt}/suara`: what callers hear.
pub(in crate::console) async fn hear(
    State(console): App,
    Path(prompt): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (prompt, _) = standing::find(&console, &prompt).await?;
    play(&headers, prompt.source).await
}

/// `GET /prompt/{prompt}/suara/bawaan`: the voice that comes with the program.
pub(in crate::console) async fn hear_shipped(
    State(console): App,
    Path(prompt): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (prompt, _) = standing::find(&console, &prompt).await?;
    play(&headers, prompt.shipped).await
}

/// `GET /prompt/{prompt}/suara/{take}`: a voice it has or had.
pub(in crate::console) async fn hear_take(
    State(console): App,
    Path((prompt, take)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (prompt, _) = standing::find(&console, &prompt).await?;
    let takes = console.store.takes(&prompt.id).await?;
    let take = takes.iter().find(|row| row.id == take).ok_or(PageError::NotFound)?;
    play(&headers, standing::source(&console, take)?).await
}

/// Brought into a phone's form, through the A-law and back.
async fn play(headers: &HeaderMap, source: Source) -> Result<Response, PageError> {
    let wav = standing::blocking(move || {
        let clip = source.load().map_err(|_| PageError::NotFound)?;
        clip.as_heard().map_err(|_| PageError::NotFound)
    });
    Ok(range::of_bytes(headers, "audio/wav", &wav.await?))
}
