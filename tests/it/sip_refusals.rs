//! Who and what is not let in.

use std::time::Duration;

use kentongan::sip::{Admission, Refusal};

use crate::sip_peer::*;

#[tokio::test]
async fn when_unavailable_calls_in_progress_go_on() {
    let (agent, mut calls) = agent(config()).await;
    let mut inside = Peer::new(agent.local_addr()).await;
    let _dialog = inside.establish(&mut calls).await;
    agent.set_admission(Admission::Unavailable { retry_after: 30 });
    let mut outside = Peer::new(agent.local_addr()).await;
    let invite = outside.say("INVITE", "", OFFER).await;
    let first = outside.expect(503).await;
    assert_eq!(first.header("Retry-After"), Some("30"));
    outside.send(&invite).await;
    let second = outside.expect(503).await;
    assert_eq!(first.to_tag(), second.to_tag());
    assert_eq!(agent.stats().dialogs, 1);
    assert_eq!(agent.stats().transactions, 0);
    inside.say("INFO", "Content-Type: application/dtmf\r\n", "5").await;
    inside.expect(200).await;
    inside.say("BYE", "", "").await;
    inside.expect(200).await;
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn when_unavailable_new_calls_and_probes_get_503() {
    let (agent, _calls) = agent(config()).await;
    agent.set_admission(Admission::Unavailable { retry_after: 7 });
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    assert_eq!(peer.expect(503).await.header("Retry-After"), Some("7"));
    peer.to_tag = None;
    peer.say("OPTIONS", "", "").await;
    peer.expect(503).await;
    agent.set_admission(Admission::Open);
    peer.to_tag = None;
    peer.say("OPTIONS", "", "").await;
    peer.expect(200).await;
}

#[tokio::test]
async fn a_call_that_was_let_in_keeps_its_retransmissions_when_the_door_closes() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let invite = peer.say("INVITE", "", OFFER).await;
    let call = next_call(&mut calls).await;
    agent.set_admission(Admission::Unavailable { retry_after: 30 });
    call.ring();
    peer.expect(180).await;
    peer.send(&invite).await;
    peer.expect(180).await;
    let _dialog = call.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
}

#[tokio::test]
async fn the_application_refuses_with_warning_and_retry_after() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let call = next_call(&mut calls).await;
    call.ring();
    let ringing = peer.expect(180).await;
    call.refuse(Refusal { retry_after: Some(9), ..Refusal::new(488, "no common codec") });
    let refused = peer.expect(488).await;
    assert_eq!(refused.header("Warning"), Some("399 kentongan \"no common codec\""));
    assert_eq!(refused.header("Retry-After"), Some("9"));
    assert_eq!(refused.to_tag(), ringing.to_tag());
    let ack = peer.request_as("ACK", 1, &peer.last_branch, "", "");
    peer.send(&ack).await;
    assert_eq!(agent.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn a_call_that_the_application_drops_gets_480() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    drop(next_call(&mut calls).await);
    peer.expect(480).await;
}

#[tokio::test]
async fn requests_for_a_dialog_that_is_not_there_get_481() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.to_tag = Some("never-was".to_owned());
    for method in ["BYE", "INFO", "UPDATE", "INVITE", "OPTIONS"] {
        peer.say(method, "", "").await;
        peer.expect(481).await;
    }
    peer.say("CANCEL", "", "").await;
    peer.expect(481).await;
}

#[tokio::test]
async fn methods_that_are_not_served_get_405_with_allow() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    for method in ["REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH"] {
        peer.to_tag = None;
        peer.say(method, "", "").await;
        let refused = peer.expect(405).await;
        assert_eq!(
            refused.header("Allow"),
            Some("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE")
        );
    }
}

#[tokio::test]
async fn a_body_that_is_no_description_gets_415() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "Content-Type: text/plain\r\n", "hello").await;
    assert_eq!(peer.expect(415).await.header("Accept"), Some("application/sdp"));
}

#[tokio::test]
async fn calls_beyond_what_the_application_takes_get_503() {
    let (agent, calls) = agent(config()).await;
    drop(calls);
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    assert!(peer.expect(503).await.header("Retry-After").is_some());
}

#[tokio::test]
async fn noise_is_met_with_silence_and_does_no_harm() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    for noise in ["", "\0\0\0", "hello\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "\r\n"] {
        peer.send(noise).await;
    }
    assert!(peer.hears_nothing(Duration::from_millis(100)).await);
    peer.say("OPTIONS", "", "").await;
    peer.expect(200).await;
}
