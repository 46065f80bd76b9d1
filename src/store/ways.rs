//! Which ways callers took through the menu, counted once a call when it ends.

use std::collections::BTreeSet;

use super::db::{Tx, on_read, on_tx};
use super::sql::{self, menu};
use super::{Step, Store, StoreError};
use crate::clock::Timestamp;
use crate::ticket::CallId;

/// What is counted together, in milliseconds: six hours.
const PERIOD: i64 = 6 * 3_600_000;

/// A way out of a step, or an end in it, and how many calls took it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct WayTaken {
    pub step: String,
    /// As in the key path. `enter` with an empty `next`: came into the step at all.
    pub what: String,
    /// The step entered next; empty when the call ended here.
    pub next: String,
    pub calls: i64,
}

impl Store {
    /// The ways taken by calls that ended since `since`, and since when exactly: what is counted together is not parted.
    pub async fn ways_since(
        &self,
        since: Timestamp,
    ) -> Result<(Timestamp, Vec<WayTaken>), StoreError> {
        let period = since.0.div_euclid(PERIOD);
        let ways = on_read!(
            &self.db,
            pool,
            sqlx::query_as(menu::WAYS_SINCE).bind(period).fetch_all(pool).await?
        );
        Ok((Timestamp(period * PERIOD), ways))
    }
}

/// Counts what a call's key path tells, in the transaction that ends the call.
pub(super) async fn count(tx: &mut Tx, call: CallId, end: Timestamp) -> Result<(), StoreError> {
    let path: Vec<Step> =
        on_tx!(tx, conn, sqlx::query_as(sql::STEPS_OF_CALL).bind(call).fetch_all(conn).await?);
    for (step, what, next) in ways(&path) {
        on_tx!(
            tx,
            conn,
            sqlx::query(menu::COUNT_WAY)
                .bind(end.0.div_euclid(PERIOD))
                .bind(step)
                .bind(what)
                .bind(next)
                .execute(conn)
                .await?
        );
    }
    Ok(())
}

/// Each way once, however often it was taken: step, what, next.
fn ways(path: &[Step]) -> BTreeSet<(&str, &str, &str)> {
    let mut ways = BTreeSet::new();
    for (at, entry) in path.iter().enumerate() {
        let (step, what) = (entry.step.as_str(), entry.what.as_str());
        let next = path.get(at + 1).filter(|next| next.what == "enter");
        if what == "enter" {
            ways.insert((step, what, ""));
        }
        if let Some(next) = next {
            ways.insert((step, what, next.step.as_str()));
        } else if matches!(what, "hung_up" | "too_long") {
            ways.insert((step, what, ""));
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(entries: &[(&str, &str)]) -> Vec<Step> {
        let step = |(step, what): &(&str, &str)| Step {
            at: Timestamp(0),
            step: (*step).into(),
            what: (*what).into(),
        };
        entries.iter().map(step).collect()
    }

    #[test]
    fn a_way_is_what_came_right_before_the_next_step_and_counts_once() {
        let path = path(&[
            ("sambutan", "enter"),
            ("menu", "enter"),
            ("menu", "no_input"),
            ("menu", "key 3"),
            ("informasi", "enter"),
            ("informasi", "key *"),
            ("menu", "enter"),
            ("menu", "key 3"),
            ("informasi", "enter"),
            ("informasi", "no_match"),
            ("informasi", "hung_up"),
        ]);
        let expected = [
            ("informasi", "enter", ""),
            ("informasi", "hung_up", ""),
            ("informasi", "key *", "menu"),
            ("menu", "enter", ""),
            ("menu", "key 3", "informasi"),
            ("sambutan", "enter", ""),
            ("sambutan", "enter", "menu"),
        ];
        assert_eq!(ways(&path), BTreeSet::from(expected));
    }
}
