//! A hotline with people who work there and reports that came in.

use std::path::Path;
use std::time::Duration;

use kentongan::clock::{Clock, SystemClock, Timestamp};
use kentongan::files::Files;
use kentongan::store::*;
use kentongan::ticket::transcript::{Outcome, Segment, Transcript, Word};
use kentongan::ticket::workflow::{Action, Given};
use kentongan::ticket::{CallId, Channel, Contact, Intake, RecordingId, Role, TicketCode};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::reports::Told;
use crate::caller::kentongan;
use crate::hotline::{Hotline, slow};

/// Browsers are heavy: only so many offices work at once.
static ROOM: Semaphore = Semaphore::const_new(3);

/// A site that is open.
pub struct Office {
    pub hotline: Hotline,
    pub store: Store,
    files: Files,
    _room: SemaphorePermit<'static>,
}

impl Office {
    /// Opens one, if slow tests are wanted.
    pub async fn open() -> Option<Office> {
        if !slow() {
            return None;
        }
        let room = ROOM.acquire().await.unwrap();
        let hotline = Hotline::start("").unwrap();
        let store = Store::open(&Config::at(hotline.database())).await.unwrap();
        let files = Files::new(&hotline.data).unwrap();
        Some(Office { hotline, store, files, _room: room })
    }

    /// Takes somebody in by the command line; what it hands over is the first password.
    pub fn hire(&self, login: &str, name: &str, role: Role) -> String {
        let config = self.hotline.config();
        let config = config.to_str().unwrap();
        let add = ["--config", config, "user", "add", login, "--name", name, "--role", role.id()];
        let (output, text) = kentongan(&add, "");
        assert!(output.status.success(), "{text}");
        text.trim().to_owned()
    }

    /// Everything that was told, with what became of it.
    pub async fn hears_all(&self, told: &[Told]) -> Vec<TicketCode> {
        self.hire("dewi", "Dewi Lestari", Role::Operator);
        let mut codes = Vec::new();
        for told in told.iter().rev() {
            codes.push(self.hears(told).await);
        }
        codes.reverse();
        codes
    }

    /// One report, with what became of it.
    pub async fn hears(&self, told: &Told) -> TicketCode {
        self.takes_in(told, false).await
    }

    /// One report that was hard to understand.
    pub async fn hears_badly(&self, told: &Told) -> TicketCode {
        self.takes_in(told, true).await
    }

    async fn takes_in(&self, told: &Told, doubtful: bool) -> TicketCode {
        let now = SystemClock.now();
        let at = Timestamp(now.0 - i64::from(told.minutes) * 60_000);
        let ticket = if told.spoken {
            self.phoned(told, at, doubtful).await
        } else {
            self.wrote(told, at).await
        };
        if told.steps.is_empty() {
            return ticket.code;
        }
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (class, category, place) = (told.class, filled(told.category), filled(told.place));
        self.work(&ticket.code, Change::Classify { class, category, place }, at).await;
        for (n, action) in (1..).zip(told.steps) {
            let given = given(*action, told.agency);
            let change = Change::Step { action: *action, given };
            let after = Timestamp(at.0 + n * (now.0 - at.0) / 8);
            self.work(&ticket.code, change, after).await;
        }
        ticket.code
    }

    async fn wrote(&self, told: &Told, at: Timestamp) -> Ticket {
        let text = Some(told.text.join(" "));
        self.opens(Intake { text, ..intake(told, Channel::Sms) }, at).await
    }

    /// A call with its recording and the transcript of it.
    async fn phoned(&self, told: &Told, at: Timestamp, doubtful: bool) -> Ticket {
        let call = NewCall {
            sip_call_id: format!("{}@10.20.0.4", at.0),
            trunk: Some("telkom".into()),
            caller: Contact { number: Some(told.number.into()), asserted: true },
            called: "+625312106000".into(),
            started: Timestamp(at.0 - 70_000),
        };
        let call = self.store.begin_call(call).await.unwrap();
        let (recording, length) = self.recorded(call, at).await;
        self.store.end_call(call, ended(at)).await.unwrap();
        let intake = Intake {
            call: Some(call),
            recordings: vec![recording],
            ..intake(told, Channel::Phone)
        };
        let ticket = self.opens(intake, at).await;
        let lease = Duration::from_secs(60);
        let job =
            self.store.lease_job(JobKind::Transcribe, "test", at, lease).await.unwrap().unwrap();
        let mut transcript = transcript(told.text, length);
        transcript.segments[0].doubtful = doubtful;
        let made = Made { transcript, cpu: Duration::from_secs(6) };
        self.store.finish_transcript(&job, made, at).await.unwrap();
        ticket
    }

    /// The words of the shipped complaint: what browsers play.
    async fn recorded(&self, call: CallId, at: Timestamp) -> (RecordingId, Duration) {
        let (name, path) = self.files.recording_path(at, call, "cerita").unwrap();
        let voice = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/aduan.wav");
        std::fs::copy(&voice, path).unwrap();
        let wav = hound::WavReader::open(voice).unwrap();
        let duration = Duration::from_millis(u64::from(wav.duration()) / 8);
        let begun = Timestamp(at.0 - 30_000);
        let recording = self.store.begin_recording(call, "cerita", &name, begun).await.unwrap();
        let end = RecordingEnd {
            at: begun + duration,
            state: RecordingState::Kept,
            ended_by: RecordingEndedBy::Stopped,
            duration,
            speech: duration,
        };
        self.store.end_recording(recording, end).await.unwrap();
        (recording, duration)
    }

    async fn opens(&self, intake: Intake, at: Timestamp) -> Ticket {
        self.store.open_ticket(intake, at, &mut random()).await.unwrap()
    }

    async fn work(&self, code: &TicketCode, change: Change, at: Timestamp) {
        let row = self.store.staff_by_login("dewi").await.unwrap().expect("Dewi works here");
        let doer = Doer { login: row.login, address: "10.20.0.31".into() };
        let worker = Worker { staff: row.id, doer, agency: None };
        let version = self.store.ticket(code).await.unwrap().unwrap().ticket.version;
        let work = Work { code: code.clone(), version, change, nonce: format!("{code} {version}") };
        self.store.work(work, worker, at).await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "each hotline has codes of its own")]
fn random() -> impl rand::CryptoRng {
    rand::rng()
}

fn intake(told: &Told, channel: Channel) -> Intake {
    Intake {
        channel,
        class: told.class,
        contact: Contact { number: Some(told.number.into()), asserted: channel == Channel::Phone },
        call: None,
        recordings: Vec::new(),
        text: None,
        anonymous: false,
        confidential: false,
    }
}

fn ended(at: Timestamp) -> CallEnd {
    let step = |seconds: i64, step: &str, what: &str| Step {
        at: Timestamp(at.0 - 1000 * seconds),
        step: step.into(),
        what: what.into(),
    };
    CallEnd {
        at: Timestamp(at.0 - 5_000),
        reason: EndReason::Completed,
        ended_by: EndedBy::Hotline,
        packets_sent: 3_250,
        packets_received: 3_241,
        packets_lost: 9,
        first_audio: Some(Timestamp(at.0 - 69_000)),
        trace: CallTrace::default(),
        steps: vec![
            step(70, "salam", "enter"),
            step(61, "menu", "enter"),
            step(55, "menu", "key 1"),
            step(55, "cerita", "enter"),
            step(14, "periksa", "enter"),
            step(12, "periksa", "key #"),
        ],
    }
}

/// What a step of the workflow asks for.
fn given(action: Action, agency: &str) -> Given {
    let text = |text: &str| Some(text.to_owned());
    match action {
        Action::Route => Given { agency: text(agency), ..Given::default() },
        Action::RequestData => {
            Given { note: text("Tanggal dan jam kejadian?"), ..Given::default() }
        }
        Action::Reject => {
            Given { note: text("Bukan laporan; pelapor salah nomor."), ..Given::default() }
        }
        Action::Answer => Given {
            answer: text(
                "Terima kasih atas laporannya. Jadwal layanan sudah kami tegaskan kepada petugas, dan mulai Senin loket dibuka sampai pukul 12.00.",
            ),
            ..Given::default()
        },
        Action::Close => Given { note: text("Foto lapangan, 27 November."), ..Given::default() },
        _ => Given::default(),
    }
}

/// The sentences one after the other over the whole length, each word as long as it is written; one word of each is not
/// quite sure.
fn transcript(sentences: &[&str], length: Duration) -> Transcript {
    let letters: usize = sentences.iter().map(|sentence| sentence.len() + 1).sum();
    let (duration_ms, mut at) = (length.as_millis() as u32, 0);
    let mut take = |letters_taken: usize| {
        let start = at;
        at += duration_ms * letters_taken as u32 / letters as u32;
        (start, at)
    };
    let segments = sentences.iter().map(|sentence| {
        let mut words = Vec::new();
        for (n, text) in sentence.split(' ').enumerate() {
            let (start_ms, end_ms) = take(text.len() + 1);
            let confidence = if n == 3 { 0.35 } else { 0.9 };
            words.push(Word { start_ms, end_ms, text: text.into(), confidence });
        }
        Segment {
            start_ms: words[0].start_ms,
            end_ms: words[words.len() - 1].end_ms,
            text: (*sentence).into(),
            confidence: 0.8,
            doubtful: false,
            words,
        }
    });
    Transcript {
        engine: "whisper".into(),
        model: "whisper-base".into(),
        duration_ms,
        outcome: Outcome::Words,
        segments: segments.collect(),
    }
}
