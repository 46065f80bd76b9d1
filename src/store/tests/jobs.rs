//! A job is done once or given up with a reason, whatever happens to its workers.

use proptest::prelude::*;

use super::*;
use crate::ticket::transcript::{Outcome, Segment, Transcript, Word};

const LEASE: Duration = Duration::from_secs(60);

pub(super) fn said(text: &str) -> Made {
    let word = |text: &str| Word { start_ms: 100, end_ms: 900, text: text.into(), confidence: 0.5 };
    let segment = Segment {
        start_ms: 100,
        end_ms: 900,
        text: text.into(),
        confidence: 0.5,
        doubtful: true,
        words: text.split(' ').map(word).collect(),
    };
    let transcript = Transcript {
        engine: "whisper".into(),
        model: "whisper-base".into(),
        duration_ms: 12_345,
        outcome: Outcome::Words,
        segments: vec![segment],
    };
    Made { transcript, cpu: Duration::from_millis(1500) }
}

pub(super) async fn lease(store: &Store, worker: &str, at: Timestamp) -> Option<Job> {
    store.lease_job(JobKind::Transcribe, worker, at, LEASE).await.unwrap()
}

/// A ticket whose recording waits to be written down.
pub(super) async fn waiting(store: &Store) -> (Ticket, RecordingId) {
    let ticket = a_ticket(store).await;
    let view = store.ticket(&ticket.code).await.unwrap().unwrap();
    (ticket, view.spoken[0].recording.id)
}

#[tokio::test]
async fn what_was_said_is_stored_as_it_was_heard() {
    on_each_store(async |store| {
        let (ticket, recording) = waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        assert_eq!((job.subject, job.attempts), (recording.0, 1));
        let made = said("jalan berlubang");
        store.finish_transcript(&job, made.clone(), after(40)).await.unwrap();
        let row = store.transcript(recording).await.unwrap().unwrap();
        assert_eq!(row.transcript, made.transcript);
        assert_eq!((row.made, row.cpu_ms), (after(40), 1500));
        assert_eq!(store.spoken(ticket.id).await.unwrap()[0].transcript, Some(row));
        assert_eq!(lease(store, "a", after(9999)).await, None);
    })
    .await;
}

#[tokio::test]
async fn each_transcript_of_a_ticket_has_its_own_segments_or_none() {
    let store = Store::in_memory().await.unwrap();
    let (call, _) = call_with_story(&store).await;
    let mut recordings = Vec::new();
    for slot in ["cerita", "tambahan", "alamat"] {
        let file = format!("{slot}.wav");
        let recording = store.begin_recording(call, slot, &file, after(5)).await.unwrap();
        store.end_recording(recording, kept(after(20))).await.unwrap();
        recordings.push(recording);
    }
    let mut rng = StdRng::seed_from_u64(1);
    let ticket = store.open_ticket(intake(call, &recordings), after(21), &mut rng).await.unwrap();
    let mut two = said("jalan berlubang");
    two.transcript.segments.extend(said("sudah lama").transcript.segments);
    let mut nothing = said("");
    nothing.transcript.segments.clear();
    nothing.transcript.outcome = Outcome::NoSpeech;
    for made in [two, nothing, said("di pasar")] {
        let job = lease(&store, "a", after(30)).await.unwrap();
        store.finish_transcript(&job, made, after(40)).await.unwrap();
    }
    let spoken = store.spoken(ticket.id).await.unwrap();
    let together: Vec<_> = spoken.into_iter().filter_map(|spoken| spoken.transcript).collect();
    let mut each = Vec::new();
    for recording in recordings {
        each.push(store.transcript(recording).await.unwrap().unwrap());
    }
    assert_eq!(together, each);
    let segments: Vec<usize> = each.iter().map(|row| row.transcript.segments.len()).collect();
    assert_eq!(segments, [2, 0, 1]);
}

#[tokio::test]
async fn of_two_workers_one_gets_the_job() {
    let store = OnFile::new().await;
    waiting(&store).await;
    let other = store.again().await;
    let (a, b) = tokio::join!(lease(&store, "a", after(30)), lease(&other, "b", after(30)));
    assert!(a.is_some() != b.is_some(), "{a:?} {b:?}");
}

#[tokio::test]
async fn a_lost_lease_stores_nothing() {
    on_each_store(async |store| {
        let (_, recording) = waiting(store).await;
        let slow = lease(store, "a", after(30)).await.unwrap();
        assert_eq!(lease(store, "b", after(89)).await, None, "it is held still");
        // The same worker may come again under the same name: the attempt tells them apart.
        let quick = lease(store, "a", after(90)).await.unwrap();
        assert_eq!(quick.attempts, 2);
        let lost = |result: Result<(), JobError>| matches!(result, Err(JobError::Lost(_)));
        let late = said("yang lambat");
        assert!(lost(store.finish_transcript(&slow, late.clone(), after(91)).await));
        assert!(lost(store.extend_lease(&slow, after(200)).await));
        assert!(lost(store.fail_job(&slow, "x", after(91), Retry::Never).await));
        assert!(lost(store.release_job(&slow).await));
        assert_eq!(store.transcript(recording).await.unwrap(), None);
        let first = said("yang cepat");
        store.finish_transcript(&quick, first.clone(), after(92)).await.unwrap();
        assert!(lost(store.finish_transcript(&quick, late, after(93)).await), "done is done");
        let kept = store.transcript(recording).await.unwrap().unwrap();
        assert_eq!(kept.transcript, first.transcript);
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_keeps_a_lease() {
    on_each_store(async |store| {
        waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        store.extend_lease(&job, after(200)).await.unwrap();
        assert_eq!(lease(store, "b", after(199)).await, None);
        assert!(lease(store, "b", after(200)).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_failed_attempt_waits_and_the_last_one_is_given_up_with_its_reason() {
    on_each_store(async |store| {
        let (ticket, recording) = waiting(store).await;
        let mut now = after(30);
        for attempt in 1..=ATTEMPTS {
            let job = lease(store, "a", now).await.unwrap();
            assert_eq!(job.attempts, attempt);
            let due = now + back_off(attempt);
            store.fail_job(&job, "kehabisan memori", now, Retry::At(due)).await.unwrap();
            assert_eq!(lease(store, "a", Timestamp(due.0 - 1)).await, None);
            now = due;
        }
        assert_eq!(lease(store, "a", after(1 << 30)).await, None);
        let failure = store.newest_failure(JobKind::Transcribe).await.unwrap().unwrap();
        assert_eq!((failure.subject, failure.reason.as_str()), (recording.0, "kehabisan memori"));
        assert_eq!(failure.code, Some(ticket.code));
        assert_eq!(store.counts().await.unwrap().jobs_failed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_kills_the_program_is_given_up_and_goes_last_before() {
    on_each_store(async |store| {
        waiting(store).await;
        for n in 0..ATTEMPTS as u64 {
            assert!(lease(store, &format!("run {n}"), after(100 * (n + 1))).await.is_some());
        }
        waiting(store).await;
        let fresh = lease(store, "last", after(9999)).await.unwrap();
        assert_eq!(fresh.attempts, 1, "the other one is given up");
        let failure = store.newest_failure(JobKind::Transcribe).await.unwrap().unwrap();
        assert!(failure.reason.contains("listen to the recording"), "{failure:?}");
    })
    .await;
}

#[tokio::test]
async fn what_nobody_has_read_comes_before_what_is_written_down_again() {
    on_each_store(async |store| {
        for n in 0..2 {
            waiting(store).await;
            let job = lease(store, "a", after(30 + n)).await.unwrap();
            store.finish_transcript(&job, said("lama"), after(31 + n)).await.unwrap();
        }
        store.queue_again(Redo::All, after(50)).await.unwrap();
        let (_, new) = waiting(store).await;
        // Even one that failed before, and is due again later than they are.
        let job = lease(store, "a", after(60)).await.unwrap();
        assert_eq!(job.subject, new.0);
        store.fail_job(&job, "penuh", after(60), Retry::At(after(90))).await.unwrap();
        let job = lease(store, "a", after(61)).await.unwrap();
        assert_ne!(job.subject, new.0, "while it is not due the others go on");
        store.release_job(&job).await.unwrap();
        assert_eq!(lease(store, "a", after(90)).await.unwrap().subject, new.0);
        assert_eq!(lease(store, "a", after(90)).await.unwrap().attempts, 1);
    })
    .await;
}

#[tokio::test]
async fn the_newest_transcript_is_the_one_made_last() {
    on_each_store(async |store| {
        let mut recordings = Vec::new();
        for n in 0..2 {
            recordings.push(waiting(store).await.1);
            let job = lease(store, "a", after(30 + n)).await.unwrap();
            store.finish_transcript(&job, said("lama"), after(31 + n)).await.unwrap();
        }
        store.queue_again(Redo::Recording(recordings[0]), after(50)).await.unwrap();
        let job = lease(store, "a", after(60)).await.unwrap();
        store.finish_transcript(&job, said("baru"), after(70)).await.unwrap();
        assert_eq!(store.transcribing(after(80)).await.unwrap().made, Some(after(70)));
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_can_be_queued_alone() {
    on_each_store(async |store| {
        waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        store.finish_transcript(&job, said("lama"), after(31)).await.unwrap();
        let (_, failed) = waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        store.fail_job(&job, "rusak", after(31), Retry::Never).await.unwrap();
        let queued = store.queue_again(Redo::Failed, after(50)).await.unwrap();
        assert_eq!(queued, Queued { recordings: 1, mended: 0 });
        assert_eq!(lease(store, "a", after(60)).await.unwrap().subject, failed.0);
        assert_eq!(lease(store, "a", after(60)).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_costs_no_attempt() {
    on_each_store(async |store| {
        waiting(store).await;
        for _ in 0..3 * ATTEMPTS {
            let job = lease(store, "a", after(30)).await.unwrap();
            assert_eq!(job.attempts, 1);
            store.release_job(&job).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn recordings_are_written_down_again_by_ticket_recording_or_all() {
    on_each_store(async |store| {
        let mut tickets = Vec::new();
        for n in 0..3 {
            tickets.push(waiting(store).await);
            let job = lease(store, "a", after(30)).await.unwrap();
            match n {
                0 => store.fail_job(&job, "rusak", after(31), Retry::Never).await.unwrap(),
                _ => store.finish_transcript(&job, said("lama"), after(31)).await.unwrap(),
            }
        }
        let again = async |what| store.queue_again(what, after(50)).await.unwrap().recordings;
        assert_eq!(again(Redo::Ticket(tickets[0].0.code.clone())).await, 1);
        assert_eq!(store.newest_failure(JobKind::Transcribe).await.unwrap(), None);
        let job = lease(store, "a", after(50)).await.unwrap();
        assert_eq!((job.subject, job.attempts), (tickets[0].1.0, 1));
        assert_eq!(again(Redo::Recording(tickets[1].1)).await, 1);
        assert_eq!(again(Redo::All).await, 2, "one is being done");
        let job = lease(store, "a", after(50)).await.unwrap();
        assert_eq!(job.subject, tickets[1].1.0);
        store.finish_transcript(&job, said("baru"), after(60)).await.unwrap();
        let new = store.transcript(tickets[1].1).await.unwrap().unwrap();
        assert_eq!(new.transcript.text(), "baru");
        assert_eq!(again(Redo::Recording(RecordingId(999))).await, 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_is_told_of_a_new_job() {
    let store = Store::in_memory().await.unwrap();
    let mut told = Box::pin(store.jobs_changed().notified());
    told.as_mut().enable();
    waiting(&store).await;
    told.await;
    assert!(lease(&store, "a", after(30)).await.is_some(), "it is there when one is told");
}

#[tokio::test]
async fn an_engine_gone_mad_is_bounded() {
    on_each_store(async |store| {
        let (_, recording) = waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        let mut made = said(&format!("\0\x1b[2J{}", "terima kasih ".repeat(5_000)));
        made.transcript.model = "m\0".repeat(1_000);
        let segment = &mut made.transcript.segments[0];
        (segment.start_ms, segment.end_ms, segment.confidence) = (u32::MAX, 3, f32::NAN);
        let segment = segment.clone();
        made.transcript.segments = vec![segment; 5_000];
        store.finish_transcript(&job, made, after(40)).await.unwrap();
        let kept = store.transcript(recording).await.unwrap().unwrap().transcript;
        assert!(kept.text().chars().count() <= TEXT && kept.model.len() == LINE);
        assert!(!kept.text().contains(['\0', '\x1b']));
        let first = &kept.segments[0];
        assert_eq!((first.start_ms, first.end_ms, first.confidence), (12_345, 12_345, 0.0));
    })
    .await;
}

#[test]
fn each_wait_is_longer_than_the_last() {
    let seconds: Vec<u64> = (0..=6).map(|n| back_off(n).as_secs()).collect();
    assert_eq!(seconds, [30, 30, 120, 600, 3600, 3600, 3600]);
}

/// What may happen to a job.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Lease(usize),
    Finish(usize),
    Fail(usize),
    Release(usize),
    Extend(usize),
    Wait(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..3usize).prop_map(Happening::Lease),
        1 => (0..3usize).prop_map(Happening::Finish),
        2 => (0..3usize).prop_map(Happening::Fail),
        1 => (0..3usize).prop_map(Happening::Release),
        1 => (0..3usize).prop_map(Happening::Extend),
        3 => (1..4000u64).prop_map(Happening::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_job_ends_once(happenings in prop::collection::vec(happening(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(every_job_ends(happenings));
    }
}

/// Plays `happenings` with three workers and two jobs, then lets one sound worker finish what is left.
async fn every_job_ends(happenings: Vec<Happening>) {
    let store = Store::in_memory().await.unwrap();
    waiting(&store).await;
    waiting(&store).await;
    let mut now = after(30);
    let mut held: [Option<Job>; 3] = [None, None, None];
    let mut done = 0;
    for happening in happenings {
        match happening {
            Happening::Wait(seconds) => now = now + Duration::from_secs(seconds),
            Happening::Lease(n) => held[n] = lease(&store, &format!("worker {n}"), now).await,
            Happening::Extend(n) => {
                if let Some(job) = &held[n] {
                    let _ = store.extend_lease(job, now + LEASE).await;
                }
            }
            Happening::Finish(n) => {
                if let Some(job) = held[n].take() {
                    done += i64::from(store.finish_transcript(&job, said("x"), now).await.is_ok());
                }
            }
            Happening::Fail(n) => {
                if let Some(job) = held[n].take() {
                    let retry = Retry::At(now + back_off(job.attempts));
                    let _ = store.fail_job(&job, "gagal", now, retry).await;
                }
            }
            Happening::Release(n) => {
                if let Some(job) = held[n].take() {
                    let _ = store.release_job(&job).await;
                }
            }
        }
    }
    // Every lease runs out, every wait is over.
    now = now + Duration::from_secs(7200);
    while let Some(job) = lease(&store, "the last", now).await {
        assert!(job.attempts <= ATTEMPTS);
        store.finish_transcript(&job, said("x"), now).await.unwrap();
        done += 1;
    }
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.jobs_queued, done + counts.jobs_failed), (0, 2));
}
