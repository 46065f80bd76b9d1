//! Signing in and out, one's own password, and the first admin. What comes between password and session is in `code`.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::access::{self, Actor, Address};
use super::error::PageError;
use super::page::{Frame, html};
use super::{App, Console, assets, secret, totp};
use crate::clock::Timestamp;
use crate::store::{
    Deed, Doer, LoginTry, NewSession, NewStaff, Password, StaffChange, StaffError, StaffRow, Stage,
};
use crate::ticket::Role;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    style: String,
    login: &'a str,
    /// Where to go afterwards.
    wanted: &'a str,
    error: Option<String>,
    no_tls: bool,
    /// The session ended while somebody filled in a form.
    was_typing: bool,
    /// Whether browsers must be told whom to trust.
    own_authority: bool,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    pub ke: String,
    /// There when a form was on its way.
    #[serde(default)]
    pub isian: String,
}

/// `GET /masuk`
pub(super) async fn sign_in_page(
    State(console): App,
    Extension(address): Extension<Address>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    html(SignInPage {
        style: assets::address("style.css"),
        login: "",
        wanted: access::own_path(&wanted.ke),
        error: None,
        no_tls: address.in_clear_text(),
        was_typing: !wanted.isian.is_empty(),
        own_authority: console.authority.is_some(),
    })
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    nama: String,
    sandi: String,
    #[serde(default)]
    ke: String,
}

/// `POST /masuk`: the same answer in the same time, whether the name or the password is wrong.
pub(super) async fn sign_in(
    State(console): App,
    Extension(address): Extension<Address>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<Response, PageError> {
    let login = form.nama.trim().to_lowercase();
    let account = secret::hash(&login);
    let again = |status: StatusCode, error: String| {
        let page = html(SignInPage {
            style: assets::address("style.css"),
            login: &form.nama,
            wanted: access::own_path(&form.ke),
            error: Some(error),
            no_tls: address.in_clear_text(),
            was_typing: false,
            own_authority: console.authority.is_some(),
        });
        page.map(|page| (status, page).into_response())
    };
    if let LoginTry::LockedUntil(until) =
        console.store.try_login(&account, &address.text, console.now()).await?
    {
        // Without the name: people type their password into the wrong box.
        tracing::warn!(address = address.text, "too many wrong passwords: refused for a while");
        let text = format!(
            "Terlalu banyak percobaan. Silakan coba lagi setelah pukul {}.",
            console.hour(until + std::time::Duration::from_secs(60))
        );
        return again(StatusCode::TOO_MANY_REQUESTS, text);
    }
    let known = console.store.password(&login).await?;
    if !console.passwords.fits(known, &form.sandi).await {
        return again(StatusCode::UNAUTHORIZED, "Nama masuk atau kata sandi salah.".into());
    }
    console.store.login_succeeded(&account, &address.text).await?;
    let Some(row) = console.store.staff_by_login(&login).await? else {
        return Err(PageError::NotFound);
    };
    let Some(stage) = stage_of(&row, console.now()) else {
        return again(StatusCode::FORBIDDEN, NOT_ENROLLED.into());
    };
    let cookie = begin_session(&console, &row, &address, &headers, stage).await?;
    Ok((cookie, Redirect::to(&next(stage, access::own_path(&form.ke)))).into_response())
}

const NOT_ENROLLED: &str = "Peran Anda memerlukan verifikasi dua langkah, dan masa pemasangannya sudah lewat. \
    Minta admin membuatkan kata sandi sementara.";

/// How far the right password brings somebody. A role that needs a second factor sets one up as long as that is open:
/// with a password that was handed over, never with one that was stolen later.
fn stage_of(row: &StaffRow, now: Timestamp) -> Option<Stage> {
    if row.second_factor {
        Some(Stage::Code)
    } else if !row.role.needs_second_factor() {
        Some(Stage::Full)
    } else {
        (now < row.enrol_until).then_some(Stage::Enrol)
    }
}

/// Where that is.
fn next(stage: Stage, wanted: &str) -> String {
    let page = match stage {
        Stage::Full => return wanted.to_owned(),
        Stage::Code => "/masuk/kode",
        Stage::Enrol => "/masuk/pasang",
    };
    format!("{page}?ke={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC))
}

/// How long somebody may take between password and code.
const CODE: Duration = Duration::from_secs(10 * 60);
/// And to set up an authenticator.
const ENROL: Duration = Duration::from_secs(30 * 60);

/// A session under a new token; the one that the browser brought, whoever gave it that, is over.
pub(super) async fn begin_session(
    console: &Console,
    row: &StaffRow,
    address: &Address,
    headers: &HeaderMap,
    stage: Stage,
) -> Result<impl axum::response::IntoResponseParts + use<>, PageError> {
    let (token, now) = (secret::token(), console.now());
    let (lasts, secret) = match stage {
        Stage::Full => (console.config.session(), None),
        Stage::Code => (CODE, None),
        Stage::Enrol => (ENROL, Some(totp::new_secret())),
    };
    let session = NewSession {
        token: secret::hash(&token),
        replaces: access::cookie(address, headers).map(secret::hash),
        staff: row.id,
        doer: Doer { login: row.login.clone(), address: address.text.clone() },
        stage,
        secret,
        browser: text(headers, &header::USER_AGENT).to_owned(),
        ends: now + lasts,
    };
    console.store.begin_session(session, now).await?;
    Ok(axum::response::AppendHeaders(access::set_cookie(address, &token)))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `POST /keluar`
pub(super) async fn sign_out(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    console.store.end_session(&actor.session).await?;
    let deed = Deed::new("sign_out", format!("staff {}", actor.login));
    console.store.audit(actor.doer(), deed, console.now()).await?;
    Ok((access::clear_cookie(&actor.address), Redirect::to("/masuk")).into_response())
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    must_change: bool,
    error: Option<String>,
}

/// `GET /sandi`
pub(super) async fn password_page(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    password_form(&console, &actor, None).await
}

async fn password_form(
    console: &Console,
    actor: &Actor,
    error: Option<String>,
) -> Result<Response, PageError> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut frame = Frame::new(console, actor, "Ganti kata sandi").await?;
    if actor.must_change {
        frame.links.clear();
    }
    let page = html(PasswordPage { frame, must_change: actor.must_change, error })?;
    Ok((status, page).into_response())
}

#[derive(Deserialize)]
pub(super) struct ChangePassword {
    lama: String,
    baru: String,
    ulang: String,
}

/// `POST /sandi`: every session of this person ends, and this browser gets a new one.
pub(super) async fn change_password(
    State(console): App,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Form(form): Form<ChangePassword>,
) -> Result<Response, PageError> {
    let again = async |error: &str| password_form(&console, &actor, Some(error.into())).await;
    if let Some(refusal) = not_own_password(&console, &actor, &form.lama).await? {
        return again(refusal).await;
    }
    if form.baru != form.ulang {
        return again("Kedua kata sandi baru tidak sama.").await;
    }
    if form.baru == form.lama {
        return again("Kata sandi baru harus berbeda dari yang lama.").await;
    }
    let hash = match console.passwords.hash(&actor.login, &form.baru).await {
        Ok(hash) => hash,
        Err(error) => return again(&sentence(&error.to_string())).await,
    };
    let change = StaffChange::Password(Password { hash, must_change: false });
    match console.store.change_staff(&actor.login, change, actor.doer(), console.now()).await {
        Ok(()) => {}
        Err(StaffError::Store(error)) => return Err(error.into()),
        Err(refused) => return again(&sentence(&refused.to_string())).await,
    }
    let row = console.store.staff_by_login(&actor.login).await?.ok_or(PageError::NotFound)?;
    let cookie = begin_session(&console, &row, &actor.address, &headers, Stage::Full).await?;
    Ok((cookie, Redirect::to("/kotak-masuk?pesan=sandi")).into_response())
}

/// Why this is not taken for one's own password. Whoever finds an open browser may guess no more often than at the door.
pub(super) async fn not_own_password(
    console: &Console,
    actor: &Actor,
    typed: &str,
) -> Result<Option<&'static str>, PageError> {
    let account = secret::hash(&actor.login);
    if let LoginTry::LockedUntil(_) =
        console.store.try_login(&account, &actor.address.text, console.now()).await?
    {
        return Ok(Some("Terlalu banyak percobaan. Silakan coba lagi dalam 15 menit."));
    }
    let known = console.store.password(&actor.login).await?;
    if !console.passwords.fits(known, typed).await {
        return Ok(Some("Kata sandi Anda salah."));
    }
    console.store.login_succeeded(&account, &actor.address.text).await?;
    Ok(None)
}

#[derive(Template)]
#[template(path = "first_admin.html")]
struct FirstAdminPage<'a> {
    style: String,
    token: &'a str,
    login: &'a str,
    name: &'a str,
    error: Option<String>,
}

/// `GET /mulai/{token}`
pub(super) async fn begin_page(
    State(console): App,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    if !console.store.awaits_first_admin(&secret::hash(&token)).await? {
        return Err(PageError::NotFound);
    }
    html(FirstAdminPage {
        style: assets::address("style.css"),
        token: &token,
        login: "",
        name: "",
        error: None,
    })
}

#[derive(Deserialize)]
pub(super) struct FirstAdmin {
    nama: String,
    lengkap: String,
    sandi: String,
    ulang: String,
}

/// `POST /mulai/{token}`
pub(super) async fn begin(
    State(console): App,
    Extension(address): Extension<Address>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(form): Form<FirstAdmin>,
) -> Result<Response, PageError> {
    let hashed = secret::hash(&token);
    if !console.store.awaits_first_admin(&hashed).await? {
        return Err(PageError::NotFound);
    }
    let again = |error: String| {
        let page = html(FirstAdminPage {
            style: assets::address("style.css"),
            token: &token,
            login: &form.nama,
            name: &form.lengkap,
            error: Some(sentence(&error)),
        });
        page.map(|page| (StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    if form.sandi != form.ulang {
        return again("kedua kata sandi tidak sama".into());
    }
    let hash = match console.passwords.hash(&form.nama, &form.sandi).await {
        Ok(hash) => hash,
        Err(error) => return again(error.to_string()),
    };
    let new = NewStaff {
        login: form.nama.clone(),
        name: form.lengkap.clone(),
        role: Role::Admin,
        agency: None,
        password: Password { hash, must_change: false },
    };
    let doer = Doer { login: "console".into(), address: address.text.clone() };
    match console.store.first_admin(&hashed, new, doer, console.now()).await {
        Ok(_) => {}
        Err(StaffError::Store(error)) => return Err(error.into()),
        Err(StaffError::Token) => return Err(PageError::NotFound),
        Err(refused) => return again(refused.to_string()),
    }
    let row = console.store.staff_by_login(form.nama.trim()).await?.ok_or(PageError::NotFound)?;
    let cookie = begin_session(&console, &row, &address, &headers, Stage::Enrol).await?;
    Ok((cookie, Redirect::to(&next(Stage::Enrol, "/petugas"))).into_response())
}

/// With a capital letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
