//! A menu that is published at the console of a hotline that is up.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::caller::{PATIENCE, dial, is_sent_off_with, kentongan, phone};
use crate::hotline::Hotline;
use crate::supervisor::Supervisor;

const SHIPPED: &str = include_str!("../../ivr-scripts/hotline.toml");
const TAKEN: &str = "script and prompts read again";

fn publish(siti: &Supervisor, text: &str, base: &str) -> String {
    let fields = [("nonce", base), ("dasar", base), ("catatan", "salam baru"), ("naskah", text)];
    siti.submit("/menu-suara/terbit", &fields)
}

fn says_goodbye_with(prompt: &str) -> String {
    SHIPPED.replacen("prompts = [\"akhir/selesai\"]", &format!("prompts = [\"{prompt}\"]"), 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_menu_is_for_the_next_call_and_a_broken_one_for_none() {
    let hotline = Hotline::start("").unwrap();
    let siti = Supervisor::of(&hotline).await;
    let phone = phone().await;
    let mut old = dial(&phone, &hotline).await;

    // By browsers, lines end in both.
    let text = says_goodbye_with("akhir/terima_kasih").replace('\n', "\r\n");
    let answer = publish(&siti, &text, "1");
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("pesan=terbit"), "{answer}");
    hotline.logs(TAKEN, 1).await;
    let mut new = dial(&phone, &hotline).await;
    for call in [&mut old, &mut new] {
        call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "salam/direkam")).await;
        call.press("9");
    }
    tokio::join!(
        is_sent_off_with(old, "akhir/selesai"),
        is_sent_off_with(new, "akhir/terima_kasih")
    );

    let broken = says_goodbye_with("akhir/tidak_ada");
    let answer = publish(&siti, &broken, "2");
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains("tidak ada prompt `akhir/tidak_ada`"), "{answer}");
    let config = hotline.config();
    let (told, checked) = kentongan(&["--config", config.to_str().unwrap(), "script", "check"], "");
    assert!(told.status.success() && checked.contains("menu version 2: "), "{checked}");
    let (_, doctor) = kentongan(&["--config", config.to_str().unwrap(), "doctor"], "");
    assert!(doctor.contains("version 2 by siti answers calls, not the file"), "{doctor}");

    // Another process publishes; this one asks.
    let args = ["--config", config.to_str().unwrap(), "script", "publish"];
    let (told, published) = kentongan(&args, "");
    assert!(told.status.success() && published.contains("version 3"), "{published}");
    hotline.logs(TAKEN, 2).await;
    let mut call = dial(&phone, &hotline).await;
    call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "salam/direkam")).await;
    call.press("9");
    is_sent_off_with(call, "akhir/selesai").await;
}

/// As an update of the program finds it whose checker knows more than the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_menu_that_would_be_refused_today_answers_rather_than_nobody() {
    let mut hotline = Hotline::start("").unwrap();
    assert!(hotline.stop().unwrap().success());
    let silent = "[step.periksa]\nkind = \"confirm\"\nprompts = [\"periksa/pilihan\"]";
    let old = says_goodbye_with("akhir/terima_kasih");
    assert!(old.contains(silent));
    let old = old.replacen(silent, "[step.periksa]\nkind = \"confirm\"\nprompts = []", 1);
    let pool =
        SqlitePool::connect_with(SqliteConnectOptions::new().filename(hotline.database())).await;
    let pool = pool.unwrap();
    let row = "INSERT INTO menu_version (text, state, origin, author, at, note) \
               VALUES (?, 'published', 'console', 'siti', 0, '')";
    sqlx::query(row).bind(&old).execute(&pool).await.unwrap();
    pool.close().await;

    hotline.start_again().unwrap();
    assert!(hotline.log().contains("the menu that answers would be refused today"));
    assert!(hotline.log().contains("step `periksa`: `prompts` says nothing"), "{}", hotline.log());
    let phone = phone().await;
    let mut call = dial(&phone, &hotline).await;
    call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "salam/direkam")).await;
    call.press("9");
    is_sent_off_with(call, "akhir/terima_kasih").await;
}
