//! The console as a browser meets it: requests in, pages out, on rows in memory and recordings in a folder.

mod access;
mod calls;
mod code;
mod forms;
mod live;
mod mends;
mod menu;
mod pages;
mod prompts;
mod queries;
mod sign_in;
mod sound;
mod trust;

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tower::ServiceExt as _;

use super::Config;
use super::*;
use crate::clock::TestClock;
use crate::store::*;
use crate::ticket::transcript::{Outcome, Segment, Transcript, Word, mark};
use crate::ticket::workflow::{Action, Given};
use crate::ticket::{
    CallId, Channel, Class, Contact, Intake, RecordingId, Role, StaffId, TicketCode,
};

/// 18 Nov 2026 18.06 in Jakarta.
const NOW: Timestamp = Timestamp(1_795_000_000_000);
/// Nobody chose this one; it fits the rules.
const PASSWORD: &str = "kuda baterai staples";

/// An office with one person of each role, all of them signed in.
struct Office {
    console: Arc<Console>,
    router: Router,
    clock: Arc<TestClock>,
    folder: tempfile::TempDir,
}

/// What came back.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    fn cookie(&self) -> Option<String> {
        let cookie = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        Some(cookie.split(';').next().unwrap().to_owned())
    }

    /// The page without what is another one each time.
    fn steady(&self) -> String {
        let mut text = self.text();
        for (before, after) in [("name=\"nonce\" value=\"", "\""), ("?v=", "\"")] {
            let parts: Vec<&str> = text.split(before).collect();
            let rest = parts[1..].iter().map(|part| {
                let end = part.find(after).unwrap();
                format!("{before}…{}", &part[end..])
            });
            text = parts[0].to_owned() + &rest.collect::<String>();
        }
        text.lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Office {
    async fn new() -> Office {
        Office::with(Config::default()).await
    }

    async fn with(config: Config) -> Office {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::at(NOW));
        let console = Arc::new(Console {
            store: Store::in_memory().await.unwrap(),
            files: Files::new(folder.path()).unwrap(),
            clock: clock.clone(),
            zone: TimeZone::get("Asia/Jakarta").unwrap(),
            suggester: Suggester::shipped().ok(),
            passwords: Passwords::default(),
            authority: None,
            prompts_folder: concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/id").into(),
            opus: Opus::default(),
            prompts: Prompts::default(),
            config,
            service: Service::default(),
            live: Arc::new(Live::checking(Duration::from_millis(20))),
        });
        let office = Office { router: routes(console.clone()), console, clock, folder };
        for role in Role::ALL {
            office.hire(role.id(), role).await;
        }
        office
    }

    /// The same office, of whose service its settings tell.
    fn reached_by(self, service: Service) -> Office {
        let Office { console, router, clock, folder } = self;
        drop(router);
        let mut console = Arc::into_inner(console).expect("nobody else has it");
        console.service = service;
        let console = Arc::new(console);
        Office { router: routes(console.clone()), console, clock, folder }
    }

    fn store(&self) -> &Store {
        &self.console.store
    }

    /// Adds somebody with a session whose token is the login.
    async fn hire(&self, login: &str, role: Role) -> StaffId {
        let agency = (role == Role::AgencyOfficer).then(|| "dpupr".to_owned());
        let password = Password { hash: "x".into(), must_change: false };
        let new =
            NewStaff { login: login.into(), name: "Siti Aminah".into(), role, agency, password };
        let staff = self.store().add_staff(new, doer("cli"), NOW).await.unwrap();
        let session = NewSession {
            token: secret::hash(login),
            replaces: None,
            staff,
            doer: doer(login),
            stage: Stage::Full,
            secret: None,
            browser: String::new(),
            ends: NOW + Duration::from_secs(12 * 3600),
        };
        self.store().begin_session(session, NOW).await.unwrap();
        staff
    }

    async fn ask(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        // A stream does not end.
        let endless =
            parts.headers.get(header::CONTENT_TYPE).is_some_and(|t| t == "text/event-stream");
        let body = if endless { Body::empty() } else { body };
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Page { status: parts.status, headers: parts.headers, body }
    }

    /// What somebody sees there; `login` is whose session it is, nobody's when empty.
    async fn get(&self, login: &str, path: &str) -> Page {
        let request = Request::get(path).header(header::COOKIE, format!("kentongan={login}"));
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// A form from one of our own pages.
    async fn post(&self, login: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        self.ask(form(login, path, fields)).await
    }

    async fn view(&self, code: &TicketCode) -> TicketView {
        self.store().ticket(code).await.unwrap().unwrap()
    }

    /// A call with a recording of half a second, its ticket and its transcript.
    async fn phoned(&self, words: &[&str]) -> Ticket {
        let call = self.begun().await;
        let recording = self.recorded(call).await;
        let end = CallEnd {
            at: NOW + Duration::from_secs(30),
            reason: EndReason::HungUp,
            ended_by: EndedBy::Caller,
            packets_sent: 1500,
            packets_received: 1490,
            packets_lost: 10,
            first_audio: Some(NOW + Duration::from_millis(240)),
            trace: calls::trace(),
            steps: vec![
                Step { at: NOW, step: "menu".into(), what: "enter".into() },
                Step {
                    at: NOW + Duration::from_secs(3),
                    step: "menu".into(),
                    what: "key 1".into(),
                },
            ],
        };
        self.store().end_call(call, end).await.unwrap();
        let intake =
            Intake { call: Some(call), recordings: vec![recording], ..report(Channel::Phone) };
        let ticket = self.open(intake).await;
        if !words.is_empty() {
            self.transcribed(words).await;
        }
        ticket
    }

    /// A call that goes on.
    async fn begun(&self) -> CallId {
        let call = NewCall {
            sip_call_id: "a84b4c76e66710@pc33".into(),
            trunk: Some("telkom".into()),
            caller: Contact { number: Some("+6281234567890".into()), asserted: true },
            called: "+62531123456".into(),
            started: NOW,
        };
        self.store().begin_call(call).await.unwrap()
    }

    async fn recorded(&self, call: CallId) -> RecordingId {
        let (name, path) = self.console.files.recording_path(NOW, call, "cerita").unwrap();
        write_wav(&path, 4_000);
        let store = self.store();
        let recording = store.begin_recording(call, "cerita", &name, NOW).await.unwrap();
        let end = RecordingEnd {
            at: NOW + Duration::from_secs(20),
            state: RecordingState::Kept,
            ended_by: RecordingEndedBy::HungUp,
            duration: Duration::from_millis(500),
            speech: Duration::from_millis(400),
        };
        store.end_recording(recording, end).await.unwrap();
        recording
    }

    async fn open(&self, intake: Intake) -> Ticket {
        let tickets = self.store().counts().await.unwrap().tickets;
        let mut rng = StdRng::seed_from_u64(tickets as u64);
        self.store().open_ticket(intake, NOW, &mut rng).await.unwrap()
    }

    async fn wrote(&self, text: &str) -> Ticket {
        self.open(Intake { text: Some(text.into()), ..report(Channel::Sms) }).await
    }

    async fn transcribed(&self, texts: &[&str]) {
        self.written_down(spoken(texts)).await;
    }

    async fn written_down(&self, transcript: Transcript) {
        let store = self.store();
        let lease = Duration::from_secs(60);
        let job = store.lease_job(JobKind::Transcribe, "test", NOW, lease).await.unwrap().unwrap();
        let made = Made { transcript, cpu: Duration::ZERO };
        store.finish_transcript(&job, made, NOW).await.unwrap();
    }

    /// Sends a ticket to the officer's agency.
    async fn route(&self, ticket: &Ticket) {
        let to = Given { agency: Some("dpupr".into()), ..Given::default() };
        for (action, given) in [(Action::Verify, Given::default()), (Action::Route, to)] {
            self.work(ticket, Change::Step { action, given }).await;
        }
    }

    async fn work(&self, ticket: &Ticket, change: Change) {
        let version = self.view(&ticket.code).await.ticket.version;
        let staff = self.store().staff_by_login("petugas").await.unwrap().unwrap().id;
        let worker = Worker { staff, doer: doer("petugas"), agency: None };
        let nonce = format!("{} {version}", ticket.code);
        let work = Work { code: ticket.code.clone(), version, change, nonce };
        self.store().work(work, worker, NOW).await.unwrap();
    }

    async fn recording_of(&self, ticket: &Ticket) -> i64 {
        self.view(&ticket.code).await.spoken[0].recording.id.0
    }

    /// The menu that came with the program answers calls.
    async fn has_menu(&self) {
        if self.store().menu_newest().await.unwrap().is_some() {
            return;
        }
        let new = NewMenu {
            text: include_str!("../../ivr-scripts/hotline.toml").into(),
            state: MenuState::Published,
            origin: MenuOrigin::File,
            note: String::new(),
            base: None,
            nonce: None,
        };
        self.store().add_menu(new, doer("file"), NOW).await.unwrap();
    }

    /// The audit's actions, the oldest first.
    async fn deeds(&self) -> Vec<String> {
        let rows =
            self.store().audit_before(&AuditAbout::default(), i64::MAX, 1_000).await.unwrap();
        rows.iter()
            .rev()
            .map(|row| format!("{} {} {}", row.actor, row.action, row.object))
            .collect()
    }
}

fn doer(login: &str) -> Doer {
    Doer { login: login.into(), address: String::new() }
}

fn report(channel: Channel) -> Intake {
    Intake {
        channel,
        class: Class::Complaint,
        contact: Contact {
            number: Some("+6281234567890".into()),
            asserted: channel == Channel::Phone,
        },
        call: None,
        recordings: Vec::new(),
        text: None,
        anonymous: false,
        confidential: false,
    }
}

fn form(login: &str, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    foreign_form(Method::POST, login, path, fields, &[("sec-fetch-site", "same-origin")])
}

fn foreign_form(
    method: Method,
    login: &str,
    path: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Request<Body> {
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "konsol.test")
        .header(header::COOKIE, format!("lain=1; kentongan={login}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(pairs.join("&"))).unwrap()
}

fn write_wav(path: &Path, samples: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for at in 0..samples {
        writer.write_sample((at % 100) as i16 * 100).unwrap();
    }
    writer.finalize().unwrap();
}

/// A sentence a second, a word each fifth of one; the second word of each is unsure.
fn spoken(texts: &[&str]) -> Transcript {
    let word = |start_ms: u32, (n, text): (u32, &str)| Word {
        start_ms: start_ms + n * 200,
        end_ms: start_ms + n * 200 + 190,
        text: text.into(),
        confidence: if n == 1 { 0.3 } else { 0.9 },
    };
    let segments = (0..).zip(texts).map(|(n, text)| Segment {
        start_ms: n * 1_000,
        end_ms: n * 1_000 + 900,
        text: (*text).into(),
        confidence: 0.8,
        doubtful: false,
        words: (0..).zip(text.split(' ')).map(|w| word(n * 1_000, w)).collect(),
    });
    Transcript {
        engine: "whisper".into(),
        model: "whisper-base".into(),
        duration_ms: 60_000,
        outcome: Outcome::Words,
        segments: segments.collect(),
    }
}
