//! The terms of a query as SQLite's full-text search wants them. A second database gets a file like this one.

use std::collections::HashMap;

use super::query::{Query, Stemmed, Term};

/// Words that begin as an unfinished one does: each by itself leads to the newest texts at once, while a beginning makes
/// SQLite gather all texts of all such words first. Where they are many, the rest is found among the other forms.
#[derive(Debug, Default)]
pub(super) struct Endings(HashMap<String, Words>);

#[derive(Debug)]
struct Words {
    first: Vec<String>,
    all: bool,
}

impl Endings {
    /// Words for one beginning.
    pub(super) const MOST: i64 = 64;
    /// The table has an index of shorter beginnings (`prefix` in its definition).
    const INDEXED: usize = 3;

    /// The beginnings to look up, each with what is behind all words that begin so.
    pub(super) fn wanted(query: &Query) -> impl Iterator<Item = (&str, String)> {
        query.terms.iter().filter_map(|term| match term {
            Term::Prefix(Stemmed { word, .. }) if word.chars().count() > Endings::INDEXED => {
                Some((word.as_str(), format!("{word}{}", char::MAX)))
            }
            Term::Prefix(_) | Term::Word(_) | Term::Phrase(_) => None,
        })
    }

    /// The first words that begin so, one more than [`Endings::MOST`] if there are.
    pub(super) fn add(&mut self, beginning: &str, mut first: Vec<String>) {
        let most = Endings::MOST as usize;
        let all = first.len() <= most;
        first.truncate(most);
        if !first.is_empty() {
            self.0.insert(beginning.to_owned(), Words { first, all });
        }
    }

    /// A word's beginning as the words that are known for it.
    fn known(&self, beginning: &str) -> String {
        match self.0.get(beginning) {
            None => format!("{} *", quoted(beginning)),
            Some(words) => {
                let words: Vec<String> = words.first.iter().map(|word| quoted(word)).collect();
                format!("({})", words.join(" OR "))
            }
        }
    }

    /// A word's beginning with all words that there are.
    fn every(&self, beginning: &str) -> String {
        match self.0.get(beginning) {
            Some(words) if words.all => self.known(beginning),
            Some(_) | None => format!("{} *", quoted(beginning)),
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'q> {
    pub(super) query: &'q Query,
    pub(super) endings: &'q Endings,
}

/// Texts that have each term as it was typed; `None` if nothing is asked for.
pub(super) fn as_typed(terms: Terms<'_>) -> Option<String> {
    all(terms, exact)
}

/// Texts that have each term in some form, without those that have it as typed; `None` if there are no other forms.
pub(super) fn in_other_forms(terms: Terms<'_>) -> Option<String> {
    if terms.query.terms.iter().all(|term| matches!(term, Term::Phrase(_))) {
        return None;
    }
    Some(format!("({}) NOT ({})", all(terms, loose)?, as_typed(terms)?))
}

fn all(terms: Terms<'_>, write: fn(&Term, &Endings) -> String) -> Option<String> {
    let written: Vec<String> =
        terms.query.terms.iter().map(|term| write(term, terms.endings)).collect();
    (!written.is_empty()).then(|| written.join(" AND "))
}

fn exact(term: &Term, endings: &Endings) -> String {
    match term {
        Term::Word(Stemmed { word, .. }) => format!("body : {}", quoted(word)),
        Term::Prefix(Stemmed { word, .. }) => format!("body : {}", endings.known(word)),
        Term::Phrase(words) => format!("body : {}", quoted(&words.join(" "))),
    }
}

fn loose(term: &Term, endings: &Endings) -> String {
    match term {
        Term::Word(stemmed) => either(quoted(&stemmed.word), stemmed),
        Term::Prefix(stemmed) => either(endings.every(&stemmed.word), stemmed),
        Term::Phrase(_) => exact(term, endings),
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

    /// As typed and in other forms, with what is known of unfinished words.
    fn written(typed: &str, endings: &Endings) -> (Option<String>, Option<String>) {
        let query = Query::parse(typed);
        let terms = Terms { query: &query, endings };
        (as_typed(terms), in_other_forms(terms))
    }

    #[test]
    fn a_query_is_written_with_everything_in_quotes() {
        let none = Endings::default();
        let (as_typed, in_other_forms) = written("perbaikan \"jalan rusak\" NEAR", &none);
        assert_eq!(
            as_typed.unwrap(),
            "body : \"perbaikan\" AND body : \"jalan rusak\" AND body : \"near\" *"
        );
        assert_eq!(
            in_other_forms.unwrap(),
            "((\"perbaikan\" OR \"bai\" OR \"baik\") AND body : \"jalan rusak\" AND (\"near\" * OR \"near\")) NOT \
             (body : \"perbaikan\" AND body : \"jalan rusak\" AND body : \"near\" *)"
        );
        assert_eq!(written("\"jalan rusak\"", &none).1, None);
        assert_eq!(written("?", &none).0, None);
    }

    #[test]
    fn an_unfinished_word_is_the_few_words_that_it_may_become() {
        let query = Query::parse("jal* lub* saluran");
        let wanted: Vec<&str> = Endings::wanted(&query).map(|(word, _)| word).collect();
        assert_eq!(wanted, ["saluran"], "shorter ones have an index");
        let mut endings = Endings::default();
        endings.add("saluran", vec!["saluran".into(), "salurannya".into()]);
        assert_eq!(
            written("saluran", &endings).0.unwrap(),
            "body : (\"saluran\" OR \"salurannya\")"
        );
        endings.add("lampu", (10..75).map(|n| format!("lampu{n}")).collect());
        let (as_typed, in_other_forms) = written("lampu", &endings);
        let as_typed = as_typed.unwrap();
        assert!(
            as_typed.starts_with("body : (\"lampu10\" OR ") && as_typed.ends_with("\"lampu73\")")
        );
        let rest = format!("((\"lampu\" * OR \"lampu\")) NOT ({as_typed})");
        assert_eq!(in_other_forms.unwrap(), rest, "the others");
    }
}
