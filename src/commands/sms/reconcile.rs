//! `kentongan sms reconcile`: what a gateway wrote down and we do not have.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use jiff::tz::TimeZone;
use kentongan::clock::{SystemClock, Timestamp};
use kentongan::config::Config;
use kentongan::server::messages;
use kentongan::sms::desk::Desk;
use kentongan::sms::gateway::{self, InboundMessage, gammu, kannel};
use kentongan::sms::reconcile::{Logged, missing};
use kentongan::store::Store;
use sha2::{Digest, Sha256};

#[derive(clap::Args)]
pub struct Args {
    /// The name of the gateway, as in the configuration.
    #[arg(long)]
    gateway: String,
    /// Kannel's access.log, or the folder with SMSD's inbox.
    path: PathBuf,
    /// Take the missing messages as if their gateway had posted them; their senders are answered.
    #[arg(long)]
    take: bool,
}

/// Exits with 1 while something is missing.
pub async fn run(config: &Config, store: &Store, args: Args) -> anyhow::Result<ExitCode> {
    let Args { gateway, path, take } = args;
    let zone = config.calls.zone()?;
    let logged = read(config, &gateway, &path, &zone)?;
    let since = logged.iter().filter_map(|one| one.at).min().unwrap_or_default();
    let stored = store.sms_since(&gateway, Timestamp(since.0 - DAY_MS)).await?;
    let lost = missing(&logged, &stored);
    println!(
        "{} messages in {}, {} of them missing here",
        logged.len(),
        path.display(),
        lost.len()
    );
    for one in &lost {
        let at = one.at.map(|at| super::time(config, at)).transpose()?;
        println!("{}  {:<16}  {:?}", at.as_deref().unwrap_or("-"), one.from, one.text);
    }
    if !take || lost.is_empty() {
        return Ok(if lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let replies = Arc::new(messages::replies(&config.sms)?);
    let desk = Desk::new(&config.sms, replies, zone, store.clone(), Arc::new(SystemClock));
    for one in lost {
        desk.receive(&gateway, message(one)).await?;
    }
    println!("taken; `kentongan sms list --received` shows what was done with each");
    Ok(ExitCode::SUCCESS)
}

/// A message may have come to us a while before its gateway wrote it down.
const DAY_MS: i64 = 24 * 3600 * 1000;

fn read(
    config: &Config,
    gateway: &str,
    path: &Path,
    zone: &TimeZone,
) -> anyhow::Result<Vec<Logged>> {
    let kind = config.sms.gateways.get(gateway);
    match kind.with_context(|| format!("there is no gateway {gateway:?}"))? {
        gateway::Config::Kannel(_) => {
            let log =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let log = kannel::access_log::read(&String::from_utf8_lossy(&log), zone);
            for line in &log.unreadable {
                eprintln!("{}:{line}: cannot be understood", path.display());
            }
            Ok(log.received)
        }
        gateway::Config::Gammu(_) => inbox(path, zone),
        _ => bail!("only Kannel and Gammu write down what came to them where we can read it"),
    }
}

fn inbox(folder: &Path, zone: &TimeZone) -> anyhow::Result<Vec<Logged>> {
    ensure!(folder.is_dir(), "{} is no folder", folder.display());
    let mut logged = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        logged.extend(gammu::inbox::read(&name, &std::fs::read(entry.path())?, zone));
    }
    logged.sort_by_key(|one| one.at);
    Ok(logged)
}

/// As its gateway would have posted it; without its name there, one that is the same each time.
fn message(logged: &Logged) -> InboundMessage {
    let Logged { id, at, from, to, text } = logged.clone();
    let external_id = id.unwrap_or_else(|| {
        let moment = at.unwrap_or_default().0;
        let hash = Sha256::digest(format!("{moment} {from} {text}"));
        format!(
            "log-{}",
            hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>()
        )
    });
    InboundMessage { external_id, from, to, text, sent_at: at, part: None }
}
