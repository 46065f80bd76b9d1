//! Suggestions as lines for an operator, each with the words that it came from.

use kentongan::store::CategoryRow;
use kentongan::ticket::suggest::places::Listed;
use kentongan::ticket::suggest::{Evidence, Place, Suggestions};

/// Words that are shown for one category.
const WORDS: usize = 4;

/// A line for places and one for categories, as far as there are any. `categories` tells their names.
pub fn lines(suggestions: &Suggestions, categories: &[CategoryRow]) -> Vec<String> {
    let places = suggestions.places.iter().map(|suggestion| match &suggestion.place {
        Place::Listed(place) => {
            format!("{} ({})", told_apart(place, suggestions), quoted(&suggestion.evidence))
        }
        Place::Described(_) => quoted(&suggestion.evidence),
    });
    let kinds = suggestions.categories.iter().map(|suggestion| {
        let id = &suggestion.category;
        let name = categories.iter().find(|row| row.id == *id).map_or(id, |row| &row.name);
        let words = suggestion.evidence.iter().take(WORDS).map(|e| format!("\"{}\"", e.text));
        format!("{name} ({})", words.collect::<Vec<_>>().join(", "))
    });
    let line = |what: &str, all: Vec<String>| {
        (!all.is_empty()).then(|| format!("Usul {what}: {}", all.join("; ")))
    };
    let both = [line("tempat", places.collect()), line("kategori", kinds.collect())];
    both.into_iter().flatten().collect()
}

/// Its name, and what it is a part of where there are several of that name.
fn told_apart(place: &Listed, suggestions: &Suggestions) -> String {
    let twin = |other: &Place| matches!(other, Place::Listed(other) if other.name == place.name && other != place);
    let twins = suggestions.places.iter().any(|suggestion| twin(&suggestion.place));
    match &place.within {
        Some(within) if twins => format!("{}, {within}", place.name),
        _ => place.name.clone(),
    }
}

/// The words, and when they were said: `"pasar bamang" 3,2 s`.
fn quoted(evidence: &Evidence) -> String {
    match evidence.start_ms {
        Some(ms) => {
            let tenths = ms / 100;
            format!("\"{}\" {},{} s", evidence.text, tenths / 10, tenths % 10)
        }
        None => format!("\"{}\"", evidence.text),
    }
}
