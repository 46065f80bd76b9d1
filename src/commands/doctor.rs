//! `kentongan doctor`: looks at everything a hotline needs, and says what to do about what is wrong.

mod messages;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use kentongan::asr;
use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::files::Files;
use kentongan::media::Codec;
use kentongan::menu;
use kentongan::prompts::{Catalogue, Chosen, Severity};
use kentongan::server::{suggest, voice};
use kentongan::store::{JobKind, MenuOrigin, MenuState, Store, StoreError};

/// Less than this on the disk is a warning: about a hundred hours of recordings.
const ROOMY: u64 = 6 << 30;
/// Less than this is an error: about a day of a busy line.
const TIGHT: u64 = 200 << 20;
/// A clock that stands before the program was written is not set. 2026-01-01.
const WRITTEN: i64 = 1_767_225_600_000;

/// One thing looked at.
struct Finding {
    what: &'static str,
    state: State,
    said: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warning,
    Error,
}

/// Exits with 1 if anything must be mended before calls can be taken.
pub async fn run(config: &Config, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let running = running(config.http.listen).await;
    let mut findings = vec![serving(config.http.listen, running.as_deref())];
    if running.is_none() {
        findings.push(sip_port(config.sip.listen));
        findings.push(media_ports(config));
        findings.push(web_port(config.web.listen));
        if config.web.tls.enabled {
            findings.push(web_port(config.web.tls.listen));
        }
    }
    findings.extend([codecs(), disk(config), clock(config)]);
    // A database that cannot be read is told of by itself.
    let chosen = voice::chosen(config).await.unwrap_or_default();
    findings.extend(prompts(config, &chosen));
    findings.push(script(config, &chosen));
    findings.extend(menu(config).await);
    findings.push(database(config).await);
    findings.push(places(config));
    findings.push(categories(config).await);
    findings.push(model(config, file));
    findings.extend(transcription(config).await);
    findings.extend(messages::findings(config).await);
    for finding in &findings {
        let mark = match finding.state {
            State::Ok => "ok     ",
            State::Warning => "warning",
            State::Error => "ERROR  ",
        };
        println!("{mark}  {:<9} {}", finding.what, finding.said);
    }
    let bad = findings.iter().any(|finding| finding.state == State::Error);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn ok(what: &'static str, said: impl Into<String>) -> Finding {
    Finding { what, state: State::Ok, said: said.into() }
}

fn warning(what: &'static str, said: impl Into<String>) -> Finding {
    Finding { what, state: State::Warning, said: said.into() }
}

fn error(what: &'static str, said: impl Into<String>) -> Finding {
    Finding { what, state: State::Error, said: said.into() }
}

/// What a running hotline says of itself at `/readyz`; `None` if none runs.
async fn running(address: SocketAddr) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.trim().to_owned())
    };
    tokio::time::timeout(std::time::Duration::from_secs(3), ask).await.ok().flatten()
}

fn serving(address: SocketAddr, answer: Option<&str>) -> Finding {
    match answer {
        None => ok("hotline", format!("not running (nobody answers at {address})")),
        Some("ready") => ok("hotline", "running and ready for calls"),
        Some(faults) => error("hotline", format!("running, but: {}", faults.replace('\n', "; "))),
    }
}

fn sip_port(address: SocketAddr) -> Finding {
    let bound =
        std::net::UdpSocket::bind(address).and_then(|_| std::net::TcpListener::bind(address));
    match bound {
        Ok(_) => ok("sip", format!("{address} is free for UDP and TCP")),
        Err(e) => error(
            "sip",
            format!("{address} cannot be bound ({e}): stop what uses it, or change [sip] listen"),
        ),
    }
}

fn web_port(address: SocketAddr) -> Finding {
    match std::net::TcpListener::bind(address) {
        Ok(_) => ok("web", format!("{address} is free")),
        Err(e) => error(
            "web",
            format!(
                "{address} cannot be bound ({e}): stop what uses it, or change [web] or [web.tls] listen"
            ),
        ),
    }
}

fn media_ports(config: &Config) -> Finding {
    let ports = config.media.ports.clone();
    let pairs = ports.clone().count() / 2;
    let taken = ports
        .step_by(2)
        .filter(|&port| std::net::UdpSocket::bind((config.media.bind, port)).is_err())
        .count();
    let free = pairs - taken;
    match free {
        0 => error("media", "no RTP port is free: change [media] ports or bind"),
        free if free < config.calls.max => warning(
            "media",
            format!(
                "{free} RTP port pairs are free, [calls] max is {}: widen [media] ports",
                config.calls.max
            ),
        ),
        free => ok("media", format!("{free} RTP port pairs are free at {}", config.media.bind)),
    }
}

/// Sends a tone through each codec and back.
fn codecs() -> Finding {
    let wave = |n| (8000.0 * (f64::from(n) * std::f64::consts::TAU / 20.0).sin()) as i16;
    let tone: Vec<i16> = (0..800).map(wave).collect();
    let through = |codec: &Codec| {
        let (mut bytes, mut samples) = (Vec::new(), Vec::new());
        codec.encode(&tone, &mut bytes);
        codec.decode(&bytes, &mut samples);
        // Their steps are a sixteenth of the level at most.
        let near =
            |(sent, heard): (&i16, &i16)| sent.abs_diff(*heard) <= 32 + sent.unsigned_abs() / 16;
        samples.len() == tone.len() && tone.iter().zip(&samples).all(near)
    };
    let names =
        |codecs: &[&Codec]| codecs.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(", ");
    let (sound, broken): (Vec<_>, Vec<_>) = Codec::ALL.iter().partition(|codec| through(codec));
    match broken[..] {
        [] => ok("codecs", format!("{}: a tone comes through as it was", names(&sound))),
        _ => error("codecs", format!("{} spoil a tone: install the program again", names(&broken))),
    }
}

fn disk(config: &Config) -> Finding {
    if !config.data.exists() {
        return data_to_be_made(&config.data);
    }
    let looked = Files::new(&config.data).and_then(|files| {
        files.check_writable()?;
        files.free_space()
    });
    let free = match looked {
        Ok(free) => free,
        Err(e) => {
            return error("disk", format!("{e}: give kentongan a folder there that it may write"));
        }
    };
    let said = format!("{:.1} GB free at {}", free as f64 / 1e9, config.data.display());
    match free {
        free if free < TIGHT => {
            error("disk", format!("{said}: callers are told to call again; make room now"))
        }
        free if free < ROOMY => {
            warning("disk", format!("{said}: an hour of speech takes 58 MB; make room"))
        }
        _ => ok("disk", said),
    }
}

/// Serving makes the folder, if what is there of its path may be written.
fn data_to_be_made(data: &Path) -> Finding {
    let above = data.ancestors().skip(1).map(or_here).find(|folder| folder.exists());
    let may_write = |folder: &Path| {
        folder.is_dir() && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
    };
    match above {
        Some(folder) if may_write(folder) => {
            ok("disk", format!("{} will be made at the first start", data.display()))
        }
        _ => error(
            "disk",
            format!("{} is not there and cannot be made: make it, or change data", data.display()),
        ),
    }
}

/// The parent of a plain name is an empty path.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn clock(config: &Config) -> Finding {
    let now = SystemClock.now();
    let zone = match config.calls.zone() {
        Ok(zone) => zone,
        Err(e) => {
            return error(
                "clock",
                format!(
                    "[calls] time_zone: {e}: write Asia/Jakarta, Asia/Pontianak, Asia/Makassar or Asia/Jayapura"
                ),
            );
        }
    };
    let local = jiff::Timestamp::from_millisecond(now.0).map(|t| t.to_zoned(zone));
    match local {
        Ok(local) if now.0 > WRITTEN => {
            ok("clock", format!("it is {}", local.strftime("%Y-%m-%d %H:%M %Z")))
        }
        _ => error(
            "clock",
            "the clock stands in the past: set it, or deadlines and hours will be wrong",
        ),
    }
}

fn prompts(config: &Config, chosen: &Chosen) -> Vec<Finding> {
    let folder = &config.prompts.folder;
    let catalogue = match Catalogue::read(folder) {
        Ok(catalogue) => catalogue,
        Err(e) => return vec![error("prompts", e.to_string())],
    };
    let findings = chosen.check(&catalogue, folder);
    if findings.is_empty() {
        return vec![ok(
            "prompts",
            format!("{} prompts are there and fit", catalogue.ids().count()),
        )];
    }
    findings
        .iter()
        .map(|f| match f.severity() {
            Severity::Error => error("prompts", f.to_string()),
            Severity::Warning => warning("prompts", f.to_string()),
        })
        .collect()
}

fn script(config: &Config, chosen: &Chosen) -> Finding {
    match voice::load_with(config, chosen) {
        Ok(voice) => ok("script", format!("{} steps, checked", voice.script.steps().len())),
        Err(e) => error("script", format!("{e:#}")),
    }
}

/// The menu that answers, when it is another one than the file; a database that cannot be read is told of by itself.
async fn menu(config: &Config) -> Option<Finding> {
    let store = Store::open_existing(&config.store()).await.ok()?;
    let published = store.menu_published().await.ok()??;
    let newest = store.menu_newest().await.ok()??;
    if menu::read(&config.ivr.script).is_ok_and(|text| text == published.text) {
        return None;
    }
    let said =
        format!("version {} by {} answers calls, not the file", published.number, published.author);
    let prompts = Catalogue::read(&config.prompts.folder).ok()?.ids().map(str::to_owned).collect();
    let waits = newest.origin == MenuOrigin::File && newest.state == MenuState::Draft;
    Some(match menu::prove(&voice::name(&published), published.text, &prompts) {
        Err(e) => error("menu", format!("{e}")),
        Ok(_) if waits => warning(
            "menu",
            format!("{said}, which waits as version {}: `kentongan script publish`", newest.number),
        ),
        Ok(_) => ok("menu", said),
    })
}

async fn database(config: &Config) -> Finding {
    let path = config.store().path;
    if !path.exists() {
        return ok("database", format!("{} will be made at the first start", path.display()));
    }
    let checked = async {
        let store = Store::open_existing(&config.store()).await?;
        Ok::<_, StoreError>((store.check().await?, store.counts().await?))
    };
    match checked.await {
        Ok((problems, counts)) if problems.is_empty() => ok(
            "database",
            format!(
                "sound: {} calls, {} tickets, {} jobs waiting",
                counts.calls, counts.tickets, counts.jobs_queued
            ),
        ),
        Ok((problems, _)) => error(
            "database",
            format!("damaged: {}; restore a backup before serving", problems.join("; ")),
        ),
        Err(e) => error("database", format!("{e}")),
    }
}

fn places(config: &Config) -> Finding {
    match suggest::places(&config.suggest) {
        Ok(places) => ok("places", format!("{} places to suggest", places.len())),
        Err(e) => error("places", format!("{e:#}")),
    }
}

/// Words of a category that the database does not have suggest nothing.
async fn categories(config: &Config) -> Finding {
    let lexicon = match suggest::categories(&config.suggest) {
        Ok(lexicon) => lexicon,
        Err(e) => return error("words", format!("{e:#}")),
    };
    let said = format!("words for {} categories", lexicon.ids().count());
    // A database that cannot be read was told of already.
    let Ok(store) = Store::open_existing(&config.store()).await else { return ok("words", said) };
    let Ok(known) = store.categories().await else { return ok("words", said) };
    let unknown: Vec<&str> =
        lexicon.ids().filter(|id| known.iter().all(|category| category.id != *id)).collect();
    match unknown[..] {
        [] => ok("words", said),
        _ => warning(
            "words",
            format!("{said}; the database has no {}: correct the id", unknown.join(", ")),
        ),
    }
}

/// Loads the model as a worker would. Without one the calls go on all the same.
fn model(config: &Config, file: Option<&Path>) -> Finding {
    match asr::open(&config.asr) {
        Ok(engine) => ok("model", format!("{} {} loads", engine.engine(), engine.model())),
        Err(e) => {
            // A command that is copied from here must find the same models folder.
            let option = file.map_or(String::new(), |file| format!(" --config {}", file.display()));
            let again = match e.is_broken() {
                true => format!("; to install it again {}", asr::remedy(&config.asr.model)),
                false => String::new(),
            };
            let said =
                format!("{e}{again}").replace("`kentongan ", &format!("`kentongan{option} "));
            warning("model", format!("recordings wait to be written down: {said}"))
        }
    }
}

/// Recordings that were given up; a database that cannot be read was told of already.
async fn transcription(config: &Config) -> Option<Finding> {
    let store = Store::open_existing(&config.store()).await.ok()?;
    let failed = store.counts().await.ok()?.jobs_failed;
    let newest = store.newest_failure(JobKind::Transcribe).await.ok()??;
    let of = newest.code.map_or(String::new(), |code| format!(" (ticket {code})"));
    Some(warning(
        "speech",
        format!(
            "{failed} recordings were given up, the last one{of}: {}; `kentongan transcribe --redo failed` tries again",
            newest.reason
        ),
    ))
}
