//! Places and categories that a report suggests, each with the words that it came from. Taken by a press, never by itself.

use super::Console;
use crate::store::{CategoryRow, MessageKind, Spoken, TicketView};
use crate::ticket::suggest::{Evidence, Place, Suggestions};

/// Something suggested.
pub(super) struct Suggestion {
    /// `Tempat` or `Kategori`.
    pub what: &'static str,
    pub label: String,
    /// What taking it puts into the category; empty leaves that as it is.
    pub category: String,
    /// The same for the place.
    pub place: String,
    pub because: Vec<Because>,
}

/// Words of the report.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Because {
    pub text: String,
    /// When they were said: `0:03`.
    pub at: Option<String>,
}

/// Words that are shown for one suggestion.
const WORDS: usize = 4;
/// Suggestions of one kind.
const MOST: usize = 4;

/// What everything said and written by the reporter suggests, each thing once.
pub(super) fn suggestions(
    console: &Console,
    view: &TicketView,
    categories: &[CategoryRow],
) -> Vec<Suggestion> {
    let Some(suggester) = &console.suggester else { return Vec::new() };
    if view.ticket.status.is_over() {
        return Vec::new();
    }
    let spoken = view.spoken.iter().filter_map(Spoken::mended);
    let spoken = spoken.map(|transcript| suggester.of_transcript(&transcript));
    let texts = view.messages.iter().filter(|message| message.kind != MessageKind::Answer);
    let all: Vec<Suggestions> =
        spoken.chain(texts.map(|message| suggester.of_text(&message.body))).collect();
    let places = all.iter().flat_map(|s| &s.places).map(|s| place(&s.place, &s.evidence));
    let kinds = all.iter().flat_map(|s| &s.categories).filter_map(|s| {
        let row = categories.iter().find(|row| row.id == s.category)?;
        Some(category(row, &s.evidence))
    });
    let mut offered: Vec<Suggestion> = Vec::new();
    offered.extend(each_once(kinds));
    offered.extend(each_once(places));
    // What somebody has decided is not asked again.
    let decided = |s: &Suggestion| match s.category.is_empty() {
        false => view.ticket.category.is_some(),
        true => view.ticket.place.is_some(),
    };
    offered.retain(|suggestion| !decided(suggestion));
    offered
}

fn each_once(all: impl Iterator<Item = Suggestion>) -> Vec<Suggestion> {
    let mut once: Vec<Suggestion> = Vec::new();
    // Places of one name come from the same words: they count as one.
    let mut sources: Vec<Vec<Because>> = Vec::new();
    for suggestion in all {
        let known = sources.contains(&suggestion.because);
        let room = known || sources.len() < MOST;
        if room && once.iter().all(|other| other.label != suggestion.label) {
            if !known {
                sources.push(suggestion.because.clone());
            }
            once.push(suggestion);
        }
    }
    once
}

fn place(place: &Place, evidence: &Evidence) -> Suggestion {
    let label = match place {
        Place::Listed(listed) => match &listed.within {
            Some(within) => format!("{}, {within}", listed.name),
            None => listed.name.clone(),
        },
        Place::Described(text) => text.clone(),
    };
    Suggestion {
        what: "Tempat",
        place: label.clone(),
        label,
        category: String::new(),
        because: vec![because(evidence)],
    }
}

fn category(row: &CategoryRow, evidence: &[Evidence]) -> Suggestion {
    Suggestion {
        what: "Kategori",
        label: row.name.clone(),
        category: row.id.clone(),
        place: String::new(),
        because: evidence.iter().take(WORDS).map(because).collect(),
    }
}

fn because(evidence: &Evidence) -> Because {
    let at = |ms: u32| super::show::duration(ms.into());
    Because { text: evidence.text.clone(), at: evidence.start_ms.map(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_name_leave_room_for_the_others() {
        let from = |words: &str, label: String| Suggestion {
            what: "Tempat",
            place: label.clone(),
            label,
            category: String::new(),
            because: vec![Because { text: words.into(), at: None }],
        };
        let twins = (0..6).map(|n| from("suka maju", format!("Suka Maju, {n}")));
        let others = (0..6).map(|n| from(&format!("jalan {n}"), format!("jalan {n}")));
        let offered = each_once(twins.chain(others));
        assert_eq!(offered.len(), 6 + MOST - 1);
        assert_eq!(offered.last().map(|s| s.label.as_str()), Some("jalan 2"));
    }
}
