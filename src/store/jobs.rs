//! Work for later: leased by one worker at a time, tried again after a while, given up with a reason.
//!
//! An attempt is counted when it begins, so that a job which kills the program ends too. What a worker writes goes
//! through only while its lease is its own: work that was done twice is stored once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::db::{Tx, on_read, on_tx};
use super::writer::Durability;
use super::{LINE, Store, StoreError, mends, sql, tidy};
use crate::clock::Timestamp;
use crate::ticket::{RecordingId, TicketCode};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum JobKind {
    /// Write down what a recording says; the subject is a [`crate::ticket::RecordingId`].
    Transcribe,
}

/// A lease of a job.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Job {
    pub id: i64,
    pub kind: JobKind,
    /// The row that it is about.
    pub subject: i64,
    /// Which attempt this is, from 1 to [`ATTEMPTS`].
    pub attempts: i64,
    /// Who holds the lease.
    pub worker: String,
}

/// What becomes of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before this. After the last attempt it is given up all the same.
    At(Timestamp),
    /// Trying again would change nothing.
    Never,
}

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Failure {
    pub subject: i64,
    pub reason: String,
    pub at: Timestamp,
    /// The ticket that waits for it.
    pub code: Option<TicketCode>,
}

/// Why a worker's word on a job was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JobError {
    /// The lease ran out and another worker has the job, or it is done.
    #[error("the lease of job {0} was lost")]
    Lost(i64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> JobError {
        JobError::Store(error.into())
    }
}

/// How often a job is tried.
pub const ATTEMPTS: i64 = 5;

/// Said of a job whose worker never came back, [`ATTEMPTS`] times.
const KILLED: &str = "the program stopped in the middle of it, five times; listen to the recording instead, and check the memory and the model";

/// How long to wait after attempt number `attempts` failed.
pub fn back_off(attempts: i64) -> Duration {
    let seconds = match attempts {
        ..=1 => 30,
        2 => 2 * 60,
        3 => 10 * 60,
        4.. => 60 * 60,
    };
    Duration::from_secs(seconds)
}

impl Store {
    /// Takes the next job that is due, for `lease`; `None` when there is none. A job whose worker let its lease run
    /// out is due again, or is given up after [`ATTEMPTS`].
    pub async fn lease_job(
        &self,
        kind: JobKind,
        worker: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Job>, StoreError> {
        let worker: Arc<str> = tidy(worker, LINE).into();
        self.db
            .write(Durability::Process, move |tx| {
                Box::pin(take(tx, kind, Arc::clone(&worker), now, lease))
            })
            .await
    }

    /// Keeps a job until `until`.
    pub async fn extend_lease(&self, job: &Job, until: Timestamp) -> Result<(), JobError> {
        let job = Arc::new(job.clone());
        self.db
            .write(Durability::Process, move |tx| Box::pin(extend(tx, Arc::clone(&job), until)))
            .await
    }

    /// Sets down that an attempt failed, and why.
    pub async fn fail_job(
        &self,
        job: &Job,
        reason: &str,
        now: Timestamp,
        retry: Retry,
    ) -> Result<(), JobError> {
        let about = Arc::new((job.clone(), tidy(reason, LINE)));
        self.db
            .write(Durability::Process, move |tx| {
                Box::pin(fail(tx, Arc::clone(&about), now, retry))
            })
            .await
    }

    /// Gives a job back unfinished, as if it had not been tried: the program is being stopped.
    pub async fn release_job(&self, job: &Job) -> Result<(), JobError> {
        let job = Arc::new(job.clone());
        self.db
            .write(Durability::Process, move |tx| Box::pin(release(tx, Arc::clone(&job))))
            .await?;
        self.jobs_changed.notify_waiters();
        Ok(())
    }

    /// How many jobs could be leased now.
    pub async fn jobs_due(&self, kind: JobKind, now: Timestamp) -> Result<i64, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::JOBS_DUE).bind(kind).bind(now).fetch_one(pool).await?
        ))
    }

    /// The job that was given up last.
    pub async fn newest_failure(&self, kind: JobKind) -> Result<Option<Failure>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::NEWEST_FAILURE).bind(kind).fetch_optional(pool).await?
        ))
    }

    /// Wakes everybody who waits when this process has queued a job or done one. What another process did is found by
    /// looking.
    pub fn jobs_changed(&self) -> &Notify {
        &self.jobs_changed
    }
}

async fn take(
    tx: &mut Tx,
    kind: JobKind,
    worker: Arc<str>,
    now: Timestamp,
    lease: Duration,
) -> Result<Option<Job>, StoreError> {
    let given_up: Vec<i64> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::GIVE_UP_JOBS)
            .bind(kind)
            .bind(now)
            .bind(ATTEMPTS)
            .bind(KILLED)
            .fetch_all(conn)
            .await?
    );
    for subject in given_up {
        weigh(tx, kind, subject).await?;
    }
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::LEASE_JOB)
            .bind(kind)
            .bind(now)
            .bind(&*worker)
            .bind(now + lease)
            .fetch_optional(conn)
            .await?
    ))
}

async fn extend(tx: &mut Tx, job: Arc<Job>, until: Timestamp) -> Result<(), JobError> {
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::EXTEND_LEASE)
            .bind(job.id)
            .bind(&job.worker)
            .bind(job.attempts)
            .bind(until)
            .execute(conn)
            .await?
            .rows_affected()
    );
    held(done, &job)
}

/// Ends a job inside the transaction that stores what came of it.
pub(super) async fn finish(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<(), JobError> {
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::FINISH_JOB)
            .bind(job.id)
            .bind(&job.worker)
            .bind(job.attempts)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected()
    );
    held(done, job)
}

async fn fail(
    tx: &mut Tx,
    about: Arc<(Job, String)>,
    now: Timestamp,
    retry: Retry,
) -> Result<(), JobError> {
    let (job, reason) = &*about;
    let (statement, at) = match retry {
        Retry::At(due) if job.attempts < ATTEMPTS => (sql::RETRY_JOB, due),
        Retry::At(_) | Retry::Never => (sql::FAIL_JOB, now),
    };
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(statement)
            .bind(job.id)
            .bind(&job.worker)
            .bind(job.attempts)
            .bind(reason)
            .bind(at)
            .execute(conn)
            .await?
            .rows_affected()
    );
    held(done, job)?;
    Ok(weigh(tx, job.kind, job.subject).await?)
}

/// Whoever waits for a job that was given up is told to do without.
async fn weigh(tx: &mut Tx, kind: JobKind, subject: i64) -> Result<(), sqlx::Error> {
    match kind {
        JobKind::Transcribe => mends::weigh(tx, RecordingId(subject)).await,
    }
}

async fn release(tx: &mut Tx, job: Arc<Job>) -> Result<(), JobError> {
    let done = on_tx!(
        tx,
        conn,
        sqlx::query(sql::RELEASE_JOB)
            .bind(job.id)
            .bind(&job.worker)
            .bind(job.attempts)
            .execute(conn)
            .await?
            .rows_affected()
    );
    held(done, &job)
}

fn held(rows: u64, job: &Job) -> Result<(), JobError> {
    if rows == 0 { Err(JobError::Lost(job.id)) } else { Ok(()) }
}
