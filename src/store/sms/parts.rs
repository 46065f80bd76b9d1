use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::store::db::{Tx, on_read, on_tx};
use crate::store::lookups::before;
use crate::store::writer::Durability;
use crate::store::{LINE, Store, StoreError, TEXT, sql, tidy};

/// A piece of a long message that its gateway does not join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPart {
    pub gateway: String,
    /// The gateway's name for this piece.
    pub external_id: String,
    /// As it came.
    pub sender: String,
    pub recipient: Option<String>,
    /// The same for all pieces, for a while.
    pub reference: String,
    /// From one.
    pub number: u16,
    pub parts: u16,
    pub body: String,
    pub sent: Option<Timestamp>,
}

/// Pieces put together; what is missing is shown by `[...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// To be handed to [`Store::parts_taken`] once it was taken.
    pub id: i64,
    pub gateway: String,
    /// The first piece's, so that it is the same each time.
    pub external_id: String,
    pub sender: String,
    pub recipient: Option<String>,
    pub body: String,
    pub sent: Option<Timestamp>,
}

/// Pieces further apart than this belong to two messages.
const TOGETHER: Duration = Duration::from_secs(24 * 3600);

#[derive(sqlx::FromRow)]
struct PartRow {
    gateway: String,
    external_id: String,
    sender: String,
    recipient: Option<String>,
    number: i64,
    parts: i64,
    body: String,
    sent: Option<Timestamp>,
}

impl Store {
    /// Keeps a piece, safe from a power cut; tells the whole message when this was its last.
    ///
    /// A piece that is here already tells it too: its gateway never heard that we have it.
    pub async fn keep_part(
        &self,
        part: NewPart,
        now: Timestamp,
    ) -> Result<Option<Whole>, StoreError> {
        let part = Arc::new(part);
        let whole = self
            .db
            .write(Durability::PowerCut, move |tx| Box::pin(keep(tx, Arc::clone(&part), now)))
            .await?;
        let rows = self.parts(whole).await?;
        Ok(if is_complete(&rows) { together(whole, rows) } else { None })
    }

    /// Messages whose last piece came before `before` and that are still not whole: they are taken as they are.
    pub async fn stale_parts(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Whole>, StoreError> {
        let stale: Vec<i64> = on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::PARTS_STALE)
                .bind(before)
                .bind(i64::from(limit))
                .fetch_all(pool)
                .await?
        );
        let mut wholes = Vec::with_capacity(stale.len());
        for whole in stale {
            wholes.extend(together(whole, self.parts(whole).await?));
        }
        Ok(wholes)
    }

    /// The whole message is a row of its own now.
    pub async fn parts_taken(&self, whole: i64) -> Result<(), StoreError> {
        self.db
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::PARTS_TAKEN).bind(whole).execute(conn).await?
                    );
                    Ok(())
                })
            })
            .await
    }

    async fn parts(&self, whole: i64) -> Result<Vec<PartRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::PARTS_OF_WHOLE).bind(whole).fetch_all(pool).await?
        ))
    }
}

async fn keep(tx: &mut Tx, part: Arc<NewPart>, now: Timestamp) -> Result<i64, StoreError> {
    let known: Option<i64> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::PART_KNOWN)
            .bind(&part.gateway)
            .bind(tidy(&part.external_id, LINE))
            .fetch_optional(conn)
            .await?
    );
    if let Some(whole) = known {
        return Ok(whole);
    }
    let whole: Option<i64> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::PART_OPEN_WHOLE)
            .bind(&part.gateway)
            .bind(tidy(&part.sender, LINE))
            .bind(tidy(&part.reference, LINE))
            .bind(i64::from(part.parts))
            .bind(before(now, TOGETHER))
            .bind(i64::from(part.number))
            .fetch_optional(conn)
            .await?
    );
    let id = insert(tx, &part, whole, now).await?;
    if whole.is_none() {
        on_tx!(tx, conn, sqlx::query(sql::PART_BEGINS_WHOLE).bind(id).execute(conn).await?);
    }
    Ok(whole.unwrap_or(id))
}

async fn insert(
    tx: &mut Tx,
    part: &NewPart,
    whole: Option<i64>,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    let body: String = part.body.chars().filter(|c| *c != '\0').take(TEXT).collect();
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_PART)
            .bind(&part.gateway)
            .bind(tidy(&part.external_id, LINE))
            .bind(tidy(&part.sender, LINE))
            .bind(part.recipient.as_deref().map(|to| tidy(to, LINE)))
            .bind(tidy(&part.reference, LINE))
            .bind(i64::from(part.number))
            .bind(i64::from(part.parts))
            .bind(body)
            .bind(part.sent)
            .bind(now)
            .bind(whole)
            .fetch_one(conn)
            .await?
    ))
}

/// Each number is there once: [`keep`] sees to it.
fn is_complete(rows: &[PartRow]) -> bool {
    rows.first().is_some_and(|first| rows.len() as i64 >= first.parts)
}

fn together(id: i64, rows: Vec<PartRow>) -> Option<Whole> {
    let mut body = String::new();
    let mut next = 1;
    for row in &rows {
        if row.number > next {
            body.push_str("[...]");
        }
        body.push_str(&row.body);
        next = row.number + 1;
    }
    let sent = rows.iter().filter_map(|row| row.sent).min();
    let first = rows.into_iter().next()?;
    if next <= first.parts {
        body.push_str("[...]");
    }
    let PartRow { gateway, external_id, sender, recipient, .. } = first;
    Some(Whole { id, gateway, external_id, sender, recipient, body, sent })
}
