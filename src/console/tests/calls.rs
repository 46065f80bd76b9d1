//! Past calls: their ladder, who sees how much of it, the files for the technician, and strangers' text in SIP.

use super::*;

fn said(ms: u64, from_caller: bool, text: String) -> TracedMessage {
    TracedMessage {
        at: NOW + Duration::from_millis(ms),
        from_caller,
        peer: "203.0.113.9:5070".into(),
        transport: "UDP".into(),
        text,
    }
}

/// INVITE, its 200, and BYE with an answer.
pub(super) fn trace() -> CallTrace {
    let about = |cseq: &str| {
        format!(
            "Via: SIP/2.0/UDP 203.0.113.9:5070;branch=z9hG4bK77;received=36.77.12.9\r\n\
             From: \"Ibu Sri\" <sip:+6281234567890@203.0.113.9>;tag=1928\r\n\
             To: <sip:+62531123456@198.51.100.7>\r\nCall-ID: a84b4c76e66710@pc33\r\nCSeq: {cseq}\r\n"
        )
    };
    let sdp = "Content-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 203.0.113.9\r\nm=audio 4000 RTP/AVP 8 101\r\n\
               a=rtpmap:101 telephone-event/8000\r\n";
    let invite =
        format!("INVITE sip:+62531123456@198.51.100.7 SIP/2.0\r\n{}{sdp}", about("1 INVITE"));
    let messages = vec![
        said(0, true, invite.clone()),
        said(2, true, invite),
        said(9, false, format!("SIP/2.0 200 OK\r\n{}{sdp}", about("1 INVITE"))),
        said(12, true, format!("ACK sip:kentongan@198.51.100.7 SIP/2.0\r\n{}\r\n", about("1 ACK"))),
        said(
            29_990,
            true,
            format!("BYE sip:kentongan@198.51.100.7 SIP/2.0\r\n{}\r\n", about("2 BYE")),
        ),
        said(29_991, false, format!("SIP/2.0 200 OK\r\n{}\r\n", about("2 BYE"))),
    ];
    CallTrace { messages, left_out: 0 }
}

/// The same words wherever a stranger can put some.
pub(super) fn hostile_trace(words: &str) -> CallTrace {
    let long = format!("{words}{}", "A".repeat(8_192));
    let texts = [
        format!("{words} {words} SIP/2.0\r\n{words}: {words}\r\nCSeq: {words}\r\n\r\n{words}"),
        format!(
            "INVITE sip:112@h SIP/2.0\r\nFrom: \"{long}\" <sip:{words}@h>\r\nSubject: a\r\n {words}\r\n\r\n"
        ),
        format!(
            "SIP/2.0 200 {words}\r\nContent-Type: application/sdp\r\n\r\ns={words}\r\nm=audio 1 RTP/AVP {words}\r\na=rtpmap:{words}\r\n"
        ),
        "BYE sip:112@h SIP/2.0\r\nFrom: \u{e9}\u{0}\u{1b}[2J\u{202e}\r\n\r\n".to_owned(),
        String::new(),
    ];
    let messages = texts.into_iter().map(|text| said(0, true, text)).collect();
    CallTrace { messages, left_out: u32::MAX }
}

/// A call that was answered, and its end.
async fn ended(office: &Office, caller: &str, end: impl Fn(CallEnd) -> CallEnd) -> CallId {
    let call = rung(office, caller).await;
    office.store().answer_call(call, "PCMA", NOW).await.unwrap();
    end_of(office, call, end).await;
    call
}

async fn rung(office: &Office, caller: &str) -> CallId {
    let call = NewCall {
        sip_call_id: "1".into(),
        trunk: None,
        caller: Contact { number: Some(caller.into()), asserted: false },
        called: "112".into(),
        started: NOW,
    };
    office.store().begin_call(call).await.unwrap()
}

async fn end_of(office: &Office, call: CallId, end: impl Fn(CallEnd) -> CallEnd) {
    let usual = CallEnd {
        at: NOW + Duration::from_secs(5),
        reason: EndReason::HungUp,
        ended_by: EndedBy::Caller,
        packets_sent: 0,
        packets_received: 0,
        packets_lost: 0,
        first_audio: None,
        steps: Vec::new(),
        trace: CallTrace::default(),
    };
    office.store().end_call(call, end(usual)).await.unwrap();
}

#[tokio::test]
async fn who_sees_no_numbers_sees_none_in_the_ladder() {
    let office = Office::new().await;
    office.phoned(&["jalan rusak"]).await;
    let auditor = office.get("auditor", "/panggilan/1").await.steady();
    let ladder = auditor.split_once("class=\"ladder\"").unwrap().1;
    for number in ["6281234567890", "62531123456", "36.77.12.9", "203.0.113.9", "Ibu Sri"] {
        assert!(!ladder.contains(number), "{number}");
    }
    insta::assert_snapshot!("call_auditor", auditor);
}

#[tokio::test]
async fn a_technician_takes_the_messages_along_and_the_audit_knows() {
    let office = Office::new().await;
    office.phoned(&["jalan rusak"]).await;
    let text = office.get("petugas", "/panggilan/1/jejak.txt").await;
    assert_eq!(text.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(
        text.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"panggilan-1.txt\""
    );
    assert_eq!(text.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(text.headers[header::CACHE_CONTROL], "no-store");
    assert!(
        text.text()
            .starts_with("=== 0,000 penelepon -> kentongan UDP 203.0.113.9:5070\nINVITE sip:+62")
    );
    let masked = office.get("auditor", "/panggilan/1/jejak.txt").await.text();
    assert!(
        masked.contains("=== 0,000 penelepon -> kentongan UDP\nINVITE sip:+xxxxxxxx456@"),
        "{masked}"
    );

    let file = office.get("admin", "/panggilan/1/jejak.pcap").await;
    assert_eq!(
        file.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"panggilan-1.pcap\""
    );
    let holds = |page: &Page, text: &[u8]| page.body.windows(text.len()).any(|w| w == text);
    assert!(holds(&file, b"INVITE sip:+62531123456@") && holds(&file, &[203, 0, 113, 9]));
    let masked = office.get("auditor", "/panggilan/1/jejak.pcap").await;
    assert!(!holds(&masked, b"62531123456") && !holds(&masked, &[203, 0, 113, 9]));
    assert_eq!(file.body.len(), masked.body.len());

    let deeds: Vec<String> =
        office.deeds().await.into_iter().filter(|deed| deed.contains("download")).collect();
    let of = |who: &str| format!("{who} download call 1");
    assert_eq!(deeds, ["petugas", "auditor", "admin", "auditor"].map(of));
}

#[tokio::test]
async fn without_messages_there_is_nothing_to_take_along() {
    let office = Office::new().await;
    let call = ended(&office, "1", |end| end).await.0;
    for kind in ["txt", "pcap"] {
        let page = office.get("admin", &format!("/panggilan/{call}/jejak.{kind}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
    }
    let page = office.get("admin", &format!("/panggilan/{call}")).await.text();
    assert!(page.contains("Pesan SIP tidak tersimpan") && !page.contains("/jejak."));
}

#[tokio::test]
async fn names_in_sip_break_out_of_nothing() {
    let office = Office::new().await;
    const EVIL: &str = "\"><script>alert(1)</script>\r\nX-Evil: 1\r\n\r\n<!-- {{ 7*7 }}";
    let trace = hostile_trace(EVIL);
    let call = ended(&office, EVIL, |end| CallEnd { trace: trace.clone(), ..end }).await.0;
    for role in ["admin", "auditor"] {
        let page = office.get(role, &format!("/panggilan/{call}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.headers.contains_key("x-evil"));
        let text = page.text();
        assert!(!text.contains("<script>") && !text.contains("<!-- {{"), "{text}");
        assert!(!text.contains(['\u{0}', '\u{1b}', '\u{202e}']));
        assert_eq!(text.matches("</html>").count(), 1);
        for kind in ["txt", "pcap"] {
            let file = office.get(role, &format!("/panggilan/{call}/jejak.{kind}")).await;
            assert_eq!(file.status, StatusCode::OK);
            assert_eq!(file.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }
}

#[tokio::test]
async fn calls_are_found_by_what_became_of_them() {
    let office = Office::new().await;
    let cancelled =
        |end| CallEnd { reason: EndReason::Cancelled, ended_by: EndedBy::Caller, ..end };
    let given_up = rung(&office, "1001").await;
    end_of(&office, given_up, cancelled).await;
    office.phoned(&["jalan rusak"]).await;
    let network =
        |end| CallEnd { reason: EndReason::RtpTimeout, ended_by: EndedBy::Network, ..end };
    let silent = ended(&office, "1002", network).await;
    for (filter, shown) in [
        ("", [true, true, true]),
        ("tak-terjawab", [true, true, false]),
        ("tanpa-rekaman", [false, false, true]),
        ("penelepon", [true, true, false]),
        ("layanan", [false, false, false]),
        ("jaringan", [false, false, true]),
        ("entah", [true, true, true]),
    ] {
        let text = office.get("admin", &format!("/panggilan?hasil={filter}")).await.text();
        let seen = ["1001", "+6281234567890", "1002"].map(|number| text.contains(number));
        assert_eq!(seen, shown, "{filter}");
    }
    let older = format!("/panggilan?sebelum={}", silent.0);
    let text = office.get("admin", &older).await.text();
    assert!(text.contains("1001") && !text.contains("1002"));
}

#[tokio::test]
async fn the_next_page_keeps_the_filter() {
    let office = Office::new().await;
    for n in 0..51 {
        ended(&office, &format!("9{n:03}"), |end| end).await;
    }
    let text = office.get("admin", "/panggilan?hasil=penelepon").await.text();
    assert!(text.contains("href=\"/panggilan?hasil=penelepon&#38;sebelum=2\""), "{text}");
    let next = office.get("admin", "/panggilan?hasil=penelepon&sebelum=2").await.text();
    assert!(next.contains("9000") && !next.contains("9001"));
}
