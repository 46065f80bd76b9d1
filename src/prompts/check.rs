//! What is wrong with a folder of prompts, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::record::{Record, RecordError};
use super::{Catalogue, Content, Prompt};
use crate::media::SAMPLE_RATE;
use crate::media::prompt::{self, ClipError, RECORDED, Sound, Source};

/// Longer prompts lose their listeners.
pub const LONGEST_SECONDS: f32 = 15.0;
/// Further off than this from the level of all prompts, in dB, a rendering was not made by us.
const LEVEL_TOLERANCE: f32 = 6.0;

/// How bad it is. Ordered: errors first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A caller would hear nothing, or something else than the text says.
    Error,
    /// A caller would hear it badly, or a file is of no use.
    Warning,
}

/// One thing to put right.
#[derive(Debug)]
pub struct Finding {
    /// The prompt's id, or the file's path when it belongs to none.
    pub about: String,
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub enum Problem {
    /// Neither rendered nor recorded.
    Missing(PathBuf),
    /// The text or voice has changed since it was rendered.
    Stale(PathBuf),
    /// The text has changed since a person recorded it.
    RecordedBefore(PathBuf),
    /// It cannot be played at all.
    Unreadable(ClipError),
    /// A rendering that is not 8 kHz, mono, 16 bits.
    WrongFormat(PathBuf),
    /// Nothing can be heard.
    Silent(PathBuf),
    /// The recording was too loud: so many places where the wave is cut flat.
    Clipped { path: PathBuf, places: usize },
    /// A rendering at another level than all others, in dB relative to full scale.
    OffLevel { path: PathBuf, level: f32 },
    /// It lasts so many seconds.
    TooLong { path: PathBuf, seconds: f32 },
    /// Its text was changed at the console, and the voice has not been since.
    OtherText,
    /// A voice that the console brought cannot be played.
    Take(ClipError),
    /// A WAV for which there is no text.
    NoSuchId(PathBuf),
    /// A file among the recordings that is no WAV.
    NoWav(PathBuf),
    /// The renderer's record cannot be used.
    Record(RecordError),
    /// A folder cannot be looked into.
    Folder { path: PathBuf, what: std::io::Error },
}

impl Finding {
    pub fn severity(&self) -> Severity {
        match self.problem {
            Problem::Missing(_)
            | Problem::Stale(_)
            | Problem::Unreadable(_)
            | Problem::WrongFormat(_)
            | Problem::Silent(_)
            | Problem::Record(_)
            | Problem::Folder { .. } => Severity::Error,
            Problem::RecordedBefore(_)
            | Problem::OtherText
            | Problem::Take(_)
            | Problem::Clipped { .. }
            | Problem::OffLevel { .. }
            | Problem::TooLong { .. }
            | Problem::NoSuchId(_)
            | Problem::NoWav(_) => Severity::Warning,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.about, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing(path) => {
                write!(f, "{} is missing; run `kentongan prompts render`", path.display())
            }
            Problem::Stale(path) => write!(
                f,
                "{} was made from another text or voice; run `kentongan prompts render`",
                path.display()
            ),
            Problem::RecordedBefore(path) => write!(
                f,
                "{} was recorded before the text was changed; record it again, or delete it to have the text \
                 rendered",
                path.display()
            ),
            Problem::OtherText => f.write_str(
                "its text was changed at the console and its voice says the old one; record it there, or have the \
                 synthetic voice say it",
            ),
            Problem::Take(what) => write!(
                f,
                "callers hear the voice that comes with the program, since the one from the console is lost: {what}; \
                 record it again there"
            ),
            Problem::Unreadable(what) => write!(f, "{what}"),
            Problem::WrongFormat(path) => write!(
                f,
                "{} is not 8 kHz, mono, 16 bits; if it is a person's recording, move it to {RECORDED}/, else run \
                 `kentongan prompts render --all`",
                path.display()
            ),
            Problem::Silent(path) => write!(f, "{} is silent; record it again", path.display()),
            Problem::Clipped { path, places } => write!(
                f,
                "{} was recorded too loud, the wave is cut flat in {places} places; record it again with the \
                 microphone turned down",
                path.display()
            ),
            Problem::OffLevel { path, level } => write!(
                f,
                "{} has a level of {level:.0} dBFS, all others {:.0}; if it is a person's recording, move it to \
                 {RECORDED}/, where levels are evened out",
                path.display(),
                prompt::TARGET_LEVEL
            ),
            Problem::TooLong { path, seconds } => write!(
                f,
                "{} lasts {seconds:.0} s, more than {LONGEST_SECONDS:.0}; say it shorter or in two prompts",
                path.display()
            ),
            Problem::NoSuchId(path) => {
                write!(f, "{} belongs to no prompt; rename or delete it", path.display())
            }
            Problem::NoWav(path) => {
                write!(f, "{} is no .wav file and is never played; save it as WAV", path.display())
            }
            Problem::Record(what) => {
                write!(f, "{what}; delete it and run `kentongan prompts render`")
            }
            Problem::Folder { path, what } => {
                write!(f, "{} cannot be looked into: {what}", path.display())
            }
        }
    }
}

/// Looks at every prompt of a catalogue and every file of its folder; errors first, then by id.
pub fn check(catalogue: &Catalogue, dir: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let record = Record::read(dir).unwrap_or_else(|what| {
        let about = super::record::FILE.into();
        findings.push(Finding { about, problem: Problem::Record(what) });
        Record::default()
    });
    for (id, prompt) in catalogue.iter() {
        let problems = check_prompt(catalogue, &record, dir, id, prompt);
        findings.extend(problems.into_iter().map(|problem| Finding { about: id.into(), problem }));
    }
    check_strays(catalogue, dir, &mut findings);
    sort(&mut findings);
    findings
}

/// Errors first, then by id.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (a.severity(), &a.about).cmp(&(b.severity(), &b.about)));
}

/// What is wrong with one prompt of a catalogue.
pub fn check_one(catalogue: &Catalogue, dir: &Path, id: &str) -> Vec<Problem> {
    let Some(prompt) = catalogue.get(id) else { return vec![] };
    // A record that cannot be read makes every rendering stale, which is what is told.
    let record = Record::read(dir).unwrap_or_default();
    check_prompt(catalogue, &record, dir, id, prompt)
}

/// The findings one a line, and a line that sums them up.
pub fn report(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|f| f.severity() == Severity::Error).count();
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    format!("{lines}errors: {errors}, warnings: {}\n", findings.len() - errors)
}

fn check_prompt(
    catalogue: &Catalogue,
    record: &Record,
    dir: &Path,
    id: &str,
    prompt: &Prompt,
) -> Vec<Problem> {
    match Source::of(dir, id) {
        Source::Recorded(path) => match Sound::read(&path) {
            Ok(sound) => {
                let noted = record.recorded.get(id);
                let old = noted.is_some_and(|noted| noted.is_older_than(&path, &prompt.content));
                let mut problems = check_sound(&path, &sound, &prompt.content);
                problems.extend(old.then_some(Problem::RecordedBefore(path)));
                problems
            }
            Err(what) => vec![Problem::Unreadable(what)],
        },
        Source::Rendered(path) => match Sound::read(&path) {
            Ok(sound) => {
                let made_from = record.rendered.get(id);
                let stale = made_from != Some(&catalogue.fingerprint(&prompt.content));
                let mut problems = check_sound(&path, &sound, &prompt.content);
                problems.extend(check_rendering(&path, &sound));
                problems.extend(stale.then_some(Problem::Stale(path)));
                problems
            }
            Err(ClipError::Missing(path)) => vec![Problem::Missing(path)],
            Err(what) => vec![Problem::Unreadable(what)],
        },
    }
}

/// What may be wrong with any sound.
pub(super) fn check_sound(path: &Path, sound: &Sound, content: &Content) -> Vec<Problem> {
    if matches!(content, Content::Silence { .. }) {
        return vec![];
    }
    let mut problems = Vec::new();
    let path = || path.to_owned();
    if !prompt::active_level(sound.samples()).is_some_and(|level| level > prompt::FAINTEST_LEVEL) {
        problems.push(Problem::Silent(path()));
    }
    let places = flat_places(sound.samples());
    if places > 0 {
        problems.push(Problem::Clipped { path: path(), places });
    }
    let seconds = sound.samples().len() as f32 / sound.spec.sample_rate as f32;
    if seconds > LONGEST_SECONDS {
        problems.push(Problem::TooLong { path: path(), seconds });
    }
    problems
}

/// What may be wrong with a rendering, which nobody brings into form any more.
fn check_rendering(path: &Path, sound: &Sound) -> Option<Problem> {
    let spec = sound.spec;
    if (spec.sample_rate, spec.channels, spec.bits_per_sample) != (SAMPLE_RATE, 1, 16) {
        return Some(Problem::WrongFormat(path.to_owned()));
    }
    let level = prompt::active_level(sound.samples())?;
    let off = (level - prompt::TARGET_LEVEL).abs() > LEVEL_TOLERANCE;
    (off && level > prompt::FAINTEST_LEVEL)
        .then(|| Problem::OffLevel { path: path.to_owned(), level })
}

/// How often three samples in a row or more stand at full scale.
pub(super) fn flat_places(samples: &[f32]) -> usize {
    samples
        .chunk_by(|a, b| is_full(*a) && is_full(*b))
        .filter(|run| run.len() >= 3 && is_full(run[0]))
        .count()
}

fn is_full(sample: f32) -> bool {
    sample.abs() > 0.999
}

/// Files that no prompt asks for.
fn check_strays(catalogue: &Catalogue, dir: &Path, findings: &mut Vec<Finding>) {
    let recorded = dir.join(RECORDED);
    for (root, skip) in [(dir, Some(&recorded)), (&recorded, None)] {
        for path in files_below(root, skip.map(PathBuf::as_path), findings) {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let id = relative.with_extension("").to_string_lossy().replace('\\', "/");
            let extension = relative.extension().unwrap_or_default().to_string_lossy();
            let problem = match &*extension {
                "wav" if catalogue.get(&id).is_none() => Problem::NoSuchId(path),
                "wav" | "md" | "txt" => continue,
                _ if root == dir => continue,
                _ => Problem::NoWav(path),
            };
            findings.push(Finding { about: id, problem });
        }
    }
}

/// Every file below a folder but hidden ones; none if there is no such folder.
fn files_below(dir: &Path, skip: Option<&Path>, findings: &mut Vec<Finding>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return vec![],
        Err(what) => {
            let problem = Problem::Folder { path: dir.to_owned(), what };
            findings.push(Finding { about: dir.display().to_string(), problem });
            return vec![];
        }
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden || skip == Some(&path) {
            continue;
        }
        // A link to a folder is not followed: it might lead in a circle.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(&path, skip, findings)),
            _ => files.push(path),
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests;
