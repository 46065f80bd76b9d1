use super::*;
use crate::sip::text::{Message, read};
use proptest::prelude::*;

const HEAD: &str =
    "INVITE sip:112@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n";

fn whole(datagram: &[u8]) -> String {
    match repair(datagram) {
        Repaired::Whole(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => panic!("{other:?}"),
    }
}

fn fault(datagram: &str) -> Fault {
    match repair(datagram.as_bytes()) {
        Repaired::Broken { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_healthy_message_is_not_copied() {
    let message = format!("{HEAD}Content-Length: 3\r\n\r\nv=0");
    assert!(
        matches!(repair(message.as_bytes()), Repaired::Whole(Cow::Borrowed(b)) if b == message.as_bytes())
    );
}

#[test]
fn a_missing_length_is_the_rest_of_the_datagram() {
    let mended = whole(format!("{HEAD}\r\nv=0\r\n").as_bytes());
    assert_eq!(mended, format!("{HEAD}Content-Length: 5\r\n\r\nv=0\r\n"));
}

#[test]
fn what_lies_behind_the_body_is_cut() {
    assert_eq!(
        whole(format!("{HEAD}l: 3\r\n\r\nv=0REGISTER").as_bytes()),
        format!("{HEAD}l: 3\r\n\r\nv=0")
    );
}

#[test]
fn a_length_said_twice_alike_stays_once() {
    let message = format!("{HEAD}l: 3\r\nContent-Length: 3\r\n\r\nv=0");
    assert_eq!(whole(message.as_bytes()), format!("{HEAD}l: 3\r\n\r\nv=0"));
}

#[test]
fn lengths_that_cannot_be_met_are_faults() {
    assert_eq!(fault(&format!("{HEAD}l: 4\r\n\r\nv=0")), Fault::CutShort);
    assert_eq!(fault(&format!("{HEAD}l: 99999999999999999999999\r\n\r\nv=0")), Fault::CutShort);
    assert_eq!(fault(&format!("{HEAD}l: -3\r\n\r\nv=0")), Fault::BadLength);
    assert_eq!(fault(&format!("{HEAD}l: +3\r\n\r\nv=0")), Fault::BadLength);
    assert_eq!(fault(&format!("{HEAD}l:\r\n\r\nv=0")), Fault::BadLength);
    assert_eq!(fault(&format!("{HEAD}l: 3\r\nl: 2\r\n\r\nv=0")), Fault::TwoLengths);
    assert_eq!(fault(HEAD), Fault::NoEmptyLine);
}

#[test]
fn a_latin_1_name_becomes_utf_8_and_the_body_stays() {
    let mended = whole(b"BYE sip:a@b SIP/2.0\r\nSubject: caf\xe9\r\nl: 2\r\n\r\n\xe9\xff");
    assert!(mended.contains("Subject: caf\u{e9}\r\n"));
    let Repaired::Whole(bytes) = repair(b"BYE sip:a@b SIP/2.0\r\ns: \xe9\r\nl: 2\r\n\r\n\xe9\xff")
    else {
        panic!()
    };
    assert!(bytes.ends_with(b"\r\n\r\n\xe9\xff"));
}

#[test]
fn lines_are_unfolded_and_end_in_crlf() {
    let mended = whole(
        b"\r\nBYE sip:a@b SIP/2.0\nTO :\n sip:v@example.com ;   tag    = 19\nCSeq: 9\n  BYE\n\n",
    );
    assert_eq!(
        mended,
        "BYE sip:a@b SIP/2.0\r\nTO: sip:v@example.com;tag=19\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_carriage_return_within_a_line_is_a_blank() {
    assert!(whole(b"BYE sip:a@b SIP/2.0\r\ns: a\rVia: b\r\n\r\n").contains("s: a Via: b\r\n"));
}

#[test]
fn blanks_within_via_go() {
    let mended = whole(b"BYE sip:a@b SIP/2.0\r\nv:  SIP  / 2.0  / TCP     x.example.com   ;\r\n  branch  =   z9hG4bK9  ,\r\n SIP  /    2.0   / UDP  1.2.3.4 : 5060  ; branch=\r\n z9hG4bK3\r\n\r\n");
    assert!(mended.contains("v: SIP/2.0/TCP x.example.com;branch=z9hG4bK9,SIP/2.0/UDP 1.2.3.4:5060;branch=z9hG4bK3\r\n"), "{mended}");
}

#[test]
fn display_names_are_quoted_where_they_must_be() {
    for (before, after) in [
        ("Budi, S.Kom <sip:a@b>;tag=1", "\"Budi, S.Kom\" <sip:a@b>;tag=1"),
        (r#""a<b>\"c" <sip:a@b>"#, "\"abc\" <sip:a@b>"),
        (r#""Budi, S.Kom" <sip:a@b>"#, r#""Budi, S.Kom" <sip:a@b>"#),
        ("Budi Santoso <sip:a@b>", "Budi Santoso <sip:a@b>"),
        ("sip:a@b;tag=2", "sip:a@b;tag=2"),
    ] {
        let mended = whole(format!("BYE sip:a@b SIP/2.0\r\nFrom: {before}\r\n\r\n").as_bytes());
        assert!(mended.contains(&format!("From: {after}\r\n")), "{mended}");
    }
}

#[test]
fn keep_alives_and_noise_are_told_apart() {
    assert_eq!(repair(b"\r\n\r\n"), Repaired::Ping);
    for noise in [
        &b""[..],
        b"\r\n",
        b"\0\0\0\0",
        b"\x00\x01\x00\x08\x21\x12\xa4\x42",
        b"\x80\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b" \t",
    ] {
        assert_eq!(repair(noise), Repaired::Noise, "{noise:?}");
    }
}

/// Bytes near enough to SIP to get past the first look.
fn almost_sip() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("Content-Length: 3".as_bytes().to_vec()),
        Just("l : 0".as_bytes().to_vec()),
        Just("Via: SIP / 2.0/UDP h ; branch = \"x".as_bytes().to_vec()),
        Just("From: a, \"b\\\" <c <sip:a@b> ; tag = 1".as_bytes().to_vec()),
        Just("t: b\\\"< c <sip:a@b>".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..24),
        "[ -~]{0,24}".prop_map(String::into_bytes),
        "(From|To|Via|CSeq): [ \t<>\"\\\\;=,/:a-c\r]{0,16}".prop_map(String::into_bytes),
    ];
    let end = prop_oneof![Just(&b"\r\n"[..]), Just(&b"\n"[..]), Just(&b"\r\n "[..])];
    proptest::collection::vec((line, end), 0..8).prop_map(|lines| {
        let mut datagram = b"INVITE sip:a@b SIP/2.0\r\n".to_vec();
        for (line, end) in lines {
            datagram.extend_from_slice(&line);
            datagram.extend_from_slice(end);
        }
        datagram.extend_from_slice(b"\r\nbody");
        datagram
    })
}

proptest! {
    #[test]
    fn mending_what_is_mended_changes_nothing(datagram in almost_sip()) {
        if let Repaired::Whole(once) = repair(&datagram) {
            prop_assert_eq!(repair(&once), Repaired::Whole(Cow::Borrowed(&once[..])));
        }
    }

    #[test]
    fn a_mended_message_is_read_and_its_length_is_its_body(datagram in almost_sip()) {
        if let Repaired::Whole(bytes) = repair(&datagram) {
            let Message::Request(request) = read(&bytes).unwrap() else { panic!("no request") };
            let length: usize = request.headers.get("Content-Length").unwrap().parse().unwrap();
            prop_assert_eq!(length, request.body.len());
        }
    }

    #[test]
    fn any_bytes_are_taken(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = repair(&datagram);
    }
}
