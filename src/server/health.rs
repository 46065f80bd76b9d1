//! `/metrics`, `/healthz` and `/readyz`, on loopback.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::call::{Hotline, ROOM};
use crate::clock::Timestamp;

/// The one recorder of this process.
static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Fails only where something else records already; then that something tells the figures.
    let _ = metrics::set_global_recorder(recorder);
    // An alarm on the first failure needs the zero before it.
    for name in COUNTED_FROM_ZERO {
        metrics::counter!(name).increment(0);
    }
    handle
});

/// What an alarm may hang on.
const COUNTED_FROM_ZERO: [&str; 7] = [
    "kentongan_digits_total",
    "kentongan_media_no_first_packet_total",
    "kentongan_media_packets_lost_total",
    "kentongan_packets_lost_total",
    "kentongan_recording_failures_total",
    "kentongan_recordings_total",
    "kentongan_ticket_failures_total",
];

/// The small HTTP server for the machine itself.
pub struct Health {
    address: SocketAddr,
    draining: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

/// How long a recording that failed is told of before the disk is tried, and again after each try.
const TRY_AGAIN: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Facts {
    hotline: Arc<Hotline>,
    draining: Arc<AtomicBool>,
    /// When a recording that failed was first told of, or the disk last tried since.
    tried: Arc<Mutex<Option<Timestamp>>>,
}

impl Facts {
    /// Whether the disk should be tried although a recording failed on it; soon after that, it is believed.
    fn should_try(&self) -> bool {
        let now = self.hotline.clock.now();
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let due = tried.is_some_and(|at| at + TRY_AGAIN <= now);
        if due || tried.is_none() {
            *tried = Some(now);
        }
        due
    }

    fn forget_tries(&self) {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Health {
    /// Listens at `address`.
    pub async fn serve(address: SocketAddr, hotline: Arc<Hotline>) -> anyhow::Result<Health> {
        LazyLock::force(&METRICS);
        let draining = Arc::new(AtomicBool::new(false));
        let facts = Facts { hotline, draining: draining.clone(), tried: Arc::default() };
        let routes = Router::new()
            .route("/metrics", get(metrics_text))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .with_state(facts);
        let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
            format!("[http] listen: {address} cannot be bound; is another kentongan running?")
        })?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "the health server ended");
            }
        });
        Ok(Health { address, draining, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `/readyz` says no from now on.
    pub fn draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn metrics_text(State(facts): State<Facts>) -> String {
    if let Ok(counts) = facts.hotline.store.sms_counts().await {
        metrics::gauge!("kentongan_sms_waiting").set((counts.queued + counts.sending) as f64);
        metrics::gauge!("kentongan_sms_stuck").set((counts.failed + counts.unsure) as f64);
    }
    METRICS.run_upkeep();
    METRICS.render()
}

/// 200 while calls are taken and kept; otherwise 503 and what is wrong, a line each.
async fn ready(State(facts): State<Facts>) -> (StatusCode, String) {
    let faults = faults(&facts).await;
    match faults.is_empty() {
        true => (StatusCode::OK, "ready\n".into()),
        false => (StatusCode::SERVICE_UNAVAILABLE, faults.join("\n") + "\n"),
    }
}

/// Why words would be lost: what the recorder met last, until a try shows that it has passed, or else what a try meets
/// now. A hotline that nobody calls would otherwise tell for ever of a disk that has room again.
async fn recording_fault(facts: &Facts) -> Option<String> {
    let engine = &facts.hotline.engine;
    if let Some(fault) = engine.recorder_fault() {
        if !facts.should_try() || try_disk(&facts.hotline).await.is_some() {
            return Some(format!("recordings cannot be written: {}", fault.message));
        }
        engine.clear_recorder_fault(&fault);
        tracing::info!("recordings can be written again");
    }
    facts.forget_tries();
    try_disk(&facts.hotline).await
}

/// What a try meets.
async fn try_disk(hotline: &Hotline) -> Option<String> {
    let files = hotline.files.clone();
    let tried = tokio::task::spawn_blocking(move || {
        files.ensure_space(ROOM).and_then(|()| files.check_writable())
    });
    match tried.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("recordings cannot be written: {error}")),
        Err(error) => Some(format!("whether recordings can be written is not known: {error}")),
    }
}

async fn faults(facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    if facts.draining.load(Ordering::Relaxed) {
        faults.push("stopping: no new calls are taken".into());
    }
    faults.extend(recording_fault(facts).await);
    if let Err(error) = facts.hotline.store.answers().await {
        faults.push(format!("the database does not answer: {error}"));
    }
    if facts.hotline.engine.is_late() {
        faults.push("the media threads run late: too many calls for this machine".into());
    }
    faults
}
