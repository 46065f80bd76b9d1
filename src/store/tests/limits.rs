//! Looking up by code: what is told, and how often one may be wrong.

use super::*;
use crate::ticket::disclosure::{Limit, Tier};
use crate::ticket::{Status, TicketCode};

/// Well-formed codes of no ticket.
fn unknown_code(n: u64) -> String {
    TicketCode::generate(&mut StdRng::seed_from_u64(1_000_000 + n)).to_string()
}

fn from(number: &str) -> Asker {
    Asker { number: Some(number.into()), asserted: true, call: None }
}

async fn is_refused(store: &Store, code: &str, asker: Asker, now: Timestamp) -> Option<Limit> {
    match store.look_up(code, asker, now).await.unwrap() {
        LookedUp::Exhausted(limit) => Some(limit),
        LookedUp::Found(_) | LookedUp::NotFound | LookedUp::WrongPin => None,
    }
}

#[tokio::test]
async fn the_code_tells_a_stranger_the_status_and_the_reporter_more() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let LookedUp::Found(stranger) =
            store.look_up(&ticket.code.to_string(), from("+62811"), after(60)).await.unwrap()
        else {
            panic!("not found")
        };
        assert_eq!((stranger.tier, stranger.status), (Tier::Code, Some(Status::Received)));
        assert_eq!(
            (stranger.updated, stranger.agency, stranger.owner),
            (Some(after(21)), None, false)
        );

        let LookedUp::Found(owner) =
            store.look_up(ticket.code.digits(), asker(ticket.call), after(60)).await.unwrap()
        else {
            panic!("not found")
        };
        assert_eq!(
            (owner.tier, owner.owner, owner.answer_available),
            (Tier::SameNumber, true, false)
        );
    })
    .await;
}

#[tokio::test]
async fn a_confidential_ticket_is_only_received_to_whoever_calls() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let confidential = Addition { confidential: Some(true), ..Addition::default() };
        store.add_to_ticket(ticket.id, confidential, after(30)).await.unwrap();
        let LookedUp::Found(said) =
            store.look_up(ticket.code.digits(), asker(None), after(60)).await.unwrap()
        else {
            panic!("not found")
        };
        assert_eq!((said.status, said.updated, said.owner), (None, None, false));
    })
    .await;
}

#[tokio::test]
async fn three_wrong_codes_end_the_tries_of_a_call_even_for_the_right_one() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let call = store.begin_call(new_call()).await.unwrap();
        for n in 0..3 {
            assert_eq!(
                store.look_up(&unknown_code(n), asker(Some(call)), after(n)).await.unwrap(),
                LookedUp::NotFound
            );
        }
        let refused = is_refused(store, ticket.code.digits(), asker(Some(call)), after(3)).await;
        assert_eq!(refused, Some(Limit::Call));
        let next = store.begin_call(new_call()).await.unwrap();
        assert_eq!(
            is_refused(store, ticket.code.digits(), asker(Some(next)), after(4)).await,
            None
        );
    })
    .await;
}

#[tokio::test]
async fn a_wrong_check_digit_counts_half() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        for n in 0..6 {
            let typed = if n % 2 == 0 { "4821-7363" } else { "4821" };
            assert_eq!(
                is_refused(store, typed, asker(Some(call)), after(n)).await,
                None,
                "try {n}"
            );
        }
        assert_eq!(
            is_refused(store, "48217362", asker(Some(call)), after(7)).await,
            Some(Limit::Call)
        );
    })
    .await;
}

#[tokio::test]
async fn ten_wrong_codes_from_a_number_close_it_for_a_day_and_no_longer() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let code = ticket.code.digits();
        for n in 0..10 {
            assert_eq!(
                is_refused(store, &unknown_code(n), from("+62811"), after(n)).await,
                None,
                "try {n}"
            );
        }
        assert_eq!(is_refused(store, code, from("+62811"), after(20)).await, Some(Limit::Number));
        assert_eq!(
            is_refused(store, code, from("+62812"), after(20)).await,
            None,
            "others are not hit"
        );
        let day = 24 * 3600;
        assert_eq!(
            is_refused(store, code, from("+62811"), after(day - 1)).await,
            Some(Limit::Number)
        );
        assert_eq!(
            is_refused(store, code, from("+62811"), after(day + 10)).await,
            None,
            "refused tries do not count"
        );
    })
    .await;
}

#[tokio::test]
async fn withheld_numbers_share_sixty_wrong_codes_an_hour() {
    on_each_store(async |store| {
        let withheld = Asker::default();
        for n in 0..60 {
            assert_eq!(
                is_refused(store, &unknown_code(n), withheld.clone(), after(n)).await,
                None,
                "try {n}"
            );
        }
        assert_eq!(
            is_refused(store, &unknown_code(61), withheld.clone(), after(61)).await,
            Some(Limit::Withheld)
        );
        assert_eq!(is_refused(store, &unknown_code(62), from("+62811"), after(62)).await, None);
        assert_eq!(is_refused(store, &unknown_code(63), withheld, after(3600 + 30)).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_number_made_up_anew_for_each_try_does_not_help() {
    on_each_store(async |store| {
        let made_up =
            |n| Asker { number: Some(format!("+62811{n:07}")), asserted: false, call: None };
        for n in 0..240 {
            assert_eq!(
                is_refused(store, &unknown_code(n), made_up(n), after(n)).await,
                None,
                "try {n}"
            );
        }
        assert_eq!(
            is_refused(store, &unknown_code(241), made_up(241), after(241)).await,
            Some(Limit::Unvouched)
        );
        assert_eq!(is_refused(store, &unknown_code(242), from("+62812"), after(242)).await, None);
    })
    .await;
}

#[tokio::test]
async fn right_codes_are_never_counted() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let call = store.begin_call(new_call()).await.unwrap();
        for n in 0..80 {
            let refused = is_refused(
                store,
                ticket.code.digits(),
                Asker { call: Some(call), ..Asker::default() },
                after(n),
            );
            assert_eq!(refused.await, None, "try {n}");
        }
    })
    .await;
}

#[tokio::test]
async fn counting_tries_reads_indexes_only() {
    let store = Store::in_memory().await.unwrap();
    let Db::Sqlite { readers, .. } = &store.db;
    for statement in [
        sql::TRIES_IN_CALL,
        sql::TRIES_FROM_NUMBER,
        sql::TRIES_WITHHELD,
        sql::TRIES_UNVOUCHED,
        sql::TRIES_OF_ALL,
    ] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(readers).await.unwrap();
        assert!(
            plan.iter().any(|(.., step)| step.contains("USING INDEX")),
            "{statement}: {plan:?}"
        );
    }
}

/// A confidential ticket that is locked with 2468.
async fn a_locked_ticket(store: &Store) -> Ticket {
    let ticket = a_ticket(store).await;
    let pin = Some("2468".to_owned());
    let locked = Addition { confidential: Some(true), pin, ..Addition::default() };
    store.add_to_ticket(ticket.id, locked, after(30)).await.unwrap();
    ticket
}

async fn with_pin(store: &Store, ticket: &Ticket, pin: &str, now: Timestamp) -> LookedUp {
    let stranger = from("+62811");
    store.look_up_with_pin(ticket.code.digits(), pin, stranger, now).await.unwrap()
}

#[tokio::test]
async fn the_pin_opens_a_confidential_ticket_from_any_telephone() {
    on_each_store(async |store| {
        let ticket = a_locked_ticket(store).await;
        let LookedUp::Found(closed) =
            store.look_up(ticket.code.digits(), from("+62811"), after(60)).await.unwrap()
        else {
            panic!("not found")
        };
        assert_eq!((closed.status, closed.sealed), (None, true));
        assert_eq!(with_pin(store, &ticket, "1357", after(61)).await, LookedUp::WrongPin);
        let LookedUp::Found(open) = with_pin(store, &ticket, "2468", after(62)).await else {
            panic!("the PIN does not open it")
        };
        assert_eq!(
            (open.tier, open.status, open.sealed),
            (Tier::Pin, Some(Status::Received), false)
        );
    })
    .await;
}

#[tokio::test]
async fn five_wrong_pins_lock_a_ticket_for_a_day_even_to_the_right_one() {
    on_each_store(async |store| {
        let ticket = a_locked_ticket(store).await;
        for n in 0..5 {
            let pin = format!("000{n}");
            assert_eq!(with_pin(store, &ticket, &pin, after(60 + n)).await, LookedUp::WrongPin);
        }
        assert_eq!(with_pin(store, &ticket, "2468", after(70)).await, LookedUp::WrongPin);
        let day = 24 * 3600;
        let later = with_pin(store, &ticket, "2468", after(65 + day)).await;
        assert!(matches!(later, LookedUp::Found(_)), "{later:?}");
    })
    .await;
}

#[tokio::test]
async fn a_pin_for_a_ticket_that_has_none_changes_nothing() {
    on_each_store(async |store| {
        let ticket = a_ticket(store).await;
        let told = with_pin(store, &ticket, "2468", after(60)).await;
        assert!(matches!(told, LookedUp::Found(told) if told.tier == Tier::Code));
    })
    .await;
}
