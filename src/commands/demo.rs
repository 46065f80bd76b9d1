//! `kentongan demo`: the hotline on loopback, two real calls through it and three short messages, told as they happen.
//!
//! Nothing is taken on trust: what the caller "hears" is told by an ear that compares the audio that came back with the
//! prompts, the code that the second call types is the one that was heard, and the recording is listened to.

mod handset;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use handset::Handset;
use ipnet::IpNet;
use kentongan::asr::formats::Format;
use kentongan::clock::{Clock as _, SystemClock};
use kentongan::config::{Config, Role};
use kentongan::console::{Passwords, one_time_password};
use kentongan::media::Clip;
use kentongan::phone::ear::{Heard, Repertoire};
use kentongan::phone::{Hearing, Met, Phone, PhoneCall};
use kentongan::prompts::Catalogue;
use kentongan::server::{Server, suggest, voice};
use kentongan::sip::Trunk;
use kentongan::store::{Doer, JobKind, NewStaff, Password, StaffChange, Store, TicketView};
use kentongan::ticket::transcript::{Outcome, Transcript};
use kentongan::ticket::{Role as Staff, TicketCode};

/// The complaint that is spoken unless another is given.
const COMPLAINT: &[u8] = include_bytes!("../../tests/audio/aduan.wav");
/// Who calls: a mobile telephone, which gets its code by short message too.
const NUMBER: &str = "+6281200000000";
/// Who looks at the tickets.
const OPERATOR: &str = "petugas";
/// The longest that any prompt may be waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// The longest that a transcript may be waited for, on a slow machine too.
const TRANSCRIPT: Duration = Duration::from_secs(300);

#[derive(clap::Args)]
pub struct Args {
    /// End by itself; exit with 0 only if everything truly happened.
    #[arg(long)]
    once: bool,
    /// Another voice: a WAV of any rate.
    #[arg(long, value_name = "FILE")]
    say: Option<PathBuf>,
}

/// Runs the demonstration.
pub async fn run(mut config: Config, args: Args) -> anyhow::Result<ExitCode> {
    config.log.filter = "warn".into();
    super::log::start(&config.log)?;
    config.data = "data/demo".into();
    config.roles = vec![Role::Calls, Role::Transcribe];
    config.media.bind = [127, 0, 0, 1].into();
    on_loopback(&mut config, args.once);
    let mut handset = Handset::start(&mut config).await?;
    let catalogue = Catalogue::read(&config.prompts.folder)?;
    let server = Server::start(config.clone()).await.context("the hotline did not start")?;
    let told = tell(&config, &args, &server, catalogue, &mut handset).await;
    match told {
        Ok(()) if args.once => {
            server.stop().await;
            println!("\nAll of it happened. ({})", config.data.display());
            Ok(ExitCode::SUCCESS)
        }
        Ok(()) => {
            println!(
                "\nThe hotline stays up: dial sip:hotline@{} with any softphone on this machine.",
                server.sip_address()
            );
            println!("{}", console(&server).await?);
            println!("Metrics: http://{}/metrics. Ctrl-C ends it.", server.http_address());
            tokio::signal::ctrl_c().await?;
            server.stop().await;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            server.stop().await;
            Err(error)
        }
    }
}

/// Where the tickets of the demonstration can be looked at: at once as an operator, and by a link that makes whoever opens
/// it the first admin, once. An admin needs an authenticator; an operator does not.
async fn console(server: &Server) -> anyhow::Result<String> {
    let store = &server.hotline().store;
    let given = one_time_password();
    let hash = Passwords::default().hash("", &given).await?;
    // Only this machine reaches the demonstration, and the next one draws another password.
    let password = Password { hash, must_change: false };
    let (doer, now) = (Doer { login: "cli".into(), address: String::new() }, SystemClock.now());
    if store.staff_by_login(OPERATOR).await?.is_some() {
        store.change_staff(OPERATOR, StaffChange::Password(password), doer, now).await?;
    } else {
        let new = NewStaff {
            login: OPERATOR.into(),
            name: "Petugas Demo".into(),
            role: Staff::Operator,
            agency: None,
            password,
        };
        store.add_staff(new, doer, now).await?;
    }
    let mut text = format!(
        "Console: http://{}/masuk as {OPERATOR:?} with the password {given} (until the next demo)",
        server.web_address()
    );
    if let Some(link) = server.first_admin().await? {
        text += &format!(
            "\n         {link} (opens once, and makes you the first admin; have an authenticator app at hand)"
        );
    }
    Ok(text)
}

/// Loopback only. A demonstration that ends by itself takes any free ports, so that it can run beside a hotline.
fn on_loopback(config: &mut Config, once: bool) {
    let port = |usual| if once { 0 } else { usual };
    config.sip.listen = ([127, 0, 0, 1], port(5060)).into();
    config.http.listen = ([127, 0, 0, 1], port(9464)).into();
    config.web.listen = ([127, 0, 0, 1], port(8080)).into();
    config.web.tls.enabled = false;
    config.calls.drain = 1;
    // Who comes by a trunk has the number that the trunk says.
    let networks = vec![IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST))];
    config.sip.trunks = vec![Trunk { name: "demo".into(), networks, asserts_identity: true }];
}

async fn tell(
    config: &Config,
    args: &Args,
    server: &Server,
    catalogue: Catalogue,
    handset: &mut Handset,
) -> anyhow::Result<()> {
    let story = Story::new(catalogue);
    story.step(&format!(
        "The hotline answers at sip:hotline@{}; rows and recordings go to {}.",
        server.sip_address(),
        config.data.display()
    ));
    let complaint = complaint(args.say.as_deref())?;
    let prompts = Repertoire::new(voice::load(config)?.prompts);
    let phone = Phone::new([127, 0, 0, 1].into(), NUMBER).await?;
    let uri = format!("sip:hotline@{}", server.sip_address());

    story.step("The first call: somebody has a complaint.");
    let heard_file = config.data.join("heard-1.wav");
    let call = phone.dial(&uri, Some(&prompts), Some(heard_file.clone())).await?;
    let (code, hearing) = report(&story, call, complaint.clone()).await?;
    story.step(&format!(
        "The caller wrote down {code}. Heard by the caller: {} ({:.0} s).",
        heard_file.display(),
        seconds(&hearing)
    ));

    let view = ticket(&server.hotline().store, &code).await?;
    let first = view.spoken.first().context("the ticket has no recording")?;
    let recording = config.data.join(&first.recording.file);
    let length = listen_to(&recording, &complaint)?;
    story.step(&format!("Ticket {code} is in the database, with the recording {} ({length:.1} s): it holds what was said.", recording.display()));

    let (_, text) = handset.receives().await?;
    story.line("SMS", &format!("{text:?} ({} letters)", text.chars().count()));
    ensure!(text.contains(&code.to_string()), "the message after the call has another code");

    story.step("The second call: what became of it?");
    let heard_file = config.data.join("heard-2.wav");
    let call = phone.dial(&uri, Some(&prompts), Some(heard_file.clone())).await?;
    let hearing = ask(&story, call, &code).await?;
    story.step(&format!(
        "The status was heard. Heard by the caller: {} ({:.0} s).",
        heard_file.display(),
        seconds(&hearing)
    ));

    by_message(&story, server, handset).await?;
    written_down(&story, config, &server.hotline().store, &view).await?;

    for call in server.hotline().store.calls_recent(2).await? {
        let reason = call.end_reason.map_or("still up", |reason| reason.word());
        story.step(&format!(
            "Call {}: {reason}, {} packets received, {} lost.",
            call.id.0, call.packets_received, call.packets_lost
        ));
    }
    Ok(())
}

/// The first call: 1, a story, `#`, and the code as it was heard.
async fn report(
    story: &Story,
    mut call: PhoneCall,
    complaint: Arc<Clip>,
) -> anyhow::Result<(TicketCode, Hearing)> {
    story.hears(&mut call, "menu/lapor").await?;
    story.presses(&call, "1");
    story.hears(&mut call, "lapor/petunjuk").await?;
    story.hears(&mut call, "lapor/akhiri").await?;
    // The beep, which is a tone and has nothing to tell it by.
    call.wait(Duration::from_millis(600)).await;
    story.says(&format!("speaks for {:.1} s", complaint.duration().as_secs_f64()));
    call.say(complaint);
    ensure!(call.said(PATIENCE).await == Met::Yes, "the call ended while the caller was speaking");
    story.presses(&call, "#");
    story.hears(&mut call, "periksa/pilihan").await?;
    story.presses(&call, "#");
    let said = call.heard().len();
    story.hears(&mut call, "kode/sekali_lagi").await?;
    // Eight more digits: the code is said twice.
    story
        .until(&mut call, "the code for the second time", |heard| {
            digits_after(heard, "kode/sekali_lagi").len() >= 8
        })
        .await?;
    let first = digits_after(&call.heard()[said..], "kode/kode_anda");
    let second = digits_after(call.heard(), "kode/sekali_lagi");
    ensure!(
        first.get(..8) == second.get(..8),
        "the code was heard as {first} and then as {second}"
    );
    let code = TicketCode::parse(&second[..8]).context("what was heard is no code")?;
    story.hears_words(&format!("{code}, twice"));
    story.says("hangs up");
    Ok((code, call.hang_up().await))
}

/// The second call: 2, the code, and the status as it was heard.
async fn ask(story: &Story, mut call: PhoneCall, code: &TicketCode) -> anyhow::Result<Hearing> {
    story.hears(&mut call, "menu/cek").await?;
    story.presses(&call, "2");
    story.hears(&mut call, "cek/masukkan_kode").await?;
    story.presses(&call, code.digits());
    story.hears(&mut call, "status/diterima").await?;
    story
        .until(&mut call, "the day of the last change", |heard| {
            heard.iter().any(|h| h.whole && h.id.starts_with("kata/pembaruan"))
        })
        .await?;
    story.says("hangs up");
    Ok(call.hang_up().await)
}

/// Somebody without a telephone that reads menus: a report by short message, and a question with the code that came back.
async fn by_message(story: &Story, server: &Server, handset: &mut Handset) -> anyhow::Result<()> {
    story.step("A short message: somebody else writes, and then asks.");
    let report = "LAPOR lampu jalan mati di depan SD Negeri 2 Ketapang sejak minggu lalu";
    story.line("writes", &format!("{report:?}"));
    handset.sends(server.web_address(), report).await?;
    let (to, text) = handset.receives().await?;
    story.line("SMS", &format!("{text:?} ({} letters)", text.chars().count()));
    ensure!(to == handset.number, "the answer went to another number");
    let code = text.split("Kode ").nth(1).and_then(|rest| rest.get(..9)).unwrap_or_default();
    let code = TicketCode::parse(code).context("the answer has no code")?;
    let view = ticket(&server.hotline().store, &code).await?;
    let kept = view.messages.first().context("the ticket has no text")?;
    ensure!(report.ends_with(&kept.body), "the ticket holds other words: {:?}", kept.body);

    let question = format!("cek {}", code.digits());
    story.line("writes", &format!("{question:?}"));
    handset.sends(server.web_address(), &question).await?;
    let (_, text) = handset.receives().await?;
    story.line("SMS", &format!("{text:?} ({} letters)", text.chars().count()));
    ensure!(text.contains("Diterima"), "the answer does not tell the status");
    Ok(())
}

/// Tells what the machine made of the complaint, if it has a model to listen with.
async fn written_down(
    story: &Story,
    config: &Config,
    store: &Store,
    view: &TicketView,
) -> anyhow::Result<()> {
    if let Err(error) = kentongan::asr::open(&config.asr) {
        story.step(&format!("The recording waits to be written down: {error}."));
        return Ok(());
    }
    let row = loop {
        // Heard from here on, so that what happens while looking is not missed.
        let mut changed = std::pin::pin!(store.jobs_changed().notified());
        changed.as_mut().enable();
        let now = ticket(store, &view.ticket.code).await?;
        if let Some(row) = now.spoken.into_iter().find_map(|spoken| spoken.transcript) {
            break row;
        }
        if let Some(failure) = store.newest_failure(JobKind::Transcribe).await? {
            bail!("the recording was not written down: {}", failure.reason);
        }
        tokio::time::timeout(TRANSCRIPT, changed)
            .await
            .context("the recording was not written down in time")?;
    };
    let Transcript { engine, model, outcome, .. } = &row.transcript;
    let seconds = row.cpu_ms as f64 / 1000.0;
    story.step(&format!(
        "The recording was written down by {engine} ({model}, {seconds:.1} s of CPU time):"
    ));
    for line in Format::Text.write(&row.transcript)?.lines() {
        story.line("machine", line);
    }
    let suggestions = suggest::load(&config.suggest)?.of_transcript(&row.transcript);
    for line in super::suggestions::lines(&suggestions, &store.categories().await?) {
        story.line("machine", &line);
    }
    ensure!(*outcome == Outcome::Words, "no words were found in the recording");
    Ok(())
}

/// The digits heard whole after the last time that `prompt` was heard.
fn digits_after(heard: &[Heard], prompt: &str) -> String {
    let start = heard.iter().rposition(|h| h.id == prompt).map_or(heard.len(), |at| at + 1);
    heard[start..].iter().filter(|h| h.whole).filter_map(|h| digit(&h.id)).collect()
}

fn digit(id: &str) -> Option<char> {
    let digit = id.strip_prefix("angka/")?;
    (digit.len() == 1).then(|| digit.chars().next()).flatten().filter(char::is_ascii_digit)
}

async fn ticket(store: &Store, code: &TicketCode) -> anyhow::Result<TicketView> {
    store
        .ticket(code)
        .await?
        .with_context(|| format!("no ticket has the code {code} that was heard"))
}

fn complaint(say: Option<&Path>) -> anyhow::Result<Arc<Clip>> {
    let clip = match say {
        Some(path) => {
            Clip::from_wav(path).with_context(|| format!("cannot speak {}", path.display()))?
        }
        None => {
            let file = tempfile_of(COMPLAINT)?;
            let clip = Clip::from_wav(&file)?;
            std::fs::remove_file(&file)?;
            clip
        }
    };
    Ok(Arc::new(clip))
}

fn tempfile_of(bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("kentongan-{}.wav", std::process::id()));
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// Tells the length of the recording, after making sure that what was said is in it.
fn listen_to(recording: &Path, said: &Clip) -> anyhow::Result<f64> {
    let likeness = kentongan::phone::ear::likeness(recording, said)?;
    ensure!(likeness > 0.9, "the recording does not hold what was said (likeness {likeness:.2})");
    let length = Clip::from_wav(recording)?.duration();
    ensure!(
        length + Duration::from_millis(300) >= said.duration(),
        "the recording is too short: {length:?}"
    );
    Ok(length.as_secs_f64())
}

fn seconds(hearing: &Hearing) -> f64 {
    hearing.kept.as_ref().map_or(0.0, |kept| kept.duration.as_secs_f64())
}

/// Tells what happens, with the time since the beginning.
struct Story {
    began: Instant,
    catalogue: Catalogue,
}

impl Story {
    #[expect(clippy::disallowed_methods, reason = "a story is told with its times")]
    fn new(catalogue: Catalogue) -> Story {
        Story { began: Instant::now(), catalogue }
    }

    fn line(&self, who: &str, what: &str) {
        println!("{:6.1} s  {who:<8} {what}", self.began.elapsed().as_secs_f64());
    }

    fn step(&self, what: &str) {
        self.line("", what);
    }

    fn says(&self, what: &str) {
        self.line("caller", what);
    }

    fn presses(&self, call: &PhoneCall, keys: &str) {
        self.line("caller", &format!("presses {keys}"));
        call.press(keys);
    }

    fn hears_words(&self, words: &str) {
        self.line("hotline", &format!("\"{words}\""));
    }

    /// Waits until a prompt has been heard from beginning to end, and tells everything that was heard on the way.
    async fn hears(&self, call: &mut PhoneCall, id: &str) -> anyhow::Result<()> {
        let known = call.heard().len();
        self.until(call, id, |heard| heard.iter().skip(known).any(|h| h.whole && h.id == id))
            .await?;
        for heard in call.heard().iter().skip(known).filter(|h| h.whole) {
            if let Some(text) = self.catalogue.text(&heard.id) {
                self.hears_words(text);
            }
        }
        Ok(())
    }

    async fn until(
        &self,
        call: &mut PhoneCall,
        what: &str,
        done: impl FnMut(&[Heard]) -> bool,
    ) -> anyhow::Result<()> {
        match call.until(PATIENCE, done).await {
            Met::Yes => Ok(()),
            Met::TimeOut => bail!(
                "{what} was not heard within {} s; heard so far: {}",
                PATIENCE.as_secs(),
                names(call.heard())
            ),
            Met::Ended(reason) => bail!(
                "the call ended ({reason:?}) before {what} was heard; heard so far: {}",
                names(call.heard())
            ),
        }
    }
}

fn names(heard: &[Heard]) -> String {
    heard.iter().map(|h| h.id.as_str()).collect::<Vec<_>>().join(", ")
}
