//! Session timers (RFC 4028) on the wire. The waiting ones take a minute, so only with `KENTONGAN_SLOW=1`.

use std::time::Duration;

use tokio::time::Instant;

use kentongan::sip::{Config, Dial, Dialog, DialogEvent, EndReason, InboundCall, UserAgent};

use crate::sip_peer::*;

type Agent = (UserAgent, tokio::sync::mpsc::Receiver<InboundCall>);

/// Calls with these header fields, and gives the 200.
async fn call(peer: &mut Peer, config: Config, headers: &str) -> (Message, Dialog, Agent) {
    let (agent, mut calls) = agent(config).await;
    peer.meet(agent.local_addr());
    peer.say("INVITE", headers, OFFER).await;
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    let ok = peer.expect(200).await;
    peer.say("ACK", "", "").await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { .. }));
    (ok, dialog, (agent, calls))
}

#[tokio::test]
async fn the_200_says_who_refreshes_and_how_often() {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let asked = "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n";
    let (ok, ..) = call(&mut peer, config(), asked).await;
    assert_eq!(ok.header("Session-Expires"), Some("600;refresher=uas"));
    assert_eq!(ok.header("Require"), Some("timer"));

    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let (ok, ..) = call(&mut peer, config(), "").await;
    assert_eq!(ok.header("Session-Expires"), None);

    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let off = Config { session_expires: 0, ..config() };
    let (ok, ..) = call(&mut peer, off, asked).await;
    assert_eq!(ok.header("Session-Expires"), None);
}

#[tokio::test]
async fn an_interval_that_is_too_short_gets_422_with_min_se() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "Supported: timer\r\nSession-Expires: 60\r\n", OFFER).await;
    assert_eq!(peer.expect(422).await.header("Min-SE"), Some("90"));
    assert!(calls.try_recv().is_err());
    peer.to_tag = None;
    let _dialog = peer.establish(&mut calls).await;
    peer.say("UPDATE", "Supported: timer\r\nSession-Expires: 60\r\n", "").await;
    assert_eq!(peer.expect(422).await.header("Min-SE"), Some("90"));
    peer.say("UPDATE", "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n", "").await;
    assert_eq!(peer.expect(200).await.header("Session-Expires"), Some("90;refresher=uac"));
}

#[tokio::test]
async fn a_caller_whose_interval_is_too_short_tries_again_with_theirs() {
    let patient = Config { session_expires: 7200, min_session_expires: 3600, ..config() };
    let (called, mut calls) = agent(patient).await;
    let (caller, _none) = agent(config()).await;
    let dial = Dial {
        to: format!("sip:112@{}", called.local_addr()),
        offer: OFFER.to_owned(),
        ..Dial::default()
    };
    let answering = async { next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap() };
    let (outcome, _inbound) = tokio::join!(caller.dial(dial), answering);
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn slow() -> bool {
    let slow = std::env::var_os("KENTONGAN_SLOW").is_some();
    if !slow {
        eprintln!("skipped: set KENTONGAN_SLOW=1");
    }
    slow
}

async fn wait_for(peer: &Peer, method: &str) -> (Message, Duration) {
    let start = Instant::now();
    let message = tokio::time::timeout(Duration::from_secs(100), async {
        loop {
            if let Ok(message) = peer.try_receive().await
                && message.method() == method
            {
                break message;
            }
        }
    });
    (message.await.expect("a request"), start.elapsed())
}

async fn end_of(dialog: &mut Dialog) -> EndReason {
    match next_event(dialog).await {
        DialogEvent::Ended(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// We refresh by UPDATE half-way; a peer that has lost the call ends it.
async fn refreshed_by_update() {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let asked =
        "Supported: timer\r\nAllow: INVITE, UPDATE\r\nSession-Expires: 90;refresher=uas\r\n";
    let (_, mut dialog, _agent) = call(&mut peer, config(), asked).await;
    let (update, after) = wait_for(&peer, "UPDATE").await;
    assert!((44..47).contains(&after.as_secs()), "{after:?}");
    assert_eq!(update.header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(update.body(), "");
    peer.send(&update.respond("481 Call Does Not Exist", "", "")).await;
    assert_eq!(end_of(&mut dialog).await, EndReason::SessionExpired);
}

/// A peer without UPDATE gets a re-INVITE with what holds; its 200 starts the interval anew.
async fn refreshed_by_reinvite() {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let asked = "Supported: timer\r\nAllow: INVITE, BYE\r\nSession-Expires: 90;refresher=uas\r\n";
    let (_, mut dialog, _agent) = call(&mut peer, config(), asked).await;
    let (invite, after) = wait_for(&peer, "INVITE").await;
    assert!((44..47).contains(&after.as_secs()), "{after:?}");
    assert_eq!(invite.body(), ANSWER);
    // Both want to change the session at once.
    peer.say("INVITE", "", HOLD).await;
    peer.expect(491).await;
    peer.say("ACK", "", "").await;
    let contact = format!("Contact: <sip:{}>\r\n", peer.local());
    let granted = "Require: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let headers = format!("{contact}{granted}Content-Type: application/sdp\r\n");
    peer.send(&invite.respond("200 OK", &headers, HOLD)).await;
    let DialogEvent::Confirmed { answer } = next_event(&mut dialog).await else { panic!() };
    assert_eq!(answer.as_deref(), Some(HOLD));
    let (_, after) = wait_for(&peer, "INVITE").await;
    assert!((44..47).contains(&after.as_secs()), "{after:?}");
}

/// A peer that was to refresh and does not is hung up on before the interval ends.
async fn never_refreshed() {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let asked = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let (_, mut dialog, _agent) = call(&mut peer, config(), asked).await;
    let (bye, after) = wait_for(&peer, "BYE").await;
    assert!((59..62).contains(&after.as_secs()), "{after:?}");
    assert!(bye.header("Reason").unwrap().contains("session timer"));
    assert_eq!(end_of(&mut dialog).await, EndReason::SessionExpired);
}

#[tokio::test]
async fn sessions_are_refreshed_or_end() {
    if slow() {
        tokio::join!(refreshed_by_update(), refreshed_by_reinvite(), never_refreshed());
    }
}
