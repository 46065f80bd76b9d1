//! What comes over the wire before it is a call: odd bytes, TCP, addresses that do not work, and who is believed.

use kentongan::sip::{Caller, Config, DialogEvent, EndReason, Trunk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::sip_peer::*;

#[tokio::test]
async fn a_latin_1_name_and_a_missing_length_lose_nothing() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let invite = peer.request("INVITE", "", OFFER);
    let (head, body) = invite.split_once("\r\n\r\n").unwrap();
    let lines = head.lines().filter(|line| !line.starts_with("Content-Length"));
    let head: Vec<&str> = lines.collect();
    let text = format!("{}\r\n\r\n{body}", head.join("\r\n")).replace("Ibu Sri", "Ibu Andr#");
    let bytes: Vec<u8> = text.bytes().map(|b| if b == b'#' { 0xe9 } else { b }).collect();
    peer.send_bytes(&bytes).await;
    let call = next_call(&mut calls).await;
    assert_eq!(call.offer.as_deref(), Some(OFFER));
    assert_eq!(call.caller.number.as_deref(), Some("+628123456789"));
}

#[tokio::test]
async fn an_unknown_method_and_an_unknown_extension_are_told() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("DANCE", "", "").await;
    peer.expect(501).await;
    peer.to_tag = None;
    peer.say("INVITE", "Require: 100rel\r\n", OFFER).await;
    assert_eq!(peer.expect(420).await.header("Unsupported"), Some("100rel"));
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (agent, _calls) = agent(config()).await;
    let peer = Peer::new(agent.local_addr()).await;
    peer.send("\r\n\r\n").await;
    assert_eq!(peer.receive().await.0, "\r\n");
}

async fn over_tcp(stream: &mut TcpStream, text: &str) -> Message {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 65536];
    let length = soon("a response", stream.read(&mut buffer)).await.unwrap();
    Message(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

#[tokio::test]
async fn the_policy_holds_on_tcp_too() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    let options = peer.request("OPTIONS", "", "").replace("/UDP", "/TCP");
    assert_eq!(over_tcp(&mut stream, &options).await.status(), Some(200));
    let odd = peer.request("OPTIONS", "Require: magic\r\n", "").replace("/UDP", "/TCP");
    let refused = over_tcp(&mut stream, &odd).await;
    assert_eq!(refused.status(), Some(420));
    assert_eq!(refused.header("Unsupported"), Some("magic"));
}

#[tokio::test]
async fn an_odd_message_does_not_end_a_tcp_connection() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    let mut request =
        |method: &str, extra: &str| peer.request(method, extra, "").replace("/UDP", "/TCP");
    let unknown = over_tcp(&mut stream, &request("FOO", "")).await;
    assert_eq!(unknown.status(), Some(501));
    let unreadable = request("OPTIONS", "").replacen("sip:", "sip:;", 1);
    assert_eq!(over_tcp(&mut stream, &unreadable).await.status(), Some(400));
    assert_eq!(over_tcp(&mut stream, "\r\n\r\n").await.0, "\r\n");
    // A message in two pieces, the second with the whole of the next.
    let (first, second) = (request("OPTIONS", ""), request("FOO", ""));
    let (begin, end) = first.split_at(first.len() / 2);
    stream.write_all(begin.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let both = over_tcp(&mut stream, &format!("{end}{second}")).await.0;
    let rest = over_tcp(&mut stream, "\r\n\r\n").await.0;
    for status in ["SIP/2.0 200 ", "SIP/2.0 501 "] {
        assert!(format!("{both}{rest}").contains(status), "{both}{rest}");
    }
}

#[tokio::test]
async fn a_tcp_message_without_an_end_is_answered_and_the_connection_closed() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    let endless = peer.request("OPTIONS", "", "").replace("/UDP", "/TCP");
    let endless = endless.replace("Content-Length: 0", "Content-Length: -1");
    assert_eq!(over_tcp(&mut stream, &endless).await.status(), Some(400));
    assert_eq!(soon("the end", stream.read(&mut [0; 16])).await.unwrap(), 0);
}

#[tokio::test]
async fn an_agent_that_stops_lets_go_of_its_tcp_connections() {
    let (agent, _calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    let options = peer.request("OPTIONS", "", "").replace("/UDP", "/TCP");
    assert_eq!(over_tcp(&mut stream, &options).await.status(), Some(200));
    drop(agent);
    assert_eq!(soon("the end", stream.read(&mut [0; 16])).await.unwrap(), 0);
}

#[tokio::test]
async fn without_tcp_nobody_listens_there() {
    let (agent, _calls) = agent(Config { tcp: false, ..config() }).await;
    assert!(TcpStream::connect(agent.local_addr()).await.is_err());
}

#[tokio::test]
async fn a_contact_that_nobody_can_reach_is_replaced_by_where_it_came_from() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let invite = peer.request("INVITE", "", OFFER);
    let contact = format!("Contact: <sip:+628123456789@{}>", peer.local());
    peer.send(&invite.replace(&contact, "Contact: <sip:x@df7jal23ls0d.invalid>")).await;
    let dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    dialog.hang_up();
    let bye = peer.expect_request("BYE").await;
    assert!(bye.0.starts_with(&format!("BYE sip:x@{} SIP/2.0", peer.local())), "{}", bye.0);
}

#[tokio::test]
async fn behind_a_proxy_the_contact_stays_whatever_a_reinvite_leaves_out() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let old = format!("Contact: <sip:+628123456789@{}>", peer.local());
    let hidden = "Contact: <sip:x@df7jal23ls0d.invalid>";
    let proxy = format!("Record-Route: <sip:{};lr>\r\n", peer.local());
    let invite = peer.request("INVITE", &proxy, OFFER).replace(&old, hidden);
    peer.send(&invite).await;
    let dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    let reinvite = peer.request("INVITE", "", OFFER).replace(&old, hidden);
    peer.send(&reinvite).await;
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    dialog.hang_up();
    let bye = peer.expect_request("BYE").await;
    assert!(bye.0.starts_with("BYE sip:x@df7jal23ls0d.invalid SIP/2.0"), "{}", bye.0);
    assert_eq!(bye.header("Route"), Some(format!("<sip:{};lr>", peer.local()).as_str()));
}

#[tokio::test]
async fn parameters_of_a_number_are_no_part_of_it_and_stay_in_the_contact() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let old = format!("Contact: <sip:+628123456789@{}>", peer.local());
    let new = format!("Contact: <sip:+62812;tgrp=a%40b@{}>", peer.local());
    let invite = peer.request("INVITE", "", OFFER).replace(&old, &new);
    let (_, rest) = invite.split_once('\n').unwrap();
    peer.send(&format!("INVITE sip:+6221500;npdi@{} SIP/2.0\r\n{rest}", agent.local_addr())).await;
    let call = next_call(&mut calls).await;
    assert_eq!(call.called, "+6221500");
    let dialog = call.answer(ANSWER.to_owned()).unwrap();
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    dialog.hang_up();
    let bye = peer.expect_request("BYE").await;
    let target = format!("BYE sip:+62812;tgrp=a%40b@{} SIP/2.0", peer.local());
    assert!(bye.0.starts_with(&target), "{}", bye.0);
}

#[tokio::test]
async fn a_caller_over_tcp_who_is_gone_before_the_answer_leaves_nothing_behind() {
    let (agent, mut calls) = agent(config()).await;
    for refused in [false, true] {
        let mut peer = Peer::new(agent.local_addr()).await;
        let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
        // Without an offer no audio could tell that nobody is there.
        let invite = peer.request("INVITE", "", "").replace("/UDP", "/TCP");
        assert_eq!(over_tcp(&mut stream, &invite).await.status(), Some(100));
        let call = next_call(&mut calls).await;
        drop(stream);
        soon("the lost connection", async {
            while agent.stats().connections > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        match refused {
            true => call.refuse(kentongan::sip::Refusal::busy(5)),
            false => {
                let mut dialog = call.answer(ANSWER.to_owned()).unwrap();
                let ended = next_event(&mut dialog).await;
                assert!(matches!(ended, DialogEvent::Ended(EndReason::NoAck)), "{ended:?}");
            }
        }
    }
    soon("the end of both", async {
        while (agent.stats().dialogs, agent.stats().transactions) != (0, 0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn while_the_connection_of_a_call_lives_no_other_is_opened() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    // Phones listen at another port than the one they connect from.
    let listening = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let old = format!("Contact: <sip:+628123456789@{}>", peer.local());
    let new = format!("Contact: <sip:x@{};transport=tcp>", listening.local_addr().unwrap());
    let invite = peer.request("INVITE", "", OFFER).replace("/UDP", "/TCP").replace(&old, &new);
    assert_eq!(over_tcp(&mut stream, &invite).await.status(), Some(100));
    let mut dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    let ok = over_tcp(&mut stream, "").await;
    peer.to_tag = ok.to_tag().map(str::to_owned);
    let ack = peer.request("ACK", "", "").replace("/UDP", "/TCP");
    stream.write_all(ack.as_bytes()).await.unwrap();
    assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { .. }));
    dialog.hang_up();
    let bye = over_tcp(&mut stream, "").await;
    assert_eq!(bye.method(), "BYE");
    assert_eq!(agent.stats().connections, 1);
}

#[tokio::test]
async fn a_legal_blank_before_a_colon_costs_no_body_over_tcp() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    let invite = peer.request("INVITE", "", OFFER).replace("/UDP", "/TCP");
    let invite = invite.replace("Content-Length:", "Content-Length :");
    assert_eq!(over_tcp(&mut stream, &invite).await.status(), Some(100));
    assert_eq!(next_call(&mut calls).await.offer.as_deref(), Some(OFFER));
}

#[tokio::test]
async fn a_new_contact_in_a_reinvite_is_where_later_requests_go() {
    let (agent, mut calls) = agent(config()).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    let dialog = peer.establish(&mut calls).await;
    let elsewhere = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let old = format!("Contact: <sip:+628123456789@{}>", peer.local());
    let new = format!("Contact: <sip:moved@{}>", elsewhere.local_addr().unwrap());
    let reinvite = peer.request("INVITE", "", OFFER).replace(&old, &new);
    peer.send(&reinvite).await;
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    dialog.hang_up();
    let mut buffer = vec![0; 65536];
    let (length, _) = soon("BYE", elsewhere.recv_from(&mut buffer)).await.unwrap();
    assert!(buffer[..length].starts_with(b"BYE sip:moved@"));
}

#[tokio::test]
async fn the_advertised_address_stands_in_contact_and_via() {
    let advertised = Some("203.0.113.5:5070".to_owned());
    let (agent, mut calls) = agent(Config { advertised, ..config() }).await;
    let mut peer = Peer::new(agent.local_addr()).await;
    peer.say("INVITE", "", OFFER).await;
    let dialog = next_call(&mut calls).await.answer(ANSWER.to_owned()).unwrap();
    let ok = peer.expect(200).await;
    assert_eq!(ok.header("Contact"), Some("<sip:kentongan@203.0.113.5:5070>"));
    peer.say("ACK", "", "").await;
    dialog.hang_up();
    let bye = peer.expect_request("BYE").await;
    assert!(bye.header("Via").unwrap().starts_with("SIP/2.0/UDP 203.0.113.5:5070;"));
}

#[tokio::test]
async fn only_a_trusted_trunk_is_believed_about_the_caller() {
    let trunk = |asserts_identity| Trunk {
        name: "telkom".to_owned(),
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        asserts_identity,
    };
    for trusted in [true, false] {
        let (agent, mut calls) = agent(Config { trunks: vec![trunk(trusted)], ..config() }).await;
        let mut peer = Peer::new(agent.local_addr()).await;
        peer.say("INVITE", "P-Asserted-Identity: <tel:+62215550123>\r\n", OFFER).await;
        let call = next_call(&mut calls).await;
        let number = if trusted { "+62215550123" } else { "+628123456789" };
        assert_eq!(call.caller, Caller { number: Some(number.to_owned()), asserted: trusted });
        assert_eq!(call.trunk.as_deref(), Some("telkom"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_agent_answers_each_torture_message_as_the_rfc_asks() {
    let (agent, mut calls) = agent(config()).await;
    let answering = tokio::spawn(async move {
        let mut dialogs = Vec::new();
        while let Some(call) = calls.recv().await {
            dialogs.extend(call.answer(ANSWER.to_owned()));
        }
    });
    let server = agent.local_addr();
    let asked = move || crate::torture::answers_as_the_rfc_asks(server);
    tokio::task::spawn_blocking(asked).await.unwrap();
    answering.abort();
}
