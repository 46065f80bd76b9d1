//! What is said, as written in the `*.toml` files of a folder of prompts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::record;
use crate::media::prompt::RECORDED;

/// Every prompt of a language.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    prompts: BTreeMap<String, Prompt>,
    voice: Voice,
    /// Word, in lower case, to the engine's phonemes.
    pronounce: BTreeMap<String, String>,
}

/// One prompt and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub content: Content,
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

/// What is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Words.
    Text(String),
    /// A pause of so many milliseconds.
    Silence { ms: u32 },
    /// A tone.
    Tone { hz: u32, ms: u32 },
}

impl Content {
    /// Its words, if it has some.
    pub fn text(&self) -> Option<&str> {
        match self {
            Content::Text(text) => Some(text),
            Content::Silence { .. } | Content::Tone { .. } => None,
        }
    }

    /// A fingerprint of what is heard, whoever says it.
    pub(super) fn hash(&self) -> String {
        match self {
            Content::Text(text) => sha256(text.as_bytes()),
            Content::Silence { ms } => format!("silence {ms}"),
            Content::Tone { hz, ms } => format!("tone {hz} {ms}"),
        }
    }
}

/// How texts are rendered, the same for all: one voice throughout a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Voice {
    /// The program; only `espeak-ng` so far.
    pub engine: String,
    /// Its voice (`-v`).
    pub voice: String,
    /// Words a minute (`-s`).
    pub speed: u16,
    /// Gap between words in units of 10 ms (`-g`).
    pub gap: u16,
    /// 0 to 99 (`-p`).
    pub pitch: u16,
}

impl Default for Voice {
    /// The clearest of the settings tried on a telephone band.
    fn default() -> Voice {
        Voice { engine: "espeak-ng".into(), voice: "id".into(), speed: 130, gap: 2, pitch: 35 }
    }
}

impl Catalogue {
    /// Reads every `*.toml` directly in this folder, but for the renderer's own record.
    ///
    /// Fails with everything that is wrong in any of them: bad TOML, unknown tables and keys, ids that are no
    /// ids, an id or `[voice]` written twice.
    pub fn read(dir: &Path) -> Result<Catalogue, CatalogueError> {
        let mut reader = Reader::default();
        for file in toml_files(dir).map_err(|e| CatalogueError::of(dir, &e))? {
            match std::fs::read_to_string(&file) {
                Ok(text) => reader.file(&file, &text),
                Err(e) => reader.fault(&file, 0, e.to_string()),
            }
        }
        reader.finish()
    }

    /// Every id, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }

    /// Every prompt, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Prompt)> {
        self.prompts.iter().map(|(id, prompt)| (id.as_str(), prompt))
    }

    /// The prompt of this id.
    pub fn get(&self, id: &str) -> Option<&Prompt> {
        self.prompts.get(id)
    }

    /// The words of this id; `None` if there is no such prompt or it is a pause or a tone.
    pub fn text(&self, id: &str) -> Option<&str> {
        self.prompts.get(id)?.content.text()
    }

    /// The words of every prompt that has some, by id.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let worded = self.prompts.keys().filter_map(|id| Some((id.clone(), self.text(id)?.into())));
        worded.collect()
    }

    /// How texts are rendered.
    pub fn voice(&self) -> &Voice {
        &self.voice
    }

    /// A text as the engine is to get it: words that it gets wrong as phonemes.
    pub(super) fn for_engine(&self, text: &str) -> String {
        let both_letters = |a: char, b: char| a.is_alphanumeric() == b.is_alphanumeric();
        let chars: Vec<char> = text.chars().collect();
        let parts = chars.chunk_by(|a, b| both_letters(*a, *b)).map(String::from_iter);
        parts
            .map(|part| match self.pronounce.get(&part.to_lowercase()) {
                Some(phonemes) => format!("[[{phonemes}]]"),
                None => part,
            })
            .collect()
    }

    /// A fingerprint of all that a prompt's rendering depends on.
    pub(super) fn fingerprint(&self, content: &Content) -> String {
        // Count up when the rendering itself changes, so that every WAV is made anew.
        const RENDERING: u32 = 1;
        let what = match content {
            Content::Text(text) => {
                let Voice { engine, voice, speed, gap, pitch } = &self.voice;
                format!(
                    "text {RENDERING} {engine} {voice} {speed} {gap} {pitch}\n{}",
                    self.for_engine(text)
                )
            }
            Content::Silence { ms } => format!("silence {RENDERING} {ms}"),
            Content::Tone { hz, ms } => format!("tone {RENDERING} {hz} {ms}"),
        };
        sha256(what.as_bytes())
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn toml_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        if is_toml && path.file_name().is_some_and(|name| name != record::FILE) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Gathers prompts and faults from one file after another.
#[derive(Default)]
struct Reader {
    prompts: BTreeMap<String, Prompt>,
    pronounce: BTreeMap<String, String>,
    voice: Option<(Voice, PathBuf, usize)>,
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, file: &Path, line: usize, what: impl Into<String>) {
        self.faults.push(Fault { file: file.to_owned(), line, what: what.into() });
    }

    fn file(&mut self, file: &Path, text: &str) {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(e) => {
                let at = e.span().map_or(0, |span| span.start);
                return self.fault(file, line(at), e.message());
            }
        };
        for (name, value) in table {
            let at = line(name.span().start);
            let span = value.span();
            match (name.get_ref().as_ref(), value.into_inner()) {
                ("prompts", DeValue::Table(prompts)) => {
                    for (id, value) in prompts {
                        let at = line(id.span().start);
                        self.prompt(file, at, id.get_ref(), value);
                    }
                }
                ("voice", DeValue::Table(voice)) => {
                    self.voice(file, at, Spanned::new(span, voice));
                }
                ("pronounce", DeValue::Table(words)) => {
                    for (word, phonemes) in words {
                        let at = line(word.span().start);
                        self.pronunciation(file, at, word.get_ref(), phonemes.get_ref());
                    }
                }
                (name, _) => self.fault(
                    file,
                    at,
                    format!("`{name}` is unknown here: write [prompts], [voice] or [pronounce]"),
                ),
            }
        }
    }

    fn prompt(&mut self, file: &Path, line: usize, id: &str, value: Spanned<DeValue<'_>>) {
        if let Err(what) = check_id(id) {
            return self.fault(file, line, format!("`{id}` is no prompt id: {what}"));
        }
        let content = match content(value) {
            Ok(content) => content,
            Err(what) => return self.fault(file, line, format!("`{id}`: {what}")),
        };
        if let Some(first) = self.prompts.get(id) {
            let first = format!("{}:{}", first.file.display(), first.line);
            let what = format!("`{id}` is already in {first}; keep one of the two");
            return self.fault(file, line, what);
        }
        self.prompts.insert(id.to_owned(), Prompt { content, file: file.to_owned(), line });
    }

    fn pronunciation(&mut self, file: &Path, line: usize, word: &str, phonemes: &DeValue<'_>) {
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_lowercase());
        match phonemes.as_str() {
            Some(phonemes) if is_word && !phonemes.contains(['[', ']']) => {
                if self.pronounce.insert(word.to_owned(), phonemes.to_owned()).is_some() {
                    self.fault(file, line, format!("`{word}` is already in another file"));
                }
            }
            _ => self.fault(
                file,
                line,
                format!("`{word}`: write word = \"phonemes\", in lower case"),
            ),
        }
    }

    fn voice(&mut self, file: &Path, line: usize, table: Spanned<DeTable<'_>>) {
        let voice = match Voice::deserialize(table.into_deserializer()) {
            Ok(voice) => voice,
            Err(e) => return self.fault(file, line, format!("[voice]: {}", e.message())),
        };
        if let Some((_, first, at)) = &self.voice {
            let first = format!("{}:{at}", first.display());
            return self.fault(file, line, format!("[voice] is already in {first}; keep one"));
        }
        self.voice = Some((voice, file.to_owned(), line));
    }

    fn finish(mut self) -> Result<Catalogue, CatalogueError> {
        if !self.faults.is_empty() {
            self.faults.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            return Err(CatalogueError { faults: self.faults });
        }
        let voice = self.voice.map(|(voice, ..)| voice).unwrap_or_default();
        Ok(Catalogue { prompts: self.prompts, voice, pronounce: self.pronounce })
    }
}

/// An id becomes a file's name: it must not lead anywhere else, on any system.
fn check_id(id: &str) -> Result<(), &'static str> {
    let plain = |part: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !part.is_empty() && part.chars().all(allowed)
    };
    if !id.split('/').all(plain) {
        return Err("use a-z, 0-9 and _, with / between groups");
    }
    if id.split('/').next() == Some(RECORDED) {
        return Err("that folder is for people's recordings");
    }
    Ok(())
}

/// `"words"`, `{ silence = MS }` or `{ tone = HZ, ms = MS }`.
fn content(value: Spanned<DeValue<'_>>) -> Result<Content, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, untagged)]
    enum Sound {
        Silence { silence: u32 },
        Tone { tone: u32, ms: u32 },
    }
    if let DeValue::String(text) = value.get_ref() {
        let text = text.trim();
        return if text.is_empty() {
            Err("says nothing; for a pause write { silence = 300 }".into())
        } else {
            Ok(Content::Text(text.to_owned()))
        };
    }
    match Sound::deserialize(value.into_deserializer()) {
        Ok(Sound::Silence { silence: ms @ 10..=5000 }) => Ok(Content::Silence { ms }),
        Ok(Sound::Silence { .. }) => Err("a pause lasts 10 to 5000 ms".into()),
        Ok(Sound::Tone { tone: hz @ 300..=3400, ms: ms @ 20..=5000 }) => {
            Ok(Content::Tone { hz, ms })
        }
        Ok(Sound::Tone { .. }) => {
            Err("a tone on a telephone has 300 to 3400 Hz and lasts 20 to 5000 ms".into())
        }
        Err(_) => {
            Err("write a text in quotes, { silence = 300 } or { tone = 1000, ms = 250 }".into())
        }
    }
}

/// Everything that is wrong in a folder's texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct CatalogueError {
    pub faults: Vec<Fault>,
}

impl CatalogueError {
    fn of(path: &Path, error: &std::io::Error) -> CatalogueError {
        let fault = Fault { file: path.to_owned(), line: 0, what: error.to_string() };
        CatalogueError { faults: vec![fault] }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: PathBuf,
    /// Counted from 1; 0 when it is about the file as a whole.
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let dir = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn faults(files: &[(&str, &str)]) -> String {
        let dir = folder(files);
        let error = Catalogue::read(dir.path()).unwrap_err();
        error.to_string().replace(&format!("{}/", dir.path().display()), "")
    }

    #[test]
    fn several_files_make_one_catalogue() {
        let dir = folder(&[
            (
                "clips.toml",
                "[prompts]\n\"jeda/pendek\" = { silence = 300 }\n\"angka/1\" = \"satu\"\n",
            ),
            ("prompts.toml", "[voice]\nspeed = 120\n\n[prompts]\nsambutan = \"Selamat datang.\"\n"),
            ("rendered.toml", "nothing of ours ["),
            ("notes.txt", "nor this"),
        ]);
        let catalogue = Catalogue::read(dir.path()).unwrap();
        assert_eq!(catalogue.ids().collect::<Vec<_>>(), ["angka/1", "jeda/pendek", "sambutan"]);
        assert_eq!(catalogue.text("sambutan"), Some("Selamat datang."));
        assert_eq!(catalogue.text("jeda/pendek"), None);
        assert_eq!(catalogue.get("jeda/pendek").unwrap().content, Content::Silence { ms: 300 });
        assert_eq!(catalogue.get("sambutan").unwrap().line, 5);
        assert_eq!(catalogue.voice(), &Voice { speed: 120, ..Voice::default() });
    }

    #[test]
    fn an_id_in_two_files_is_an_error_that_names_both() {
        let text = "[prompts]\n\nsambutan = \"Selamat datang.\"\n";
        insta::assert_snapshot!(faults(&[("a.toml", text), ("b.toml", text)]),
            @r"
        b.toml:3: `sambutan` is already in a.toml:3; keep one of the two
        ");
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = r#"
[prompts]
"../../etc/passwd" = "x"
"recorded/a" = "x"
"" = "x"
Besar = "x"
kosong = "  "
lama = { silence = 9000 }
tinggi = { tone = 9000, ms = 100 }
aneh = { tone = 1000 }
angka = 3

[vois]
"#;
        insta::assert_snapshot!(faults(&[("a.toml", text), ("b.toml", "[prompts]\na = \"b\n")]), @r#"
        a.toml:3: `../../etc/passwd` is no prompt id: use a-z, 0-9 and _, with / between groups
        a.toml:4: `recorded/a` is no prompt id: that folder is for people's recordings
        a.toml:5: `` is no prompt id: use a-z, 0-9 and _, with / between groups
        a.toml:6: `Besar` is no prompt id: use a-z, 0-9 and _, with / between groups
        a.toml:7: `kosong`: says nothing; for a pause write { silence = 300 }
        a.toml:8: `lama`: a pause lasts 10 to 5000 ms
        a.toml:9: `tinggi`: a tone on a telephone has 300 to 3400 Hz and lasts 20 to 5000 ms
        a.toml:10: `aneh`: write a text in quotes, { silence = 300 } or { tone = 1000, ms = 250 }
        a.toml:11: `angka`: write a text in quotes, { silence = 300 } or { tone = 1000, ms = 250 }
        a.toml:13: `vois` is unknown here: write [prompts], [voice] or [pronounce]
        b.toml:2: invalid basic string, expected `"`
        "#);
    }

    #[test]
    fn a_misspelt_or_second_voice_is_an_error() {
        let text = "[voice]\nspeed = 120\n";
        let misspelt = "[voice]\npich = 3\n";
        insta::assert_snapshot!(
            faults(&[("a.toml", text), ("b.toml", text), ("c.toml", misspelt)]), @r"
        b.toml:1: [voice] is already in a.toml:1; keep one
        c.toml:1: [voice]: unknown field `pich`, expected one of `engine`, `voice`, `speed`, `gap`, `pitch`
        ");
    }

    #[test]
    fn a_word_that_the_engine_gets_wrong_is_given_as_phonemes() {
        let dir = folder(&[
            ("a.toml", "[pronounce]\ntekan = \"t@k'an\"\nenam = \"@n'am\"\n"),
            ("b.toml", "[prompts]\na = \"Tekan enam, bukan keenam.\"\n"),
        ]);
        let catalogue = Catalogue::read(dir.path()).unwrap();
        let text = catalogue.text("a").unwrap();
        assert_eq!(text, "Tekan enam, bukan keenam.");
        assert_eq!(catalogue.for_engine(text), "[[t@k'an]] [[@n'am]], bukan keenam.");
        insta::assert_snapshot!(
            faults(&[("a.toml", "[pronounce]\nTekan = \"x\"\nenam = 6\nlima = \"]]\"\n")]), @r#"
        a.toml:2: `Tekan`: write word = "phonemes", in lower case
        a.toml:3: `enam`: write word = "phonemes", in lower case
        a.toml:4: `lima`: write word = "phonemes", in lower case
        "#);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Catalogue::read(Path::new("/nowhere/prompts")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/prompts: "), "{error}");
    }

    #[test]
    fn a_changed_text_or_voice_changes_the_fingerprint() {
        let catalogue = Catalogue::default();
        let slow =
            Catalogue { voice: Voice { speed: 90, ..Voice::default() }, ..Catalogue::default() };
        let text = |words: &str| Content::Text(words.into());
        assert_ne!(catalogue.fingerprint(&text("a")), catalogue.fingerprint(&text("b")));
        assert_ne!(catalogue.fingerprint(&text("a")), slow.fingerprint(&text("a")));
        let pause = Content::Silence { ms: 300 };
        assert_eq!(catalogue.fingerprint(&pause), slow.fingerprint(&pause));
    }
}
