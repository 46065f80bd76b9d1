use std::time::Duration;

use super::*;
use crate::sip::text::{Message, read};

fn request_with(method: &str, changes: &[(&str, &str)], body: &str) -> String {
    let mut fields = vec![
        ("Via", "SIP/2.0/UDP 192.0.2.7:5070;rport;branch=z9hG4bKa".to_owned()),
        ("From", "\"Ani\" <sip:+62812@192.0.2.7>;tag=1928".to_owned()),
        ("To", "<sip:112@h>".to_owned()),
        ("Call-ID", "a84b4c76e66710".to_owned()),
        ("CSeq", format!("7 {method}")),
        ("Max-Forwards", "70".to_owned()),
        ("Contact", "<sip:ani@192.0.2.7:5070>".to_owned()),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name || value.starts_with('+'));
        if !value.is_empty() {
            fields.push((name, value.trim_start_matches('+').to_owned()));
        }
    }
    let mut text = format!("{method} sip:112@h SIP/2.0\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n" + body
}

fn judged(text: &str) -> Verdict {
    screen(&parsed(text), &[])
}

fn parsed(text: &str) -> Request<'_> {
    match read(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn refusal(text: &str) -> (u16, String) {
    match judged(text) {
        Verdict::Reply(reply) => (reply.status, reply.phrase.into_owned()),
        other => panic!("{other:?}: {text}"),
    }
}

fn changed(method: &str, name: &str, value: &str) -> String {
    request_with(method, &[(name, value)], "")
}

#[test]
fn healthy_requests_pass() {
    for method in ["INVITE", "OPTIONS", "ACK", "CANCEL"] {
        assert_eq!(judged(&request_with(method, &[], "")), Verdict::Pass);
    }
    for method in ["BYE", "INFO", "UPDATE"] {
        assert_eq!(judged(&changed(method, "To", "<sip:112@h>;tag=9")), Verdict::Pass);
    }
    assert_eq!(judged(&changed("INVITE", "Require", "timer")), Verdict::Pass);
    assert_eq!(judged(&changed("INVITE", "To", "<tel:112>")), Verdict::Pass);
}

#[test]
fn each_missing_header_field_is_named() {
    for name in ["Via", "From", "To", "Call-ID", "CSeq", "Contact"] {
        let text = changed("INVITE", name, "");
        assert_eq!(refusal(&text), (400, format!("Missing {name} header field")));
    }
}

#[test]
fn each_malformed_header_field_is_named() {
    for (name, value, phrase) in [
        ("Via", "SIP/2.0/UDP 192.0.2.15;;,;,,", "Malformed Via"),
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bK", "Via branch without an identifier"),
        ("Via", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "Malformed Via"),
        ("Via", "SIP/2.0/DTLS h;branch=z9hG4bK1", "Unknown transport in Via"),
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1;x=\"", "Malformed Via"),
        ("From", "\"A <sip:a@b>;tag=1", "Malformed From"),
        ("From", "<sip:a@b>", "From without a tag"),
        ("From", "+<sip:a@b>;tag=1", "More than one From header field"),
        ("To", "<sip:>", "Malformed To"),
        ("To", "sip:a@b;;tag=1", "Malformed To"),
        ("Call-ID", "a b", "Malformed Call-ID"),
        ("CSeq", "4294967296 INVITE", "Malformed CSeq"),
        ("CSeq", "-1 INVITE", "Malformed CSeq"),
        ("CSeq", "1 BYE", "CSeq names another method than the request line"),
        ("Max-Forwards", "many", "Malformed Max-Forwards"),
        ("Contact", "\"Joe\" <sip:joe@example.org>;;;;", "Malformed Contact"),
        ("Require", "a b", "Malformed Require"),
    ] {
        assert_eq!(refusal(&changed("INVITE", name, value)), (400, phrase.to_owned()));
    }
}

#[test]
fn methods_are_told_apart_and_the_served_ones_listed() {
    for (method, status) in [("FOO", 501), ("invite", 501), ("REGISTER", 405), ("PRACK", 405)] {
        match judged(&request_with(method, &[], "")) {
            Verdict::Reply(reply) => {
                assert_eq!(
                    (reply.status, reply.headers),
                    (status, vec![("Allow", ALLOW.to_owned())])
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_ack_is_never_answered() {
    for (name, value) in [("From", ""), ("CSeq", "1 INVITE"), ("Via", "x"), ("Require", "100rel")] {
        assert!(!matches!(judged(&changed("ACK", name, value)), Verdict::Reply(_)));
    }
    assert_eq!(judged(&changed("ACK", "From", "")), Verdict::Drop);
}

#[test]
fn unknown_versions_and_schemes_are_refused() {
    assert_eq!(refusal(&request_with("INVITE", &[], "").replacen("SIP/2.0", "SIP/7.0", 1)).0, 505);
    for (uri, status) in [
        ("soap.beep://192.0.2.1:3002", 416),
        ("nobody:totally-opaque", 416),
        ("<sip:a@b>", 400),
        ("sip:a@b; lr", 400),
        ("sip:a@b?Route=c", 400),
        ("sip:", 400),
        ("112", 400),
    ] {
        let text = request_with("OPTIONS", &[], "").replacen("sip:112@h", uri, 1);
        assert_eq!(refusal(&text).0, status, "{uri}");
    }
    let text = request_with("INVITE", &[], "").replacen("sip:112@h", "tel:112", 1);
    assert_eq!(judged(&text), Verdict::Pass);
}

#[test]
fn a_lacking_extension_is_named() {
    let text = changed("INVITE", "Require", "timer, 100rel,, replaces");
    let Verdict::Reply(reply) = judged(&text) else { panic!("{text}") };
    assert_eq!(
        (reply.status, reply.headers),
        (420, vec![("Unsupported", "100rel, replaces".to_owned())])
    );
    assert_eq!(judged(&changed("CANCEL", "Require", "100rel")), Verdict::Pass);
}

#[test]
fn zero_hops_end_only_what_is_not_for_us() {
    let hosts = ["192.0.2.1".to_owned()];
    let named = changed("INVITE", "Max-Forwards", "0");
    let text = named.replacen("112@h", "112@192.0.2.2:5060", 1);
    let by_address = |text: &str| screen(&parsed(text), &hosts);
    assert!(matches!(by_address(&text), Verdict::Reply(Reply { status: 483, .. })));
    let ours = text.replacen("192.0.2.2", "192.0.2.1", 1);
    assert_eq!(by_address(&ours), Verdict::Pass);
    assert_eq!(by_address(&named), Verdict::Pass);
    assert_eq!(judged(&text), Verdict::Pass);
}

#[test]
fn a_request_of_no_dialog_is_told_so() {
    for method in ["BYE", "INFO", "UPDATE"] {
        assert_eq!(refusal(&request_with(method, &[], "")).0, 481, "{method}");
        // Whether there is a dialog of that tag, the stack knows.
        assert_eq!(judged(&changed(method, "To", "<sip:112@h>;tag=9")), Verdict::Pass);
    }
    assert_eq!(judged(&request_with("INVITE", &[], "")), Verdict::Pass);
}

#[test]
fn only_session_descriptions_are_taken() {
    let with = |content_type, body| request_with("INVITE", &[("Content-Type", content_type)], body);
    assert_eq!(judged(&with("application/SDP; charset=utf-8", "v=0\r\n")), Verdict::Pass);
    assert_eq!(refusal(&with("text/plain", "hi")).0, 415);
    assert_eq!(
        refusal(&with(
            "multipart/mixed;boundary=x",
            "--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x--"
        ))
        .0,
        415
    );
    assert_eq!(refusal(&with("", "v=0\r\n")), (400, "Body without a Content-Type".to_owned()));
    let gzip = request_with(
        "INVITE",
        &[("Content-Type", "application/sdp"), ("Content-Encoding", "gzip")],
        "x",
    );
    let Verdict::Reply(reply) = judged(&gzip) else { panic!() };
    assert_eq!(
        (reply.status, reply.headers),
        (415, vec![("Accept-Encoding", "identity".to_owned())])
    );
    assert_eq!(refusal(&changed("INVITE", "Accept", "text/html, text/plain")).0, 406);
    assert_eq!(
        judged(&changed("INVITE", "Accept", "text/html, application/*;q=0.1")),
        Verdict::Pass
    );
}

#[test]
fn the_session_description_is_found_in_a_multipart_body() {
    let body = "preamble\r\n--b 1\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b 1\r\n\
                content-type : application/sdp\r\n\r\nv=0\r\ns=-\r\n\r\n--b 1--\r\n";
    let text =
        request_with("INVITE", &[("Content-Type", "multipart/mixed; boundary=\"b 1\"")], body);
    assert_eq!(session_description(&parsed(&text)).as_deref(), Some("v=0\r\ns=-\r\n"));
    assert_eq!(judged(&text), Verdict::Pass);
}

#[test]
fn a_response_copies_what_it_must_and_says_where_the_request_came_from() {
    let text = request_with("FOO", &[("Via", "+SIP/2.0/TCP next;branch=z9hG4bKb")], "");
    let Verdict::Reply(reply) = judged(&text) else { panic!("{text}") };
    let source = "198.51.100.4:40001".parse().unwrap();
    let response = stateless_response(&parsed(&text), Some(source), &reply).unwrap();
    let tag = response.split("To: <sip:112@h>;tag=").nth(1).unwrap()[..16].to_owned();
    insta::assert_snapshot!(response.replace("\r\n", "\n").replace(&tag, "TAG"), @r#"
    SIP/2.0 501 Not Implemented
    Via: SIP/2.0/UDP 192.0.2.7:5070;rport=40001;branch=z9hG4bKa;received=198.51.100.4
    Via: SIP/2.0/TCP next;branch=z9hG4bKb
    From: "Ani" <sip:+62812@192.0.2.7>;tag=1928
    To: <sip:112@h>;tag=TAG
    Call-ID: a84b4c76e66710
    CSeq: 7 FOO
    Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE
    Content-Length: 0
    "#);
    assert_eq!(stateless_response(&parsed(&text), Some(source), &reply), Some(response.clone()));
    let other = text.replace("z9hG4bKa", "z9hG4bKc");
    assert_ne!(
        stateless_response(&parsed(&other), Some(source), &reply),
        Some(response.replace("z9hG4bKa", "z9hG4bKc"))
    );
}

#[test]
fn a_to_tag_is_kept_and_a_request_that_names_no_transaction_gets_no_response() {
    let reply = Reply::new(481, "x");
    let text = changed("BYE", "To", "<sip:112@h>;tag=9");
    let response = stateless_response(&parsed(&text), None, &reply).unwrap();
    assert!(
        response.contains("To: <sip:112@h>;tag=9\r\n")
            && response.contains(";rport;branch=z9hG4bKa\r\n")
    );
    for name in ["Via", "CSeq"] {
        assert_eq!(stateless_response(&parsed(&changed("BYE", name, "")), None, &reply), None);
    }
    let nameless = changed("BYE", "From", "");
    assert!(!stateless_response(&parsed(&nameless), None, &reply).unwrap().contains("From"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do, and only the clock makes one")]
fn the_same_request_by_another_way_is_a_merged_one_for_32_s() {
    let gate = Gate::new(Vec::new());
    let start = Instant::now();
    let first = request_with("INVITE", &[], "");
    let second = first.replace("z9hG4bKa", "z9hG4bKb");
    let ask =
        |text: &str, seconds: u64| gate.screen(&parsed(text), start + Duration::from_secs(seconds));
    assert_eq!(ask(&first, 0), Verdict::Pass);
    assert_eq!(ask(&first, 1), Verdict::Pass);
    assert!(matches!(ask(&second, 2), Verdict::Reply(Reply { status: 482, .. })));
    assert_eq!(ask(&second.replace("INVITE", "CANCEL"), 2), Verdict::Pass);
    assert_eq!(ask(&second.replace("7 INVITE", "8 INVITE"), 2), Verdict::Pass);
    assert_eq!(ask(&second.replace("112@h>", "112@h>;tag=5"), 2), Verdict::Pass);
    assert_eq!(ask(&second, 33), Verdict::Pass);
}

#[test]
fn a_closed_house_says_when_to_come_back() {
    assert_eq!(Reply::busy(Admission::Open), None);
    let closed = Reply::busy(Admission::Unavailable { retry_after: 30 }).unwrap();
    assert_eq!((closed.status, closed.headers), (503, vec![("Retry-After", "30".to_owned())]));
}
