//! `kentongan ticket show CODE`

use std::process::ExitCode;

use anyhow::Context;
use kentongan::config::Config;
use kentongan::store::Store;
use kentongan::ticket::TicketCode;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show a ticket, its recordings and everything that happened to it.
    Show {
        /// Eight digits; dashes and spaces are fine.
        code: String,
    },
}

/// Exits with 1 if there is no such ticket.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let Command::Show { code } = command;
    let code = TicketCode::parse(&code)?;
    let database = config.database();
    anyhow::ensure!(database.exists(), "there is no database at {}; has `kentongan serve` run?", database.display());
    let store = Store::open_read_only(&database).await.context("cannot open the database")?;
    let Some(view) = store.ticket(&code).await? else {
        println!("no ticket has the code {code}");
        return Ok(ExitCode::FAILURE);
    };
    print!("{view}");
    Ok(ExitCode::SUCCESS)
}
