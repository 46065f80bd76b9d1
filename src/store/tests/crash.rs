//! `kill -9` at any moment, and what the next start finds.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use crate::ticket::TicketCode;

/// Names the database of the child that is to be killed.
const VICTIM: &str = "KENTONGAN_TEST_STORE_VICTIM";

/// How many acknowledged tickets to wait for before each kill: each time at another moment of the child's work.
const KILL_AFTER: [usize; 12] = [1, 2, 3, 5, 7, 11, 17, 23, 37, 53, 71, 97];

#[test]
fn every_acknowledged_ticket_survives_kill_9() {
    if let Some(path) = std::env::var_os(VICTIM) {
        open_tickets_until_killed(path.into());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kentongan.db");
    let mut acknowledged = Vec::new();
    for tickets in KILL_AFTER {
        acknowledged.extend(kill_after(&path, tickets));
    }
    assert!(acknowledged.len() >= KILL_AFTER.iter().sum());
    let distinct: HashSet<&String> = acknowledged.iter().collect();
    assert_eq!(distinct.len(), acknowledged.len(), "a code was given out twice");
    runtime().block_on(all_is_whole(&path, &acknowledged));
}

/// Runs this test again as a child that opens tickets, kills it, and tells which codes it acknowledged.
fn kill_after(path: &std::path::Path, tickets: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::tests::crash::every_acknowledged_ticket_survives_kill_9",
            "--nocapture",
        ])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut codes = Vec::new();
    let mut take = |line: Option<std::io::Result<String>>| {
        let line = line?.ok()?;
        // A line cut off by the kill was not said.
        codes
            .extend(line.strip_prefix("ticket ").filter(|code| code.len() == 8).map(str::to_owned));
        Some(codes.len())
    };
    while take(lines.next()).expect("the child ended by itself") < tickets {}
    child.kill().unwrap();
    while take(lines.next()).is_some() {}
    assert!(!child.wait().unwrap().success());
    codes
}

/// Four callers at a time, over and over.
fn open_tickets_until_killed(path: PathBuf) -> ! {
    runtime().block_on(async {
        let store = Store::open(&Config::at(path)).await.unwrap();
        let run = store.run as u64;
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..4 {
            let store = store.clone();
            callers.spawn(async move {
                let mut rng = StdRng::seed_from_u64(run * 4 + caller);
                loop {
                    let (call, recording) = call_with_story(&store).await;
                    let ticket =
                        store.open_ticket(intake(call, &[recording]), NOW, &mut rng).await.unwrap();
                    acknowledge(&ticket);
                    store.end_call(call, call_end(after(30))).await.unwrap();
                }
            });
        }
        callers.join_next().await;
    });
    unreachable!("callers never end")
}

/// Tells the parent, at once.
fn acknowledge(ticket: &Ticket) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nticket {}", ticket.code.digits()).and_then(|()| out.flush()).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Every code is there with all that belongs to it, and no half tickets are.
async fn all_is_whole(path: &std::path::Path, acknowledged: &[String]) {
    let store = Store::open(&Config::at(path)).await.unwrap();
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    for code in acknowledged {
        let code = TicketCode::parse(code).unwrap();
        let view = store.ticket(&code).await.unwrap().expect("an acknowledged ticket is gone");
        assert_eq!((view.history.len(), view.spoken.len()), (1, 1), "{code}");
        let call = store.call(view.ticket.call.unwrap()).await.unwrap().unwrap();
        assert_eq!(call.ticket, Some(view.ticket.id));
    }
    let counts = store.counts().await.unwrap();
    assert!(counts.tickets >= acknowledged.len() as i64);
    assert_eq!(counts.jobs_queued, counts.tickets, "a job for each, never half a ticket");

    // Whatever the kills cut off can be closed, and what was said gets its ticket.
    let unfinished = store.unfinished_calls().await.unwrap();
    assert_eq!(unfinished.len() as i64, counts.calls_open);
    for call in &unfinished {
        for recording in &call.open_recordings {
            store.end_recording(recording.id, kept(after(99))).await.unwrap();
        }
        store.close_crashed_call(call.id, after(99)).await.unwrap();
    }
    let mut rng = StdRng::seed_from_u64(99);
    for story in store.stories_without_ticket(after(100)).await.unwrap() {
        store
            .open_ticket(intake(story.call, &[story.recording]), after(100), &mut rng)
            .await
            .unwrap();
    }
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.calls_open, counts.recordings_open), (0, 0));
    assert_eq!(counts.tickets, counts.recordings, "nothing that was said is without a ticket");
}

#[tokio::test]
async fn the_next_start_finds_calls_without_an_end_and_their_recordings() {
    let file = OnFile::new().await;
    let done = file.begin_call(new_call()).await.unwrap();
    file.end_call(done, call_end(after(9))).await.unwrap();
    let cut_off = file.begin_call(new_call()).await.unwrap();
    file.answer_call(cut_off, "PCMU", after(1)).await.unwrap();
    let open = file.begin_recording(cut_off, "story", "s.wav", after(2)).await.unwrap();
    assert_eq!(file.unfinished_calls().await.unwrap(), [], "calls of this run are going on");

    let next = file.again().await;
    let live = next.begin_call(new_call()).await.unwrap();
    let unfinished = next.unfinished_calls().await.unwrap();
    assert_eq!(unfinished.len(), 1);
    assert_eq!((unfinished[0].id, unfinished[0].answered), (cut_off, Some(after(1))));
    assert_eq!((&unfinished[0].caller, unfinished[0].ticket), (&caller(), None));
    assert_eq!(unfinished[0].open_recordings.iter().map(|r| r.id).collect::<Vec<_>>(), [open]);

    next.end_recording(open, RecordingEnd { ended_by: RecordingEndedBy::Crash, ..kept(after(5)) })
        .await
        .unwrap();
    next.close_crashed_call(cut_off, after(5)).await.unwrap();
    let row = next.call(cut_off).await.unwrap().unwrap();
    assert_eq!(
        (row.end_reason, row.ended, row.recorded_ms),
        (Some(EndReason::Crash), Some(after(5)), 12_345)
    );
    assert_eq!(next.unfinished_calls().await.unwrap(), []);
    assert!(next.close_crashed_call(cut_off, after(6)).await.is_err(), "it is closed already");
    assert_eq!(next.call(live).await.unwrap().unwrap().ended, None);
}

#[tokio::test]
async fn a_story_without_a_ticket_is_found_until_it_has_one() {
    on_each_store(async |store| {
        let (call, recording) = call_with_story(store).await;
        let stories = async |before| store.stories_without_ticket(before).await.unwrap();
        assert_eq!(stories(after(1000)).await, [], "the call goes on");
        store.end_call(call, call_end(after(30))).await.unwrap();
        assert_eq!(stories(after(30)).await, [], "it ended only now");
        let found = stories(after(31)).await;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].recording, found[0].slot.as_str()), (recording, "story"));
        assert_eq!((found[0].call, &found[0].caller, found[0].speech_ms), (call, &caller(), 9000));
        store.open_ticket(intake(call, &[recording]), after(40), &mut rng()).await.unwrap();
        assert_eq!(stories(after(31)).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_story_of_an_earlier_run_need_not_settle() {
    let file = OnFile::new().await;
    let (call, recording) = call_with_story(&file).await;
    file.end_call(call, call_end(after(30))).await.unwrap();
    let (going_on, _) = call_with_story(&file).await;
    let next = file.again().await;
    let found = next.stories_without_ticket(after(0)).await.unwrap();
    assert_eq!(found.iter().map(|story| story.recording).collect::<Vec<_>>(), [recording]);
    next.close_crashed_call(going_on, after(31)).await.unwrap();
    assert_eq!(next.stories_without_ticket(after(0)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_take_that_was_spoken_again_is_no_story_of_its_own() {
    on_each_store(async |store| {
        let (call, _first) = call_with_story(store).await;
        let again = store.begin_recording(call, "story-2", "s2.wav", after(21)).await.unwrap();
        store.end_recording(again, kept(after(25))).await.unwrap();
        store.open_ticket(intake(call, &[again]), after(26), &mut rng()).await.unwrap();
        store.end_call(call, call_end(after(30))).await.unwrap();
        assert_eq!(store.stories_without_ticket(after(100)).await.unwrap(), []);
        let replaced: Vec<bool> =
            store.recordings(call).await.unwrap().iter().map(|r| r.replaced).collect();
        assert_eq!(replaced, [true, false]);
    })
    .await;
}

#[tokio::test]
async fn what_was_said_after_the_ticket_is_found_with_that_ticket() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let call = ticket.call.unwrap();
        let name = store.begin_recording(call, "name", "n.wav", after(25)).await.unwrap();
        store.end_recording(name, kept(after(28))).await.unwrap();
        let silent = store.begin_recording(call, "place", "p.wav", after(28)).await.unwrap();
        store
            .end_recording(silent, RecordingEnd { state: RecordingState::Empty, ..kept(after(29)) })
            .await
            .unwrap();
        store.end_call(call, call_end(after(30))).await.unwrap();
        let found = store.stories_without_ticket(after(31)).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].recording, found[0].ticket), (name, Some(ticket.id)));
    })
    .await;
}

#[tokio::test]
async fn a_recording_that_could_not_be_repaired_is_set_down_as_failed() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        store.begin_recording(call, "story", "s.wav", after(2)).await.unwrap();
        store.close_crashed_call(call, after(5)).await.unwrap();
        let recordings = store.recordings(call).await.unwrap();
        assert_eq!(recordings[0].state, RecordingState::Failed);
        assert_eq!(recordings[0].ended_by, Some(RecordingEndedBy::Crash));
        assert_eq!(store.counts().await.unwrap().recordings_failed, 1);
    })
    .await;
}
