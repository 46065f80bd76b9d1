//! A worker with an engine that does as it is told. Times are the store's clock; the waits between are milliseconds.

use std::sync::atomic::AtomicUsize;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::asr::TranscribeError;
use crate::clock::{TestClock, Timestamp};
use crate::store::{Counts, NewCall, RecordingEnd, RecordingEndedBy, RecordingState};
use crate::ticket::transcript::{Outcome, Segment};
use crate::ticket::{Channel, Class, Contact, Intake};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

struct Fake;

impl Transcriber for Fake {
    fn engine(&self) -> &'static str {
        "fake"
    }

    fn model(&self) -> &str {
        "fake-1"
    }

    fn transcribe(&self, _: &[f32], _: &Watch) -> Result<Vec<Segment>, TranscribeError> {
        Ok(Vec::new())
    }
}

fn said(engine: &dyn Transcriber) -> Transcript {
    Transcript {
        engine: engine.engine().into(),
        model: engine.model().into(),
        duration_ms: 3_000,
        outcome: Outcome::NoSpeech,
        segments: Vec::new(),
    }
}

/// A store with recordings that wait, and what a worker needs.
struct Site {
    _folder: tempfile::TempDir,
    store: Store,
    files: Files,
    clock: Arc<TestClock>,
    hold: watch::Sender<bool>,
    stop: CancellationToken,
    pace: Pace,
    recordings: Vec<RecordingId>,
}

impl Site {
    async fn with(recordings: usize) -> Site {
        Site::on(Store::in_memory().await.unwrap(), recordings).await
    }

    async fn on(store: Store, recordings: usize) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let ms = Duration::from_millis;
        let mut site = Site {
            store,
            pace: Pace {
                lease: ms(60),
                poll: ms(5),
                engine: ms(5),
                least: ms(50),
                patience: 1_000,
                grace: ms(5_000),
            },
            files: Files::new(folder.path()).unwrap(),
            _folder: folder,
            clock: Arc::new(TestClock::at(NOW)),
            hold: watch::channel(false).0,
            stop: CancellationToken::new(),
            recordings: Vec::new(),
        };
        for _ in 0..recordings {
            site.record().await;
        }
        site
    }

    async fn record(&mut self) {
        let caller = Contact::default();
        let call = NewCall {
            sip_call_id: "x".into(),
            trunk: None,
            caller: caller.clone(),
            called: "1".into(),
            started: NOW,
        };
        let call = self.store.begin_call(call).await.unwrap();
        let (name, path) = self.files.recording_path(NOW, call, "story").unwrap();
        std::fs::write(path, "the fake does not look").unwrap();
        let recording = self.store.begin_recording(call, "story", &name, NOW).await.unwrap();
        let end = RecordingEnd {
            at: NOW,
            state: RecordingState::Kept,
            ended_by: RecordingEndedBy::Silence,
            duration: Duration::from_secs(3),
            speech: Duration::from_secs(2),
        };
        self.store.end_recording(recording, end).await.unwrap();
        let intake = Intake {
            channel: Channel::Phone,
            class: Class::Complaint,
            contact: caller,
            call: Some(call),
            recordings: vec![recording],
            text: None,
            anonymous: false,
            confidential: false,
        };
        let mut rng = StdRng::seed_from_u64(call.0 as u64);
        self.store.open_ticket(intake, NOW, &mut rng).await.unwrap();
        self.recordings.push(recording);
    }

    fn start(
        &self,
        name: &str,
        load: Box<Load>,
        listen: Box<Listen>,
    ) -> tokio::task::JoinHandle<()> {
        let pace = self.pace;
        let shared = Shared {
            store: self.store.clone(),
            files: self.files.clone(),
            clock: self.clock.clone(),
            config: WorkerConfig { workers: 1, nice: 10, seconds_per_minute: 0, pace },
            load,
            listen,
            hold: self.hold.subscribe(),
            stop: self.stop.clone(),
            engine: Mutex::default(),
            missing_told: AtomicBool::default(),
        };
        tokio::spawn(work(Arc::new(shared), name.into()))
    }

    /// Waits until the rows look like this.
    async fn until(&self, what: impl Fn(&Counts) -> bool) -> Counts {
        let looking = async {
            loop {
                let counts = self.store.counts().await.unwrap();
                if what(&counts) {
                    return counts;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looking).await.expect("it comes to pass")
    }

    async fn stopped(&self, worker: tokio::task::JoinHandle<()>) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), worker).await.unwrap().unwrap();
    }

    async fn failure(&self) -> String {
        self.store.newest_failure(JobKind::Transcribe).await.unwrap().unwrap().reason
    }

    async fn written(&self) -> usize {
        let mut written = 0;
        for &recording in &self.recordings {
            written += usize::from(self.store.transcript(recording).await.unwrap().is_some());
        }
        written
    }

    async fn until_written(&self, n: usize) {
        let looking = async { while self.written().await < n {} };
        tokio::time::timeout(Duration::from_secs(20), looking).await.expect("it is written down");
    }
}

fn ready() -> Box<Load> {
    Box::new(|| Ok(Arc::new(Fake)))
}

/// A listener that works until it is cancelled, and tells that it began.
fn endless(began: Arc<tokio::sync::Notify>) -> Box<Listen> {
    Box::new(move |_, _, watch| {
        began.notify_one();
        while !watch.is_cancelled() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Err(ListenError::Cancelled)
    })
}

#[tokio::test]
async fn recordings_are_written_down_by_a_thread_that_yields() {
    let mut site = Site::with(2).await;
    let (told, nice) = std::sync::mpsc::channel();
    let listen: Box<Listen> = Box::new(move |engine, path, _| {
        assert!(path.is_file());
        let this = Some(rustix::thread::gettid());
        told.send(rustix::process::getpriority_process(this).unwrap()).unwrap();
        Ok(said(engine))
    });
    let worker = site.start("a", ready(), listen);
    site.until_written(2).await;
    // It sleeps now, and is woken by the next one.
    site.record().await;
    site.until_written(3).await;
    site.stopped(worker).await;
    assert_eq!(nice.iter().collect::<Vec<i32>>(), [10, 10, 10]);
    let row = site.store.transcript(site.recordings[0]).await.unwrap().unwrap();
    assert_eq!((row.transcript.engine.as_str(), row.made), ("fake", NOW));
    let here = rustix::process::getpriority_process(None).unwrap();
    assert!(here < 19, "the calls' threads keep their priority");
}

#[tokio::test]
async fn an_engine_that_fails_is_asked_again_after_a_while_and_given_up_at_last() {
    let site = Site::with(1).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let listen: Box<Listen> = Box::new(move |_, _, _| match count.fetch_add(1, Ordering::SeqCst) {
        // A panic is a failure like any other.
        0 => panic!("as asked"),
        _ => Err(ListenError::Engine("out of memory".into())),
    });
    let worker = site.start("a", ready(), listen);
    for attempt in 1..=crate::store::ATTEMPTS {
        let given_up = i64::from(attempt == crate::store::ATTEMPTS);
        site.until(|c| {
            asked.load(Ordering::SeqCst) as i64 == attempt
                && c.jobs_queued + c.jobs_failed == 1
                && c.jobs_failed == given_up
        })
        .await;
        site.clock.advance(back_off(attempt) - Duration::from_millis(1));
        assert_eq!(site.store.jobs_due(JobKind::Transcribe, site.clock.now()).await.unwrap(), 0);
        site.clock.advance(Duration::from_millis(1));
    }
    site.stopped(worker).await;
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    assert_eq!(site.failure().await, "out of memory");
}

#[tokio::test]
async fn a_missing_or_broken_file_is_told_at_once() {
    let site = Site::with(2).await;
    let row = site.store.recording(site.recordings[0]).await.unwrap().unwrap();
    std::fs::remove_file(site.files.path(&row.file).unwrap()).unwrap();
    let listen: Box<Listen> = Box::new(|_, _, _| Err(ListenError::File("no WAV".into())));
    let worker = site.start("a", ready(), listen);
    site.until(|c| c.jobs_failed == 1).await;
    assert!(site.failure().await.contains("is missing: restore it"), "{}", site.failure().await);
    site.until(|c| c.jobs_failed == 2).await;
    assert_eq!(site.failure().await, "no WAV");
    site.stopped(worker).await;
}

#[tokio::test]
async fn a_shutdown_cancels_and_gives_the_job_back_uncounted() {
    let site = Site::with(1).await;
    let began = Arc::new(tokio::sync::Notify::new());
    let worker = site.start("a", ready(), endless(began.clone()));
    began.notified().await;
    site.stopped(worker).await;
    assert_eq!(site.store.counts().await.unwrap().jobs_queued, 1);
    let lease = Duration::from_secs(60);
    let job = site.store.lease_job(JobKind::Transcribe, "b", NOW, lease).await.unwrap().unwrap();
    assert_eq!(job.attempts, 1);
}

/// Why the last of all attempts was ended.
async fn given_up(site: &Site, listen: Box<Listen>) -> String {
    let worker = site.start("a", ready(), listen);
    let fails = async {
        loop {
            let counts = site.store.counts().await.unwrap();
            if counts.jobs_failed == 1 {
                break;
            }
            let due = site.store.jobs_due(JobKind::Transcribe, site.clock.now()).await.unwrap();
            if counts.jobs_queued == 1 && due == 0 {
                site.clock.advance(back_off(crate::store::ATTEMPTS));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), fails).await.expect("it is given up");
    site.stopped(worker).await;
    site.failure().await
}

#[tokio::test]
async fn what_takes_too_long_is_cancelled_and_told() {
    let site = Site::with(1).await;
    let listen: Box<Listen> = Box::new(|_, _, watch| {
        while !watch.is_cancelled() {
            std::hint::spin_loop();
        }
        Err(ListenError::Cancelled)
    });
    let reason = given_up(&site, listen).await;
    assert!(reason.contains("3 s of audio") && reason.contains("smaller model"), "{reason}");
}

#[tokio::test]
async fn what_never_ends_is_given_up_by_the_wall_clock() {
    let mut site = Site::with(1).await;
    site.pace.patience = 2;
    let reason = given_up(&site, endless(Arc::default())).await;
    assert!(reason.contains("too little of the processor"), "{reason}");
}

#[tokio::test]
async fn who_gets_little_of_the_processor_may_take_longer() {
    let site = Site::with(1).await;
    let (pace, waits) = (site.pace, AtomicUsize::new(0));
    let listen: Box<Listen> = Box::new(move |engine, _, watch| {
        waits.fetch_add(1, Ordering::SeqCst);
        // Six times what it may spend.
        std::thread::sleep(pace.least * 6);
        if watch.is_cancelled() { Err(ListenError::Cancelled) } else { Ok(said(engine)) }
    });
    let worker = site.start("a", ready(), listen);
    site.until_written(1).await;
    site.stopped(worker).await;
}

#[tokio::test]
async fn as_long_as_a_thread_does_not_stop_nothing_else_is_begun() {
    let mut site = Site::with(2).await;
    (site.pace.patience, site.pace.grace) = (1, Duration::from_millis(5));
    let (asked, free) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, freed) = (asked.clone(), free.clone());
    let listen: Box<Listen> = Box::new(move |engine, _, _| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            while !freed.load(Ordering::SeqCst) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        Ok(said(engine))
    });
    let worker = site.start("a", ready(), listen);
    site.until(|c| asked.load(Ordering::SeqCst) == 1 && c.jobs_queued == 2).await;
    for _ in 0..100 {
        site.until(|c| c.jobs_queued == 2).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the job was given back, its thread goes on");
    free.store(true, Ordering::SeqCst);
    site.until_written(1).await;
    site.stopped(worker).await;
}

#[tokio::test]
async fn a_disk_that_is_away_spends_no_job() {
    let site = Site::with(1).await;
    let row = site.store.recording(site.recordings[0]).await.unwrap().unwrap();
    let recordings = site._folder.path().join("recordings");
    let away = site._folder.path().join("away");
    std::fs::rename(&recordings, &away).unwrap();
    // As where a disk is not mounted.
    std::fs::create_dir(&recordings).unwrap();
    let worker = site.start("a", ready(), Box::new(|engine, _, _| Ok(said(engine))));
    let due = async || site.store.jobs_due(JobKind::Transcribe, site.clock.now()).await.unwrap();
    while due().await > 0 || site.store.counts().await.unwrap().jobs_queued == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.store.counts().await.unwrap().jobs_failed, 0);
    std::fs::remove_dir(&recordings).unwrap();
    std::fs::rename(&away, &recordings).unwrap();
    assert!(site.files.path(&row.file).unwrap().is_file());
    site.clock.advance(back_off(1));
    site.until_written(1).await;
    site.stopped(worker).await;
}

#[test]
fn a_file_that_is_broken_is_told_from_a_disk_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    for bytes in [&b"no WAV"[..], b"RIFF\xff\xff\0\0WAVEfmt \x10\0", b""] {
        std::fs::write(&path, bytes).unwrap();
        let error = unread(Recording::read(&path).unwrap_err());
        assert!(matches!(error, ListenError::File(_)), "{bytes:?}: {error:?}");
    }
    let what = hound::Error::IoError(std::io::Error::from_raw_os_error(5));
    let error = unread(ClipError::Unreadable { path, what });
    assert!(matches!(error, ListenError::Disk(_)), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_stored_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kentongan.db");
    let store = Store::open(&crate::store::Config::at(&path)).await.unwrap();
    let site = Site::on(store, 1).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let other = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let trigger = "CREATE TRIGGER broken BEFORE INSERT ON transcript BEGIN SELECT RAISE(ABORT, 'as asked'); END";
    sqlx::query(trigger).execute(&other).await.unwrap();
    let reason = given_up(&site, Box::new(|engine, _, _| Ok(said(engine)))).await;
    assert!(reason.contains("cannot be stored") && reason.contains("as asked"), "{reason}");
}

#[tokio::test]
async fn without_a_model_jobs_wait_and_none_is_spent() {
    let site = Site::with(2).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let load: Box<Load> = Box::new(move || match count.fetch_add(1, Ordering::SeqCst) {
        0..20 => Err("no model is installed".into()),
        _ => Ok(Arc::new(Fake)),
    });
    let attempts = site.store.clone();
    let listen: Box<Listen> = Box::new(|engine, _, _| Ok(said(engine)));
    let worker = site.start("a", load, listen);
    site.until_written(2).await;
    site.stopped(worker).await;
    assert_eq!(asked.load(Ordering::SeqCst), 21, "loaded once, after it was missing 20 times");
    assert_eq!(attempts.newest_failure(JobKind::Transcribe).await.unwrap(), None);
}

#[tokio::test]
async fn while_the_calls_need_the_machine_nothing_is_begun() {
    let site = Site::with(1).await;
    site.hold.send_replace(true);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let load: Box<Load> = Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Fake))
    });
    let worker = site.start("a", load, Box::new(|engine, _, _| Ok(said(engine))));
    for _ in 0..100 {
        site.until(|c| c.jobs_queued == 1).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    site.hold.send_replace(false);
    site.until_written(1).await;
    site.stopped(worker).await;
}

#[tokio::test]
async fn what_a_dead_worker_held_is_done_once_by_the_next() {
    let site = Site::with(1).await;
    let lease = Duration::from_secs(60);
    let dead =
        site.store.lease_job(JobKind::Transcribe, "dead", NOW, lease).await.unwrap().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let listen: Box<Listen> = Box::new(move |engine, _, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(said(engine))
    });
    let worker = site.start("next", ready(), listen);
    site.clock.advance(lease);
    site.until_written(1).await;
    let made = Made { transcript: said(&Fake), cpu: Duration::ZERO };
    let late = site.store.finish_transcript(&dead, made, site.clock.now()).await;
    assert!(matches!(late, Err(JobError::Lost(_))), "{late:?}");
    site.stopped(worker).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stops_and_stores_nothing() {
    let site = Site::with(1).await;
    let began = Arc::new(tokio::sync::Notify::new());
    let (ended, end) = oneshot::channel();
    let ended = std::sync::Mutex::new(Some(ended));
    let inner = endless(began.clone());
    let listen: Box<Listen> = Box::new(move |engine, path, watch| {
        let out = inner(engine, path, watch);
        ended.lock().unwrap().take().map(|ended| ended.send(()));
        out
    });
    let worker = site.start("slow", ready(), listen);
    began.notified().await;
    // The machine slept through the lease, and somebody else came.
    let later = NOW + Duration::from_secs(3600);
    let lease = Duration::from_secs(60);
    let job = site.store.lease_job(JobKind::Transcribe, "b", later, lease).await.unwrap().unwrap();
    end.await.unwrap();
    site.stopped(worker).await;
    let made = Made { transcript: said(&Fake), cpu: Duration::ZERO };
    site.store.finish_transcript(&job, made, later).await.unwrap();
}
