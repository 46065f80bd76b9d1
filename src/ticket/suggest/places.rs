//! Which place a report may be about: names of a gazetteer, however misheard, and streets that are in no gazetteer.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::data::{DataError, Source};
use super::{Evidence, Heard, Ordinary};
use crate::ticket::stem::is_verb_like;
use crate::ticket::words::{Gap, Word};

/// The places of a site, and the words that stand around places.
#[derive(Clone, Debug)]
pub struct Gazetteer {
    names: Vec<Name>,
    places: Vec<Listed>,
    words: Words,
    /// Words in the longest name.
    longest: usize,
}

/// Where it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A place of the gazetteer.
    Listed(Listed),
    /// A street, a landmark, an RT: in the reporter's words.
    Described(String),
}

/// A place of the gazetteer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// `kecamatan`, `desa`, ... as the file says.
    pub kind: String,
    /// What it is a part of, if the file says.
    pub within: Option<String>,
}

/// A place that a report may be about.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceSuggestion {
    pub place: Place,
    /// 0 to 1.
    pub score: f32,
    pub evidence: Evidence,
}

/// Names that are suggested for one report.
const MOST: usize = 5;

/// A way of calling a place.
#[derive(Clone, Debug)]
struct Name {
    place: usize,
    words: Vec<String>,
    /// The words in a row, doubled letters once.
    key: String,
    /// The same as it sounds on the telephone.
    sound: String,
    /// It is a word of every day too: only "kecamatan Sandaran" is the place.
    only_named: bool,
}

/// What stands around places.
#[derive(Clone, Debug)]
struct Words {
    street: BTreeSet<String>,
    landmark: BTreeSet<String>,
    numbered: BTreeSet<String>,
    suffix: BTreeSet<String>,
    area: BTreeSet<String>,
    side: BTreeSet<String>,
    preposition: BTreeSet<String>,
    number: BTreeSet<String>,
    block: BTreeSet<String>,
    numeral: BTreeSet<String>,
    person: BTreeSet<String>,
    ordinary: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    words: WordLists,
    place: Vec<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordLists {
    street: Vec<Spanned<String>>,
    landmark: Vec<Spanned<String>>,
    numbered: Vec<Spanned<String>>,
    suffix: Vec<Spanned<String>>,
    area: Vec<Spanned<String>>,
    side: Vec<Spanned<String>>,
    preposition: Vec<Spanned<String>>,
    number: Vec<Spanned<String>>,
    block: Vec<Spanned<String>>,
    numeral: Vec<Spanned<String>>,
    person: Vec<Spanned<String>>,
    ordinary: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    name: Spanned<String>,
    kind: String,
    within: Option<String>,
    #[serde(default)]
    also: Vec<Spanned<String>>,
    #[serde(default)]
    only_named: bool,
}

impl Gazetteer {
    /// The file's name as it is told in errors, and its text.
    pub fn parse(file: &str, text: &str) -> Result<Gazetteer, DataError> {
        let source = Source { file, text };
        let read: File = source.read()?;
        let words = Words::read(&source, &read.words)?;
        let mut gazetteer = Gazetteer { names: Vec::new(), places: Vec::new(), words, longest: 0 };
        for section in read.place {
            gazetteer.add(&source, section)?;
        }
        Ok(gazetteer)
    }

    /// The one that comes with the program.
    pub fn shipped() -> Result<Gazetteer, DataError> {
        Gazetteer::parse(
            "deploy/seed/places.toml",
            include_str!("../../../deploy/seed/places.toml"),
        )
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no place at all; streets are found all the same.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn ordinary(&self) -> impl Iterator<Item = &str> {
        self.words.ordinary.iter().map(String::as_str)
    }

    fn add(&mut self, source: &Source<'_>, section: Section) -> Result<(), DataError> {
        let place = self.places.len();
        for written in std::iter::once(&section.name).chain(&section.also) {
            let words = source.phrase(written)?;
            let key = squeezed(&words.concat());
            let within = |name: &Name| self.places[name.place].within == section.within;
            let kind = |name: &Name| self.places[name.place].kind == section.kind;
            let twin = self.names.iter().find(|n| n.key == key && n.place != place);
            if twin.is_some_and(|name| within(name) && kind(name)) {
                let message = format!(
                    "{:?} is here a second time: remove one, or say by within what it is a part of",
                    written.get_ref()
                );
                return Err(source.at(written.span().start, message));
            }
            self.longest = self.longest.max(words.len());
            let sound = sound(&key);
            self.names.push(Name { place, words, key, sound, only_named: section.only_named });
        }
        let Section { name, kind, within, .. } = section;
        self.places.push(Listed { name: name.into_inner(), kind, within });
        Ok(())
    }

    pub(super) fn suggest(&self, heard: &[Heard<'_>], ordinary: &Ordinary) -> Vec<PlaceSuggestion> {
        let mut found = Vec::new();
        let said = |phrase: &str| heard.iter().any(|heard| heard.says(phrase));
        for heard in heard {
            found.extend(self.listed(heard, ordinary, &said));
            found.extend(self.described(heard, ordinary));
        }
        // A stable order: of equals, what was said first.
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut suggestions: Vec<PlaceSuggestion> = Vec::new();
        for suggestion in found {
            if !suggestions.iter().any(|known| known.place == suggestion.place) {
                suggestions.push(suggestion);
            }
        }
        // Places of one name came from the same words: they count as one.
        let mut sources: Vec<Evidence> = Vec::new();
        suggestions.retain(|suggestion| {
            let known = sources.contains(&suggestion.evidence);
            if !known && sources.len() < MOST {
                sources.push(suggestion.evidence.clone());
                return true;
            }
            known
        });
        suggestions
    }
}

/// A name found in a segment.
struct Match {
    words: Range<usize>,
    name: usize,
    score: f32,
}

/// What stands before a name, from what says most to what says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cue {
    /// "kecamatan ..."
    Area,
    /// "pasar ...", "di ...", "depan ..."
    Where,
    /// "jalan ...": streets are named after anything.
    Street,
    /// "pak ..."
    Person,
    None,
}

/// Names of the gazetteer.
impl Gazetteer {
    /// All places of a name where there are several: the operator knows which. `said` tells whether something else was
    /// heard, such as what one of them is a part of; that one comes first.
    fn listed(
        &self,
        heard: &Heard<'_>,
        ordinary: &Ordinary,
        said: &dyn Fn(&str) -> bool,
    ) -> Vec<PlaceSuggestion> {
        let mut matches = Vec::new();
        for start in 0..heard.words.len() {
            for end in start + 1..=(start + self.longest + 1).min(heard.words.len()) {
                if end > start + 1 && heard.words[end - 1].gap != Gap::Close {
                    break;
                }
                self.matches(heard, start..end, ordinary, &mut matches);
            }
        }
        // "Sangatta Utara" over "Sangatta", and what was heard well over what was not.
        let key = |m: &Match| &self.names[m.name].key;
        let placed = |m: &Match| self.place(m).within.as_deref().is_some_and(said);
        matches.sort_by(|a, b| {
            let longer = key(b).len().cmp(&key(a).len());
            longer.then(b.score.total_cmp(&a.score)).then(placed(b).cmp(&placed(a)))
        });
        let mut chosen: Vec<&Match> = Vec::new();
        for m in &matches {
            let twin = |other: &Match| other.words == m.words && key(other) == key(m);
            let apart = |c: &Match| c.words.end <= m.words.start || m.words.end <= c.words.start;
            let here = |c: &Match| twin(c) && self.place(c) == self.place(m);
            if chosen.iter().all(|c| (apart(c) || twin(c)) && !here(c)) {
                chosen.push(m);
            }
        }
        let suggestion = |m: &Match| PlaceSuggestion {
            place: Place::Listed(self.place(m).clone()),
            score: m.score,
            evidence: heard.evidence(self.with_head(heard, m.words.clone())),
        };
        chosen.into_iter().map(suggestion).collect()
    }

    fn place(&self, m: &Match) -> &Listed {
        &self.places[self.names[m.name].place]
    }

    /// The words with the landmark, street or area that they name.
    fn with_head(&self, heard: &Heard<'_>, words: Range<usize>) -> Range<usize> {
        match self.cue(heard, words.start) {
            (Cue::Area | Cue::Where | Cue::Street, true) => words.start - 1..words.end,
            _ => words,
        }
    }

    /// The cue before a word, and whether that belongs to the name.
    fn cue(&self, heard: &Heard<'_>, start: usize) -> (Cue, bool) {
        let close = start > 0 && heard.words[start].gap != Gap::Break;
        let Some(before) = heard.words[..start].last().filter(|_| close) else {
            return (Cue::None, false);
        };
        let (word, list) = (&before.folded, &self.words);
        match word {
            w if list.person.contains(w) => (Cue::Person, false),
            w if list.area.contains(w) => (Cue::Area, true),
            w if list.street.contains(w) => (Cue::Street, true),
            w if list.landmark.contains(w) || list.numbered.contains(w) => (Cue::Where, true),
            w if list.side.contains(w) || list.preposition.contains(w) => (Cue::Where, false),
            _ => (Cue::None, false),
        }
    }

    fn matches(
        &self,
        heard: &Heard<'_>,
        at: Range<usize>,
        ordinary: &Ordinary,
        matches: &mut Vec<Match>,
    ) {
        let words = &heard.words[at.clone()];
        let key = squeezed(&words.iter().map(|w| w.folded.as_str()).collect::<String>());
        let sound = sound(&key);
        let (cue, _) = self.cue(heard, at.start);
        for (name, called) in self.names.iter().enumerate() {
            let Some(score) = likeness(called, &key, &sound) else { continue };
            if called.is_meant(words, score, cue, ordinary) {
                matches.push(Match { words: at.clone(), name, score });
            }
        }
    }
}

/// Heard as it is written.
const EXACT: f32 = 1.0;
/// It only sounds alike.
const SOUNDS: f32 = 0.9;

/// How much what was heard is like a name; `None` if it is another word.
fn likeness(name: &Name, key: &str, sound: &str) -> Option<f32> {
    if name.key == key {
        return Some(EXACT);
    }
    if name.sound == sound {
        return Some(SOUNDS);
    }
    let allowed = edits(name.sound.len());
    if name.sound.len().abs_diff(sound.len()) > allowed {
        return None;
    }
    let distance = strsim::osa_distance(&name.sound, sound);
    (distance <= allowed).then(|| SOUNDS - distance as f32 / name.sound.len() as f32)
}

/// Wrong letters that are borne in so many.
fn edits(letters: usize) -> usize {
    match letters {
        0..=5 => 0,
        6..=11 => 1,
        _ => 2,
    }
}

impl Name {
    /// Whether these words mean the place, and are not a person or words of every day.
    fn is_meant(&self, words: &[Word], score: f32, cue: Cue, ordinary: &Ordinary) -> bool {
        let is_ordinary = |word: &Word| ordinary.has(&word.folded);
        let exact = score == EXACT;
        let cut_alike = words.len() == self.words.len();
        let pairs = || words.iter().zip(&self.words);
        match cue {
            Cue::Person => return false,
            Cue::Area if score >= SOUNDS => return true,
            _ if self.only_named => return false,
            Cue::Area if words.len() > 1 => return true,
            _ => {}
        }
        // "kali orang" is Kaliorang only if it is called a place.
        if !cut_alike {
            return !words.iter().all(is_ordinary) && (exact || cue == Cue::Where);
        }
        if exact {
            return true;
        }
        // A word of every day is no misheard name, and each word alone must be nearly right.
        if pairs().any(|(word, name)| word.folded != *name && is_ordinary(word)) {
            return false;
        }
        if words.len() > 1 {
            return pairs().all(|(word, name)| nearly(&word.folded, name))
                && pairs().any(|(word, name)| word.folded == *name);
        }
        matches!(cue, Cue::Area | Cue::Where)
    }
}

fn nearly(word: &str, name: &str) -> bool {
    let (word, name) = (sound(&squeezed(word)), sound(&squeezed(name)));
    let allowed = match name.len() {
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    };
    strsim::osa_distance(&word, &name) <= allowed
}

/// Doubled letters once: "Baamang" is heard as "Bamang".
fn squeezed(word: &str) -> String {
    let mut squeezed = String::with_capacity(word.len());
    for c in word.chars() {
        if !squeezed.ends_with(c) {
            squeezed.push(c);
        }
    }
    squeezed
}

/// What a telephone does not tell apart, written alike.
fn sound(key: &str) -> String {
    key.replace('p', "b").replace('o', "u")
}

/// Streets, landmarks and RTs.
impl Gazetteer {
    fn described(&self, heard: &Heard<'_>, ordinary: &Ordinary) -> Vec<PlaceSuggestion> {
        let mut suggestions = Vec::new();
        let mut at = 0;
        while at < heard.words.len() {
            let Some((mut words, mut score)) = self.description(heard, at, false, ordinary) else {
                at += 1;
                continue;
            };
            // "jalan Arsyad gang Delima dekat pasar Keramat" is one place.
            while let Some((next, as_sure)) = self.continued(heard, words.end, ordinary) {
                words.end = next;
                score = score.max(as_sure);
            }
            at = words.end;
            let evidence = heard.evidence(words);
            let place = Place::Described(evidence.text.clone());
            suggestions.push(PlaceSuggestion { place, score, evidence });
        }
        suggestions
    }

    /// The end of a description that begins where another one ends.
    fn continued(
        &self,
        heard: &Heard<'_>,
        from: usize,
        ordinary: &Ordinary,
    ) -> Option<(usize, f32)> {
        let close = heard.words.get(from).is_some_and(|word| word.gap == Gap::Close);
        let next = [from, from + 1].into_iter().filter(|at| close && *at < heard.words.len());
        next.filter_map(|at| self.description(heard, at, true, ordinary))
            .find(|(words, _)| words.start == from)
            .map(|(words, score)| (words.end, score))
    }

    /// What begins with this word, and how sure it is a place. `placed`: a place stands before it.
    fn description(
        &self,
        heard: &Heard<'_>,
        at: usize,
        placed: bool,
        ordinary: &Ordinary,
    ) -> Option<(Range<usize>, f32)> {
        let (words, list) = (&heard.words, &self.words);
        let head = &words[at].folded;
        let before = self.before(heard, at);
        let block = self.numbers(words, at, &list.block);
        if block > at {
            let meant = before != Before::Person && self.ends(words, at, block);
            return meant.then_some((at..block, 0.6));
        }
        let numbered = list.numbered.contains(head);
        let street = list.street.contains(head);
        if !street && !numbered && !list.landmark.contains(head) {
            return None;
        }
        let digits = |w: &Word| w.folded.starts_with(|c: char| c.is_ascii_digit());
        let has_digits = numbered && words.get(at + 1).is_some_and(digits);
        let name = at + 1 + usize::from(has_digits);
        let named = self.name_after(words, name, ordinary);
        let end = self.numbers(words, named, &list.number);
        let capital = words[name..named].iter().any(|word| word.capital);
        let placed = placed || !matches!(before, Before::Nothing | Before::Person);
        let score = match (named > name, has_digits || end > named) {
            (true, true) => 0.85,
            (false, true) if street || placed => 0.7,
            (true, false) if capital && placed => 0.75,
            (true, false) if capital || placed => 0.65,
            _ => return None,
        };
        Some((at - usize::from(before == Before::Side)..end, score))
    }

    fn before(&self, heard: &Heard<'_>, at: usize) -> Before {
        let close = at > 0 && heard.words[at].gap == Gap::Close;
        let Some(before) = heard.words[..at].last().filter(|_| close) else {
            return Before::Nothing;
        };
        match &before.folded {
            w if self.words.side.contains(w) => Before::Side,
            w if self.words.preposition.contains(w) => Before::Preposition,
            w if self.words.person.contains(w) => Before::Person,
            _ => Before::Nothing,
        }
    }

    /// Where the name that begins with this word ends.
    fn name_after(&self, words: &[Word], from: usize, ordinary: &Ordinary) -> usize {
        /// Words in a name, areas such as in "kantor camat Baamang" aside.
        const LONGEST: usize = 3;
        let list = &self.words;
        let mut at = from;
        let mut end = from;
        while let Some(word) = words.get(at).filter(|_| end - from < LONGEST) {
            let (w, first) = (&word.folded, at == from);
            // The full stop of "jl."
            let close = word.gap == Gap::Close || (first && word.gap == Gap::Stop);
            if !first && close && list.suffix.contains(w) {
                at += 1;
                end = at;
                continue;
            }
            let starts_other = [&list.street, &list.side, &list.preposition, &list.person]
                .into_iter()
                .chain([&list.number, &list.block, &list.numeral])
                .any(|set| set.contains(w));
            let digits = w.starts_with(|c: char| c.is_ascii_digit());
            if !close || starts_other || digits || self.numbers(words, at, &list.block) > at {
                break;
            }
            at += 1;
            if list.area.contains(w) && first {
                continue;
            }
            let verb = !word.capital && is_verb_like(w);
            if verb || w.chars().count() < 2 || list.area.contains(w) || ordinary.has(w) {
                break;
            }
            end = at;
        }
        end
    }

    /// Where the numbers that begin with this word end: "nomor 5 RT 03 RW 05". `heads` may begin them.
    fn numbers(&self, words: &[Word], from: usize, heads: &BTreeSet<String>) -> usize {
        /// "nomor", "RT", "RW", "km".
        const GROUPS: usize = 4;
        let mut end = from;
        for group in 0..GROUPS {
            let heads = if group == 0 { heads } else { &self.words.number };
            match self
                .number(words, end, heads)
                .or_else(|| self.number(words, end, &self.words.block))
            {
                Some(next) => end = next,
                None => break,
            }
        }
        end
    }

    /// One head with its number: "RT 03", "rt03", "rt tiga belas", "no. 5".
    fn number(&self, words: &[Word], at: usize, heads: &BTreeSet<String>) -> Option<usize> {
        let head = &words.get(at)?.folded;
        let fused = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if heads.iter().any(|known| head.strip_prefix(known.as_str()).is_some_and(fused)) {
            return Some(at + 1);
        }
        if !heads.contains(head) {
            return None;
        }
        let value = words.get(at + 1).filter(|word| word.gap != Gap::Break)?;
        if value.folded.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(at + 2);
        }
        let spoken = words[at + 1..].iter().take(4);
        let spoken =
            spoken.take_while(|w| w.gap != Gap::Break && self.words.numeral.contains(&w.folded));
        Some(at + 1 + spoken.count()).filter(|end| *end > at + 1)
    }

    /// Whether a number spoken in words ends where it ends: "RT dua kali" is none.
    fn ends(&self, words: &[Word], from: usize, end: usize) -> bool {
        let spoken = self.words.numeral.contains(&words[end - 1].folded);
        let Some(next) = words.get(end).filter(|_| spoken && end > from) else { return true };
        let list = &self.words;
        next.gap != Gap::Close
            || [&list.side, &list.preposition, &list.area]
                .iter()
                .any(|set| set.contains(&next.folded))
    }
}

/// What stands before a street or landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// "depan", which belongs to it.
    Side,
    /// "di", which does not.
    Preposition,
    Person,
    Nothing,
}

impl Words {
    fn read(source: &Source<'_>, lists: &WordLists) -> Result<Words, DataError> {
        let set = |list: &[Spanned<String>]| -> Result<BTreeSet<String>, DataError> {
            list.iter().map(|entry| source.word(entry)).collect()
        };
        Ok(Words {
            street: set(&lists.street)?,
            landmark: set(&lists.landmark)?,
            numbered: set(&lists.numbered)?,
            suffix: set(&lists.suffix)?,
            area: set(&lists.area)?,
            side: set(&lists.side)?,
            preposition: set(&lists.preposition)?,
            number: set(&lists.number)?,
            block: set(&lists.block)?,
            numeral: set(&lists.numeral)?,
            person: set(&lists.person)?,
            ordinary: set(&lists.ordinary)?,
        })
    }
}
