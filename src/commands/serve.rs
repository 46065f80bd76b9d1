//! `kentongan serve`

use std::process::ExitCode;

use kentongan::config::{Config, Role};
use kentongan::server::{Server, Transcription};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(clap::Args)]
pub struct Args {
    /// What this process does; instead of `roles` in the configuration.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROLE,...")]
    roles: Option<Vec<Role>>,
}

/// Runs until SIGTERM or SIGINT, then drains.
pub async fn run(mut config: Config, args: Args) -> anyhow::Result<ExitCode> {
    super::log::start(&config.log)?;
    config.roles = args.roles.unwrap_or(config.roles);
    anyhow::ensure!(!config.roles.is_empty(), "roles is empty: nothing would be done");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // With somebody listening, a file-size limit is an error of the write that meets it, not the end of every call.
    let _file_too_large = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
    if config.has(Role::Calls) {
        let server = Server::start(config).await?;
        if let Some(address) = server.first_admin().await? {
            // A secret, so not for the log.
            eprintln!("kentongan: nobody works here yet: the first admin signs up at {address}");
        }
        until_told(&mut terminate, &mut interrupt).await;
        server.stop().await;
    } else {
        let transcription = Transcription::start(config).await?;
        until_told(&mut terminate, &mut interrupt).await;
        transcription.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}

async fn until_told(terminate: &mut Signal, interrupt: &mut Signal) {
    // Only systemd listens; elsewhere there is nobody to tell.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}
