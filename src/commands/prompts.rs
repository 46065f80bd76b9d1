//! `kentongan prompts check|render`

use std::process::ExitCode;

use kentongan::config::Config;
use kentongan::prompts::{self, Catalogue, Severity};
use kentongan::server::voice;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Tell what is missing, stale against its text, clipped or silent.
    Check,
    /// Render with espeak-ng what is missing or stale.
    Render {
        /// Render all of them again.
        #[arg(long)]
        all: bool,
    },
}

/// `check` exits with 1 when something is wrong.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let folder = &config.prompts.folder;
    let catalogue = Catalogue::read(folder)?;
    match command {
        Command::Check => {
            if let Err(error) = prompts::note(&catalogue, folder) {
                eprintln!("a change of a recorded prompt's text will go unnoticed: {error}");
            }
            let findings = voice::chosen(config).await?.check(&catalogue, folder);
            print!("prompts: {}\n{}", catalogue.ids().count(), prompts::report(&findings));
            let bad = findings.iter().any(|finding| finding.severity() == Severity::Error);
            Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Command::Render { all } => {
            let which = if all { prompts::Which::All } else { prompts::Which::Stale };
            let rendered = prompts::render(&catalogue, folder, which)?;
            for id in &rendered.made {
                println!("{id}");
            }
            println!("rendered: {}, up to date: {}", rendered.made.len(), rendered.kept);
            Ok(ExitCode::SUCCESS)
        }
    }
}
