//! A query as SQLite's full-text search wants it. A second database gets a file like this one.

use super::query::{Query, Stemmed, Term};
use super::{Rank, pairs};

/// Words that an unfinished one may become: each by itself leads to the newest texts at once, while a beginning makes
/// SQLite gather all texts of all such words first. Where they are more, the rest is found among the other forms.
pub(super) const ENDINGS: i64 = 64;
/// The table has an index of shorter beginnings (`prefix` in its definition).
const INDEXED: usize = 3;

/// Stands for the first of those words: the statement puts them there. What is typed has no such character (it is private), and
/// words that have it are passed over.
const FIRST: char = '\u{e001}';
/// Stands for all of them.
const EVERY: char = '\u{e002}';
/// What no text has.
const NOTHING: &str = "\"\"";

/// What is looked for, as the statement takes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Two words in a row, where that is all that is asked for.
    pub(super) pair: String,
    /// Texts that have each term as it was typed.
    pub(super) as_typed: String,
    /// Texts that have each term in some form, without those that have it as typed.
    pub(super) in_other_forms: String,
    /// The unfinished word, if there is one worth looking up.
    pub(super) beginning: Option<String>,
    /// What stands behind all words that begin so.
    pub(super) behind: Option<String>,
}

impl Wanted {
    /// From this rank on.
    pub(super) fn of(query: &Query, from: Rank) -> Wanted {
        let terms = Terms { query, unfinished: unfinished(query) };
        let nothing = || NOTHING.to_owned();
        let (pair, as_typed) = match pairs::asked_for(query) {
            _ if from > Rank::AsTyped => (None, None),
            Some(pair) => (Some(pair), None),
            None => (None, as_typed(terms)),
        };
        Wanted {
            pair: pair.unwrap_or_else(nothing),
            as_typed: as_typed.unwrap_or_else(nothing),
            in_other_forms: in_other_forms(terms).unwrap_or_else(nothing),
            beginning: terms.unfinished.map(str::to_owned),
            behind: terms.unfinished.map(|word| format!("{word}{}", char::MAX)),
        }
    }
}

/// The last word that is unfinished and long enough: its endings are looked up. Any other stands for itself.
fn unfinished(query: &Query) -> Option<&str> {
    query.terms.iter().rev().find_map(|term| match term {
        Term::Prefix(Stemmed { word, .. }) if word.chars().count() > INDEXED => Some(word.as_str()),
        Term::Prefix(_) | Term::Word(_) | Term::Phrase(_) => None,
    })
}

#[derive(Clone, Copy, Debug)]
struct Terms<'q> {
    query: &'q Query,
    unfinished: Option<&'q str>,
}

impl Terms<'_> {
    /// The words that begin so: all, or those that stand for the unfinished one.
    fn beginning(&self, word: &str, stand_in: char) -> String {
        if self.unfinished == Some(word) {
            stand_in.to_string()
        } else {
            format!("{} *", quoted(word))
        }
    }
}

/// `None` if nothing is asked for.
fn as_typed(terms: Terms<'_>) -> Option<String> {
    all(terms, exact)
}

/// `None` if there are no other forms.
fn in_other_forms(terms: Terms<'_>) -> Option<String> {
    if terms.query.terms.iter().all(|term| matches!(term, Term::Phrase(_))) {
        return None;
    }
    Some(format!("({}) NOT ({})", all(terms, loose)?, as_typed(terms)?))
}

fn all(terms: Terms<'_>, write: fn(&Term, Terms<'_>) -> String) -> Option<String> {
    let written: Vec<String> = terms.query.terms.iter().map(|term| write(term, terms)).collect();
    (!written.is_empty()).then(|| written.join(" AND "))
}

fn exact(term: &Term, terms: Terms<'_>) -> String {
    match term {
        Term::Word(Stemmed { word, .. }) => format!("body : {}", quoted(word)),
        Term::Prefix(Stemmed { word, .. }) => format!("body : {}", terms.beginning(word, FIRST)),
        Term::Phrase(words) => format!("body : {}", quoted(&words.join(" "))),
    }
}

fn loose(term: &Term, terms: Terms<'_>) -> String {
    match term {
        Term::Word(stemmed) => either(quoted(&stemmed.word), stemmed),
        Term::Prefix(stemmed) => either(terms.beginning(&stemmed.word, EVERY), stemmed),
        Term::Phrase(_) => exact(term, terms),
    }
}

/// In either column: a root may stand in the text itself.
fn either(word: String, stemmed: &Stemmed) -> String {
    let stems = stemmed.stems.iter().map(|stem| quoted(stem));
    let forms: Vec<String> = std::iter::once(word).chain(stems).collect();
    format!("({})", forms.join(" OR "))
}

/// Nothing between quotes is syntax. Words hold no quotes; should one ever do, it is doubled.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(typed: &str) -> Wanted {
        Wanted::of(&Query::parse(typed), Rank::Ticket)
    }

    #[test]
    fn a_query_is_written_with_everything_in_quotes() {
        let written = wanted("perbaikan \"jalan rusak\" ja");
        assert_eq!(
            written.as_typed,
            "body : \"perbaikan\" AND body : \"jalan rusak\" AND body : \"ja\" *"
        );
        assert_eq!(
            written.in_other_forms,
            "((\"perbaikan\" OR \"bai\" OR \"baik\") AND body : \"jalan rusak\" AND (\"ja\" * OR \"ja\")) NOT \
             (body : \"perbaikan\" AND body : \"jalan rusak\" AND body : \"ja\" *)"
        );
        assert_eq!((written.pair.as_str(), written.beginning), (NOTHING, None));
    }

    #[test]
    fn what_is_not_asked_for_is_nothing() {
        let none = wanted("?");
        assert_eq!((none.as_typed.as_str(), none.in_other_forms.as_str()), (NOTHING, NOTHING));
        let pair = wanted("\"jalan rusak\"");
        assert_ne!(pair.pair, NOTHING);
        assert_eq!((pair.as_typed.as_str(), pair.in_other_forms.as_str()), (NOTHING, NOTHING));
        let behind = Wanted::of(&Query::parse("jalan "), Rank::InOtherForms);
        assert_eq!(behind.as_typed, NOTHING, "that rank is over");
        assert_ne!(behind.in_other_forms, NOTHING);
    }

    #[test]
    fn the_last_unfinished_word_is_left_for_the_words_that_it_may_become() {
        let written = wanted("jal* lampu* saluran");
        assert_eq!(written.beginning.as_deref(), Some("saluran"));
        assert_eq!(written.as_typed, "body : \"jal\" * AND body : \"lampu\" * AND body : \u{e001}");
        assert!(written.in_other_forms.contains("(\u{e002} OR "), "{written:?}");
        assert_eq!(wanted("jal*").beginning, None, "shorter ones have an index");
    }
}
