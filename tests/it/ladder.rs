//! What is kept of a call that was really made: every message, in order, whatever names it carries. The console draws it.

use kentongan::store::CallTrace;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::loopback::Loopback;
use crate::sip_peer::{HOLD, Message, OFFER, Peer, soon};

/// The number in every `Peer`'s From.
const PEER: &str = "+628123456789";

fn starts(trace: &CallTrace) -> Vec<String> {
    let start = |message: &kentongan::store::TracedMessage| {
        let way = if message.from_caller { ">" } else { "<" };
        let start = message.text.lines().next().unwrap_or_default();
        let start = start.split(" sip:").next().unwrap_or_default();
        format!("{way} {start}")
    };
    trace.messages.iter().map(start).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_of_a_call_is_kept_without_its_secrets() {
    let hotline = Loopback::start(|_| {}).await;
    let mut peer = Peer::new(hotline.server.sip_address()).await;
    let invite = peer
        .request("INVITE", "Authorization: Digest response=\"rahasia\"\r\n", OFFER)
        .replace("\"Ibu Sri\"", "\"\\\"><script>alert(1)</script>#\"");
    let bytes: Vec<u8> = invite.bytes().map(|b| if b == b'#' { 0xe9 } else { b }).collect();
    peer.send_bytes(&bytes).await;
    peer.expect(200).await;
    // The 200 as if it had been lost.
    peer.send_bytes(&bytes).await;
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    peer.say("INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\nDuration=160\r\n")
        .await;
    peer.expect(200).await;
    peer.say("INVITE", "Subject: a\r\n <script>b\r\n", HOLD).await;
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    peer.say("BYE", "", "").await;
    peer.expect(200).await;

    let call = hotline.ended_call_from(PEER).await;
    let trace = hotline.server.hotline().store.trace(call.id).await.unwrap().unwrap();
    let mut starts = starts(&trace);
    starts.retain(|start| !start.ends_with("100 Trying") && !start.ends_with("180 Ringing"));
    let wanted = [
        "> INVITE",
        "< SIP/2.0 200 OK",
        "> INVITE",
        "< SIP/2.0 200 OK",
        "> ACK",
        "> INFO",
        "< SIP/2.0 200 OK",
        "> INVITE",
        "< SIP/2.0 200 OK",
        "> ACK",
        "> BYE",
        "< SIP/2.0 200 OK",
    ];
    assert_eq!(starts, wanted);
    assert_eq!(trace.left_out, 0);
    let all: String = trace.messages.iter().map(|message| message.text.as_str()).collect();
    assert!(all.contains("Signal=x\r\nDuration=xxx") && !all.contains("Signal=7"));
    assert!(all.contains("Authorization: ***") && !all.contains("rahasia"));
    assert!(all.contains("</script>\u{e9}\" <sip:"), "{all}");
    hotline.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_share_a_call_id_have_a_ladder_each_and_no_trace_means_none() {
    for megabytes in [64, 0] {
        let hotline = Loopback::start(|config| config.sip.trace = megabytes).await;
        let mut ladders = Vec::new();
        for tag in ["satu", "dua"] {
            let mut peer = Peer::new(hotline.server.sip_address()).await;
            peer.call_id = "sama@peer.test".into();
            let number = format!("+6281234500{}", tag.len());
            for (method, body, answer) in [("INVITE", OFFER, 200), ("ACK", "", 0), ("BYE", "", 200)]
            {
                let text = peer.request(method, "", body).replace("peer-tag", tag);
                let text = text.replace("z9hG4bK-", &format!("z9hG4bK-{tag}"));
                peer.send(&text.replace(PEER, &number)).await;
                if answer > 0 {
                    peer.expect(answer).await;
                }
            }
            let call = hotline.ended_call_from(&number).await;
            let trace = hotline.server.hotline().store.trace(call.id).await.unwrap();
            ladders.push(trace.map(|trace| {
                let other = if tag == "satu" { "dua" } else { "satu" };
                assert!(trace.messages.iter().all(|m| !m.text.contains(&format!("tag={other}"))));
                starts(&trace).iter().filter(|start| start.starts_with('>')).count()
            }));
        }
        assert_eq!(ladders, [(megabytes > 0).then_some(3); 2]);
        hotline.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tcp_has_a_ladder_too() {
    let hotline = Loopback::start(|_| {}).await;
    let mut peer = Peer::new(hotline.server.sip_address()).await;
    let mut stream = TcpStream::connect(hotline.server.sip_address()).await.unwrap();
    for (method, body, answered) in [("INVITE", OFFER, true), ("ACK", "", false), ("BYE", "", true)]
    {
        let text = peer.request(method, "", body).replace("/UDP", "/TCP");
        stream.write_all(text.as_bytes()).await.unwrap();
        if answered {
            let ok = success(&mut stream).await;
            peer.to_tag = ok.to_tag().map(str::to_owned);
        }
    }
    let call = hotline.ended_call_from(PEER).await;
    let trace = hotline.server.hotline().store.trace(call.id).await.unwrap().unwrap();
    let mut starts = starts(&trace);
    starts.retain(|start| !start.ends_with("100 Trying") && !start.ends_with("180 Ringing"));
    let wanted = ["> INVITE", "< SIP/2.0 200 OK", "> ACK", "> BYE", "< SIP/2.0 200 OK"];
    assert_eq!(starts, wanted);
    assert!(trace.messages.iter().all(|message| message.transport == "TCP"));
    hotline.server.stop().await;
}

/// Reads until a 200 has come; its head is the last thing there.
async fn success(stream: &mut TcpStream) -> Message {
    let (mut heard, start) = (Vec::new(), "SIP/2.0 200 OK\r\n");
    loop {
        soon("a 200", stream.read_buf(&mut heard)).await.unwrap();
        let text = String::from_utf8_lossy(&heard).into_owned();
        if let Some(at) = text.find(start).filter(|at| text[*at..].contains("\r\n\r\n")) {
            return Message(text[at..].to_owned());
        }
    }
}
