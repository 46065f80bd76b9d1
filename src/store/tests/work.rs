//! What staff does to tickets, queues, and mended transcripts.

use super::staff::{doer, somebody};
use super::*;
use crate::ticket::disclosure::Disclosure;
use crate::ticket::transcript::{Outcome, Segment, Transcript, mark};
use crate::ticket::workflow::{Action, Given, Need, Status};
use crate::ticket::{Role, StaffId};

fn worker(staff: StaffId) -> Worker {
    Worker { staff, doer: doer("siti"), agency: None }
}

fn officer(staff: StaffId, agency: &str) -> Worker {
    Worker { agency: Some(agency.into()), ..worker(staff) }
}

fn step(action: Action, given: Given) -> Change {
    Change::Step { action, given }
}

fn to(agency: &str, note: &str) -> Change {
    let given = Given { agency: Some(agency.into()), note: Some(note.into()), ..Given::default() };
    step(Action::Route, given)
}

/// A change of the ticket as it is now, by a form of its own.
async fn work(
    store: &Store,
    ticket: &Ticket,
    change: Change,
    worker: Worker,
) -> Result<(), WorkError> {
    let version = store.ticket(&ticket.code).await.unwrap().unwrap().ticket.version;
    let nonce = format!("{version}-{change:?}");
    store.work(Work { code: ticket.code.clone(), version, change, nonce }, worker, after(60)).await
}

async fn heard_by_caller(store: &Store, ticket: &Ticket) -> Disclosure {
    match store.look_up(ticket.code.digits(), asker(None), after(61)).await.unwrap() {
        LookedUp::Found(disclosure) => disclosure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_goes_from_received_to_closed_and_its_caller_hears_each_step() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        let answer = Given { answer: Some("Sudah ditambal.".into()), ..Given::default() };
        let evidence = Given { note: Some("foto 12".into()), ..Given::default() };
        for (change, status) in [
            (step(Action::Verify, Given::default()), Status::Verifying),
            (to("dpupr", "mohon dicek"), Status::Routed),
            (step(Action::Start, Given::default()), Status::InProgress),
            (step(Action::Answer, answer), Status::Answered),
            (step(Action::Close, evidence), Status::Closed),
        ] {
            work(store, &ticket, change, worker(siti)).await.unwrap();
            assert_eq!(heard_by_caller(store, &ticket).await.status, Some(status));
        }
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        assert_eq!(view.ticket.agency.as_deref(), Some("dpupr"));
        assert_eq!(view.messages.last().unwrap().body, "Sudah ditambal.");
        let told: Vec<_> = view
            .history
            .iter()
            .map(|e| (e.actor.as_str(), e.what.as_str(), e.note.as_deref()))
            .collect();
        assert_eq!(
            told[2],
            ("siti", "route", Some("Kepada Dinas Pekerjaan Umum dan Penataan Ruang: mohon dicek"))
        );
        assert_eq!(told[5], ("siti", "close", Some("foto 12")));
        assert!(matches!(store.verify_audit().await.unwrap(), Chain::Sound { rows: 6, .. }));
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_or_not_allowed_changes_nothing() {
    let store = Store::in_memory().await.unwrap();
    let siti = somebody(&store, "siti", Role::Operator).await;
    let ticket = a_ticket(&store).await;
    let tried = async |change| work(&store, &ticket, change, worker(siti)).await;
    let close = step(Action::Close, Given { note: Some("foto".into()), ..Given::default() });
    assert!(matches!(tried(close).await, Err(WorkError::Refused(_))), "nobody has answered");
    assert!(matches!(tried(to("nowhere", "")).await, Err(WorkError::UnknownAgency)));
    assert_eq!(store.ticket(&ticket.code).await.unwrap().unwrap().ticket.status, Status::Received);
    tried(step(Action::Verify, Given::default())).await.unwrap();
    let before = store.ticket(&ticket.code).await.unwrap();
    let reject = step(Action::Reject, Given { note: Some("  ".into()), ..Given::default() });
    assert!(matches!(tried(reject).await, Err(WorkError::Missing(Need::Reason))));
    assert!(matches!(tried(to("nowhere", "")).await, Err(WorkError::UnknownAgency)));
    let itself = Given { parent: Some(ticket.code.clone()), ..Given::default() };
    assert!(matches!(tried(step(Action::Merge, itself)).await, Err(WorkError::OwnParent)));
    let odd =
        Change::Classify { class: Class::Aspiration, category: Some("x".into()), place: None };
    assert!(matches!(tried(odd).await, Err(WorkError::UnknownCategory)));
    assert!(matches!(tried(Change::Note("\n ".into())).await, Err(WorkError::EmptyNote)));
    assert_eq!(store.ticket(&ticket.code).await.unwrap(), before);
}

#[tokio::test]
async fn a_new_report_is_sent_on_in_one_step_and_the_history_has_both() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        work(store, &ticket, to("dpupr", ""), worker(siti)).await.unwrap();
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        let steps = view.history[1..].iter();
        let steps: Vec<_> =
            steps.map(|e| (e.what.as_str(), e.from_status.unwrap(), e.to_status)).collect();
        assert_eq!(
            steps,
            [
                ("verify", Status::Received, Status::Verifying),
                ("route", Status::Verifying, Status::Routed)
            ]
        );
        assert_eq!(view.ticket.assignee.as_deref(), Some("siti"), "who checked it has it");
        assert!(matches!(store.verify_audit().await.unwrap(), Chain::Sound { rows: 3, .. }));
    })
    .await;
}

#[tokio::test]
async fn what_was_merged_by_mistake_follows_nobody_once_it_is_open_again() {
    let store = Store::in_memory().await.unwrap();
    let siti = somebody(&store, "siti", Role::Operator).await;
    let (parent, ticket) = (a_ticket(&store).await, a_ticket(&store).await);
    let given = Given { parent: Some(parent.code.clone()), ..Given::default() };
    work(&store, &ticket, step(Action::Merge, given), worker(siti)).await.unwrap();
    let silent = step(Action::Reopen, Given::default());
    let refused = work(&store, &ticket, silent, worker(siti)).await;
    assert!(matches!(refused, Err(WorkError::Missing(Need::Reason))), "{refused:?}");
    let why = Given { note: Some("bukan laporan yang sama".into()), ..Given::default() };
    work(&store, &ticket, step(Action::Reopen, why), worker(siti)).await.unwrap();
    let row = store.ticket_row(&ticket.code).await.unwrap().unwrap();
    assert_eq!((row.status, row.parent), (Status::Verifying, None));
    let new = store.ticket_row(&parent.code).await.unwrap().unwrap();
    assert_eq!(row.due, new.due, "it has waited as long as one that was never merged");
    let given = Given { parent: Some(parent.code), ..Given::default() };
    work(&store, &ticket, step(Action::Merge, given), worker(siti)).await.unwrap();
}

#[tokio::test]
async fn an_older_page_does_not_overwrite_and_a_form_counts_once() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        let save = async |nonce: &str, version, text: &str| {
            let change = Change::Note(text.into());
            let work = Work { code: ticket.code.clone(), version, change, nonce: nonce.into() };
            store.work(work, worker(siti), after(60)).await
        };
        save("one", 0, "pertama").await.unwrap();
        save("one", 0, "pertama").await.unwrap();
        assert!(matches!(save("two", 0, "kedua").await, Err(WorkError::Stale)));
        save("two", 1, "kedua").await.unwrap();
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        let notes: Vec<_> = view.history.iter().filter_map(|e| e.note.as_deref()).collect();
        assert_eq!(notes, ["pertama", "kedua"], "the same form twice is one note");
        assert_eq!(view.ticket.version, 2);
    })
    .await;
}

#[tokio::test]
async fn an_officer_works_on_the_tickets_of_one_agency() {
    let store = Store::in_memory().await.unwrap();
    let siti = somebody(&store, "siti", Role::Operator).await;
    let ticket = a_ticket(&store).await;
    let note = || Change::Note("catatan".into());
    let tried = async |change, worker| work(&store, &ticket, change, worker).await;
    assert!(matches!(tried(note(), officer(siti, "dpupr")).await, Err(WorkError::NotFound)));
    tried(step(Action::Verify, Given::default()), worker(siti)).await.unwrap();
    tried(to("dpupr", ""), worker(siti)).await.unwrap();
    assert!(matches!(tried(note(), officer(siti, "dinkes")).await, Err(WorkError::NotFound)));
    tried(note(), officer(siti, "dpupr")).await.unwrap();
}

#[tokio::test]
async fn two_who_save_at_once_are_told_apart() {
    let file = OnFile::new().await;
    let siti = somebody(&file.store, "siti", Role::Operator).await;
    let ticket = a_ticket(&file.store).await;
    let saves: Vec<_> = (0..20)
        .map(|n| {
            let (store, code) = (file.store.clone(), ticket.code.clone());
            let work = Work { code, version: 0, change: Change::Take, nonce: format!("{n}") };
            tokio::spawn(async move { store.work(work, worker(siti), after(60)).await })
        })
        .collect();
    let mut saved = 0;
    for save in saves {
        saved += i32::from(save.await.unwrap().is_ok());
    }
    assert_eq!(saved, 1);
}

#[tokio::test]
async fn pages_of_a_queue_hold_each_ticket_once_in_both_orders() {
    on_each_store(async |store| {
        let mut codes = Vec::new();
        for n in 0..7 {
            let mut rng = StdRng::seed_from_u64(100 + n);
            let text = Some(format!("laporan {n}"));
            let intake = Intake { call: None, text, ..intake(CallId(0), &[]) };
            // Three of them in the same millisecond.
            codes.push(store.open_ticket(intake, after(n / 3), &mut rng).await.unwrap().code);
        }
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let filter = Filter { queue: Queue::New, order, ..Filter::default() };
            let (mut seen, mut from) = (Vec::new(), None);
            loop {
                let page = store.queue(&filter, from, 3).await.unwrap();
                let Some(last) = page.last() else { break };
                from = Some(After { at: last.opened, id: last.id });
                seen.extend(page.into_iter().map(|row| row.code));
            }
            if order == Order::NewestFirst {
                seen.reverse();
            }
            assert_eq!(seen, codes, "{order:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn counts_say_what_the_queues_hold_for_one_agency_too() {
    let store = Store::in_memory().await.unwrap();
    let siti = somebody(&store, "siti", Role::Operator).await;
    let (first, _second) = (a_ticket(&store).await, a_ticket(&store).await);
    work(&store, &first, Change::Take, worker(siti)).await.unwrap();
    work(&store, &first, step(Action::Verify, Given::default()), worker(siti)).await.unwrap();
    work(&store, &first, to("dpupr", ""), worker(siti)).await.unwrap();
    let all = store.queue_counts(siti, None, NOW).await.unwrap();
    assert_eq!(
        all,
        QueueCounts { fresh: 1, mine: 1, with_agency: 1, overdue: 0, unheard: 0, everything: 2 }
    );
    let pupr = store.queue_counts(siti, Some("dpupr"), NOW).await.unwrap();
    assert_eq!(
        pupr,
        QueueCounts { fresh: 0, mine: 1, with_agency: 1, overdue: 0, unheard: 0, everything: 1 }
    );
    for queue in Queue::ALL {
        let filter = Filter { queue, staff: Some(siti), ..Filter::default() };
        let rows = store.queue(&filter, None, 50).await.unwrap();
        assert_eq!(rows.len() as i64, all.of(queue), "{queue:?}");
    }
    let wall = store.wall(NOW).await.unwrap();
    assert_eq!((wall.untouched, wall.with_agency, wall.to_transcribe), (1, 1, 2));
    assert_eq!(wall.oldest, Some(after(21)));
}

pub(super) fn spoken(texts: &[&str]) -> Transcript {
    let segments = texts.iter().zip(0..).map(|(text, n)| Segment {
        start_ms: n * 1_000,
        end_ms: n * 1_000 + 900,
        text: (*text).into(),
        confidence: 0.9,
        doubtful: false,
        words: Vec::new(),
    });
    Transcript {
        engine: "whisper".into(),
        model: "whisper-base".into(),
        duration_ms: 12_345,
        outcome: Outcome::Words,
        segments: segments.collect(),
    }
}

async fn transcribe(store: &Store, texts: &[&str], at: Timestamp) {
    let lease = Duration::from_secs(60);
    let job = store.lease_job(JobKind::Transcribe, "test", at, lease).await.unwrap().unwrap();
    let made = Made { transcript: spoken(texts), cpu: Duration::ZERO };
    store.finish_transcript(&job, made, at).await.unwrap();
}

async fn finds(store: &Store, words: &str) -> usize {
    store.search(words, None, 10).await.unwrap().hits.len()
}

/// A mend of what was heard at this place, with what the page showed as the newest one.
fn mend_of(recording: RecordingId, position: i64, heard: &str, base: i64, text: &str) -> NewMend {
    NewMend { recording, position, heard: mark(heard), base, text: text.into() }
}

#[tokio::test]
async fn a_mend_is_found_keeps_the_original_and_survives_the_same_transcript() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        transcribe(store, &["jalan bolong", "di pasar bamang"], after(30)).await;
        let recording = store.ticket(&ticket.code).await.unwrap().unwrap().spoken[0].recording.id;
        let mend = async |base, text: &str| {
            let new = mend_of(recording, 1, "di pasar bamang", base, text);
            store.mend(new, worker(siti), after(60)).await
        };
        mend(0, "di Pasar Bamban").await.unwrap();
        assert_eq!((finds(store, "bamban").await, finds(store, "bamang").await), (1, 0));
        let spoken = async || store.spoken(ticket.id).await.unwrap().remove(0);
        let row = spoken().await.transcript.unwrap();
        assert_eq!(row.transcript.segments[1].text, "di pasar bamang", "the original is kept");
        match mend(0, "di pasar lama").await {
            Err(MendError::Stale(other)) => assert_eq!(other.text, "di Pasar Bamban"),
            other => panic!("{other:?}"),
        }
        let mends = spoken().await.mends;
        mend(mends[0].id, "di pasar lama").await.unwrap();
        mend(mends[0].id, "di pasar lama").await.unwrap();
        assert_eq!(spoken().await.mends.len(), 2);

        store.queue_again(Redo::Ticket(ticket.code.clone()), after(70)).await.unwrap();
        transcribe(store, &["jalan bolong", "di pasar bamang"], after(80)).await;
        assert_eq!(finds(store, "pasar lama").await, 1, "mended still");
        assert!(matches!(
            store.mend(mend_of(recording, 9, "x", 0, "x"), worker(siti), after(99)).await,
            Err(MendError::NoSegment)
        ));
    })
    .await;
}

#[tokio::test]
async fn what_was_mended_is_written_down_again_only_by_name_and_stays_to_be_found() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        transcribe(store, &["jalan bolong", "di pasar bamang"], after(30)).await;
        let other = a_ticket(store).await;
        transcribe(store, &["lampu mati"], after(30)).await;
        let recording = store.ticket(&ticket.code).await.unwrap().unwrap().spoken[0].recording.id;
        for (base, text) in [(0, "di pasar Bambang"), (1, "di pasar lama")] {
            let new = mend_of(recording, 1, "di pasar bamang", base, text);
            store.mend(new, worker(siti), after(60)).await.unwrap();
        }
        let queued = store.queue_again(Redo::All, after(70)).await.unwrap();
        assert_eq!(queued, Queued { recordings: 1, mended: 1 });
        let theirs = store.ticket(&other.code).await.unwrap().unwrap().spoken[0].recording.id;
        let lease = Duration::from_secs(60);
        let job = store.lease_job(JobKind::Transcribe, "a", after(71), lease).await.unwrap();
        assert_eq!(job.unwrap().subject, theirs.0);

        store.queue_again(Redo::Ticket(ticket.code.clone()), after(90)).await.unwrap();
        transcribe(store, &["jalan berlubang", "di Pasar Keramat"], after(100)).await;
        let found = async |words| finds(store, words).await;
        assert_eq!((found("keramat").await, found("\"pasar lama\"").await), (1, 1));
        assert_eq!(found("bambang").await, 0, "another mend had come after it");
        let spoken = store.spoken(ticket.id).await.unwrap().remove(0);
        assert_eq!(spoken.mended().unwrap().text(), "jalan berlubang di Pasar Keramat");
        let texts: Vec<&str> = spoken.orphaned().map(|mend| mend.text.as_str()).collect();
        assert_eq!(texts, ["di pasar Bambang", "di pasar lama"], "the history stays");
    })
    .await;
}

#[tokio::test]
async fn a_mend_lands_on_the_sentence_that_was_shown_or_nowhere() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        transcribe(store, &["jalan bolong", "di pasar bamang"], after(30)).await;
        let recording = store.ticket(&ticket.code).await.unwrap().unwrap().spoken[0].recording.id;
        store.queue_again(Redo::Ticket(ticket.code.clone()), after(40)).await.unwrap();
        transcribe(store, &["selamat pagi", "jalan berlubang"], after(50)).await;
        let late = mend_of(recording, 1, "di pasar bamang", 0, "di Pasar Bamban");
        match store.mend(late, worker(siti), after(60)).await {
            Err(MendError::Replaced(standing)) => assert_eq!(standing, "jalan berlubang"),
            other => panic!("{other:?}"),
        }
        assert_eq!(store.spoken(ticket.id).await.unwrap()[0].mends, []);
    })
    .await;
}
