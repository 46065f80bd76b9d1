//! By when tickets are due: the rows that say how many working days, on which calendar, and what follows for a ticket.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::deadlines as sql;
use super::writer::Durability;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::ticket::sla::{Calendar, Clocks, Days};
use crate::ticket::{Class, Status, TicketId};

/// The working days of one class.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub struct DeadlineRow {
    pub class: Class,
    /// Until it is sent on to an agency.
    pub verify: u16,
    /// Until it is answered.
    pub finish: u16,
    /// The rule that says so.
    pub source: String,
}

/// A day that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub struct HolidayRow {
    /// `2026-12-25`
    pub date: String,
    pub name: String,
    /// The decree that says so.
    pub source: String,
}

/// Everything that deadlines are reckoned from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    pub deadline: Vec<DeadlineRow>,
    pub holiday: Vec<HolidayRow>,
}

/// Why a file of deadlines is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeadlinesError {
    #[error("{0}")]
    Syntax(String),
    #[error("{0:?} is no date: write it as 2026-12-25")]
    Date(String),
    #[error("{0} stands there twice")]
    Twice(String),
}

impl Deadlines {
    /// Reads a file like `deploy/seed/deadlines.toml`.
    pub fn read(text: &str) -> Result<Deadlines, DeadlinesError> {
        let read: Deadlines =
            toml::from_str(text).map_err(|error| DeadlinesError::Syntax(error.to_string()))?;
        let mut seen = BTreeSet::new();
        for day in &read.holiday {
            // `25-12-2026` would never be met by any day.
            if day.date.parse::<Date>().is_err() || day.date.len() != 10 {
                return Err(DeadlinesError::Date(day.date.clone()));
            }
        }
        let classes = read.deadline.iter().map(|row| row.class.word());
        for key in classes.chain(read.holiday.iter().map(|day| &*day.date)) {
            if !seen.insert(key) {
                return Err(DeadlinesError::Twice(key.to_owned()));
            }
        }
        Ok(read)
    }
}

impl Store {
    /// What deadlines are reckoned from now.
    pub async fn deadlines(&self) -> Result<Deadlines, StoreError> {
        Ok(Deadlines {
            deadline: on_read!(
                &self.db,
                pool,
                sqlx::query_as(sql::DEADLINES).fetch_all(pool).await?
            ),
            holiday: on_read!(
                &self.db,
                pool,
                sqlx::query_as(sql::HOLIDAYS).bind("").fetch_all(pool).await?
            ),
        })
    }

    /// Reckons from these from now on, the deadlines of open tickets too, and tells how many changed.
    pub async fn set_deadlines(
        &self,
        deadlines: Deadlines,
        doer: Doer,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let request = Arc::new((deadlines, doer, self.zone.clone()));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move {
                    let (deadlines, doer, zone) = &*request;
                    put(tx, deadlines).await?;
                    let changed = reckon_anew(tx, zone).await?;
                    let detail = format!("{changed} tickets");
                    audit::append(tx, doer, Deed::new("deadlines", "all").with(detail), now)
                        .await?;
                    Ok(changed)
                })
            })
            .await
    }
}

/// Puts these rows in the place of those that are there.
pub(super) async fn put(tx: &mut Tx, new: &Deadlines) -> Result<(), sqlx::Error> {
    for statement in [sql::FORGET_DEADLINES, sql::FORGET_HOLIDAYS] {
        on_tx!(tx, conn, sqlx::query(statement).execute(conn).await?);
    }
    for row in &new.deadline {
        let query = sqlx::query(sql::INSERT_DEADLINE)
            .bind(row.class)
            .bind(row.verify)
            .bind(row.finish)
            .bind(&row.source);
        on_tx!(tx, conn, query.execute(conn).await?);
    }
    for day in &new.holiday {
        let query =
            sqlx::query(sql::INSERT_HOLIDAY).bind(&day.date).bind(&day.name).bind(&day.source);
        on_tx!(tx, conn, query.execute(conn).await?);
    }
    Ok(())
}

/// A ticket, as far as its deadline goes.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Running {
    pub id: TicketId,
    pub status: Status,
    pub class: Class,
    pub since: Timestamp,
    pub desk: Timestamp,
    pub due: Option<Timestamp>,
}

/// Reckons every open ticket's deadline from the rows as they are.
pub(super) async fn reckon_anew(tx: &mut Tx, zone: &TimeZone) -> Result<usize, sqlx::Error> {
    let open: Vec<Running> =
        on_tx!(tx, conn, sqlx::query_as(sql::RUNNING_TICKETS).fetch_all(conn).await?);
    let calendar = calendar(tx, zone, Timestamp(0)).await?;
    let mut changed = 0;
    for ticket in open {
        let clocks = Clocks { since: ticket.since, desk: ticket.desk };
        let due = days(tx, ticket.class)
            .await?
            .and_then(|days| clocks.due(ticket.status, days, &calendar));
        if due != ticket.due {
            changed += 1;
            put_due(tx, ticket.id, clocks, due).await?;
        }
    }
    Ok(changed)
}

/// Sets a ticket's clocks, and its deadline by them.
pub(super) async fn set_clocks(
    tx: &mut Tx,
    zone: &TimeZone,
    ticket: TicketId,
    (status, class): (Status, Class),
    clocks: Clocks,
) -> Result<(), sqlx::Error> {
    let calendar = calendar(tx, zone, clocks.since.min(clocks.desk)).await?;
    let due = days(tx, class).await?.and_then(|days| clocks.due(status, days, &calendar));
    put_due(tx, ticket, clocks, due).await
}

async fn put_due(
    tx: &mut Tx,
    ticket: TicketId,
    clocks: Clocks,
    due: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    let query =
        sqlx::query(sql::SET_DUE).bind(ticket).bind(clocks.since).bind(clocks.desk).bind(due);
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(())
}

/// A class without a row has no deadline.
async fn days(tx: &mut Tx, class: Class) -> Result<Option<Days>, sqlx::Error> {
    let row: Option<(u16, u16)> = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::DAYS_OF_CLASS).bind(class).fetch_optional(conn).await?
    );
    Ok(row.map(|(verify, finish)| Days { verify, finish }))
}

/// The calendar from a day on. What is no date in the rows is passed over: `Deadlines::read` lets none in.
async fn calendar(tx: &mut Tx, zone: &TimeZone, from: Timestamp) -> Result<Calendar, sqlx::Error> {
    let from = jiff::Timestamp::from_millisecond(from.0)
        .map_or_else(|_| String::new(), |at| at.to_zoned(zone.clone()).date().to_string());
    let rows: Vec<HolidayRow> =
        on_tx!(tx, conn, sqlx::query_as(sql::HOLIDAYS).bind(from).fetch_all(conn).await?);
    let days = rows.iter().filter_map(|row| row.date.parse().ok());
    Ok(Calendar::new(zone.clone(), days))
}
