//! `kentongan transcribe`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use kentongan::asr::audio::Recording;
use kentongan::asr::formats::Format;
use kentongan::asr::{self, Transcriber, Watch};
use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::store::{Redo, Store};
use kentongan::ticket::TicketCode;

#[derive(clap::Args)]
pub struct Args {
    /// Recordings as WAV files.
    #[arg(required_unless_present = "redo", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Have the hotline write down stored recordings again, those of one ticket or `all`: after a better model was
    /// installed, or after jobs were given up.
    #[arg(long, value_name = "CODE|all", conflicts_with = "files")]
    redo: Option<String>,
    /// How to write what was said.
    #[arg(long, value_enum, default_value = "text")]
    format: Kind,
    /// Write one file for each recording into this folder instead of standard output.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// An installed model's name, or where a model lies: a ggml file, or a Vosk folder.
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Text,
    Json,
    Srt,
    Vtt,
}

/// Goes through all files; exits with 1 when one of them failed.
pub async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    match args.redo.as_deref() {
        Some(what) => redo(config, what).await,
        None => tokio::task::block_in_place(|| all(&config.asr, &args)),
    }
}

/// Queues stored recordings; workers find them within seconds, now or when they run again.
async fn redo(config: &Config, what: &str) -> anyhow::Result<ExitCode> {
    let what = match what {
        "all" => Redo::All,
        code => Redo::Ticket(TicketCode::parse(code)?),
    };
    let store = Store::open_existing(&config.store()).await?;
    let queued = store.queue_again(what, SystemClock.now()).await?;
    store.close().await;
    println!("{queued} recordings are queued to be written down again");
    Ok(if queued == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn all(config: &asr::Config, args: &Args) -> anyhow::Result<ExitCode> {
    let engine = open(config, args.model.as_deref())?;
    let format = args.format.into();
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut code = ExitCode::SUCCESS;
    for file in &args.files {
        if let Err(error) = one(&engine, file, format, args.output.as_deref()) {
            eprintln!("kentongan: {}: {error:#}", file.display());
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn open(config: &asr::Config, model: Option<&str>) -> anyhow::Result<Arc<dyn Transcriber>> {
    let mut config = config.clone();
    let Some(model) = model else { return Ok(asr::open(&config)?) };
    let path = Path::new(model);
    if model.contains('/') || path.is_file() {
        config.model = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(asr::open_at(path, &config)?);
    }
    config.model = model.to_owned();
    // Whoever names a model means the engine that it is for.
    if let Some(installed) = asr::model::find(&config.models, model) {
        config.engine = installed.engine;
    }
    Ok(asr::open(&config)?)
}

fn one(
    engine: &Arc<dyn Transcriber>,
    file: &Path,
    format: Format,
    folder: Option<&Path>,
) -> anyhow::Result<()> {
    let recording = Recording::read(file)?;
    let bar = bar(file);
    let shown = bar.clone();
    let watch = Watch::with_progress(move |percent| shown.set_position(percent.into()));
    let transcript = asr::listen(&**engine, &recording, &watch)?;
    bar.finish_and_clear();
    let text = format.write(&transcript)?;
    let Some(folder) = folder else {
        print!("{text}");
        return Ok(());
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let path = folder.join(format!("{name}.{}", format.extension()));
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

fn bar(file: &Path) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(100).with_message(file.display().to_string());
    match ProgressStyle::with_template("{msg} {wide_bar} {percent} %") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl From<Kind> for Format {
    fn from(kind: Kind) -> Format {
        match kind {
            Kind::Text => Format::Text,
            Kind::Json => Format::Json,
            Kind::Srt => Format::Srt,
            Kind::Vtt => Format::Vtt,
        }
    }
}
