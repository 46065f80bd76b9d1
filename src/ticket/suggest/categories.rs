//! What kind of report it may be, by words that weigh more or less.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::data::{DataError, Source};
use super::{Evidence, Heard};
use crate::ticket::stem::stems;
use crate::ticket::words::Gap;

/// The words of each category.
#[derive(Clone, Debug)]
pub struct Lexicon {
    categories: Vec<String>,
    entries: Vec<Entry>,
    /// Entries by the stems of their first word.
    by_stem: BTreeMap<String, Vec<usize>>,
}

/// A category that a report may belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct CategorySuggestion {
    /// The category's id.
    pub category: String,
    /// The weights of its words together; [`ENOUGH`] at least.
    pub score: u32,
    /// The heaviest first.
    pub evidence: Vec<Evidence>,
}

/// Less weight than this says nothing.
pub const ENOUGH: u32 = 3;
/// Categories that are suggested for one report.
const MOST: usize = 3;

#[derive(Clone, Debug)]
struct Entry {
    /// Which one.
    category: usize,
    words: Vec<Part>,
    weight: u32,
}

#[derive(Clone, Debug)]
struct Part {
    folded: String,
    stems: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    category: Vec<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    id: Spanned<String>,
    #[serde(default)]
    sure: Vec<Spanned<String>>,
    #[serde(default)]
    likely: Vec<Spanned<String>>,
    #[serde(default)]
    hints: Vec<Spanned<String>>,
}

impl Lexicon {
    /// The file's name as it is told in errors, and its text.
    pub fn parse(file: &str, text: &str) -> Result<Lexicon, DataError> {
        let source = Source { file, text };
        let read: File = source.read()?;
        let mut lexicon =
            Lexicon { categories: Vec::new(), entries: Vec::new(), by_stem: BTreeMap::new() };
        for section in &read.category {
            lexicon.add(&source, section)?;
        }
        Ok(lexicon)
    }

    /// The one that comes with the program.
    pub fn shipped() -> Result<Lexicon, DataError> {
        Lexicon::parse(
            "deploy/seed/categories.toml",
            include_str!("../../../deploy/seed/categories.toml"),
        )
    }

    /// The ids of all categories that have words.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(String::as_str)
    }

    fn add(&mut self, source: &Source<'_>, section: &Section) -> Result<(), DataError> {
        let id = section.id.get_ref();
        if self.categories.contains(id) {
            let message =
                format!("the category {id} is here a second time: put its words together");
            return Err(source.at(section.id.span().start, message));
        }
        let category = self.categories.len();
        self.categories.push(id.clone());
        let mut known = BTreeSet::new();
        for (entries, weight) in [(&section.sure, 3), (&section.likely, 2), (&section.hints, 1)] {
            for entry in entries {
                let phrase = source.phrase(entry)?;
                if !known.insert(phrase.clone()) {
                    let message = format!("{:?} is in {id} twice: remove one", entry.get_ref());
                    return Err(source.at(entry.span().start, message));
                }
                self.put(category, phrase, weight);
            }
        }
        Ok(())
    }

    fn put(&mut self, category: usize, phrase: Vec<String>, weight: u32) {
        let part = |folded: String| Part { stems: stems(&folded), folded };
        let words: Vec<Part> = phrase.into_iter().map(part).collect();
        for stem in &words[0].stems {
            self.by_stem.entry(stem.clone()).or_default().push(self.entries.len());
        }
        self.entries.push(Entry { category, words, weight });
    }

    /// Words that make an entry alone.
    pub(super) fn single_words(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match &entry.words[..] {
            [only] => Some(only.folded.as_str()),
            _ => None,
        })
    }

    pub(super) fn suggest(&self, heard: &[Heard<'_>]) -> Vec<CategorySuggestion> {
        let mut found: BTreeMap<usize, Vec<(usize, Evidence)>> = BTreeMap::new();
        for heard in heard {
            for (entry, words) in self.entries_in(heard) {
                let of = found.entry(self.entries[entry].category).or_default();
                // A word said again makes nothing surer.
                if !of.iter().any(|(known, _)| *known == entry) {
                    of.push((entry, heard.evidence(words)));
                }
            }
        }
        self.ranked(found)
    }

    fn ranked(&self, found: BTreeMap<usize, Vec<(usize, Evidence)>>) -> Vec<CategorySuggestion> {
        let weight = |entry: usize| self.entries[entry].weight;
        let mut ranked: Vec<CategorySuggestion> = found
            .into_iter()
            .map(|(category, mut entries)| {
                entries.sort_by_key(|(entry, _)| std::cmp::Reverse(weight(*entry)));
                CategorySuggestion {
                    category: self.categories[category].clone(),
                    score: entries.iter().map(|(entry, _)| weight(*entry)).sum(),
                    evidence: entries.into_iter().map(|(_, evidence)| evidence).collect(),
                }
            })
            .collect();
        ranked.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.score));
        let best = ranked.first().map_or(0, |first| first.score);
        ranked.retain(|s| s.score >= ENOUGH && s.score * 2 >= best);
        ranked.truncate(MOST);
        ranked
    }

    /// The entries in a segment. A longer one takes its words from shorter ones: "lampu jalan" is no road.
    fn entries_in(&self, heard: &Heard<'_>) -> Vec<(usize, Range<usize>)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < heard.words.len() {
            let here = self.entries_at(heard, at);
            let longest = here.iter().map(|entry| self.entries[*entry].words.len()).max();
            let Some(length) = longest else {
                at += 1;
                continue;
            };
            let words = at..at + length;
            let longest = here.into_iter().filter(|e| self.entries[*e].words.len() == length);
            found.extend(self.fittest(heard, at, longest).map(|entry| (entry, words.clone())));
            at += length;
        }
        found
    }

    /// One entry for each category: the one that is written so, or else the one that weighs least.
    fn fittest(
        &self,
        heard: &Heard<'_>,
        at: usize,
        entries: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = usize> {
        let other_form = |entry: &Entry| {
            entry
                .words
                .iter()
                .zip(&heard.words[at..])
                .any(|(part, word)| part.folded != word.folded)
        };
        let mut best: BTreeMap<usize, ((bool, u32), usize)> = BTreeMap::new();
        for number in entries {
            let entry = &self.entries[number];
            let rank = ((other_form(entry), entry.weight), number);
            let of = best.entry(entry.category).or_insert(rank);
            *of = rank.min(*of);
        }
        best.into_values().map(|(_, entry)| entry)
    }

    fn entries_at(&self, heard: &Heard<'_>, at: usize) -> Vec<usize> {
        let mut here: Vec<usize> = stems(&heard.words[at].folded)
            .iter()
            .filter_map(|stem| self.by_stem.get(stem))
            .flatten()
            .copied()
            .filter(|entry| is_at(&self.entries[*entry], heard, at))
            .collect();
        here.sort_unstable();
        here.dedup();
        here
    }
}

fn is_at(entry: &Entry, heard: &Heard<'_>, at: usize) -> bool {
    let Some(words) = heard.words.get(at..at + entry.words.len()) else { return false };
    let together = words.iter().skip(1).all(|word| word.gap == Gap::Close);
    together && words.iter().zip(&entry.words).all(|(word, part)| part.is(&word.folded))
}

/// Shorter words have no affixes, but may look like somebody's stem.
const SHORTEST_WITH_FORMS: usize = 4;

impl Part {
    fn is(&self, folded: &str) -> bool {
        self.folded == folded
            || (self.folded.len() >= SHORTEST_WITH_FORMS && !self.stems.is_disjoint(&stems(folded)))
    }
}
