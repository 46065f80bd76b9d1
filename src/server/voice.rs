//! The script and the prompts, read and checked together, and read again when they change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::call::{Hotline, Voice};
use crate::config::Config;
use crate::ivr::check::{self, Finding, Severity};
use crate::ivr::script::Script;
use crate::media::prompt::Library;
use crate::prompts::Catalogue;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A script that the checker does not let through.
#[derive(Debug, thiserror::Error)]
#[error("the script is not fit to answer calls:\n{}", lines(file, findings))]
pub struct Unfit {
    pub file: PathBuf,
    pub findings: Vec<Finding>,
}

fn lines(file: &Path, findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{}:{finding}", file.display());
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads both; refuses a script with errors or with prompts that are not there.
pub fn load(config: &Config) -> anyhow::Result<Voice> {
    let catalogue = Catalogue::read(&config.prompts.folder)?;
    let prompts = Library::load(&config.prompts.folder, catalogue.ids())?;
    let path = &config.ivr.script;
    let script = read_script(path)?;
    let known = catalogue.ids().map(str::to_owned).collect();
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let findings: Vec<Finding> =
        check::check(&script, &known).into_iter().filter(is_error).collect();
    if !findings.is_empty() {
        return Err(Unfit { file: path.clone(), findings }.into());
    }
    Ok(Voice { script: Arc::new(script), prompts })
}

/// Reads a script; whether it makes sense is the checker's question.
pub fn read_script(path: &Path) -> anyhow::Result<Script> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the script {}", path.display()))?;
    Ok(Script::parse(&path.display().to_string(), &text)?)
}

/// Takes a changed script or prompt for the next call, on SIGHUP or when the files change; a broken one never
/// replaces a good one.
///
/// `seen` is how the files looked before they were read: what changed since then is not missed.
pub async fn keep_fresh(config: Config, hotline: Arc<Hotline>, mut seen: Look) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            return error!(%error, "SIGHUP cannot be heard; changed scripts need a restart");
        }
    };
    loop {
        tokio::select! {
            _ = hangups.recv() => {}
            () = tokio::time::sleep(LOOK) => {
                let now = look_at(&config).await;
                if now == seen {
                    continue;
                }
                seen = now;
            }
        }
        let config = config.clone();
        match tokio::task::spawn_blocking(move || load(&config)).await {
            Ok(Ok(voice)) => {
                hotline.voice.store(Arc::new(voice));
                info!("script and prompts read again; the next call gets them");
            }
            Ok(Err(error)) => error!("the changed script or prompts are not used: {error:#}"),
            Err(error) => error!(%error, "reading the script again failed"),
        }
    }
}

/// What tells one state of the files from another: each one's time and size. A time alone misses an older file that
/// is put in the place of a newer.
pub type Look = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

pub async fn look_at(config: &Config) -> Look {
    let (script, prompts) = (config.ivr.script.clone(), config.prompts.folder.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let mut look = Look::new();
        add_to(&mut look, script);
        add_to(&mut look, prompts);
        look
    });
    looking.await.unwrap_or_default()
}

/// A file, or everything below a folder.
fn add_to(look: &mut Look, path: PathBuf) {
    let Ok(metadata) = path.metadata() else { return };
    if metadata.is_dir() {
        let inside = std::fs::read_dir(&path).into_iter().flatten().flatten();
        inside.for_each(|entry| add_to(look, entry.path()));
    } else {
        look.insert(path, (metadata.modified().ok(), metadata.len()));
    }
}
