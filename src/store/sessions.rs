//! Who is signed in, and how often somebody may try.

use std::sync::Arc;
use std::time::Duration;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::staff as sql;
use super::writer::Durability;
use super::{LINE, Store, StoreError, millis, tidy};
use crate::clock::Timestamp;
use crate::ticket::{Role, StaffId};

/// How far a browser has come at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Stage {
    /// Signed in.
    Full,
    /// The password was right; the second factor's code is asked for.
    Code,
    /// The password was right; a second factor is to be set up first.
    Enrol,
}

/// A session that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The hash of what the browser gets.
    pub token: String,
    /// The hash of what it had, which is void from now on.
    pub replaces: Option<String>,
    pub staff: StaffId,
    pub doer: Doer,
    pub stage: Stage,
    /// The secret of a second factor that is to be set up.
    pub secret: Option<String>,
    /// What the browser calls itself.
    pub browser: String,
    pub ends: Timestamp,
}

/// One of somebody's sessions.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionListed {
    /// The hash of its token.
    pub token: String,
    pub started: Timestamp,
    pub seen: Timestamp,
    pub address: String,
    pub browser: String,
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionRow {
    pub id: StaffId,
    pub login: String,
    pub name: String,
    pub role: Role,
    pub agency: Option<String>,
    pub agency_name: Option<String>,
    pub must_change: bool,
    pub seen: Timestamp,
    pub stage: Stage,
    /// The secret of a second factor that is being set up.
    pub secret: Option<String>,
}

/// Which sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The one whose token has this hash.
    One(String),
    /// All others.
    AllBut(String),
}

/// Whether a password may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginTry {
    /// Yes. It is counted already: many at once are not more than many in a row.
    Allowed,
    /// Not before that.
    LockedUntil(Timestamp),
}

/// Wrong passwords count for so long. Nobody is locked out for good.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Wrong passwords for one account from one address.
const HERE: i64 = 5;
/// Wrong passwords for one account from everywhere: more than a person would, few for a botnet.
const OF_ACCOUNT: i64 = 30;
/// Wrong passwords from one address for all accounts: offices share one.
const FROM_ADDRESS: i64 = 50;
/// A session's last sign of life is written so often.
const SEEN: Duration = Duration::from_secs(60);

impl Store {
    /// Begins a session under a new token, never under one that the browser brought.
    pub async fn begin_session(&self, new: NewSession, now: Timestamp) -> Result<(), StoreError> {
        let new = Arc::new(new);
        self.db
            .write(Durability::Process, move |tx| {
                let new = Arc::clone(&new);
                Box::pin(async move { Ok(begin(tx, &new, now).await?) })
            })
            .await
    }

    /// Whose session has this token's hash, if it is not over: not seen for `idle`, past its end, or its owner disabled.
    /// Asking is no sign of life: a page that is only open asks too.
    pub async fn session_of(
        &self,
        token: &str,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        let awake_since = Timestamp(now.0 - millis(idle));
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SESSION)
                .bind(token)
                .bind(now)
                .bind(awake_since)
                .fetch_optional(pool)
                .await?
        ))
    }

    /// The same for somebody who does something: the session was seen.
    pub async fn session(
        &self,
        token: &str,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        let row = self.session_of(token, idle, now).await?;
        if row.as_ref().is_some_and(|row| now.since(row.seen) > SEEN) {
            let token: Arc<str> = token.into();
            self.db
                .write(Durability::Process, move |tx| {
                    let token = Arc::clone(&token);
                    Box::pin(async move { Ok::<_, StoreError>(see(tx, &token, now).await?) })
                })
                .await?;
        }
        Ok(row)
    }

    /// Ends a session.
    pub async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        let token: Arc<str> = token.into();
        self.db
            .write(Durability::Process, move |tx| {
                let token = Arc::clone(&token);
                Box::pin(async move { Ok::<_, StoreError>(end(tx, &token).await?) })
            })
            .await
    }

    /// Somebody's sessions that are not over, the newest sign of life first.
    pub async fn sessions_of(
        &self,
        staff: StaffId,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Vec<SessionListed>, StoreError> {
        let awake_since = Timestamp(now.0 - millis(idle));
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SESSIONS_OF)
                .bind(staff)
                .bind(now)
                .bind(awake_since)
                .fetch_all(pool)
                .await?
        ))
    }

    /// Ends some of somebody's own sessions.
    pub async fn end_own_sessions(
        &self,
        staff: StaffId,
        which: Ending,
        doer: Doer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let request = Arc::new((which, doer));
        self.db
            .write(Durability::Process, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move {
                    let (which, doer) = &*request;
                    let (statement, token) = match which {
                        Ending::One(token) => (sql::END_SESSION_OF, token),
                        Ending::AllBut(token) => (sql::END_OTHER_SESSIONS, token),
                    };
                    let query = sqlx::query(statement).bind(staff).bind(token);
                    let ended = on_tx!(tx, conn, query.execute(conn).await?).rows_affected();
                    let deed = Deed::new("session_end", format!("staff {}", doer.login))
                        .with(ended.to_string());
                    Ok(audit::append(tx, doer, deed, now).await?)
                })
            })
            .await
    }

    /// Asks to try a password. `account` is a hash of the name that was typed.
    pub async fn try_login(
        &self,
        account: &str,
        address: &str,
        now: Timestamp,
    ) -> Result<LoginTry, StoreError> {
        let who = Arc::new((account.to_owned(), address.to_owned()));
        self.db
            .write(Durability::Process, move |tx| {
                let who = Arc::clone(&who);
                Box::pin(async move { Ok(try_once(tx, &who.0, &who.1, now).await?) })
            })
            .await
    }

    /// The password was right: what was wrong before does not count any more, for this account from here.
    pub async fn login_succeeded(&self, account: &str, address: &str) -> Result<(), StoreError> {
        let who = Arc::new((account.to_owned(), address.to_owned()));
        self.db
            .write(Durability::Process, move |tx| {
                let who = Arc::clone(&who);
                Box::pin(async move {
                    on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::FORGET_LOGIN_TRIES)
                            .bind(&who.0)
                            .bind(&who.1)
                            .execute(conn)
                            .await?
                    );
                    Ok(())
                })
            })
            .await
    }
}

async fn begin(tx: &mut Tx, new: &NewSession, now: Timestamp) -> Result<(), sqlx::Error> {
    if let Some(old) = &new.replaces {
        end(tx, old).await?;
    }
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_SESSION)
            .bind(&new.token)
            .bind(new.staff)
            .bind(now)
            .bind(new.ends)
            .bind(&new.doer.address)
            .bind(new.stage)
            .bind(&new.secret)
            .bind(tidy(&new.browser, LINE))
            .execute(conn)
            .await?
    );
    // A day is longer than any idle time that makes sense.
    let forgotten = Timestamp(now.0 - 24 * 3_600_000);
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::END_OLD_SESSIONS).bind(now).bind(forgotten).execute(conn).await?
    );
    if new.stage != Stage::Full {
        return Ok(());
    }
    let deed = Deed::new("sign_in", format!("staff {}", new.doer.login));
    audit::append(tx, &new.doer, deed, now).await
}

async fn see(tx: &mut Tx, token: &str, now: Timestamp) -> Result<(), sqlx::Error> {
    on_tx!(tx, conn, sqlx::query(sql::SEE_SESSION).bind(token).bind(now).execute(conn).await?);
    Ok(())
}

async fn end(tx: &mut Tx, token: &str) -> Result<(), sqlx::Error> {
    on_tx!(tx, conn, sqlx::query(sql::END_SESSION).bind(token).execute(conn).await?);
    Ok(())
}

async fn try_once(
    tx: &mut Tx,
    account: &str,
    address: &str,
    now: Timestamp,
) -> Result<LoginTry, sqlx::Error> {
    let since = Timestamp(now.0 - millis(WINDOW));
    let here = sqlx::query_as(sql::LOGIN_TRIES_HERE).bind(account).bind(address).bind(since);
    let of_account = sqlx::query_as(sql::LOGIN_TRIES_OF_ACCOUNT).bind(account).bind(since);
    let from_address = sqlx::query_as(sql::LOGIN_TRIES_FROM_ADDRESS).bind(address).bind(since);
    for (query, most) in [(here, HERE), (of_account, OF_ACCOUNT), (from_address, FROM_ADDRESS)] {
        let (tries, first): (i64, Timestamp) = on_tx!(tx, conn, query.fetch_one(conn).await?);
        if tries >= most {
            return Ok(LoginTry::LockedUntil(first + WINDOW));
        }
    }
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_LOGIN_TRY)
            .bind(account)
            .bind(address)
            .bind(now)
            .execute(conn)
            .await?
    );
    on_tx!(tx, conn, sqlx::query(sql::FORGET_OLD_LOGIN_TRIES).bind(since).execute(conn).await?);
    Ok(LoginTry::Allowed)
}
