//! Calls that we place, to ourselves and to a phone that misbehaves.

use std::time::Duration;

use kentongan::sip::{Config, Dial, DialError, DialogEvent, EndReason, Refusal, UserAgent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::sip_peer::*;

fn to(address: impl std::fmt::Display, parameters: &str) -> Dial {
    Dial {
        to: format!("sip:112@{address}{parameters}"),
        from: "sip:tester@kentongan.test".to_owned(),
        offer: OFFER.to_owned(),
        headers: vec![("X-Test".to_owned(), "yes\r\nX-Evil: no".to_owned())],
        ..Dial::default()
    }
}

/// Dials from one agent to another and hangs up from either end.
async fn talk(parameters: &str, caller_hangs_up: bool) {
    let (called, mut calls) = agent(config()).await;
    let (caller, _none) = agent(config()).await;
    let address = called.local_addr();
    let answering = async {
        let call = next_call(&mut calls).await;
        assert_eq!(call.offer.as_deref(), Some(OFFER));
        call.ring();
        call.answer(ANSWER.to_owned()).unwrap()
    };
    let (outbound, mut inbound) = tokio::join!(caller.dial(to(address, parameters)), answering);
    let (mut outbound, answer) = outbound.unwrap();
    assert_eq!(answer, ANSWER);
    assert!(matches!(next_event(&mut inbound).await, DialogEvent::Confirmed { .. }));
    let (near, far) =
        if caller_hangs_up { (&mut outbound, &mut inbound) } else { (&mut inbound, &mut outbound) };
    let connections = (called.stats().connections, caller.stats().connections);
    near.hang_up();
    assert!(matches!(next_event(near).await, DialogEvent::Ended(EndReason::LocalBye)));
    assert!(matches!(next_event(far).await, DialogEvent::Ended(EndReason::RemoteBye)));
    assert_eq!((called.stats().connections, caller.stats().connections), connections);
    assert_eq!(called.drain(1, LONG).await, 0);
    assert_eq!(caller.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn two_agents_talk_over_udp() {
    talk("", true).await;
    talk("", false).await;
}

#[tokio::test]
async fn two_agents_talk_over_tcp() {
    talk(";transport=tcp", true).await;
    talk(";transport=tcp", false).await;
}

#[tokio::test]
async fn a_large_invite_goes_over_tcp() {
    let (called, mut calls) = agent(config()).await;
    let (caller, _none) = agent(config()).await;
    let offer = format!("{OFFER}a=x-padding:{}\r\n", "x".repeat(12_000));
    let dial = Dial { offer: offer.clone(), ..to(called.local_addr(), ";transport=tcp") };
    let answering = async { next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap() };
    let (outbound, _inbound) = tokio::join!(caller.dial(dial), answering);
    assert!(outbound.is_ok());
}

#[tokio::test]
async fn a_refusal_comes_back_as_a_value() {
    let (called, mut calls) = agent(config()).await;
    let (caller, _none) = agent(config()).await;
    let refusing = async { next_call(&mut calls).await.refuse(Refusal::new(486, "busy")) };
    let (outcome, ()) = tokio::join!(caller.dial(to(called.local_addr(), "")), refusing);
    let Err(DialError::Refused { status, reason }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((status, reason.as_str()), (486, "Busy Here"));
    assert_eq!(caller.stats().dialogs, 0);
}

#[tokio::test]
async fn nobody_there_is_told_after_the_transactions_time() {
    let (caller, _none) = agent(config()).await;
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let outcome = caller.dial(to(silent.local_addr().unwrap(), "")).await;
    assert!(matches!(outcome, Err(DialError::NoResponse)), "{outcome:?}");
}

#[tokio::test]
async fn a_tcp_port_where_nobody_listens_is_told() {
    let (caller, _none) = agent(config()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = caller.dial(to(free, ";transport=tcp")).await;
    assert!(matches!(outcome, Err(DialError::NoResponse)), "{outcome:?}");
}

/// A request that the stack would not answer, over a connection that the agent opened.
async fn is_screened(stream: &mut TcpStream, peer: &mut Peer) {
    let unknown = peer.request("DANCE", "", "").replace("/UDP", "/TCP");
    assert_eq!(said(stream, &unknown).await.status(), Some(501));
}

async fn said(stream: &mut TcpStream, text: &str) -> Message {
    stream.write_all(text.as_bytes()).await.unwrap();
    heard(stream).await
}

async fn heard(stream: &mut TcpStream) -> Message {
    let mut buffer = vec![0; 65536];
    let length = soon("a message", stream.read(&mut buffer)).await.unwrap();
    Message(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

#[tokio::test]
async fn connections_that_we_open_pass_the_edge_also_after_one_was_lost() {
    let (caller, _none) = agent(config()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut peer = Peer::new(caller.local_addr()).await;
    let answering = async {
        let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
        let invite = heard(&mut stream).await;
        assert_eq!(invite.method(), "INVITE");
        is_screened(&mut stream, &mut peer).await;
        let contact = format!("Contact: <sip:112@{address};transport=tcp>\r\n");
        let ok = invite.respond(
            "200 OK",
            &format!("{contact}Content-Type: application/sdp\r\n"),
            ANSWER,
        );
        let ack = said(&mut stream, &ok.replace(">\r\nCall", ">;tag=p\r\nCall")).await;
        assert_eq!(ack.method(), "ACK");
    };
    let (outbound, ()) = tokio::join!(caller.dial(to(address, ";transport=tcp")), answering);
    // The stream is closed now; the BYE needs another.
    let (dialog, _) = outbound.unwrap();
    soon("the lost connection", async {
        while caller.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    dialog.hang_up();
    let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
    let bye = heard(&mut stream).await;
    assert_eq!(bye.method(), "BYE");
    is_screened(&mut stream, &mut peer).await;
    stream.write_all(bye.respond("200 OK", "", "").as_bytes()).await.unwrap();
    assert_eq!(caller.drain(1, LONG).await, 0);
}

#[tokio::test]
async fn what_is_no_sip_address_is_told() {
    let (caller, _none) = agent(config()).await;
    for nonsense in ["", "112", "tel:112", "sip:", "http://127.0.0.1"] {
        let dial = Dial { to: nonsense.to_owned(), ..to("127.0.0.1", "") };
        let outcome = caller.dial(dial).await;
        assert!(matches!(outcome, Err(DialError::BadAddress(_))), "{nonsense:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn patience_that_runs_out_cancels_the_call() {
    let (caller, _none) = agent(config()).await;
    let phone = Peer::new(caller.local_addr()).await;
    let dial = Dial { patience: Duration::from_millis(200), ..to(phone.local(), "") };
    let ringing = async {
        let invite = phone.expect_request("INVITE").await;
        assert!(!invite.0.contains("\r\nX-Evil"));
        phone
            .send(&invite.respond("180 Ringing", "", "").replace(">\r\nCall", ">;tag=p\r\nCall"))
            .await;
        let cancel = loop {
            let message = phone.receive().await;
            if message.method() == "CANCEL" {
                break message;
            }
            assert_eq!(message.method(), "INVITE");
        };
        phone.send(&cancel.respond("200 OK", "", "")).await;
        let terminated = invite.respond("487 Request Terminated", "", "");
        phone.send(&terminated.replace(">\r\nCall", ">;tag=p\r\nCall")).await;
        phone.expect_request("ACK").await
    };
    let (outcome, _ack) = tokio::join!(caller.dial(dial), ringing);
    assert!(matches!(outcome, Err(DialError::NoAnswer)), "{outcome:?}");
    assert_eq!(caller.stats().dialogs, 0);
}

#[tokio::test]
async fn an_answer_that_crosses_our_cancel_is_hung_up() {
    let (called, mut calls) = agent(config()).await;
    let (caller, _none) = agent(config()).await;
    let (mut inbound, outcome) = {
        let dialling = caller.dial(to(called.local_addr(), ""));
        tokio::pin!(dialling);
        let call = tokio::select! {
            call = next_call(&mut calls) => call,
            outcome = &mut dialling => panic!("{outcome:?}"),
        };
        (call.answer(ANSWER.to_owned()).unwrap(), ())
        // The future is dropped here, with the 200 on its way.
    };
    let () = outcome;
    let end = loop {
        if let DialogEvent::Ended(end) = next_event(&mut inbound).await {
            break end;
        }
    };
    assert_eq!(end, EndReason::RemoteBye);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_name() {
    let (first, _calls) = agent(config()).await;
    let config = Config { listen: first.local_addr(), ..config() };
    let error = UserAgent::bind(config).await.err().expect("the port is taken");
    assert!(error.to_string().contains(&first.local_addr().to_string()));
}
