//! Short messages through a hotline that is up: what is acknowledged is kept, what is answered is answered once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use kentongan::clock::{Clock, SystemClock};
use kentongan::sms::gateway::generic::sign;
use rand::RngExt as _;
use serde_json::json;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::caller::{COMPLAINT, dial, hears_code, kentongan, phone, to_the_tone};
use crate::carrier::{Carrier, Mood, SECRET};
use crate::hotline::{Hotline, get, slow};
use crate::kill::seeded;

const CITIZEN: &str = "081200000001";

async fn rows(hotline: &Hotline) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(hotline.database());
    SqlitePool::connect_with(options).await.unwrap()
}

async fn count(rows: &SqlitePool, what: &'static str) -> i64 {
    sqlx::query_scalar(what).fetch_one(rows).await.unwrap()
}

/// What the command prints, and whether it went well.
fn command(hotline: &Hotline, args: &[&str]) -> (bool, String) {
    let config = hotline.config();
    let mut all = vec!["--config", config.to_str().unwrap()];
    all.extend(args);
    let (output, text) = kentongan(&all, "");
    (output.status.success(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_and_a_question_are_answered() {
    let carrier = Carrier::start().await;
    let hotline = Hotline::start(&carrier.generic()).unwrap();
    let posted = carrier.post(&hotline, "1", CITIZEN, "LAPOR jalan rusak di Baamang").await;
    assert_eq!(posted, Some(200));
    let first = &carrier.until(1).await[0];
    assert_eq!(first.to, "+6281200000001");
    let code = &first.text.split("Kode ").nth(1).unwrap()[..9];
    assert_eq!(carrier.post(&hotline, "2", CITIZEN, &format!("cek {code}")).await, Some(200));
    let second = &carrier.until(2).await[1];
    assert!(second.text.starts_with(&format!("Laporan {code}: Diterima")), "{}", second.text);

    let (ok, shown) = command(&hotline, &["ticket", "show", code]);
    assert!(ok && shown.contains("jalan rusak di Baamang") && shown.contains("SMS  "), "{shown}");
    let (_, list) = command(&hotline, &["sms", "list", "--received"]);
    assert!(list.contains("laporan baru") && list.contains("cek kode"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_signed_rightly_is_not_taken() {
    let carrier = Carrier::start().await;
    let hotline = Hotline::start(&carrier.generic()).unwrap();
    let data = json!({ "id": "x", "from": CITIZEN, "text": "LAPOR palsu" });
    let body = json!({ "type": "sms.received", "data": data }).to_string();
    let now = SystemClock.now().0 / 1000;
    let by = |secret: &str, at: i64, body: &str| {
        sign(secret, "x", &at.to_string(), body.as_bytes()).unwrap()
    };
    let other = SECRET.replace('a', "b");
    for (at, signature, expected) in [
        (now, by(&other, now, &body), 401),
        (now, "v1,".into(), 401),
        (now - 301, by(SECRET, now - 301, &body), 401),
        (now + 301, by(SECRET, now + 301, &body), 401),
        (now, by(SECRET, now, "another body"), 401),
    ] {
        let posted =
            carrier.post_signed(&hotline, "x", &at.to_string(), &signature, body.clone()).await;
        assert_eq!(posted, Some(expected), "{at} {signature}");
    }
    let rubbish = "[1,".to_owned();
    let signature = by(SECRET, now, &rubbish);
    let posted = carrier.post_signed(&hotline, "x", &now.to_string(), &signature, rubbish).await;
    assert_eq!(posted, Some(400));
    let huge = " ".repeat(300 * 1024);
    let signature = by(SECRET, now, &huge);
    let posted = carrier.post_signed(&hotline, "x", &now.to_string(), &signature, huge).await;
    assert_eq!(posted, Some(413));
    assert_eq!(get(hotline.web_port, "/hooks/sms/lain").unwrap().0, 404);
    let rows = rows(&hotline).await;
    assert_eq!(count(&rows, "SELECT COUNT(*) FROM sms_in").await, 0);
    // Said once, without what was posted: whoever is outside cannot fill the log.
    let log = hotline.log();
    assert_eq!(log.matches("a post").count(), 1, "{log}");
    assert!(!log.contains("palsu") && !log.contains("8120000"), "{log}");
    let (_, metrics) = get(hotline.http_port, "/metrics").unwrap();
    assert!(
        metrics.contains("kentongan_sms_refused_total{gateway=\"uji\",reason=\"unverified\"} 5")
    );
}

/// What was acknowledged is one ticket and one answer, what was not is taken when it is posted again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_burst_loses_and_doubles_nothing() {
    let carrier = Arc::new(Carrier::start().await);
    let mut hotline = Hotline::start(&carrier.generic()).unwrap();
    let mut rng = seeded();
    let (kills, each) = if slow() { (8, 150) } else { (2, 60) };
    let mut acknowledged = BTreeSet::new();
    let message =
        |n: usize| (format!("m{n}"), format!("+62812000{n:05}"), format!("lubang nomor {n}"));
    for kill in 0..kills {
        let after = Duration::from_millis(rng.random_range(5..120));
        let numbers = kill * each..(kill + 1) * each;
        let posts = join_all(numbers.clone().map(|n| {
            let (carrier, hotline) = (carrier.clone(), &hotline);
            async move {
                let (id, from, text) = message(n);
                // Two at a time would be a queue; this is a burst.
                (n, carrier.post(hotline, &id, &from, &text).await)
            }
        }));
        let killer = async {
            tokio::time::sleep(after).await;
            rustix::process::kill_process(
                rustix::process::Pid::from_raw(hotline.pid() as i32).unwrap(),
                rustix::process::Signal::KILL,
            )
            .unwrap();
        };
        let (answers, ()) = tokio::join!(posts, killer);
        hotline.wait().unwrap();
        let taken: Vec<usize> =
            answers.iter().filter(|(_, status)| *status == Some(200)).map(|(n, _)| *n).collect();
        eprintln!("killed after {after:?}: {} of {each} acknowledged", taken.len());
        acknowledged.extend(taken);
        hotline.start_again().unwrap();
        let rows = rows(&hotline).await;
        let kept: Vec<String> =
            sqlx::query_scalar("SELECT external_id FROM sms_in").fetch_all(&rows).await.unwrap();
        let kept: BTreeSet<&str> = kept.iter().map(String::as_str).collect();
        assert!(acknowledged.iter().all(|n| kept.contains(message(*n).0.as_str())));
        // A gateway posts again what nobody acknowledged.
        for n in numbers.filter(|n| !acknowledged.contains(n)).collect::<Vec<_>>() {
            let (id, from, text) = message(n);
            assert_eq!(carrier.post(&hotline, &id, &from, &text).await, Some(200));
        }
        acknowledged.extend(kill * each..(kill + 1) * each);
    }
    assert!(!acknowledged.is_empty());
    let all = kills * each;
    let rows = rows(&hotline).await;
    let tickets = count(&rows, "SELECT COUNT(*) FROM ticket").await;
    let texts = count(&rows, "SELECT COUNT(DISTINCT body) FROM message").await;
    assert_eq!((tickets, texts), (all as i64, all as i64));
    // Each is answered: a gateway that knows our references has each once, however often it was tried.
    let answered = async {
        loop {
            let told: BTreeSet<String> =
                carrier.sent().iter().map(|sent| sent.reference.clone()).collect();
            if told.len() == all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(200), answered).await.expect("all are answered");
    let sent = carrier.sent();
    let numbers: BTreeSet<&str> = sent.iter().map(|sent| sent.to.as_str()).collect();
    eprintln!("{all} messages, {tickets} tickets, {} attempts to answer", sent.len());
    assert_eq!(numbers.len(), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_gateway_is_dead_everything_waits_and_is_seen() {
    let carrier = Carrier::start().await;
    carrier.mood(Mood::Busy);
    let mut hotline = Hotline::start(&carrier.generic()).unwrap();
    for n in 0..3 {
        let from = format!("+6281200000{n:03}");
        assert_eq!(carrier.post(&hotline, &format!("{n}"), &from, "INFO").await, Some(200));
    }
    carrier.until(1).await;
    let (_, doctor) = command(&hotline, &["doctor"]);
    assert!(doctor.contains("outbox: 3 waiting"), "{doctor}");
    let (_, list) = command(&hotline, &["sms", "list"]);
    assert_eq!(
        list.matches("menunggu").count() + list.matches("sedang dikirim").count(),
        3,
        "{list}"
    );
    // Over a restart too.
    assert!(hotline.stop().unwrap().success());
    carrier.mood(Mood::Takes);
    let tried = carrier.sent().len();
    hotline.start_again().unwrap();
    let sent = carrier.until(tried + 3).await;
    let to: BTreeSet<&str> = sent[tried..].iter().map(|sent| sent.to.as_str()).collect();
    assert_eq!((sent.len() - tried, to.len()), (3, 3), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_fate_nobody_knows_is_not_sent_again_unasked() {
    let carrier = Carrier::start().await;
    carrier.mood(Mood::Mute);
    let mut hotline = Hotline::start(&carrier.kannel()).unwrap();
    let (ok, said) =
        command(&hotline, &["sms", "send", "--now", CITIZEN, "Jalan", "sudah", "diperbaiki"]);
    assert!(ok && said.contains("1 SMS"), "{said}");
    let sent = carrier.until(1).await;
    assert_eq!(
        (sent[0].to.as_str(), sent[0].text.as_str()),
        ("+6281200000001", "Jalan sudah diperbaiki")
    );
    // The gateway has it, and the hotline dies before it hears so.
    hotline.kill().unwrap();
    carrier.mood(Mood::Takes);
    hotline.start_again().unwrap();
    hotline.logs("left in the middle", 1).await;
    let (_, stuck) = command(&hotline, &["sms", "list", "--stuck"]);
    assert!(stuck.contains("tidak pasti"), "{stuck}");
    assert_eq!(carrier.sent().len(), 1);
    let (ok, said) = command(&hotline, &["sms", "retry", "1"]);
    assert!(ok, "{said}");
    assert_eq!(carrier.until(2).await.len(), 2);
    let (ok, said) = command(&hotline, &["sms", "retry", "77"]);
    assert!(!ok && said.contains("is not there"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hotline_that_stops_lets_the_message_on_its_way_arrive() {
    let carrier = Carrier::start().await;
    carrier.mood(Mood::Mute);
    let mut hotline = Hotline::start(&carrier.kannel()).unwrap();
    command(&hotline, &["sms", "send", "--now", CITIZEN, "Terima kasih"]);
    carrier.until(1).await;
    hotline.signal(rustix::process::Signal::TERM);
    hotline.logs("stopping", 1).await;
    carrier.mood(Mood::Takes);
    assert!(hotline.wait().unwrap().success());
    let rows = rows(&hotline).await;
    let state: String =
        sqlx::query_scalar("SELECT state FROM sms_out").fetch_one(&rows).await.unwrap();
    assert_eq!(state, "accepted");
}

/// The code goes to a mobile number after the call, once, also when the hotline dies in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_from_a_mobile_number_gets_the_code_in_writing() {
    let carrier = Carrier::start().await;
    let extra =
        format!("{}[[sip.trunks]]\nname = 'uji'\nnetworks = ['127.0.0.0/8']\n", carrier.generic());
    let mut hotline = Hotline::start(&extra).unwrap();
    let phone = phone().await;
    let mut call = dial(&phone, &hotline).await;
    to_the_tone(&mut call).await;
    call.say(COMPLAINT.clone());
    call.said(Duration::from_secs(40)).await;
    call.press("##");
    let code = hears_code(&mut call).await;
    assert_eq!(carrier.sent(), [], "during the call nothing is sent");
    call.hang_up().await;
    let sent = &carrier.until(1).await[0];
    let spoken: String = sent.text.split("Anda ").nth(1).unwrap()[..9].replace('-', "");
    assert_eq!((sent.to.as_str(), spoken.as_str()), ("+6281200000000", code.as_str()));

    // What a crash leaves is told by the next start: as if the message had never been queued.
    hotline.kill().unwrap();
    let rows = rows(&hotline).await;
    sqlx::query("DELETE FROM sms_out").execute(&rows).await.unwrap();
    hotline.start_again().unwrap();
    assert_eq!(carrier.until(2).await.len(), 2);
    assert!(hotline.stop().unwrap().success());
    assert_eq!(count(&rows, "SELECT COUNT(*) FROM sms_out").await, 1);
}
