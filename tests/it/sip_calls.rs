//! A call from INVITE to BYE, and the ways in which it goes wrong.

use std::time::Duration;

use kentongan::sip::{AnswerError, DialogEvent, EndReason};

use crate::sip_peer::*;

#[tokio::test]
async fn a_call_rings_is_answered_and_ends_with_the_callers_bye() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let call = next_call(&mut calls).await;
    assert_eq!(call.called, "112");
    assert_eq!(call.offer.as_deref(), Some(OFFER));
    assert_eq!(call.peer, peer.local());
    assert_eq!(call.call_id, peer.call_id);
    call.ring();
    let ringing = peer.expect(180).await;
    let mut dialog = call.answer(ANSWER.to_owned()).unwrap();
    let ok = peer.expect(200).await;
    assert_eq!(ok.body(), ANSWER);
    assert_eq!(ok.header("Content-Type"), Some("application/sdp"));
    assert!(ok.header("Contact").unwrap().contains(&agent.local_addr().to_string()));
    assert!(ok.header("Allow").unwrap().contains("UPDATE"));
    assert_eq!(ringing.to_tag(), ok.to_tag());
    peer.say("ACK", "", "").await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { answer: None }));

    let bye = peer.say("BYE", "", "").await;
    peer.expect(200).await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::RemoteBye)));
    assert!(dialog.next().await.is_none());
    peer.send(&bye).await;
    peer.expect(200).await;
    assert_eq!(agent.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn hanging_up_sends_bye_with_the_reason() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    dialog.hang_up_because("selesai");
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::LocalBye)));
    let bye = peer.expect_request("BYE").await;
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16;text=\"selesai\""));
    assert_eq!(bye.header("CSeq"), Some("2 BYE"));
    peer.send(&bye.respond("200 OK", "", "")).await;
    assert_eq!(agent.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn dropping_the_dialog_hangs_up() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    drop(peer.establish(&mut calls).await);
    peer.expect_request("BYE").await;
}

#[tokio::test]
async fn an_invite_sent_again_makes_no_second_call() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let invite = peer.say("INVITE", "", OFFER).await;
    let call = next_call(&mut calls).await;
    peer.send(&invite).await;
    call.ring();
    peer.expect(180).await;
    let mut dialog = call.answer(ANSWER.to_owned()).unwrap();
    let first = peer.expect(200).await;
    peer.say("ACK", "", "").await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { .. }));
    // After the ACK the transaction is over; what it said last comes again, and no ghost of a call.
    peer.send(&invite).await;
    assert_eq!(peer.expect(200).await.to_tag(), first.to_tag());
    assert!(calls.try_recv().is_err());
    assert_eq!(agent.stats().dialogs, 1);
}

#[tokio::test]
async fn a_caller_who_cancels_gets_487_and_the_application_learns_it() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut call = next_call(&mut calls).await;
    call.ring();
    peer.expect(180).await;
    let tag = peer.to_tag.take();
    peer.say("CANCEL", "", "").await;
    let (first, second) = (peer.receive().await, peer.receive().await);
    let mut answers = [first.status(), second.status()];
    answers.sort_unstable();
    assert_eq!(answers, [Some(200), Some(487)]);
    // The same tag as before, for a caller who tells dialogs by it.
    assert!([&first, &second].iter().all(|answer| answer.to_tag() == tag.as_deref()));
    soon("the end", call.given_up()).await;
    assert_eq!(call.answer(ANSWER.to_owned()).unwrap_err(), AnswerError::Cancelled);
    peer.to_tag = tag;
    let ack = peer.request_as("ACK", peer.cseq, &peer.last_branch, "", "");
    peer.send(&ack).await;
    assert_eq!(agent.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn cancel_after_the_answer_changes_nothing() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    let ok = peer.expect(200).await;
    let tag = peer.to_tag.take();
    peer.say("CANCEL", "", "").await;
    let reply = loop {
        let message = peer.receive().await;
        if message.header("CSeq").unwrap().ends_with("CANCEL") {
            break message;
        }
        assert_eq!(message.0, ok.0);
    };
    assert_eq!(reply.status(), Some(200));
    peer.to_tag = tag;
    peer.say("ACK", "", "").await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { .. }));
}

#[tokio::test]
async fn two_hundred_callers_who_cancel_at_once_leave_nothing_behind() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let taker = tokio::spawn(async move {
        let mut answered = Vec::new();
        while let Some(call) = calls.recv().await {
            answered.extend(call.answer(ANSWER.to_owned()));
        }
        answered.len()
    });
    for n in 0..200 {
        peer.call_id = format!("race-{n}");
        peer.cseq = 0;
        peer.to_tag = None;
        peer.say("INVITE", "", OFFER).await;
        peer.say("CANCEL", "", "").await;
        loop {
            let message = peer.receive().await;
            let cseq = message.header("CSeq").unwrap_or_default().to_owned();
            if message.header("Call-ID") != Some(peer.call_id.as_str()) {
                continue;
            }
            match (message.status().unwrap_or_default(), cseq.as_str()) {
                (487, "1 INVITE") => {
                    peer.to_tag = message.to_tag().map(str::to_owned);
                    let ack = peer.request_as("ACK", 1, &peer.last_branch, "", "");
                    peer.send(&ack).await;
                    break;
                }
                (200, "1 INVITE") => {
                    peer.to_tag = message.to_tag().map(str::to_owned);
                    peer.say("ACK", "", "").await;
                    peer.say("BYE", "", "").await;
                    break;
                }
                (481, "1 CANCEL") => panic!("the CANCEL overtook its INVITE"),
                _ => {}
            }
        }
    }
    assert_eq!(agent.drain(1, LONG).await, 0);
    drop(agent);
    let answered = soon("the taker", taker).await.unwrap();
    assert!(answered <= 200);
}

#[tokio::test]
async fn without_an_ack_the_200_comes_again_and_then_bye() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    let mut answers = 0;
    let bye = loop {
        let message = peer.receive().await;
        match message.status() {
            Some(200) => answers += 1,
            Some(_) => {}
            None => break message,
        }
    };
    assert_eq!(bye.method(), "BYE");
    assert!(answers >= 5, "{answers} times 200");
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::NoAck)));
    assert_eq!(agent.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn a_hang_up_before_the_ack_waits_for_it() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
    dialog.hang_up();
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::LocalBye)));
    let again = peer.receive().await;
    assert_eq!(again.status(), Some(200), "no BYE before the ACK: {}", again.0);
    peer.say("ACK", "", "").await;
    peer.expect_request("BYE").await;
}

#[tokio::test]
async fn bye_before_the_ack_ends_the_call() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
    peer.say("BYE", "", "").await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::RemoteBye)));
}

#[tokio::test]
async fn bye_before_the_answer_gives_the_invite_its_487() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut call = next_call(&mut calls).await;
    call.ring();
    peer.expect(180).await;
    let branch = peer.last_branch.clone();
    peer.say("BYE", "", "").await;
    let mut answers = [peer.receive().await, peer.receive().await].map(|m| m.status());
    answers.sort_unstable();
    assert_eq!(answers, [Some(200), Some(487)]);
    soon("the end", call.given_up()).await;
    let ack = peer.request_as("ACK", 1, &branch, "", "");
    peer.send(&ack).await;
    assert_eq!(agent.drain(1, LONG).await, 0);
    soon("an empty table", async {
        while agent.stats().transactions > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn closing_the_agent_hangs_up_every_call() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    let closing = tokio::spawn(async move { agent.close(LONG).await });
    let bye = peer.expect_request("BYE").await;
    peer.send(&bye.respond("200 OK", "", "")).await;
    soon("the end", closing).await.unwrap();
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::LocalBye)));
    assert!(calls.recv().await.is_none());
}

#[tokio::test]
async fn when_all_is_over_nothing_is_kept() {
    let (agent, mut calls) = agent(config()).await;
    for _ in 0..20 {
        let mut peer = Peer::new(agent.local_addr()).await;
        let mut dialog = peer.establish(&mut calls).await;
        peer.say("BYE", "", "").await;
        peer.expect(200).await;
        assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(_)));
    }
    soon("an empty table", async {
        while agent.stats() != kentongan::sip::Stats::default() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
