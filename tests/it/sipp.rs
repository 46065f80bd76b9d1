//! Debian's SIPp against the running hotline: one scenario of tests/sip each, then a look at the rows.
//!
//! With `KENTONGAN_SLOW=1` only: each starts a hotline of its own, and some callers take their time.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::hotline::{Hotline, free_port, free_ports, slow};
use crate::rows::{self, Call};

/// Lets SIPp play a scenario; its complaints are the panic's words.
fn play(hotline: &Hotline, scenario: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sip/{scenario}.xml"));
    // It binds ports for RTCP and for video beside that of its audio.
    let (own, media) = (free_port().unwrap(), free_ports(4).unwrap());
    let status = Command::new("sipp")
        .arg(format!("127.0.0.1:{}", hotline.sip_port))
        .arg("-sf")
        .arg(file)
        .args(["-i", "127.0.0.1", "-p", &own.to_string(), "-mp", &media.to_string()])
        .args(["-m", "1", "-nostdin", "-timeout", "60", "-timeout_error"])
        .args(["-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("sipp is installed: run deploy/setup test");
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    assert!(
        status.success(),
        "{scenario}: sipp ended with {status}\n{}\n{}\n{}",
        read("errors"),
        read("messages"),
        hotline.log()
    );
}

/// Plays a scenario on a hotline of its own; the call's row, and the key path, once all is written.
async fn one_call(scenario: &str) -> Option<Call> {
    if !slow() {
        return None;
    }
    let mut hotline = Hotline::start("").unwrap();
    play(&hotline, scenario);
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());
    let calls = rows::calls(&hotline).await;
    assert_eq!(calls.len(), 1, "one call, one row: {calls:?}\n{}", hotline.log());
    calls.into_iter().next()
}

#[tokio::test]
async fn a_key_sent_as_an_rfc_4733_event_chooses_from_the_menu() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: SIPp needs root to play captures");
    }
    let Some(call) = one_call("keys_rfc4733").await else { return };
    assert!(call.did("menu_utama", "key 1") && call.entered("lapor"), "{call:?}");
    assert_eq!((call.end_reason.as_str(), call.ended_by.as_str()), ("hung_up", "caller"));
}

#[tokio::test]
async fn a_key_sent_by_info_chooses_from_the_menu() {
    let Some(call) = one_call("keys_info").await else { return };
    assert!(call.did("menu_utama", "key 1") && call.entered("lapor"), "{call:?}");
}

#[tokio::test]
async fn a_cancelled_call_ends_with_a_row_whichever_message_was_first() {
    let Some(call) = one_call("cancel").await else { return };
    assert!(["cancelled", "hung_up"].contains(&call.end_reason.as_str()), "{call:?}");
}

#[tokio::test]
async fn hold_is_answered_with_recvonly_and_the_call_goes_on() {
    let Some(call) = one_call("hold").await else { return };
    assert_eq!(call.end_reason, "hung_up", "{call:?}");
}

#[tokio::test]
async fn hold_by_the_address_of_old_exchanges_is_understood() {
    let Some(call) = one_call("hold_old").await else { return };
    assert_eq!(call.end_reason, "hung_up", "{call:?}");
}

#[tokio::test]
async fn a_delayed_offer_gets_audio() {
    let Some(call) = one_call("delayed_offer").await else { return };
    assert!(call.packets_sent > 50, "{call:?}");
    assert!(call.entered("sambutan"), "{call:?}");
}

#[tokio::test]
async fn a_call_without_ack_is_ended_and_its_row_says_so() {
    let Some(call) = one_call("no_ack").await else { return };
    assert_eq!(call.end_reason, "no_ack", "{call:?}");
}

#[tokio::test]
async fn a_bodyless_reinvite_gets_our_offer() {
    let Some(call) = one_call("bodyless_reinvite").await else { return };
    assert_eq!(call.end_reason, "hung_up", "{call:?}");
}

#[tokio::test]
async fn an_update_refreshes_the_session() {
    let Some(call) = one_call("update").await else { return };
    assert_eq!(call.end_reason, "hung_up", "{call:?}");
}

#[tokio::test]
async fn options_are_answered_and_make_no_call() {
    if !slow() {
        return;
    }
    let mut hotline = Hotline::start("").unwrap();
    play(&hotline, "options");
    assert!(hotline.stop().unwrap().success());
    assert!(rows::calls(&hotline).await.is_empty());
}
