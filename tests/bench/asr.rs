//! `make bench-asr`: how well recordings are understood and what that costs. README.md beside this file tells how to read it.

#[path = "../it/caller.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod caller;
#[path = "asr/calls.rs"]
mod calls;
#[path = "asr/clips.rs"]
mod clips;
#[expect(dead_code, reason = "the other bench uses more of it")]
mod figures;
#[path = "../it/hotline.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod hotline;
#[path = "asr/listen.rs"]
mod listen;
#[path = "asr/noises.rs"]
mod noises;
#[path = "asr/score.rs"]
mod score;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Parser;
use kentongan::asr::{Config, Engine, model};

/// Measures each installed model: errors, CPU time, memory, and what it hears where nobody speaks.
#[derive(Parser)]
struct Flags {
    /// Where the clips and their transcripts.tsv are.
    #[arg(long, env = "KENTONGAN_SPEECH", default_value = "../shared/speech")]
    speech: PathBuf,
    /// Where the models are.
    #[arg(long, env = "KENTONGAN__ASR__MODELS", default_value = "data/models")]
    models: PathBuf,
    /// One model; all that are installed without it.
    #[arg(long)]
    model: Option<String>,
    /// Guesses followed at the same time.
    #[arg(long, default_value_t = Config::default().beam)]
    beam: u8,
    /// Words to expect.
    #[arg(long, default_value_t)]
    prompt: String,
    /// Prints what was heard.
    #[arg(long)]
    verbose: bool,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    ensure!(
        flags.speech.join("transcripts.tsv").is_file(),
        "there are no clips in {}: KENTONGAN_SPEECH=FOLDER says where they are",
        flags.speech.display()
    );
    match &flags.model {
        Some(model) => listen::measure(&flags, model),
        None => each(&flags),
    }
}

/// A process for each model, so that each one's memory is its own.
fn each(flags: &Flags) -> anyhow::Result<()> {
    let mut models = model::installed(&flags.models)?;
    models.retain(|model| measurable(model.engine));
    ensure!(
        !models.is_empty(),
        "no model in {}: run `kentongan model install`",
        flags.models.display()
    );
    for model in models {
        let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
        arguments.extend(["--model".into(), model.name.clone().into()]);
        let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
        ensure!(status.success(), "{} could not be measured", model.name);
    }
    Ok(())
}

/// Whether this program has the engine.
fn measurable(engine: Engine) -> bool {
    engine == Engine::Whisper || cfg!(feature = "vosk")
}

impl Flags {
    fn config(&self, model: &str) -> Config {
        // Only Whisper's models have this name in front.
        let engine = if model.starts_with("vosk") { Engine::Vosk } else { Engine::Whisper };
        let (models, prompt) = (self.models.clone(), self.prompt.clone());
        Config { engine, model: model.into(), models, beam: self.beam, prompt, ..Config::default() }
    }

    fn clips(&self) -> anyhow::Result<Vec<clips::Clip>> {
        clips::read(&self.speech).with_context(|| format!("in {}", self.speech.display()))
    }
}
