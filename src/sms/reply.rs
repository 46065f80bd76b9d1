//! What goes back: the office's own texts with the ticket's facts filled in.
//!
//! A text that is too long, knows an unknown placeholder or lacks one that it needs is an error when the file is read,
//! not a broken message months later.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::segment::{Alphabet, Size, flatten, shorten, size};

/// The texts that the program ships.
pub const SHIPPED: &str = include_str!("../../deploy/sms/balasan.toml");

/// The longest agency name that is written out, in letters; a longer one is cut.
const AGENCY: usize = 40;
/// The longest name and telephone number of the service, in letters.
const SITE: usize = 30;
/// Messages that an answer may take.
const ANSWER_PARTS: usize = 3;

/// An answer to a message or to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A report by short message became a ticket.
    Received {
        code: String,
    },
    /// A call became a ticket.
    ReceivedByPhone {
        code: String,
    },
    /// What became of a ticket; the agency once it was routed.
    Status {
        code: String,
        status: String,
        date: String,
        agency: Option<String>,
    },
    /// The same with what the agency wrote.
    Answer {
        code: String,
        status: String,
        date: String,
        agency: String,
        answer: String,
    },
    /// A rahasia ticket: no more than that it is there.
    Confidential {
        code: String,
    },
    NotFound,
    TooOften,
    Added {
        code: String,
    },
    /// Somebody else's ticket.
    NotTheirs,
    Info,
    Help,
    Stopped,
    Started,
}

/// The texts of a site, checked.
#[derive(Clone, Debug)]
pub struct Replies {
    texts: BTreeMap<&'static str, String>,
    /// The name and the telephone number of the service.
    site: (String, String),
}

/// Why texts cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReplyError {
    #[error("{0}")]
    Toml(String),
    #[error("there is no text for {0}")]
    Missing(&'static str),
    #[error("nothing is answered with {0:?}; is it a slip?")]
    Unknown(String),
    #[error("{key}: {{{placeholder}}} cannot be filled in here; there are {known}")]
    Placeholder { key: &'static str, placeholder: String, known: String },
    #[error("{key}: without {{{placeholder}}} it tells the reader nothing")]
    Needed { key: &'static str, placeholder: &'static str },
    #[error(
        "{key}: {letter:?} is not in the GSM alphabet and would double the price; write it plainly"
    )]
    Letter { key: String, letter: char },
    #[error("{key}: {letters} letters with everything filled in; {most} fit")]
    Long { key: String, letters: usize, most: usize },
}

/// Each text's key, what it must tell, and what else it may.
const KEYS: [(&str, &[&str], &[&str]); 14] = [
    ("diterima", &["kode"], &[]),
    ("diterima_telepon", &["kode"], &[]),
    ("status", &["kode", "status"], &["tanggal"]),
    ("status_instansi", &["kode", "status"], &["tanggal", "instansi"]),
    ("jawaban", &["kode", "jawaban"], &["status", "tanggal", "instansi"]),
    ("rahasia", &["kode"], &[]),
    ("tidak_ada", &[], &[]),
    ("terlalu_sering", &[], &[]),
    ("ditambahkan", &["kode"], &[]),
    ("bukan_pelapor", &[], &[]),
    ("info", &[], &[]),
    ("bantuan", &[], &[]),
    ("berhenti", &[], &[]),
    ("mulai", &[], &[]),
];

/// Filled in everywhere.
const OF_THE_SITE: [&str; 2] = ["layanan", "telepon"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: Site,
    replies: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    layanan: String,
    telepon: String,
}

impl Replies {
    /// Reads a file of texts (TOML, as `deploy/sms/balasan.toml`).
    pub fn parse(toml: &str) -> Result<Replies, ReplyError> {
        let File { site, mut replies } =
            toml::from_str(toml).map_err(|error| ReplyError::Toml(error.to_string()))?;
        let site = [("layanan", site.layanan), ("telepon", site.telepon)];
        for (key, text) in &site {
            fits(key, text, SITE)?;
        }
        let mut texts = BTreeMap::new();
        for (key, needed, allowed) in KEYS {
            let text = replies.remove(key).ok_or(ReplyError::Missing(key))?;
            check(key, &text, needed, allowed)?;
            texts.insert(key, fill(&text, |name| value(&site, name)));
        }
        match replies.into_keys().next() {
            Some(key) => Err(ReplyError::Unknown(key)),
            None => {
                let [(_, name), (_, telephone)] = site;
                Ok(Replies { texts, site: (name, telephone) })
            }
        }
    }

    /// What the service is called, and its telephone number or what stands for it.
    pub fn site(&self) -> (String, String) {
        self.site.clone()
    }

    /// The text of a reply, in the GSM alphabet, as long as it may be.
    pub fn text(&self, reply: &Reply) -> String {
        let (key, values) = facts(reply);
        // Every key is there: `parse` has seen to it.
        let text = self.texts.get(key).map_or("", String::as_str);
        let filled = flatten(&fill(text, |name| value(&values, name)));
        shorten(&filled, if key == "jawaban" { ANSWER_PARTS } else { 1 })
    }
}

/// A reply's key and what is filled into its text.
fn facts(reply: &Reply) -> (&'static str, Vec<(&'static str, String)>) {
    match reply {
        Reply::Received { code } => ("diterima", vec![("kode", code.clone())]),
        Reply::ReceivedByPhone { code } => ("diterima_telepon", vec![("kode", code.clone())]),
        Reply::Confidential { code } => ("rahasia", vec![("kode", code.clone())]),
        Reply::Added { code } => ("ditambahkan", vec![("kode", code.clone())]),
        Reply::Status { code, status, date, agency: None } => {
            ("status", status_facts(code, status, date))
        }
        Reply::Status { code, status, date, agency: Some(agency) } => {
            let mut values = status_facts(code, status, date);
            values.push(("instansi", cut(agency)));
            ("status_instansi", values)
        }
        Reply::Answer { code, status, date, agency, answer } => {
            let mut values = status_facts(code, status, date);
            values.extend([("instansi", cut(agency)), ("jawaban", answer.clone())]);
            ("jawaban", values)
        }
        Reply::NotFound => ("tidak_ada", Vec::new()),
        Reply::TooOften => ("terlalu_sering", Vec::new()),
        Reply::NotTheirs => ("bukan_pelapor", Vec::new()),
        Reply::Info => ("info", Vec::new()),
        Reply::Help => ("bantuan", Vec::new()),
        Reply::Stopped => ("berhenti", Vec::new()),
        Reply::Started => ("mulai", Vec::new()),
    }
}

fn status_facts(code: &str, status: &str, date: &str) -> Vec<(&'static str, String)> {
    vec![("kode", code.into()), ("status", status.into()), ("tanggal", date.into())]
}

fn cut(agency: &str) -> String {
    agency.chars().take(AGENCY).collect()
}

fn value(values: &[(&'static str, String)], name: &str) -> Option<String> {
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

/// Fills in what `value` knows; other placeholders stay. What is filled in is not looked at again.
fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, placeholder, after)) = next_placeholder(rest) {
        filled.push_str(before);
        filled.push_str(&value(placeholder).unwrap_or_else(|| format!("{{{placeholder}}}")));
        rest = after;
    }
    filled + rest
}

fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (placeholder, after) = rest.split_once('}')?;
    Some((before, placeholder, after))
}

fn check(
    key: &'static str,
    text: &str,
    needed: &[&'static str],
    allowed: &[&'static str],
) -> Result<(), ReplyError> {
    let known: Vec<&str> = needed.iter().chain(allowed).chain(&OF_THE_SITE).copied().collect();
    let mut rest = text;
    while let Some((_, placeholder, after)) = next_placeholder(rest) {
        if !known.contains(&placeholder) {
            let (placeholder, known) = (placeholder.to_owned(), known.join(", "));
            return Err(ReplyError::Placeholder { key, placeholder, known });
        }
        rest = after;
    }
    if let Some(&placeholder) = needed.iter().find(|name| !text.contains(&format!("{{{name}}}"))) {
        return Err(ReplyError::Needed { key, placeholder });
    }
    fits(key, &fill(text, longest), 160)
}

/// The most that can stand in a placeholder's place. An answer is cut to what is left of its messages.
fn longest(placeholder: &str) -> Option<String> {
    let letters = match placeholder {
        "kode" => 9,
        // "Digabung dengan laporan lain", the longest of the states' words.
        "status" => 28,
        // "23 September 2026"
        "tanggal" => 17,
        "instansi" => AGENCY,
        "jawaban" => 3,
        _ => SITE,
    };
    Some("x".repeat(letters))
}

fn fits(key: &str, text: &str, most: usize) -> Result<(), ReplyError> {
    if let Some(letter) = text.chars().find(|c| size(&c.to_string()).alphabet != Alphabet::Gsm7) {
        return Err(ReplyError::Letter { key: key.into(), letter });
    }
    let Size { units: letters, .. } = size(text);
    if letters > most {
        return Err(ReplyError::Long { key: key.into(), letters, most });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shipped() -> Replies {
        Replies::parse(SHIPPED).unwrap()
    }

    fn with(from: &str, to: &str) -> ReplyError {
        assert!(SHIPPED.contains(from), "{from}");
        Replies::parse(&SHIPPED.replacen(from, to, 1)).unwrap_err()
    }

    fn status(agency: Option<&str>) -> Reply {
        Reply::Status {
            code: "4821-7362".into(),
            status: "Digabung dengan laporan lain".into(),
            date: "23 September 2026".into(),
            agency: agency.map(str::to_owned),
        }
    }

    #[test]
    fn shipped_texts_fit_one_message_with_the_longest_facts() {
        let replies = shipped();
        let agency = "Dinas Penanaman Modal dan Pelayanan Terpadu Satu Pintu";
        for reply in [
            Reply::Received { code: "4821-7362".into() },
            Reply::ReceivedByPhone { code: "4821-7362".into() },
            status(None),
            status(Some(agency)),
            Reply::Confidential { code: "4821-7362".into() },
            Reply::NotFound,
            Reply::TooOften,
            Reply::Added { code: "4821-7362".into() },
            Reply::NotTheirs,
            Reply::Info,
            Reply::Help,
            Reply::Stopped,
            Reply::Started,
        ] {
            let text = replies.text(&reply);
            assert_eq!((size(&text).alphabet, size(&text).parts), (Alphabet::Gsm7, 1), "{text}");
            assert!(!text.contains(['{', '}']) && !text.ends_with("..."), "{text}");
        }
    }

    #[test]
    fn an_answer_is_written_plainly_and_cut_to_three_messages() {
        let answer = |answer: &str| Reply::Answer {
            code: "4821-7362".into(),
            status: "ditanggapi".into(),
            date: "2 Mei 2026".into(),
            agency: "PDAM".into(),
            answer: answer.into(),
        };
        let short = shipped().text(&answer("Pipa “bocor” sudah diganti – {kode} terima kasih"));
        assert_eq!(
            short,
            "Laporan 4821-7362: ditanggapi, per 2 Mei 2026. Jawaban PDAM: Pipa \"bocor\" sudah diganti - {kode} terima kasih"
        );
        let long = shipped().text(&answer(&"sudah diganti ".repeat(100)));
        assert_eq!(size(&long).parts, 3);
        assert!(long.ends_with("..."), "{long}");
    }

    #[test]
    fn texts_that_would_fail_later_are_refused_now() {
        let dear = with("Simpan kode ini.", "Simpan kode ini \u{2013} ya.");
        assert_eq!(dear, ReplyError::Letter { key: "diterima".into(), letter: '\u{2013}' });
        let unknown = with("CEK {kode}, atau", "CEK {nomor}, atau");
        assert!(matches!(unknown, ReplyError::Placeholder { key: "diterima_telepon", .. }));
        let mute = with("Laporan {kode}: {status}, per {tanggal}. {layanan}", "Laporan {kode}.");
        assert_eq!(mute, ReplyError::Needed { key: "status", placeholder: "status" });
        let long = with("Darurat: 112.", &"panjang ".repeat(20));
        assert!(matches!(long, ReplyError::Long { most: 160, .. }));
        assert_eq!(with("mulai =", "mulain ="), ReplyError::Missing("mulai"));
        assert_eq!(
            with("[replies]", "[replies]\nlain = \"a\""),
            ReplyError::Unknown("lain".into())
        );
        assert!(matches!(with("[site]", "[situs]"), ReplyError::Toml(_)));
    }

    proptest! {
        #[test]
        fn whatever_an_agency_writes_fits(answer in any::<String>(), agency in any::<String>()) {
            let reply = Reply::Answer {
                code: "4821-7362".into(),
                status: "ditanggapi".into(),
                date: "2 Mei 2026".into(),
                agency,
                answer,
            };
            let size = size(&shipped().text(&reply));
            prop_assert!(size.alphabet == Alphabet::Gsm7 && size.parts <= ANSWER_PARTS);
        }
    }
}
