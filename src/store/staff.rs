//! Who works here, and what is changed about them.

use std::sync::Arc;
use std::time::Duration;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::staff as sql;
use super::writer::Durability;
use super::{LINE, Store, StoreError, second_factor, tidy};
use crate::clock::Timestamp;
use crate::ticket::{Role, StaffId};

/// Somebody who works here.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StaffRow {
    pub id: StaffId,
    pub login: String,
    pub name: String,
    pub role: Role,
    /// The agency that an officer answers for.
    pub agency: Option<String>,
    pub agency_name: Option<String>,
    /// The password was given by somebody else and must be changed first.
    pub must_change: bool,
    pub disabled: bool,
    pub made: Timestamp,
    /// Until when somebody without a second factor may set one up by the password alone.
    pub enrol_until: Timestamp,
    pub second_factor: bool,
}

/// Somebody who is to work here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStaff {
    pub login: String,
    pub name: String,
    pub role: Role,
    pub agency: Option<String>,
    pub password: Password,
}

/// A password as it is kept, and whose choice it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// A PHC string.
    pub hash: String,
    /// Given by somebody else: to be changed at the first sign-in.
    pub must_change: bool,
}

/// Why somebody's row was not written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StaffError {
    #[error("nama masuk terdiri atas 2 sampai 40 huruf kecil, angka, titik, atau tanda hubung")]
    BadLogin,
    #[error("nama lengkap belum diisi")]
    NoName,
    #[error("nama masuk ini sudah dipakai")]
    Taken,
    #[error("petugas OPD memerlukan instansi, dan hanya petugas OPD")]
    Agency,
    #[error("tidak ada petugas dengan nama masuk ini")]
    Unknown,
    #[error("ini admin terakhir yang aktif: tunjuk admin lain dahulu")]
    LastAdmin,
    /// The token for the first admin is wrong or was used.
    #[error("tautan ini sudah dipakai atau tidak berlaku lagi")]
    Token,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for StaffError {
    fn from(error: sqlx::Error) -> StaffError {
        StaffError::Store(error.into())
    }
}

/// What is changed about somebody. Whatever it is, their sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaffChange {
    Password(Password),
    /// The second factor is lost: it is removed, and a password that was handed over lets them set up another.
    StartOver(Password),
    Disable,
    Enable,
    Role {
        role: Role,
        agency: Option<String>,
    },
}

/// A password that was handed over opens the setting up of a second factor for so long: a week with its holidays.
const ENROL: Duration = Duration::from_secs(7 * 24 * 3600);
/// The first admin sits at the screen.
const ENROL_FIRST: Duration = Duration::from_secs(3600);

/// The setting with the hash of the token that makes the first admin.
const FIRST_ADMIN: &str = "staff.first_admin";

impl Store {
    /// Everybody, those who left last.
    pub async fn staff(&self) -> Result<Vec<StaffRow>, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::STAFF).fetch_all(pool).await?))
    }

    /// Somebody by login, in whatever case it is typed.
    pub async fn staff_by_login(&self, login: &str) -> Result<Option<StaffRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::STAFF_BY_LOGIN)
                .bind(login.to_lowercase())
                .fetch_optional(pool)
                .await?
        ))
    }

    /// The PHC string of somebody who may sign in.
    pub async fn password(&self, login: &str) -> Result<Option<String>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::PASSWORD)
                .bind(login.to_lowercase())
                .fetch_optional(pool)
                .await?
        ))
    }

    /// Whether somebody is there who says who works here.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_scalar(sql::ADMIN_EXISTS).fetch_one(pool).await?))
    }

    /// Adds somebody.
    pub async fn add_staff(
        &self,
        new: NewStaff,
        doer: Doer,
        now: Timestamp,
    ) -> Result<StaffId, StaffError> {
        let request = Arc::new((valid(new)?, doer));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { insert(tx, &request.0, &request.1, now).await })
            })
            .await
    }

    /// Lets whoever holds the token with this hash become the first admin; an earlier token is void.
    pub async fn await_first_admin(&self, token: &str) -> Result<(), StoreError> {
        let token: Arc<str> = token.into();
        self.db
            .write(Durability::Process, move |tx| {
                let token = Arc::clone(&token);
                Box::pin(async move {
                    on_tx!(
                        tx,
                        conn,
                        sqlx::query(super::sql::PUT_SETTING)
                            .bind(FIRST_ADMIN)
                            .bind(&*token)
                            .execute(conn)
                            .await?
                    );
                    Ok(())
                })
            })
            .await
    }

    /// Whether this is the hash of the token that is waited for.
    pub async fn awaits_first_admin(&self, token: &str) -> Result<bool, StoreError> {
        let kept: Option<String> = on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(super::sql::SETTING).bind(FIRST_ADMIN).fetch_optional(pool).await?
        );
        Ok(kept.as_deref() == Some(token) && !self.has_admin().await?)
    }

    /// Makes the first admin, once.
    pub async fn first_admin(
        &self,
        token: &str,
        new: NewStaff,
        doer: Doer,
        now: Timestamp,
    ) -> Result<StaffId, StaffError> {
        let new = valid(NewStaff { role: Role::Admin, agency: None, ..new })?;
        let request = Arc::new((token.to_owned(), new, doer));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move {
                    let (token, new, doer) = &*request;
                    use_token(tx, token).await?;
                    let id = insert(tx, new, doer, now).await?;
                    open_enrolment(tx, id, now + ENROL_FIRST).await?;
                    Ok(id)
                })
            })
            .await
    }

    /// Changes something about somebody, and ends their sessions.
    pub async fn change_staff(
        &self,
        login: &str,
        change: StaffChange,
        doer: Doer,
        now: Timestamp,
    ) -> Result<(), StaffError> {
        let request = Arc::new((login.to_lowercase(), change, doer));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(
                    async move { change_one(tx, &request.0, &request.1, &request.2, now).await },
                )
            })
            .await
    }
}

/// The same with the login in lower case, if it can be kept so.
fn valid(new: NewStaff) -> Result<NewStaff, StaffError> {
    let login = new.login.trim().to_lowercase();
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
    if !(2..=40).contains(&login.len()) || !login.bytes().all(plain) || RESERVED.contains(&&*login)
    {
        return Err(StaffError::BadLogin);
    }
    let name = tidy(new.name.trim(), 80);
    if name.is_empty() {
        return Err(StaffError::NoName);
    }
    Ok(NewStaff { login, name, ..new })
}

/// What the history and the audit call those who do not work here.
const RESERVED: [&str; 4] = ["reporter", "cli", "console", "file"];

async fn insert(
    tx: &mut Tx,
    new: &NewStaff,
    doer: &Doer,
    now: Timestamp,
) -> Result<StaffId, StaffError> {
    fits(tx, new.role, new.agency.as_deref()).await?;
    let id: Option<StaffId> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_STAFF)
            .bind(&new.login)
            .bind(&new.name)
            .bind(new.role)
            .bind(&new.agency)
            .bind(&new.password.hash)
            .bind(new.password.must_change)
            .bind(now)
            .bind(enrol_until(&new.password, now))
            .fetch_optional(conn)
            .await?
    );
    let id = id.ok_or(StaffError::Taken)?;
    let deed = Deed::new("staff_add", format!("staff {}", new.login)).with(new.role.id());
    audit::append(tx, doer, deed, now).await?;
    Ok(id)
}

/// An officer has an agency that exists, and nobody else has one.
async fn fits(tx: &mut Tx, role: Role, agency: Option<&str>) -> Result<(), StaffError> {
    let Some(agency) = agency else {
        return if role == Role::AgencyOfficer { Err(StaffError::Agency) } else { Ok(()) };
    };
    let exists: bool = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::AGENCY_EXISTS).bind(agency).fetch_one(conn).await?
    );
    if exists && role == Role::AgencyOfficer { Ok(()) } else { Err(StaffError::Agency) }
}

async fn use_token(tx: &mut Tx, token: &str) -> Result<(), StaffError> {
    let admin: bool =
        on_tx!(tx, conn, sqlx::query_scalar(sql::ADMIN_EXISTS).fetch_one(conn).await?);
    let used = on_tx!(
        tx,
        conn,
        sqlx::query(sql::FORGET_SETTING)
            .bind(FIRST_ADMIN)
            .bind(tidy(token, LINE))
            .execute(conn)
            .await?
            .rows_affected()
    );
    if used == 1 && !admin { Ok(()) } else { Err(StaffError::Token) }
}

async fn change_one(
    tx: &mut Tx,
    login: &str,
    change: &StaffChange,
    doer: &Doer,
    now: Timestamp,
) -> Result<(), StaffError> {
    let row: Option<StaffRow> = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::STAFF_BY_LOGIN).bind(login).fetch_optional(conn).await?
    );
    let row = row.ok_or(StaffError::Unknown)?;
    let stays_admin = match change {
        StaffChange::Disable => false,
        StaffChange::Role { role, .. } => *role == Role::Admin,
        StaffChange::Password(_) | StaffChange::StartOver(_) | StaffChange::Enable => true,
    };
    if row.role == Role::Admin && !row.disabled && !stays_admin {
        must_have_another_admin(tx, row.id).await?;
    }
    let deed = apply(tx, &row, change).await?;
    match change {
        StaffChange::Password(password) => {
            open_enrolment(tx, row.id, enrol_until(password, now)).await?;
        }
        StaffChange::StartOver(password) => {
            second_factor::remove(tx, row.id).await?;
            open_enrolment(tx, row.id, enrol_until(password, now)).await?;
        }
        StaffChange::Disable | StaffChange::Enable | StaffChange::Role { .. } => {}
    }
    on_tx!(tx, conn, sqlx::query(sql::END_SESSIONS_OF).bind(row.id).execute(conn).await?);
    audit::append(tx, doer, deed, now).await?;
    Ok(())
}

async fn apply(tx: &mut Tx, row: &StaffRow, change: &StaffChange) -> Result<Deed, StaffError> {
    let object = format!("staff {}", row.login);
    if let StaffChange::Role { role, agency } = change {
        fits(tx, *role, agency.as_deref()).await?;
    }
    let (query, deed) = match change {
        StaffChange::Password(password) => (
            sqlx::query(sql::SET_PASSWORD)
                .bind(row.id)
                .bind(&password.hash)
                .bind(password.must_change),
            Deed::new("staff_password", object),
        ),
        StaffChange::StartOver(password) => (
            sqlx::query(sql::SET_PASSWORD)
                .bind(row.id)
                .bind(&password.hash)
                .bind(password.must_change),
            Deed::new("second_factor_reset", object),
        ),
        StaffChange::Disable => (
            sqlx::query(sql::SET_DISABLED).bind(row.id).bind(true),
            Deed::new("staff_disable", object),
        ),
        StaffChange::Enable => (
            sqlx::query(sql::SET_DISABLED).bind(row.id).bind(false),
            Deed::new("staff_enable", object),
        ),
        StaffChange::Role { role, agency } => (
            sqlx::query(sql::SET_ROLE).bind(row.id).bind(*role).bind(agency),
            Deed::new("staff_role", object).with(format!("{} -> {}", row.role.id(), role.id())),
        ),
    };
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(deed)
}

/// Only a password that was handed over opens it.
fn enrol_until(password: &Password, now: Timestamp) -> Timestamp {
    if password.must_change { now + ENROL } else { Timestamp(0) }
}

async fn open_enrolment(tx: &mut Tx, staff: StaffId, until: Timestamp) -> Result<(), StaffError> {
    let query = sqlx::query(sql::OPEN_ENROLMENT).bind(staff).bind(until);
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(())
}

async fn must_have_another_admin(tx: &mut Tx, than: StaffId) -> Result<(), StaffError> {
    let others: i64 =
        on_tx!(tx, conn, sqlx::query_scalar(sql::OTHER_ADMINS).bind(than).fetch_one(conn).await?);
    if others == 0 { Err(StaffError::LastAdmin) } else { Ok(()) }
}
