//! A text cut into words, alike for the search and for suggestions.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// One word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Lower case, without accents; never empty.
    pub folded: String,
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// It begins with a capital as names do: not all of it is in capitals.
    pub capital: bool,
    /// What stands between the word before and this one.
    pub gap: Gap,
}

/// What separates a word from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Blanks, hyphens, slashes: they belong together.
    Close,
    /// A full stop, which also stands behind abbreviations.
    Stop,
    /// A comma, a colon, a question mark, a new line.
    Break,
}

/// Every word of a text: a run of letters and digits, as the search's own tokenizer cuts it.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut gap = Gap::Close;
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if !first.is_alphanumeric() {
            gap = wider(gap, first);
            continue;
        }
        let mut end = start + first.len_utf8();
        while let Some((at, c)) =
            rest.next_if(|(_, c)| c.is_alphanumeric() || is_combining_mark(*c))
        {
            end = at + c.len_utf8();
        }
        let folded = fold(&text[start..end]);
        if !folded.is_empty() {
            let capital = first.is_uppercase() && text[start..end].contains(char::is_lowercase);
            words.push(Word { folded, range: start..end, capital, gap });
            gap = Gap::Close;
        }
    }
    words
}

/// A word in lower case and without accents.
pub fn fold(word: &str) -> String {
    word.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

fn wider(gap: Gap, c: char) -> Gap {
    match (gap, c) {
        (Gap::Break, _) | (_, ',' | ';' | ':' | '!' | '?' | '\n' | '(' | ')') => Gap::Break,
        (Gap::Stop, _) | (_, '.') => Gap::Stop,
        (Gap::Close, _) => Gap::Close,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_folded_and_point_back_into_the_text() {
        let text = "Jl. Émas, lubang-lubang RT03!";
        let found = words(text);
        let folded: Vec<&str> = found.iter().map(|w| w.folded.as_str()).collect();
        assert_eq!(folded, ["jl", "emas", "lubang", "lubang", "rt03"]);
        assert_eq!(&text[found[1].range.clone()], "Émas");
        let gaps: Vec<Gap> = found.iter().map(|w| w.gap).collect();
        assert_eq!(gaps, [Gap::Close, Gap::Stop, Gap::Break, Gap::Close, Gap::Close]);
        assert!(found[0].capital && !found[2].capital && !found[4].capital);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_and_each_range_lies_in_it(text in any::<String>()) {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(word.range.start >= end && !word.folded.is_empty());
                prop_assert!(text.get(word.range.clone()).is_some());
                end = word.range.end;
            }
        }
    }
}
