//! `kentongan audit verify`

use std::process::ExitCode;

use kentongan::config::Config;
use kentongan::store::{Chain, Store};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Compute the chain of the audit again, row by row.
    ///
    /// Prints how many rows there are and the hash of the last one: kept elsewhere, it tells later whether rows were cut off
    /// at the end.
    Verify,
}

/// Exits with 1 if a row does not fit.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let Command::Verify = command;
    let store = Store::open_existing(&config.store()).await?;
    match store.verify_audit().await? {
        Chain::Sound { rows, head } => {
            println!("sound: {rows} rows, the last one has the hash {head}");
            Ok(ExitCode::SUCCESS)
        }
        Chain::Broken { id, why } => {
            println!("broken at row {id}: {why}");
            Ok(ExitCode::FAILURE)
        }
    }
}
