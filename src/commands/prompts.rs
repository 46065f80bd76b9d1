//! `kentongan prompts check|render`

use std::process::ExitCode;

use kentongan::config::Config;
use kentongan::prompts::{self, Catalogue};

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
pub fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let folder = &config.prompts.folder;
    let catalogue = Catalogue::read(folder)?;
    match command {
        Command::Check => {
            let findings = prompts::check(&catalogue, folder)?;
            for finding in &findings {
                println!("{finding}");
            }
            let errors = findings.iter().filter(|f| f.is_error()).count();
            println!("{} prompts, {} findings, {errors} errors", catalogue.ids().count(), findings.len());
            Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Render { all } => {
            let which = if all { prompts::Which::All } else { prompts::Which::Stale };
            let rendered = prompts::render(&catalogue, folder, which)?;
            for id in &rendered {
                println!("{id}");
            }
            println!("{} rendered", rendered.len());
            Ok(ExitCode::SUCCESS)
        }
    }
}
