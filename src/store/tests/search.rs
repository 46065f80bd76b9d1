//! What was said and written is found, whatever is typed.

use proptest::prelude::*;

use super::jobs::{lease, said, waiting};
use super::*;
use crate::ticket::{Role, TicketId};

/// A ticket from the counter.
async fn written(store: &Store, text: &str, at: Timestamp) -> Ticket {
    let intake = Intake {
        channel: Channel::Counter,
        text: Some(text.into()),
        call: None,
        ..intake(CallId(0), &[])
    };
    let mut rng = StdRng::seed_from_u64(at.0 as u64);
    store.open_ticket(intake, at, &mut rng).await.unwrap()
}

async fn search(store: &Store, typed: &str) -> Vec<Hit> {
    store.search(typed, None, 50).await.unwrap().hits
}

/// The tickets found, in their order.
async fn tickets(store: &Store, typed: &str) -> Vec<TicketId> {
    search(store, typed).await.into_iter().map(|hit| hit.ticket.id).collect()
}

fn bracketed(hit: &Hit) -> String {
    let piece = |p: &Piece| if p.hit { format!("[{}]", p.text) } else { p.text.clone() };
    hit.snippet.iter().map(piece).collect()
}

#[tokio::test]
async fn a_transcript_is_found_by_its_words_and_replaced_by_the_next_one() {
    on_each_store(async |store| {
        let (ticket, recording) = waiting(store).await;
        let job = lease(store, "a", after(30)).await.unwrap();
        assert_eq!(search(store, "lubang").await, []);
        store.finish_transcript(&job, said("Jalan berlubang parah."), after(40)).await.unwrap();
        let hits = search(store, "jalan lubang").await;
        let [hit] = &hits[..] else { panic!("{hits:?}") };
        assert_eq!(
            (hit.ticket.id, &hit.ticket.code, hit.ticket.status),
            (ticket.id, &ticket.code, ticket.status)
        );
        assert_eq!((hit.source, hit.at), (Source::Recording(recording), after(5)));
        assert_eq!(bracketed(hit), "[Jalan] [berlubang] parah.");

        store.queue_again(Redo::All, after(50)).await.unwrap();
        let job = lease(store, "a", after(60)).await.unwrap();
        store.finish_transcript(&job, said("Lampu jalan mati"), after(70)).await.unwrap();
        assert_eq!(search(store, "lubang").await, []);
        assert_eq!(tickets(store, "lampu jalan").await, [ticket.id]);
    })
    .await;
}

#[tokio::test]
async fn a_lost_lease_is_not_found() {
    on_each_store(async |store| {
        waiting(store).await;
        let slow = lease(store, "a", after(30)).await.unwrap();
        lease(store, "b", after(90)).await.unwrap();
        assert!(store.finish_transcript(&slow, said("terlambat"), after(91)).await.is_err());
        assert_eq!(search(store, "terlambat").await, []);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_is_found_by_its_place_as_long_as_it_is_there() {
    let store = Store::in_memory().await.unwrap();
    let ticket = written(&store, "lampu mati", NOW).await;
    let siti = super::staff::somebody(&store, "siti", Role::Operator).await;
    let worker = Worker { staff: siti, doer: super::staff::doer("siti"), agency: None };
    let classify = async |version: i64, place: Option<&str>| {
        let change = Change::Classify {
            class: Class::Complaint,
            category: None,
            place: place.map(str::to_owned),
        };
        let code = ticket.code.clone();
        let work = Work { code, version, change, nonce: version.to_string() };
        store.work(work, worker.clone(), after(60)).await.unwrap();
    };
    classify(0, Some("Gang Sampurna, Baamang")).await;
    let hits = search(&store, "sampurna").await;
    let [hit] = &hits[..] else { panic!("{hits:?}") };
    assert_eq!((hit.ticket.id, hit.source, hit.at), (ticket.id, Source::Place, NOW));
    assert_eq!(bracketed(hit), "Gang [Sampurna], Baamang");
    assert_eq!(tickets(&store, "lampu").await, [ticket.id], "what was written is there too");
    classify(1, Some("Jalan Pelita")).await;
    assert_eq!(search(&store, "sampurna").await, []);
    assert_eq!(tickets(&store, "pelita").await, [ticket.id]);
    classify(2, None).await;
    assert_eq!(search(&store, "pelita").await, []);
}

#[tokio::test]
async fn messages_are_found_with_their_kind_and_whether_they_are_confidential() {
    on_each_store(async |store| {
        let ticket = written(store, "Ada pungutan liar di sekolah", NOW).await;
        let more = Addition {
            text: Some("Yang memungut kepala sekolah".into()),
            confidential: Some(true),
            ..Addition::default()
        };
        store.add_to_ticket(ticket.id, more, after(60)).await.unwrap();
        let hits = search(store, "pungut sekolah ").await;
        let found: Vec<_> = hits.iter().map(|h| (h.source, h.at, h.ticket.confidential)).collect();
        assert_eq!(
            found,
            [
                (Source::Message(MessageKind::Addition), after(60), true),
                (Source::Message(MessageKind::Report), NOW, true),
            ]
        );
        assert_eq!(bracketed(&hits[0]), "Yang [memungut] kepala [sekolah]");
    })
    .await;
}

#[tokio::test]
async fn words_as_typed_come_before_other_forms_and_the_newest_first() {
    on_each_store(async |store| {
        let old = written(store, "ada lubang besar", NOW).await;
        let form = written(store, "jalannya berlubang", after(200)).await;
        let young = written(store, "lubang lagi", after(100)).await;
        written(store, "lampu mati", after(300)).await;
        assert_eq!(tickets(store, "lubang").await, [young.id, old.id, form.id]);
        assert_eq!(tickets(store, "berlubang ").await, [form.id, young.id, old.id]);
    })
    .await;
}

#[tokio::test]
async fn every_term_must_be_there() {
    on_each_store(async |store| {
        let one = written(store, "jalan rusak di depan pasar Baamang", NOW).await.id;
        let two = written(store, "pasar kotor, jalan ke sana diperbaiki", after(1)).await.id;
        for (typed, found) in [
            ("jalan pasar", &[two, one][..]),
            ("PASAR rusak", &[one]),
            ("\"jalan rusak\"", &[one]),
            ("\"rusak jalan\"", &[]),
            ("perbaikan", &[two]),
            ("baam", &[one]),
            ("baam ", &[]),
            ("baam* jalan", &[one]),
            ("jalan lampu", &[]),
            ("b", &[]),
        ] {
            assert_eq!(tickets(store, typed).await, found, "{typed}");
        }
    })
    .await;
}

#[tokio::test]
async fn codes_and_numbers_find_their_tickets_as_well_as_texts_that_name_them() {
    on_each_store(async |store| {
        let (first, _) = waiting(store).await;
        let second = written(store, "nomor saya 0812-3456-7890", after(100)).await;
        for typed in ["081234567890", "+62 812 3456 7890", "0812-3456-7890", " 6281234567890"] {
            let hits = search(store, typed).await;
            assert_eq!(
                hits[..2].iter().map(|h| h.ticket.id).collect::<Vec<_>>(),
                [second.id, first.id]
            );
            assert!(hits[..2].iter().all(|h| h.source == Source::Ticket), "{typed}");
        }
        let hits = search(store, "0812-3456-7890").await;
        assert_eq!(
            (hits.len(), bracketed(&hits[2])),
            (3, "nomor saya [0812]-[3456]-[7890]".into())
        );
        for typed in [second.code.to_string(), second.code.digits().into()] {
            let hits = search(store, &typed).await;
            assert_eq!((hits.len(), hits[0].ticket.id, hits[0].at), (1, second.id, after(100)));
            assert_eq!(bracketed(&hits[0]), "nomor saya 0812-3456-7890");
        }
        assert_eq!(search(store, "4821-7362").await, []);
        assert_eq!(search(store, "081299999999").await, []);
    })
    .await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_though_texts_come_in_between() {
    on_each_store(async |store| {
        let mut all = Vec::new();
        for n in 0..7 {
            let text = if n % 2 == 0 { "banjir" } else { "kebanjiran" };
            all.push((n % 2, written(store, text, after(n)).await.id));
        }
        all.sort_by_key(|(form, id)| (*form, std::cmp::Reverse(id.0)));
        let (mut cursor, mut found) = (None, Vec::new());
        loop {
            let page = store.search("banjir", cursor, 2).await.unwrap();
            assert!(page.hits.len() <= 2);
            found.extend(page.hits.iter().map(|h| h.ticket.id));
            written(store, "banjir lagi", after(1000 + found.len() as u64)).await;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, all.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        assert!(store.search("banjir", None, usize::MAX).await.unwrap().hits.len() > 7);
        assert_eq!(store.search("banjir", None, 0).await.unwrap().hits.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_written_before_there_was_an_index_is_found_after_the_next_start() {
    let file = OnFile::new().await;
    let message = written(&file, "pungutan liar", after(1)).await.id;
    let (spoken, _) = waiting(&file).await;
    let job = lease(&file, "a", after(30)).await.unwrap();
    file.finish_transcript(&job, said("Ada yang memungut"), after(40)).await.unwrap();
    let Db::Sqlite { readers, .. } = &file.db;
    let path = file.config().path;
    let index = async |statement: &'static str| {
        let pool = sqlx::SqlitePool::connect_with(
            sqlx::sqlite::SqliteConnectOptions::new().filename(&path),
        );
        sqlx::query(statement).execute(&pool.await.unwrap()).await.unwrap();
    };
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM search").fetch_one(readers).await.unwrap()
    };

    // Cut short after the message, by a program whose words had the same stems and that knew no places.
    index("UPDATE ticket SET place = 'Gang Sampurna' WHERE channel = 'counter'").await;
    index("DELETE FROM search WHERE source = 'recording'").await;
    index(
        "UPDATE setting SET value = '{\"version\":1,\"transcript\":0,\"message\":1,\"done\":false}'
            WHERE key = 'search.index'",
    )
    .await;
    assert_eq!(count().await, 1);
    let again = file.again().await;
    assert_eq!(count().await, 3);
    assert_eq!(tickets(&again, "pungut ").await, [spoken.id, message]);
    assert_eq!(tickets(&again, "sampurna").await, [message]);

    // Other stems: everything is written anew.
    index("UPDATE search SET stems = 'lain'").await;
    assert_eq!(tickets(&again, "pungut ").await, []);
    index(
        "UPDATE setting SET value = '{\"version\":0,\"transcript\":9,\"message\":9,\"done\":true}'
            WHERE key = 'search.index'",
    )
    .await;
    assert_eq!(tickets(&file.again().await, "pungut ").await, [spoken.id, message]);
    assert_eq!(count().await, 3, "nothing is there twice");
}

#[tokio::test]
async fn two_words_in_a_row_are_found_also_in_texts_from_before_their_index() {
    let file = OnFile::new().await;
    let first = written(&file, "Lampu jalan mati", NOW).await.id;
    let second = written(&file, "Jalan, lampu, dan got", after(1)).await.id;
    let path = file.config().path;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in [
        "INSERT INTO search_pair (search_pair) VALUES ('delete-all')",
        "DELETE FROM setting WHERE key = 'search.pairs'",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    assert_eq!(tickets(&file, "\"lampu jalan\"").await, []);
    let again = file.again().await;
    assert_eq!(tickets(&again, "\"lampu jalan\"").await, [first]);
    assert_eq!(tickets(&again, "\"jalan lampu\"").await, [second]);
    let third = written(&again, "Tolong, lampu jalan padam", after(2)).await.id;
    let page = again.search("\"lampu jalan\"", None, 1).await.unwrap();
    assert_eq!(page.hits[0].ticket.id, third);
    assert_eq!(bracketed(&page.hits[0]), "Tolong, [lampu] [jalan] padam");
    let next = again.search("\"lampu jalan\"", page.next, 1).await.unwrap();
    assert_eq!((next.hits[0].ticket.id, next.next), (first, None));
    let theirs = again.search_of_agency("dpupr", "\"lampu jalan\"", None, 9).await.unwrap();
    assert_eq!((theirs.hits, theirs.next), (vec![], None));
}

#[tokio::test]
async fn an_unfinished_word_finds_what_it_may_become_however_many_words_that_are() {
    let store = Store::in_memory().await.unwrap();
    let mut every = Vec::new();
    for n in 10..90 {
        every.push(written(&store, &format!("lampu{n} mati"), after(n)).await.id);
    }
    let most = crate::store::search::ENDINGS;
    let page = store.search("mati lampu", None, 100).await.unwrap();
    let found: Vec<TicketId> = page.hits.iter().map(|hit| hit.ticket.id).collect();
    // The words that come first in the alphabet are looked for as typed, the others behind them.
    let (first, others) = every.split_at(most);
    assert_eq!(found[..most], first.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(found[most..], others.iter().rev().copied().collect::<Vec<_>>());
    let few = tickets(&store, "lampu1").await;
    assert_eq!(few, every[..10].iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(tickets(&store, "lampuu").await, []);
}

/// Letters that nobody has, in the places of which words are put.
#[tokio::test]
async fn a_hostile_word_is_no_more_work_than_another() {
    let store = Store::in_memory().await.unwrap();
    let good = written(&store, "jalanan becek", NOW).await.id;
    for (n, stand_in) in ['\u{e001}', '\u{e002}'].into_iter().enumerate() {
        for m in 0..20 {
            let word = format!("jalan{m}{}", stand_in.to_string().repeat(600));
            written(&store, &word, after(1 + (20 * n + m) as u64)).await;
        }
    }
    let found = tickets(&store, "jala").await;
    assert!(found.contains(&good), "{found:?}");
    assert_eq!(tickets(&store, "becek").await, [good]);
}

#[tokio::test]
async fn an_agencys_page_ends_behind_what_was_looked_at_for_it() {
    let file = OnFile::new().await;
    let own = written(&file, "lubang besar", NOW).await;
    let path = file.config().path;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let run = async |statement: &'static str| {
        sqlx::query(statement).execute(&pool).await.unwrap();
    };
    run("UPDATE ticket SET agency = 'dpupr'").await;
    written(&file, "punya orang lain", after(1)).await;
    run("INSERT INTO message (ticket, kind, body, at) WITH RECURSIVE n (n) AS
            (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2100)
            SELECT 2, 'report', 'lubang', 1900000000000 + n FROM n")
    .await;
    run("DELETE FROM setting WHERE key IN ('search.index', 'search.pairs')").await;
    let store = file.again().await;
    let first = store.search_of_agency("dpupr", "lubang", None, 10).await.unwrap();
    assert_eq!(first.hits, []);
    let second = store.search_of_agency("dpupr", "lubang", first.next, 10).await.unwrap();
    assert_eq!((second.hits[0].ticket.id, second.hits.len(), second.next), (own.id, 1, None));
}

#[tokio::test]
async fn searching_reads_indexes_only() {
    let store = Store::in_memory().await.unwrap();
    let Db::Sqlite { readers, .. } = &store.db;
    for statement in [sql::FIND, sql::TICKET_AND_TIME] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(readers).await.unwrap();
        for (.., step) in &plan {
            let large = ["ticket", " t ", " s ", " m ", "message", "transcript", "search "];
            let scanned = step.strip_prefix("SCAN").is_some_and(|table| {
                let table = format!("{table} ");
                large.iter().any(|name| table.contains(name)) && !table.contains("VIRTUAL TABLE")
            });
            // A full-text table is looked up by its words, or by its row.
            let by_nothing = (step.contains(" s VIRTUAL TABLE INDEX 0:") && !step.contains("0:="))
                || (step.contains("search") && step.contains("INDEX 0:") && !step.contains(":M"));
            assert!(!scanned && !by_nothing, "{step}: {plan:?}");
        }
    }
}

#[test]
fn nothing_that_can_be_typed_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    runtime.block_on(written(&store, "jalan rusak \"di\" pasar * - AND", NOW));
    let junk = "(\"*-:^{}AND OR NOT NEAR/2 ".repeat(400);
    for typed in [
        "\"",
        "*",
        "-",
        "NEAR(",
        "NEAR(jalan rusak, 2)",
        "body:jalan",
        "-body : x",
        "{stems body}: x",
        "AND",
        "NOT jalan",
        "jalan AND",
        "(((",
        "^jalan",
        "jalan + rusak",
        "'; DROP TABLE search; --",
        "\u{1f6a7}",
        "\0",
        "jalan\0rusak",
        "\u{301}",
        &junk,
    ] {
        let hits = runtime.block_on(store.search(typed, None, 10));
        assert!(hits.is_ok(), "{typed}: {hits:?}");
    }
    proptest!(|(typed in any::<String>())| {
        prop_assert!(runtime.block_on(store.search(&typed, None, 10)).is_ok());
    });
    proptest!(|(typed in "[\"*a(){}:^+ -]{0,12}(AND|OR|NOT|NEAR)?[\"*a(){}:^+ -]{0,12}")| {
        prop_assert!(runtime.block_on(store.search(&typed, None, 10)).is_ok());
    });
}

/// `KENTONGAN_BENCH=1 cargo test --lib store::tests::search -- --nocapture`.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
async fn a_hundred_thousand_transcripts() {
    if std::env::var_os("KENTONGAN_BENCH").is_none() {
        return;
    }
    use rand::RngExt as _;
    use rand::seq::IndexedRandom as _;
    use std::time::Instant;
    const COMMON: [&str; 12] = [
        "jalan",
        "rusak",
        "berlubang",
        "sudah",
        "lama",
        "di",
        "yang",
        "tidak",
        "ada",
        "pasar",
        "kami",
        "mohon",
    ];
    let file = OnFile::new().await;
    let mut rng = StdRng::seed_from_u64(1);
    let pool = sqlx::SqlitePool::connect_with(
        sqlx::sqlite::SqliteConnectOptions::new().filename(file.config().path).foreign_keys(false),
    );
    let pool = pool.await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    let ticket = written(&file, "x", NOW).await.id;
    for n in 0..100_000_i64 {
        let word = |rng: &mut StdRng| match rng.random_range(0..3) {
            0 => format!("{}{}an", ["ka", "ber", "pem"][n as usize % 3], rng.random_range(0..5000)),
            _ => (*COMMON.choose(rng).unwrap()).to_owned(),
        };
        let mut text: Vec<String> = (0..60).map(|_| word(&mut rng)).collect();
        if n % 1000 == 0 {
            text.push("diperbaiki".into());
        }
        sqlx::query("INSERT INTO message (ticket, kind, body, at) VALUES ($1, 'report', $2, $3)")
            .bind(ticket)
            .bind(text.join(" "))
            .bind(after(n as u64))
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    sqlx::query("DELETE FROM setting WHERE key = 'search.index'").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let began = Instant::now();
    let store = file.again().await;
    println!("indexed in {:?}", began.elapsed());
    for typed in [
        "jalan",
        "jalan rusak berlubang pasar",
        "perbaikan",
        "perbaik",
        "\"jalan rusak\"",
        "lubang",
        "ja",
        "ka17* jalan rusak",
        "tidakada",
        "di yang tidak ada sudah lama kami mohon",
        "ber11an pem12an",
        "lubang baik pungut",
    ] {
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        for _ in 0..10 {
            let began = Instant::now();
            store.search(typed, None, 50).await.unwrap();
            longest = longest.max(began.elapsed());
        }
        let hits = store.search(typed, None, 50).await.unwrap().hits.len();
        println!("{typed}: {hits} hits, {:?} each, {longest:?} at most", began.elapsed() / 11);
    }
}
