//! A disk that takes no recordings: the caller is told, nothing else suffers.

use std::process::Command;
use std::time::Duration;

use kentongan::phone::Met;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::caller::{
    COMPLAINT, PATIENCE, dial, hears, hears_code, is_sent_off_with, kentongan, phone, to_the_tone,
};
use crate::hotline::{Hotline, get};
use crate::rows;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_words_cannot_be_kept_is_told_and_others_go_on() {
    let mut hotline = Hotline::start("").unwrap();
    let recordings = hotline.data.join("recordings");
    std::fs::remove_dir_all(&recordings).unwrap();
    std::fs::write(&recordings, "this is no folder").unwrap();
    let phone = phone().await;
    let mut asking = dial(&phone, &hotline).await;
    let mut reporting = dial(&phone, &hotline).await;

    // There is no tone to wait for: the keys that are not needed do nothing.
    for _ in 0..4 {
        reporting.press("1");
        reporting.wait(Duration::from_secs(2)).await;
    }
    is_sent_off_with(reporting, "akhir/rekaman_gagal").await;

    asking.press("2");
    hears(&mut asking, "cek/masukkan_kode").await;
    asking.press("00000000");
    hears(&mut asking, "cek/tidak_ditemukan").await;
    asking.hang_up().await;

    let (status, faults) = get(hotline.http_port, "/readyz").unwrap();
    assert_eq!(status, 503);
    assert!(faults.contains("recordings cannot be written"), "{faults}");
    let (_, metrics) = get(hotline.http_port, "/metrics").unwrap();
    assert!(metrics.contains("kentongan_recording_failures_total 1"), "{metrics}");
    let (told, text) =
        kentongan(&["--config".as_ref(), hotline.config().as_os_str(), "doctor".as_ref()], "");
    assert_eq!(told.status.code(), Some(1));
    assert!(text.contains("ERROR    disk") && text.contains("/data/recordings"), "{text}");

    std::fs::remove_file(&recordings).unwrap();
    assert_eq!(get(hotline.http_port, "/readyz").unwrap(), (200, "ready\n".into()));
    assert!(hotline.stop().unwrap().success());
    assert!(hotline.log().contains("cannot record"), "{}", hotline.log());
    let ends: Vec<String> =
        rows::calls(&hotline).await.into_iter().map(|call| call.end_reason).collect();
    assert_eq!(ends, ["hung_up", "service_failed"]);
}

/// Without another recording: a line at night may wait hours for one.
async fn becomes_ready(hotline: &Hotline) {
    let asking = async {
        while get(hotline.http_port, "/readyz").unwrap().0 != 200 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the disk has room again");
    assert!(hotline.log().contains("recordings can be written again"), "{}", hotline.log());
}

/// Room for twelve seconds of speech, and for the rows of a ticket in the database's log.
const ROOM: u64 = 192 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_the_disk_was_full_is_a_ticket_at_once() {
    let mut hotline = Hotline::start("").unwrap();
    let phone = phone().await;
    let mut call = dial(&phone, &hotline).await;
    to_the_tone(&mut call).await;
    empty_the_databases_log(&hotline).await;
    no_file_grows_over(&hotline, Some(ROOM));
    call.say(COMPLAINT.clone());
    hears(&mut call, "kode/terpotong").await;
    let code = hears_code(&mut call).await;
    assert_eq!(rows::codes(&hotline).await, [&*code], "it was written before it was said");
    let config = hotline.config();
    let config = config.to_str().unwrap();
    let (_, told) = kentongan(&["--config", config, "ticket", "show", &code], "");
    assert!(told.contains("Jenis      Pengaduan tidak berkadar pengawasan (telepon)"), "{told}");
    assert!(told.contains("  dibuka  Diterima"), "{told}");
    is_sent_off_with(call, "akhir/hubungi_lagi").await;
    assert_eq!(get(hotline.http_port, "/readyz").unwrap().0, 503);

    no_file_grows_over(&hotline, None);
    becomes_ready(&hotline).await;
    assert!(hotline.stop().unwrap().success());
    assert!(hotline.log().contains("the recording cannot be written: check the disk"));
    assert_eq!(rows::calls(&hotline).await[0].end_reason, "service_failed");
    assert_keeps_most_of(&hotline, Duration::from_secs(7)).await;
    hotline.start_again().unwrap();
    assert_eq!(rows::codes(&hotline).await.len(), 1, "no second ticket of it");

    // The next caller is not told of it any more.
    let mut call = dial(&phone, &hotline).await;
    to_the_tone(&mut call).await;
    call.say(COMPLAINT.clone());
    assert_eq!(call.wait(Duration::from_secs(5)).await, Met::TimeOut);
    call.hang_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_either_nothing_is_promised_and_all_is_kept() {
    let mut hotline = Hotline::start("").unwrap();
    let phone = phone().await;
    let mut call = dial(&phone, &hotline).await;
    to_the_tone(&mut call).await;
    // What the database did since its start has filled its log over the limit already.
    let log = std::fs::metadata(hotline.database().with_extension("sqlite3-wal")).unwrap().len();
    assert!(log > ROOM, "{log} bytes");
    no_file_grows_over(&hotline, Some(ROOM));
    call.say(COMPLAINT.clone());
    let met = call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "akhir/rekaman_gagal"));
    assert_eq!(met.await, Met::Yes);
    let hearing = call.hang_up().await;
    assert!(!hearing.heard.iter().any(|h| h.id.starts_with("kode/")), "{:?}", hearing.heard);

    no_file_grows_over(&hotline, None);
    hotline.kill().unwrap();
    assert!(rows::codes(&hotline).await.is_empty());
    hotline.start_again().unwrap();
    assert_eq!(rows::codes(&hotline).await.len(), 1);
    assert_keeps_most_of(&hotline, Duration::from_secs(7)).await;
}

/// The one recording, in its ticket, is whole and as long as the disk let it be.
async fn assert_keeps_most_of(hotline: &Hotline, said: Duration) {
    let kept = rows::recordings(hotline).await;
    assert_eq!(kept.len(), 1, "in a ticket");
    let wav = hound::WavReader::open(hotline.data.join(&kept[0].file)).unwrap();
    let length = Duration::from_secs(wav.duration().into()) / 8000;
    assert!(length > said, "{length:?}");
    assert_eq!(kept[0].duration_ms, length.as_millis() as i64);
}

#[tokio::test]
async fn a_file_size_limit_from_the_start_is_told_and_survived() {
    let mut limited = Command::new("sh");
    // 512-byte blocks: less than the database needs.
    limited.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_kentongan")]);
    let error = Hotline::start_by(limited, "").err().expect("there is no room").to_string();
    assert!(error.contains("exit status: 1") && error.contains("database"), "{error}");
}

/// Then it grows from nothing, and stays under the limit.
async fn empty_the_databases_log(hotline: &Hotline) {
    let options = SqliteConnectOptions::new().filename(hotline.database());
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let (busy, ..): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&pool).await.unwrap();
    assert_eq!(busy, 0);
    pool.close().await;
}

/// A full disk for one process (EFBIG).
fn no_file_grows_over(hotline: &Hotline, bytes: Option<u64>) {
    let pid = Pid::from_raw(hotline.pid() as i32);
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
