use super::*;

const WIRE: Wire = Wire {
    peer: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5070),
    transport: "UDP",
};

fn invite(call_id: &str, tag: &str, branch: &str) -> String {
    format!(
        "INVITE sip:112@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={branch}\r\nFrom: <sip:a@b>;tag={tag}\r\n\
         To: <sip:112@h>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\r\n"
    )
}

/// Within the call: a request of the caller, or our response to one.
fn within(start: &str, method: &str, tag: &str, ours: &str) -> String {
    format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z{method}\r\nFrom: <sip:a@b>;tag={tag}\r\n\
         To: <sip:112@h>;tag={ours}\r\nCall-ID: 1\r\nCSeq: 2 {method}\r\n\r\n"
    )
}

/// The same the other way round.
fn of_ours(start: &str, method: &str, tag: &str, ours: &str) -> String {
    within(start, method, ours, tag)
}

#[expect(clippy::disallowed_methods, reason = "a time to begin with")]
fn now() -> Instant {
    Instant::now()
}

struct Edge {
    traces: Arc<Traces>,
    now: Instant,
}

impl Edge {
    fn new(limit: usize) -> Edge {
        Edge { traces: Arc::new(Traces::new(limit)), now: now() }
    }

    fn hears(&self, text: &str) {
        let message = read(text.as_bytes()).unwrap();
        self.traces.received(&message, text.as_bytes(), WIRE, true, self.now);
    }

    fn refuses(&self, text: &str) {
        let message = read(text.as_bytes()).unwrap();
        self.traces.received(&message, text.as_bytes(), WIRE, false, self.now);
    }

    fn says(&self, text: &str) {
        self.traces.sent(text.as_bytes(), WIRE, self.now);
    }

    fn held(&self) -> (usize, usize) {
        let state = self.traces.lock();
        (state.calls.len(), state.bytes)
    }
}

fn starts(record: &Record) -> Vec<String> {
    let start = |message: &Traced| {
        let text = String::from_utf8_lossy(&message.bytes).into_owned();
        let way = if message.direction == Direction::Received { ">" } else { "<" };
        format!("{way} {}", text.lines().next().unwrap())
    };
    record.messages.iter().map(start).collect()
}

#[test]
fn a_call_is_kept_from_its_invite_to_the_answer_to_its_bye() {
    let edge = Edge::new(1 << 20);
    edge.hears(&invite("1", "a", "z1"));
    edge.hears(&invite("1", "a", "z1"));
    edge.says(&invite("1", "a", "z1").replace("INVITE sip:112@h SIP/2.0", "SIP/2.0 100 Trying"));
    let trace = edge.traces.claim("1", "a", "us").unwrap();
    edge.says(&within("SIP/2.0 200 OK", "INVITE", "a", "us"));
    edge.hears(&within("ACK sip:112@h SIP/2.0", "ACK", "a", "us"));
    edge.says(&of_ours("BYE sip:a@b SIP/2.0", "BYE", "a", "us"));
    edge.hears(&of_ours("SIP/2.0 200 OK", "BYE", "a", "us"));
    let record = trace.take();
    assert_eq!(
        starts(&record),
        [
            "> INVITE sip:112@h SIP/2.0",
            "> INVITE sip:112@h SIP/2.0",
            "< SIP/2.0 100 Trying",
            "< SIP/2.0 200 OK",
            "> ACK sip:112@h SIP/2.0",
            "< BYE sip:a@b SIP/2.0",
            "> SIP/2.0 200 OK",
        ]
    );
    assert_eq!(record.left_out, 0);
    assert_eq!(edge.held(), (0, 0));
}

#[test]
fn calls_with_one_call_id_do_not_share_a_trace() {
    let edge = Edge::new(1 << 20);
    edge.hears(&invite("1", "a", "z1"));
    edge.hears(&invite("1", "b", "z2"));
    let (first, second) =
        (edge.traces.claim("1", "a", "us").unwrap(), edge.traces.claim("1", "b", "we").unwrap());
    edge.hears(&within("BYE sip:112@h SIP/2.0", "BYE", "b", "we"));
    // The caller's tag again, by mistake or on purpose: another call has it already.
    edge.hears(&invite("1", "a", "z3"));
    assert!(edge.traces.claim("1", "a", "they").is_none());
    edge.says(&within("SIP/2.0 200 OK", "INVITE", "a", "they"));
    assert_eq!(starts(&first.take()), ["> INVITE sip:112@h SIP/2.0"]);
    assert_eq!(starts(&second.take()), ["> INVITE sip:112@h SIP/2.0", "> BYE sip:112@h SIP/2.0"]);
}

#[test]
fn strangers_and_scanners_leave_nothing_behind() {
    let mut edge = Edge::new(1 << 20);
    edge.refuses(&invite("1", "a", "z1"));
    edge.hears(&within("BYE sip:112@h SIP/2.0", "BYE", "a", "us"));
    edge.says(&within("SIP/2.0 481 Gone", "BYE", "a", "us"));
    assert_eq!(edge.held(), (0, 0));
    for n in 0..5000 {
        edge.hears(&invite(&n.to_string(), "a", "z1"));
    }
    assert!(edge.held().0 <= UNCLAIMED);
    edge.now += PATIENCE;
    edge.hears(&invite("last", "a", "z1"));
    assert_eq!(edge.held().0, 1);
}

#[test]
fn a_talkative_call_loses_its_middle_and_says_so() {
    let edge = Edge::new(1 << 20);
    edge.hears(&invite("1", "a", "z1"));
    let trace = edge.traces.claim("1", "a", "us").unwrap();
    for n in 0..200 {
        edge.hears(&within(&format!("INFO sip:{n}@h SIP/2.0"), "INFO", "a", "us"));
    }
    edge.hears(&within("BYE sip:112@h SIP/2.0", "BYE", "a", "us"));
    let record = trace.take();
    let starts = starts(&record);
    assert_eq!((starts.len(), record.left_out), (MESSAGES, 202 - MESSAGES as u32));
    assert_eq!(starts[0], "> INVITE sip:112@h SIP/2.0");
    assert_eq!(starts[FIRST - 1], format!("> INFO sip:{}@h SIP/2.0", FIRST - 2));
    assert_eq!(starts[MESSAGES - 1], "> BYE sip:112@h SIP/2.0");
}

#[test]
fn neither_a_call_nor_all_of_them_outgrow_their_bounds() {
    let edge = Edge::new(100_000);
    let long = |start: &str, tag: &str| within(start, "INFO", tag, "us") + &"x".repeat(MESSAGE + 5);
    for tag in ["a", "b"] {
        edge.hears(&invite("1", tag, tag));
    }
    let traces = ["a", "b"].map(|tag| edge.traces.claim("1", tag, "us").unwrap());
    for tag in ["a", "b"] {
        (0..50).for_each(|_| edge.hears(&long("INFO sip:112@h SIP/2.0", tag)));
    }
    assert!(edge.held().1 <= 100_000);
    let [first, second] = traces.map(Trace::take);
    let bytes = |record: &Record| record.messages.iter().map(|m| m.bytes.len()).sum::<usize>();
    assert!(bytes(&first) <= BYTES && first.left_out > 0);
    assert!(bytes(&second) <= 100_000 - bytes(&first) && second.left_out > 0);
    assert!(first.messages.iter().all(|message| message.bytes.len() <= MESSAGE));
    assert_eq!(edge.held(), (0, 0));
}

#[test]
fn with_no_room_at_all_nothing_is_looked_at() {
    let edge = Edge::new(0);
    edge.hears(&invite("1", "a", "z1"));
    assert!(edge.traces.claim("1", "a", "us").is_none());
    assert_eq!(edge.held(), (0, 0));
}

#[tokio::test]
async fn a_call_is_over_with_the_answer_to_its_bye_or_the_ack_of_its_refusal() {
    let edge = Edge::new(1 << 20);
    for (tag, last) in
        [("a", ["BYE sip:112@h SIP/2.0", "SIP/2.0 200 OK"]), ("b", ["", "SIP/2.0 486 Busy Here"])]
    {
        edge.hears(&invite("1", tag, tag));
        let trace = edge.traces.claim("1", tag, "us").unwrap();
        let over = tokio::spawn(async move {
            trace.over().await;
            starts(&trace.take()).len()
        });
        tokio::task::yield_now().await;
        assert!(!over.is_finished());
        let count = if last[0].is_empty() {
            edge.says(&within(last[1], "INVITE", tag, "us"));
            edge.hears(&within("ACK sip:112@h SIP/2.0", "ACK", tag, "us"));
            3
        } else {
            edge.hears(&within(last[0], "BYE", tag, "us"));
            edge.says(&within(last[1], "BYE", tag, "us"));
            3
        };
        assert_eq!(over.await.unwrap(), count);
    }
}
