//! The terms of a query as SQLite's full-text search wants them. A second database gets a file like this one.

use super::query::{Query, Stemmed, Term};

/// Texts that have each term as it was typed; `None` if nothing is asked for.
pub(super) fn as_typed(query: &Query) -> Option<String> {
    all(query, exact)
}

/// Texts that have each term in some form, without those that have it as typed; `None` if there are no other forms.
pub(super) fn in_other_forms(query: &Query) -> Option<String> {
    if query.terms.iter().all(|term| matches!(term, Term::Phrase(_))) {
        return None;
    }
    Some(format!("({}) NOT ({})", all(query, loose)?, as_typed(query)?))
}

fn all(query: &Query, write: fn(&Term) -> String) -> Option<String> {
    let terms: Vec<String> = query.terms.iter().map(write).collect();
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

fn exact(term: &Term) -> String {
    match term {
        Term::Word(Stemmed { word, .. }) => format!("body : {}", quoted(word)),
        Term::Prefix(Stemmed { word, .. }) => format!("body : {} *", quoted(word)),
        Term::Phrase(words) => format!("body : {}", quoted(&words.join(" "))),
    }
}

fn loose(term: &Term) -> String {
    match term {
        Term::Word(stemmed) => either(quoted(&stemmed.word), stemmed),
        Term::Prefix(stemmed) => either(format!("{} *", quoted(&stemmed.word)), stemmed),
        Term::Phrase(_) => exact(term),
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

    #[test]
    fn a_query_is_written_with_everything_in_quotes() {
        let query = Query::parse("perbaikan \"jalan rusak\" NEAR");
        assert_eq!(
            as_typed(&query).unwrap(),
            "body : \"perbaikan\" AND body : \"jalan rusak\" AND body : \"near\" *"
        );
        assert_eq!(
            in_other_forms(&query).unwrap(),
            "((\"perbaikan\" OR \"bai\" OR \"baik\") AND body : \"jalan rusak\" AND (\"near\" * OR \"near\")) NOT \
             (body : \"perbaikan\" AND body : \"jalan rusak\" AND body : \"near\" *)"
        );
        assert_eq!(in_other_forms(&Query::parse("\"jalan rusak\"")), None);
        assert_eq!(as_typed(&Query::parse("?")), None);
    }
}
