//! That something changed: a signal with each commit of this process, and marks that show what other processes wrote too.

use tokio::sync::watch;

use super::db::on_read;
use super::sql::staff as sql;
use super::{Store, StoreError};
use crate::ticket::TicketCode;

/// How far the tables have come that pages are made from. Rows are only added to them, so that two marks which differ tell
/// that there is something new, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Marks {
    pub calls: i64,
    /// Calls that are going on.
    pub calls_open: i64,
    pub steps: i64,
    /// The histories of all tickets.
    pub events: i64,
    pub messages: i64,
    pub transcripts: i64,
    pub mends: i64,
    pub sms_in: i64,
    pub sms_out: i64,
}

/// A ticket that something happened to.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Touched {
    pub code: TicketCode,
    pub agency: Option<String>,
    /// Grows with all that its page shows.
    pub revision: i64,
}

/// Tickets told of at once; whoever imports thousands does not flood the pages that are open.
const TOUCHED: i64 = 200;

impl Store {
    /// Counts up after each commit of this process. What other processes write, [`Store::marks`] shows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.db.changes()
    }

    /// How far the tables have come.
    pub async fn marks(&self) -> Result<Marks, StoreError> {
        let run = self.run;
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::MARKS).bind(run).fetch_one(pool).await?))
    }

    /// The tickets that something happened to since then.
    pub async fn touched_since(&self, marks: &Marks) -> Result<Vec<Touched>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::TOUCHED_SINCE)
                .bind(marks.events)
                .bind(marks.messages)
                .bind(marks.transcripts)
                .bind(marks.mends)
                .bind(TOUCHED)
                .fetch_all(pool)
                .await?
        ))
    }
}
