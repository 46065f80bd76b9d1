//! A full disk, a locked or damaged file and a caller who left are values, and harm nobody else.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{ConnectOptions as _, Connection as _};

use super::*;
use db::{Tx, on_tx};
use writer::Durability;

async fn pragma(store: &Store, statement: &'static str) {
    let done: Result<(), StoreError> = store
        .db
        .write(Durability::Process, move |tx| {
            Box::pin(async move {
                on_tx!(tx, conn, sqlx::query(statement).fetch_all(conn).await?);
                Ok(())
            })
        })
        .await;
    done.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let store = OnFile::new().await;
    let (call, recording) = call_with_story(&store).await;
    // The database may not grow any more.
    pragma(&store, "PRAGMA max_page_count = 1").await;
    let text = Some("x".repeat(20_000));
    let intake = Intake { text, ..intake(call, &[recording]) };
    let full = store.open_ticket(intake.clone(), NOW, &mut rng()).await;
    assert!(matches!(full, Err(OpenError::Store(StoreError::Full))), "{full:?}");
    assert_eq!(store.counts().await.unwrap().tickets, 0);

    pragma(&store, "PRAGMA max_page_count = 1000000").await;
    let ticket = store.open_ticket(intake, NOW, &mut rng()).await.unwrap();
    assert!(store.ticket(&ticket.code).await.unwrap().is_some());
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_locked_database_is_said_in_time_and_passes() {
    let file = OnFile::new().await;
    let store = Store::open(&Config { busy_timeout: Duration::from_millis(50), ..file.config() })
        .await
        .unwrap();
    let mut other = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file.config().path)
        .connect()
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let locked = store.begin_call(new_call()).await;
    assert!(matches!(locked, Err(StoreError::Locked)), "{locked:?}");
    assert_eq!(store.counts().await.unwrap().calls, 0, "readers do not wait");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    store.begin_call(new_call()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_tells_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no/such/folder/kentongan.db");
    let error = Store::open(&Config::at(&missing)).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("no/such/folder"), "{error}");

    let not_one = dir.path().join("letter.txt");
    std::fs::write(&not_one, "Yth. Bapak Bupati, jalan di desa kami rusak.".repeat(100)).unwrap();
    let error = Store::open(&Config::at(&not_one)).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

#[tokio::test]
async fn asking_makes_no_database() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::at(dir.path().join("mistyped.db"));
    let missing = Store::open_existing(&config).await.unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing:?}");
    assert!(!config.path.exists());
    Store::open(&config).await.unwrap().close().await;
    Store::open_existing(&config).await.unwrap();
}

#[tokio::test]
async fn nobody_else_may_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = OnFile::new().await;
    a_ticket(&file).await;
    let mut files = 0;
    for entry in std::fs::read_dir(file.dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{entry:?}");
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and the log's index");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let file = OnFile::new().await;
    pragma(
        &file,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    let error = Store::open(&file.config()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { version: 9999, .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_database_is_found_by_the_check() {
    let file = OnFile::new().await;
    pragma(&file, "PRAGMA foreign_keys = OFF").await;
    assert_eq!(file.check().await.unwrap(), Vec::<String>::new());
    let mut raw = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file.config().path)
        .foreign_keys(false)
        .connect()
        .await
        .unwrap();
    sqlx::query("INSERT INTO ticket_recording (recording, ticket) VALUES (1, 2)")
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
    assert_eq!(file.check().await.unwrap(), ["2 rows point to rows that do not exist"]);
}

#[tokio::test]
async fn the_readers_cannot_write() {
    let file = OnFile::new().await;
    let Db::Sqlite { readers, .. } = &file.db;
    let refused = sqlx::query("DELETE FROM agency").execute(readers).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}

#[tokio::test]
async fn one_failing_write_does_not_take_its_group_along() {
    on_each_store(async |store| {
        let runs = Arc::new(AtomicU32::new(0));
        // Both are queued before the writer runs (one thread), and so share a group.
        let counted = Arc::clone(&runs);
        let good = store.db.write(Durability::Process, move |_tx: &mut Tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok::<_, StoreError>(1) })
        });
        let insert = store.begin_call(new_call());
        let bad = store.end_call(CallId(999), call_end(NOW));
        let (good, call, bad) = tokio::join!(good, insert, bad);
        assert_eq!(good.unwrap(), 1);
        assert_eq!(runs.load(Ordering::SeqCst), 2, "once in the group, once alone");
        assert!(matches!(bad, Err(StoreError::NotOpen { .. })));
        assert!(store.call(call.unwrap()).await.unwrap().is_some());
        assert_eq!(store.counts().await.unwrap().calls, 1, "not written twice");
    })
    .await;
}

#[tokio::test]
async fn a_write_is_done_even_when_whoever_asked_is_gone() {
    on_each_store(async |store| {
        {
            let mut begin = std::pin::pin!(store.begin_call(new_call()));
            // Polled once: queued, not answered.
            assert!(poll_once(begin.as_mut()).await.is_none());
        }
        // The writer takes requests in order: when this one is answered, the first is done.
        store.begin_call(new_call()).await.unwrap();
        assert_eq!(store.counts().await.unwrap().calls, 2);
    })
    .await;
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(move |cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn closing_finishes_what_was_asked_for() {
    let file = OnFile::new().await;
    let mut begun = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = file.store.clone();
        begun.spawn(async move { store.begin_call(new_call()).await });
    }
    tokio::task::yield_now().await;
    file.close().await;
    let acknowledged = begun.join_all().await.into_iter().filter(Result::is_ok).count() as i64;
    assert!(matches!(file.begin_call(new_call()).await, Err(StoreError::Closed)));
    assert!(matches!(file.counts().await, Err(StoreError::Closed)));
    file.close().await;
    let again = file.again().await;
    assert_eq!(again.counts().await.unwrap().calls, acknowledged);
}
