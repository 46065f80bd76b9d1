//! The menu that answers calls: what a text must prove before it may, and how one takes another's place.
//!
//! Its versions are rows ([`Store::add_menu`]), and the newest published one answers the next call, whichever process
//! published it. The only door to a published row is [`Sound`], which only a text that the checker lets through becomes.
//! The file that the configuration names is a way to add a version, as the console is one: see [`take_file`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::clock::Timestamp;
use crate::ivr::PromptId;
use crate::ivr::check::{Finding, Severity};
use crate::ivr::script::{ReadError, Script};
use crate::store::{Doer, MenuError, MenuOrigin, MenuRow, MenuState, NewMenu, Store, StoreError};

mod fit;
#[cfg(test)]
mod tests;

pub use fit::check;

/// What rows call the file's author.
const FILE: &str = "file";
/// How often a file's version is tried to be added, while others add theirs.
const TRIES: usize = 3;

/// A text that may answer calls: it is a script, and the checker has proved it.
#[derive(Debug)]
pub struct Sound {
    text: String,
    script: Script,
    warnings: Vec<Finding>,
}

/// Why a text may not.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// Its form is wrong.
    #[error(transparent)]
    Form(#[from] ReadError),
    /// It is a script that would harm callers.
    #[error("the script is not fit to answer calls:\n{}", lines(file, findings))]
    Rules { file: String, findings: Vec<Finding> },
}

fn lines(file: &str, findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| format!("{file}:{finding}")).collect::<Vec<_>>().join("\n")
}

impl Unsound {
    /// Everything that is wrong, in the order of the lines.
    pub fn findings(self) -> Vec<Finding> {
        match self {
            Unsound::Rules { findings, .. } => findings,
            Unsound::Form(error) => {
                let finding = |problem: crate::ivr::script::Problem| Finding {
                    line: problem.line,
                    step: None,
                    severity: Severity::Error,
                    sentence: problem.sentence,
                };
                error.problems.into_iter().map(finding).collect()
            }
        }
    }
}

/// A text as it is kept: lines end in a line feed, and there are no control characters but tabs.
pub fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Proves a text; `file` is its name for messages, `prompts` what can be played.
pub fn prove(file: &str, text: String, prompts: &BTreeSet<PromptId>) -> Result<Sound, Unsound> {
    let script = Script::parse(file, &text)?;
    let findings = check(&script, prompts);
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Unsound::Rules { file: file.to_owned(), findings });
    }
    Ok(Sound { text, script, warnings: findings })
}

/// Where a version comes from, and on what it was written.
#[derive(Clone, Debug)]
pub struct Origin {
    pub origin: MenuOrigin,
    pub note: String,
    /// The newest version when it was written.
    pub base: Option<i64>,
    /// The form that it came by.
    pub nonce: Option<String>,
}

impl Sound {
    /// What could be better.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// The script, to be played.
    pub fn into_script(self) -> Script {
        self.script
    }

    /// Lets it answer the next call; the number is its version's.
    pub async fn publish(
        self,
        store: &Store,
        from: Origin,
        doer: Doer,
        now: Timestamp,
    ) -> Result<i64, MenuError> {
        self.add(store, MenuState::Published, from, doer, now).await
    }

    async fn add(
        self,
        store: &Store,
        state: MenuState,
        from: Origin,
        doer: Doer,
        now: Timestamp,
    ) -> Result<i64, MenuError> {
        let Origin { origin, note, base, nonce } = from;
        store
            .add_menu(NewMenu { text: self.text, state, origin, note, base, nonce }, doer, now)
            .await
    }
}

/// What the file says, beside the version that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The same.
    Same,
    /// Something else that became this version and answers from now on.
    Published(i64),
    /// Something new, kept as this version: what answers was published by somebody at the console, whom a file does not
    /// overrule.
    Waits(i64),
    /// What an older version said.
    Older,
}

/// Why a file became no version.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read the script {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Unsound(#[from] Unsound),
    #[error(transparent)]
    Menu(#[from] MenuError),
}

impl From<StoreError> for FileError {
    fn from(error: StoreError) -> FileError {
        FileError::Menu(error.into())
    }
}

/// The file's text.
pub fn read(path: &Path) -> Result<String, FileError> {
    let text = std::fs::read_to_string(path);
    text.map(|text| plain(&text)).map_err(|source| FileError::Read { path: path.into(), source })
}

/// Looks at the file when it may have changed. The first one on empty rows is published, and so is each change of it as
/// long as only files were; once somebody has published at the console, a new text waits there as a version.
pub async fn take_file(
    store: &Store,
    path: &Path,
    prompts: &BTreeSet<PromptId>,
    now: Timestamp,
) -> Result<Found, FileError> {
    let text = read(path)?;
    let mut tries = 1;
    loop {
        let newest = store.menu_newest().await?.map(|newest| newest.number);
        let published = store.menu_published().await?;
        let state = match becomes(store, &text, published.as_ref()).await? {
            Ok(state) => state,
            Err(found) => return Ok(found),
        };
        let sound = prove(&path.display().to_string(), text.clone(), prompts)?;
        let note = path.display().to_string();
        let from = Origin { origin: MenuOrigin::File, note, base: newest, nonce: None };
        let doer = Doer { login: FILE.into(), address: String::new() };
        match sound.add(store, state, from, doer, now).await {
            Err(MenuError::Stale) if tries < TRIES => tries += 1,
            Ok(number) if state == MenuState::Published => return Ok(Found::Published(number)),
            Ok(number) => return Ok(Found::Waits(number)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the file's text becomes, or why it becomes nothing.
async fn becomes(
    store: &Store,
    text: &str,
    published: Option<&MenuRow>,
) -> Result<Result<MenuState, Found>, StoreError> {
    Ok(match published {
        Some(published) if published.text == text => Err(Found::Same),
        None => Ok(MenuState::Published),
        Some(published) if published.origin == MenuOrigin::File => Ok(MenuState::Published),
        Some(_) if store.menu_has(text).await? => Err(Found::Older),
        Some(_) => Ok(MenuState::Draft),
    })
}
