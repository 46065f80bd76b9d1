//! A SIP phone in the hands of a test: it sends the text it is given and waits for what it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use kentongan::sip::{Config, DialogEvent, InboundCall, UserAgent};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

pub const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
pub const ANSWER: &str = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n";
pub const HOLD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n";
pub const HELD: &str = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\na=recvonly\r\n";

/// Nothing on loopback takes this long.
pub const LONG: Duration = Duration::from_secs(5);

/// An agent on a port of the kernel's choice, with T1 at 20 ms so that 64*T1 pass in 1.3 s.
pub fn config() -> Config {
    Config { listen: "127.0.0.1:0".parse().unwrap(), t1_ms: 20, ..Config::default() }
}

pub async fn agent(config: Config) -> (UserAgent, mpsc::Receiver<InboundCall>) {
    UserAgent::bind(config).await.expect("the agent listens")
}

/// The next of something, or a failed test.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come"),
    }
}

pub async fn next_call(calls: &mut mpsc::Receiver<InboundCall>) -> InboundCall {
    soon("a call", calls.recv()).await.expect("the agent lives")
}

pub async fn next_event(dialog: &mut kentongan::sip::Dialog) -> DialogEvent {
    soon("an event", dialog.next()).await.expect("the dialog has not ended")
}

/// What came from the other side.
#[derive(Clone, Debug)]
pub struct Message(pub String);

impl Message {
    pub fn status(&self) -> Option<u16> {
        self.0.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub fn method(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    pub fn to_tag(&self) -> Option<&str> {
        self.header("To")?.split_once(";tag=").map(|(_, tag)| tag)
    }

    /// The response that a phone would give.
    pub fn respond(&self, status: &str, extra: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            text += &format!("{name}: {}\r\n", self.header(name).expect("a mandatory header"));
        }
        let length = body.len();
        text + extra + &format!("Content-Length: {length}\r\n\r\n{body}")
    }
}

/// The phone.
pub struct Peer {
    socket: UdpSocket,
    server: SocketAddr,
    pub call_id: String,
    /// The agent's tag, once it has told one.
    pub to_tag: Option<String>,
    pub cseq: u32,
    branch: u32,
    /// The Via branch of the request sent last.
    pub last_branch: String,
}

impl Peer {
    pub async fn new(server: SocketAddr) -> Peer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let call_id = format!("{}@peer.test", socket.local_addr().unwrap().port());
        Peer {
            socket,
            server,
            call_id,
            to_tag: None,
            cseq: 0,
            branch: 0,
            last_branch: String::new(),
        }
    }

    /// Turns to another agent.
    pub fn meet(&mut self, server: SocketAddr) {
        self.server = server;
    }

    pub async fn send_bytes(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).await.unwrap();
    }

    pub fn local(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// A request with everything mandatory, and `extra` header lines (each with its CRLF).
    pub fn request(&mut self, method: &str, extra: &str, body: &str) -> String {
        if !matches!(method, "ACK" | "CANCEL") {
            self.cseq += 1;
        }
        if method != "CANCEL" {
            self.branch += 1;
            self.last_branch = format!("z9hG4bK-{}-{}", self.call_id, self.branch);
        }
        self.request_as(method, self.cseq, &self.last_branch, extra, body)
    }

    pub fn request_as(
        &self,
        method: &str,
        cseq: u32,
        branch: &str,
        extra: &str,
        body: &str,
    ) -> String {
        let (me, server, call_id) = (self.local(), self.server, &self.call_id);
        let tag = self.to_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let kind = if body.is_empty() || extra.contains("Content-Type") {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let length = body.len();
        format!(
            "{method} sip:112@{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {me};branch={branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: \"Ibu Sri\" <sip:+628123456789@{me}>;tag=peer-tag\r\n\
             To: <sip:112@{server}>{tag}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:+628123456789@{me}>\r\n\
             {extra}{kind}Content-Length: {length}\r\n\r\n{body}"
        )
    }

    pub async fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).await.unwrap();
    }

    /// Builds and sends a request.
    pub async fn say(&mut self, method: &str, extra: &str, body: &str) -> String {
        let text = self.request(method, extra, body);
        self.send(&text).await;
        text
    }

    pub async fn receive(&self) -> Message {
        soon("a datagram", self.try_receive()).await.unwrap()
    }

    /// Waits as long as it takes.
    pub async fn try_receive(&self) -> std::io::Result<Message> {
        let mut buffer = vec![0; 65536];
        let (length, _) = self.socket.recv_from(&mut buffer).await?;
        Ok(Message(String::from_utf8_lossy(&buffer[..length]).into_owned()))
    }

    /// Whether nothing comes for this long.
    pub async fn hears_nothing(&self, time: Duration) -> bool {
        let mut buffer = [0; 1];
        tokio::time::timeout(time, self.socket.recv_from(&mut buffer)).await.is_err()
    }

    /// Waits for a response with this status to the method sent last; passes over provisional responses.
    pub async fn expect(&mut self, status: u16) -> Message {
        loop {
            let message = self.receive().await;
            match message.status() {
                Some(found) if found == status => {
                    if let Some(tag) = message.to_tag().filter(|_| self.to_tag.is_none()) {
                        self.to_tag = Some(tag.to_owned());
                    }
                    return message;
                }
                Some(100..=199) => {}
                _ => panic!("expected {status}, got {}", message.0),
            }
        }
    }

    /// Waits for a request of this method; passes over responses.
    pub async fn expect_request(&self, method: &str) -> Message {
        loop {
            let message = self.receive().await;
            if message.method() == method {
                return message;
            }
            assert!(message.status().is_some(), "expected {method}, got {}", message.0);
        }
    }

    /// INVITE, answered by the application, and ACK.
    pub async fn establish(
        &mut self,
        calls: &mut mpsc::Receiver<InboundCall>,
    ) -> kentongan::sip::Dialog {
        self.say("INVITE", "", OFFER).await;
        let mut dialog = next_call(calls).await.answer(ANSWER.to_owned()).unwrap();
        self.expect(200).await;
        self.say("ACK", "", "").await;
        assert!(matches!(next_event(&mut dialog).await, DialogEvent::Confirmed { answer: None }));
        dialog
    }
}
