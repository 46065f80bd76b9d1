use super::*;

#[tokio::test]
async fn each_commit_is_told_and_the_marks_show_where() {
    on_each_store(async |store| {
        let mut changes = store.changes();
        let before = store.marks().await.unwrap();
        assert!(!changes.has_changed().unwrap());
        let call = store.begin_call(new_call()).await.unwrap();
        changes.changed().await.unwrap();
        let during = store.marks().await.unwrap();
        assert_eq!((during.calls_open, during.calls > before.calls), (1, true));
        store
            .add_steps(call, vec![Step { at: NOW, step: "menu".into(), what: "enter".into() }])
            .await
            .unwrap();
        let moved = store.marks().await.unwrap();
        assert_eq!(Marks { steps: moved.steps, ..during }, moved);
        assert!(moved.steps > during.steps);
        assert_eq!(store.touched_since(&before).await.unwrap(), []);
        let ticket = store.open_ticket(intake(call, &[]), NOW, &mut rng()).await.unwrap();
        let touched = store.touched_since(&before).await.unwrap();
        assert_eq!(touched.len(), 1);
        assert_eq!((&touched[0].code, &touched[0].agency), (&ticket.code, &None));
        let now = store.marks().await.unwrap();
        assert_eq!(store.touched_since(&now).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn what_another_process_writes_shows_in_the_marks() {
    let file = OnFile::new().await;
    let before = file.marks().await.unwrap();
    let other = file.again().await;
    let ticket = a_ticket(&other).await;
    assert_ne!(file.marks().await.unwrap(), before);
    let touched = file.touched_since(&before).await.unwrap();
    assert_eq!(touched.iter().map(|t| &t.code).collect::<Vec<_>>(), [&ticket.code]);
}

#[tokio::test]
async fn a_part_is_as_alive_as_its_last_sign_of_life() {
    on_each_store(async |store| {
        assert_eq!(store.transcribing(NOW).await.unwrap(), Transcribing::default());
        let mut pulse = Pulse::new(store.clone(), Part::Transcribe);
        pulse.beat(NOW).await;
        pulse.beat(after(14)).await;
        assert_eq!(store.transcribing(NOW).await.unwrap().beat, Some(NOW));
        pulse.beat(after(15)).await;
        assert_eq!(store.transcribing(NOW).await.unwrap().beat, Some(after(15)));
        for gateway in ["kannel", "lama"] {
            store.beat(&Part::Gateway(gateway.into()), NOW).await.unwrap();
        }
        store.keep_gateways(&["kannel".into()]).await.unwrap();
        let sending = store.sending(after(60), NOW).await.unwrap();
        let alive = Sending {
            gateway: "kannel".into(),
            beat: Some(NOW),
            waiting: 0,
            oldest: None,
            failed: 0,
        };
        assert_eq!(sending, [alive]);
        assert_eq!(store.transcribing(NOW).await.unwrap().beat, Some(after(15)), "it stays");
    })
    .await;
}

#[tokio::test]
async fn the_queue_to_write_down_tells_what_waits_what_is_held_and_what_was_left() {
    on_each_store(async |store| {
        for _ in 0..3 {
            a_ticket(store).await;
        }
        let waiting = store.transcribing(after(60)).await.unwrap();
        let all = Transcribing { waiting: 3, oldest: Some(after(21)), ..Transcribing::default() };
        assert_eq!(waiting, all);
        let minute = Duration::from_secs(60);
        store.lease_job(JobKind::Transcribe, "one", after(60), minute).await.unwrap().unwrap();
        let held = store.transcribing(after(61)).await.unwrap();
        assert_eq!((held.waiting, held.working, held.left), (2, 1, 0));
        let left = store.transcribing(after(121)).await.unwrap();
        assert_eq!((left.waiting, left.working, left.left), (2, 0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_day_is_counted_by_the_hour() {
    on_each_store(async |store| {
        a_ticket(store).await;
        a_ticket(store).await;
        let midnight = Timestamp(NOW.0 - 5 * 3_600_000);
        let five = Hourly { hour: 5, calls: 2, tickets: 2 };
        assert_eq!(store.hourly(midnight).await.unwrap(), [five]);
        assert_eq!(store.hourly(after(3_600)).await.unwrap(), []);
    })
    .await;
}
