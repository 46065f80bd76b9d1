//! `kentongan serve` with the role `transcribe`: killed in the middle, alone, and before there is a model.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kentongan::clock::{Clock, SystemClock};
use kentongan::files::Files;
use kentongan::store::{
    CallEnd, CallTrace, Config, Doer, EndReason, EndedBy, JobKind, Made, NewCall, NewMend,
    NewStaff, Password, RecordingEnd, RecordingEndedBy, RecordingState, Retry, Store, Worker,
};
use kentongan::ticket::transcript::{Outcome, Segment, Transcript};
use kentongan::ticket::{Channel, Class, Contact, Intake, RecordingId, Role, StaffId, TicketCode};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::hotline::Hotline;
use crate::transcribe::models;

/// Longer than a minute of speech takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// Puts a ticket into the rows of `data`, whose recording says the complaint so many times.
async fn report(data: &Path, times: usize) -> TicketCode {
    let store = Store::open(&Config::at(data.join("kentongan.sqlite3"))).await.unwrap();
    let files = Files::new(data).unwrap();
    let now = SystemClock.now();
    let caller = Contact::default();
    let call = NewCall {
        sip_call_id: "x".into(),
        trunk: None,
        caller: caller.clone(),
        called: "1".into(),
        started: now,
    };
    let call = store.begin_call(call).await.unwrap();
    let (name, path) = files.recording_path(now, call, "cerita").unwrap();
    let duration = repeated(times, &path);
    let recording = store.begin_recording(call, "cerita", &name, now).await.unwrap();
    let end = RecordingEnd {
        at: now,
        state: RecordingState::Kept,
        ended_by: RecordingEndedBy::Silence,
        duration,
        speech: duration,
    };
    store.end_recording(recording, end).await.unwrap();
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
    let ticket = store.open_ticket(intake, now, &mut StdRng::seed_from_u64(1)).await.unwrap();
    let end = CallEnd {
        at: now,
        reason: EndReason::HungUp,
        ended_by: EndedBy::Caller,
        packets_sent: 0,
        packets_received: 0,
        packets_lost: 0,
        first_audio: None,
        trace: CallTrace { messages: Vec::new(), left_out: 0 },
        steps: Vec::new(),
    };
    store.end_call(call, end).await.unwrap();
    store.close().await;
    ticket.code
}

/// Writes the complaint so many times into one file.
fn repeated(times: usize, to: &Path) -> Duration {
    let complaint = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audio/aduan.wav");
    let complaint = hound::WavReader::open(complaint).unwrap();
    let spec = complaint.spec();
    let samples: Vec<i16> = complaint.into_samples().map(Result::unwrap).collect();
    let mut wav = hound::WavWriter::create(to, spec).unwrap();
    for _ in 0..times {
        samples.iter().for_each(|s| wav.write_sample(*s).unwrap());
    }
    wav.finalize().unwrap();
    Duration::from_secs_f64((samples.len() * times) as f64 / f64::from(spec.sample_rate))
}

/// State and attempts of the only job, and how many transcripts and segments there are.
async fn rows(data: &Path) -> (String, i64, i64, i64) {
    sqlx::query_as(
        "SELECT state, attempts, (SELECT COUNT(*) FROM transcript), (SELECT COUNT(*) FROM transcript_segment) FROM job",
    )
    .fetch_one(&pool(data).await)
    .await
    .unwrap()
}

async fn pool(data: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(data.join("kentongan.sqlite3"));
    SqlitePool::connect_with(options).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "it waits for a process, in real time")]
async fn until_state(data: &Path, state: &str) {
    let start = Instant::now();
    loop {
        let rows = rows(data).await;
        if rows.0 == state {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "not {state}: {rows:?}");
        // Another process: there is no event to wait for.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_was_being_written_down_when_the_program_was_killed_is_done_once() {
    let Some(models) = models("whisper-base") else { return };
    let extra = format!("roles = ['calls', 'transcribe']\n[asr]\nmodels = {models:?}");
    let mut hotline = Hotline::start(&extra).unwrap();
    report(&hotline.data, 4).await;
    until_state(&hotline.data, "leased").await;
    hotline.kill().unwrap();
    assert_eq!(rows(&hotline.data).await, ("leased".into(), 1, 0, 0), "killed in the middle");
    // A minute passes, and the lease is over.
    sqlx::query("UPDATE job SET lease_until = 1")
        .execute(&pool(&hotline.data).await)
        .await
        .unwrap();
    hotline.start_again().unwrap();
    until_state(&hotline.data, "done").await;
    let (_, attempts, transcripts, segments) = rows(&hotline.data).await;
    assert_eq!((attempts, transcripts), (2, 1));
    assert!(segments > 0);
    assert!(hotline.stop().unwrap().success());
}

/// Workers without a hotline, on the data in a folder of their own.
struct Workers {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Workers {
    fn new() -> Workers {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let config = "data = 'data'\nroles = ['calls']\n[asr]\nmodels = 'models'\n";
        std::fs::write(folder.path().join("kentongan.toml"), config).unwrap();
        Workers { folder, child: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kentongan"));
        command
            .arg("--config")
            .arg(self.path("kentongan.toml"))
            .env_remove("KENTONGAN__ASR__MODELS")
            .stdin(Stdio::null());
        command
    }

    fn start(&mut self) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let mut command = self.command();
        command.args(["serve", "--roles", "transcribe"]).stdout(log.try_clone().unwrap());
        self.child = Some(command.stderr(log).spawn().unwrap());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "it waits for a process, in real time")]
    async fn logs(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(start.elapsed() < PATIENCE, "{text:?} was not logged:\n{}", self.log());
            // Another process: there is no event to wait for.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it ended well when it was asked to.
    fn stop(&mut self) -> bool {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::TERM).unwrap();
        child.wait().unwrap().success()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test]
async fn workers_alone_wait_for_a_model_and_take_up_the_queue_when_it_comes() {
    let Some(models) = models("whisper-base") else { return };
    let mut workers = Workers::new();
    let data = workers.path("data");
    report(&data, 1).await;
    workers.start();
    workers.logs("recordings wait to be written down").await;
    assert!(workers.log().contains("kentongan model install whisper-base"), "{}", workers.log());
    assert_eq!(rows(&data).await, ("queued".into(), 0, 0, 0), "no attempt was spent");
    let mut install = workers.command();
    install.args(["model", "install", "whisper-base", "--from"]);
    assert!(install.arg(models.join("whisper-base/model.ggml")).status().unwrap().success());
    until_state(&data, "done").await;
    let (_, attempts, transcripts, segments) = rows(&data).await;
    assert_eq!((attempts, transcripts), (1, 1));
    assert!(segments > 0);
    assert!(workers.stop(), "{}", workers.log());
}

/// Writes down the recording that waits, and lets somebody mend it.
async fn written_down_and_mended(data: &Path, heard: &str, mended: &str) {
    let store = Store::open(&Config::at(data.join("kentongan.sqlite3"))).await.unwrap();
    let (now, minute) = (SystemClock.now(), Duration::from_secs(60));
    let segment = Segment {
        start_ms: 0,
        end_ms: 900,
        text: heard.into(),
        confidence: 0.9,
        doubtful: false,
        words: Vec::new(),
    };
    let mark = segment.mark();
    let transcript = Transcript {
        engine: "whisper".into(),
        model: "whisper-base".into(),
        duration_ms: 1_000,
        outcome: Outcome::Words,
        segments: vec![segment],
    };
    let job = store.lease_job(JobKind::Transcribe, "x", now, minute).await.unwrap().unwrap();
    let made = Made { transcript, cpu: Duration::ZERO };
    store.finish_transcript(&job, made, now).await.unwrap();
    let doer = || Doer { login: "cli".into(), address: String::new() };
    let staff = NewStaff {
        login: "siti".into(),
        name: "Siti".into(),
        role: Role::Operator,
        agency: None,
        password: Password { hash: "none".into(), must_change: false },
    };
    let staff: StaffId = store.add_staff(staff, doer(), now).await.unwrap();
    let (recording, position) = (RecordingId(job.subject), 0);
    let mend = NewMend { recording, position, heard: mark, base: 0, text: mended.into() };
    let worker = Worker { staff, doer: doer(), agency: None };
    store.mend(mend, worker, now).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_was_mended_is_shown_so_and_left_out_when_all_is_written_down_again() {
    let site = Workers::new();
    let data = site.path("data");
    let code = report(&data, 1).await;
    written_down_and_mended(&data, "di pasar bamang", "di Pasar Bamban").await;
    let ask = |args: &[&str]| {
        let output = site.command().args(args).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (well, shown) = ask(&["ticket", "show", code.digits()]);
    assert!(well && shown.contains("di Pasar Bamban") && !shown.contains("bamang"), "{shown}");
    for what in ["all", "failed"] {
        let (well, told) = ask(&["transcribe", "--redo", what]);
        assert!(!well && told.contains("0 recordings are queued"), "{what}: {told}");
        let names_them = told.contains("1 are left out, because somebody has mended them");
        assert_eq!(names_them, what == "all", "{told}");
    }
    let (well, told) = ask(&["transcribe", "--redo", code.digits()]);
    assert!(well && told.contains("1 recordings are queued"), "{told}");

    let store = Store::open(&Config::at(data.join("kentongan.sqlite3"))).await.unwrap();
    let (now, minute) = (SystemClock.now(), Duration::from_secs(60));
    let job = store.lease_job(JobKind::Transcribe, "x", now, minute).await.unwrap().unwrap();
    store.fail_job(&job, "rusak", now, Retry::Never).await.unwrap();
    store.close().await;
    let (_, told) = ask(&["doctor"]);
    assert!(told.contains("rusak; `kentongan transcribe --redo failed` tries again"), "{told}");
}
