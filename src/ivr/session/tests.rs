//! The session against a driver that is late, wrong or out of order; whole calls are in tests/calls.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ivr::RecordingEnd;

fn hotline() -> Arc<Script> {
    let text = include_str!("../../../ivr-scripts/hotline.toml");
    Arc::new(Script::parse("hotline.toml", text).unwrap())
}

/// A session in which keys can be pressed: greeted, and asked for a choice.
fn at_main_menu() -> (Session, PlayId) {
    let mut session = Session::new(hotline(), Timestamp(0));
    let mut play = played(&session.handle(Event::Answered, Timestamp(0)));
    for _ in 0..2 {
        play = played(&session.handle(Event::PlayEnded(play), Timestamp(10)));
    }
    assert_eq!(session.step(), "menu_utama");
    (session, play)
}

fn played(effects: &[Effect]) -> PlayId {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Play { id, .. } => Some(*id),
            _ => None,
        })
        .unwrap_or_else(|| panic!("nothing is played: {effects:?}"))
}

fn ended(slot: &str, ended_by: RecordingEnd, seconds: u64) -> Event {
    let speech = Duration::from_secs(seconds);
    Event::RecordingEnded { slot: slot.to_owned(), ended_by, speech }
}

/// A session that records a story.
fn recording() -> Session {
    let (mut session, _) = at_main_menu();
    let play = played(&session.handle(Event::Digit('1'), Timestamp(100)));
    let effects = session.handle(Event::PlayEnded(play), Timestamp(200));
    assert!(matches!(&effects[..], [Effect::Record { slot, .. }] if slot == "cerita"));
    session
}

fn open_complaint() -> Effect {
    Effect::Open { class: "complaint".to_owned(), slots: vec!["cerita".to_owned()] }
}

#[test]
fn a_key_stops_the_prompt_first() {
    let (mut session, _) = at_main_menu();
    let effects = session.handle(Event::Digit('1'), Timestamp(100));
    assert_eq!(effects[0], Effect::StopPlaying);
}

#[test]
fn a_late_end_of_an_earlier_playback_is_not_the_present_ones() {
    let (mut session, play) = at_main_menu();
    let next = played(&session.handle(Event::Digit('*'), Timestamp(100)));
    assert_ne!(play, next);
    session.handle(Event::PlayEnded(play), Timestamp(101));
    assert_eq!(session.poll_timeout(), Some(Timestamp(600_000)));
    session.handle(Event::PlayEnded(next), Timestamp(500));
    assert_eq!(session.poll_timeout(), Some(Timestamp(6500)));
}

#[test]
fn a_hang_up_in_the_story_stops_it_and_opens_a_ticket_when_it_has_ended() {
    let mut session = recording();
    assert_eq!(session.handle(Event::HungUp, Timestamp(9000)), [Effect::StopRecording]);
    assert!(!session.is_over());
    let effects = session.handle(ended("cerita", RecordingEnd::Stopped, 5), Timestamp(9010));
    assert_eq!(effects, [open_complaint()]);
    assert!(!session.is_over());
    let opened = Event::Opened { code: "48217360".to_owned() };
    assert_eq!(session.handle(opened, Timestamp(9020)), []);
    assert!(session.is_over());
    assert_eq!(session.code(), Some("48217360"));
}

#[test]
fn a_recording_that_tells_of_the_hang_up_first_is_kept_once() {
    let mut session = recording();
    let effects = session.handle(ended("cerita", RecordingEnd::HungUp, 5), Timestamp(9000));
    assert_eq!(effects, [open_complaint()]);
    assert_eq!(session.handle(Event::HungUp, Timestamp(9001)), []);
    assert_eq!(session.handle(Event::OpenFailed, Timestamp(9002)), []);
    assert!(session.is_over());
    let hang_ups = session.path().iter().filter(|entry| entry.what == "hung_up").count();
    assert_eq!(hang_ups, 1);
}

#[test]
fn a_hang_up_while_the_ticket_is_opened_waits_for_it() {
    let mut session = recording();
    let play = played(&session.handle(ended("cerita", RecordingEnd::Silence, 5), Timestamp(9000)));
    session.handle(Event::PlayEnded(play), Timestamp(9100));
    assert_eq!(session.handle(Event::Digit('#'), Timestamp(9200)), [open_complaint()]);
    assert_eq!(session.handle(Event::HungUp, Timestamp(9300)), []);
    assert!(!session.is_over());
    session.handle(Event::Opened { code: "48217360".to_owned() }, Timestamp(9400));
    assert!(session.is_over());
}

#[test]
fn keys_typed_during_a_recording_never_reach_the_confirmation() {
    let mut session = recording();
    session.handle(Event::Digit('2'), Timestamp(5000));
    assert_eq!(session.handle(Event::Digit('#'), Timestamp(5001)), [Effect::StopRecording]);
    assert_eq!(session.handle(Event::Digit('#'), Timestamp(5002)), []);
    played(&session.handle(ended("cerita", RecordingEnd::Stopped, 5), Timestamp(5003)));
    assert_eq!(session.step(), "periksa");
}

#[test]
fn a_second_attempt_does_not_record_over_the_first() {
    let mut session = recording();
    played(&session.handle(ended("cerita", RecordingEnd::Silence, 5), Timestamp(9000)));
    let play = played(&session.handle(Event::Digit('2'), Timestamp(9100)));
    let effects = session.handle(Event::PlayEnded(play), Timestamp(9200));
    assert!(matches!(&effects[..], [Effect::Record { slot, .. }] if slot == "cerita-2"));
    session.handle(Event::HungUp, Timestamp(9300));
    let effects = session.handle(ended("cerita-2", RecordingEnd::Stopped, 1), Timestamp(9301));
    assert_eq!(effects, [open_complaint()]);
}

#[test]
fn a_driver_that_never_answers_ends_in_failed_not_in_a_hang() {
    let mut session = recording();
    let mut events = 0;
    while let Some(at) = session.poll_timeout() {
        let effects = session.handle_timeout(at);
        for effect in effects {
            if let Effect::Play { id, .. } = effect {
                session.handle(Event::PlayEnded(id), at);
            }
        }
        events += 1;
        assert!(events < 50, "still in {}", session.step());
    }
    assert!(session.is_over());
}

#[test]
fn the_codes_digits_are_never_in_the_path() {
    let (mut session, _) = at_main_menu();
    session.handle(Event::Digit('2'), Timestamp(100));
    for key in "48217360".chars() {
        session.handle(Event::Digit(key), Timestamp(200));
    }
    let path: Vec<_> = session.path().iter().map(|e| format!("{} {}", e.step, e.what)).collect();
    assert_eq!(
        path,
        [
            "sambutan enter",
            "pemberitahuan enter",
            "menu_utama enter",
            "menu_utama key 2",
            "cek enter",
            "cek digits"
        ]
    );
    // Four digits wait in the session's own state; they must not come out by way of a log either.
    assert!(!format!("{session:?}").contains("4821"));
}

#[test]
fn choices_made_before_the_ticket_are_added_once_it_is_open() {
    let text = r#"
name = "uji"
start = "menu"
goodbye = "selesai"
recording_notice = "r"
over = { prompts = [], with_code = [] }
[step.menu]
kind = "menu"
prompts = []
slot = "kecamatan"
options = [{ key = "1", value = "utara", to = "pin" }]
no_input = { to = "selesai" }
no_match = { to = "selesai" }
[step.pin]
kind = "digits"
prompts = []
slot = "pin"
min = 4
max = 4
next = "cerita"
no_input = { to = "selesai" }
no_match = { to = "selesai" }
[step.cerita]
kind = "record"
slot = "cerita"
story = "complaint"
next = "simpan"
no_input = { to = "selesai" }
failed = "selesai"
[step.simpan]
kind = "open"
next = "selesai"
failed = "selesai"
[step.selesai]
kind = "end"
"#;
    let script = Script::parse("uji.toml", text).unwrap();
    let mut session = Session::new(Arc::new(script), Timestamp(0));
    session.handle(Event::Answered, Timestamp(0));
    for key in "11234".chars() {
        session.handle(Event::Digit(key), Timestamp(1));
    }
    session.handle(ended("cerita", RecordingEnd::Silence, 3), Timestamp(2));
    let effects = session.handle(Event::Opened { code: "48217360".to_owned() }, Timestamp(3));
    let choice = |name: &str, value: &str| Effect::Answer {
        name: name.to_owned(),
        value: Answer::Choice(value.to_owned()),
    };
    let hang_up = Effect::HangUp { outcome: Outcome::Completed };
    assert_eq!(effects, [choice("kecamatan", "utara"), choice("pin", "1234"), hang_up]);
}

#[test]
fn an_unchecked_script_that_runs_in_a_circle_or_into_nothing_ends() {
    for to in ["a", "nowhere"] {
        let text = format!(
            "name = 'x'\nstart = 'a'\ngoodbye = 'a'\nrecording_notice = 'r'\nover = {{ prompts = [], with_code = [] }}\n[step.a]\nkind = 'goto'\nto = '{to}'\n"
        );
        let script = Script::parse("x", &text).unwrap();
        let mut session = Session::new(Arc::new(script), Timestamp(0));
        let effects = session.handle(Event::Answered, Timestamp(0));
        assert_eq!(effects, [Effect::HangUp { outcome: Outcome::Failed }]);
        assert!(session.is_over());
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let end = prop::sample::select(vec![
        RecordingEnd::Stopped,
        RecordingEnd::Silence,
        RecordingEnd::NoInput,
        RecordingEnd::MaxTime,
        RecordingEnd::HungUp,
        RecordingEnd::Failed,
    ]);
    let slot = prop::sample::select(vec!["cerita", "cerita-2", "nama", "alamat", "?"]);
    prop_oneof![
        2 => Just(Event::Answered),
        8 => prop::char::any().prop_map(Event::Digit),
        12 => prop::sample::select("0123456789*#".chars().collect::<Vec<_>>()).prop_map(Event::Digit),
        12 => (0..40u32).prop_map(|id| Event::PlayEnded(PlayId(id))),
        8 => (slot, end, 0..9u64).prop_map(|(slot, end, speech)| ended(slot, end, speech)),
        1 => Just(Event::LookedUp(Lookup::NotFound)),
        1 => Just(Event::LookedUp(Lookup::Exhausted)),
        2 => Just(Event::Opened { code: "48217360".to_owned() }),
        1 => Just(Event::OpenFailed),
        1 => any::<bool>().prop_map(|taken| Event::Transferred { taken }),
        1 => Just(Event::HungUp),
    ]
}

proptest! {
    #[test]
    fn events_in_any_order_never_panic_and_a_silent_driver_ends_it(
        events in prop::collection::vec((any_event(), 0..30_000i64), 0..80),
    ) {
        let mut session = Session::new(hotline(), Timestamp(0));
        session.handle(Event::Answered, Timestamp(0));
        let mut now = 0;
        for (event, later) in events {
            now += later;
            session.handle_timeout(Timestamp(now));
            session.handle(event, Timestamp(now));
        }
        for _ in 0..200 {
            let Some(at) = session.poll_timeout() else { break };
            session.handle_timeout(at);
        }
        prop_assert!(session.is_over(), "still in {}", session.step());
    }
}
