//! A database of three years, made once and kept: the program's own tables, filled past its doors by bulk inserts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use kentongan::clock::{Clock, SystemClock};
use kentongan::store::{AgencyRow, CategoryRow, Config, Store};
use kentongan::ticket::TicketCode;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, QueryBuilder, Sqlite, SqliteConnection};

use super::texts;

/// Counts up whenever what is made changes.
const VERSION: u32 = 1;
/// Rows of one statement.
const ROWS: usize = 500;
const DAY: i64 = 86_400_000;
const SPAN: i64 = 3 * 365 * DAY;
/// Operators, of whom everybody has some tickets.
pub const OPERATORS: usize = 40;

/// The database with so many tickets, made if it is not there yet.
pub async fn database(tickets: u32) -> anyhow::Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let folder = cache.context("no home folder to keep the database in")?.join("kentongan/bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("console-{VERSION}-{tickets}.sqlite3"));
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        forget(&unfinished);
        make(&unfinished, tickets).await?;
        fs::rename(&unfinished, &path)?;
    }
    up_to_date(&path).await?;
    Ok(path)
}

/// A file and what SQLite has beside it.
pub fn forget(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // Not there: nothing to forget.
        let _ = fs::remove_file(name);
    }
}

/// A connection that writes as fast as it can: a database that was not finished is thrown away.
pub async fn connect(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-400000")
        .foreign_keys(false)
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// With the tables and indexes of this build, all in the one file.
async fn up_to_date(path: &Path) -> anyhow::Result<()> {
    Store::open(&Config::at(path)).await?.close().await;
    let mut connection = connect(path).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

async fn make(path: &Path, tickets: u32) -> anyhow::Result<()> {
    let begun = Instant::now();
    println!("making a database of {tickets} tickets; this takes some minutes, once");
    let store = Store::open(&Config::at(path)).await?;
    let offices = Offices { agencies: store.agencies().await?, kinds: store.categories().await? };
    store.close().await;
    let mut connection = connect(path).await?;
    let mut rng = StdRng::seed_from_u64(u64::from(tickets));
    let mut tx = connection.begin().await?;
    staff(&mut tx, &offices).await?;
    let all: Vec<Ticket> = lives(&mut rng, &offices, tickets);
    put_tickets(&mut tx, &all).await?;
    put_messages(&mut tx, &mut rng, &all).await?;
    put_transcripts(&mut tx, &mut rng, &all).await?;
    sqlx::raw_sql(include_str!("rest.sql")).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM setting WHERE key = 'search.index'").execute(&mut *tx).await?;
    tx.commit().await?;
    connection.close().await?;
    println!("rows are there after {:.0?}; now the search", begun.elapsed());
    // The program fills its search by itself.
    up_to_date(path).await?;
    let size = fs::metadata(path)?.len() / 1_000_000;
    println!("made in {:.0?}: {size} MB in {}", begun.elapsed(), path.display());
    Ok(())
}

/// Agencies and kinds of reports as the program seeds them.
struct Offices {
    agencies: Vec<AgencyRow>,
    kinds: Vec<CategoryRow>,
}

/// Everybody who asks for pages. Nobody signs in by this password.
async fn staff(tx: &mut SqliteConnection, offices: &Offices) -> anyhow::Result<()> {
    let mut people: Vec<(String, &str, Option<&str>)> =
        (1..=OPERATORS).map(|n| (format!("petugas{n}"), "petugas", None)).collect();
    for agency in &offices.agencies {
        people.push((format!("opd-{}", agency.id), "petugas_opd", Some(&agency.id)));
    }
    for role in ["penyelia", "auditor", "admin"] {
        people.push((role.into(), role, None));
    }
    for (login, role, agency) in people {
        sqlx::query(
            "INSERT INTO staff (login, name, role, agency, password, must_change, made)
             VALUES ($1, $1, $2, $3, '', 0, 0)",
        )
        .bind(login)
        .bind(role)
        .bind(agency)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// A ticket's row.
struct Ticket {
    id: i64,
    code: String,
    channel: &'static str,
    status: &'static str,
    class: &'static str,
    number: Option<String>,
    agency: Option<String>,
    category: Option<String>,
    opened: i64,
    updated: i64,
    assignee: Option<i64>,
    anonymous: bool,
    confidential: bool,
    place: Option<String>,
}

fn lives(rng: &mut StdRng, offices: &Offices, tickets: u32) -> Vec<Ticket> {
    let now = SystemClock.now().0;
    let mut codes = std::collections::HashSet::new();
    let mut code = || {
        // A generator of its own would draw the same codes again.
        loop {
            let code = TicketCode::generate(rng);
            if codes.insert(code.clone()) {
                return code.digits().to_owned();
            }
        }
    };
    let codes: Vec<String> = (0..tickets).map(|_| code()).collect();
    let life = |(n, code): (usize, String)| {
        let opened = now - SPAN + SPAN / i64::from(tickets) * n as i64;
        life(rng, offices, n as i64 + 1, code, opened, now)
    };
    codes.into_iter().enumerate().map(life).collect()
}

/// What became of a ticket, by its age: the older, the more likely it is over.
fn life(
    rng: &mut StdRng,
    offices: &Offices,
    id: i64,
    code: String,
    opened: i64,
    now: i64,
) -> Ticket {
    let days = (now - opened) / DAY;
    let open = match days {
        0..3 => 0.9,
        3..30 => 0.3,
        30..180 => 0.03,
        _ => 0.004,
    };
    let status = if rng.random_bool(open) {
        [
            "diterima",
            "verifikasi",
            "didisposisi",
            "didisposisi",
            "ditindaklanjuti",
            "perlu_data",
            "dikembalikan",
            "dibuka_kembali",
        ][rng.random_range(0..8)]
    } else {
        let over =
            ["selesai", "ditolak", "digabung", "diarsipkan", "diteruskan_luar", "ditanggapi"];
        over[[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0][rng.random_range(0..20)]]
    };
    let kind = &offices.kinds[rng.random_range(0..offices.kinds.len())];
    let fresh = matches!(status, "diterima" | "verifikasi");
    let channel = match id % 10 {
        0..3 => "phone",
        3 => "counter",
        _ => "sms",
    };
    let class = match rng.random_range(0..1000) {
        0..880 => "complaint",
        880..900 => "oversight_complaint",
        900..950 => "aspiration",
        950..990 => "information_request",
        990..998 => "content_report",
        _ => "emergency",
    };
    // A twentieth of the numbers report again and again.
    let caller = rng.random_range(0..20_000_000);
    let caller = if rng.random_bool(0.05) { caller % 2_000 } else { caller };
    Ticket {
        id,
        code,
        channel,
        status,
        class,
        number: Some(format!("+62812{caller:08}")),
        agency: (!fresh).then(|| kind.agency.clone()),
        category: (status != "diterima").then(|| kind.id.clone()),
        opened,
        updated: (opened + rng.random_range(0..20 * DAY)).min(now),
        assignee: (status != "diterima").then(|| rng.random_range(1..=OPERATORS as i64)),
        anonymous: rng.random_bool(0.05),
        confidential: rng.random_bool(0.02),
        place: rng.random_bool(0.5).then(|| format!("Desa {}", texts::name(rng))),
    }
}

async fn put_tickets(tx: &mut SqliteConnection, all: &[Ticket]) -> anyhow::Result<()> {
    for rows in all.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO ticket (id, code, status, class, channel, number, asserted, anonymous, confidential, agency,
                category, opened, updated, call, assignee, place) ",
        );
        insert.push_values(rows, |mut row, ticket| {
            row.push_bind(ticket.id)
                .push_bind(&ticket.code)
                .push_bind(ticket.status)
                .push_bind(ticket.class)
                .push_bind(ticket.channel)
                .push_bind(&ticket.number)
                .push_bind(true)
                .push_bind(ticket.anonymous)
                .push_bind(ticket.confidential)
                .push_bind(&ticket.agency)
                .push_bind(&ticket.category)
                .push_bind(ticket.opened)
                .push_bind(ticket.updated)
                .push_bind((ticket.channel == "phone").then_some(ticket.id))
                .push_bind(ticket.assignee)
                .push_bind(&ticket.place);
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// Two for each ticket, in the order in which they were written.
async fn put_messages(
    tx: &mut SqliteConnection,
    rng: &mut StdRng,
    all: &[Ticket],
) -> anyhow::Result<()> {
    let mut due: Vec<(i64, i64, &str)> = Vec::with_capacity(all.len() * 2);
    for ticket in all {
        let second = if ticket.agency.is_some() { "answer" } else { "addition" };
        let first = if ticket.channel == "phone" { "addition" } else { "report" };
        due.push((ticket.opened, ticket.id, first));
        due.push((ticket.updated, ticket.id, second));
    }
    due.sort_unstable();
    for rows in due.chunks(ROWS) {
        let mut insert =
            QueryBuilder::<Sqlite>::new("INSERT INTO message (ticket, kind, body, at) ");
        insert.push_values(rows, |mut row, (at, ticket, kind)| {
            let body = match *kind {
                "report" => texts::report(rng),
                "answer" => texts::answer(rng),
                _ => texts::addition(rng),
            };
            row.push_bind(*ticket).push_bind(*kind).push_bind(body).push_bind(*at);
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn put_transcripts(
    tx: &mut SqliteConnection,
    rng: &mut StdRng,
    all: &[Ticket],
) -> anyhow::Result<()> {
    let spoken: Vec<&Ticket> = all.iter().filter(|ticket| ticket.channel == "phone").collect();
    for tickets in spoken.chunks(ROWS) {
        let stories: Vec<(&Ticket, Vec<String>)> =
            tickets.iter().map(|ticket| (*ticket, texts::story(rng))).collect();
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO transcript (id, recording, engine, model, outcome, text, duration_ms, made, cpu_ms) ",
        );
        insert.push_values(&stories, |mut row, (ticket, story)| {
            row.push_bind(ticket.id)
                .push_bind(ticket.id)
                .push_bind("whisper")
                .push_bind("whisper-base")
                .push_bind("words")
                .push_bind(story.join(" "))
                .push_bind(25_000)
                .push_bind(ticket.opened + 30_000)
                .push_bind(9_000);
        });
        insert.build().execute(&mut *tx).await?;
        let segments = stories.iter().flat_map(|(ticket, story)| {
            story.iter().enumerate().map(|(n, text)| (ticket.id, n as i64, text))
        });
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO transcript_segment (transcript, position, start_ms, end_ms, text, confidence, doubtful, words) ",
        );
        insert.push_values(segments, |mut row, (transcript, position, text)| {
            let start = position * 6_000;
            row.push_bind(transcript)
                .push_bind(position)
                .push_bind(start)
                .push_bind(start + 6_000)
                .push_bind(text)
                .push_bind(0.8_f64)
                .push_bind(false)
                .push_bind(words(text, start));
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// A segment's words with their times, as the program keeps them.
fn words(text: &str, start: i64) -> String {
    let word = |(n, word): (usize, &str)| {
        let at = start + n as i64 * 300;
        serde_json::json!({"start_ms": at, "end_ms": at + 300, "text": word, "confidence": 0.8})
    };
    let words: Vec<_> = text.split(' ').enumerate().map(word).collect();
    serde_json::Value::from(words).to_string()
}
