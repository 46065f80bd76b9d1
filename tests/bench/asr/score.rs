//! Word and character errors (WER, CER): the least edits from what was said to what was heard, by the length of what was said.

use unicode_normalization::UnicodeNormalization;

/// Edits and lengths, added up over clips.
#[derive(Default)]
pub struct Score {
    words: (usize, usize),
    letters: (usize, usize),
}

impl Score {
    pub fn add(&mut self, heard: &str, said: &str) {
        let (heard, said) = (normalised(heard), normalised(said));
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (heard_words, said_words) = (words(&heard), words(&said));
        self.words.0 += strsim::generic_levenshtein(&heard_words, &said_words);
        self.words.1 += said_words.len();
        self.letters.0 += strsim::levenshtein(&heard, &said);
        self.letters.1 += said.chars().count();
    }

    /// Word error rate in percent.
    pub fn wer(&self) -> f64 {
        percent(self.words)
    }

    /// Character error rate in percent.
    pub fn cer(&self) -> f64 {
        percent(self.letters)
    }
}

fn percent((edits, length): (usize, usize)) -> f64 {
    100.0 * edits as f64 / length.max(1) as f64
}

/// NFKC, small letters, nothing in brackets, a hyphen is a space, no punctuation, one space between words.
pub fn normalised(text: &str) -> String {
    let mut depth = 0usize;
    let mut kept = String::new();
    for c in text.nfkc().flat_map(char::to_lowercase) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            c if c.is_alphanumeric() => kept.push(c),
            c if c == '-' || c.is_whitespace() => kept.push(' '),
            _ => {}
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}
