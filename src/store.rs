//! Rows: calls, recordings, tickets and their history. The only module with SQL.
//!
//! A [`Store`] is a cheap handle; its double in tests is [`Store::in_memory`]. Writes asked for at the same time share
//! one commit (`writer`), each statement stands once (`sql`), and which database it is only `db` knows.
//! There is one door for new tickets: [`Store::open_ticket`].

mod audit;
mod calls;
mod changes;
mod counter;
mod db;
mod deadlines;
mod error;
mod health;
mod heartbeats;
mod jobs;
mod lookups;
mod mends;
mod menu;
mod pins;
mod prompts;
mod queues;
mod recordings;
mod recovery;
mod search;
mod second_factor;
mod seed;
mod sessions;
mod sms;
mod spoken;
mod sql;
mod staff;
mod tickets;
mod traces;
mod transcripts;
mod ways;
mod work;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::sync::Notify;

use crate::ticket::disclosure::Limits;
use db::{Db, on_read};

pub use audit::{AuditAbout, AuditRow, Chain, Deed, Doer};
pub use calls::{CallEnd, CallPath, CallRow, EndReason, EndedBy, NewCall, Step};
pub use changes::{Marks, Touched};
pub use counter::WalkIn;
pub use deadlines::{DeadlineRow, Deadlines, DeadlinesError, HolidayRow};
pub use error::{OpenError, StoreError};
pub use health::Counts;
pub use heartbeats::{BEAT, Hourly, Part, Pulse, Sending, Transcribing};
pub use jobs::{ATTEMPTS, Failure, Job, JobError, JobKind, Retry, back_off};
pub use lookups::{Asker, LookedUp};
pub use mends::{MendError, MendRow, NewMend};
pub use menu::{MenuError, MenuListed, MenuOrigin, MenuRow, MenuState, NewMenu};
pub use prompts::{
    LONGEST_PROMPT, NewTake, NewText, PromptChoice, PromptError, TakeOrigin, TakeRow, one_line,
};
pub use queues::{
    After, CallFilter, CallListed, Filter, LiveCall, Order, Queue, QueueCounts, QueueRow, Wall,
};
pub use recordings::{RecordingEnd, RecordingEndedBy, RecordingRow, RecordingState};
pub use recovery::{LeftOpen, Story, UnfinishedCall};
pub use search::{Cursor, Hit, Hits, Piece, Source};
pub use second_factor::{Enrolment, Proof, Proved, SecondFactor};
pub use seed::{AgencyRow, CategoryRow};
pub use sessions::{Ending, LoginTry, NewSession, SessionListed, SessionRow, Stage};
pub use sms::{
    Answering, CodeToTell, Done, LeasedSms, NewOutgoing, NewPart, NewSms, Outgoing, ReceivedSms,
    Settled, SmsCounts, SmsKind, SmsState, StoredSms, Taken, Whole, Wish, Words,
};
pub use spoken::Spoken;
pub use staff::{NewStaff, Password, StaffChange, StaffError, StaffRow};
pub use tickets::{
    Addition, Message, MessageKind, Ticket, TicketEvent, TicketRow, TicketScope, TicketView,
};
pub use traces::{CallTrace, TracedCall, TracedMessage};
pub use transcripts::{Made, Queued, Redo, TranscriptRow};
pub use ways::WayTaken;
pub use work::{Change, Work, WorkError, Worker};

/// Where the rows are, and the rules the store keeps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The SQLite file. Its folder must exist; the file is made when it is missing.
    pub path: PathBuf,
    /// How long to wait for another program that holds the database, such as a backup.
    #[serde(skip, default = "Config::default_busy_timeout")]
    pub busy_timeout: Duration,
    /// How many wrong codes are borne.
    #[serde(default)]
    pub limits: Limits,
    /// Where the office is: its days count for deadlines.
    #[serde(skip, default = "Config::default_zone")]
    pub zone: TimeZone,
}

impl Config {
    const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

    /// A database file with everything else as usual.
    pub fn at(path: impl Into<PathBuf>) -> Config {
        Config {
            path: path.into(),
            busy_timeout: Config::DEFAULT_BUSY_TIMEOUT,
            limits: Limits::default(),
            zone: Config::default_zone(),
        }
    }

    fn default_zone() -> TimeZone {
        TimeZone::get("Asia/Jakarta").unwrap_or(TimeZone::UTC)
    }

    fn default_busy_timeout() -> Duration {
        Config::DEFAULT_BUSY_TIMEOUT
    }
}

/// A handle on the rows.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    /// Counts the starts of the program, as far as they took calls.
    run: i64,
    limits: Arc<Limits>,
    zone: TimeZone,
    /// Told of each job that this process queued or did, after its commit.
    jobs_changed: Arc<Notify>,
    /// Told of each short message that this process queued, after its commit.
    sms_changed: Arc<Notify>,
    /// Told of each menu that this process published, after its commit.
    menu_changed: Arc<Notify>,
}

impl Store {
    /// Opens the database, makes it when it is missing, brings its tables up to date and seeds an empty one.
    ///
    /// Several programs may open the same file (`serve`, `doctor`, `ticket show`); one at a time may take calls.
    pub async fn open(config: &Config) -> Result<Store, StoreError> {
        Store::on(Db::open(config).await?, config.limits, config.zone.clone()).await
    }

    /// The same for a database that must be there already: a command that only asks makes no empty one where a path
    /// was mistyped.
    pub async fn open_existing(config: &Config) -> Result<Store, StoreError> {
        match config.path.try_exists() {
            Ok(false) => Err(StoreError::Missing { path: config.path.clone() }),
            // What cannot be told now is told by opening it.
            Ok(true) | Err(_) => Store::open(config).await,
        }
    }

    /// An empty store that vanishes with its last handle.
    pub async fn in_memory() -> Result<Store, StoreError> {
        Store::on(Db::in_memory().await?, Limits::default(), Config::default_zone()).await
    }

    async fn on(db: Db, limits: Limits, zone: TimeZone) -> Result<Store, StoreError> {
        seed::load(&db, &zone).await?;
        search::catch_up(&db).await?;
        let run = on_read!(&db, pool, sqlx::query_scalar(sql::NEXT_RUN).fetch_one(pool).await?);
        Ok(Store {
            db,
            run,
            limits: Arc::new(limits),
            zone,
            jobs_changed: Arc::default(),
            sms_changed: Arc::default(),
            menu_changed: Arc::default(),
        })
    }

    /// Finishes what was asked for and closes the database. Later requests fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// Text from a stranger, fit for a row: without control characters, and not longer than `max` characters.
fn tidy(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

/// The same for something that somebody wrote: line breaks stay.
fn tidy_lines(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(max).collect()
}

/// The longest header value, number or step name that is kept, in characters.
const LINE: usize = 255;

/// The longest text of a report that is kept, in characters.
const TEXT: usize = 20_000;

/// A duration in a row. Longer than 292 million years is as long as that.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A count in a row.
fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
