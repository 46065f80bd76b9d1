use super::*;
use crate::store::{EndReason, EndedBy};
use crate::ticket::CallId;

const BEGUN: i64 = 1_795_368_600_000;

fn at(ms: i64) -> Timestamp {
    Timestamp(BEGUN + ms)
}

fn call() -> CallRow {
    CallRow {
        id: CallId(7),
        sip_call_id: "a84b".into(),
        trunk: None,
        number: Some("+6281234567890".into()),
        asserted: false,
        called: "112".into(),
        started: at(2),
        answered: Some(at(9)),
        ended: Some(at(31_200)),
        end_reason: Some(EndReason::HungUp),
        ended_by: Some(EndedBy::Caller),
        codec: Some("PCMA".into()),
        packets_sent: 1500,
        packets_received: 1490,
        packets_lost: 10,
        first_audio: Some(at(60)),
        recorded_ms: 0,
        ticket: None,
    }
}

fn said(ms: i64, from_caller: bool, start: &str, body: &str) -> TracedMessage {
    let text = format!(
        "{start}\r\nFrom: \"Sri\" <sip:+6281234567890@203.0.113.9>;tag=1\r\nCSeq: 1 INVITE\r\n\
         Content-Type: application/sdp\r\n\r\n{body}"
    );
    TracedMessage {
        at: at(ms),
        from_caller,
        peer: "203.0.113.9:5060".into(),
        transport: "UDP".into(),
        text,
    }
}

const OFFER: &str = "v=0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
const HOLD: &str = "v=0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n";

fn trace() -> CallTrace {
    let invite = "INVITE sip:+62531123456@203.0.113.7 SIP/2.0";
    let messages = vec![
        said(0, true, invite, OFFER),
        said(5, true, invite, OFFER),
        said(8, false, "SIP/2.0 200 OK", OFFER),
        said(900, true, invite, HOLD),
        said(902, true, "UPDATE sip:+62531123456@203.0.113.7 SIP/2.0", HOLD),
        said(31_199, true, "BYE sip:112@h SIP/2.0", ""),
    ];
    CallTrace { messages, left_out: 0 }
}

fn drawn(role: Role) -> String {
    let steps = [Step { at: at(61), step: "menu".into(), what: "key 1".into() }];
    let line = |rung: Rung| {
        let way = match rung.way {
            Way::FromCaller => "-->",
            Way::ToCaller => "<--",
            Way::Here => "   ",
        };
        let again = if rung.repeated { " [lagi]" } else { "" };
        format!("{:>7} {way} {} | {} | {}{again}\n", rung.after, rung.what, rung.cseq, rung.note)
    };
    rungs(&call(), &steps, &trace(), role).into_iter().map(line).collect()
}

#[test]
fn messages_steps_and_audio_stand_in_the_order_of_time() {
    insta::assert_snapshot!(drawn(Role::Operator));
}

#[test]
fn who_sees_no_numbers_sees_the_same_ladder() {
    assert_eq!(drawn(Role::Auditor), drawn(Role::Operator));
    let text = |role| rungs(&call(), &[], &trace(), role)[0].text.clone().unwrap();
    assert!(text(Role::Operator).contains("\"Sri\" <sip:+6281234567890@203.0.113.9>"));
    assert!(text(Role::Auditor).contains("\"xxx\" <sip:+xxxxxxxxxx890@xxx.x.xxx.x>"));
    assert!(text(Role::Auditor).starts_with("INVITE sip:+xxxxxxxx456@xxx.x.xxx.x SIP/2.0\n"));
}

#[test]
fn characters_that_play_tricks_are_seen() {
    let mut message = said(0, true, "INVITE sip:a\u{202e}b SIP/2.0", "");
    message.text.push('\u{1b}');
    let text = text(&message, Role::Admin);
    assert!(text.starts_with("INVITE sip:a\u{fffd}b SIP/2.0\n") && text.ends_with('\u{fffd}'));
}

#[test]
fn a_call_without_messages_has_its_steps_and_facts() {
    let call = CallRow { answered: None, first_audio: None, codec: None, ..call() };
    let rungs = rungs(&call, &[], &CallTrace::default(), Role::Admin);
    assert_eq!(rungs.len(), 1);
    assert_eq!(rungs[0].after, "31,198");
}
