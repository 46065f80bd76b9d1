//! What a text costs as short messages (3GPP TS 23.038 and 23.040): its alphabet, and in how many parts it travels.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// How the letters are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM 7 bit default alphabet: 160 letters, or 153 in each of several parts.
    Gsm7,
    /// UTF-16 code units: 70, or 67 in each of several parts.
    Ucs2,
}

/// The size of a text on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub alphabet: Alphabet,
    /// Septets, or UTF-16 code units.
    pub units: usize,
    /// Messages that are paid for.
    pub parts: usize,
}

impl Alphabet {
    /// Units of a message that travels alone, and of each of several.
    fn room(self) -> (usize, usize) {
        match self {
            Alphabet::Gsm7 => (160, 153),
            Alphabet::Ucs2 => (70, 67),
        }
    }

    /// Units of a letter; `None` if the alphabet has it not.
    fn units(self, letter: char) -> Option<usize> {
        match self {
            Alphabet::Gsm7 if BASIC.contains(letter) => Some(1),
            Alphabet::Gsm7 if EXTENSION.contains(letter) => Some(2),
            Alphabet::Gsm7 => None,
            Alphabet::Ucs2 => Some(letter.len_utf16()),
        }
    }
}

/// The default alphabet without its escape.
pub(super) const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Letters that an escape goes before.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// What a text costs as it stands.
pub fn size(text: &str) -> Size {
    let gsm7 = text.chars().all(|letter| Alphabet::Gsm7.units(letter).is_some());
    let alphabet = if gsm7 { Alphabet::Gsm7 } else { Alphabet::Ucs2 };
    let letters = || text.chars().filter_map(|letter| alphabet.units(letter));
    let (alone, each) = alphabet.room();
    let units = letters().sum();
    let parts = if units <= alone { 1 } else { pack(letters(), each) };
    Size { alphabet, units, parts }
}

/// Parts of `each` units; a letter of two is never split between them.
fn pack(letters: impl Iterator<Item = usize>, each: usize) -> usize {
    let (mut parts, mut used) = (1, 0);
    for units in letters {
        if used + units > each {
            (parts, used) = (parts + 1, 0);
        }
        used += units;
    }
    parts
}

/// The same text in the GSM alphabet: typographic marks become plain ones, accents that it has not are dropped, and
/// what has no like in it becomes `?`. One curly quote would else make a message twice as dear.
pub fn flatten(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    // Composed first: the alphabet has some letters with their accents.
    for letter in text.nfc() {
        match letter {
            _ if Alphabet::Gsm7.units(letter).is_some() => flat.push(letter),
            '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' => flat.push('\''),
            '“' | '”' | '„' | '«' | '»' | '″' => flat.push('"'),
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => flat.push('-'),
            '…' => flat.push_str("..."),
            '•' | '·' => flat.push('*'),
            '×' => flat.push('x'),
            '\t' => flat.push(' '),
            other if other.is_whitespace() => flat.push(' '),
            other if other.is_control() || is_invisible(other) => {}
            other => flat.push_str(&plain(other)),
        }
    }
    flat
}

/// Joiners, marks of direction, variation selectors: nothing is lost with them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || is_combining_mark(letter)
}

/// The letter without its accents, or `?`.
fn plain(letter: char) -> String {
    let base = std::iter::once(letter).nfkd().filter(|c| !is_combining_mark(*c));
    base.map(|c| match c {
        // Of fractions such as a half.
        '⁄' => '/',
        c if Alphabet::Gsm7.units(c).is_some() => c,
        _ => '?',
    })
    .collect()
}

/// The text, cut at a word so that it takes no more than `parts`; what is missing is shown by three dots.
pub fn shorten(text: &str, parts: usize) -> String {
    if size(text).parts <= parts {
        return text.to_owned();
    }
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let dotted = |end: usize| format!("{}...", text[..end].trim_end());
    // Longer is never smaller: the last end that fits can be searched for.
    let fits = ends.partition_point(|end| size(&dotted(*end)).parts <= parts);
    ends.truncate(fits);
    let end = ends.last().copied().unwrap_or(0);
    let word = text[..end].rfind(char::is_whitespace).filter(|at| end - at < 30).unwrap_or(end);
    dotted(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(text: &str) -> (Alphabet, usize, usize) {
        let Size { alphabet, units, parts } = size(text);
        (alphabet, units, parts)
    }

    #[test]
    fn parts_are_counted_as_the_network_does() {
        use Alphabet::{Gsm7, Ucs2};
        for (text, expected) in [
            (String::new(), (Gsm7, 0, 1)),
            ("a".repeat(160), (Gsm7, 160, 1)),
            ("a".repeat(161), (Gsm7, 161, 2)),
            ("a".repeat(306), (Gsm7, 306, 2)),
            ("a".repeat(307), (Gsm7, 307, 3)),
            ("€".repeat(80), (Gsm7, 160, 1)),
            // The 77th sign does not fit into the last septet of the first part.
            ("€".repeat(153), (Gsm7, 306, 3)),
            ("é".repeat(160), (Gsm7, 160, 1)),
            ("’".to_owned() + &"a".repeat(69), (Ucs2, 70, 1)),
            ("’".to_owned() + &"a".repeat(70), (Ucs2, 71, 2)),
            ("😡".repeat(35), (Ucs2, 70, 1)),
            // 33 pairs fit into 67 units.
            ("😡".repeat(66), (Ucs2, 132, 2)),
            ("😡".repeat(67), (Ucs2, 134, 3)),
        ] {
            assert_eq!(measured(&text), expected, "{} letters", text.chars().count());
        }
    }

    #[test]
    fn typography_becomes_plain() {
        for (text, flat) in [
            ("“Jalan” – rusak…", "\"Jalan\" - rusak..."),
            ("Rp\u{a0}5.000", "Rp 5.000"),
            ("café naïve Ā", "café naive A"),
            ("cafe\u{301}", "café"),
            ("½ jam", "1/2 jam"),
            ("ok 👍🏽", "ok ??"),
            ("a\u{200d}b\u{fe0f}c", "abc"),
        ] {
            assert_eq!(flatten(text), flat, "{text}");
        }
    }

    #[test]
    fn a_long_answer_ends_at_a_word_with_dots() {
        let text = "Jalan sudah diperbaiki oleh petugas kami. ".repeat(20);
        let short = shorten(&text, 2);
        assert_eq!(size(&short).parts, 2);
        assert!(short.ends_with("..."), "{short}");
        assert!(text.starts_with(short.trim_end_matches('.')), "{short}");
        assert_eq!(shorten("pendek", 1), "pendek");
    }

    proptest! {
        #[test]
        fn what_is_flattened_is_in_the_gsm_alphabet_and_stays(text in any::<String>()) {
            let flat = flatten(&text);
            prop_assert_eq!(size(&flat).alphabet, Alphabet::Gsm7);
            prop_assert_eq!(flatten(&flat), flat);
        }

        #[test]
        fn what_is_shortened_fits(text in any::<String>(), parts in 1usize..4) {
            prop_assert!(size(&shorten(&text, parts)).parts <= parts);
        }

        #[test]
        fn no_part_is_overfull(text in "[a€😡’]{0,400}") {
            let Size { alphabet, units, parts } = size(&text);
            let (alone, each) = alphabet.room();
            let room = if parts == 1 { alone } else { parts * each };
            prop_assert!(units <= room, "{} units in {} parts", units, parts);
        }
    }
}
