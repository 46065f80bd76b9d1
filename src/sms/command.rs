//! What a short message asks for.
//!
//! People write on small keys, in haste, without reading instructions: case, dashes and a slip in a keyword are
//! forgiven, and whatever is not clearly a question is a report. There is no wrong message.

use strsim::osa_distance;

/// Digits of a ticket's code.
const CODE: usize = 8;

/// What the sender wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A report, without the keyword in front of it.
    Report(String),
    /// What became of the ticket with this code, as it was typed: digits, perhaps too few or too many.
    Status(String),
    /// More words for a ticket.
    Add { code: String, text: String },
    /// What this service is.
    Info,
    /// How to write to it.
    Help,
    /// No more messages, please.
    Stop,
    /// Messages again, after [`Command::Stop`].
    Start,
    /// Nothing was written.
    Empty,
}

const REPORT: [&str; 2] = ["lapor", "aduan"];
const STATUS: [&str; 2] = ["cek", "status"];
const ADD: [&str; 1] = ["tambah"];
const INFO: [&str; 1] = ["info"];
const HELP: [&str; 2] = ["bantuan", "help"];
const STOP: [&str; 2] = ["stop", "berhenti"];
const START: [&str; 1] = ["mulai"];

/// Words between a keyword and the code.
const FILLERS: [&str; 5] = ["kode", "no", "nomor", "laporan", "tiket"];

/// Reads a message. `site` are the office's own words for a report (`KOTIM`), in any case.
pub fn parse(text: &str, site: &[String]) -> Command {
    let text = text.trim();
    if !text.chars().any(char::is_alphanumeric) {
        return Command::Empty;
    }
    if let Some((code, rest)) = code(text)
        && !rest.chars().any(char::is_alphanumeric)
    {
        return Command::Status(code);
    }
    let (word, rest) = first_word(text);
    asks(&word, rest).unwrap_or_else(|| Command::Report(report(text, &word, rest, site)))
}

/// A message that begins with a keyword and goes on as that keyword demands.
fn asks(word: &str, rest: &str) -> Option<Command> {
    if is_one_of(word, &ADD)
        && let Some((code, text)) = code(rest)
        && text.chars().any(char::is_alphanumeric)
    {
        return Some(Command::Add { code, text: without_marks(text).to_owned() });
    }
    if is_one_of(word, &STATUS) || is_one_of(word, &ADD) {
        // "Cek jalan di depan rumah saya" is a report.
        return code(rest).map(|(code, _)| code).or_else(|| few_digits(rest)).map(Command::Status);
    }
    if rest.chars().any(char::is_alphanumeric) {
        return None;
    }
    let alone = [
        (&INFO[..], Command::Info),
        (&HELP, Command::Help),
        (&STOP, Command::Stop),
        (&START, Command::Start),
    ];
    alone.into_iter().find(|(keywords, _)| is_one_of(word, keywords)).map(|(_, command)| command)
}

/// The report without its keyword. A word that is only like one stays: "lapar" is not "lapor".
fn report(text: &str, word: &str, rest: &str, site: &[String]) -> String {
    let keyword = REPORT.contains(&word) || site.iter().any(|own| own.to_lowercase() == word);
    let told = without_marks(rest);
    if keyword && told.chars().any(char::is_alphanumeric) { told } else { text }.to_owned()
}

/// The first word in small letters without what clings to it, and what follows it.
fn first_word(text: &str) -> (String, &str) {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    // "CEK48217360": the digits begin what follows.
    let digits = text.find(|c: char| c.is_ascii_digit()).filter(|at| *at > 0).unwrap_or(end);
    let (word, rest) = text.split_at(end.min(digits));
    (word.to_lowercase(), rest)
}

/// Whether a word is a keyword, but for one slip: a letter wrong, left out, too many, or two swapped.
fn is_one_of(word: &str, keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| osa_distance(word, keyword) <= 1)
}

fn without_marks(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || ":;,.-#/".contains(c)).trim_end()
}

/// Eight digits at the beginning, in groups or not, and what follows them.
fn code(text: &str) -> Option<(String, &str)> {
    let (digits, rest) = digits(text);
    (digits.len() == CODE).then_some((digits, rest))
}

/// As many digits as somebody may have meant for a code.
fn few_digits(text: &str) -> Option<String> {
    let (digits, rest) = digits(text);
    (digits.len() >= CODE / 2 && !rest.chars().any(char::is_alphanumeric)).then_some(digits)
}

/// All digits at the beginning, with blanks, dots and dashes between them, and what follows.
fn digits(text: &str) -> (String, &str) {
    let mut text = without_marks(text);
    while let (word, rest) = first_word(text)
        && FILLERS.contains(&word.as_str())
    {
        text = without_marks(rest);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && !" .-".contains(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.chars().filter(char::is_ascii_digit).collect(), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Command {
        parse(text, &["KOTIM".into()])
    }

    fn report(text: &str) -> Command {
        Command::Report(text.into())
    }

    #[test]
    fn a_report_loses_its_keyword_and_nothing_else() {
        let told = report("jalan rusak di depan pasar Baamang");
        for text in [
            "LAPOR jalan rusak di depan pasar Baamang",
            "lapor: jalan rusak di depan pasar Baamang ",
            "Aduan - jalan rusak di depan pasar Baamang",
            "kotim jalan rusak di depan pasar Baamang",
            "jalan rusak di depan pasar Baamang",
        ] {
            assert_eq!(read(text), told, "{text}");
        }
    }

    #[test]
    fn what_is_unclear_is_a_report() {
        for text in [
            "Cek jalan di depan rumah saya",
            "Lapar, bantuan beras belum sampai",
            "info jalan rusak",
            "Stop pungli di terminal!",
            "LAPOR",
            "tambah lampu di gang 3",
            "status jalan provinsi 2 tahun rusak",
            "😡 sampah",
            "08123456789 telepon saya",
        ] {
            assert_eq!(read(text), report(text), "{text}");
        }
    }

    #[test]
    fn a_code_is_asked_for_in_any_spelling() {
        for text in [
            "CEK 48217362",
            "cek 4821-7362",
            "Cek kode 4821 7362 terima kasih",
            "STATUS: 4821.7362",
            "Sttaus 48217362",
            "CEKK 48217362",
            "cek#48217362",
            "CEK48217362",
            "cek no. 48217362",
            "48217362",
            " 4821 7362.",
            "tambah 48217362",
        ] {
            assert_eq!(read(text), Command::Status("48217362".into()), "{text}");
        }
        assert_eq!(read("CEK 4821736"), Command::Status("4821736".into()));
    }

    #[test]
    fn words_are_added_to_a_code() {
        let added = Command::Add { code: "48217362".into(), text: "sudah 3 hari".into() };
        for text in ["TAMBAH 48217362 sudah 3 hari", "tamba 4821-7362: sudah 3 hari"] {
            assert_eq!(read(text), added, "{text}");
        }
    }

    #[test]
    fn single_words_are_understood_with_a_slip() {
        for (text, command) in [
            ("INFO", Command::Info),
            ("inof", Command::Info),
            ("bantuan", Command::Help),
            ("Help!", Command::Help),
            ("STOP.", Command::Stop),
            ("mulai", Command::Start),
            ("", Command::Empty),
            (" ... ", Command::Empty),
        ] {
            assert_eq!(read(text), command, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_taken_and_a_report_keeps_its_words(text in any::<String>()) {
            if let Command::Report(told) = read(&text) {
                prop_assert!(text.contains(&told) && !told.is_empty());
            }
        }

        #[test]
        fn a_code_survives_any_grouping(digits in "[2-9][0-9]{7}", at in 1usize..8, mark in "[ .-]") {
            let text = format!("cek {}{mark}{}", &digits[..at], &digits[at..]);
            prop_assert_eq!(read(&text), Command::Status(digits));
        }
    }
}
