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
use crate::ivr::script::Script;
use crate::media::prompt::{Library, Source};
use crate::menu::{self, Found};
use crate::prompts::{self, Catalogue, Chosen, ChosenTake};
use crate::store::{MenuRow, Store, StoreError, TakeOrigin, TakeRow};

/// How often the files and the rows are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The voices that the console brought, by the prompt that each is for. They win over those that come with the program.
type Takes = BTreeMap<String, Source>;

/// Those that are to be heard.
async fn takes(store: &Store, files: &Files) -> Result<Takes, StoreError> {
    let mut takes = Takes::new();
    for take in store.prompt_choices().await?.into_iter().filter_map(|choice| choice.take) {
        if let Some(source) = source(files, &take) {
            takes.insert(take.prompt, source);
        }
    }
    Ok(takes)
}

/// Where a take lies.
fn source(files: &Files, take: &TakeRow) -> Option<Source> {
    let path = files.path(&take.file).ok()?;
    Some(match take.origin {
        TakeOrigin::Synthetic => Source::Rendered(path),
        TakeOrigin::Microphone | TakeOrigin::Upload => Source::Recorded(path),
    })
}

/// What the console changed of the prompts, for who looks without serving; nothing where nobody has served yet.
pub async fn chosen(config: &Config) -> anyhow::Result<Chosen> {
    let store = match Store::open_existing(&config.store()).await {
        Ok(store) => store,
        Err(StoreError::Missing { .. }) => return Ok(Chosen::default()),
        Err(error) => return Err(error.into()),
    };
    let files = Files::new(&config.data)?;
    let mut chosen = Chosen::default();
    for choice in store.prompt_choices().await? {
        if let Some(take) = choice.take
            && let Some(source) = source(&files, &take)
        {
            chosen.takes.insert(take.prompt, ChosenTake { source, text: take.text });
        }
        chosen.texts.extend(choice.text.map(|text| (choice.prompt, text)));
    }
    Ok(chosen)
}

/// Every prompt, in the console's voice where that brought one.
fn library(folder: &Path, catalogue: &Catalogue, takes: &Takes) -> anyhow::Result<Library> {
    let clips: Vec<_> = takes
        .iter()
        .filter_map(|(id, take)| {
            // Callers hear the shipped voice rather than nothing.
            let unreadable =
                |error: &_| error!(%error, prompt = id, "a recorded prompt is not heard");
            Some((id.clone(), take.load().inspect_err(unreadable).ok()?))
        })
        .collect();
    let rest = catalogue.ids().filter(|id| clips.iter().all(|(own, _)| own != id));
    Ok(Library::load(folder, rest)?.with(clips))
}

/// The voice of the script that the configuration names, whatever was published, without anything from the console.
pub fn load(config: &Config) -> anyhow::Result<Voice> {
    load_with(config, &Chosen::default())
}

/// The same with what the console changed.
pub fn load_with(config: &Config, chosen: &Chosen) -> anyhow::Result<Voice> {
    let path = &config.ivr.script;
    let takes = chosen.takes.iter().map(|(id, take)| (id.clone(), take.source.clone())).collect();
    of(config, &path.display().to_string(), menu::read(path)?, &takes)
}

/// A script with the prompts; refuses one with errors or with prompts that are not there.
fn of(config: &Config, name: &str, text: String, takes: &Takes) -> anyhow::Result<Voice> {
    let catalogue = Catalogue::read(&config.prompts.folder)?;
    let prompts = library(&config.prompts.folder, &catalogue, takes)?;
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

/// Remembers with which text a person's recording was found; when the text changes later, `prompts check` tells.
fn note_recordings(config: &Config) {
    let folder = &config.prompts.folder;
    // A catalogue that cannot be read is told of by whoever needs it.
    let Ok(catalogue) = Catalogue::read(folder) else { return };
    if let Err(error) = prompts::note(&catalogue, folder) {
        warn!(%error, "a change of a recorded prompt's text will go unnoticed");
    }
}

/// The voice of the version that answers.
async fn published_voice(config: &Config, store: &Store, takes: &Takes) -> anyhow::Result<Voice> {
    let version = store.menu_published().await?.context("no menu is published")?;
    let (config, takes) = (config.clone(), takes.clone());
    let loading = move || {
        note_recordings(&config);
        of(&config, &name(&version), version.text, &takes)
    };
    tokio::task::spawn_blocking(loading).await?
}

/// The voice to start with. A menu that an older checker let through answers rather than nobody; when it is to take
/// another's place, it is held to the rules of today.
async fn first_voice(config: &Config, store: &Store, takes: &Takes) -> anyhow::Result<Voice> {
    let error = match published_voice(config, store, takes).await {
        Err(error) if error.is::<menu::Unsound>() => error,
        judged => return judged,
    };
    error!("the menu that answers would be refused today; mend it and publish it again: {error:#}");
    let version = store.menu_published().await?.context("no menu is published")?;
    let (config, takes) = (config.clone(), takes.clone());
    let loading = move || {
        let catalogue = Catalogue::read(&config.prompts.folder)?;
        let prompts = library(&config.prompts.folder, &catalogue, &takes)?;
        let script = Script::parse(&name(&version), &version.text)?;
        anyhow::Ok(Voice { script: Arc::new(script), prompts })
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
    let takes = takes(store, files).await?;
    if let Err(error) = take_file(config, store, &takes, now).await {
        anyhow::ensure!(store.menu_published_number().await?.is_some(), error);
        error!("the script is not used, the menu that was published last is: {error:#}");
    }
    let seen = Seen { script, prompts, takes, version: store.menu_published_number().await? };
    Ok((first_voice(config, store, &seen.takes).await?, seen))
}

async fn take_file(
    config: &Config,
    store: &Store,
    takes: &Takes,
    now: Timestamp,
) -> anyhow::Result<()> {
    let prompts = playable(config, takes).await?;
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

/// The prompts, if every one can be played: a version that cannot be must not become the one that answers.
async fn playable(config: &Config, takes: &Takes) -> anyhow::Result<BTreeSet<PromptId>> {
    let (folder, takes) = (config.prompts.folder.clone(), takes.clone());
    let loading = move || {
        let catalogue = Catalogue::read(&folder)?;
        library(&folder, &catalogue, &takes)?;
        anyhow::Ok(ids(&catalogue))
    };
    tokio::task::spawn_blocking(loading).await?
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
    let takes = match takes(store, &hotline.files).await {
        Ok(takes) => takes,
        Err(error) => return error!(%error, "which voices were recorded cannot be told"),
    };
    // A script that was refused for a prompt may be fit once the prompts are others.
    if told || script != seen.script || prompts != seen.prompts {
        seen.script = script;
        if let Err(error) = take_file(config, store, &takes, hotline.clock.now()).await {
            error!("the changed script or prompts are not used: {error:#}");
        }
    }
    let published = match store.menu_published_number().await {
        Ok(published) => published,
        Err(error) => return error!(%error, "whether another menu was published cannot be told"),
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
    } else if path.file_name().is_none_or(|name| name != prompts::RECORD_FILE) {
        // The record of renderings is written here too, and nobody hears it.
        look.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
    }
}
