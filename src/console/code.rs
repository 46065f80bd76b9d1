//! Between the password and the session: the authenticator's code, and setting an authenticator up.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::{self, Actor};
use super::auth::{Wanted, begin_session};
use super::error::PageError;
use super::page::html;
use super::totp::{self, Qr};
use super::{App, Console, assets, secret};
use crate::store::{Enrolment, Proof, Proved, StaffRow, Stage};

/// Recovery codes that are handed out.
const RECOVERY: usize = 10;

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage<'a> {
    style: String,
    wanted: &'a str,
    error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    kode: String,
    #[serde(default)]
    ke: String,
}

/// `GET /masuk/kode`
pub(super) async fn ask(Query(wanted): Query<Wanted>) -> Result<Response, PageError> {
    code_form(&wanted.ke, StatusCode::OK, None)
}

fn code_form(
    wanted: &str,
    status: StatusCode,
    error: Option<String>,
) -> Result<Response, PageError> {
    let style = assets::address("style.css");
    let page = html(CodePage { style, wanted: access::own_path(wanted), error })?;
    Ok((status, page).into_response())
}

/// `POST /masuk/kode`
pub(super) async fn take(
    State(console): App,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Form(form): Form<Typed>,
) -> Result<Response, PageError> {
    if let Some((status, refusal)) = not_own_code(&console, &actor, &form.kode).await? {
        return code_form(&form.ke, status, Some(refusal));
    }
    let row = own_row(&console, &actor).await?;
    let cookie = begin_session(&console, &row, &actor.address, &headers, Stage::Full).await?;
    Ok((cookie, Redirect::to(access::own_path(&form.ke))).into_response())
}

/// Why this is not taken for somebody's code. An authenticator's code works once, and so does a recovery code.
pub(super) async fn not_own_code(
    console: &Console,
    actor: &Actor,
    typed: &str,
) -> Result<Option<(StatusCode, String)>, PageError> {
    let now = console.now();
    let factor = console.store.second_factor(actor.staff).await?;
    let proof = match factor.and_then(|factor| totp::step(&factor.secret, typed, now)) {
        Some(step) => Proof::Step(step),
        None => Proof::Recovery(totp::recovery_hash(typed)),
    };
    Ok(match console.store.prove(actor.staff, proof, actor.doer(), now).await? {
        Proved::Yes => None,
        Proved::No => Some((
            StatusCode::UNAUTHORIZED,
            "Kode salah atau sudah dipakai. Tunggu kode berikutnya.".into(),
        )),
        Proved::LockedUntil(until) => Some((
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "Terlalu banyak kode yang salah. Silakan coba lagi setelah {}.",
                console.time(until + std::time::Duration::from_secs(60))
            ),
        )),
    })
}

pub(super) async fn own_row(console: &Console, actor: &Actor) -> Result<StaffRow, PageError> {
    console.store.staff_by_login(&actor.login).await?.ok_or(PageError::NotFound)
}

/// What one needs to set an authenticator up, on a page of its own or inside the console.
pub(super) struct Setting {
    /// Where the first code goes.
    pub action: &'static str,
    pub wanted: String,
    pub qr: Option<Qr>,
    /// For whoever cannot scan.
    pub secret: String,
    pub login: String,
}

impl Setting {
    pub fn new(actor: &Actor, secret: &str, action: &'static str, wanted: &str) -> Setting {
        Setting {
            action,
            wanted: access::own_path(wanted).to_owned(),
            qr: Qr::of(&actor.login, secret),
            secret: totp::groups(secret),
            login: actor.login.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    style: String,
    setting: Setting,
    error: Option<String>,
}

/// `GET /masuk/pasang`
pub(super) async fn enrol_page(
    Extension(actor): Extension<Actor>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    enrol_form(&actor, &wanted.ke, None)
}

fn enrol_form(actor: &Actor, wanted: &str, error: Option<String>) -> Result<Response, PageError> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let secret = actor.secret.as_deref().ok_or(PageError::NotFound)?;
    let setting = Setting::new(actor, secret, "/masuk/pasang", wanted);
    let page = html(EnrolPage { style: assets::address("style.css"), setting, error })?;
    Ok((status, page).into_response())
}

/// `POST /masuk/pasang`: the code shows that the authenticator has the secret.
pub(super) async fn enrol(
    State(console): App,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Form(form): Form<Typed>,
) -> Result<Response, PageError> {
    match set_up(&console, &actor, &headers, &form).await? {
        Some(done) => Ok(done),
        None => enrol_form(&actor, &form.ke, Some(NOT_THE_CODE.into())),
    }
}

/// What is said when the first code is not one of the secret.
pub(super) const NOT_THE_CODE: &str =
    "Kode ini tidak cocok. Periksa jam ponsel Anda, lalu ketik kode yang sedang tampil.";

#[derive(Template)]
#[template(path = "recovery.html")]
struct RecoveryPage<'a> {
    style: String,
    codes: Vec<String>,
    wanted: &'a str,
}

/// Sets the session's secret up as the second factor if the code is one of it, and shows the recovery codes this once.
pub(super) async fn set_up(
    console: &Console,
    actor: &Actor,
    headers: &HeaderMap,
    form: &Typed,
) -> Result<Option<Response>, PageError> {
    let secret = actor.secret.clone().ok_or(PageError::NotFound)?;
    let Some(step) = totp::step(&secret, &form.kode, console.now()) else { return Ok(None) };
    let codes: Vec<String> = (0..RECOVERY).map(|_| secret::one_time_password()).collect();
    let enrolment = Enrolment {
        staff: actor.staff,
        session: actor.session.clone(),
        secret,
        step,
        recovery: codes.iter().map(|code| totp::recovery_hash(code)).collect(),
        doer: actor.doer(),
    };
    if !console.store.enrol(enrolment, console.now()).await? {
        return Err(PageError::NotFound);
    }
    let row = own_row(console, actor).await?;
    let cookie = begin_session(console, &row, &actor.address, headers, Stage::Full).await?;
    let wanted = access::own_path(&form.ke);
    let page = html(RecoveryPage { style: assets::address("style.css"), codes, wanted })?;
    Ok(Some((cookie, page).into_response()))
}
