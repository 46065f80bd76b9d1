//! How the database goes about the statements: through an index, however much there is.

use super::*;

/// Tables that grow for years.
const LARGE: [&str; 17] = [
    "audit",
    "call",
    "call_step",
    "form",
    "job",
    "lookup_try",
    "message",
    "recording",
    "segment_mend",
    "sms_in",
    "sms_out",
    "sms_part",
    "ticket",
    "ticket_event",
    "ticket_recording",
    "transcript",
    "transcript_segment",
];

/// Statements that may go from row to row, and why.
const MAY: [(&str, &str); 9] = [
    ("AUDIT_HEAD", "ends with the first row"),
    ("NEXT_RUN", "ends with the first row"),
    ("CALLS_RECENT", "ends with its limit"),
    ("SMS_LIST", "for a command"),
    ("SMS_RECEIVED", "ends with its limit"),
    ("PARTS_STALE", "the index holds what waits"),
    ("RECORDINGS_LEFT_OPEN", "the index holds what is open"),
    ("QUEUE_COUNTS", "ends with its limit"),
    ("COUNTS", "for the doctor"),
];

/// What SQLite says it would do, a line each.
async fn plan(store: &Store, statement: &'static str) -> Vec<String> {
    let Db::Sqlite { readers, .. } = &store.db;
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let lines: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(explain).fetch_all(readers).await.unwrap();
    lines.into_iter().map(|line| line.3).collect()
}

/// The tables that a statement names, by the names that it gives them.
fn named(statement: &str, name: &str) -> bool {
    let words: Vec<&str> = statement
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| !w.is_empty())
        .collect();
    LARGE.contains(&name)
        || words.windows(2).any(|pair| LARGE.contains(&pair[0]) && pair[1] == name)
}

#[tokio::test]
async fn no_statement_goes_through_all_of_a_large_table() {
    let store = Store::in_memory().await.unwrap();
    let queries = |statement: &str| {
        ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| statement.starts_with(verb))
    };
    let mut wrong = Vec::new();
    for (name, statement) in sql::every().filter(|(_, statement)| queries(statement)) {
        let mut scans = plan(&store, statement).await;
        scans.retain(|line| {
            let scanned = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            scanned.is_some_and(|table| named(statement, table))
        });
        if scans.is_empty() == MAY.iter().any(|(may, _)| may == name) {
            wrong.push(format!("{name}: {scans:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn pages_of_a_queue_are_read_from_its_index_in_their_order() {
    let store = Store::in_memory().await.unwrap();
    for (name, statement) in sql::lists::ALL {
        let index = match *name {
            "QUEUE_NEWEST" | "QUEUE_OLDEST" => "ticket_queue (queue=? AND opened",
            "AGENCY_QUEUE_NEWEST" | "AGENCY_QUEUE_OLDEST" => {
                "ticket_queue_agency (queue=? AND agency=? AND opened"
            }
            "MINE_NEWEST" | "MINE_OLDEST" => "ticket_mine (assignee=? AND opened",
            "OVERDUE_NEWEST" | "OVERDUE_OLDEST" => "ticket_due (due",
            "AGENCY_OVERDUE_NEWEST" | "AGENCY_OVERDUE_OLDEST" => {
                "ticket_due_agency (agency=? AND due"
            }
            "ALL_NEWEST" | "ALL_OLDEST" => "ticket_opened (opened",
            "ALL_OF_AGENCY_NEWEST" | "ALL_OF_AGENCY_OLDEST" => "ticket_agency (agency=? AND opened",
            "ALL_OF_CLASS_NEWEST" | "ALL_OF_CLASS_OLDEST" => "ticket_class (class=? AND opened",
            "ALL_BY_CHANNEL_NEWEST" | "ALL_BY_CHANNEL_OLDEST" => {
                "ticket_channel (channel=? AND opened"
            }
            "ALL_IN_STATUS_NEWEST" | "ALL_IN_STATUS_OLDEST" => "ticket_status (status=? AND opened",
            _ => continue,
        };
        let plan = plan(&store, statement).await.join("\n");
        assert!(plan.contains(&format!("SEARCH t USING INDEX {index}")), "{name}:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{name} sorts:\n{plan}");
    }
}

#[tokio::test]
async fn the_next_job_is_the_first_of_its_index_and_the_newest_transcript_the_last() {
    let store = Store::in_memory().await.unwrap();
    let plan_of = async |name: &str| {
        let (_, statement) = sql::every().find(|(known, _)| *known == name).unwrap();
        plan(&store, statement).await.join("\n")
    };
    let next = plan_of("LEASE_JOB").await;
    let index = "SEARCH job USING COVERING INDEX job_next (kind=? AND state=?)";
    assert!(next.contains(index), "{next}");
    // One that is sorted holds the few whose worker is gone, and the first of the others.
    assert_eq!(next.matches("TEMP B-TREE").count(), 1, "{next}");
    let newest = plan_of("TRANSCRIBING").await;
    assert!(newest.contains("SEARCH transcript USING COVERING INDEX transcript_made"), "{newest}");
}

#[tokio::test]
async fn counts_look_at_indexes_only() {
    let store = Store::in_memory().await.unwrap();
    let mut wrong = Vec::new();
    for (name, statement) in sql::lists::ALL {
        if !["QUEUE_COUNTS", "WALL"].contains(name) {
            continue;
        }
        let mut rows = plan(&store, statement).await;
        rows.retain(|line| line.contains(" ticket "));
        rows.retain(|line| !line.contains("COVERING INDEX"));
        wrong.extend(rows.into_iter().map(|line| format!("{name}: {line}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}
