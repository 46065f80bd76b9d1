//! What somebody typed into the search, as terms. Nothing that can be typed is an error.

use std::collections::BTreeSet;

use crate::ticket::stem::stems;
use crate::ticket::words::{Word, words};

/// Terms that a text must have, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) terms: Vec<Term>,
}

/// One thing to look for. Words are folded: letters and digits only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Word(Stemmed),
    /// A word of which the end is missing.
    Prefix(Stemmed),
    /// Words in a row, exactly.
    Phrase(Vec<String>),
}

/// A word with what it may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stemmed {
    pub(super) word: String,
    pub(super) stems: BTreeSet<String>,
}

/// Characters that are read.
const LONGEST: usize = 400;
/// Words that are looked for. Each one is work.
const WORDS: usize = 12;
/// Letters that the beginning of a word must have to stand for all words that begin so.
const SHORTEST_PREFIX: usize = 2;

impl Query {
    /// Reads what was typed: words, `"a phrase"`, `beginning*`; the last word may be unfinished. Everything else is
    /// passed over.
    pub(super) fn parse(typed: &str) -> Query {
        let typed: String = typed.chars().take(LONGEST).map(straight).collect();
        let parts: Vec<&str> = typed.split('"').collect();
        let mut query = Query { terms: Vec::new() };
        let mut room = WORDS;
        for (at, part) in parts.iter().enumerate() {
            // Between two quotes; a quote without its fellow quotes nothing.
            let quoted = at % 2 == 1 && at + 1 < parts.len();
            let mut found = words(part);
            found.truncate(room);
            room -= found.len();
            match quoted {
                true if found.is_empty() => {}
                true => query.add(Term::Phrase(found.into_iter().map(|w| w.folded).collect())),
                false => query.add_words(part, found, at + 1 == parts.len()),
            }
        }
        query
    }

    fn add_words(&mut self, part: &str, found: Vec<Word>, last_part: bool) {
        let last = found.len().checked_sub(1).filter(|_| last_part);
        for (at, word) in found.into_iter().enumerate() {
            let behind = part[word.range.end..].chars().next();
            let open = behind == Some('*') || (last == Some(at) && behind.is_none());
            let long = word.folded.chars().count() >= SHORTEST_PREFIX;
            let stemmed = Stemmed { stems: stems(&word.folded), word: word.folded };
            self.add(if open && long { Term::Prefix(stemmed) } else { Term::Word(stemmed) });
        }
    }

    fn add(&mut self, term: Term) {
        if !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }
}

/// Typographic quotes are quotes.
fn straight(c: char) -> char {
    match c {
        '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `jalan`, `jal*`, `"jalan rusak"`.
    fn written(typed: &str) -> Vec<String> {
        let term = |term: Term| match term {
            Term::Word(w) => w.word,
            Term::Prefix(w) => format!("{}*", w.word),
            Term::Phrase(words) => format!("{words:?}"),
        };
        Query::parse(typed).terms.into_iter().map(term).collect()
    }

    #[test]
    fn words_phrases_and_beginnings_are_told_apart() {
        for (typed, terms) in [
            ("jalan rusak", &["jalan", "rusak*"][..]),
            ("jalan rusak ", &["jalan", "rusak"]),
            ("JALAN, Rusak!", &["jalan", "rusak"]),
            ("lub* jalan ", &["lub*", "jalan"]),
            ("\"jalan rusak\" pasar", &["[\"jalan\", \"rusak\"]", "pasar*"]),
            ("\u{201c}jalan rusak\u{201d}", &["[\"jalan\", \"rusak\"]"]),
            ("pasar \"jalan rusak", &["pasar", "jalan", "rusak*"]),
            ("\"\" jalan jalan ", &["jalan"]),
            ("a", &["a"]),
            ("body:jalan OR NEAR(a b)", &["body", "jalan", "or", "near", "a", "b"]),
            ("-jalan ^rusak {x} 'y'", &["jalan", "rusak", "x", "y"]),
            ("lubang-lubang ", &["lubang"]),
        ] {
            assert_eq!(written(typed), terms, "{typed}");
        }
    }

    #[test]
    fn what_holds_no_word_asks_for_nothing() {
        for typed in ["", " ", "\"", "***", "\"\"\"", "-- ;", "\u{1f6a7}\u{1f6a7}", "\0"] {
            assert!(written(typed).is_empty(), "{typed:?}");
        }
    }

    #[test]
    fn ten_thousand_letters_ask_for_a_few_words() {
        assert!(written(&"jalan rusak parah ".repeat(600)).len() <= WORDS);
        let many: String = (0..3000).map(|n| format!("k{n} ")).collect();
        assert_eq!(written(&many).len(), WORDS);
        assert_eq!(written(&"x".repeat(10_000)).len(), 1);
    }
}
