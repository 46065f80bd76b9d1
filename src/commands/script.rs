//! `kentongan script check|graph|try`

use std::collections::BTreeMap;
use std::io::{stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::ivr::check::{Severity, check};
use kentongan::ivr::{graph, trial};
use kentongan::prompts::Catalogue;
use kentongan::server::voice::read_script;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Prove a script sound, or tell the line and what to change.
    Check {
        /// The script; without one the configured one.
        file: Option<PathBuf>,
    },
    /// Draw a script: DOT on standard output, or SVG.
    Graph {
        /// The script; without one the configured one.
        file: Option<PathBuf>,
        /// Draw SVG.
        #[arg(long)]
        svg: bool,
    },
    /// Play a script in the terminal, without a phone.
    Try {
        /// The script; without one the configured one.
        file: Option<PathBuf>,
    },
}

/// `check` exits with 1 when the script would be refused.
pub fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { file } => checked(config, &of(config, file)),
        Command::Graph { file, svg } => {
            let script = read_script(&of(config, file))?;
            match svg {
                true => println!("{}", graph::svg(&script)),
                false => println!("{}", graph::dot(&script)),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Try { file } => {
            let script = Arc::new(read_script(&of(config, file))?);
            let now = SystemClock.now();
            trial::play(
                script,
                &texts(config)?,
                trial::World::default(),
                now,
                stdin().lock(),
                stdout(),
            )?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn of(config: &Config, file: Option<PathBuf>) -> PathBuf {
    file.unwrap_or_else(|| config.ivr.script.clone())
}

fn checked(config: &Config, path: &Path) -> anyhow::Result<ExitCode> {
    let script = read_script(path)?;
    let prompts = Catalogue::read(&config.prompts.folder)?.ids().map(str::to_owned).collect();
    let findings = check(&script, &prompts);
    for finding in &findings {
        println!("{}:{finding}", path.display());
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    println!(
        "{} steps, errors: {errors}, warnings: {}",
        script.steps().len(),
        findings.len() - errors
    );
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn texts(config: &Config) -> anyhow::Result<BTreeMap<String, String>> {
    let catalogue = Catalogue::read(&config.prompts.folder)?;
    Ok(catalogue
        .ids()
        .filter_map(|id| Some((id.to_owned(), catalogue.text(id)?.to_owned())))
        .collect())
}
