//! What trunks and phones do beside talking, against a whole hotline on loopback.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kentongan::media::{Codec, Direction, Engine, Leg, LegEvent, Negotiated, engine, sdp};
use kentongan::phone::ear::{Ear, Heard, likeness};
use kentongan::phone::{Met, Phone};
use kentongan::store::{CallRow, EndReason, EndedBy, RecordingState};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::loopback::{self, Loopback, PROMPTS, until};
use crate::sip_peer::{OFFER, Peer};

/// Longer than the greeting and the menu.
const PATIENCE: Duration = Duration::from_secs(45);

/// The number in every `Peer`'s From.
const PEER: &str = "+628123456789";

/// A phone whose SIP is in the hands of the test, with audio.
struct Caller {
    peer: Peer,
    leg: Leg,
    local: sdp::Local,
    sound: mpsc::UnboundedReceiver<Vec<i16>>,
    ear: Ear,
    heard: Vec<Heard>,
    agreed: Option<Negotiated>,
    _events: mpsc::UnboundedReceiver<LegEvent>,
    _engine: Engine,
}

impl Caller {
    async fn new(hotline: &Loopback) -> Caller {
        let engine = Engine::start(engine::Config {
            bind: [127, 0, 0, 1].into(),
            ports: 0..=0,
            ..engine::Config::default()
        })
        .unwrap();
        let (leg, events) = engine.open().unwrap();
        let (tap, sound) = mpsc::unbounded_channel();
        leg.listen(tap);
        Caller {
            peer: Peer::new(hotline.server.sip_address()).await,
            local: sdp::Local::new(leg.local_addr(), 1),
            leg,
            sound,
            ear: PROMPTS.ear(Codec::Pcma),
            heard: Vec::new(),
            agreed: None,
            _events: events,
            _engine: engine,
        }
    }

    async fn ring(&mut self) {
        let offer = sdp::offer(&self.local);
        self.peer.say("INVITE", "", &offer).await;
        let ok = self.peer.expect(200).await;
        self.peer.say("ACK", "", "").await;
        self.connect(sdp::accept(&offer, ok.body(), &self.local).unwrap());
    }

    fn connect(&mut self, agreed: Negotiated) {
        self.leg.connect(agreed.clone());
        self.agreed = Some(agreed);
    }

    /// A re-INVITE with this direction; the audio follows it. Gives the answer.
    async fn reoffer(&mut self, direction: &str, ours: Direction) -> String {
        let offer = sdp::offer(&self.local).replace("a=sendrecv", &format!("a={direction}"));
        assert!(offer.contains(&format!("a={direction}")), "{offer}");
        self.peer.say("INVITE", "", &offer).await;
        let ok = self.peer.expect(200).await;
        self.peer.say("ACK", "", "").await;
        let agreed = self.agreed.clone().unwrap();
        self.leg.connect(Negotiated { direction: ours, ..agreed });
        ok.body().to_owned()
    }

    async fn hear(&mut self, id: &str) {
        let listening = async {
            while !self.heard.iter().any(|h| h.id == id) {
                let samples = self.sound.recv().await.expect("the leg lives");
                self.heard.extend(self.ear.hear(&samples));
            }
        };
        let heard = tokio::time::timeout(PATIENCE, listening).await;
        assert!(heard.is_ok(), "{id} was not heard; heard: {:?}", self.heard);
    }

    async fn info(&mut self, key: char) {
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        self.peer.say("INFO", "Content-Type: application/dtmf-relay\r\n", &body).await;
        self.peer.expect(200).await;
    }

    async fn hang_up(&mut self) {
        self.peer.say("BYE", "", "").await;
        self.peer.expect(200).await;
    }
}

#[tokio::test]
async fn keys_by_sip_info_walk_the_menu() {
    let hotline = Loopback::start(|_| {}).await;
    let mut caller = Caller::new(&hotline).await;
    caller.ring().await;
    caller.info('3').await;
    caller.info('1').await;
    caller.hear("informasi/petunjuk_ppid").await;
    caller.hang_up().await;
    let row = hotline.ended_call_from(PEER).await;
    let path = hotline.path_of(&row).await;
    let keys: Vec<&str> =
        path.iter().map(|(_, what)| &**what).filter(|what| what.starts_with("key")).collect();
    assert_eq!(keys, ["key 3", "key 1"]);
    assert_eq!(row.end_reason, Some(EndReason::HungUp));
}

#[tokio::test]
async fn a_hold_without_music_outlasts_the_longest_silence() {
    let hotline = Loopback::start(|config| config.media.rtp_timeout = Duration::from_secs(2)).await;
    let mut caller = Caller::new(&hotline).await;
    caller.ring().await;
    caller.hear("salam/nama").await;
    caller.reoffer("sendonly", Direction::Inactive).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    caller.reoffer("sendrecv", Direction::SendRecv).await;
    caller.info('3').await;
    caller.hear("informasi/ppid").await;
    caller.hang_up().await;
    let row = hotline.ended_call_from(PEER).await;
    assert_eq!(row.end_reason, Some(EndReason::HungUp));
}

#[tokio::test]
async fn a_hold_in_mid_recording_leaves_it_as_long_as_it_was() {
    let hotline = Loopback::start(|_| {}).await;
    let mut caller = Caller::new(&hotline).await;
    caller.ring().await;
    caller.info('1').await;
    caller.hear("lapor/akhiri").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let (first, second) =
        (loopback::voice(1, Duration::from_secs(3)), loopback::voice(2, Duration::from_secs(3)));
    let started = hotline.call_from(PEER).await;
    caller.leg.play(1, vec![first.clone()]);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let held = caller.reoffer("sendonly", Direction::Inactive).await;
    assert!(held.contains("a=recvonly"), "{held}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let resumed = caller.reoffer("sendrecv", Direction::SendRecv).await;
    assert!(resumed.contains("a=sendrecv"), "{resumed}");
    caller.leg.play(2, vec![second.clone()]);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    caller.hang_up().await;
    let row = hotline.ended_call_from(PEER).await;
    assert_eq!(row.id, started.id);
    let recordings = hotline.server.hotline().store.recordings(row.id).await.unwrap();
    assert_eq!(recordings.len(), 1, "{recordings:?}");
    let recording = &recordings[0];
    assert_eq!(recording.state, RecordingState::Kept);
    // Both halves, and at most the hold between them.
    assert!((6000..8500).contains(&recording.duration_ms), "{recording:?}");
    for said in [first, second] {
        let likeness = likeness(&hotline.path(&recording.file), &said).unwrap();
        assert!(likeness > 0.85, "{likeness}");
    }
    assert_eq!(hotline.tickets_of(&row).await.len(), 1);
}

#[tokio::test]
async fn an_invite_without_offer_is_answered_with_one_and_heard() {
    let hotline = Loopback::start(|_| {}).await;
    let mut caller = Caller::new(&hotline).await;
    caller.peer.say("INVITE", "", "").await;
    let ok = caller.peer.expect(200).await;
    let answered = sdp::answer(ok.body(), &caller.local).unwrap();
    caller.peer.say("ACK", "", &answered.sdp).await;
    caller.connect(answered.negotiated);
    caller.hear("salam/nama").await;
    assert!(caller.heard[0].whole);
    caller.hang_up().await;
    assert_eq!(hotline.ended_call_from(PEER).await.end_reason, Some(EndReason::HungUp));
}

#[tokio::test]
async fn one_call_more_than_there_are_lines_hears_busy() {
    let hotline = Loopback::start(|config| {
        config.calls.max = 1;
        config.calls.retry_after = 17;
    })
    .await;
    let mut first = Caller::new(&hotline).await;
    first.ring().await;
    let mut second = Caller::new(&hotline).await;
    second.peer.say("INVITE", "", OFFER).await;
    let busy = second.peer.expect(486).await;
    assert_eq!(busy.header("Retry-After"), Some("17"));
    second.peer.say("ACK", "", "").await;
    let ends = async || {
        let calls = hotline.server.hotline().store.calls_recent(9).await.unwrap();
        calls.into_iter().filter_map(|call| call.end_reason).collect::<Vec<_>>()
    };
    until("the row of who found no line", async || Some(ends().await).filter(|e| e.len() == 1))
        .await;
    assert_eq!(ends().await, [EndReason::Busy]);
    first.hang_up().await;
    until("a free line", async || {
        Some(hotline.server.hotline().active.load(Ordering::Relaxed)).filter(|up| *up == 0)
    })
    .await;
    assert_eq!(ends().await, [EndReason::Busy, EndReason::HungUp]);
    let mut third = Caller::new(&hotline).await;
    third.ring().await;
    third.hang_up().await;
}

#[tokio::test]
async fn an_offer_that_cannot_be_taken_is_refused_with_its_reason() {
    let hotline = Loopback::start(|_| {}).await;
    let mut peer = Peer::new(hotline.server.sip_address()).await;
    let offer = OFFER.replace("RTP/AVP 8 101", "RTP/AVP 18");
    assert_ne!(offer, OFFER);
    peer.say("INVITE", "", &offer).await;
    let refused = peer.expect(488).await;
    let warning = refused.header("Warning").unwrap_or_default();
    assert!(warning.contains("PCMA or PCMU"), "{}", refused.0);
    let row = hotline.ended_call_from(PEER).await;
    assert_eq!((row.end_reason, row.answered), (Some(EndReason::Refused), None));
}

#[tokio::test]
async fn no_audio_at_all_ends_the_call_and_the_row_says_so() {
    let hotline = Loopback::start(|config| config.media.rtp_timeout = Duration::from_secs(1)).await;
    let mut peer = Peer::new(hotline.server.sip_address()).await;
    // A socket that hears and never speaks.
    let deaf = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = deaf.local_addr().unwrap().port().to_string();
    peer.say("INVITE", "", &OFFER.replace("4000", &port)).await;
    peer.expect(200).await;
    peer.say("ACK", "", "").await;
    let bye = peer.expect_request("BYE").await;
    peer.send(&bye.respond("200 OK", "", "")).await;
    let row = hotline.ended_call_from(PEER).await;
    assert_eq!(row.end_reason, Some(EndReason::RtpTimeout));
    assert_eq!(row.ended_by, Some(EndedBy::Network));
}

#[tokio::test]
async fn only_a_trusted_trunk_names_the_caller_and_a_withheld_number_stays_withheld() {
    let trusting = Loopback::start(|config| {
        let trunk = "name = 'uji'\nnetworks = ['127.0.0.0/8']\nasserts_identity = true";
        config.sip.trunks = vec![toml::from_str(trunk).unwrap()];
    })
    .await;
    let wary = Loopback::start(|_| {}).await;
    let asserted = "\"Ibu Sri\" <sip:081234567890@telkom.test>";
    let known = loopback::phone("+628111111111").await.with_header("P-Asserted-Identity", asserted);
    let withheld = loopback::phone("anonymous").await;
    tokio::join!(report(&trusting, &known), report(&trusting, &withheld), report(&wary, &known));
    let of = async |hotline: &Loopback, number: Option<&str>| {
        until("the call's end", async || {
            let calls = hotline.server.hotline().store.calls_recent(9).await.unwrap();
            calls.into_iter().find(|c| c.number.as_deref() == number && c.ended.is_some())
        })
        .await
    };
    let contact = async |hotline: &Loopback, call: CallRow| {
        let ticket = hotline.tickets_of(&call).await.remove(0);
        (ticket.number, ticket.asserted, call.trunk)
    };
    let call = of(&trusting, Some("+6281234567890")).await;
    let trunk = Some("uji".to_owned());
    let expected = (Some("+6281234567890".to_owned()), true, trunk.clone());
    assert_eq!(contact(&trusting, call).await, expected);
    assert_eq!(contact(&trusting, of(&trusting, None).await).await, (None, false, trunk));
    let call = of(&wary, Some("+628111111111")).await;
    let expected = (Some("+628111111111".to_owned()), false, None);
    assert_eq!(contact(&wary, call).await, expected);
}

/// 1, three seconds of story, and the receiver down.
async fn report(hotline: &Loopback, phone: &Phone) {
    let mut call = phone.dial(&hotline.uri(), Some(&PROMPTS), None).await.unwrap();
    call.press("1");
    let met = call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "lapor/akhiri")).await;
    assert_eq!(met, Met::Yes, "{:?}", call.heard());
    call.wait(Duration::from_millis(700)).await;
    call.say(loopback::voice(3, Duration::from_secs(3)));
    assert_eq!(call.said(PATIENCE).await, Met::Yes);
    call.put_down().await;
}

#[tokio::test]
async fn what_the_database_would_not_take_when_a_call_ended_is_written_later() {
    let hotline = Loopback::start(|_| {}).await;
    for (name, event) in [
        ("b1", "UPDATE ON call WHEN NEW.ended IS NOT NULL"),
        ("b2", "UPDATE ON recording WHEN NEW.ended IS NOT NULL"),
        ("b3", "INSERT ON ticket"),
    ] {
        let body = "BEGIN SELECT RAISE(ABORT, 'broken'); END";
        hotline.execute(&format!("CREATE TRIGGER {name} BEFORE {event} {body}")).await;
    }
    report(&hotline, &loopback::phone(PEER).await).await;
    let lines = hotline.server.hotline();
    until("the end that cannot be written", async || {
        Some(lines.unwritten.lock().unwrap().len()).filter(|unwritten| *unwritten == 1)
    })
    .await;
    assert_eq!(hotline.call_from(PEER).await.ended, None);

    for name in ["b1", "b2", "b3"] {
        hotline.execute(&format!("DROP TRIGGER {name}")).await;
    }
    lines.write_ends().await;
    let call = hotline.call_from(PEER).await;
    assert_eq!(call.end_reason, Some(EndReason::HungUp));
    assert!(lines.unwritten.lock().unwrap().is_empty());
    // Nobody waits for a minute here.
    hotline.execute("UPDATE call SET ended = ended - 120000").await;
    assert_eq!(lines.adopt_stories().await.unwrap(), 1);
    let tickets = hotline.tickets_of(&call).await;
    assert_eq!(hotline.slots_of(&tickets[0]).await, ["cerita"]);
    assert_eq!(lines.adopt_stories().await.unwrap(), 0);
}

#[tokio::test]
async fn three_wrong_codes_lead_to_a_message_and_are_counted_but_not_kept() {
    let hotline = Loopback::start(|_| {}).await;
    let phone = loopback::phone(PEER).await;
    let mut call = phone.dial(&hotline.uri(), Some(&PROMPTS), None).await.unwrap();
    call.press("2");
    for (code, answer) in [
        ("11111111", "cek/tidak_ditemukan"),
        ("22222222", "cek/tidak_ditemukan"),
        ("33333333", "cek/kode_salah"),
    ] {
        let known = call.heard().len();
        call.press(code);
        let met =
            call.until(PATIENCE, |heard| heard.iter().skip(known).any(|h| h.id == answer)).await;
        assert_eq!(met, Met::Yes, "{answer} after {code}: {:?}", call.heard());
    }
    call.put_down().await;
    let row = hotline.ended_call_from(PEER).await;
    let tries: Vec<String> = sqlx::query_scalar("SELECT outcome FROM lookup_try WHERE call = $1")
        .bind(row.id)
        .fetch_all(&hotline.rows)
        .await
        .unwrap();
    assert_eq!(tries.len(), 3, "{tries:?}");
    assert!(tries.iter().all(|outcome| outcome != "found"), "{tries:?}");
    let path = hotline.path_of(&row).await;
    let typed = |what: &str| ["11", "22", "33"].iter().any(|digits| what.contains(digits));
    assert!(path.iter().all(|(_, what)| !typed(what)), "{path:?}");
}

#[tokio::test]
async fn a_key_stops_the_prompt_within_forty_milliseconds_of_sound() {
    let hotline = Loopback::start(|_| {}).await;
    let next = PROMPTS.clip("salam/direkam").unwrap().bytes(Codec::Pcma)[..160].to_vec();
    let mut peer = Peer::new(hotline.server.sip_address()).await;
    let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = rtp.local_addr().unwrap().port().to_string();
    peer.say("INVITE", "", &OFFER.replace("4000", &port)).await;
    let ok = peer.expect(200).await;
    let line = ok.body().lines().find(|line| line.starts_with("m=audio")).unwrap().to_owned();
    let theirs = format!("127.0.0.1:{}", line.split(' ').nth(1).unwrap());
    peer.say("ACK", "", "").await;
    let mut packet = [0; 500];
    // A second of the greeting.
    for _ in 0..50 {
        rtp.recv(&mut packet).await.unwrap();
    }
    while rtp.try_recv(&mut packet).is_ok() {}
    rtp.send_to(&key_one(), &theirs).await.unwrap();
    let mut before = 0;
    loop {
        let length = rtp.recv(&mut packet).await.unwrap();
        if packet[12..length] == next {
            break;
        }
        before += 1;
        assert!(before < 100, "the key did not stop the greeting");
    }
    assert!(before <= 2, "{before} packets of 20 ms came after the key");
    peer.say("BYE", "", "").await;
    peer.expect(200).await;
}

/// RFC 4733: event 1, not yet ended, 20 ms of it, on payload type 101.
fn key_one() -> Vec<u8> {
    let header = [0x80, 0x80 | 101, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7];
    [&header[..], &[1, 10, 0, 160]].concat()
}
