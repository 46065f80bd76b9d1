//! Logs go to standard error; standard output belongs to answers.

use kentongan::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging. rsipstack prints whole messages, numbers included, below warn: it is held there whatever the
/// filter says.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let quiet = "rsipstack=warn".parse()?;
    let filter = EnvFilter::try_new(&log.filter)?.add_directive(quiet);
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match log.format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
