//! The part of a text that shows why it was found.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use serde::Serialize;

use super::query::{Query, Stemmed, Term};
use crate::ticket::stem::stems;
use crate::ticket::words::{Word, words};

/// A piece of a text, in one line; pieces put together are the excerpt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    pub text: String,
    /// It is what was looked for.
    pub hit: bool,
}

/// Words in an excerpt.
const WIDTH: usize = 24;
/// Of these, words before the first one that was looked for.
const LEAD: usize = 6;

/// Marks what was looked for in one text after another. The same words come again and again: each is judged once.
pub(super) struct Marker<'q> {
    query: &'q Query,
    known: HashMap<String, Option<usize>>,
}

impl<'q> Marker<'q> {
    pub(super) fn new(query: &'q Query) -> Marker<'q> {
        Marker { query, known: HashMap::new() }
    }

    /// The words around what was found, or the beginning of the text if none of it is a hit.
    pub(super) fn snippet(&mut self, text: &str) -> Vec<Piece> {
        let words = words(text);
        let marks = self.marks(&words);
        excerpt(text, &words, &marks)
    }

    /// The term that each word is a hit of.
    fn marks(&mut self, words: &[Word]) -> Vec<Option<usize>> {
        let mut marks: Vec<Option<usize>> = words.iter().map(|word| self.term_of(word)).collect();
        for (at, term) in self.query.terms.iter().enumerate() {
            let Term::Phrase(phrase) = term else { continue };
            let fits = |run: &[Word]| run.iter().zip(phrase).all(|(w, p)| w.folded == *p);
            for start in 0..(words.len() + 1).saturating_sub(phrase.len()) {
                if fits(&words[start..start + phrase.len()]) {
                    marks[start..start + phrase.len()].fill(Some(at));
                }
            }
        }
        marks
    }

    /// The first term that a word by itself is a form of.
    fn term_of(&mut self, word: &Word) -> Option<usize> {
        if let Some(known) = self.known.get(&word.folded) {
            return *known;
        }
        let stems = stems(&word.folded);
        let is_form = |looked_for: &Stemmed| {
            word.folded == looked_for.word || !stems.is_disjoint(&looked_for.stems)
        };
        let term = self.query.terms.iter().position(|term| match term {
            Term::Word(s) => is_form(s),
            Term::Prefix(s) => word.folded.starts_with(&s.word) || is_form(s),
            Term::Phrase(_) => false,
        });
        self.known.insert(word.folded.clone(), term);
        term
    }
}

fn excerpt(text: &str, words: &[Word], marks: &[Option<usize>]) -> Vec<Piece> {
    let shown = window(marks);
    let mut pieces = Vec::new();
    let mut at = words.get(shown.start).map_or(0, |first| first.range.start);
    if shown.start > 0 {
        push(&mut pieces, "… ", false);
    }
    for (word, mark) in words[shown.clone()].iter().zip(&marks[shown.clone()]) {
        push(&mut pieces, &text[at..word.range.start], false);
        push(&mut pieces, &text[word.range.clone()], mark.is_some());
        at = word.range.end;
    }
    if shown.end < words.len() {
        push(&mut pieces, " …", false);
    } else {
        push(&mut pieces, text[at..].trim_end(), false);
    }
    pieces
}

/// Adds to the last piece where it is of the same kind. Any run of blanks becomes one.
fn push(pieces: &mut Vec<Piece>, text: &str, hit: bool) {
    let mut line = String::with_capacity(text.len());
    for c in text.chars().take(MARGIN) {
        match c.is_whitespace() {
            true if line.ends_with(' ') => {}
            true => line.push(' '),
            false => line.push(c),
        }
    }
    match pieces.last_mut() {
        Some(last) if last.hit == hit => last.text.push_str(&line),
        _ if line.is_empty() => {}
        _ => pieces.push(Piece { text: line, hit }),
    }
}

/// The most that one word, or what stands between two words, takes of an excerpt.
const MARGIN: usize = 80;

/// The words to show: where most of the terms are near each other, the earliest of several.
fn window(marks: &[Option<usize>]) -> Range<usize> {
    let of = |start: usize| start..(start + WIDTH).min(marks.len());
    let terms =
        |range: &Range<usize>| marks[range.clone()].iter().flatten().collect::<BTreeSet<_>>().len();
    let hits = marks.iter().enumerate().filter(|(_, mark)| mark.is_some());
    let windows = hits.map(|(at, _)| of(at.saturating_sub(LEAD)));
    // Of equals, the last: so from behind.
    windows.rev().max_by_key(terms).unwrap_or(of(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The excerpt with its hits in brackets.
    fn bracketed(text: &str, typed: &str) -> String {
        let piece = |p: Piece| if p.hit { format!("[{}]", p.text) } else { p.text };
        Marker::new(&Query::parse(typed)).snippet(text).into_iter().map(piece).collect()
    }

    #[test]
    fn what_was_looked_for_is_marked_in_every_form() {
        for (text, typed, excerpt) in [
            ("Jalan berlubang.", "lubang", "Jalan [berlubang]."),
            ("Jalan  rusak\ndi pasar ", "rusak pasar", "Jalan [rusak] di [pasar]"),
            ("rusak jalan, jalan rusak!", "\"jalan rusak\"", "rusak jalan, [jalan] [rusak]!"),
            ("Sudah diperbaiki?", "perbaikan ", "Sudah [diperbaiki]?"),
            ("Émas hilang", "emas", "[Émas] hilang"),
            ("Lampu mati", "air", "Lampu mati"),
            ("", "air", ""),
        ] {
            assert_eq!(bracketed(text, typed), excerpt, "{typed}");
        }
    }

    #[test]
    fn a_long_text_is_shown_where_most_terms_meet() {
        let filler = "kata ".repeat(100);
        let text = format!("jalan {filler}di jalan melati ada lubang {filler}");
        let excerpt = bracketed(&text, "jalan lubang");
        assert!(excerpt.starts_with("… kata kata kata kata kata di [jalan] melati ada [lubang]"));
        assert!(excerpt.ends_with(" …") && excerpt.len() < 200, "{excerpt}");
        assert!(bracketed(&"a".repeat(20_000), "b").len() < 400);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_line_for_any_query(text in any::<String>(), typed in any::<String>()) {
            let pieces = Marker::new(&Query::parse(&typed)).snippet(&text);
            prop_assert!(pieces.iter().all(|p| !p.text.contains(['\n', '\r', '\t'])));
            prop_assert!(pieces.iter().all(|p| !p.text.is_empty()));
        }
    }
}
