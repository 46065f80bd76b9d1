//! Where a report may be about and what kind it may be, suggested from its words. Pure, and never a decision: an operator
//! sees each suggestion with the words that it came from.
//!
//! What is known of places and kinds is data (`deploy/seed`), which a site edits. Doubtful text suggests nothing.

pub mod categories;
pub mod places;

mod data;

use std::collections::BTreeSet;
use std::ops::Range;

use super::stem::stems;
use super::transcript::Transcript;
use super::words::{Word, words};

pub use categories::{CategorySuggestion, Lexicon};
pub use data::DataError;
pub use places::{Gazetteer, Place, PlaceSuggestion};

/// What suggestions are made from.
#[derive(Clone, Debug)]
pub struct Suggester {
    places: Gazetteer,
    categories: Lexicon,
    /// What is no name of a street.
    ordinary: Ordinary,
}

/// Suggestions for one text, the likeliest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    pub places: Vec<PlaceSuggestion>,
    pub categories: Vec<CategorySuggestion>,
}

/// The words that something was concluded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which segment of the transcript; 0 in a plain text.
    pub segment: usize,
    /// Which words of the segment, counted as [`words`] cuts it.
    pub words: Range<usize>,
    /// The same in bytes of the segment's text.
    pub bytes: Range<usize>,
    /// The same as text, in one line.
    pub text: String,
    /// When the first of them was said, in milliseconds from the start of the recording.
    pub start_ms: Option<u32>,
}

impl Suggester {
    /// Suggests from these places and kinds.
    pub fn new(places: Gazetteer, categories: Lexicon) -> Suggester {
        let known = categories.single_words().chain(places.ordinary());
        let ordinary = Ordinary::new(known);
        Suggester { places, categories, ordinary }
    }

    /// Suggests from the places and kinds that come with the program.
    pub fn shipped() -> Result<Suggester, DataError> {
        Ok(Suggester::new(Gazetteer::shipped()?, Lexicon::shipped()?))
    }

    /// What a written report suggests.
    pub fn of_text(&self, text: &str) -> Suggestions {
        self.of(&[Heard::text(text)])
    }

    /// What a recording suggests.
    pub fn of_transcript(&self, transcript: &Transcript) -> Suggestions {
        let segments = transcript.segments.iter().enumerate();
        let sure = segments.filter(|(_, segment)| !segment.doubtful);
        let heard: Vec<Heard<'_>> = sure.map(|(at, segment)| Heard::segment(at, segment)).collect();
        self.of(&heard)
    }

    fn of(&self, heard: &[Heard<'_>]) -> Suggestions {
        Suggestions {
            places: self.places.suggest(heard, &self.ordinary),
            categories: self.categories.suggest(heard),
        }
    }
}

/// Words of a text that are looked at. Nobody says more; what is longer was pasted.
const WORDS: usize = 2_000;

/// One segment, cut into words.
struct Heard<'a> {
    segment: usize,
    text: &'a str,
    words: Vec<Word>,
    /// When each word begins.
    times: Vec<Option<u32>>,
}

impl<'a> Heard<'a> {
    fn text(text: &'a str) -> Heard<'a> {
        Heard::new(0, text)
    }

    fn new(segment: usize, text: &'a str) -> Heard<'a> {
        let mut words = words(text);
        words.truncate(WORDS);
        let times = vec![None; words.len()];
        Heard { segment, text, words, times }
    }

    /// Words as the engine heard them stand in the segment's text in the same order; those that do not have no time.
    fn segment(at: usize, segment: &'a super::transcript::Segment) -> Heard<'a> {
        let mut heard = Heard::new(at, &segment.text);
        let mut from = 0;
        let mut next = 0;
        for spoken in &segment.words {
            let text = spoken.text.trim();
            let Some(found) = heard.text[from..].find(text).filter(|_| !text.is_empty()) else {
                continue;
            };
            let start = from + found;
            from = start + text.len();
            while next < heard.words.len() && heard.words[next].range.start < from {
                if heard.words[next].range.start >= start {
                    heard.times[next] = Some(spoken.start_ms);
                }
                next += 1;
            }
        }
        // A time that is missing is the segment's.
        for time in &mut heard.times {
            time.get_or_insert(segment.start_ms);
        }
        heard
    }

    /// Whether these words stand in it, one behind the other.
    fn says(&self, phrase: &str) -> bool {
        let phrase = words(phrase);
        let alike = |at: &[Word]| at.iter().zip(&phrase).all(|(a, b)| a.folded == b.folded);
        !phrase.is_empty() && self.words.windows(phrase.len()).any(alike)
    }

    /// These words as evidence. There is at least one.
    fn evidence(&self, of: Range<usize>) -> Evidence {
        let bytes = self.words[of.start].range.start..self.words[of.end - 1].range.end;
        let text = self.text[bytes.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        Evidence { segment: self.segment, start_ms: self.times[of.start], words: of, bytes, text }
    }
}

/// Words of every day, in all their forms.
#[derive(Clone, Debug)]
struct Ordinary {
    stems: BTreeSet<String>,
}

impl Ordinary {
    fn new<'w>(words: impl Iterator<Item = &'w str>) -> Ordinary {
        Ordinary { stems: words.flat_map(stems).collect() }
    }

    fn has(&self, folded: &str) -> bool {
        !self.stems.is_disjoint(&stems(folded))
    }
}

#[cfg(test)]
mod tests;
