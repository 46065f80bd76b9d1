//! `make bench`: what calls cost and how clean they are. README.md beside this file tells how to read it.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

mod backlog;
mod baseline;
mod caller;
mod figures;
#[path = "../it/hotline.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod hotline;
mod machine;
mod peer;
mod sipp;
mod step;
mod told;
mod voice;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tempfile::TempDir;

use step::{Audio, Rate};

/// Loads a hotline on one core with callers on another, and prints what that costs and what the callers get.
#[derive(Parser)]
struct Flags {
    /// What to load it with.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["menu", "prompt", "rate", "beside"])]
    kinds: Vec<Kind>,
    /// Calls up at once, for menu and prompt.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 200, 400, 800])]
    steps: Vec<usize>,
    /// New calls a second, for rate.
    #[arg(long, value_delimiter = ',', default_values_t = [200, 500, 1000, 1500])]
    rates: Vec<usize>,
    /// A small load for a minute or two, to see that all of it works.
    #[arg(long)]
    quick: bool,
    #[arg(long, hide = true, value_name = "PORTS")]
    plain_loop: Option<PathBuf>,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The whole menu with a recording.
    Menu,
    /// A prompt of 30 seconds.
    Prompt,
    /// INVITE, 200, ACK, BYE.
    Rate,
    /// The menu without and with transcriptions beside it.
    Beside,
}

fn main() -> anyhow::Result<()> {
    let mut flags = Flags::parse();
    if let Some(ports) = flags.plain_loop {
        return baseline::run(&ports);
    }
    sipp::check()?;
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, descriptors());
    if flags.quick {
        (flags.steps, flags.rates) = (vec![20], vec![200]);
    }
    println!("kentongan serve on core {}, callers on core {}", machine::SERVER, machine::GENERATOR);
    if machine::cores() < 2 {
        println!("one core only: server and callers share it, and the times say little");
    }
    for kind in flags.kinds {
        match kind {
            Kind::Menu => step::audio(&Audio::menu(flags.quick), &flags.steps)?,
            Kind::Prompt => step::audio(&Audio::prompt(flags.quick)?, &flags.steps)?,
            Kind::Beside => {
                let calls = if flags.quick { 20 } else { BESIDE };
                step::audio(&Audio::menu(flags.quick), &[calls])?;
                step::audio(&Audio::beside_transcription(flags.quick)?, &[calls])?;
            }
            Kind::Rate => step::rate(&Rate::new(flags.quick), &flags.rates)?,
        }
    }
    Ok(())
}

/// Calls beside which transcriptions run.
const BESIDE: usize = 200;

/// A folder on the disk of the build, gone when dropped: recordings belong on a disk.
fn workspace() -> std::io::Result<TempDir> {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

/// As many open files as this user may have: a call takes one here.
fn descriptors() -> rustix::process::Rlimit {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    rustix::process::Rlimit { current: limit.maximum, ..limit }
}

/// Waits for another process, which tells no event.
fn pause(time: Duration) {
    std::thread::sleep(time);
}
