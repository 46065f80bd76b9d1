//! Lists for the console: queues of tickets, calls, and the figures on the wall.

use super::calls::{EndReason, EndedBy};
use super::db::on_read;
use super::sql::{lists as sql, staff};
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::ticket::{CallId, Channel, Class, StaffId, Status, TicketCode, TicketId};

/// A queue that an operator works through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// Nobody has sent them on yet.
    #[default]
    New,
    /// Taken by the one who asks, and not at an end.
    Mine,
    /// With an agency.
    WithAgency,
    /// Past their deadline.
    Overdue,
    /// With a recording that an engine made little of, and nobody has heard.
    Unheard,
    All,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Queue; 6] =
        [Queue::New, Queue::Mine, Queue::WithAgency, Queue::Overdue, Queue::Unheard, Queue::All];

    /// The word in addresses.
    pub fn id(self) -> &'static str {
        match self {
            Queue::New => "baru",
            Queue::Mine => "saya",
            Queue::WithAgency => "opd",
            Queue::Overdue => "lewat",
            Queue::Unheard => "dengar",
            Queue::All => "semua",
        }
    }

    /// By what its tickets are in order.
    pub fn key(self, opened: Timestamp, due: Option<Timestamp>) -> Timestamp {
        match self {
            Queue::Overdue => due.unwrap_or(opened),
            Queue::New | Queue::Mine | Queue::WithAgency | Queue::Unheard | Queue::All => opened,
        }
    }

    /// The queue of this [`Queue::id`].
    pub fn parse(id: &str) -> Option<Queue> {
        Queue::ALL.into_iter().find(|queue| queue.id() == id)
    }
}

/// By when tickets were opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    /// What waits longest comes first.
    #[default]
    OldestFirst,
}

/// Which tickets, for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub queue: Queue,
    /// Whose tickets [`Queue::Mine`] are.
    pub staff: Option<StaffId>,
    pub agency: Option<String>,
    pub class: Option<Class>,
    pub channel: Option<Channel>,
    pub status: Option<Status>,
    pub order: Order,
    /// When it is: what was due before that is [`Queue::Overdue`].
    pub now: Timestamp,
}

/// The place behind a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Its [`Queue::key`].
    pub at: Timestamp,
    pub id: TicketId,
}

/// A ticket in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct QueueRow {
    pub id: TicketId,
    pub code: TicketCode,
    pub status: Status,
    pub class: Class,
    pub channel: Channel,
    pub anonymous: bool,
    pub confidential: bool,
    pub agency: Option<String>,
    pub agency_name: Option<String>,
    pub category_name: Option<String>,
    pub place: Option<String>,
    /// The login of who works on it.
    pub assignee: Option<String>,
    pub assignee_name: Option<String>,
    pub opened: Timestamp,
    pub updated: Timestamp,
    pub due: Option<Timestamp>,
    pub version: i64,
    /// Somebody should hear a recording of it.
    pub unheard: bool,
    /// What was written or said first; may be long.
    pub excerpt: String,
}

/// How many there are in each queue, up to [`QueueCounts::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct QueueCounts {
    pub fresh: i64,
    pub mine: i64,
    pub with_agency: i64,
    pub overdue: i64,
    pub unheard: i64,
    pub everything: i64,
}

impl QueueCounts {
    /// Nobody counts further: so many are there, or more.
    pub const MOST: i64 = 1_000;

    /// The count of one queue.
    pub fn of(&self, queue: Queue) -> i64 {
        match queue {
            Queue::New => self.fresh,
            Queue::Mine => self.mine,
            Queue::WithAgency => self.with_agency,
            Queue::Overdue => self.overdue,
            Queue::Unheard => self.unheard,
            Queue::All => self.everything,
        }
    }
}

/// Which calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallFilter {
    #[default]
    All,
    /// Ended before they were answered.
    Missed,
    /// Answered, and over without a word kept.
    WithoutRecording,
    EndedBy(EndedBy),
}

/// A call in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallListed {
    pub id: CallId,
    pub number: Option<String>,
    pub asserted: bool,
    pub trunk: Option<String>,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub end_reason: Option<EndReason>,
    pub recorded_ms: i64,
    /// The first ticket opened from it.
    pub code: Option<TicketCode>,
    /// The last step of the script that it came to; nothing before the first.
    pub step: String,
}

/// A call that is going on.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LiveCall {
    pub id: CallId,
    pub number: Option<String>,
    pub asserted: bool,
    pub trunk: Option<String>,
    pub called: String,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    /// Where in the script the caller is; nothing before the first step.
    pub step: String,
}

/// Figures for a screen on the wall. What waits is counted up to [`Wall::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Wall {
    pub calls_today: i64,
    pub calls_open: i64,
    pub tickets_today: i64,
    /// Tickets that nobody has looked at.
    pub untouched: i64,
    /// When the oldest of them was opened.
    pub oldest: Option<Timestamp>,
    pub with_agency: i64,
    pub to_transcribe: i64,
    /// Recordings that no transcript could be made of.
    pub failed: i64,
}

impl Wall {
    /// Nobody counts further: so many wait, or more.
    pub const MOST: i64 = 10_000;
}

/// The statements of one walk, the oldest first and the newest first.
type Walk = (&'static str, &'static str);

/// What a walk wants to know beside the filters.
enum Whose {
    Nobodys,
    Queue(&'static str),
    Staff(Option<StaffId>),
    DueBefore(Timestamp),
}

impl Filter {
    /// By which index the tickets are looked through. The rest is looked at on the way.
    fn walk(&self) -> (Walk, Whose) {
        match self.queue {
            Queue::New | Queue::WithAgency => {
                let walk = match self.agency {
                    None => (sql::QUEUE_OLDEST, sql::QUEUE_NEWEST),
                    Some(_) => (sql::AGENCY_QUEUE_OLDEST, sql::AGENCY_QUEUE_NEWEST),
                };
                (walk, Whose::Queue(self.queue.id()))
            }
            Queue::Mine => ((sql::MINE_OLDEST, sql::MINE_NEWEST), Whose::Staff(self.staff)),
            Queue::Overdue => {
                let walk = match self.agency {
                    None => (sql::OVERDUE_OLDEST, sql::OVERDUE_NEWEST),
                    Some(_) => (sql::AGENCY_OVERDUE_OLDEST, sql::AGENCY_OVERDUE_NEWEST),
                };
                (walk, Whose::DueBefore(self.now))
            }
            Queue::Unheard => ((sql::UNHEARD_OLDEST, sql::UNHEARD_NEWEST), Whose::Nobodys),
            Queue::All => (self.walk_through_all(), Whose::Nobodys),
        }
    }

    /// By what leaves the fewest: nearly all tickets are closed ordinary complaints.
    fn walk_through_all(&self) -> Walk {
        let status = (sql::ALL_IN_STATUS_OLDEST, sql::ALL_IN_STATUS_NEWEST);
        let class = (sql::ALL_OF_CLASS_OLDEST, sql::ALL_OF_CLASS_NEWEST);
        match self {
            Filter { status: Some(rare), .. } if *rare != Status::Closed => status,
            Filter { class: Some(rare), .. } if *rare != Class::Complaint => class,
            Filter { agency: Some(_), .. } => {
                (sql::ALL_OF_AGENCY_OLDEST, sql::ALL_OF_AGENCY_NEWEST)
            }
            Filter { channel: Some(_), .. } => {
                (sql::ALL_BY_CHANNEL_OLDEST, sql::ALL_BY_CHANNEL_NEWEST)
            }
            Filter { status: Some(_), .. } => status,
            Filter { class: Some(_), .. } => class,
            Filter { .. } => (sql::ALL_OLDEST, sql::ALL_NEWEST),
        }
    }
}

impl Store {
    /// The next tickets of a queue behind a place, or its first.
    pub async fn queue(
        &self,
        filter: &Filter,
        after: Option<After>,
        limit: i64,
    ) -> Result<Vec<QueueRow>, StoreError> {
        let ((oldest, newest), whose) = filter.walk();
        let (statement, start) = match filter.order {
            Order::NewestFirst => (newest, i64::MAX),
            Order::OldestFirst => (oldest, i64::MIN),
        };
        let after = after.unwrap_or(After { at: Timestamp(start), id: TicketId(start) });
        Ok(on_read!(&self.db, pool, {
            let query = sqlx::query_as(statement)
                .bind(&filter.agency)
                .bind(filter.class)
                .bind(filter.channel)
                .bind(filter.status)
                .bind(after.at)
                .bind(after.id)
                .bind(limit);
            let query = match whose {
                Whose::Nobodys => query,
                Whose::Queue(id) => query.bind(id),
                Whose::Staff(id) => query.bind(id),
                Whose::DueBefore(now) => query.bind(now),
            };
            query.fetch_all(pool).await?
        }))
    }

    /// How many tickets wait in each queue, for one person, in one agency perhaps.
    pub async fn queue_counts(
        &self,
        staff: StaffId,
        agency: Option<&str>,
        now: Timestamp,
    ) -> Result<QueueCounts, StoreError> {
        Ok(on_read!(&self.db, pool, {
            let statement = match agency {
                None => sql::QUEUE_COUNTS,
                Some(_) => sql::QUEUE_COUNTS_OF_AGENCY,
            };
            let query = sqlx::query_as(statement).bind(staff).bind(QueueCounts::MOST).bind(now);
            let query = match agency {
                None => query,
                Some(agency) => query.bind(agency),
            };
            query.fetch_one(pool).await?
        }))
    }

    /// How many tickets came into a queue since the history ended at `since` ([`super::Marks::events`]).
    pub async fn new_in_queue(&self, filter: &Filter, since: i64) -> Result<i64, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(staff::NEW_IN_QUEUE)
                .bind(filter.queue.id())
                .bind(filter.staff)
                .bind(&filter.agency)
                .bind(filter.class)
                .bind(filter.channel)
                .bind(filter.status)
                .bind(since)
                .fetch_one(pool)
                .await?
        ))
    }

    /// The newest of these calls before a call, or of all.
    pub async fn calls_before(
        &self,
        filter: CallFilter,
        before: Option<CallId>,
        limit: i64,
    ) -> Result<Vec<CallListed>, StoreError> {
        let before = before.unwrap_or(CallId(i64::MAX));
        let (statement, ended_by) = match filter {
            CallFilter::All => (sql::CALLS_BEFORE, None),
            CallFilter::Missed => (sql::CALLS_MISSED, None),
            CallFilter::WithoutRecording => (sql::CALLS_WITHOUT_RECORDING, None),
            CallFilter::EndedBy(who) => (sql::CALLS_ENDED_BY, Some(who)),
        };
        Ok(on_read!(&self.db, pool, {
            let query = sqlx::query_as(statement).bind(before).bind(limit);
            let query = match ended_by {
                Some(who) => query.bind(who),
                None => query,
            };
            query.fetch_all(pool).await?
        }))
    }

    /// The calls that are going on, the longest first.
    pub async fn calls_going_on(&self, limit: i64) -> Result<Vec<LiveCall>, StoreError> {
        // Calls that an earlier run left without an end are not.
        let run = self.run;
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(staff::CALLS_GOING_ON).bind(run).bind(limit).fetch_all(pool).await?
        ))
    }

    /// The figures of a day that began at `midnight`.
    pub async fn wall(&self, midnight: Timestamp) -> Result<Wall, StoreError> {
        // Calls that an earlier run left without an end are not going on.
        let run = self.run;
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::WALL)
                .bind(midnight)
                .bind(run)
                .bind(Wall::MOST)
                .fetch_one(pool)
                .await?
        ))
    }
}
