use std::path::PathBuf;
use std::sync::Arc;

use sqlx::migrate::MigrateError;

/// Why the store could not do what was asked.
///
/// Cloneable, since one failed commit fails every write that shared it. None of its texts holds a caller's data.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is missing and cannot be made, or is no database.
    #[error("cannot open the database {}: check that its folder exists and may be written: {source}", path.display())]
    Open { path: PathBuf, source: Arc<sqlx::Error> },
    /// There is no such file, and none was to be made.
    #[error("there is no database {}: check the path, or start the hotline once", path.display())]
    Missing { path: PathBuf },
    /// The file is from a later version of this program.
    #[error("the database {} was written by a newer kentongan (migration {version}): install that one", path.display())]
    Newer { path: PathBuf, version: i64 },
    /// Bringing the tables up to date failed; nothing was changed.
    #[error("cannot bring the database {} up to date: {source}", path.display())]
    Migrate { path: PathBuf, source: Arc<MigrateError> },
    /// The seed data that is built in is not valid: a fault of the program.
    #[error("the built-in list of agencies cannot be read: {0}")]
    Seed(String),
    /// Nothing can be written until space is made.
    #[error("the disk with the database is full")]
    Full,
    /// Another program holds the database, or everybody waits for a slow disk.
    #[error("the database is locked by another program")]
    Locked,
    /// The file can be opened but not read or written.
    #[error("the database cannot be read or written: {0}")]
    Disk(Arc<sqlx::Error>),
    /// The file's contents do not make sense any more.
    #[error("the database is damaged; restore a backup: {0}")]
    Damaged(Arc<sqlx::Error>),
    /// The call, recording or ticket does not exist, or has ended already.
    #[error("{what} {id} does not exist or has ended")]
    NotOpen { what: &'static str, id: i64 },
    /// [`Store::close`](super::Store::close) was called, or the program is ending.
    #[error("the store is closed")]
    Closed,
    /// A statement failed: a fault of the program.
    #[error("the database refused a statement: {0}")]
    Statement(Arc<sqlx::Error>),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        // SQLite's primary result code is the low byte of the extended one (https://sqlite.org/rescode.html).
        let code = match &error {
            sqlx::Error::Database(e) => {
                e.code().and_then(|c| c.parse::<u32>().ok()).map(|c| c & 0xff)
            }
            _ => None,
        };
        match (&error, code) {
            (_, Some(13)) => StoreError::Full,
            (_, Some(5 | 6)) | (sqlx::Error::PoolTimedOut, _) => StoreError::Locked,
            (_, Some(11 | 26)) => StoreError::Damaged(Arc::new(error)),
            (_, Some(3 | 8 | 10 | 14 | 23)) | (sqlx::Error::Io(_), _) => {
                StoreError::Disk(Arc::new(error))
            }
            (sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed, _) => StoreError::Closed,
            _ => StoreError::Statement(Arc::new(error)),
        }
    }
}

/// Why no ticket was opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Every code that was drawn is taken: the codes are nearly used up, or the generator is broken.
    #[error("no unused ticket code was found in {tried} draws")]
    NoFreeCode { tried: usize },
    /// The recording is not in the store, or is another call's.
    #[error("recording {} is not a recording of this call", .0.0)]
    UnknownRecording(crate::ticket::RecordingId),
    /// The PIN could not be made into what is kept of it.
    #[error("the PIN could not be hashed")]
    NoLock,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> OpenError {
        OpenError::Store(error.into())
    }
}
