//! Which database stands behind the store: the one place that names it.
//!
//! [`Db`] and [`Tx`] are enums of databases, and [`on_read!`] and [`on_tx!`] expand one statement once for each, so
//! that a second database is a second variant here and not a second copy of the logic elsewhere.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Sqlite, SqlitePool};
use tokio::sync::watch;

use super::writer::{BoxFuture, Durability, Writer};
use super::{Config, StoreError, sql};

/// The databases.
#[derive(Clone, Debug)]
pub(super) enum Db {
    /// One writer, since SQLite has one; readers do not wait for it (write-ahead log).
    Sqlite { writer: Writer, readers: SqlitePool },
}

/// A transaction in progress.
#[derive(Debug)]
pub(super) enum Tx {
    Sqlite(PoolConnection<Sqlite>),
}

/// Runs one query inside a transaction: `on_tx!(tx, conn, sqlx::query(sql::X).bind(a).execute(conn).await?)`.
macro_rules! on_tx {
    ($tx:expr, $conn:ident, $run:expr) => {
        match $tx {
            $crate::store::db::Tx::Sqlite(conn) => {
                let $conn = &mut **conn;
                $run
            }
        }
    };
}

/// Runs one query that only reads, outside any transaction.
macro_rules! on_read {
    ($db:expr, $pool:ident, $run:expr) => {{
        $crate::store::db::count_read();
        match $db {
            $crate::store::db::Db::Sqlite { readers: $pool, .. } => $run,
        }
    }};
}

/// For the metrics: what a page asks for shows there.
pub(super) fn count_read() {
    metrics::counter!("kentongan_store_reads_total").increment(1);
}

pub(super) use {on_read, on_tx};

const READERS: u32 = 4;

impl Db {
    /// Opens a database file, makes it when it is missing, and brings its tables up to date.
    pub(super) async fn open(config: &Config) -> Result<Db, StoreError> {
        let path = &config.path;
        let opening = |source| cannot_open(path, source);
        make_private(path).map_err(|error| opening(sqlx::Error::Io(error)))?;
        let options = options(SqliteConnectOptions::new(), config.busy_timeout).filename(path);
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = pool(1, config.busy_timeout).connect_with(writing).await.map_err(opening)?;
        migrate(&pool, path).await?;
        let reading = options.pragma("query_only", "1");
        let readers = pool_of_readers(config.busy_timeout, reading);
        Ok(Db::Sqlite { writer: Writer::start(pool), readers })
    }

    /// A database that is gone when the last handle is. It has one connection, for reading and writing.
    pub(super) async fn in_memory() -> Result<Db, StoreError> {
        let path = Path::new(":memory:");
        let busy = Config::DEFAULT_BUSY_TIMEOUT;
        let options = SqliteConnectOptions::from_str("sqlite::memory:")?;
        let pool = pool(1, busy).connect_with(self::options(options, busy)).await?;
        migrate(&pool, path).await?;
        Ok(Db::Sqlite { writer: Writer::start(pool.clone()), readers: pool })
    }

    /// Runs `work` inside a transaction, and answers when it is committed as `durability` says.
    ///
    /// `work` may be run more than once (see [`Writer`]), and so must give each run's future its own arguments.
    pub(super) async fn write<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match self {
            Db::Sqlite { writer, .. } => writer.write(durability, work).await,
        }
    }

    /// Counts up after each commit of this process.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Db::Sqlite { writer, .. } => writer.changes(),
        }
    }

    /// Finishes the writes that were asked for and closes the connections.
    pub(super) async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers } => {
                writer.close().await;
                readers.close().await;
            }
        }
    }

    /// What the database itself finds wrong with its file; nothing when it is sound.
    pub(super) async fn problems(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Db::Sqlite { readers, .. } => {
                let mut problems: Vec<String> =
                    sqlx::query_scalar(sql::INTEGRITY_CHECK).fetch_all(readers).await?;
                problems.retain(|line| line != "ok");
                let orphans = sqlx::query(sql::FOREIGN_KEY_CHECK).fetch_all(readers).await?.len();
                if orphans > 0 {
                    problems.push(format!("{orphans} rows point to rows that do not exist"));
                }
                Ok(problems)
            }
        }
    }
}

fn options(options: SqliteConnectOptions, busy_timeout: Duration) -> SqliteConnectOptions {
    options.foreign_keys(true).busy_timeout(busy_timeout).disable_statement_logging()
}

/// Connections that stay open: an in-memory database lives in its connection, and a file's is cheap to keep.
fn pool(size: u32, acquire_timeout: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn pool_of_readers(busy_timeout: Duration, options: SqliteConnectOptions) -> SqlitePool {
    pool(READERS, busy_timeout).connect_lazy_with(options)
}

/// Makes a missing file, for nobody else to read: it holds callers' numbers. The log beside it takes over the mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    // An existing file must not even be opened: closing it would drop the locks that this process holds on it.
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// A file that is no database is damaged: looking at its folder does not help.
fn cannot_open(path: &Path, error: sqlx::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Disk(source) | StoreError::Statement(source) => {
            StoreError::Open { path: path.into(), source }
        }
        other => other,
    }
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    sqlx::migrate!("migrations/sqlite").run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::Newer { path: path.into(), version },
        // Not a step that failed but the file: no database, locked, full.
        MigrateError::Execute(e) => cannot_open(path, e),
        other => StoreError::Migrate { path: path.into(), source: Arc::new(other) },
    })
}
