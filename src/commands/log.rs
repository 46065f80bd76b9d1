//! Logs go to standard error; standard output belongs to answers.

use std::io::IsTerminal;

use kentongan::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging. rsipstack prints whole messages, numbers included, below warn: it is held there whatever the
/// filter says.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let quiet = "rsipstack=warn".parse()?;
    let filter = EnvFilter::try_new(&log.filter)?.add_directive(quiet);
    // Colours are for a terminal, and only for those who want them.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_env_filter(filter);
    match log.format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
