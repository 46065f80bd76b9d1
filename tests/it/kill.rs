//! `kill -9` in the middle of calls: nothing that was said is lost, nothing is there twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kentongan::media::recorder;
use kentongan::phone::{Met, Phone};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::task::JoinSet;

use crate::caller::{self, COMPLAINT, PATIENCE, hears, to_the_tone};
use crate::hotline::{Hotline, slow};

/// Speech that is worth a ticket.
const MIN_SPEECH: Duration = Duration::from_secs(2);

/// From the beginning of a call to where its code has been read out.
const WHOLE_CALL: Duration = Duration::from_secs(24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_survives_two_kills() {
    let moments = [3.0..8.0, 15.0..21.0];
    kill_at(moments.to_vec(), 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_survives_many_kills() {
    if slow() {
        kill_at(vec![0.5..WHOLE_CALL.as_secs_f64(); 20], 5).await;
    }
}

/// Kills a hotline once in each of `moments`, in seconds after `callers` began to call, and looks at what is left.
async fn kill_at(moments: Vec<std::ops::Range<f64>>, callers: usize) {
    let mut rng = seeded();
    let mut hotline = Hotline::start("").unwrap();
    let given = Arc::new(Mutex::new(Vec::new()));
    let phone = Arc::new(caller::phone().await);
    let (mut kills, mut held) = (0, 0);
    for moment in moments {
        let after = Duration::from_secs_f64(rng.random_range(moment));
        let mut calls = JoinSet::new();
        for _ in 0..callers {
            let speaks = Duration::from_millis(rng.random_range(2500..9000));
            calls.spawn(call(phone.clone(), hotline.uri(), speaks, given.clone()));
        }
        // The moment is the test: nothing is waited for.
        tokio::time::sleep(after).await;
        hotline.kill().unwrap();
        calls.abort_all();
        while let Some(ended) = calls.join_next().await {
            let broken = ended.is_err_and(|error| error.is_panic());
            assert!(!broken, "a caller heard something else than expected");
        }
        let spoken = speech(&hotline.data);
        kills += 1;
        held += spoken.values().filter(|speech| **speech >= MIN_SPEECH).count();
        eprintln!("kill {kills} after {after:.1?}: {} recordings so far", spoken.len());
        hotline.start_again().unwrap();
        let codes = given.lock().unwrap().clone();
        all_is_there(&hotline, &spoken, &codes).await;
    }
    let codes = given.lock().unwrap().len();
    eprintln!("{kills} kills, {held} times a recording with a story in it, {codes} codes heard");
    assert!(held > 0, "nobody had spoken: the moments prove nothing");
    let before = everything(&hotline).await;
    hotline.kill().unwrap();
    hotline.start_again().unwrap();
    assert_eq!(everything(&hotline).await, before, "another start changes nothing");
    assert!(hotline.stop().unwrap().success());
}

/// A seed of its own each time, told so that a failure can be had again: `KENTONGAN_SEED=...`.
pub fn seeded() -> StdRng {
    let seed = std::env::var("KENTONGAN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    eprintln!("KENTONGAN_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// One caller: a complaint of this length, sent; then the code.
async fn call(phone: Arc<Phone>, uri: String, speaks: Duration, given: Arc<Mutex<Vec<String>>>) {
    let mut call = phone.dial(&uri, Some(&caller::PROMPTS), None).await.unwrap();
    call.wait(Duration::from_millis(300)).await;
    to_the_tone(&mut call).await;
    call.say(COMPLAINT.clone());
    call.wait(speaks).await;
    call.press("#");
    hears(&mut call, "periksa/pilihan").await;
    call.press("#");
    if call.until(PATIENCE, |heard| caller::code(heard).is_some()).await == Met::Yes {
        given.lock().unwrap().extend(caller::code(call.heard()));
    }
    call.wait(PATIENCE).await;
}

/// Every recording as the kill left it, and how much speech the disk has of it.
fn speech(data: &Path) -> BTreeMap<String, Duration> {
    let scratch = tempfile::tempdir().unwrap();
    let copy = scratch.path().join("copy.wav");
    let mut speech = BTreeMap::new();
    for path in wavs(&data.join("recordings")) {
        std::fs::copy(&path, &copy).unwrap();
        let held = recorder::repair(&copy).map_or(Duration::ZERO, |whole| whole.speech);
        speech.insert(path.strip_prefix(data).unwrap().to_str().unwrap().to_owned(), held);
    }
    speech
}

fn wavs(folder: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
    inside
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => wavs(&path),
            path if path.extension().is_some_and(|e| e == "wav") => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// What must hold as soon as a restarted hotline says that it is ready.
async fn all_is_there(hotline: &Hotline, spoken: &BTreeMap<String, Duration>, given: &[String]) {
    let pool = open(hotline).await;
    for (none, what) in [
        ("SELECT COUNT(*) FROM call WHERE ended IS NULL", "calls without an end"),
        ("SELECT COUNT(*) FROM recording WHERE ended IS NULL", "recordings without an end"),
        (
            "SELECT COUNT(*) FROM recording r WHERE state = 'kept' AND NOT replaced
             AND (SELECT COUNT(*) FROM ticket_recording t WHERE t.recording = r.id) <> 1",
            "kept recordings that are not in exactly one ticket",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT call FROM ticket GROUP BY call HAVING COUNT(*) > 1)",
            "calls with two tickets",
        ),
        (
            "SELECT COUNT(*) FROM ticket_recording t WHERE NOT EXISTS
             (SELECT 1 FROM job WHERE kind = 'transcribe' AND subject = t.recording)",
            "recordings that nobody will write down",
        ),
    ] {
        assert_eq!(count(&pool, none).await, 0, "{what}");
    }
    for (file, speech) in spoken {
        if *speech < MIN_SPEECH {
            continue;
        }
        let wav = hound::WavReader::open(hotline.data.join(file)).unwrap();
        let samples = wav.into_samples::<i16>().map(Result::unwrap).count();
        assert!(samples as f64 / 8000.0 >= speech.as_secs_f64(), "{file}: {samples} samples");
        let tickets: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM recording r JOIN ticket_recording t ON t.recording = r.id
             WHERE r.file = $1",
        )
        .bind(file)
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(tickets, 1, "tickets of {file}, which holds {speech:?} of speech");
    }
    for code in given {
        let tickets: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM ticket WHERE code = $1")
            .bind(code)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(tickets, 1, "tickets with a code that was read out");
    }
    let sound: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&pool).await.unwrap();
    assert_eq!(sound, "ok");
}

/// Every row, and every recording's bytes.
async fn everything(hotline: &Hotline) -> Vec<String> {
    let pool = open(hotline).await;
    let mut all = Vec::new();
    for table in [
        "call",
        "call_step",
        "recording",
        "ticket",
        "ticket_recording",
        "ticket_event",
        "message",
        "job",
    ] {
        let columns: String = sqlx::query_scalar(
            "SELECT group_concat('quote(' || name || ')', '||'' ''||') FROM pragma_table_info($1)",
        )
        .bind(table)
        .fetch_one(&pool)
        .await
        .unwrap();
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT '{table} ' || {columns} FROM {table} ORDER BY 1"
        )))
        .fetch_all(&pool)
        .await
        .unwrap();
        all.extend(rows);
    }
    let mut files = wavs(&hotline.data.join("recordings"));
    files.sort();
    all.extend(files.iter().map(|path| format!("{} {:?}", path.display(), std::fs::read(path))));
    all
}

async fn count(pool: &SqlitePool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

async fn open(hotline: &Hotline) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(hotline.database());
    SqlitePool::connect_with(options).await.unwrap()
}
