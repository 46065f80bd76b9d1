//! By when tickets are due.

use jiff::tz::TimeZone;

use super::staff::{doer, somebody};
use super::*;
use crate::ticket::Role;
use crate::ticket::workflow::{Action, Given};

/// The day that a ticket is due on, in Jakarta; it is Wednesday there, 18 November 2026.
async fn due(store: &Store, ticket: &Ticket) -> Option<String> {
    let due = store.ticket(&ticket.code).await.unwrap().unwrap().ticket.due?;
    let zone = TimeZone::get("Asia/Jakarta").unwrap();
    let at = jiff::Timestamp::from_millisecond(due.0).unwrap().to_zoned(zone);
    assert_eq!(at.strftime("%H:%M:%S").to_string(), "23:59:59");
    Some(at.date().to_string())
}

async fn work(store: &Store, ticket: &Ticket, change: Change, at: Timestamp) {
    let staff = store.staff_by_login("siti").await.unwrap().unwrap().id;
    let version = store.ticket(&ticket.code).await.unwrap().unwrap().ticket.version;
    let nonce = format!("{} {version}", ticket.code);
    let work = Work { code: ticket.code.clone(), version, change, nonce };
    let worker = Worker { staff, doer: doer("siti"), agency: None };
    store.work(work, worker, at).await.unwrap();
}

fn step(action: Action) -> Change {
    let given = Given {
        agency: Some("dpupr".into()),
        note: Some("x".into()),
        answer: Some("x".into()),
        ..Given::default()
    };
    Change::Step { action, given }
}

fn days(days: u64) -> Timestamp {
    after(days * 24 * 3600)
}

#[tokio::test]
async fn a_deadline_follows_the_ticket() {
    on_each_store(async |store| {
        somebody(store, "siti", Role::Operator).await;
        let ticket = a_ticket(store).await;
        let day = async || due(store, &ticket).await;
        assert_eq!(day().await.as_deref(), Some("2026-11-23"), "three days to send it on");
        work(store, &ticket, step(Action::Verify), days(1)).await;
        assert_eq!(day().await.as_deref(), Some("2026-11-23"));
        work(store, &ticket, step(Action::RequestData), days(2)).await;
        assert_eq!(day().await, None, "the reporter is asked");
        work(store, &ticket, step(Action::CompleteData), days(12)).await;
        assert_eq!(day().await.as_deref(), Some("2026-12-03"), "from Monday the 30th on");
        let oversight =
            Change::Classify { class: Class::OversightComplaint, category: None, place: None };
        work(store, &ticket, oversight, days(12)).await;
        work(store, &ticket, step(Action::Route), days(13)).await;
        // Sixty working days, without Christmas, New Year and what else is free until then.
        assert_eq!(day().await.as_deref(), Some("2027-03-01"));
        let ordinary = Change::Classify { class: Class::Complaint, category: None, place: None };
        work(store, &ticket, ordinary, days(13)).await;
        assert_eq!(day().await.as_deref(), Some("2026-12-18"), "fourteen");
        work(store, &ticket, step(Action::Start), days(14)).await;
        work(store, &ticket, step(Action::Answer), days(15)).await;
        assert_eq!(day().await, None, "answered");
        work(store, &ticket, step(Action::Reopen), days(20)).await;
        assert_eq!(day().await.as_deref(), Some("2026-12-11"), "and asked again");
    })
    .await;
}

#[tokio::test]
async fn the_offices_own_zone_counts() {
    let dir = tempfile::tempdir().unwrap();
    let zone = TimeZone::get("Asia/Makassar").unwrap();
    let config = Config { zone: zone.clone(), ..Config::at(dir.path().join("kentongan.db")) };
    let store = Store::open(&config).await.unwrap();
    let ticket = a_ticket(&store).await;
    let due = store.ticket(&ticket.code).await.unwrap().unwrap().ticket.due.unwrap();
    let at = jiff::Timestamp::from_millisecond(due.0).unwrap().to_zoned(zone);
    assert_eq!(at.strftime("%F %T").to_string(), "2026-11-23 23:59:59");
}

#[tokio::test]
async fn other_days_move_the_deadlines_of_open_tickets() {
    let store = Store::in_memory().await.unwrap();
    somebody(&store, "siti", Role::Operator).await;
    let (open, waiting) = (a_ticket(&store).await, a_ticket(&store).await);
    work(&store, &waiting, step(Action::Verify), days(1)).await;
    work(&store, &waiting, step(Action::RequestData), days(1)).await;
    let mut changed = store.deadlines().await.unwrap();
    assert_eq!(changed.deadline.len(), 6, "every class has its days");
    changed.holiday.push(HolidayRow {
        date: "2026-11-20".into(),
        name: "Pemilihan kepala daerah".into(),
        source: "Keppres".into(),
    });
    let moved = store.set_deadlines(changed.clone(), doer("cli"), NOW).await.unwrap();
    assert_eq!((moved, due(&store, &open).await.as_deref()), (1, Some("2026-11-24")));
    assert_eq!(due(&store, &waiting).await, None);
    assert_eq!(store.set_deadlines(changed, doer("cli"), NOW).await.unwrap(), 0);
    let rows = store.audit_before(&AuditAbout::default(), i64::MAX, 1).await.unwrap();
    assert_eq!((rows[0].action.as_str(), rows[0].detail.as_str()), ("deadlines", "0 tickets"));
}

#[tokio::test]
async fn tickets_of_an_older_database_get_their_deadlines_at_the_first_start() {
    let file = OnFile::new().await;
    let ticket = a_ticket(&file).await;
    file.store.close().await;
    let path = file.dir.path().join("kentongan.db");
    let raw = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    for statement in
        ["UPDATE ticket SET due = NULL", "DELETE FROM setting WHERE key = 'seed.deadlines'"]
    {
        sqlx::query(statement).execute(&raw).await.unwrap();
    }
    raw.close().await;
    let again = file.again().await;
    assert_eq!(due(&again, &ticket).await.as_deref(), Some("2026-11-23"));
}

#[test]
fn a_file_with_a_mistake_is_not_taken() {
    let shipped = include_str!("../../../deploy/seed/deadlines.toml");
    Deadlines::read(shipped).unwrap();
    for (wrong, why) in [
        (shipped.replace("2026-12-25", "25-12-2026"), "is no date"),
        (shipped.replace("2026-12-25", "2026-13-25"), "is no date"),
        (shipped.replace("2026-12-24", "2026-12-25"), "stands there twice"),
        (shipped.replace("\"aspiration\"", "\"complaint\""), "stands there twice"),
        (shipped.replace("finish = 60", "finish = -60"), "line"),
        (shipped.replace("verify", "verifi"), "line"),
    ] {
        let error = Deadlines::read(&wrong).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn what_is_past_its_deadline_is_a_queue_with_the_longest_past_first() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let tickets = [a_ticket(store).await, a_ticket(store).await, a_ticket(store).await];
        let oversight =
            Change::Classify { class: Class::OversightComplaint, category: None, place: None };
        // Opened first and due last; the second is with an agency, the third still on the desk.
        work(store, &tickets[0], oversight, NOW).await;
        for ticket in &tickets[..2] {
            work(store, ticket, step(Action::Verify), NOW).await;
            work(store, ticket, step(Action::Route), NOW).await;
        }
        let overdue = async |at: Timestamp, agency: Option<&str>, order| {
            let filter = Filter {
                queue: Queue::Overdue,
                agency: agency.map(Into::into),
                now: at,
                order,
                ..Filter::default()
            };
            let mut codes = Vec::new();
            let mut from = None;
            // A row a page.
            while let [row] = &store.queue(&filter, from, 1).await.unwrap()[..] {
                from = Some(After { at: Queue::Overdue.key(row.opened, row.due), id: row.id });
                codes.push(row.code.clone());
            }
            let counts = store.queue_counts(siti, agency, at).await.unwrap();
            assert_eq!(counts.overdue, codes.len() as i64);
            tickets.iter().map(|t| codes.iter().position(|c| *c == t.code)).collect::<Vec<_>>()
        };
        let oldest = Order::OldestFirst;
        assert_eq!(overdue(days(5), None, oldest).await, [None, None, None], "the third day");
        assert_eq!(overdue(days(6), None, oldest).await, [None, None, Some(0)]);
        assert_eq!(overdue(days(6), Some("dpupr"), oldest).await, [None, None, None]);
        assert_eq!(overdue(days(200), None, oldest).await, [Some(2), Some(1), Some(0)]);
        assert_eq!(overdue(days(200), None, Order::NewestFirst).await, [Some(0), Some(1), Some(2)]);
        assert_eq!(overdue(days(200), Some("dpupr"), oldest).await, [Some(1), Some(0), None]);
    })
    .await;
}
