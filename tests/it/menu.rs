//! A menu that is published at the console of a hotline that is up.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use kentongan::clock::{Clock as _, SystemClock};
use kentongan::store::{Config, Doer, NewSession, NewStaff, Password, Stage, Store};
use kentongan::ticket::Role;
use sha2::{Digest as _, Sha256};

use crate::caller::{PATIENCE, dial, is_sent_off_with, kentongan, phone};
use crate::hotline::Hotline;

const SHIPPED: &str = include_str!("../../ivr-scripts/hotline.toml");
const TAKEN: &str = "script and prompts read again";
/// What the supervisor's browser holds.
const TOKEN: &str = "sesi";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Signs a supervisor in, beside the hotline.
async fn supervisor(hotline: &Hotline) {
    let store = Store::open(&Config::at(hotline.database())).await.unwrap();
    let doer = Doer { login: "cli".into(), address: String::new() };
    let now = SystemClock.now();
    let new = NewStaff {
        login: "siti".into(),
        name: "Siti Aminah".into(),
        role: Role::Supervisor,
        agency: None,
        password: Password { hash: "x".into(), must_change: false },
    };
    let staff = store.add_staff(new, doer.clone(), now).await.unwrap();
    let session = NewSession {
        token: hex(&Sha256::digest(TOKEN.as_bytes())),
        replaces: None,
        staff,
        doer,
        stage: Stage::Full,
        secret: None,
        browser: String::new(),
        ends: now + Duration::from_secs(3600),
    };
    store.begin_session(session, now).await.unwrap();
    store.close().await;
}

/// What the console answers to a form of the supervisor's.
fn post(hotline: &Hotline, path: &str, fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    let (form, port) = (pairs.join("&"), hotline.web_port);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nConnection: close\r\n\
         Cookie: kentongan={TOKEN}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn publish(hotline: &Hotline, text: &str, base: &str) -> String {
    let fields = [("nonce", base), ("dasar", base), ("catatan", "salam baru"), ("naskah", text)];
    post(hotline, "/menu-suara/terbit", &fields)
}

fn says_goodbye_with(prompt: &str) -> String {
    SHIPPED.replacen("prompts = [\"akhir/selesai\"]", &format!("prompts = [\"{prompt}\"]"), 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_menu_is_for_the_next_call_and_a_broken_one_for_none() {
    let hotline = Hotline::start("").unwrap();
    supervisor(&hotline).await;
    let phone = phone().await;
    let mut old = dial(&phone, &hotline).await;

    // By browsers, lines end in both.
    let text = says_goodbye_with("akhir/terima_kasih").replace('\n', "\r\n");
    let answer = publish(&hotline, &text, "1");
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
    let answer = publish(&hotline, &broken, "2");
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
