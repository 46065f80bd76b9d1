use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5));

fn local() -> Local {
    Local {
        address: OURS,
        port: 20000,
        rtcp_port: None,
        session_id: 4611,
        version: 1,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        telephone_event: true,
    }
}

/// Name and text of each `tests/sdp/NAME.offer`, by name.
fn offers() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdp");
    let mut offers = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "offer") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            offers.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    offers.sort();
    offers
}

fn minimal(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}\r\n")
}

/// Payload types of each m= line, or whatever stands there.
fn formats(sdp: &str) -> Vec<Vec<&str>> {
    let lines = sdp.lines().filter(|line| line.starts_with("m="));
    lines.map(|line| line.split_whitespace().skip(3).collect()).collect()
}

/// `KENTONGAN_WRITE_GOLDEN=1` writes the answers instead: read the difference before it is committed.
#[test]
fn every_offer_in_the_folder_gets_the_answer_beside_it() {
    let write = std::env::var_os("KENTONGAN_WRITE_GOLDEN").is_some();
    let offers = offers();
    assert!(offers.len() >= 25, "tests/sdp holds only {} offers", offers.len());
    for (name, offer) in offers {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sdp/{name}.answer"));
        let answer = match answer(&offer, &local()) {
            Ok(answered) => answered.sdp,
            Err(why) => format!("refused: {} {why}\n", why.warning_code()),
        };
        if write {
            fs::write(path, answer).unwrap();
        } else {
            assert_eq!(answer, fs::read_to_string(path).unwrap_or_default(), "{name}");
        }
    }
}

#[test]
fn what_each_offer_in_the_folder_settles() {
    let mut table = String::new();
    for (name, offer) in offers() {
        let Ok(Answered { negotiated: n, .. }) = answer(&offer, &local()) else { continue };
        let show = |address: Option<_>| address.map_or("-".to_owned(), |a| format!("{a}"));
        let (rtp, rtcp) = (show(n.remote), show(n.remote_rtcp));
        let (codec, pt, direction, ptime) = (n.codec, n.payload_type, n.direction, n.ptime);
        let events =
            n.telephone_event.map_or("-".to_owned(), |e| format!("{}/{}", e.payload_type, e.clock));
        writeln!(
            table,
            "{name}: {codec:?} {pt}, events {events}, {direction:?}, {ptime} ms, to {rtp} and {rtcp}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_ipv6_offer_is_answered_from_an_ipv6_address() {
    let offer = offers().into_iter().find(|(name, _)| name == "ipv6").unwrap().1;
    let ours = Local { address: "2001:db8::1".parse().unwrap(), ..local() };
    let answered = answer(&offer, &ours).unwrap();
    assert!(answered.sdp.contains("c=IN IP6 2001:db8::1\r\n"), "{}", answered.sdp);
    assert_eq!(answered.negotiated.remote, Some("[2001:db8::5]:40040".parse().unwrap()));
    assert_eq!(answer(&minimal("m=audio 4000 RTP/AVP 8"), &ours), Err(Rejected::NoIpv4));
}

#[test]
fn only_a_codec_of_ours_is_answered() {
    let ours = Local { codecs: vec![Codec::Pcmu], ..local() };
    let answered = answer(&minimal("m=audio 4000 RTP/AVP 8 0"), &ours).unwrap();
    assert_eq!(answered.negotiated.codec, Codec::Pcmu);
    assert_eq!(answer(&minimal("m=audio 4000 RTP/AVP 8"), &ours), Err(Rejected::NoCommonCodec));
}

#[test]
fn events_are_left_out_when_we_do_not_want_them_or_none_of_the_offered_is_a_key() {
    let offer = minimal("m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000");
    let ours = Local { telephone_event: false, ..local() };
    let answered = answer(&offer, &ours).unwrap();
    assert_eq!(answered.negotiated.telephone_event, None);
    assert!(!answered.sdp.contains("telephone-event"));

    let answered = answer(&format!("{offer}a=fmtp:96 32-36\r\n"), &local()).unwrap();
    assert_eq!(answered.negotiated.telephone_event, None);
}

#[test]
fn a_text_without_audio_is_refused_with_the_reason() {
    assert_eq!(answer("", &local()), Err(Rejected::NoAudio));
    assert_eq!(answer("hello", &local()), Err(Rejected::NoAudio));
    assert_eq!(answer("v=1\r\nm=audio 4000 RTP/AVP 8", &local()), Err(Rejected::Version));
    assert_eq!(answer(&minimal("m=audio 70000 RTP/AVP 8"), &local()), Err(Rejected::Unreadable));
    assert_eq!(answer(&minimal("m=audio 4000 TCP/RTP/AVP 8"), &local()), Err(Rejected::Transport));
}

#[test]
fn a_huge_description_is_refused_and_one_at_the_limit_is_read() {
    let mut offer = minimal("m=audio 4000 RTP/AVP 8");
    while offer.len() + 8 <= MAX_BYTES {
        offer.push_str("a=x:yz\r\n");
    }
    assert!(answer(&offer, &local()).is_ok());
    offer.push_str("a=x:yz\r\n");
    assert_eq!(answer(&offer, &local()), Err(Rejected::TooLarge));
}

#[test]
fn the_rtcp_port_is_said_only_when_it_is_not_the_next() {
    let say = |rtcp_port| offer(&Local { rtcp_port, ..local() });
    assert!(!say(None).contains("a=rtcp:"));
    assert!(!say(Some(20001)).contains("a=rtcp:"));
    assert!(say(Some(31000)).contains("a=rtcp:31000\r\n"));
}

#[test]
fn our_offer_holds_our_codecs_in_our_order() {
    insta::assert_snapshot!(offer(&local()).replace('\r', ""), @r"
    v=0
    o=- 4611 1 IN IP4 203.0.113.5
    s=-
    c=IN IP4 203.0.113.5
    t=0 0
    m=audio 20000 RTP/AVP 8 0 101
    a=rtpmap:8 PCMA/8000
    a=rtpmap:0 PCMU/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
    a=ptime:20
    a=sendrecv
    ");
}

#[test]
fn an_answer_to_a_delayed_offer_settles_the_call() {
    let reply = minimal(
        "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\na=sendonly",
    );
    let negotiated = accept(&offer(&local()), &reply, &local()).unwrap();
    assert_eq!(
        negotiated,
        Negotiated {
            remote: Some("192.0.2.1:4000".parse().unwrap()),
            remote_rtcp: Some("192.0.2.1:4001".parse().unwrap()),
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some(TelephoneEvent { payload_type: 96, offered: 101, clock: 8000 }),
            direction: Direction::RecvOnly,
            ptime: 30,
        }
    );
}

#[test]
fn an_answer_may_not_bring_what_was_not_offered() {
    let ours = offer(&Local { codecs: vec![Codec::Pcma], telephone_event: false, ..local() });
    let settle = |media| accept(&ours, &minimal(media), &local());
    assert_eq!(settle("m=audio 4000 RTP/AVP 0"), Err(Rejected::NoCommonCodec));
    let with_events = "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000";
    assert_eq!(settle(with_events).unwrap().telephone_event, None);
    assert_eq!(settle("m=audio 0 RTP/AVP 8"), Err(Rejected::Declined));

    let held = ours.replace("a=sendrecv", "a=sendonly");
    let reply = minimal("m=audio 4000 RTP/AVP 8\r\na=sendrecv");
    assert_eq!(accept(&held, &reply, &local()).unwrap().direction, Direction::SendOnly);
}

#[test]
fn two_of_us_agree() {
    let caller = Local { address: "192.0.2.1".parse().unwrap(), port: 4000, ..local() };
    let ours = offer(&caller);
    let answered = answer(&ours, &local()).unwrap();
    let caller_side = accept(&ours, &answered.sdp, &caller).unwrap();
    assert_eq!(caller_side.remote, Some("203.0.113.5:20000".parse().unwrap()));
    let swapped = Negotiated {
        remote: caller_side.remote,
        remote_rtcp: caller_side.remote_rtcp,
        ..answered.negotiated
    };
    assert_eq!(caller_side, swapped);
}

#[test]
fn a_format_that_is_written_oddly_is_not_answered_in_another_way() {
    let odd = answer(&minimal("m=audio 4000 RTP/AVP 00 +8 8"), &local()).unwrap().sdp;
    assert!(odd.contains(" RTP/AVP 8\r\n"), "{odd}");
    assert!(answer(&minimal("m=audio 4000 RTP/AVP 00"), &local()).is_err());
}

#[test]
fn the_version_grows_only_when_the_answer_changes() {
    let first = answer(&minimal("m=audio 4000 RTP/AVP 8"), &local()).unwrap().sdp;
    let refresh = supersede(&first, &first);
    assert_eq!(refresh, first);

    let hold = answer(&minimal("m=audio 4000 RTP/AVP 8\r\na=sendonly"), &local()).unwrap().sdp;
    let held = supersede(&first, &hold);
    assert!(held.contains("o=- 4611 2 IN IP4") && held.contains("a=recvonly"), "{held}");
    assert_eq!(supersede(&held, &hold), held, "the same hold again");

    let resumed = supersede(&held, &first);
    assert!(resumed.contains("o=- 4611 3 IN IP4") && resumed.contains("a=sendrecv"), "{resumed}");
}

/// What any accepted offer must have got.
fn check_answer(offer: &str, answered: &Answered) -> Result<(), TestCaseError> {
    let session = read::parse(&answered.sdp).expect("our own answer parses");
    let offered = read::parse(offer).expect("an accepted offer parses");
    prop_assert_eq!(session.medias.len(), offered.medias.len());
    for (media, offered) in session.medias.iter().zip(&offered.medias) {
        prop_assert_eq!(&media.media, &offered.media);
        prop_assert_eq!(&media.proto, &offered.proto);
        let offered: HashSet<&str> = offered.fmt.split(' ').collect();
        prop_assert!(media.fmt.split(' ').all(|format| offered.contains(format)));
    }
    prop_assert_eq!(formats(&answered.sdp).len(), offered.medias.len());
    prop_assert!(session.medias.iter().filter(|media| media.port != 0).count() <= 1);
    Ok(())
}

#[test]
fn every_accepted_offer_in_the_folder_keeps_the_rules_of_rfc_3264() {
    for (name, offer) in offers() {
        if let Ok(answered) = answer(&offer, &local()) {
            check_answer(&offer, &answered).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

/// An offer of the folder with some pieces cut, doubled, moved or overwritten.
fn mutated() -> impl Strategy<Value = String> {
    let texts: Vec<String> = offers().into_iter().map(|(_, text)| text).collect();
    let edits =
        prop::collection::vec((any::<usize>(), any::<usize>(), "\\PC{0,6}|\r?\n|[0-9]{1,6}"), 0..8);
    (prop::sample::select(texts), edits).prop_map(|(text, edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, len, insert) in edits {
            let start = at % (chars.len() + 1);
            let end = (start + len % 12).min(chars.len());
            chars.splice(start..end, insert.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn a_mutated_offer_never_panics_and_an_accepted_one_keeps_the_rules(offer in mutated()) {
        if let Ok(answered) = answer(&offer, &local()) {
            check_answer(&offer, &answered)?;
        }
        let _ = accept(&super::offer(&local()), &offer, &local());
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*|(\\PC{0,20}\r?\n){0,20}|([vocstmab]=[\\PC]{0,20}\r?\n){0,20}") {
        if let Ok(answered) = answer(&text, &local()) {
            check_answer(&text, &answered)?;
        }
        let _ = supersede(&text, &text);
    }
}
