//! Petugas: who works here. For admins.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::inbox::{self, Choice};
use super::page::{Frame, Told, html};
use super::secret::one_time_password;
use super::{App, Console};
use crate::store::{NewStaff, Password, StaffChange, StaffError, StaffRow};
use crate::ticket::Role;

#[derive(Template)]
#[template(path = "staff.html")]
struct StaffPage {
    frame: Frame,
    rows: Vec<Row>,
    form: NewForm,
    roles: Vec<Choice>,
    agencies: Vec<Choice>,
    error: Option<String>,
    /// Shown once: whose, and the password to hand over.
    handed: Option<(String, String)>,
}

struct Row {
    login: String,
    name: String,
    role: &'static str,
    agency: String,
    disabled: bool,
    must_change: bool,
    second_factor: bool,
    /// The role needs a second factor, and only a password that is handed over lets them set one up.
    shut_out: bool,
    myself: bool,
    /// What can be done with it is shown: for one at a time, or the page would be heavy.
    open: bool,
    roles: Vec<Choice>,
    agencies: Vec<Choice>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    nama: String,
    lengkap: String,
    peran: String,
    instansi: String,
    nonce: String,
}

/// A form that draws a password: sent again by the browser it must not draw another.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OneTime {
    nonce: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RoleForm {
    peran: String,
    #[serde(default)]
    instansi: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Opened {
    /// A login.
    #[serde(default)]
    ubah: String,
}

/// What a page says above its rows, and whose row is open.
#[derive(Default)]
struct Above {
    open: String,
    form: NewForm,
    error: Option<String>,
    handed: Option<(String, String)>,
}

/// `GET /petugas`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(told): Query<Told>,
    Query(opened): Query<Opened>,
) -> Result<Response, PageError> {
    page(&console, &actor, &told, Above { open: opened.ubah, ..Above::default() }).await
}

async fn page(
    console: &Console,
    actor: &Actor,
    told: &Told,
    above: Above,
) -> Result<Response, PageError> {
    let agency_rows = console.store.agencies().await?;
    let agencies = |chosen: &str| inbox::agencies(agency_rows.clone(), chosen);
    let row = |row: StaffRow| Row {
        open: row.login == above.open,
        role: row.role.word(),
        roles: roles(row.role.id()),
        agencies: if row.login == above.open {
            agencies(row.agency.as_deref().unwrap_or_default())
        } else {
            Vec::new()
        },
        agency: row.agency_name.unwrap_or_default(),
        myself: row.login == actor.login,
        login: row.login,
        name: row.name,
        disabled: row.disabled,
        must_change: row.must_change,
        second_factor: row.second_factor,
        shut_out: row.role.needs_second_factor()
            && !row.second_factor
            && row.enrol_until <= console.now(),
    };
    let status =
        if above.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = html(StaffPage {
        frame: Frame::new(console, actor, "Petugas").await?.with_notice(told),
        rows: console.store.staff().await?.into_iter().map(row).collect(),
        roles: roles(&above.form.peran),
        agencies: agencies(&above.form.instansi),
        form: above.form,
        error: above.error,
        handed: above.handed,
    })?;
    Ok((status, page).into_response())
}

fn roles(chosen: &str) -> Vec<Choice> {
    let choice = |role: Role| Choice {
        value: role.id().into(),
        label: role.word().into(),
        chosen: role.id() == chosen,
    };
    Role::ALL.into_iter().map(choice).collect()
}

/// Officers have an agency; for everybody else the field is passed over.
fn agency(role: Role, chosen: &str) -> Option<String> {
    (role == Role::AgencyOfficer).then(|| chosen.to_owned()).filter(|id| !id.is_empty())
}

/// `POST /petugas`
pub(super) async fn add(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Form(form): Form<NewForm>,
) -> Result<Response, PageError> {
    let Some(role) = Role::parse(&form.peran) else {
        return refused(&console, &actor, form, "pilih perannya").await;
    };
    if !first_time(&console, &form.nonce, "").await? {
        return refused(&console, &actor, NewForm::default(), SENT_BEFORE).await;
    }
    let (given, password) = given_password(&console).await?;
    let new = NewStaff {
        login: form.nama.clone(),
        name: form.lengkap.clone(),
        role,
        agency: agency(role, &form.instansi),
        password,
    };
    match console.store.add_staff(new, actor.doer(), console.now()).await {
        Ok(_) => {
            let handed = Some((form.nama.trim().to_lowercase(), given));
            page(&console, &actor, &Told::default(), Above { handed, ..Above::default() }).await
        }
        Err(StaffError::Store(error)) => Err(error.into()),
        Err(why) => refused(&console, &actor, form, &why.to_string()).await,
    }
}

const SENT_BEFORE: &str = "formulir ini sudah dikirim, dan kata sandi sementara hanya ditampilkan sekali; \
    bila terlewat, buat yang baru";

/// Whether a form has not been sent before; `what` tells the page's forms apart.
async fn first_time(console: &Console, nonce: &str, what: &str) -> Result<bool, PageError> {
    let nonce = super::secret::hash(&format!("password {nonce} {what}"));
    Ok(console.store.claim_form(&nonce, console.now()).await?)
}

/// A password to hand over, and what is kept of it.
async fn given_password(console: &Console) -> Result<(String, Password), PageError> {
    let given = one_time_password();
    let hash = console
        .passwords
        .hash("", &given)
        .await
        .map_err(|error| PageError::Refused(super::auth::sentence(&error.to_string())))?;
    Ok((given, Password { hash, must_change: true }))
}

async fn refused(
    console: &Console,
    actor: &Actor,
    form: NewForm,
    why: &str,
) -> Result<Response, PageError> {
    let error = Some(super::auth::sentence(why));
    page(console, actor, &Told::default(), Above { form, error, ..Above::default() }).await
}

/// `POST /petugas/{login}/sandi`
pub(super) async fn reset(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(login): Path<String>,
    Form(form): Form<OneTime>,
) -> Result<Response, PageError> {
    hand_over(&console, &actor, login, form, StaffChange::Password).await
}

/// `POST /petugas/{login}/ulang`: the second factor is lost. Without a new password, whoever has the old one could set up
/// the next.
pub(super) async fn start_over(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(login): Path<String>,
    Form(form): Form<OneTime>,
) -> Result<Response, PageError> {
    hand_over(&console, &actor, login, form, StaffChange::StartOver).await
}

async fn hand_over(
    console: &Console,
    actor: &Actor,
    login: String,
    form: OneTime,
    change: impl FnOnce(Password) -> StaffChange,
) -> Result<Response, PageError> {
    if login == actor.login {
        // The new one would be shown to nobody: this session ends with the old password.
        return Ok(Redirect::to("/akun").into_response());
    }
    if !first_time(console, &form.nonce, &login).await? {
        return refused(console, actor, NewForm::default(), SENT_BEFORE).await;
    }
    let (given, password) = given_password(console).await?;
    match console.store.change_staff(&login, change(password), actor.doer(), console.now()).await {
        Ok(()) => {
            let above = Above { handed: Some((login, given)), ..Above::default() };
            page(console, actor, &Told::default(), above).await
        }
        Err(why) => told(console, actor, why).await,
    }
}

/// `POST /petugas/{login}/nonaktif`
pub(super) async fn disable(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(login): Path<String>,
) -> Result<Response, PageError> {
    change(&console, &actor, &login, StaffChange::Disable).await
}

/// `POST /petugas/{login}/aktif`
pub(super) async fn enable(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(login): Path<String>,
) -> Result<Response, PageError> {
    change(&console, &actor, &login, StaffChange::Enable).await
}

/// `POST /petugas/{login}/peran`
pub(super) async fn change_role(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(login): Path<String>,
    Form(form): Form<RoleForm>,
) -> Result<Response, PageError> {
    let Some(role) = Role::parse(&form.peran) else {
        return Err(PageError::Refused("Peran ini tidak dikenal.".into()));
    };
    let agency = agency(role, &form.instansi);
    change(&console, &actor, &login, StaffChange::Role { role, agency }).await
}

async fn change(
    console: &Console,
    actor: &Actor,
    login: &str,
    change: StaffChange,
) -> Result<Response, PageError> {
    match console.store.change_staff(login, change, actor.doer(), console.now()).await {
        Ok(()) => Ok(Redirect::to("/petugas?pesan=petugas").into_response()),
        Err(why) => told(console, actor, why).await,
    }
}

async fn told(console: &Console, actor: &Actor, why: StaffError) -> Result<Response, PageError> {
    match why {
        StaffError::Store(error) => Err(error.into()),
        StaffError::Unknown => Err(PageError::NotFound),
        why => refused(console, actor, NewForm::default(), &why.to_string()).await,
    }
}
