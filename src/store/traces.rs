//! What was said by SIP in each call. A row for each call, written with the call's end and deleted long before it.

use serde::{Deserialize, Serialize};

use super::db::{Tx, on_read, on_tx};
use super::writer::Durability;
use super::{CallRow, Store, StoreError, sql};
use crate::clock::Timestamp;
use crate::ticket::{CallId, TicketCode};

/// The SIP messages of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTrace {
    pub messages: Vec<TracedMessage>,
    /// Messages that there was no room for, out of the middle.
    pub left_out: u32,
}

/// One of them: a stranger's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedMessage {
    pub at: Timestamp,
    pub from_caller: bool,
    /// The other side's address and port.
    pub peer: String,
    /// `UDP` or `TCP`.
    pub transport: String,
    pub text: String,
}

/// A call, what was said by SIP, and what it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedCall {
    pub call: CallRow,
    /// The first ticket that was opened from it.
    pub code: Option<TicketCode>,
    /// `None` when none was kept, or no longer is.
    pub trace: Option<CallTrace>,
}

/// Traces that are deleted at a time, so that calls need not wait for a large deletion.
const BATCH: i64 = 500;

impl Store {
    /// The messages of a call; `None` when none were kept, or no longer are.
    pub async fn trace(&self, call: CallId) -> Result<Option<CallTrace>, StoreError> {
        let row: Option<(i64, String)> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::TRACE_OF_CALL).bind(call).fetch_optional(pool).await?
        );
        Ok(row.map(|(left_out, messages)| read(left_out, &messages)))
    }

    /// A call with its messages and what it led to: one row, and one query.
    pub async fn traced_call(&self, call: CallId) -> Result<Option<TracedCall>, StoreError> {
        let row: Option<TracedRow> = on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::CALL_TRACED).bind(call).fetch_optional(pool).await?
        );
        Ok(row.map(|row| TracedCall {
            call: row.call,
            code: row.code,
            trace: row.left_out.zip(row.messages).map(|(left_out, m)| read(left_out, &m)),
        }))
    }

    /// Deletes the traces of calls that ended before, some of them; gives whether there may be more.
    pub async fn forget_traces(&self, before: Timestamp) -> Result<bool, StoreError> {
        let deleted = self
            .db
            .write(Durability::Process, move |tx| Box::pin(delete_before(tx, before)))
            .await?;
        Ok(deleted >= BATCH as u64)
    }
}

#[derive(sqlx::FromRow)]
struct TracedRow {
    #[sqlx(flatten)]
    call: CallRow,
    code: Option<TicketCode>,
    left_out: Option<i64>,
    messages: Option<String>,
}

fn read(left_out: i64, messages: &str) -> CallTrace {
    CallTrace {
        messages: serde_json::from_str(messages).unwrap_or_default(),
        left_out: u32::try_from(left_out).unwrap_or_default(),
    }
}

/// Writes the messages of a call that ends, if there are any.
pub(super) async fn insert(
    tx: &mut Tx,
    call: CallId,
    at: Timestamp,
    trace: &CallTrace,
) -> Result<(), StoreError> {
    if trace.messages.is_empty() {
        return Ok(());
    }
    let messages = serde_json::to_string(&trace.messages)
        .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_TRACE)
            .bind(call)
            .bind(at)
            .bind(i64::from(trace.left_out))
            .bind(messages)
            .execute(conn)
            .await?
    );
    Ok(())
}

async fn delete_before(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query(sql::DELETE_TRACES)
            .bind(before)
            .bind(BATCH)
            .execute(conn)
            .await?
            .rows_affected()
    ))
}
