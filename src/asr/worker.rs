//! Workers: each leases a job, lets a thread of its own listen, and stores what it heard.
//!
//! Calls come first: the threads are nice, and nothing is begun while the media threads run late. A job belongs to a
//! worker for as long as it keeps saying so; one that is killed loses it, and the next does it once. Without a model
//! jobs wait, none is spent, and a model that is installed later is found.

mod load;
mod thread;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::audio::Recording;
use super::{Config, TranscribeError, Transcriber, Watch};
use crate::clock::{Clock, Timestamp};
use crate::files::Files;
use crate::media::prompt::ClipError;
use crate::store::{
    BEAT, Job, JobError, JobKind, Made, Part, Pulse, RecordingRow, Retry, Store, StoreError,
    back_off,
};
use crate::ticket::RecordingId;
use crate::ticket::transcript::Transcript;
use load::Loader;
use thread::{Answer, Heard, Meter};

/// The workers of this process.
pub struct Workers {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Where workers find and leave their work.
pub struct Workplace {
    pub store: Store,
    pub files: Files,
    pub clock: Arc<dyn Clock>,
    /// True while the calls need the whole machine: nothing new is begun.
    pub hold: watch::Receiver<bool>,
}

impl Workers {
    /// Starts as many as `config` says.
    pub fn start(config: &Config, place: Workplace) -> Workers {
        let stop = CancellationToken::new();
        let loader = Loader::new(config.clone(), place.clock.clone());
        let shared = Arc::new(Shared {
            store: place.store,
            files: place.files,
            clock: place.clock,
            config: WorkerConfig {
                workers: config.workers,
                nice: config.nice,
                seconds_per_minute: config.seconds_per_minute,
                pace: PACE,
            },
            load: Box::new(move || loader.load(super::open)),
            listen: Box::new(read_and_listen),
            hold: place.hold,
            stop: stop.clone(),
            engine: Mutex::default(),
            missing_told: AtomicBool::default(),
        });
        let id = std::process::id();
        let start = |n| tokio::spawn(work(shared.clone(), format!("{id}-{n}")));
        Workers { stop, tasks: (0..shared.config.workers).map(start).collect() }
    }

    /// Stops them; what they had begun is given back, to be done after the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                warn!(%error, "a transcription worker broke down");
            }
        }
    }
}

/// How often what is done, in real time.
#[derive(Clone, Copy)]
struct Pace {
    /// How long a job stays a worker's without a word from it. It says so three times as often.
    lease: Duration,
    /// How often jobs of other processes, and those that are due again, are looked for.
    poll: Duration,
    /// How often a missing model is looked for.
    engine: Duration,
    /// The least CPU time a job may take, however short the recording.
    least: Duration,
    /// How many times as long it may take by the wall clock: a worker that stands back from the calls of a busy day is
    /// slow and not stuck.
    patience: u32,
    /// How long a cancelled engine may take to notice. Whisper looks between two passes of its encoder.
    grace: Duration,
}

const PACE: Pace = Pace {
    lease: Duration::from_secs(60),
    poll: Duration::from_secs(5),
    engine: Duration::from_secs(10),
    least: Duration::from_secs(60),
    patience: 20,
    grace: Duration::from_secs(20),
};

struct WorkerConfig {
    workers: usize,
    nice: i32,
    seconds_per_minute: u32,
    pace: Pace,
}

/// Brings an engine with its model, or tells why there is none.
type Load = dyn Fn() -> Result<Arc<dyn Transcriber>, String> + Send + Sync;
/// Writes down one file.
type Listen =
    dyn Fn(&dyn Transcriber, &Path, &Watch) -> Result<Transcript, ListenError> + Send + Sync;

/// Why a file was not written down.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error("cancelled")]
    Cancelled,
    /// Worth another try.
    #[error("{0}")]
    Engine(String),
    /// The disk, which may have a bad hour: worth another try as well.
    #[error("{0}")]
    Disk(String),
    /// The file itself: the next try would meet the same.
    #[error("{0}")]
    File(String),
}

/// What the workers of a process share.
struct Shared {
    store: Store,
    files: Files,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    load: Box<Load>,
    listen: Box<Listen>,
    hold: watch::Receiver<bool>,
    stop: CancellationToken,
    /// Loaded when the first job is due, and kept.
    engine: Mutex<Option<Arc<dyn Transcriber>>>,
    /// That no model is there is said once, not every ten seconds.
    missing_told: AtomicBool,
}

/// How an attempt ended.
enum Attempt {
    Heard(Heard),
    Failed(String, Retry),
    /// The program is being stopped: the attempt does not count.
    Stopped,
    /// Somebody else has the job by now.
    Lost,
}

/// Why an engine was told to stop before it was done.
enum Cut {
    Stop,
    Lost,
    /// It spent more CPU time than this.
    TooLong(Duration),
    /// It was not done after so long, by the wall clock.
    Starved(Duration),
}

/// An attempt that is over, and its thread if that goes on all the same.
struct Ended {
    attempt: Attempt,
    straggler: Option<Answer>,
}

fn read_and_listen(
    engine: &dyn Transcriber,
    path: &Path,
    watch: &Watch,
) -> Result<Transcript, ListenError> {
    let recording = Recording::read(path).map_err(unread)?;
    super::listen(engine, &recording, watch).map_err(|error| match error {
        TranscribeError::Cancelled => ListenError::Cancelled,
        TranscribeError::Engine(reason) => ListenError::Engine(reason),
    })
}

/// Whether it is the file or the disk: what the system itself says of a disk may pass.
fn unread(error: ClipError) -> ListenError {
    let passes = match &error {
        ClipError::Missing(_) => true,
        ClipError::Unreadable { what: hound::Error::IoError(error), .. } => {
            error.raw_os_error().is_some()
        }
        _ => false,
    };
    let reason = error.to_string();
    if passes { ListenError::Disk(reason) } else { ListenError::File(reason) }
}

/// One worker, until the program stops.
async fn work(shared: Arc<Shared>, name: String) {
    let mut hold = shared.hold.clone();
    let mut pulse = Pulse::new(shared.store.clone(), Part::Transcribe);
    while !shared.stop.is_cancelled() {
        pulse.beat(shared.clock.now()).await;
        tokio::select! {
            // Without anybody to say so nothing is held.
            _ = hold.wait_for(|hold| !hold) => {}
            () = rest(&shared, BEAT) => continue,
        }
        // Heard from here on, so that what is queued while this worker looks is not missed.
        let mut changed = std::pin::pin!(shared.store.jobs_changed().notified());
        changed.as_mut().enable();
        let wait = match turn(&shared, &name).await {
            Ok(Turn::Worked) => continue,
            Ok(Turn::Idle) => shared.config.pace.poll,
            Ok(Turn::NoEngine) => {
                rest(&shared, shared.config.pace.engine).await;
                continue;
            }
            Err(error) => {
                warn!(%error, "the jobs cannot be looked at");
                shared.config.pace.poll
            }
        };
        tokio::select! {
            () = changed => {}
            () = rest(&shared, wait) => {}
        }
    }
}

async fn rest(shared: &Shared, wait: Duration) {
    // Too late is as good as stopped.
    let _ = tokio::time::timeout(wait, shared.stop.cancelled()).await;
}

enum Turn {
    Worked,
    Idle,
    NoEngine,
}

/// Does the next job, if there is one and a model to do it with.
async fn turn(shared: &Arc<Shared>, name: &str) -> Result<Turn, StoreError> {
    let now = shared.clock.now();
    let due = shared.store.jobs_due(JobKind::Transcribe, now).await?;
    metrics::gauge!("kentongan_transcriptions_waiting").set(due as f64);
    if due == 0 {
        if let Some(engine) = &*shared.engine.lock().await {
            engine.rest();
        }
        return Ok(Turn::Idle);
    }
    let Some(engine) = engine(shared).await else { return Ok(Turn::NoEngine) };
    let lease = shared.config.pace.lease;
    let job = shared.store.lease_job(JobKind::Transcribe, name, now, lease).await?;
    let Some(job) = job else { return Ok(Turn::Idle) };
    let Ended { attempt, straggler } = attempt(shared, engine, &job).await?;
    let settled = settle(shared, &job, attempt).await;
    if let Some(thread) = straggler {
        until_gone(shared, thread).await;
    }
    match settled {
        Ok(()) => {}
        Err(JobError::Lost(job)) => warn!(job, "another worker took the job over"),
        Err(JobError::Store(error)) => return Err(error),
    }
    Ok(Turn::Worked)
}

/// A thread that does not stop keeps its memory: another one beside it would need as much again, and the next one too.
/// As long as this worker waits it gives no sign of life, and the wall says so.
async fn until_gone(shared: &Shared, thread: Answer) {
    warn!("a transcription that was cancelled goes on: nothing new is begun until it has ended");
    tokio::select! {
        // What it says now is of no use any more.
        _ = thread => {}
        () = shared.stop.cancelled() => {}
    }
}

/// The engine, loaded by whoever needs it first.
async fn engine(shared: &Arc<Shared>) -> Option<Arc<dyn Transcriber>> {
    let mut loaded = shared.engine.lock().await;
    if loaded.is_none() {
        let loader = shared.clone();
        let found = tokio::task::spawn_blocking(move || (loader.load)()).await;
        match found.unwrap_or_else(|error| Err(format!("loading the model broke down: {error}"))) {
            Ok(engine) => {
                info!(engine = engine.engine(), model = engine.model(), "ready to write down");
                *loaded = Some(engine);
            }
            Err(reason) if !shared.missing_told.swap(true, Ordering::Relaxed) => {
                warn!(%reason, "recordings wait to be written down");
            }
            Err(_) => {}
        }
    }
    loaded.clone()
}

/// Lets a thread listen, keeps the lease, and ends it when it must end.
async fn attempt(
    shared: &Arc<Shared>,
    engine: Arc<dyn Transcriber>,
    job: &Job,
) -> Result<Ended, StoreError> {
    let over = |attempt| Ok(Ended { attempt, straggler: None });
    let Some(row) = shared.store.recording(RecordingId(job.subject)).await? else {
        return over(never("the recording is not in the database".into()));
    };
    let path = match locate(shared, job, &row) {
        Ok(path) => path,
        Err(attempt) => return over(attempt),
    };
    let watch = Watch::default();
    let (mut answer, meter) = match thread::start(shared, engine, path, watch.clone()) {
        Ok(started) => started,
        Err(error) => {
            return over(again(shared, job, format!("no thread can be started: {error}")));
        }
    };
    let cut = tokio::select! {
        heard = &mut answer => return over(told(shared, job, heard)),
        cut = cut(shared, job, &row, &meter) => cut,
    };
    watch.cancel();
    let last = tokio::time::timeout(shared.config.pace.grace, &mut answer).await;
    let straggler = last.is_err().then_some(answer);
    let attempt = match (last, cut) {
        // It was done at the same moment.
        (Ok(Ok(Ok(heard))), _) => Attempt::Heard(heard),
        (_, Cut::Stop) => Attempt::Stopped,
        (_, Cut::Lost) => Attempt::Lost,
        (_, Cut::TooLong(limit)) => again(shared, job, too_long(&row, limit)),
        (_, Cut::Starved(limit)) => again(shared, job, starved(&row, limit)),
    };
    Ok(Ended { attempt, straggler })
}

/// Where the recording lies, or what is to become of its job without it.
fn locate(shared: &Shared, job: &Job, row: &RecordingRow) -> Result<PathBuf, Attempt> {
    let path = shared.files.path(&row.file).map_err(|error| never(error.to_string()))?;
    match path.metadata() {
        Ok(kind) if kind.is_file() => Ok(path),
        Ok(_) => Err(never(missing(&path))),
        Err(error) if error.kind() == ErrorKind::NotFound && shared.files.holds_recordings() => {
            Err(never(missing(&path)))
        }
        Err(error) => Err(again(shared, job, format!("{}: {error}", path.display()))),
    }
}

/// Extends the lease until there is a reason to end.
async fn cut(shared: &Shared, job: &Job, row: &RecordingRow, meter: &Meter) -> Cut {
    let Pace { lease, least, patience, .. } = shared.config.pace;
    let per_minute = Duration::from_secs(shared.config.seconds_per_minute.into());
    let limit = per_minute.mul_f64(row.duration_ms as f64 / 60_000.0).max(least);
    let mut beat = tokio::time::interval(lease / 3);
    let began = Instant::now();
    let mut starved = std::pin::pin!(tokio::time::sleep(limit * patience));
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return Cut::Stop,
            () = &mut starved => return Cut::Starved(limit * patience),
            _ = beat.tick() => {
                if meter.cpu().unwrap_or_else(|| began.elapsed()) > limit {
                    return Cut::TooLong(limit);
                }
                match shared.store.extend_lease(job, shared.clock.now() + lease).await {
                    Ok(()) => {}
                    Err(JobError::Lost(_)) => return Cut::Lost,
                    // The database may be back before the lease is over.
                    Err(JobError::Store(error)) => warn!(%error, job = job.id, "a lease cannot be extended"),
                }
            }
        }
    }
}

/// What a thread's answer amounts to.
fn told(
    shared: &Shared,
    job: &Job,
    answer: Result<Result<Heard, ListenError>, oneshot::error::RecvError>,
) -> Attempt {
    match answer {
        Ok(Ok(heard)) => Attempt::Heard(heard),
        Ok(Err(ListenError::File(reason))) => never(reason),
        Ok(Err(error)) => again(shared, job, error.to_string()),
        Err(_) => again(shared, job, "the engine broke down; the log has its last words".into()),
    }
}

fn again(shared: &Shared, job: &Job, reason: String) -> Attempt {
    Attempt::Failed(reason, Retry::At(shared.clock.now() + back_off(job.attempts)))
}

fn never(reason: String) -> Attempt {
    Attempt::Failed(reason, Retry::Never)
}

fn missing(path: &Path) -> String {
    format!(
        "{} is missing: restore it from a backup, then run `kentongan transcribe --redo failed`",
        path.display()
    )
}

fn too_long(row: &RecordingRow, limit: Duration) -> String {
    format!(
        "{:.0} s of audio took longer than {:.0} s: install a smaller model, or raise [asr] seconds_per_minute",
        row.duration_ms as f64 / 1000.0,
        limit.as_secs_f64()
    )
}

fn starved(row: &RecordingRow, limit: Duration) -> String {
    format!(
        "{:.0} s of audio were not done after {:.0} minutes: the calls, or something else, leave the workers too little of the processor",
        row.duration_ms as f64 / 1000.0,
        limit.as_secs_f64() / 60.0
    )
}

/// Writes down how an attempt ended.
async fn settle(shared: &Shared, job: &Job, attempt: Attempt) -> Result<(), JobError> {
    let now = shared.clock.now();
    let outcome = match attempt {
        Attempt::Heard(heard) => match keep(shared, job, heard, now).await {
            Ok(()) => "done",
            Err(JobError::Store(error)) => {
                let reason = format!("what was written down cannot be stored: {error}");
                give_up(shared, job, &reason, Retry::At(now + back_off(job.attempts))).await?;
                "failed"
            }
            Err(lost) => return Err(lost),
        },
        Attempt::Failed(reason, retry) => {
            give_up(shared, job, &reason, retry).await?;
            "failed"
        }
        Attempt::Stopped => {
            shared.store.release_job(job).await?;
            "given back"
        }
        Attempt::Lost => return Err(JobError::Lost(job.id)),
    };
    metrics::counter!("kentongan_transcriptions_total", "outcome" => outcome).increment(1);
    Ok(())
}

async fn keep(shared: &Shared, job: &Job, heard: Heard, now: Timestamp) -> Result<(), JobError> {
    let made = Made { transcript: heard.transcript, cpu: heard.cpu };
    let audio = f64::from(made.transcript.duration_ms) / 1000.0;
    let cpu = made.cpu.as_secs_f64();
    shared.store.finish_transcript(job, made, now).await?;
    metrics::histogram!("kentongan_transcription_audio_seconds").record(audio);
    metrics::histogram!("kentongan_transcription_cpu_seconds").record(cpu);
    info!(recording = job.subject, audio, cpu, "written down");
    Ok(())
}

/// For now, or for good.
async fn give_up(shared: &Shared, job: &Job, reason: &str, retry: Retry) -> Result<(), JobError> {
    warn!(recording = job.subject, attempt = job.attempts, %reason, "not written down");
    shared.store.fail_job(job, reason, shared.clock.now(), retry).await
}

#[cfg(test)]
mod tests;
