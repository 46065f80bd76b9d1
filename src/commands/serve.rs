//! `kentongan serve`

use std::process::ExitCode;

use kentongan::config::Config;
use kentongan::server::Server;
use tokio::signal::unix::{SignalKind, signal};

/// Runs until SIGTERM or SIGINT, then drains.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    super::log::start(&config.log)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // With somebody listening, a file-size limit is an error of the write that meets it, not the end of every call.
    let _file_too_large = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
    let server = Server::start(config).await?;
    // Only systemd listens; elsewhere there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}
