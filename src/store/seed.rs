//! Data that a new database begins with. It is the office's own from then on: nothing is ever put back.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::db::{Db, Tx, on_read, on_tx};
use super::deadlines::{self, Deadlines};
use super::writer::Durability;
use super::{Store, StoreError, sql};

/// An agency (OPD).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub struct AgencyRow {
    pub id: String,
    pub name: String,
    /// The prompt that says its name.
    pub clip: String,
}

/// A kind of report, and the agency that answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub struct CategoryRow {
    pub id: String,
    pub name: String,
    pub agency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    agency: Vec<AgencyRow>,
    category: Vec<CategoryRow>,
}

const AGENCIES: &str = include_str!("../../deploy/seed/agencies.toml");
const DEADLINES: &str = include_str!("../../deploy/seed/deadlines.toml");

/// The settings that say that the agencies, and the deadlines, were loaded once.
const LOADED: &str = "seed.agencies";
const DEADLINES_LOADED: &str = "seed.deadlines";

/// Loads the seed data if it never was.
pub(super) async fn load(db: &Db, zone: &TimeZone) -> Result<(), StoreError> {
    if !loaded(db, LOADED).await? {
        let seed: Seed =
            toml::from_str(AGENCIES).map_err(|error| StoreError::Seed(error.to_string()))?;
        let seed = Arc::new(seed);
        db.write(Durability::Process, move |tx| Box::pin(insert(tx, Arc::clone(&seed)))).await?;
    }
    if !loaded(db, DEADLINES_LOADED).await? {
        let seed =
            Deadlines::read(DEADLINES).map_err(|error| StoreError::Seed(error.to_string()))?;
        let seed = Arc::new((seed, zone.clone()));
        db.write(Durability::Process, move |tx| {
            let seed = Arc::clone(&seed);
            Box::pin(async move { begin_deadlines(tx, &seed.0, &seed.1).await })
        })
        .await?;
    }
    Ok(())
}

async fn loaded(db: &Db, what: &'static str) -> Result<bool, StoreError> {
    let value: Option<String> =
        on_read!(db, pool, sqlx::query_scalar(sql::SETTING).bind(what).fetch_optional(pool).await?);
    Ok(value.is_some())
}

/// Marks it as loaded; `false` when another program was quicker.
async fn claim(tx: &mut Tx, what: &'static str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(sql::CLAIM_SETTING).bind(what).bind("1");
    Ok(on_tx!(tx, conn, query.execute(conn).await?).rows_affected() == 1)
}

/// Tickets that were open before there were deadlines get theirs.
async fn begin_deadlines(tx: &mut Tx, seed: &Deadlines, zone: &TimeZone) -> Result<(), StoreError> {
    if claim(tx, DEADLINES_LOADED).await? {
        deadlines::put(tx, seed).await?;
        deadlines::reckon_anew(tx, zone).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, seed: Arc<Seed>) -> Result<(), StoreError> {
    if !claim(tx, LOADED).await? {
        return Ok(());
    }
    for agency in &seed.agency {
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::INSERT_AGENCY)
                .bind(&agency.id)
                .bind(&agency.name)
                .bind(&agency.clip)
                .execute(conn)
                .await?
        );
    }
    for category in &seed.category {
        on_tx!(
            tx,
            conn,
            sqlx::query(sql::INSERT_CATEGORY)
                .bind(&category.id)
                .bind(&category.name)
                .bind(&category.agency)
                .execute(conn)
                .await?
        );
    }
    Ok(())
}

impl Store {
    /// Every agency, by id.
    pub async fn agencies(&self) -> Result<Vec<AgencyRow>, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::AGENCIES).fetch_all(pool).await?))
    }

    /// Every category, by id.
    pub async fn categories(&self) -> Result<Vec<CategoryRow>, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::CATEGORIES).fetch_all(pool).await?))
    }
}
