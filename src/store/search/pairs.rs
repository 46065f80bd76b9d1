//! Two words in a row, as one word of an index of their own.
//!
//! FTS5 finds a phrase by looking through every text that has all its words. For two common words that hardly ever stand
//! together that is most of the texts, so pairs are looked up instead. Longer phrases have rarer words, and do without.

use std::collections::BTreeSet;

use super::query::{Query, Term};
use super::{BATCH, words};
use crate::store::db::{Db, Tx, on_read, on_tx};
use crate::store::writer::Durability;
use crate::store::{StoreError, sql};

/// Between the two words: the tokenizer takes it for a letter, and no text has it (a private-use character).
const JOINT: char = '\u{e000}';

/// The pair that a query asks for, when it asks for nothing else, as SQLite's full-text search wants it.
pub(super) fn asked_for(query: &Query) -> Option<String> {
    match query.terms.as_slice() {
        [Term::Phrase(words)] => match words.as_slice() {
            [first, second] => Some(format!("\"{}\"", joined(first, second))),
            _ => None,
        },
        _ => None,
    }
}

fn joined(first: &str, second: &str) -> String {
    format!("{first}{JOINT}{second}")
}

/// The pairs of a text, each once.
fn of(text: &str) -> String {
    let words: Vec<String> = words::words(text).into_iter().map(|word| word.folded).collect();
    let pairs: BTreeSet<String> = words.windows(2).map(|pair| joined(&pair[0], &pair[1])).collect();
    pairs.into_iter().collect::<Vec<_>>().join(" ")
}

/// Puts a text's pairs into the index, in place of those that its row had.
pub(super) async fn put(tx: &mut Tx, key: i64, text: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query(sql::PUT_PAIRS).bind(key).bind(of(text));
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(())
}

/// Takes a row out.
pub(super) async fn remove(tx: &mut Tx, key: i64) -> Result<(), sqlx::Error> {
    on_tx!(tx, conn, sqlx::query(sql::DROP_PAIRS).bind(key).execute(conn).await?);
    Ok(())
}

/// The last row that is in, or nothing once all are.
const PROGRESS: &str = "search.pairs";
const DONE: &str = "done";

/// Fills the index from the texts that were indexed before it was there. May be cut short at any moment.
pub(super) async fn catch_up(db: &Db) -> Result<(), StoreError> {
    let setting: Option<String> = on_read!(
        db,
        pool,
        sqlx::query_scalar(sql::SETTING).bind(PROGRESS).fetch_optional(pool).await?
    );
    if setting.as_deref() == Some(DONE) {
        return Ok(());
    }
    let mut batches = 0;
    while !db.write(Durability::Process, |tx| Box::pin(batch(tx))).await? {
        batches += 1;
        if batches == 1 {
            tracing::info!("the search index of phrases is being made");
        }
    }
    Ok(())
}

/// Whether all are in.
async fn batch(tx: &mut Tx) -> Result<bool, StoreError> {
    let setting: Option<String> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::SETTING).bind(PROGRESS).fetch_optional(conn).await?
    );
    let after: i64 = setting.and_then(|setting| setting.parse().ok()).unwrap_or(i64::MIN);
    let texts: Vec<(i64, String)> = on_tx!(
        tx,
        conn,
        sqlx::query_as(sql::TEXTS_TO_PAIR).bind(after).bind(BATCH).fetch_all(conn).await?
    );
    let last = texts.last().map(|(key, _)| key.to_string());
    for (key, text) in texts {
        put(tx, key, &text).await?;
    }
    let done = last.is_none();
    let progress = last.unwrap_or_else(|| DONE.to_owned());
    let query = sqlx::query(sql::PUT_SETTING).bind(PROGRESS).bind(progress);
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_pairs_that_its_phrases_are_asked_for_by() {
        let pairs = of("Jalan rusak, Jalan RUSAK: parah!");
        for (typed, there) in [
            ("\"jalan rusak\"", true),
            ("\"rusak jalan\"", true),
            ("\"rusak, parah\"", true),
            ("\"parah jalan\"", false),
        ] {
            let asked = asked_for(&Query::parse(typed)).unwrap();
            let found = pairs.split(' ').any(|pair| asked == format!("\"{pair}\""));
            assert_eq!(found, there, "{typed}");
        }
        assert_eq!(pairs.split(' ').count(), 3);
        assert_eq!((of("").as_str(), of("Lapor").as_str()), ("", ""));
    }

    #[test]
    fn all_else_is_found_without_pairs() {
        for typed in
            ["jalan rusak", "\"jalan\"", "\"jalan rusak parah\"", "\"jalan rusak\" pasar", ""]
        {
            assert_eq!(asked_for(&Query::parse(typed)), None, "{typed}");
        }
    }
}
