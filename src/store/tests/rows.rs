//! What is written is what is read.

use super::*;
use crate::ticket::{Status, TicketCode};

#[tokio::test]
async fn every_statement_prepares() {
    use sqlx::Executor as _;
    let store = Store::in_memory().await.unwrap();
    let Db::Sqlite { readers, .. } = &store.db;
    for (name, statement) in sql::every() {
        let prepared = readers.prepare(sqlx::SqlStr::from_static(statement)).await;
        assert!(prepared.is_ok(), "{name}: {}", prepared.unwrap_err());
    }
}

#[tokio::test]
async fn a_call_is_a_row_from_begin_to_end() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        let row = store.call(call).await.unwrap().unwrap();
        assert_eq!((row.started, row.answered, row.ended), (NOW, None, None));

        store.answer_call(call, "PCMA", after(1)).await.unwrap();
        let recording =
            store.begin_recording(call, "story", "recordings/x.wav", after(5)).await.unwrap();
        store.end_recording(recording, kept(after(20))).await.unwrap();
        store.end_call(call, call_end(after(30))).await.unwrap();

        assert_eq!(
            store.call(call).await.unwrap().unwrap(),
            CallRow {
                id: call,
                sip_call_id: "a84b4c76e66710@pc33".into(),
                trunk: Some("telkom".into()),
                number: Some("+6281234567890".into()),
                asserted: true,
                called: "+62531123456".into(),
                started: NOW,
                answered: Some(after(1)),
                ended: Some(after(30)),
                end_reason: Some(EndReason::HungUp),
                ended_by: Some(EndedBy::Caller),
                codec: Some("PCMA".into()),
                packets_sent: 1500,
                packets_received: 1490,
                packets_lost: 10,
                first_audio: Some(after(2)),
                recorded_ms: 12_345,
                ticket: None,
            }
        );
        assert_eq!(store.steps(call).await.unwrap(), call_end(NOW).steps);
        assert_eq!(store.trace(call).await.unwrap(), Some(trace()));
    })
    .await;
}

#[tokio::test]
async fn messages_are_forgotten_when_their_time_is_over_and_calls_are_not() {
    on_each_store(async |store| {
        let mut calls = Vec::new();
        for second in [10, 20, 30] {
            let call = store.begin_call(new_call()).await.unwrap();
            store.end_call(call, call_end(after(second))).await.unwrap();
            calls.push(call);
        }
        let silent = store.begin_call(new_call()).await.unwrap();
        let end = CallEnd { trace: CallTrace::default(), ..call_end(after(10)) };
        store.end_call(silent, end).await.unwrap();
        assert!(!store.forget_traces(after(30)).await.unwrap());
        let mut kept = Vec::new();
        for &call in &calls {
            kept.push(store.trace(call).await.unwrap().is_some());
            assert!(store.call(call).await.unwrap().is_some());
        }
        assert_eq!(kept, [false, false, true]);
        assert_eq!(store.trace(silent).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_call_ends_once() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        store.end_call(call, call_end(after(30))).await.unwrap();
        let again = store.end_call(call, CallEnd { at: after(99), ..call_end(NOW) }).await;
        assert!(matches!(again, Err(StoreError::NotOpen { what: "call", .. })));
        assert!(store.answer_call(call, "PCMA", after(40)).await.is_err());
        assert!(store.begin_recording(call, "story", "x.wav", after(40)).await.is_err());
        assert_eq!(store.call(call).await.unwrap().unwrap().ended, Some(after(30)));
        assert_eq!(store.steps(call).await.unwrap().len(), 2, "the second end left no steps");
        assert!(store.end_call(CallId(999), call_end(NOW)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn steps_may_be_added_while_a_call_lasts() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        let step = |what: &str| Step { at: NOW, step: "menu".into(), what: what.into() };
        store.add_steps(call, vec![step("enter"), step("no_input")]).await.unwrap();
        store.add_steps(call, vec![]).await.unwrap();
        store
            .end_call(call, CallEnd { steps: vec![step("hung_up")], ..call_end(NOW) })
            .await
            .unwrap();
        let path: Vec<String> =
            store.steps(call).await.unwrap().into_iter().map(|s| s.what).collect();
        assert_eq!(path, ["enter", "no_input", "hung_up"]);
        assert!(store.add_steps(CallId(999), vec![step("enter")]).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn the_latest_calls_come_first() {
    on_each_store(async |store| {
        let mut calls = Vec::new();
        for _ in 0..5 {
            calls.insert(0, store.begin_call(new_call()).await.unwrap());
        }
        let recent = store.calls_recent(3).await.unwrap();
        assert_eq!(recent.iter().map(|c| c.id).collect::<Vec<_>>(), calls[..3]);
    })
    .await;
}

#[tokio::test]
async fn speaking_again_replaces_what_was_kept_before_and_silence_does_not() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        let replaced = async || -> Vec<bool> {
            store.recordings(call).await.unwrap().iter().map(|r| r.replaced).collect()
        };
        let first = store.begin_recording(call, "story", "1.wav", NOW).await.unwrap();
        store.end_recording(first, kept(after(9))).await.unwrap();

        let silent = store.begin_recording(call, "story", "2.wav", after(10)).await.unwrap();
        let empty = RecordingEnd { state: RecordingState::Empty, ..kept(after(19)) };
        store.end_recording(silent, empty).await.unwrap();
        assert_eq!(replaced().await, [false, false]);

        let other = store.begin_recording(call, "name", "3.wav", after(20)).await.unwrap();
        store.end_recording(other, kept(after(29))).await.unwrap();
        assert_eq!(replaced().await, [false, false, false]);

        let third = store.begin_recording(call, "story", "4.wav", after(30)).await.unwrap();
        assert_eq!(replaced().await, [false, false, false, false]);
        store.end_recording(third, kept(after(39))).await.unwrap();
        assert_eq!(replaced().await, [true, true, false, false]);
        assert!(store.end_recording(third, kept(after(50))).await.is_err(), "it ended already");
    })
    .await;
}

#[tokio::test]
async fn what_is_in_a_ticket_is_never_replaced() {
    on_each_store(async |store| {
        let (call, first) = call_with_story(store).await;
        store.open_ticket(intake(call, &[first]), after(21), &mut rng()).await.unwrap();
        let second = store.begin_recording(call, "story", "2.wav", after(30)).await.unwrap();
        store.end_recording(second, kept(after(40))).await.unwrap();
        assert!(store.recordings(call).await.unwrap().iter().all(|r| !r.replaced));
    })
    .await;
}

#[tokio::test]
async fn a_ticket_comes_with_its_history_recordings_text_job_and_call() {
    on_each_store(async |store| {
        let (call, recording) = call_with_story(store).await;
        let intake = Intake {
            text: Some("Jalan rusak\ndi depan pasar".into()),
            anonymous: true,
            confidential: true,
            ..intake(call, &[recording])
        };
        let ticket = store.open_ticket(intake, after(21), &mut rng()).await.unwrap();
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();

        assert_eq!((view.ticket.id, &view.ticket.code), (ticket.id, &ticket.code));
        assert_eq!((view.ticket.status, view.ticket.class), (Status::Received, Class::Complaint));
        assert_eq!(
            (view.ticket.number.as_deref(), view.ticket.asserted),
            (Some("+6281234567890"), true)
        );
        assert!(view.ticket.anonymous && view.ticket.confidential);
        assert_eq!((view.ticket.opened, view.ticket.updated), (after(21), after(21)));
        assert_eq!(view.ticket.call, Some(call));
        assert_eq!(view.history.len(), 1);
        assert_eq!(
            (view.history[0].what.as_str(), view.history[0].to_status),
            ("opened", Status::Received)
        );
        assert_eq!(view.spoken.len(), 1);
        assert_eq!(view.spoken[0].recording.id, recording);
        assert_eq!(view.messages.len(), 1);
        assert_eq!(view.messages[0].body, "Jalan rusak\ndi depan pasar");
        assert_eq!(view.messages[0].kind, MessageKind::Report);
        assert_eq!(store.call(call).await.unwrap().unwrap().ticket, Some(ticket.id));
        assert_eq!(store.counts().await.unwrap().jobs_queued, 1);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_needs_neither_call_nor_recording() {
    on_each_store(async |store| {
        let intake = Intake {
            channel: Channel::Counter,
            call: None,
            contact: Contact::default(),
            text: Some("Lampu mati".into()),
            ..intake(CallId(0), &[])
        };
        let ticket = store.open_ticket(intake, NOW, &mut rng()).await.unwrap();
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        assert_eq!((view.ticket.channel, view.ticket.number), (Channel::Counter, None));
        assert_eq!(store.counts().await.unwrap().jobs_queued, 0);
    })
    .await;
}

#[tokio::test]
async fn opening_twice_for_one_recording_gives_the_same_ticket() {
    on_each_store(async |store| {
        let (call, story) = call_with_story(store).await;
        let first = store.open_ticket(intake(call, &[story]), after(21), &mut rng()).await.unwrap();
        let place = store.begin_recording(call, "place", "p.wav", after(22)).await.unwrap();
        store.end_recording(place, kept(after(25))).await.unwrap();
        let again =
            store.open_ticket(intake(call, &[place, story]), after(60), &mut rng()).await.unwrap();
        assert_eq!(again, first);
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.tickets, counts.jobs_queued), (1, 2));
        let view = store.ticket(&first.code).await.unwrap().unwrap();
        assert_eq!(view.spoken.len(), 2, "nothing that was said is lost");
    })
    .await;
}

#[tokio::test]
async fn a_code_that_is_taken_is_passed_over_and_the_draws_are_bounded() {
    on_each_store(async |store| {
        let text = || Intake { call: None, text: Some("x".into()), ..intake(CallId(0), &[]) };
        let mut codes = std::collections::HashSet::new();
        // The same generator each time: each ticket finds the codes of those before it taken.
        for _ in 0..16 {
            codes.insert(store.open_ticket(text(), NOW, &mut rng()).await.unwrap().code);
        }
        assert_eq!(codes.len(), 16);
        let none = store.open_ticket(text(), NOW, &mut rng()).await;
        assert!(matches!(none, Err(OpenError::NoFreeCode { tried: 16 })));
        assert_eq!(store.counts().await.unwrap().tickets, 16);
    })
    .await;
}

#[tokio::test]
async fn many_tasks_opening_at_once_get_distinct_codes() {
    on_each_store(async |store| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..15 {
            let store = store.clone();
            tasks.spawn(async move {
                let (call, recording) = call_with_story(&store).await;
                // All of them draw the same codes.
                store.open_ticket(intake(call, &[recording]), NOW, &mut rng()).await.unwrap().code
            });
        }
        let codes: std::collections::HashSet<TicketCode> =
            tasks.join_all().await.into_iter().collect();
        assert_eq!(codes.len(), 15);
        assert_eq!(store.counts().await.unwrap().tickets, 15);
    })
    .await;
}

#[tokio::test]
async fn many_tasks_opening_the_same_recording_get_one_ticket() {
    on_each_store(async |store| {
        let (call, recording) = call_with_story(store).await;
        let mut tasks = tokio::task::JoinSet::new();
        for seed in 0..10 {
            let store = store.clone();
            tasks.spawn(async move {
                let mut rng = StdRng::seed_from_u64(seed);
                store.open_ticket(intake(call, &[recording]), NOW, &mut rng).await.unwrap().code
            });
        }
        let codes: std::collections::HashSet<TicketCode> =
            tasks.join_all().await.into_iter().collect();
        assert_eq!(codes.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn another_calls_recording_opens_nothing() {
    on_each_store(async |store| {
        let (call, recording) = call_with_story(store).await;
        let (_, strange) = call_with_story(store).await;
        for bad in [strange, RecordingId(999)] {
            let opened = store.open_ticket(intake(call, &[recording, bad]), NOW, &mut rng()).await;
            assert!(matches!(opened, Err(OpenError::UnknownRecording(id)) if id == bad));
        }
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.tickets, counts.jobs_queued), (0, 0), "all or nothing");
        assert_eq!(store.call(call).await.unwrap().unwrap().ticket, None);
    })
    .await;
}

#[tokio::test]
async fn words_flags_and_recordings_can_be_added_to_a_ticket() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let call = ticket.call.unwrap();
        let name = store.begin_recording(call, "name", "n.wav", after(25)).await.unwrap();
        store.end_recording(name, kept(after(30))).await.unwrap();
        let addition = Addition {
            recordings: vec![name],
            text: Some("Nomor 12".into()),
            anonymous: Some(true),
            confidential: None,
            pin: None,
        };
        store.add_to_ticket(ticket.id, addition.clone(), after(31)).await.unwrap();
        store
            .add_to_ticket(ticket.id, Addition { text: None, ..addition }, after(32))
            .await
            .unwrap();

        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        assert_eq!((view.ticket.anonymous, view.ticket.confidential), (true, false));
        assert_eq!((view.ticket.opened, view.ticket.updated), (after(21), after(32)));
        assert_eq!((view.spoken.len(), view.messages.len(), view.history.len()), (2, 1, 3));
        assert_eq!(store.counts().await.unwrap().jobs_queued, 2);

        let nobodys =
            store.add_to_ticket(crate::ticket::TicketId(999), Addition::default(), NOW).await;
        assert!(matches!(
            nobodys,
            Err(OpenError::Store(StoreError::NotOpen { what: "ticket", .. }))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_recording_of_one_ticket_cannot_be_added_to_another() {
    on_each_store(async |store| {
        let one = a_ticket(store).await;
        let other = a_ticket(store).await;
        let recording = store.ticket(&one.code).await.unwrap().unwrap().spoken[0].recording.id;
        let addition = Addition { recordings: vec![recording], ..Addition::default() };
        let added = store.add_to_ticket(other.id, addition, NOW).await;
        assert!(matches!(added, Err(OpenError::UnknownRecording(id)) if id == recording));
    })
    .await;
}

#[tokio::test]
async fn hostile_text_is_only_text() {
    let hostile = "'); DROP TABLE ticket; --\0\r\n\u{1b}[31m\u{202e}<script>%s{}$1🙃";
    on_each_store(async |store| {
        let long = hostile.repeat(10_000);
        let call = NewCall {
            sip_call_id: long.clone(),
            trunk: Some(long.clone()),
            caller: Contact { number: Some(long.clone()), asserted: false },
            called: long.clone(),
            started: Timestamp(i64::MIN),
        };
        let id = store.begin_call(call).await.unwrap();
        store.answer_call(id, &long, Timestamp(i64::MAX)).await.unwrap();
        let recording = store.begin_recording(id, hostile, hostile, NOW).await.unwrap();
        let step = Step { at: NOW, step: long.clone(), what: long.clone() };
        let packets = u64::MAX;
        let end = CallEnd { packets_lost: packets, steps: vec![step], ..call_end(NOW) };
        store
            .end_recording(recording, RecordingEnd { duration: Duration::MAX, ..kept(NOW) })
            .await
            .unwrap();
        let intake = Intake {
            contact: Contact { number: Some(long.clone()), asserted: false },
            text: Some(long.clone()),
            ..intake(id, &[recording])
        };
        let ticket = store.open_ticket(intake, NOW, &mut rng()).await.unwrap();
        store.end_call(id, end).await.unwrap();

        let row = store.call(id).await.unwrap().unwrap();
        assert_eq!(row.sip_call_id.chars().count(), 255);
        assert!(row.sip_call_id.starts_with("'); DROP TABLE ticket; --[31m\u{202e}<script>"));
        assert_eq!(row.packets_lost, i64::MAX);
        let view = store.ticket(&ticket.code).await.unwrap().unwrap();
        assert_eq!(view.messages[0].body.chars().count(), 20_000);
        for code in [hostile, &long, "", "\0", "%", "________"] {
            let found = store
                .look_up(code, Asker { number: Some(long.clone()), ..asker(Some(id)) }, NOW)
                .await;
            assert!(matches!(found, Ok(LookedUp::NotFound | LookedUp::Exhausted(_))), "{code:?}");
        }
        assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn agencies_and_categories_are_there_from_the_start_and_loaded_once() {
    on_each_store(async |store| {
        let agencies = store.agencies().await.unwrap();
        let roads = agencies.iter().find(|a| a.id == "dpupr").unwrap();
        assert_eq!(roads.name, "Dinas Pekerjaan Umum dan Penataan Ruang");
        let categories = store.categories().await.unwrap();
        assert!(categories.iter().any(|c| c.id == "jalan" && c.agency == "dpupr"));
        for category in categories {
            assert!(agencies.iter().any(|a| a.id == category.agency), "{category:?}");
        }
    })
    .await;
    let file = OnFile::new().await;
    let removed = "DELETE FROM category WHERE id = 'listrik'";
    let gone: Result<u64, StoreError> = file
        .db
        .write(writer::Durability::Process, move |tx| {
            Box::pin(async move {
                Ok(db::on_tx!(tx, conn, sqlx::query(removed).execute(conn).await?.rows_affected()))
            })
        })
        .await;
    assert_eq!(gone.unwrap(), 1);
    let again = file.again().await;
    assert!(
        again.categories().await.unwrap().iter().all(|c| c.id != "listrik"),
        "what was removed stays away"
    );
}

#[tokio::test]
async fn opening_an_existing_database_changes_nothing() {
    let file = OnFile::new().await;
    let ticket = a_ticket(&file).await;
    let before = file.counts().await.unwrap();
    let agencies = file.agencies().await.unwrap();
    file.close().await;
    let again = file.again().await;
    assert_eq!(again.counts().await.unwrap(), before);
    assert_eq!(again.agencies().await.unwrap(), agencies);
    assert!(again.ticket(&ticket.code).await.unwrap().is_some());
    assert_eq!(again.check().await.unwrap(), Vec::<String>::new());
}

#[test]
fn every_word_in_rows_reads_back() {
    fn check<T>(all: &[T])
    where
        T: PartialEq + std::fmt::Debug + Copy + Send + Unpin,
        for<'q> T: sqlx::Encode<'q, sqlx::Sqlite>
            + sqlx::Type<sqlx::Sqlite>
            + sqlx::Decode<'q, sqlx::Sqlite>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
            for word in all {
                let read: T =
                    sqlx::query_scalar("SELECT $1").bind(*word).fetch_one(&pool).await.unwrap();
                assert_eq!(read, *word);
                let text: String =
                    sqlx::query_scalar("SELECT $1").bind(*word).fetch_one(&pool).await.unwrap();
                assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
            }
        });
    }
    check(&Status::ALL);
    check(&[Channel::Phone, Channel::Sms, Channel::Counter]);
    check(&[
        Class::OversightComplaint,
        Class::InformationRequest,
        Class::ContentReport,
        Class::Emergency,
    ]);
    check(&[EndReason::NoAck, EndReason::RtpTimeout, EndReason::Crash, EndReason::TooLong]);
    check(&[EndedBy::Caller, EndedBy::Hotline, EndedBy::Network]);
    check(&[
        RecordingState::Open,
        RecordingState::Kept,
        RecordingState::Empty,
        RecordingState::Failed,
    ]);
    check(&[RecordingEndedBy::MaxTime, RecordingEndedBy::NoInput, RecordingEndedBy::Crash]);
    check(&[MessageKind::Report, MessageKind::Addition, MessageKind::Answer]);
}
