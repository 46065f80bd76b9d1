//! Group commit: writes that are asked for at the same time share one transaction.
//!
//! SQLite has one writer, and what a commit costs is the trip to the disk, not the rows. So one task owns the writing
//! connection, takes all that has queued up, runs it in one `BEGIN IMMEDIATE` … `COMMIT`, and only then answers. While
//! the disk works, the next group gathers; the busier it is, the larger the groups.
//!
//! When one write of a group fails, the group is rolled back and each of its writes runs again alone, so that nobody
//! fails with another. For that a write must be safe to run again, which it is when it does nothing but statements.

use std::future::Future;
use std::pin::Pin;

use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot, watch};

use super::db::{Tx, on_tx};
use super::{StoreError, sql};

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an answered write survives. The higher one of a group holds for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Durability {
    /// The end of this program, `kill -9` included. A power cut may take the last seconds; never a part of a write.
    Process,
    /// A power cut too: the commit waits for the disk.
    PowerCut,
}

/// The handle on the task that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    changes: watch::Receiver<u64>,
}

enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

/// Writes in one transaction at most.
const GROUP: usize = 256;

/// Writes that may wait; beyond this, callers wait to be let in.
const QUEUE: usize = 1024;

impl Writer {
    /// Starts the task. It ends when the last handle is dropped or [`Writer::close`] is called.
    pub(super) fn start(pool: SqlitePool) -> Writer {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (committed, changes) = watch::channel(0);
        tokio::spawn(run(pool, queue, committed));
        Writer { queue: sender, changes }
    }

    /// Counts up after each group from now on, committed or not.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        changes
    }

    /// Queues a write and waits until it is committed or has failed. Once queued it runs even if nobody waits for it.
    pub(super) async fn write<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { durability, work, outcome: None, reply };
        if self.queue.send(Message::Write(Box::new(pending))).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Lets the queue run empty, closes the connection and ends the task.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the task has ended already, which is what was wanted.
            let _ = closed.await;
        }
    }
}

/// A [`Pending`] of whatever type.
trait Queued: Send {
    fn durability(&self) -> Durability;
    /// Runs the statements and keeps the outcome; `false` when it is an error.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Answers with the outcome, or with why it could not be committed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<T, E, F> {
    durability: Durability,
    work: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Queued for Pending<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        let work = (self.work)(tx);
        let outcome = &mut self.outcome;
        Box::pin(async move { outcome.insert(work.await).is_ok() })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Closed.into()),
            (Err(error), _) => Err(error.into()),
        };
        // Whoever asked may have gone (a call task that was dropped): the row is written all the same.
        let _ = self.reply.send(answer);
    }
}

async fn run(pool: SqlitePool, mut queue: mpsc::Receiver<Message>, committed: watch::Sender<u64>) {
    let mut messages = Vec::with_capacity(GROUP);
    let mut waiting_for_close = Vec::new();
    let mut synchronous = Durability::Process;
    while queue.recv_many(&mut messages, GROUP).await > 0 {
        let mut group = Vec::with_capacity(messages.len());
        for message in messages.drain(..) {
            match message {
                Message::Write(write) => group.push(write),
                Message::Close(done) => {
                    queue.close();
                    waiting_for_close.push(done);
                }
            }
        }
        commit(&pool, group, &mut synchronous).await;
        committed.send_modify(|groups| *groups += 1);
    }
    pool.close().await;
    for done in waiting_for_close {
        let _ = done.send(());
    }
}

/// Commits a group together, or, if one of it fails, each alone.
async fn commit(pool: &SqlitePool, mut group: Vec<Box<dyn Queued>>, synchronous: &mut Durability) {
    let attempt = attempt(pool, &mut group, synchronous).await;
    if let Ok(Attempt::OneFailed) = attempt
        && group.len() > 1
    {
        for mut write in group {
            let alone = self::attempt(pool, std::slice::from_mut(&mut write), synchronous).await;
            write.answer(alone.map(drop));
        }
        return;
    }
    let committed = attempt.map(drop);
    for write in group {
        write.answer(committed.clone());
    }
}

enum Attempt {
    Committed,
    /// A write failed by itself; nothing of the group was written.
    OneFailed,
}

/// Runs writes in one transaction. An error is the transaction's own: it could not begin or commit.
async fn attempt(
    pool: &SqlitePool,
    group: &mut [Box<dyn Queued>],
    synchronous: &mut Durability,
) -> Result<Attempt, StoreError> {
    let Some(durability) = group.iter().map(|write| write.durability()).max() else {
        return Ok(Attempt::Committed);
    };
    let mut tx = Tx::Sqlite(pool.acquire().await?);
    if durability != *synchronous {
        let pragma = match durability {
            Durability::Process => sql::SYNCHRONOUS_NORMAL,
            Durability::PowerCut => sql::SYNCHRONOUS_FULL,
        };
        execute(&mut tx, pragma).await?;
        *synchronous = durability;
    }
    execute(&mut tx, sql::BEGIN).await?;
    for write in group {
        if !write.run(&mut tx).await {
            roll_back(tx, synchronous).await;
            return Ok(Attempt::OneFailed);
        }
    }
    match execute(&mut tx, sql::COMMIT).await {
        Ok(()) => Ok(Attempt::Committed),
        Err(error) => {
            roll_back(tx, synchronous).await;
            Err(error.into())
        }
    }
}

async fn execute(tx: &mut Tx, statement: &'static str) -> Result<(), sqlx::Error> {
    on_tx!(tx, conn, sqlx::query(statement).execute(conn).await.map(drop))
}

async fn roll_back(mut tx: Tx, synchronous: &mut Durability) {
    // After some errors (a full disk) SQLite has rolled back by itself, and says so by a plain error (code 1).
    match execute(&mut tx, sql::ROLLBACK).await {
        Ok(()) => {}
        Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some("1") => {}
        Err(error) => {
            tracing::error!(%error, "the database cannot roll back; its connection is made anew");
            let Tx::Sqlite(conn) = tx;
            // It is being thrown away because it does not work; that it does not close well is no news.
            let _ = conn.close().await;
            *synchronous = Durability::Process;
        }
    }
}
