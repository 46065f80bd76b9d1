//! `kentongan script check|graph|try|show|publish`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::ivr::check::Severity;
use kentongan::ivr::script::Script;
use kentongan::ivr::{graph, trial};
use kentongan::menu::{self, Origin};
use kentongan::prompts::Catalogue;
use kentongan::server::voice;
use kentongan::store::{Doer, MenuOrigin, Store, StoreError};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Prove a script sound, or tell the line and what to change.
    Check {
        /// The script; without one the menu that answers calls.
        file: Option<PathBuf>,
    },
    /// Draw a script: DOT on standard output, or SVG.
    Graph {
        /// The script; without one the menu that answers calls.
        file: Option<PathBuf>,
        /// Draw SVG.
        #[arg(long)]
        svg: bool,
    },
    /// Play a script in the terminal, without a phone.
    Try {
        /// The script; without one the menu that answers calls.
        file: Option<PathBuf>,
    },
    /// Print the menu that answers calls.
    Show {
        /// Another version of it.
        number: Option<i64>,
    },
    /// Let a script answer the next call, whoever published the menu before.
    Publish {
        /// The script; without one the configured one.
        file: Option<PathBuf>,
        /// Why; the console shows it.
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// `check` exits with 1 when the script would be refused.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { file } => return checked(config, of(config, file).await?),
        Command::Graph { file, svg } => {
            let script = of(config, file).await?.parse()?;
            match svg {
                true => println!("{}", graph::svg(&script)),
                false => println!("{}", graph::dot(&script)),
            }
        }
        Command::Try { file } => {
            let script = Arc::new(of(config, file).await?.parse()?);
            let (texts, now) = (texts(config).await?, SystemClock.now());
            let world = trial::World::default();
            trial::play(script, &texts, world, now, stdin().lock(), stdout())?;
        }
        Command::Show { number: None } => print!("{}", of(config, None).await?.text),
        Command::Show { number: Some(number) } => {
            let store = Store::open_existing(&config.store()).await?;
            let version = store.menu(number).await?;
            print!("{}", version.with_context(|| format!("there is no version {number}"))?.text);
        }
        Command::Publish { file, note } => publish(config, file, note).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A script's text, and what messages call it.
struct Text {
    name: String,
    text: String,
}

impl Text {
    fn parse(&self) -> anyhow::Result<Script> {
        Ok(Script::parse(&self.name, &self.text)?)
    }
}

/// The file, or the menu that answers: the newest published version, or where nobody has served yet the configured file.
async fn of(config: &Config, file: Option<PathBuf>) -> anyhow::Result<Text> {
    if file.is_none()
        && let Some(version) = published(config).await?
    {
        return Ok(Text { name: voice::name(&version), text: version.text });
    }
    let path = file.unwrap_or_else(|| config.ivr.script.clone());
    Ok(Text { name: path.display().to_string(), text: menu::read(&path)? })
}

async fn published(config: &Config) -> Result<Option<kentongan::store::MenuRow>, StoreError> {
    match Store::open_existing(&config.store()).await {
        Ok(store) => store.menu_published().await,
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn checked(config: &Config, text: Text) -> anyhow::Result<ExitCode> {
    let script = text.parse()?;
    let findings = menu::check(&script, &known(config)?);
    for finding in &findings {
        println!("{}:{finding}", text.name);
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    println!(
        "{}: {} steps, errors: {errors}, warnings: {}",
        text.name,
        script.steps().len(),
        findings.len() - errors
    );
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn publish(config: &Config, file: Option<PathBuf>, note: String) -> anyhow::Result<()> {
    let store = Store::open_existing(&config.store()).await?;
    let path = file.unwrap_or_else(|| config.ivr.script.clone());
    let name = path.display().to_string();
    let sound = menu::prove(&name, menu::read(&path)?, &known(config)?)?;
    let base = store.menu_newest().await?.map(|newest| newest.number);
    let note = if note.is_empty() { name } else { note };
    // Whoever names another file wants that one to stay until somebody publishes again.
    let configured = path == config.ivr.script;
    let origin = if configured { MenuOrigin::File } else { MenuOrigin::Console };
    let from = Origin { origin, note, base, nonce: None };
    let doer = Doer { login: "cli".into(), address: String::new() };
    let number = sound.publish(&store, from, doer, SystemClock.now()).await?;
    println!("published as version {number}: the next call hears it");
    store.close().await;
    Ok(())
}

fn known(config: &Config) -> anyhow::Result<BTreeSet<String>> {
    Ok(Catalogue::read(&config.prompts.folder)?.ids().map(str::to_owned).collect())
}

/// The words that hold: the console may have changed some.
async fn texts(config: &Config) -> anyhow::Result<BTreeMap<String, String>> {
    let catalogue = Catalogue::read(&config.prompts.folder)?;
    Ok(voice::chosen(config).await?.texts(&catalogue))
}
