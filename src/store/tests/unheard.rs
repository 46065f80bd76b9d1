//! Which tickets wait to be listened to.

use super::jobs::{lease, said, waiting};
use super::staff::{doer, somebody};
use super::*;
use crate::ticket::Role;
use crate::ticket::transcript::Outcome;
use crate::ticket::workflow::{Action, Given};

/// The codes in the queue, which must be as many as its count.
async fn unheard(store: &Store) -> Vec<String> {
    let siti = store.staff_by_login("siti").await.unwrap().unwrap().id;
    let filter = Filter { queue: Queue::Unheard, now: NOW, ..Filter::default() };
    let rows = store.queue(&filter, None, 50).await.unwrap();
    let count = store.queue_counts(siti, None, NOW).await.unwrap().unheard;
    assert_eq!(count, rows.len() as i64);
    rows.into_iter().map(|row| row.code.to_string()).collect()
}

async fn write_down(store: &Store, made: Made, seconds: u64) {
    let job = lease(store, "a", after(seconds)).await.unwrap();
    store.finish_transcript(&job, made, after(seconds + 5)).await.unwrap();
}

fn sure(text: &str) -> Made {
    let mut made = said(text);
    made.transcript.segments[0].doubtful = false;
    made
}

async fn change(store: &Store, ticket: &Ticket, change: Change) -> Result<(), WorkError> {
    let staff = store.staff_by_login("siti").await.unwrap().unwrap().id;
    let version = store.ticket(&ticket.code).await.unwrap().unwrap().ticket.version;
    let nonce = format!("{} {version} {change:?}", ticket.code);
    let work = Work { code: ticket.code.clone(), version, change, nonce };
    let worker = Worker { staff, doer: doer("siti"), agency: None };
    store.work(work, worker, after(100)).await
}

/// Mends the first segment, in which this was heard.
async fn mend(store: &Store, recording: RecordingId, heard: &str, text: &str) {
    let staff = store.staff_by_login("siti").await.unwrap().unwrap().id;
    let heard = crate::ticket::transcript::mark(heard);
    let mend = NewMend { recording, position: 0, heard, base: 0, text: text.into() };
    let worker = Worker { staff, doer: doer("siti"), agency: None };
    store.mend(mend, worker, after(100)).await.unwrap();
}

#[tokio::test]
async fn what_an_engine_was_unsure_of_waits_until_somebody_mends_it() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let (ticket, recording) = waiting(store).await;
        assert!(unheard(store).await.is_empty(), "nothing is known of it yet");
        write_down(store, said("jalan rusak"), 30).await;
        assert_eq!(unheard(store).await, [ticket.code.to_string()]);
        mend(store, recording, "jalan rusak", "Jalan rusak.").await;
        assert!(unheard(store).await.is_empty());
        // A better engine writes something else, and is unsure of that.
        store.queue_again(Redo::Recording(recording), after(200)).await.unwrap();
        write_down(store, said("jalan rumah"), 210).await;
        assert_eq!(unheard(store).await, [ticket.code.to_string()]);
        store.queue_again(Redo::Recording(recording), after(300)).await.unwrap();
        write_down(store, sure("jalan di rumah"), 310).await;
        assert!(unheard(store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_somebody_has_heard_stays_heard() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let (ticket, recording) = waiting(store).await;
        let mut nobody = said("");
        nobody.transcript.outcome = Outcome::NoSpeech;
        nobody.transcript.segments.clear();
        write_down(store, nobody, 30).await;
        assert_eq!(unheard(store).await, [ticket.code.to_string()]);
        let foreign = a_ticket(store).await;
        let refused = change(store, &foreign, Change::Heard(recording)).await;
        assert!(matches!(refused, Err(WorkError::NotFound)), "{refused:?}");
        change(store, &ticket, Change::Heard(recording)).await.unwrap();
        assert!(unheard(store).await.is_empty());
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        assert!(!view.spoken[0].recording.unheard);
        assert_eq!(view.history.last().map(|event| event.what.as_str()), Some("heard"));
        store.queue_again(Redo::Ticket(ticket.code.clone()), after(200)).await.unwrap();
        // The other ticket's recording waits as well.
        write_down(store, sure("lampu mati"), 210).await;
        write_down(store, said("lampu"), 220).await;
        assert!(unheard(store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_waits_as_long_as_the_ticket_is_open() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let (ticket, _) = waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        store.fail_job(&job, "rusak", after(40), Retry::At(after(60))).await.unwrap();
        assert!(unheard(store).await.is_empty(), "it will be tried again");
        let job = lease(store, "a", after(70)).await.unwrap();
        store.fail_job(&job, "rusak", after(80), Retry::Never).await.unwrap();
        assert_eq!(unheard(store).await, [ticket.code.to_string()]);
        let given = Given { note: Some("tidak ada isinya".into()), ..Given::default() };
        change(store, &ticket, Change::Step { action: Action::Verify, given: given.clone() })
            .await
            .unwrap();
        change(store, &ticket, Change::Step { action: Action::Reject, given }).await.unwrap();
        assert!(unheard(store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_killed_the_program_again_and_again_waits_for_an_ear() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let (ticket, _) = waiting(store).await;
        for n in 0..ATTEMPTS as u64 {
            assert!(lease(store, &format!("run {n}"), after(100 * (n + 1))).await.is_some());
            assert!(unheard(store).await.is_empty());
        }
        assert_eq!(lease(store, "the next", after(9_999)).await, None);
        assert_eq!(unheard(store).await, [ticket.code.to_string()]);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_typed_stands_until_an_engine_writes_and_is_found_after_it_too() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let (ticket, recording) = waiting(store).await;
        mend(store, recording, "", "jembatan ambruk").await;
        let spoken = async || store.spoken(ticket.id).await.unwrap().remove(0);
        let typed = spoken().await;
        assert_eq!(typed.mended().unwrap().text(), "jembatan ambruk");
        assert_eq!((typed.orphaned().count(), typed.mends.len()), (0, 1));

        write_down(store, sure("jembatan di ambon"), 130).await;
        let written = spoken().await;
        assert_eq!(written.mended().unwrap().text(), "jembatan di ambon");
        let earlier: Vec<_> = written.orphaned().map(|mend| mend.text.as_str()).collect();
        assert_eq!(earlier, ["jembatan ambruk"], "shown once, below it");
        for words in ["ambruk", "ambon"] {
            assert_eq!(store.search(words, None, 9).await.unwrap().hits.len(), 1, "{words}");
        }
        assert!(unheard(store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_is_typed_and_stands_in_the_list() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let (ticket, recording) = waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        store.fail_job(&job, "rusak", after(40), Retry::Never).await.unwrap();
        assert_eq!(unheard(store).await, [ticket.code.to_string()]);
        mend(store, recording, "", "jembatan ambruk").await;
        assert!(unheard(store).await.is_empty(), "somebody has heard it");
        let filter = Filter { queue: Queue::All, now: NOW, ..Filter::default() };
        let rows = store.queue(&filter, None, 9).await.unwrap();
        assert_eq!(rows[0].excerpt, "jembatan ambruk");
        let hits = store.search(&ticket.code.to_string(), None, 9).await.unwrap().hits;
        assert_eq!(hits[0].ticket.excerpt, "jembatan ambruk");

        let queued = store.queue_again(Redo::Failed, after(200)).await.unwrap();
        assert_eq!(
            queued,
            Queued { recordings: 0, mended: 1 },
            "what a person typed is left alone"
        );
        store.queue_again(Redo::Ticket(ticket.code.clone()), after(200)).await.unwrap();
        let mut nobody = said("");
        nobody.transcript.outcome = Outcome::NoSpeech;
        nobody.transcript.segments.clear();
        write_down(store, nobody, 210).await;
        let spoken = store.spoken(ticket.id).await.unwrap().remove(0);
        assert_eq!(spoken.mended().unwrap().text(), "jembatan ambruk", "it is the text still");
        assert!(unheard(store).await.is_empty());
    })
    .await;
}
