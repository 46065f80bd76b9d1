use std::sync::Arc;
use std::time::Duration;

use super::db::{Tx, on_tx};
use super::pins::{self, PinTry};
use super::writer::Durability;
use super::{LINE, Store, StoreError, sql, tidy};
use crate::clock::Timestamp;
use crate::ticket::disclosure::{
    self, Disclosure, Limits, TicketFacts, Tries, TryOutcome, disclose,
};
use crate::ticket::{CallId, Status, TicketCode};

/// Who asks about a ticket, and in which call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// In the same form as in tickets; `None` when withheld.
    pub number: Option<String>,
    /// Whether a trusted trunk vouches for the number.
    pub asserted: bool,
    pub call: Option<CallId>,
}

/// The answer to a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// What this asker may hear.
    Found(Disclosure),
    /// No ticket has this code, or it is no code at all.
    NotFound,
    /// Too many wrong codes; this one was not looked at, right or wrong.
    Exhausted(disclosure::Limit),
    /// The code is right, the PIN is not, or too many were tried.
    WrongPin,
}

impl Store {
    /// Looks up what may be said about the ticket with a code as typed, and counts the try.
    pub async fn look_up(
        &self,
        code: &str,
        asker: Asker,
        now: Timestamp,
    ) -> Result<LookedUp, StoreError> {
        let request = Arc::new(LookUp::new(code, asker, Arc::clone(&self.limits), now));
        self.db
            .write(Durability::Process, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { look_up(tx, &request).await })
            })
            .await
    }
}

pub(super) struct LookUp {
    /// `None` when what was typed is no code.
    pub(super) code: Option<TicketCode>,
    call: Option<CallId>,
    pub(super) who: disclosure::Asker,
    /// The PIN that came with it.
    pub(super) pin: Option<PinTry>,
    limits: Arc<Limits>,
    now: Timestamp,
}

impl LookUp {
    pub(super) fn new(code: &str, asker: Asker, limits: Arc<Limits>, now: Timestamp) -> LookUp {
        LookUp {
            code: TicketCode::parse(code).ok(),
            call: asker.call,
            who: disclosure::Asker {
                number: asker.number.map(|n| tidy(&n, LINE)),
                asserted: asker.asserted,
                pin: false,
            },
            pin: None,
            limits,
            now,
        }
    }
}

#[derive(sqlx::FromRow)]
struct FactsRow {
    status: Status,
    opened: Timestamp,
    updated: Timestamp,
    agency: Option<String>,
    number: Option<String>,
    confidential: bool,
    answered: bool,
    locked: bool,
}

impl From<FactsRow> for TicketFacts {
    fn from(row: FactsRow) -> TicketFacts {
        TicketFacts {
            status: row.status,
            opened: row.opened,
            updated: row.updated,
            agency: row.agency,
            number: row.number,
            confidential: row.confidential,
            answered: row.answered,
            locked: row.locked,
        }
    }
}

pub(super) async fn look_up(tx: &mut Tx, request: &LookUp) -> Result<LookedUp, StoreError> {
    let LookUp { code, who, pin, limits, now, .. } = request;
    let tries = tries(tx, request).await?;
    if let Some(limit) = limits.against(who, &tries) {
        record(tx, request, TryOutcome::Refused).await?;
        return Ok(LookedUp::Exhausted(limit));
    }
    if let Some(pin) = pin
        && !pins::opens(tx, pin, limits, *now).await?
    {
        return Ok(LookedUp::WrongPin);
    }
    let (outcome, answer) = match code {
        None => (TryOutcome::Malformed, LookedUp::NotFound),
        Some(code) => match facts(tx, code).await? {
            None => (TryOutcome::Unknown, LookedUp::NotFound),
            Some(facts) => (TryOutcome::Found, LookedUp::Found(disclose(&facts, who, *now))),
        },
    };
    record(tx, request, outcome).await?;
    let after = Tries { all: tries.all.saturating_add(outcome.weight()), ..tries };
    if limits.alarming(&after) && !limits.alarming(&tries) {
        tracing::warn!(
            limit = limits.alarm_per_hour,
            "many wrong ticket codes within an hour: somebody may be guessing"
        );
    }
    Ok(answer)
}

async fn facts(tx: &mut Tx, code: &TicketCode) -> Result<Option<TicketFacts>, sqlx::Error> {
    let row: Option<FactsRow> =
        on_tx!(tx, conn, sqlx::query_as(sql::TICKET_FACTS).bind(code).fetch_optional(conn).await?);
    Ok(row.map(TicketFacts::from))
}

const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The wrong tries that bear on whoever asks.
async fn tries(tx: &mut Tx, request: &LookUp) -> Result<Tries, sqlx::Error> {
    let LookUp { call, who, limits, now, .. } = request;
    let hour_ago = before(*now, HOUR);
    // No row weighs less than one, so that many rows are enough to reach the alarm.
    let enough = i64::from(limits.alarm_per_hour) * 2;
    let in_call: i64 =
        on_tx!(tx, conn, sqlx::query_scalar(sql::TRIES_IN_CALL).bind(call).fetch_one(conn).await?);
    let from_number: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::TRIES_FROM_NUMBER)
            .bind(&who.number)
            .bind(before(*now, DAY))
            .fetch_one(conn)
            .await?
    );
    let withheld: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::TRIES_WITHHELD).bind(hour_ago).fetch_one(conn).await?
    );
    let unvouched: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::TRIES_UNVOUCHED).bind(hour_ago).fetch_one(conn).await?
    );
    let all: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::TRIES_OF_ALL).bind(hour_ago).bind(enough).fetch_one(conn).await?
    );
    let sum = |weights: i64| u32::try_from(weights).unwrap_or(u32::MAX);
    Ok(Tries {
        in_call: sum(in_call),
        from_number: sum(from_number),
        withheld: sum(withheld),
        unvouched: sum(unvouched),
        all: sum(all),
    })
}

pub(super) fn before(now: Timestamp, by: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(super::millis(by)))
}

async fn record(tx: &mut Tx, request: &LookUp, outcome: TryOutcome) -> Result<(), sqlx::Error> {
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::INSERT_TRY)
            .bind(request.call)
            .bind(&request.who.number)
            .bind(request.who.asserted)
            .bind(outcome)
            .bind(i64::from(outcome.weight()))
            .bind(request.now)
            .execute(conn)
            .await?
    );
    Ok(())
}
