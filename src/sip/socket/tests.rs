use tokio::net::UdpSocket as Plain;

use super::faults::{Faults, Plan};
use super::*;

async fn pair(config: Config) -> (EdgeSocket, Plain) {
    let inner = Arc::new(Plain::bind("127.0.0.1:0").await.unwrap());
    let phone = Plain::bind("127.0.0.1:0").await.unwrap();
    phone.connect(inner.local_addr().unwrap()).await.unwrap();
    let edge = Arc::new(Edge::new(config, Vec::new(), Arc::new(Traces::new(0))));
    (EdgeSocket::new(inner, edge), phone)
}

fn request(method: &str, more: &str) -> String {
    format!(
        "{method} sip:112@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bKx{more:.4}\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:112@h>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\nContact: <sip:a@b>\r\n{more}\r\n"
    )
}

async fn heard(phone: &Plain) -> String {
    let mut buf = [0; 9000];
    let len = phone.recv(&mut buf).await.unwrap();
    String::from_utf8(buf[..len].to_vec()).unwrap()
}

/// Sends all of it, and what the stack reads first.
async fn through(edge: &EdgeSocket, phone: &Plain, datagrams: &[&[u8]]) -> Vec<u8> {
    for datagram in datagrams {
        phone.send(datagram).await.unwrap();
    }
    let mut buf = [0; 8192];
    let (len, _) = edge.recv_from(&mut buf).await.unwrap();
    buf[..len].to_vec()
}

#[tokio::test]
async fn the_stack_sees_mended_messages_and_the_sender_hears_of_the_others() {
    let (edge, phone) = pair(Config::default()).await;
    let options = request("OPTIONS", "");
    let refused = request("FOO", "");
    let cut = request("INVITE", "Content-Length: 9\r\n");
    let seen = through(
        &edge,
        &phone,
        &[
            b"\0\0\0\0",
            b"\r\n\r\n",
            refused.as_bytes(),
            cut.as_bytes(),
            b"SIP/2.0 999 x\r\n\r\n",
            options.as_bytes(),
        ],
    )
    .await;
    let mended = options.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(String::from_utf8(seen).unwrap(), mended);
    assert_eq!(heard(&phone).await, "\r\n");
    assert!(heard(&phone).await.starts_with("SIP/2.0 501 Not Implemented\r\n"));
    assert!(heard(&phone).await.starts_with("SIP/2.0 400 Content-Length larger than the body\r\n"));
}

#[tokio::test]
async fn what_the_stack_alone_cannot_read_is_answered_too() {
    let (edge, phone) = pair(Config::default()).await;
    let options = request("OPTIONS", "");
    let odd = options.replacen("sip:112@h", "sip:;112@h", 1);
    through(&edge, &phone, &[odd.as_bytes(), options.as_bytes()]).await;
    assert!(heard(&phone).await.starts_with("SIP/2.0 400 Unreadable request\r\n"));
}

#[tokio::test]
async fn blank_lines_in_front_of_a_healthy_message_are_left_behind() {
    let (edge, phone) = pair(Config::default()).await;
    let options = request("OPTIONS", "Content-Length: 0\r\n");
    let seen = through(&edge, &phone, &[format!("\r\n\r\n{options}").as_bytes()]).await;
    assert_eq!(String::from_utf8(seen).unwrap(), options);
}

#[tokio::test]
async fn what_is_too_large_for_the_stack_is_told_so() {
    let (edge, phone) = pair(Config::default()).await;
    let options = request("OPTIONS", "");
    for size in [8_200, 20_000] {
        let large = request("INVITE", &format!("Subject: {}\r\n", "x".repeat(7_000)))
            + &"y".repeat(size - 7_000);
        through(&edge, &phone, &[large.as_bytes(), options.as_bytes()]).await;
        assert!(heard(&phone).await.starts_with("SIP/2.0 513 Message Too Large\r\n"));
    }
    // Latin-1 doubles in size when it becomes UTF-8.
    let mut grown = request("INVITE", "").into_bytes();
    let end = grown.len() - 2;
    grown.splice(end..end, [b"Subject: ".to_vec(), vec![0xe9; 5_000], b"\r\n".to_vec()].concat());
    through(&edge, &phone, &[&grown, options.as_bytes()]).await;
    assert!(heard(&phone).await.starts_with("SIP/2.0 513 Message Too Large\r\n"));
}

#[tokio::test]
async fn strangers_and_floods_are_met_with_silence() {
    let elsewhere = Config { allow: vec!["192.0.2.0/24".parse().unwrap()], ..Config::default() };
    let (edge, phone) = pair(elsewhere).await;
    let source = phone.local_addr().unwrap();
    let mut buf = request("OPTIONS", "").into_bytes();
    buf.resize(8192, 0);
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do, and only the clock makes one"
    )]
    let now = Instant::now();
    assert_eq!(edge.edge.judge(&mut buf, 200, udp(source), now), Fate::Nothing("stranger"));

    let slow = Config { rate: 1.0, burst: 2, ..Config::default() };
    let trunk = Config { unlimited: vec!["127.0.0.0/8".parse().unwrap()], ..slow.clone() };
    for (config, passed) in [(slow, 2), (trunk, 50)] {
        let (edge, _) = pair(config).await;
        let mut ping = *b"\r\n\r\n....";
        let answers = (0..50).filter(|_| {
            matches!(edge.edge.judge(&mut ping, 4, udp(source), now), Fate::Answer { .. })
        });
        assert_eq!(answers.count(), passed);
    }
}

#[tokio::test]
async fn who_did_not_ask_for_rport_is_answered_at_the_port_in_their_via() {
    let (edge, phone) = pair(Config::default()).await;
    let ear = Plain::bind("127.0.0.1:0").await.unwrap();
    let at =
        |via: &str, method: &str| request(method, "").replace("UDP h;rport", &format!("UDP {via}"));
    let listening = ear.local_addr().unwrap().to_string();
    phone.send(at(&listening, "FOO").as_bytes()).await.unwrap();
    phone.send(at(&listening, "OPTIONS").as_bytes()).await.unwrap();
    let mut buf = [0; 8192];
    let (_, peer) = edge.recv_from(&mut buf).await.unwrap();
    assert_eq!(peer.to_string(), listening);
    assert!(heard(&ear).await.starts_with("SIP/2.0 501 "));
    // Asked for; or written behind a NAT; or by a name, which may be anybody's.
    for via in [format!("{listening};rport"), "192.0.2.1:5060".to_owned(), "h".to_owned()] {
        phone.send(at(&via, "OPTIONS").as_bytes()).await.unwrap();
        let (_, peer) = edge.recv_from(&mut buf).await.unwrap();
        assert_eq!(peer, phone.local_addr().unwrap(), "{via}");
    }
}

#[test]
fn a_mapped_address_is_within_its_v4_network() {
    let config = Config { allow: vec!["10.0.0.0/8".parse().unwrap()], ..Config::default() };
    assert!(config.admits("::ffff:10.1.2.3".parse().unwrap()));
    assert!(!config.admits("11.1.2.3".parse().unwrap()));
    assert!(Config::default().admits("11.1.2.3".parse().unwrap()));
}

/// What of 100 numbered datagrams comes through, in order.
async fn numbers(plan: Plan, seed: u64) -> Vec<u8> {
    let inner = Arc::new(Plain::bind("127.0.0.1:0").await.unwrap());
    let phone = Plain::bind("127.0.0.1:0").await.unwrap();
    phone.connect(inner.local_addr().unwrap()).await.unwrap();
    let line = Faults::new(inner, plan, seed);
    for number in 0..100 {
        phone.send(&[number]).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut buf = [0; 16];
    while let Ok(Ok((len, _))) =
        tokio::time::timeout(std::time::Duration::from_millis(200), line.recv_from(&mut buf)).await
    {
        assert_eq!(len, 1);
        seen.push(buf[0]);
    }
    seen
}

#[tokio::test]
async fn a_bad_line_loses_doubles_and_reorders_by_its_seed() {
    assert_eq!(numbers(Plan::default(), 1).await, (0..100).collect::<Vec<u8>>());
    let lossy = numbers(Plan { lose: 0.2, ..Plan::default() }, 1).await;
    assert!(lossy.len() < 95 && lossy.is_sorted());
    assert_eq!(lossy, numbers(Plan { lose: 0.2, ..Plan::default() }, 1).await);
    assert!(numbers(Plan { double: 0.2, ..Plan::default() }, 1).await.len() > 105);
    let reordered = numbers(Plan { reorder: 0.2, ..Plan::default() }, 1).await;
    assert!(reordered.len() == 100 && !reordered.is_sorted());
}
