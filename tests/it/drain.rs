//! SIGTERM with a call up.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use kentongan::sip::EndReason;
use rustix::process::Signal;

use crate::caller::{COMPLAINT, dial, hears_code, phone, to_the_tone};
use crate::hotline::{Hotline, get};
use crate::rows;
use crate::sip_peer::{OFFER, Peer};
use crate::supervisor::Supervisor;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_progress_may_finish_while_new_ones_are_sent_away() {
    let mut hotline = Hotline::start("calls.drain = 60\ncalls.retry_after = 17").unwrap();
    let phone = phone().await;
    let mut call = dial(&phone, &hotline).await;
    to_the_tone(&mut call).await;
    call.say(COMPLAINT.clone());
    hotline.signal(Signal::TERM);
    hotline.logs("stopping: no new calls", 1).await;
    let (status, why) = get(hotline.http_port, "/readyz").unwrap();
    assert_eq!((status, why.as_str()), (503, "stopping: no new calls are taken\n"));
    assert_eq!(get(hotline.http_port, "/healthz").unwrap().0, 200);
    let mut late = Peer::new(([127, 0, 0, 1], hotline.sip_port).into()).await;
    late.say("INVITE", "", OFFER).await;
    let refused = late.expect(503).await;
    let retry = refused.header("Retry-After").expect("a time to try again").parse::<u32>().unwrap();
    assert_eq!(retry, 17);

    call.wait(Duration::from_secs(3)).await;
    call.press("#");
    // Whoever waits has it sent.
    let code = hears_code(&mut call).await;
    assert_eq!(call.hang_up().await.ended, EndReason::LocalBye);
    assert!(hotline.wait().unwrap().success(), "{}", hotline.log());
    assert_eq!(rows::codes(&hotline).await, [code]);
    let calls = rows::calls(&hotline).await;
    assert_eq!(calls.len(), 1, "the late one left no row");
    assert_eq!((calls[0].end_reason.as_str(), calls[0].ended_by.as_str()), ("hung_up", "caller"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_outlasts_its_time_is_ended_and_its_words_kept() {
    let mut hotline = Hotline::start("calls.drain = 1").unwrap();
    let phone = phone().await;
    let mut call = dial(&phone, &hotline).await;
    to_the_tone(&mut call).await;
    call.say(COMPLAINT.clone());
    call.wait(Duration::from_secs(4)).await;
    hotline.signal(Signal::TERM);
    call.wait_for_end().await;
    assert_eq!(call.hang_up().await.ended, EndReason::RemoteBye);
    assert!(hotline.wait().unwrap().success(), "{}", hotline.log());
    let calls = rows::calls(&hotline).await;
    assert_eq!((calls[0].end_reason.as_str(), calls[0].ended_by.as_str()), ("shutdown", "hotline"));
    let kept = rows::recordings(&hotline).await;
    assert_eq!(kept.len(), 1, "in a ticket: {}", hotline.log());
    assert!(kept[0].duration_ms > 4000, "{} ms", kept[0].duration_ms);
    hound::WavReader::open(hotline.data.join(&kept[0].file)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_listens_holds_nothing_up() {
    let mut hotline = Hotline::start("").unwrap();
    let siti = Supervisor::of(&hotline).await;
    let mut page = BufReader::new(siti.get("/peristiwa"));
    let mut head = String::new();
    page.read_line(&mut head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    hotline.signal(Signal::TERM);
    assert!(hotline.wait().unwrap().success(), "{}", hotline.log());
    // Its end has been told as well, or the browser would wait for more.
    let mut rest = Vec::new();
    page.read_to_end(&mut rest).unwrap();
}
