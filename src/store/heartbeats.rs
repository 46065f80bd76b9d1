//! Signs of life of the parts that work by themselves, and what their queues look like: whether one is dead shows in rows,
//! whatever process it ran in.

use std::sync::Arc;
use std::time::Duration;

use super::db::{on_read, on_tx};
use super::sql::staff as sql;
use super::writer::Durability;
use super::{LINE, Store, StoreError, tidy};
use crate::clock::Timestamp;

/// What begins the name of a gateway's part.
const GATEWAY: &str = "sms ";

/// A part that works by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The workers that write down recordings, all together.
    Transcribe,
    /// The sender of one gateway.
    Gateway(String),
}

impl Part {
    fn name(&self) -> String {
        match self {
            Part::Transcribe => "transcribe".into(),
            Part::Gateway(name) => tidy(&format!("{GATEWAY}{name}"), LINE),
        }
    }
}

/// How often a part tells that it is alive.
pub const BEAT: Duration = Duration::from_secs(15);

/// Tells it for one part, as often as is needed and no more.
#[derive(Debug)]
pub struct Pulse {
    store: Store,
    part: Part,
    told: Option<Timestamp>,
}

impl Pulse {
    /// For one part, which has told nothing yet.
    pub fn new(store: Store, part: Part) -> Pulse {
        Pulse { store, part, told: None }
    }

    /// To be called with each turn of the part's work. That it cannot be written is no reason to stop working.
    pub async fn beat(&mut self, now: Timestamp) {
        if self.told.is_some_and(|at| now.since(at) < BEAT) {
            return;
        }
        self.told = Some(now);
        if let Err(error) = self.store.beat(&self.part, now).await {
            tracing::warn!(%error, part = self.part.name(), "a sign of life cannot be written");
        }
    }
}

/// The queue of recordings that are to be written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Transcribing {
    /// Those that nobody has begun, or that were left.
    pub waiting: i64,
    /// When the one that waits longest was queued.
    pub oldest: Option<Timestamp>,
    /// Begun, and still held by a worker.
    pub working: i64,
    /// Begun, and the worker's lease ran out.
    pub left: i64,
    pub failed: i64,
    /// When the newest transcript was made.
    pub made: Option<Timestamp>,
    pub beat: Option<Timestamp>,
}

/// What one gateway has to send.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Sending {
    pub gateway: String,
    pub beat: Option<Timestamp>,
    pub waiting: i64,
    /// When the one that waits longest could have been sent.
    pub oldest: Option<Timestamp>,
    /// Given up lately.
    pub failed: i64,
}

/// How many there were in an hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Hourly {
    /// Hours since the day began.
    pub hour: i64,
    pub calls: i64,
    pub tickets: i64,
}

impl Store {
    /// Notes that a part is alive.
    pub async fn beat(&self, part: &Part, now: Timestamp) -> Result<(), StoreError> {
        let name: Arc<str> = part.name().into();
        self.db
            .write(Durability::Process, move |tx| {
                let name = Arc::clone(&name);
                Box::pin(async move {
                    on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::BEAT).bind(&*name).bind(now).execute(conn).await?
                    );
                    Ok(())
                })
            })
            .await
    }

    /// Forgets the signs of life of gateways that are not configured any more.
    pub async fn keep_gateways(&self, names: &[String]) -> Result<(), StoreError> {
        let names = Arc::new(names.to_vec());
        self.db
            .write(Durability::Process, move |tx| {
                let names = Arc::clone(&names);
                Box::pin(async move {
                    let kept = serde_json::json!(*names).to_string();
                    on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::FORGET_GATEWAYS).bind(kept).execute(conn).await?
                    );
                    Ok(())
                })
            })
            .await
    }

    /// The recordings that are to be written down.
    pub async fn transcribing(&self, now: Timestamp) -> Result<Transcribing, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::TRANSCRIBING).bind(now).fetch_one(pool).await?
        ))
    }

    /// Each gateway that works or has something to send; what was given up counts since `since`.
    pub async fn sending(
        &self,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<Vec<Sending>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SENDING).bind(now).bind(since).fetch_all(pool).await?
        ))
    }

    /// Calls and reports of a day that began at `midnight`, by the hour; hours without any are left out.
    pub async fn hourly(&self, midnight: Timestamp) -> Result<Vec<Hourly>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::HOURLY).bind(midnight).fetch_all(pool).await?
        ))
    }
}
