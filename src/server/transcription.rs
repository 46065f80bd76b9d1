//! `serve --roles transcribe`: workers alone, beside a hotline on the same data or while it rests.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::info;

use crate::asr::worker::{Workers, Workplace};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::files::Files;
use crate::store::Store;

/// Workers that are up.
pub struct Transcription {
    store: Store,
    workers: Workers,
}

impl Transcription {
    /// Starts them on data that a hotline has made.
    pub async fn start(config: Config) -> anyhow::Result<Transcription> {
        let store = Store::open_existing(&config.store()).await?;
        let files = Files::new(&config.data)?;
        // Another process takes the calls: only the threads' priority can tell that they come first.
        let (_, hold) = watch::channel(false);
        let place = Workplace { store: store.clone(), files, clock: Arc::new(SystemClock), hold };
        let workers = Workers::start(&config.asr, place);
        info!(workers = config.asr.workers, "ready to write down recordings");
        Ok(Transcription { store, workers })
    }

    /// Gives back what was begun, and ends.
    pub async fn stop(self) {
        self.workers.stop().await;
        self.store.close().await;
        info!("stopped");
    }
}
