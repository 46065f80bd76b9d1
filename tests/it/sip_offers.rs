//! Offers and answers within a call, and the other requests that a call may hold.

use kentongan::sip::{DialogEvent, EndReason, Refusal, Reoffer};

use crate::sip_peer::*;

async fn reoffered(dialog: &mut kentongan::sip::Dialog) -> Reoffer {
    match next_event(dialog).await {
        DialogEvent::Reoffered(reoffer) => reoffer,
        other => panic!("expected an offer, got {other:?}"),
    }
}

#[tokio::test]
async fn hold_by_reinvite_is_answered_by_the_application() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    peer.say("INVITE", "", HOLD).await;
    let reoffer = reoffered(&mut dialog).await;
    assert_eq!(reoffer.offer(), Some(HOLD));
    reoffer.accept(HELD.to_owned());
    let ok = peer.expect(200).await;
    assert_eq!(ok.body(), HELD);
    peer.say("ACK", "", "").await;
    peer.say("BYE", "", "").await;
    peer.expect(200).await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::RemoteBye)));
}

#[tokio::test]
async fn a_refused_offer_leaves_the_call_as_it_was() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    peer.say("UPDATE", "", HOLD).await;
    reoffered(&mut dialog).await.refuse(Refusal::new(488, "no common codec"));
    let refused = peer.expect(488).await;
    assert_eq!(refused.header("Warning"), Some("399 kentongan \"no common codec\""));
    peer.say("UPDATE", "", HOLD).await;
    drop(reoffered(&mut dialog).await);
    peer.expect(488).await;
    peer.say("UPDATE", "", HOLD).await;
    reoffered(&mut dialog).await.accept(HELD.to_owned());
    assert_eq!(peer.expect(200).await.body(), HELD);
}

#[tokio::test]
async fn a_reinvite_without_offer_gets_ours_and_its_ack_the_answer() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    peer.say("INVITE", "", "").await;
    let reoffer = reoffered(&mut dialog).await;
    assert_eq!(reoffer.offer(), None);
    reoffer.accept(HELD.to_owned());
    assert_eq!(peer.expect(200).await.body(), HELD);
    peer.say("ACK", "", HOLD).await;
    let DialogEvent::Confirmed { answer } = next_event(&mut dialog).await else { panic!() };
    assert_eq!(answer.as_deref(), Some(HOLD));
}

#[tokio::test]
async fn refreshes_that_change_nothing_do_not_bother_the_application() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    peer.say("UPDATE", "", "").await;
    assert_eq!(peer.expect(200).await.body(), "");
    peer.say("INVITE", "", OFFER).await;
    assert_eq!(peer.expect(200).await.body(), ANSWER);
    peer.say("ACK", "", "").await;
    peer.say("BYE", "", "").await;
    peer.expect(200).await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Ended(EndReason::RemoteBye)));
}

#[tokio::test]
async fn with_a_delayed_offer_the_answer_comes_in_the_ack() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", "").await;
    let call = next_call(&mut calls).await;
    assert_eq!(call.offer, None);
    let mut dialog = call.answer(OFFER.to_owned()).unwrap();
    assert_eq!(peer.expect(200).await.body(), OFFER);
    peer.say("ACK", "", ANSWER).await;
    let DialogEvent::Confirmed { answer } = next_event(&mut dialog).await else { panic!() };
    assert_eq!(answer.as_deref(), Some(ANSWER));
}

#[tokio::test]
async fn the_description_beside_an_isup_part_is_the_offer() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let body = format!(
        "--b1\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--b1\r\n\
         Content-Type: application/isup\r\n\r\n\u{1}\r\n--b1--\r\n"
    );
    peer.say("INVITE", "Content-Type: multipart/mixed;boundary=b1\r\n", &body).await;
    assert_eq!(next_call(&mut calls).await.offer.as_deref(), Some(OFFER));
}

#[tokio::test]
async fn a_second_offer_before_the_answer_to_the_first_gets_500() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    peer.say("UPDATE", "", HOLD).await;
    let first = reoffered(&mut dialog).await;
    peer.say("UPDATE", "", ANSWER).await;
    assert!(peer.expect(500).await.header("Retry-After").is_some());
    first.accept(HELD.to_owned());
    peer.expect(200).await;
}

#[tokio::test]
async fn an_offer_before_the_ack_waits_for_it() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
    let ack = peer.request("ACK", "", "");
    peer.say("UPDATE", "", HOLD).await;
    peer.send(&ack).await;
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { .. }));
    reoffered(&mut dialog).await.accept(HELD.to_owned());
    let answer = loop {
        let message = peer.receive().await;
        if message.header("CSeq") == Some("2 UPDATE") {
            break message;
        }
    };
    assert_eq!(answer.status(), Some(200));
}

#[tokio::test]
async fn info_is_answered_and_told_in_order() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut dialog = peer.establish(&mut calls).await;
    for digit in "4821".chars() {
        let body = format!("Signal={digit}\r\nDuration=160\r\n");
        peer.say("INFO", "Content-Type: application/dtmf-relay\r\n", &body).await;
    }
    let mut heard = String::new();
    for _ in 0..4 {
        let DialogEvent::Info { content_type, body } = next_event(&mut dialog).await else {
            panic!()
        };
        assert_eq!(content_type, "application/dtmf-relay");
        heard.push(body[7] as char);
        peer.expect(200).await;
    }
    assert_eq!(heard, "4821");
}

#[tokio::test]
async fn options_tells_what_we_can_do_within_a_call_and_without() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("OPTIONS", "", "").await;
    let outside = peer.expect(200).await;
    peer.to_tag = None;
    let _dialog = peer.establish(&mut calls).await;
    peer.say("OPTIONS", "", "").await;
    let inside = peer.expect(200).await;
    for answer in [outside, inside] {
        assert_eq!(answer.header("Accept"), Some("application/sdp"));
        assert_eq!(answer.header("Supported"), Some("timer"));
        assert!(answer.header("Allow").unwrap().contains("INFO"));
    }
}

#[tokio::test]
async fn requests_out_of_order_and_of_no_use_are_refused() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let _dialog = peer.establish(&mut calls).await;
    peer.cseq = 10;
    peer.say("OPTIONS", "", "").await;
    peer.expect(200).await;
    let old = peer.request_as("OPTIONS", 5, "z9hG4bK-old", "", "");
    peer.send(&old).await;
    peer.expect(500).await;
    peer.say("REFER", "Refer-To: <sip:x@example.net>\r\n", "").await;
    assert!(peer.expect(405).await.header("Allow").is_some());
    peer.say("PRACK", "RAck: 1 1 INVITE\r\n", "").await;
    peer.expect(405).await;
}
