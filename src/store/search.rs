//! Finding tickets by what was said and written.
//!
//! Each recording's text, each message and each ticket's place is one row of an index, written in the transaction that writes it. A
//! row's number begins with the text's time, so that the newest are found first and a page ends the work. Texts that
//! have the words as typed come before those that have them in another form (`ticket::stem`).
//!
//! What differs between databases is `fts5`, `pairs`, the statements under "Search", and the tables in the migrations.

mod fts5;
mod pairs;
mod query;
mod snippet;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::db::{Db, Tx, on_read, on_tx};
use super::tickets::MessageKind;
use super::writer::Durability;
use super::{QueueRow, Store, StoreError, sql};
use crate::clock::Timestamp;
use crate::ticket::{RecordingId, TicketCode, TicketId, contact, stem, words};
use query::Query;
use snippet::Marker;

pub use snippet::Piece;
#[cfg(test)]
pub(super) const ENDINGS: usize = fts5::ENDINGS as usize;

/// A text in which everything that was asked for was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Whose text it is, with the whole text as its excerpt. A confidential one is to be shown only to those who may see such
    /// reports, and never to be logged.
    pub ticket: QueueRow,
    pub source: Source,
    /// When it was said or written.
    pub at: Timestamp,
    pub snippet: Vec<Piece>,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The ticket itself, by its code or its reporter's number.
    Ticket,
    /// What a recording says.
    Recording(RecordingId),
    /// What somebody wrote.
    Message(MessageKind),
    /// Where it is, as an operator says.
    Place,
}

/// Hits, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    pub hits: Vec<Hit>,
    /// `None` when there are no more.
    pub next: Option<Cursor>,
}

/// The place behind a hit. Holds even if texts come and go in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    rank: Rank,
    /// Smaller ones come next.
    key: i64,
}

/// How well a hit fits; the best first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[repr(i64)]
enum Rank {
    /// Its own code or number was typed.
    Ticket,
    AsTyped,
    InOtherForms,
}

impl Cursor {
    const START: Cursor = Cursor { rank: Rank::Ticket, key: i64::MAX };

    /// What a rank's keys are smaller than.
    fn before(self, rank: Rank) -> i64 {
        if rank > self.rank { i64::MAX } else { self.key }
    }
}

/// Hits on a page at most.
const PAGE: usize = 100;

/// Texts that are looked at for an agency before a page ends, however few of them are its own.
const LOOKED_AT: i64 = 2_000;

impl Store {
    /// Finds texts that have every word of `typed`: whole words or their other forms, `"a phrase"`, `beginning*`, the
    /// last word perhaps unfinished. A ticket's code or a reporter's number finds tickets too. Exact hits come first, the
    /// newest before the others. Nothing that can be typed is an error, and nothing of it is logged.
    pub async fn search(
        &self,
        typed: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Hits, StoreError> {
        self.look_for(typed, None, after, limit).await
    }

    /// The same among an agency's tickets. A page may hold few hits, or none, and not be the last one: what others have
    /// is looked at on the way, and a page ends after [`LOOKED_AT`] of it.
    pub async fn search_of_agency(
        &self,
        agency: &str,
        typed: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Hits, StoreError> {
        self.look_for(typed, Some(agency), after, limit).await
    }

    async fn look_for(
        &self,
        typed: &str,
        agency: Option<&str>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Hits, StoreError> {
        let limit = limit.clamp(1, PAGE);
        let query = Query::parse(typed);
        let mut from = after.unwrap_or(Cursor::START);
        // One more than fits tells whether there is a next page.
        let rows = self.found(typed, &query, from, limit as i64 + 1, agency).await?;
        let mut marker = Marker::new(&query);
        let mut hits = Hits::default();
        for row in rows {
            if row.passed {
                return Ok(Hits { next: Some(row.cursor()), ..hits });
            }
            if hits.hits.len() == limit {
                return Ok(Hits { next: Some(from), ..hits });
            }
            from = row.cursor();
            hits.hits.push(row.hit(&mut marker));
        }
        Ok(hits)
    }

    /// The rows behind a place, the best rank first, and where the search stopped before it had looked at everything.
    async fn found(
        &self,
        typed: &str,
        query: &Query,
        from: Cursor,
        limit: i64,
        agency: Option<&str>,
    ) -> Result<Vec<Row>, StoreError> {
        let (code, number) = match named(typed).filter(|_| from.rank == Rank::Ticket) {
            Some(Named::Code(code)) => (Some(code), None),
            Some(Named::Number(number)) => (None, Some(number)),
            None => (None, None),
        };
        let wanted = fts5::Wanted::of(query, from.rank);
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::FIND)
                .bind(code)
                .bind(number)
                .bind(wanted.pair)
                .bind(wanted.as_typed)
                .bind(wanted.in_other_forms)
                .bind(wanted.beginning)
                .bind(wanted.behind)
                .bind(from.before(Rank::Ticket))
                .bind(from.before(Rank::AsTyped))
                .bind(from.before(Rank::InOtherForms))
                .bind(limit)
                .bind(agency)
                .bind(if agency.is_some() { LOOKED_AT } else { limit })
                .bind(fts5::ENDINGS)
                .fetch_all(pool)
                .await?
        ))
    }
}

/// What names tickets rather than texts.
enum Named {
    Code(TicketCode),
    Number(String),
}

/// Short codes are not looked up: "112" and "2026" are words of a report.
fn named(typed: &str) -> Option<Named> {
    let typed = typed.trim();
    if let Ok(code) = TicketCode::parse(typed) {
        return Some(Named::Code(code));
    }
    contact::normalise(typed).filter(|number| number.starts_with('+')).map(Named::Number)
}

#[derive(sqlx::FromRow)]
struct Row {
    rank: Rank,
    key: i64,
    #[sqlx(flatten)]
    ticket: QueueRow,
    source: String,
    subject: i64,
    kind: Option<MessageKind>,
    at: Timestamp,
    /// No hit, but the last of the texts that were looked at.
    passed: bool,
}

impl Row {
    fn cursor(&self) -> Cursor {
        Cursor { rank: self.rank, key: self.key }
    }

    fn hit(self, marker: &mut Marker) -> Hit {
        let source = match (self.kind, self.source.as_str()) {
            (Some(kind), _) => Source::Message(kind),
            (None, RECORDING) => Source::Recording(RecordingId(self.subject)),
            (None, PLACE) => Source::Place,
            (None, _) => Source::Ticket,
        };
        Hit {
            source,
            at: self.at,
            snippet: marker.snippet(&self.ticket.excerpt),
            ticket: self.ticket,
        }
    }
}

const RECORDING: &str = "recording";
const MESSAGE: &str = "message";
const PLACE: &str = "place";

/// A text as it goes into the index.
struct Text {
    id: i64,
    ticket: TicketId,
    at: Timestamp,
    body: String,
}

/// Puts what a recording says into the index, in place of what it said before.
pub(super) async fn put_recording(
    tx: &mut Tx,
    recording: RecordingId,
    text: &str,
) -> Result<(), sqlx::Error> {
    let of: Option<(TicketId, Timestamp)> = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::TICKET_AND_TIME).bind(recording).fetch_optional(conn).await?
    );
    // A recording that no ticket has is nothing that could be found.
    let Some((ticket, at)) = of else { return Ok(()) };
    put(tx, RECORDING, Text { id: recording.0, ticket, at, body: text.to_owned() }).await
}

/// Puts a message into the index.
pub(super) async fn put_message(
    tx: &mut Tx,
    id: i64,
    ticket: TicketId,
    at: Timestamp,
    text: &str,
) -> Result<(), sqlx::Error> {
    put(tx, MESSAGE, Text { id, ticket, at, body: text.to_owned() }).await
}

/// Puts a ticket's place into the index, in place of the one before; without one there is nothing to find.
pub(super) async fn put_place(
    tx: &mut Tx,
    ticket: TicketId,
    opened: Timestamp,
    place: Option<&str>,
) -> Result<(), sqlx::Error> {
    let Some(place) = place else {
        let key = key(PLACE, ticket.0, opened);
        on_tx!(tx, conn, sqlx::query(sql::DROP_TEXT).bind(key).execute(conn).await?);
        return pairs::remove(tx, key).await;
    };
    put(tx, PLACE, Text { id: ticket.0, ticket, at: opened, body: place.to_owned() }).await
}

async fn put(tx: &mut Tx, source: &'static str, text: Text) -> Result<(), sqlx::Error> {
    pairs::put(tx, key(source, text.id, text.at), &text.body).await?;
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::PUT_TEXT)
            .bind(key(source, text.id, text.at))
            .bind(stems_of(&text.body))
            .bind(text.body)
            .bind(text.ticket)
            .bind(source)
            .bind(text.id)
            .bind(text.at)
            .execute(conn)
            .await?
    );
    Ok(())
}

/// The row's number: time, then what tells texts of the same millisecond apart. It fits until the year 2109.
fn key(source: &str, id: i64, at: Timestamp) -> i64 {
    let time = at.0.clamp(0, (1 << 42) - 1);
    let id = match source {
        // A ticket's own message has its time, and often its number.
        PLACE => 0x8_0000 | (id & 0x7_ffff),
        _ => id & 0xf_ffff,
    };
    (time << 21) | (id << 1) | i64::from(source == MESSAGE)
}

/// The stems of a text's words, each once, without those that are words of the text.
fn stems_of(text: &str) -> String {
    let words: BTreeSet<String> = words::words(text).into_iter().map(|w| w.folded).collect();
    let stems: BTreeSet<String> = words.iter().flat_map(|word| stem::stems(word)).collect();
    stems.difference(&words).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// How far the index has come, as the setting says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Of the stems that were written.
    version: u32,
    /// The last row of each table that is in.
    transcript: i64,
    message: i64,
    /// The ticket; settings that were written before places were indexed do not have it.
    #[serde(default)]
    place: i64,
    done: bool,
}

const PROGRESS: &str = "search.index";

/// Texts that are indexed in one transaction.
const BATCH: i64 = 500;

/// Fills the index from what was written before there was one, or before words had the stems that they have now. May be
/// cut short at any moment, and shared with another program that does the same: what is in stays in.
pub(super) async fn catch_up(db: &Db) -> Result<(), StoreError> {
    let setting: Option<String> = on_read!(
        db,
        pool,
        sqlx::query_scalar(sql::SETTING).bind(PROGRESS).fetch_optional(pool).await?
    );
    let mut progress = Progress::read(setting);
    let mut batches = 0;
    while !progress.done {
        progress = db.write(Durability::Process, |tx| Box::pin(batch(tx))).await?;
        batches += 1;
        if batches == 1 && !progress.done {
            tracing::info!("the search index is being brought up to date");
        }
    }
    pairs::catch_up(db).await
}

async fn batch(tx: &mut Tx) -> Result<Progress, StoreError> {
    let setting: Option<String> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::SETTING).bind(PROGRESS).fetch_optional(conn).await?
    );
    let mut progress = Progress::read(setting);
    let messages = texts(tx, sql::MESSAGES_TO_INDEX, progress.message).await?;
    let transcripts = texts(tx, sql::TRANSCRIPTS_TO_INDEX, progress.transcript).await?;
    let places = texts(tx, sql::PLACES_TO_INDEX, progress.place).await?;
    progress.done = messages.is_empty() && transcripts.is_empty() && places.is_empty();
    for (row, text) in messages {
        put(tx, MESSAGE, text).await?;
        progress.message = row;
    }
    for (row, text) in transcripts {
        put(tx, RECORDING, text).await?;
        progress.transcript = row;
    }
    for (row, text) in places {
        put(tx, PLACE, text).await?;
        progress.place = row;
    }
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::PUT_SETTING)
            .bind(PROGRESS)
            .bind(progress.written()?)
            .execute(conn)
            .await?
    );
    Ok(progress)
}

/// The next texts, each with its own row's number in the table that it is from.
async fn texts(
    tx: &mut Tx,
    statement: &'static str,
    after: i64,
) -> Result<Vec<(i64, Text)>, sqlx::Error> {
    let rows: Vec<(i64, i64, TicketId, Timestamp, String)> =
        on_tx!(tx, conn, sqlx::query_as(statement).bind(after).bind(BATCH).fetch_all(conn).await?);
    let text = |(row, id, ticket, at, body)| (row, Text { id, ticket, at, body });
    Ok(rows.into_iter().map(text).collect())
}

impl Progress {
    /// Anything else than progress with these stems is a beginning.
    fn read(setting: Option<String>) -> Progress {
        setting
            .and_then(|setting| serde_json::from_str(&setting).ok())
            .filter(|progress: &Progress| progress.version == stem::VERSION)
            .unwrap_or(Progress { version: stem::VERSION, ..Progress::default() })
    }

    fn written(&self) -> Result<String, sqlx::Error> {
        serde_json::to_string(self).map_err(|error| sqlx::Error::Encode(Box::new(error)))
    }
}
