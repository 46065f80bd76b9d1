//! Data that a new database begins with. It is the office's own from then on: nothing is ever put back.

use std::sync::Arc;

use serde::Deserialize;

use super::db::{Db, Tx, on_read, on_tx};
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

/// The setting that says that the agencies were loaded once.
const LOADED: &str = "seed.agencies";

/// Loads the seed data if it never was.
pub(super) async fn load(db: &Db) -> Result<(), StoreError> {
    let loaded: Option<String> = on_read!(
        db,
        pool,
        sqlx::query_scalar(sql::SETTING).bind(LOADED).fetch_optional(pool).await?
    );
    if loaded.is_some() {
        return Ok(());
    }
    let seed: Seed =
        toml::from_str(AGENCIES).map_err(|error| StoreError::Seed(error.to_string()))?;
    let seed = Arc::new(seed);
    db.write(Durability::Process, move |tx| Box::pin(insert(tx, Arc::clone(&seed)))).await
}

async fn insert(tx: &mut Tx, seed: Arc<Seed>) -> Result<(), StoreError> {
    let claimed = on_tx!(
        tx,
        conn,
        sqlx::query(sql::CLAIM_SETTING).bind(LOADED).bind("1").execute(conn).await?.rows_affected()
    );
    if claimed == 0 {
        // Another program was quicker.
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
