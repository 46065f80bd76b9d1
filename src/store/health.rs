use super::db::on_read;
use super::{Store, StoreError, sql};

/// How many rows there are, for `kentongan doctor` and the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    pub calls: i64,
    /// Without an end: going on, or cut off by a crash and not yet closed.
    pub calls_open: i64,
    pub tickets: i64,
    pub recordings: i64,
    pub recordings_open: i64,
    pub recordings_failed: i64,
    pub jobs_queued: i64,
    pub jobs_failed: i64,
}

impl Store {
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::COUNTS).fetch_one(pool).await?))
    }

    /// Whether the database answers, without looking at much of it.
    pub async fn answers(&self) -> Result<(), StoreError> {
        on_read!(&self.db, pool, sqlx::query(sql::ANSWERS).fetch_one(pool).await?);
        Ok(())
    }

    /// Reads the whole database and tells what is wrong with it, a line each; nothing when it is sound.
    /// Takes seconds on a large one, and blocks nobody.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        self.db.problems().await
    }
}
