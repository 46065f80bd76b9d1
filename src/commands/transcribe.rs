//! `kentongan transcribe`

use std::collections::BTreeMap;
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
use kentongan::ticket::transcript::Transcript;
use serde::Serialize;

#[derive(clap::Args)]
pub struct Args {
    /// Recordings as WAV files.
    #[arg(required_unless_present = "redo", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Have the hotline write down stored recordings again: `all` after a better model was installed, `failed` those
    /// that were given up, or those of one ticket. What somebody has mended is left out unless its ticket is named: the
    /// mends are history then, since they belong to the old text.
    #[arg(long, value_name = "CODE|all|failed", conflicts_with = "files")]
    redo: Option<String>,
    /// How to write what was said. Several files are told apart by their names, as JSON they are one list.
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
        "failed" => Redo::Failed,
        code => Redo::Ticket(TicketCode::parse(code)?),
    };
    let store = Store::open_existing(&config.store()).await?;
    let queued = store.queue_again(what, SystemClock.now()).await?;
    store.close().await;
    println!("{} recordings are queued to be written down again", queued.recordings);
    if queued.mended > 0 {
        println!(
            "{} are left out, because somebody has mended them: --redo CODE does those of one ticket all the same",
            queued.mended
        );
    }
    Ok(if queued.recordings == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn all(config: &asr::Config, args: &Args) -> anyhow::Result<ExitCode> {
    let format = Format::from(args.format);
    let mut output = Output::new(args, format)?;
    let engine = open(config, args.model.as_deref())?;
    let mut code = ExitCode::SUCCESS;
    for file in &args.files {
        let done = one(&engine, file).and_then(|transcript| output.put(file, &transcript));
        if let Err(error) = done {
            eprintln!("kentongan: {}: {error:#}", file.display());
            code = ExitCode::FAILURE;
        }
    }
    output.end();
    Ok(code)
}

/// Where transcripts go: a file for each, or all of them to standard output.
struct Output<'a> {
    format: Format,
    folder: Option<&'a Path>,
    /// Standard output takes several.
    several: bool,
    /// How many it has taken.
    put: usize,
}

impl<'a> Output<'a> {
    fn new(args: &'a Args, format: Format) -> anyhow::Result<Output<'a>> {
        let (folder, several) = (args.output.as_deref(), args.files.len() > 1);
        match folder {
            Some(folder) => {
                apart(&args.files, folder, format)?;
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            None => anyhow::ensure!(
                !several || matches!(format, Format::Text | Format::Json),
                "subtitles of several files in a row are none: --output FOLDER writes a file for each"
            ),
        }
        Ok(Output { format, folder, several, put: 0 })
    }

    fn put(&mut self, file: &Path, transcript: &Transcript) -> anyhow::Result<()> {
        if let Some(folder) = self.folder {
            let path = target(file, folder, self.format);
            let text = self.format.write(transcript)?;
            return std::fs::write(&path, text).with_context(|| path.display().to_string());
        }
        match (self.format, self.several) {
            (Format::Json, true) => {
                // One list, which grows as they are done.
                let named = Named { file: &file.to_string_lossy(), transcript };
                let text = serde_json::to_string_pretty(&named)?;
                print!("{}{text}", if self.put == 0 { "[\n" } else { ",\n" });
            }
            (Format::Text, true) => {
                let gap = if self.put == 0 { "" } else { "\n" };
                print!("{gap}==> {} <==\n{}", file.display(), self.format.write(transcript)?);
            }
            _ => print!("{}", self.format.write(transcript)?),
        }
        self.put += 1;
        Ok(())
    }

    fn end(self) {
        if self.format == Format::Json && self.several {
            println!("{}", if self.put == 0 { "[]" } else { "\n]" });
        }
    }
}

/// A transcript among others.
#[derive(Serialize)]
struct Named<'a> {
    file: &'a str,
    #[serde(flatten)]
    transcript: &'a Transcript,
}

fn target(file: &Path, folder: &Path, format: Format) -> PathBuf {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    folder.join(format!("{name}.{}", format.extension()))
}

/// Fails where two of the files would be written to one.
fn apart(files: &[PathBuf], folder: &Path, format: Format) -> anyhow::Result<()> {
    let mut targets = BTreeMap::new();
    for file in files {
        let target = target(file, folder, format);
        if let Some(other) = targets.insert(target.clone(), file) {
            anyhow::bail!(
                "{} and {} would both become {}: write them to two folders",
                other.display(),
                file.display(),
                target.display()
            );
        }
    }
    Ok(())
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

fn one(engine: &Arc<dyn Transcriber>, file: &Path) -> anyhow::Result<Transcript> {
    let recording = Recording::read(file)?;
    let bar = bar(file);
    let shown = bar.clone();
    let watch = Watch::with_progress(move |percent| shown.set_position(percent.into()));
    let transcript = asr::listen(&**engine, &recording, &watch)?;
    bar.finish_and_clear();
    Ok(transcript)
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
