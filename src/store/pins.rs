//! PINs: what a reporter chose to lock a confidential report with. Only the hash is kept.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::db::{Tx, on_read, on_tx};
use super::lookups::{Asker, DAY, LookUp, LookedUp, before, look_up};
use super::writer::Durability;
use super::{Store, StoreError, sql};
use crate::clock::Timestamp;
use crate::ticket::disclosure::Limits;
use crate::ticket::{TicketCode, TicketId};

/// A PIN that was typed for a ticket that has one.
pub(super) struct PinTry {
    ticket: TicketId,
    fits: bool,
}

#[derive(sqlx::FromRow)]
struct LockRow {
    id: TicketId,
    pin_hash: String,
}

impl Store {
    /// [`Store::look_up`] by somebody who typed the ticket's PIN as well. A ticket without one is looked up by its code.
    pub async fn look_up_with_pin(
        &self,
        code: &str,
        pin: &str,
        asker: Asker,
        now: Timestamp,
    ) -> Result<LookedUp, StoreError> {
        let Some(lock) = self.lock(code).await? else {
            return self.look_up(code, asker, now).await;
        };
        let fits = fits(lock.pin_hash, pin.to_owned()).await;
        let mut request = LookUp::new(code, asker, Arc::clone(&self.limits), now);
        request.who.pin = fits;
        request.pin = Some(PinTry { ticket: lock.id, fits });
        let request = Arc::new(request);
        self.db
            .write(Durability::Process, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { look_up(tx, &request).await })
            })
            .await
    }

    async fn lock(&self, code: &str) -> Result<Option<LockRow>, StoreError> {
        let Ok(code) = TicketCode::parse(code) else { return Ok(None) };
        let row: Option<LockRow> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::LOCK_OF_TICKET).bind(&code).fetch_optional(pool).await?
        );
        Ok(row)
    }
}

/// Whether the PIN opens the ticket. After too many wrong ones in a day the right one does not either; that it was
/// right is not told.
pub(super) async fn opens(
    tx: &mut Tx,
    pin: &PinTry,
    limits: &Limits,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let PinTry { ticket, fits } = pin;
    let wrong: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::WRONG_PINS)
            .bind(ticket)
            .bind(before(now, DAY))
            .fetch_one(conn)
            .await?
    );
    if wrong >= i64::from(limits.wrong_pins_per_day) {
        return Ok(false);
    }
    if !fits {
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::INSERT_PIN_TRY).bind(ticket).bind(now).execute(conn).await?
        );
    }
    Ok(*fits)
}

/// A PHC string (argon2id), made apart from everything else: it takes a good part of a second. `None` if that fails.
pub(super) async fn hash(pin: String) -> Option<String> {
    let compute = move || Argon2::default().hash_password(pin.as_bytes()).map(|h| h.to_string());
    tokio::task::spawn_blocking(compute).await.ok()?.ok()
}

async fn fits(hash: String, pin: String) -> bool {
    let verify = move || {
        let parsed = PasswordHash::new(&hash).ok();
        parsed.is_some_and(|hash| Argon2::default().verify_password(pin.as_bytes(), &hash).is_ok())
    };
    tokio::task::spawn_blocking(verify).await.unwrap_or(false)
}
