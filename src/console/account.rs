//! Akun: one's own password, second factor and sessions.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::Actor;
use super::code::{self, Setting, Typed};
use super::error::PageError;
use super::page::{Frame, Told, html};
use super::{App, Console, auth, totp};
use crate::store::{Ending, SessionListed};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    login: String,
    factor: Option<Factor>,
    needs_factor: bool,
    sessions: Vec<Session>,
    error: Option<String>,
}

struct Factor {
    since: String,
    recovery_left: i64,
}

struct Session {
    id: String,
    browser: String,
    address: String,
    started: String,
    seen: String,
    here: bool,
}

/// `GET /akun`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    page(&console, &actor, &told, StatusCode::OK, None).await
}

async fn page(
    console: &Console,
    actor: &Actor,
    told: &Told,
    status: StatusCode,
    error: Option<String>,
) -> Result<Response, PageError> {
    let factor = console.store.second_factor(actor.staff).await?;
    let sessions =
        console.store.sessions_of(actor.staff, console.config.idle(), console.now()).await?;
    let page = html(AccountPage {
        frame: Frame::new(console, actor, "Akun saya").await?.with_notice(told),
        login: actor.login.clone(),
        factor: factor.map(|factor| Factor {
            since: console.time(factor.since),
            recovery_left: factor.recovery_left,
        }),
        needs_factor: actor.role.needs_second_factor(),
        sessions: sessions.into_iter().map(|row| session(console, actor, row)).collect(),
        error,
    })?;
    Ok((status, page).into_response())
}

fn session(console: &Console, actor: &Actor, row: SessionListed) -> Session {
    Session {
        here: row.token == actor.session,
        id: row.token,
        browser: browser(&row.browser),
        address: row.address,
        started: console.time(row.started),
        seen: console.time(row.seen),
    }
}

/// What people call a browser that calls itself so.
fn browser(agent: &str) -> String {
    let first = |table: &[(&str, &'static str)]| {
        table.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
    };
    // Each calls itself by the names of those before it, too.
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} di {system}"),
        (Some(browser), None) => browser.into(),
        (None, _) => "Peramban lain".into(),
    }
}

#[derive(Deserialize)]
pub(super) struct Again {
    sandi: String,
    #[serde(default)]
    kode: String,
}

/// Why somebody who is signed in is not taken for who they are: an open browser must not be enough to change the locks.
async fn not_oneself(
    console: &Console,
    actor: &Actor,
    form: &Again,
) -> Result<Option<(StatusCode, String)>, PageError> {
    if let Some(refusal) = auth::not_own_password(console, actor, &form.sandi).await? {
        return Ok(Some((StatusCode::UNPROCESSABLE_ENTITY, refusal.into())));
    }
    if console.store.second_factor(actor.staff).await?.is_none() {
        return Ok(None);
    }
    code::not_own_code(console, actor, &form.kode).await
}

#[derive(Template)]
#[template(path = "account_enrol.html")]
struct EnrolPage {
    frame: Frame,
    setting: Setting,
    error: Option<String>,
}

/// `POST /akun/pasang`: shows a new secret.
pub(super) async fn begin(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Form(form): Form<Again>,
) -> Result<Response, PageError> {
    if let Some((status, refusal)) = not_oneself(&console, &actor, &form).await? {
        return page(&console, &actor, &Told::default(), status, Some(refusal)).await;
    }
    let secret = totp::new_secret();
    console.store.offer_secret(&actor.session, &secret).await?;
    enrol_form(&console, &actor, &secret, None).await
}

async fn enrol_form(
    console: &Console,
    actor: &Actor,
    secret: &str,
    error: Option<String>,
) -> Result<Response, PageError> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let setting = Setting::new(actor, secret, "/akun/pasang/kode", "/akun");
    let frame = Frame::new(console, actor, "Pasang verifikasi dua langkah").await?;
    Ok((status, html(EnrolPage { frame, setting, error })?).into_response())
}

/// `POST /akun/pasang/kode`
pub(super) async fn enrol(
    State(console): App,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Form(form): Form<Typed>,
) -> Result<Response, PageError> {
    let Some(secret) = &actor.secret else { return Ok(Redirect::to("/akun").into_response()) };
    match code::set_up(&console, &actor, &headers, &form).await? {
        Some(done) => Ok(done),
        None => enrol_form(&console, &actor, secret, Some(code::NOT_THE_CODE.into())).await,
    }
}

/// `POST /akun/lepas`: for those who need none.
pub(super) async fn drop_factor(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Form(form): Form<Again>,
) -> Result<Response, PageError> {
    let told = Told::default();
    if actor.role.needs_second_factor() {
        let refusal = "Peran Anda memerlukan verifikasi dua langkah.".to_owned();
        return page(&console, &actor, &told, StatusCode::UNPROCESSABLE_ENTITY, Some(refusal))
            .await;
    }
    if let Some((status, refusal)) = not_oneself(&console, &actor, &form).await? {
        return page(&console, &actor, &told, status, Some(refusal)).await;
    }
    console.store.drop_second_factor(actor.staff, actor.doer(), console.now()).await?;
    Ok(Redirect::to("/akun?pesan=lepas").into_response())
}

#[derive(Deserialize)]
pub(super) struct Which {
    sesi: String,
}

/// `POST /akun/sesi`
pub(super) async fn end_one(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Form(form): Form<Which>,
) -> Result<Response, PageError> {
    end(&console, &actor, Ending::One(form.sesi)).await
}

/// `POST /akun/sesi/lainnya`
pub(super) async fn end_others(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    end(&console, &actor, Ending::AllBut(actor.session.clone())).await
}

async fn end(console: &Console, actor: &Actor, which: Ending) -> Result<Response, PageError> {
    console.store.end_own_sessions(actor.staff, which, actor.doer(), console.now()).await?;
    Ok(Redirect::to("/akun?pesan=sesi").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                 Safari/537.36 Edg/140.0.0.0",
                "Edge di Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox di Linux",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile \
                 Safari/537.36",
                "Chrome di Android",
            ),
            ("<script>alert(1)</script>", "Peramban lain"),
            ("", "Peramban lain"),
        ] {
            assert_eq!(browser(agent), name, "{agent}");
        }
    }
}
