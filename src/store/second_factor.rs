//! The second factor: the authenticator's secret, which of its steps were used, and the codes for whoever has lost it.

use std::sync::Arc;
use std::time::Duration;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::staff as sql;
use super::writer::Durability;
use super::{Store, StoreError, millis};
use crate::clock::Timestamp;
use crate::ticket::StaffId;

/// Somebody's second factor.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SecondFactor {
    /// Base32.
    pub secret: String,
    pub since: Timestamp,
    /// Recovery codes that were not used yet.
    pub recovery_left: i64,
}

/// A second factor that is set up: the code that was typed showed that the authenticator has the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    pub staff: StaffId,
    /// The hash of the session's token that the secret was shown to.
    pub session: String,
    pub secret: String,
    /// The time step of the code that was typed.
    pub step: i64,
    /// The hashes of the recovery codes.
    pub recovery: Vec<String>,
    pub doer: Doer,
}

/// What was typed for a code, as far as it can be told without the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The authenticator's code of this time step.
    Step(i64),
    /// Something else: the hash of what may be a recovery code.
    Recovery(String),
}

/// Whether it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    Yes,
    /// Wrong, or used before.
    No,
    /// Too many wrong ones; not before that.
    LockedUntil(Timestamp),
}

/// Wrong codes for one account within [`SHORT`], and within [`LONG`], from wherever. Whoever comes so far has the
/// password: a million codes, three of them right at a time, last for years at this pace.
const IN_SHORT: i64 = 5;
const SHORT: Duration = Duration::from_secs(15 * 60);
const IN_LONG: i64 = 30;
const LONG: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Somebody's second factor, if there is one.
    pub async fn second_factor(&self, staff: StaffId) -> Result<Option<SecondFactor>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SECOND_FACTOR).bind(staff).fetch_optional(pool).await?
        ))
    }

    /// Keeps the secret of a second factor that the session with this token's hash is to set up.
    pub async fn offer_secret(&self, session: &str, secret: &str) -> Result<(), StoreError> {
        let offer = Arc::new((session.to_owned(), secret.to_owned()));
        self.db
            .write(Durability::Process, move |tx| {
                let offer = Arc::clone(&offer);
                Box::pin(async move {
                    let query = sqlx::query(sql::OFFER_SECRET).bind(&offer.0).bind(&offer.1);
                    on_tx!(tx, conn, query.execute(conn).await?);
                    Ok(())
                })
            })
            .await
    }

    /// Sets up a second factor in place of an earlier one and ends every other session. `false` when the session does
    /// not offer this secret any more.
    pub async fn enrol(&self, enrolment: Enrolment, now: Timestamp) -> Result<bool, StoreError> {
        let enrolment = Arc::new(enrolment);
        self.db
            .write(Durability::PowerCut, move |tx| {
                let enrolment = Arc::clone(&enrolment);
                Box::pin(async move { Ok(set_up(tx, &enrolment, now).await?) })
            })
            .await
    }

    /// Takes somebody's own second factor away.
    pub async fn drop_second_factor(
        &self,
        staff: StaffId,
        doer: Doer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doer = Arc::new(doer);
        self.db
            .write(Durability::PowerCut, move |tx| {
                let doer = Arc::clone(&doer);
                Box::pin(async move {
                    remove(tx, staff).await?;
                    let deed = Deed::new("second_factor_off", format!("staff {}", doer.login));
                    Ok(audit::append(tx, &doer, deed, now).await?)
                })
            })
            .await
    }

    /// Takes a code, once. Wrong ones are counted and set down: whoever types them has the password.
    pub async fn prove(
        &self,
        staff: StaffId,
        proof: Proof,
        doer: Doer,
        now: Timestamp,
    ) -> Result<Proved, StoreError> {
        let request = Arc::new((proof, doer));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { Ok(try_code(tx, staff, &request.0, &request.1, now).await?) })
            })
            .await
    }
}

async fn try_code(
    tx: &mut Tx,
    staff: StaffId,
    proof: &Proof,
    doer: &Doer,
    now: Timestamp,
) -> Result<Proved, sqlx::Error> {
    for (window, most) in [(SHORT, IN_SHORT), (LONG, IN_LONG)] {
        let since = Timestamp(now.0 - millis(window));
        let query = sqlx::query_as(sql::CODE_TRIES).bind(staff).bind(since);
        let (tries, first): (i64, Timestamp) = on_tx!(tx, conn, query.fetch_one(conn).await?);
        if tries >= most {
            return Ok(Proved::LockedUntil(first + window));
        }
    }
    let query = match proof {
        Proof::Step(step) => sqlx::query(sql::USE_STEP).bind(staff).bind(step),
        Proof::Recovery(code) => {
            sqlx::query(sql::USE_RECOVERY_CODE).bind(staff).bind(code).bind(now)
        }
    };
    let taken = on_tx!(tx, conn, query.execute(conn).await?).rows_affected() == 1;
    let object = format!("staff {}", doer.login);
    match (taken, proof) {
        (true, Proof::Step(_)) => return Ok(Proved::Yes),
        (true, Proof::Recovery(_)) => {
            audit::append(tx, doer, Deed::new("recovery_code", object), now).await?;
            return Ok(Proved::Yes);
        }
        (false, _) => audit::append(tx, doer, Deed::new("code_wrong", object), now).await?,
    }
    let forgotten = Timestamp(now.0 - millis(LONG));
    let query = sqlx::query(sql::FORGET_OLD_CODE_TRIES).bind(staff).bind(forgotten);
    on_tx!(tx, conn, query.execute(conn).await?);
    let query = sqlx::query(sql::INSERT_CODE_TRY).bind(staff).bind(now);
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(Proved::No)
}

async fn set_up(tx: &mut Tx, new: &Enrolment, now: Timestamp) -> Result<bool, sqlx::Error> {
    let offered =
        sqlx::query(sql::TAKE_SECRET).bind(&new.session).bind(new.staff).bind(&new.secret);
    if on_tx!(tx, conn, offered.execute(conn).await?).rows_affected() == 0 {
        return Ok(false);
    }
    remove(tx, new.staff).await?;
    let factor = sqlx::query(sql::INSERT_SECOND_FACTOR)
        .bind(new.staff)
        .bind(&new.secret)
        .bind(new.step)
        .bind(now);
    on_tx!(tx, conn, factor.execute(conn).await?);
    for code in &new.recovery {
        let code = sqlx::query(sql::INSERT_RECOVERY_CODE).bind(code).bind(new.staff);
        on_tx!(tx, conn, code.execute(conn).await?);
    }
    let closed = sqlx::query(sql::OPEN_ENROLMENT).bind(new.staff).bind(0_i64);
    on_tx!(tx, conn, closed.execute(conn).await?);
    let others = sqlx::query(sql::END_OTHER_SESSIONS).bind(new.staff).bind(&new.session);
    on_tx!(tx, conn, others.execute(conn).await?);
    let deed = Deed::new("second_factor_on", format!("staff {}", new.doer.login));
    audit::append(tx, &new.doer, deed, now).await?;
    Ok(true)
}

/// The authenticator and the recovery codes are worth nothing from now on.
pub(super) async fn remove(tx: &mut Tx, staff: StaffId) -> Result<(), sqlx::Error> {
    for statement in [sql::REMOVE_SECOND_FACTOR, sql::REMOVE_RECOVERY_CODES] {
        on_tx!(tx, conn, sqlx::query(statement).bind(staff).execute(conn).await?);
    }
    Ok(())
}
