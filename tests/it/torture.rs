//! RFC 4475's torture messages over UDP: to the edge alone here, to a running server by [`answers_as_the_rfc_asks`].

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kentongan::phone::{Met, Phone};
use kentongan::sip::policy::{Reply, stateless_response};
use kentongan::sip::socket::{self, Config, EdgeSocket};
use kentongan::sip::text::{Message, read};
use kentongan::sip::trace::Traces;
use rsipstack::platform::net::UdpSocket as _;
use serde::Deserialize;

use crate::hotline::Hotline;

#[derive(Deserialize)]
struct Index {
    message: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    edge: Edge,
    /// The final statuses that the stack may give to what passes.
    #[serde(default)]
    then: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Edge {
    Status(u16),
    #[expect(dead_code, reason = "`pass` and `silence` are told apart by `then`")]
    Word(String),
}

/// Sends each message to the server at `server` and an OPTIONS behind it, whose answer shows that the server still
/// serves, and that nothing but what stands in the index came before. INVITEs that are answered are left without an ACK.
pub fn answers_as_the_rfc_asks(server: SocketAddr) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sip/torture");
    let index: Index =
        toml::from_str(&std::fs::read_to_string(folder.join("index.toml")).unwrap()).unwrap();
    let mut wrong = BTreeMap::new();
    for entry in index.message {
        let message = at_home(&std::fs::read(folder.join(&entry.file)).unwrap());
        let wanted = match entry.edge {
            Edge::Status(status) => vec![status],
            Edge::Word(_) => entry.then,
        };
        let heard = finals(server, &message, wanted.is_empty());
        let right = match heard.as_slice() {
            [] => wanted.is_empty(),
            [status] => wanted.contains(status),
            _ => false,
        };
        if !right {
            wrong.insert(entry.file, (heard, wanted));
        }
    }
    assert!(wrong.is_empty(), "heard and wanted: {wrong:#?}");
}

/// Media goes to this machine, not to the documentation's addresses; the lengths stay.
fn at_home(message: &[u8]) -> Vec<u8> {
    let (from, to) = (b"IN IP4 192.0.2.1", b"IN IP4 127.0.0.1");
    let mut out = message.to_vec();
    while let Some(at) = out.windows(from.len()).position(|window| window == from) {
        out[at..at + to.len()].copy_from_slice(to);
    }
    out
}

/// The final statuses heard until the OPTIONS behind `message` is answered, each once; waits for one unless `silent`.
fn finals(server: SocketAddr, message: &[u8], silent: bool) -> Vec<u16> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let ping = format!(
        "OPTIONS sip:kentongan SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bKping{}\r\n\
         From: <sip:tester@localhost>;tag=ping\r\nTo: <sip:kentongan>\r\nCall-ID: ping-{}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        socket.local_addr().unwrap(),
        socket.local_addr().unwrap().port(),
        socket.local_addr().unwrap().port(),
    );
    socket.send(message).unwrap();
    socket.send(ping.as_bytes()).unwrap();
    let (mut statuses, mut alive) = (Vec::new(), false);
    let mut buf = [0; 65_535];
    while !alive || (statuses.is_empty() && !silent) {
        let Ok(len) = socket.recv(&mut buf) else { break };
        let Ok(Message::Response(response)) = read(&buf[..len]) else { continue };
        let pong = response.headers.get("Call-ID").is_some_and(|id| id.starts_with("ping-"));
        alive |= pong;
        if !pong && response.status >= 200 && !statuses.contains(&response.status) {
            statuses.push(response.status);
        }
    }
    assert!(alive, "the server no longer answers OPTIONS");
    statuses
}

/// Behind the edge stands an answering machine that says 200 to all it gets, and 481 within dialogs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edge_answers_each_torture_message_as_the_rfc_asks() {
    let inner = Arc::new(tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let server = inner.local_addr().unwrap();
    let config = Config { unlimited: vec!["127.0.0.0/8".parse().unwrap()], ..Config::default() };
    let edge = Arc::new(socket::Edge::new(config, Vec::new(), Arc::new(Traces::new(0))));
    let edge = EdgeSocket::new(inner, edge);
    let machine = tokio::spawn(async move {
        let mut buf = vec![0; 8192];
        loop {
            let (len, source) = edge.recv_from(&mut buf).await.unwrap();
            let Ok(Message::Request(request)) = read(&buf[..len]) else { continue };
            let in_dialog = request.headers.get("To").is_some_and(|to| to.contains("tag"));
            let status = if in_dialog { 481 } else { 200 };
            let reply = Reply { status, phrase: "Any".into(), headers: Vec::new() };
            let response = stateless_response(&request, Some(source), &reply).unwrap();
            edge.send_to(response.as_bytes(), source).await.unwrap();
        }
    });
    tokio::task::spawn_blocking(move || answers_as_the_rfc_asks(server)).await.unwrap();
    machine.abort();
}

/// The whole program, which takes every INVITE that it can: it serves on after all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hotline_answers_each_torture_message_and_takes_calls_afterwards() {
    let mut hotline = Hotline::start("").unwrap();
    let server = SocketAddr::from(([127, 0, 0, 1], hotline.sip_port));
    tokio::task::spawn_blocking(move || answers_as_the_rfc_asks(server)).await.unwrap();
    let phone = Phone::new(server.ip(), "+6281200000000").await.unwrap();
    let mut call = phone.dial(&format!("sip:100@{server}"), None, None).await.unwrap();
    assert_eq!(call.wait(Duration::from_secs(1)).await, Met::TimeOut, "the call stays up");
    assert!(call.hang_up().await.stats.packets_received > 30, "the hotline speaks");
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());
}
