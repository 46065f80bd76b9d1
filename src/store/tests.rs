//! Each test of a method runs on a database file and on one in memory.

mod bench;
mod changes;
mod crash;
mod deadlines;
mod faults;
mod jobs;
mod limits;
mod menu;
mod plans;
mod rows;
mod search;
mod staff;
mod unheard;
mod work;

use std::ops::Deref;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::clock::Timestamp;
use crate::ticket::{CallId, Channel, Class, Contact, Intake, RecordingId};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// A generator that draws the same codes each time.
fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// A store on a file, with the folder that it lies in.
struct OnFile {
    store: Store,
    dir: tempfile::TempDir,
}

impl OnFile {
    async fn new() -> OnFile {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Config::at(dir.path().join("kentongan.db"))).await.unwrap();
        OnFile { store, dir }
    }

    fn config(&self) -> Config {
        Config::at(self.dir.path().join("kentongan.db"))
    }

    /// As after a crash: another start on the same file.
    async fn again(&self) -> Store {
        Store::open(&self.config()).await.unwrap()
    }
}

impl Deref for OnFile {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Runs a test on both kinds of store.
async fn on_each_store(test: impl AsyncFn(&Store)) {
    test(&Store::in_memory().await.unwrap()).await;
    let file = OnFile::new().await;
    test(&file.store).await;
}

fn caller() -> Contact {
    Contact { number: Some("+6281234567890".into()), asserted: true }
}

fn new_call() -> NewCall {
    NewCall {
        sip_call_id: "a84b4c76e66710@pc33".into(),
        trunk: Some("telkom".into()),
        caller: caller(),
        called: "+62531123456".into(),
        started: NOW,
    }
}

fn call_end(at: Timestamp) -> CallEnd {
    CallEnd {
        at,
        reason: EndReason::HungUp,
        ended_by: EndedBy::Caller,
        packets_sent: 1500,
        packets_received: 1490,
        packets_lost: 10,
        first_audio: Some(after(2)),
        trace: trace(),
        steps: vec![
            Step { at: NOW, step: "menu".into(), what: "enter".into() },
            Step { at: after(3), step: "menu".into(), what: "key 1".into() },
        ],
    }
}

fn trace() -> CallTrace {
    let message = |from_caller, text: &str| TracedMessage {
        at: NOW,
        from_caller,
        peer: "203.0.113.9:5060".into(),
        transport: "UDP".into(),
        text: text.into(),
    };
    let messages = vec![
        message(true, "INVITE sip:112@h SIP/2.0\r\n\r\n"),
        message(false, "SIP/2.0 200 OK\r\n\r\n"),
    ];
    CallTrace { messages, left_out: 3 }
}

fn kept(at: Timestamp) -> RecordingEnd {
    RecordingEnd {
        at,
        state: RecordingState::Kept,
        ended_by: RecordingEndedBy::HungUp,
        duration: Duration::from_millis(12_345),
        speech: Duration::from_secs(9),
    }
}

fn intake(call: CallId, recordings: &[RecordingId]) -> Intake {
    Intake {
        channel: Channel::Phone,
        class: Class::Complaint,
        contact: caller(),
        call: Some(call),
        recordings: recordings.to_vec(),
        text: None,
        anonymous: false,
        confidential: false,
    }
}

fn asker(call: Option<CallId>) -> Asker {
    Asker { number: Some("+6281234567890".into()), asserted: true, call }
}

/// A call with one kept recording.
async fn call_with_story(store: &Store) -> (CallId, RecordingId) {
    let call = store.begin_call(new_call()).await.unwrap();
    let file = format!("recordings/2026/11/22/{}-story.wav", call.0);
    let recording = store.begin_recording(call, "story", &file, after(5)).await.unwrap();
    store.end_recording(recording, kept(after(20))).await.unwrap();
    (call, recording)
}

/// A ticket of a call with one recording.
async fn a_ticket(store: &Store) -> Ticket {
    let (call, recording) = call_with_story(store).await;
    let mut rng = StdRng::seed_from_u64(call.0 as u64);
    store.open_ticket(intake(call, &[recording]), after(21), &mut rng).await.unwrap()
}
