//! The menu and the prompts of the next call, read and checked together, and read again when they change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::call::{Hotline, Voice};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::files::Files;
use crate::ivr::PromptId;
use crate::media::prompt::{Library, Source};
use crate::menu::{self, Found};
use crate::prompts::Catalogue;
use crate::store::{MenuRow, Store, StoreError, TakeOrigin};

/// How often the files and the rows are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The voices that the console brought, by the prompt that each is for. They win over those that come with the program.
type Takes = BTreeMap<String, Source>;

/// Those that are to be heard.
async fn takes(store: &Store, files: &Files) -> Result<Takes, StoreError> {
    let mut takes = Takes::new();
    for take in store.chosen_takes().await? {
        let Ok(path) = files.path(&take.file) else { continue };
        let source = match take.origin {
            TakeOrigin::Synthetic => Source::Rendered(path),
            TakeOrigin::Microphone | TakeOrigin::Upload => Source::Recorded(path),
        };
        takes.insert(take.prompt, source);
    }
    Ok(takes)
}

/// A voice with those of the console in it.
fn with_takes(voice: Voice, takes: &Takes) -> Voice {
    let clips = takes.iter().filter_map(|(id, take)| {
        // Callers hear the shipped voice rather than nothing.
        let unreadable = |error: &_| error!(%error, prompt = id, "a recorded prompt is not heard");
        Some((id.clone(), take.load().inspect_err(unreadable).ok()?))
    });
    Voice { prompts: voice.prompts.with(clips), ..voice }
}

/// The voice of the script that the configuration names, whatever was published.
pub fn load(config: &Config) -> anyhow::Result<Voice> {
    let path = &config.ivr.script;
    of(config, &path.display().to_string(), menu::read(path)?)
}

/// A script with the prompts; refuses one with errors or with prompts that are not there.
fn of(config: &Config, name: &str, text: String) -> anyhow::Result<Voice> {
    let catalogue = Catalogue::read(&config.prompts.folder)?;
    let prompts = Library::load(&config.prompts.folder, catalogue.ids())?;
    let sound = menu::prove(name, text, &ids(&catalogue))?;
    Ok(Voice { script: Arc::new(sound.into_script()), prompts })
}

fn ids(catalogue: &Catalogue) -> BTreeSet<PromptId> {
    catalogue.ids().map(str::to_owned).collect()
}

/// What messages call a version.
pub fn name(version: &MenuRow) -> String {
    format!("menu version {}", version.number)
}

/// The voice of the version that answers.
async fn published_voice(config: &Config, store: &Store, takes: &Takes) -> anyhow::Result<Voice> {
    let version = store.menu_published().await?.context("no menu is published")?;
    let (config, takes) = (config.clone(), takes.clone());
    let loading = move || {
        let voice = of(&config, &name(&version), version.text)?;
        anyhow::Ok(with_takes(voice, &takes))
    };
    tokio::task::spawn_blocking(loading).await?
}

/// What was there when a voice was loaded: what changed since then is not missed.
#[derive(Debug)]
pub struct Seen {
    script: Look,
    prompts: Look,
    takes: Takes,
    version: Option<i64>,
}

/// The voice to start with: the file's if it is to be published, otherwise the version that answers.
pub async fn begin(
    config: &Config,
    store: &Store,
    files: &Files,
    now: Timestamp,
) -> anyhow::Result<(Voice, Seen)> {
    let (script, prompts) = look_at(config).await;
    if let Err(error) = take_file(config, store, now).await {
        anyhow::ensure!(store.menu_published_number().await?.is_some(), error);
        error!("the script is not used, the menu that was published last is: {error:#}");
    }
    let takes = takes(store, files).await?;
    let seen = Seen { script, prompts, takes, version: store.menu_published_number().await? };
    Ok((published_voice(config, store, &seen.takes).await?, seen))
}

async fn take_file(config: &Config, store: &Store, now: Timestamp) -> anyhow::Result<()> {
    let prompts = ids(&Catalogue::read(&config.prompts.folder)?);
    let path = config.ivr.script.display();
    match menu::take_file(store, &config.ivr.script, &prompts, now).await? {
        Found::Same => {}
        Found::Published(number) => info!("{path} is published: menu version {number}"),
        Found::Waits(number) => warn!(
            "{path} waits as menu version {number}, since the menu was published at the console: publish it there, \
             or by `kentongan script publish`"
        ),
        Found::Older => warn!(
            "{path} says what an older version said, and the menu that was published at the console answers: to go \
             back, publish that version there, or by `kentongan script publish`"
        ),
    }
    Ok(())
}

/// Takes a menu that was published, here or by another process, or a script or prompt that was changed, for the next
/// call; also on SIGHUP. A broken one never replaces a good one.
pub async fn keep_fresh(config: Config, hotline: Arc<Hotline>, mut seen: Seen) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            return error!(%error, "SIGHUP cannot be heard; changed scripts need a restart");
        }
    };
    loop {
        let told = tokio::select! {
            _ = hangups.recv() => true,
            () = hotline.store.menu_published_here() => false,
            () = tokio::time::sleep(LOOK) => false,
        };
        refresh(&config, &hotline, &mut seen, told).await;
    }
}

/// Looks once; `told` that something changed, it does not ask the files whether they did.
async fn refresh(config: &Config, hotline: &Hotline, seen: &mut Seen, told: bool) {
    let store = &hotline.store;
    let (script, prompts) = look_at(config).await;
    if told || script != seen.script {
        seen.script = script;
        if let Err(error) = take_file(config, store, hotline.clock.now()).await {
            error!("the changed script or prompts are not used: {error:#}");
        }
    }
    let published = match store.menu_published_number().await {
        Ok(published) => published,
        Err(error) => return error!(%error, "whether another menu was published cannot be told"),
    };
    let takes = match takes(store, &hotline.files).await {
        Ok(takes) => takes,
        Err(error) => return error!(%error, "which voices were recorded cannot be told"),
    };
    let same = prompts == seen.prompts && takes == seen.takes && published == seen.version;
    if !told && same {
        return;
    }
    (seen.prompts, seen.takes, seen.version) = (prompts, takes, published);
    match published_voice(config, store, &seen.takes).await {
        Ok(voice) => {
            hotline.voice.store(Arc::new(voice));
            info!("script and prompts read again; the next call gets them");
        }
        Err(error) => error!("the changed script or prompts are not used: {error:#}"),
    }
}

/// What tells one state of the files from another: each one's time and size. A time alone misses an older file that
/// is put in the place of a newer.
type Look = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// The script, and the prompts.
async fn look_at(config: &Config) -> (Look, Look) {
    let paths = [config.ivr.script.clone(), config.prompts.folder.clone()];
    let looking = tokio::task::spawn_blocking(move || {
        let [script, prompts] = paths.map(|path| {
            let mut look = Look::new();
            add_to(&mut look, &path);
            look
        });
        (script, prompts)
    });
    looking.await.unwrap_or_default()
}

/// A file, or everything below a folder.
fn add_to(look: &mut Look, path: &Path) {
    let Ok(metadata) = path.metadata() else { return };
    if metadata.is_dir() {
        let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
        inside.for_each(|entry| add_to(look, &entry.path()));
    } else {
        look.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
    }
}
