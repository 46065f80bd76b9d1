//! Who did or heard what: rows that are only ever added, each with the hash of the one before.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::db::{Tx, on_read, on_tx};
use super::sql::staff as sql;
use super::writer::Durability;
use super::{LINE, Store, StoreError, TEXT, tidy, tidy_lines};
use crate::clock::Timestamp;
use crate::ticket::TicketCode;

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doer {
    /// A login, or what the program calls itself: `cli`, `console`.
    pub login: String,
    /// The address of the browser; empty on the machine itself.
    pub address: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// One word, such as `listen`.
    pub action: &'static str,
    /// What it was done to: `ticket 48217362`, `recording 7`.
    pub object: String,
    /// More about it. Never a password or a token.
    pub detail: String,
}

impl Deed {
    /// Something done that needs no more words.
    pub fn new(action: &'static str, object: impl Into<String>) -> Deed {
        Deed { action, object: object.into(), detail: String::new() }
    }

    /// The same with more about it.
    pub fn with(self, detail: impl Into<String>) -> Deed {
        Deed { detail: detail.into(), ..self }
    }
}

/// Whose deeds, about what; all of them by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditAbout {
    /// A login.
    pub actor: Option<String>,
    /// The ticket itself and its recordings.
    pub ticket: Option<TicketCode>,
}

/// A row of the audit.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditRow {
    pub id: i64,
    pub at: Timestamp,
    pub actor: String,
    pub address: String,
    pub action: String,
    pub object: String,
    pub detail: String,
    /// The hash of the row before.
    pub previous: String,
    pub hash: String,
}

impl AuditRow {
    /// What `hash` must be: SHA-256 over everything else, each field behind its length.
    fn digest(&self) -> String {
        let mut sha = Sha256::new();
        let (id, at) = (self.id.to_string(), self.at.0.to_string());
        let fields = [
            &self.previous,
            &id,
            &at,
            &self.actor,
            &self.address,
            &self.action,
            &self.object,
            &self.detail,
        ];
        for field in fields {
            sha.update((field.len() as u64).to_be_bytes());
            sha.update(field.as_bytes());
        }
        hex(&sha.finalize())
    }
}

/// What [`Store::verify_audit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every row fits the one before. Keep `head` elsewhere: rows cut off at the end are told by nothing else.
    Sound { rows: i64, head: String },
    /// The first row that does not fit.
    Broken { id: i64, why: &'static str },
}

/// What the first row has for the hash before it.
const BEGINNING: &str = "";
/// Rows that are read at a time.
const BATCH: i64 = 1_000;

impl Store {
    /// Sets down what somebody did.
    pub async fn audit(&self, doer: Doer, deed: Deed, now: Timestamp) -> Result<(), StoreError> {
        let row = Arc::new((doer, deed));
        self.db
            .write(Durability::Process, move |tx| {
                let row = Arc::clone(&row);
                Box::pin(async move { Ok(append(tx, &row.0, row.1.clone(), now).await?) })
            })
            .await
    }

    /// The same, unless it was set down within `quiet` before: a player asks for many pieces of one recording.
    pub async fn audit_once(
        &self,
        doer: Doer,
        deed: Deed,
        quiet: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let since = Timestamp(now.0 - super::millis(quiet));
        let known: bool = on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::AUDITED_SINCE)
                .bind(&deed.object)
                .bind(deed.action)
                .bind(&doer.login)
                .bind(&doer.address)
                .bind(since)
                .fetch_one(pool)
                .await?
        );
        if known { Ok(()) } else { self.audit(doer, deed, now).await }
    }

    /// The newest rows before a row.
    pub async fn audit_before(
        &self,
        about: &AuditAbout,
        id: i64,
        limit: i64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let AuditAbout { actor, ticket } = about;
        let ticket = ticket.as_ref().map(TicketCode::digits);
        Ok(on_read!(&self.db, pool, {
            let query = match (actor, ticket) {
                (None, None) => sqlx::query_as(sql::AUDIT_BEFORE).bind(id).bind(limit),
                (Some(actor), None) => {
                    sqlx::query_as(sql::AUDIT_OF_ACTOR).bind(id).bind(limit).bind(actor)
                }
                (actor, Some(ticket)) => {
                    let query = sqlx::query_as(sql::AUDIT_OF_TICKET).bind(id).bind(limit);
                    query.bind(ticket).bind(actor.as_deref())
                }
            };
            query.fetch_all(pool).await?
        }))
    }

    /// Walks through the whole audit and computes each hash again.
    pub async fn verify_audit(&self) -> Result<Chain, StoreError> {
        let (mut rows, mut head) = (0, BEGINNING.to_owned());
        loop {
            let batch: Vec<AuditRow> = on_read!(
                &self.db,
                pool,
                sqlx::query_as(sql::AUDIT_AFTER).bind(rows).bind(BATCH).fetch_all(pool).await?
            );
            if batch.is_empty() {
                return Ok(Chain::Sound { rows, head });
            }
            for row in batch {
                if let Some(why) = fault(&row, rows, &head) {
                    return Ok(Chain::Broken { id: row.id, why });
                }
                (rows, head) = (row.id, row.hash);
            }
        }
    }
}

/// What is wrong with the row that follows row `last` with the hash `head`.
fn fault(row: &AuditRow, last: i64, head: &str) -> Option<&'static str> {
    if row.id != last + 1 {
        Some("rows before it are missing")
    } else if row.previous != head {
        Some("it does not follow the row before it")
    } else if row.hash != row.digest() {
        Some("it was changed")
    } else {
        None
    }
}

/// Adds a row, in the transaction of what it tells about.
pub(super) async fn append(
    tx: &mut Tx,
    doer: &Doer,
    deed: Deed,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let last: Option<(i64, String)> =
        on_tx!(tx, conn, sqlx::query_as(sql::AUDIT_HEAD).fetch_optional(conn).await?);
    let (last, previous) = last.unwrap_or((0, BEGINNING.to_owned()));
    let mut row = AuditRow {
        id: last + 1,
        at: now,
        actor: tidy(&doer.login, LINE),
        address: tidy(&doer.address, LINE),
        action: deed.action.to_owned(),
        object: tidy(&deed.object, LINE),
        detail: tidy_lines(&deed.detail, TEXT),
        previous,
        hash: String::new(),
    };
    row.hash = row.digest();
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_AUDIT)
            .bind(row.id)
            .bind(row.at)
            .bind(&row.actor)
            .bind(&row.address)
            .bind(&row.action)
            .bind(&row.object)
            .bind(&row.detail)
            .bind(&row.previous)
            .bind(&row.hash)
            .execute(conn)
            .await?
    );
    Ok(())
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
