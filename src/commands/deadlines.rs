//! `kentongan deadlines [FILE]`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::store::{Deadlines, Doer, Store};

#[derive(clap::Args)]
pub struct Args {
    /// Take this file over in place of what holds now; deadlines of open tickets are reckoned anew.
    file: Option<PathBuf>,
}

/// Works on the database beside a running hotline.
pub async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&config.store()).await?;
    if let Some(file) = args.file {
        let name = file.display();
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?;
        let deadlines = Deadlines::read(&text).with_context(|| name.to_string())?;
        let doer = Doer { login: "cli".into(), address: String::new() };
        let changed = store.set_deadlines(deadlines, doer, SystemClock.now()).await?;
        println!("taken over; the deadlines of {changed} open tickets changed");
    } else {
        show(&store.deadlines().await?);
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn show(deadlines: &Deadlines) {
    for row in &deadlines.deadline {
        println!("{:>3} {:>3}  {}  ({})", row.verify, row.finish, row.class.word(), row.source);
    }
    for day in &deadlines.holiday {
        println!("{}  {}  ({})", day.date, day.name, day.source);
    }
}
