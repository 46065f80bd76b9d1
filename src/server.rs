//! Starts the parts in order and stops them in reverse; the only place that spawns long tasks.

pub mod health;
pub mod messages;
pub mod suggest;
pub mod tls;
mod transcription;
pub mod voice;
pub mod web;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::asr::worker::{Workers, Workplace};
use crate::call::{Hotline, recovery};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Role};
use crate::console::{self, Authority, Console, Opus, Passwords, Service};
use crate::files::Files;
use crate::media::Engine;
use crate::sip::{Admission, InboundCall, UserAgent};
use crate::store::{Store, StoreError};

pub use transcription::Transcription;

/// How long the last answers may take to be acknowledged when everything stops.
const GOODBYE: Duration = Duration::from_secs(2);
/// How often words without a ticket are looked for.
const ADOPT: Duration = Duration::from_secs(60);
/// How often the lateness of the media threads and the disk are looked at.
const WATCH: Duration = Duration::from_secs(1);

/// A hotline that is up.
pub struct Server {
    hotline: Arc<Hotline>,
    agent: Arc<UserAgent>,
    calls: TaskTracker,
    taking: tokio::task::JoinHandle<()>,
    helpers: Vec<tokio::task::JoinHandle<()>>,
    workers: Option<Workers>,
    closing: watch::Sender<bool>,
    health: health::Health,
    web: web::Web,
    live: Arc<console::Live>,
    console: console::Config,
    messages: messages::Messages,
}

impl Server {
    /// Brings everything up: rows, last run's leavings, voice, audio, and last of all the telephone.
    pub async fn start(config: Config) -> anyhow::Result<Server> {
        Server::start_by(Arc::new(SystemClock), config).await
    }

    /// The same by another clock: it says what is written into rows and whether the office is open.
    pub async fn start_by(clock: Arc<dyn Clock>, config: Config) -> anyhow::Result<Server> {
        std::fs::create_dir_all(&config.data)
            .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
        let store = Store::open(&config.store()).await?;
        let files = Files::new(&config.data)?;
        recovery::close_crashed_calls(&store, &files, config.calls.min_speech(), clock.now())
            .await?;
        let (voice, seen) = voice::begin(&config, &store, &files, clock.now()).await?;
        let engine =
            Engine::start(config.media.clone()).context("the media threads cannot start")?;
        let (closing, on_closing) = watch::channel(false);
        let hotline = Arc::new(Hotline {
            zone: config.calls.zone()?,
            config: config.calls.clone(),
            store,
            files,
            engine,
            voice: ArcSwap::from_pointee(voice),
            clock,
            closing: on_closing,
            active: AtomicUsize::new(0),
            unwritten: Mutex::default(),
        });
        hotline.adopt_stories().await?;
        let (agent, inbound) = UserAgent::bind(config.sip.clone()).await?;
        let (agent, calls) = (Arc::new(agent), TaskTracker::new());
        let (messages, hooks) =
            messages::Messages::start(&config, hotline.store.clone(), hotline.clock.clone())
                .await?;
        let source = tls::Source::new(&config.web.tls, &config.data)?;
        let authority = match config.web.tls.enabled {
            true => source.authority(hotline.clock.now())?.map(Authority::new),
            false => None,
        };
        let pages = console_of(&config, &hotline, authority);
        let live = pages.live.clone();
        let routes = hooks.merge(console::routes(pages.clone()));
        let web = web::Web::serve(&config.web, source, hotline.clock.clone(), routes).await?;
        // Last: whoever hears that we are ready may call and post at once.
        let health = health::Health::serve(config.http.listen, hotline.clone()).await?;
        let (late, hold) = watch::channel(false);
        let workers = config.has(Role::Transcribe).then(|| {
            let (store, files) = (hotline.store.clone(), hotline.files.clone());
            Workers::start(
                &config.asr,
                Workplace { store, files, clock: hotline.clock.clone(), hold },
            )
        });
        let taking = tokio::spawn(take_calls(hotline.clone(), inbound, calls.clone()));
        let helpers = vec![
            tokio::spawn(voice::keep_fresh(config.clone(), hotline.clone(), seen)),
            tokio::spawn(watch_load(hotline.clone(), agent.clone(), late)),
            tokio::spawn(look_after_rows(hotline.clone())),
            tokio::spawn(console::watch(pages)),
        ];
        info!(sip = %agent.local_addr(), http = %health.address(), web = %web.address(), "ready for calls");
        let console = config.console;
        Ok(Server {
            hotline,
            agent,
            calls,
            taking,
            helpers,
            workers,
            closing,
            health,
            web,
            live,
            console,
            messages,
        })
    }

    /// Where SIP is answered.
    pub fn sip_address(&self) -> SocketAddr {
        self.agent.local_addr()
    }

    /// Where metrics and health are told.
    pub fn http_address(&self) -> SocketAddr {
        self.health.address()
    }

    /// Where gateways post and the console is.
    pub fn web_address(&self) -> SocketAddr {
        self.web.address()
    }

    /// Where the first admin signs up, once; `None` when somebody works here already.
    pub async fn first_admin(&self) -> anyhow::Result<Option<String>> {
        let token = Console::first_admin_token(&self.hotline.store).await?;
        Ok(token.map(|token| match &self.console.origin {
            Some(origin) => format!("{}/mulai/{token}", origin.trim_end_matches('/')),
            None => format!("http://{}/mulai/{token}", self.web.address()),
        }))
    }

    /// What the calls share; tests and the demo look at its rows.
    pub fn hotline(&self) -> &Arc<Hotline> {
        &self.hotline
    }

    /// Lets no new call in, gives those in progress their time, then ends them; stops everything.
    pub async fn stop(self) {
        let patience = Duration::from_secs(u64::from(self.hotline.config.drain));
        info!(calls = self.hotline.active.load(Ordering::Relaxed), "stopping: no new calls");
        self.health.draining();
        // While the calls end: an engine may take seconds to notice, and a gateway to answer.
        self.live.close();
        let workers = tokio::spawn(async {
            self.web.stop().await;
            self.messages.stop().await;
            if let Some(workers) = self.workers {
                workers.stop().await;
            }
        });
        // Before the doors close: who watches the load would open them again.
        end(self.helpers).await;
        self.agent
            .set_admission(Admission::Unavailable { retry_after: self.hotline.config.retry_after });
        self.calls.close();
        if tokio::time::timeout(patience, self.calls.wait()).await.is_err() {
            warn!(calls = self.calls.len(), "calls are ended: the time for them is over");
            self.closing.send_replace(true);
            // Each call bounds its own end; this is only the net under them.
            let _ = tokio::time::timeout(Duration::from_secs(15), self.calls.wait()).await;
        }
        self.agent.close(GOODBYE).await;
        end(vec![self.taking]).await;
        if let Err(error) = workers.await {
            warn!(%error, "the workers did not end in order");
        }
        self.hotline.store.close().await;
        drop(self.health);
        let hotline = self.hotline;
        // With the last handle the media threads end, and the recorder with its last file: that waits for a disk.
        if tokio::task::spawn_blocking(move || drop(hotline)).await.is_err() {
            warn!("the media threads did not end in order");
        }
        info!("stopped");
    }
}

/// The console on the same rows and files.
fn console_of(config: &Config, hotline: &Hotline, authority: Option<Authority>) -> Arc<Console> {
    let suggester = suggest::load(&config.suggest)
        .inspect_err(|error| warn!("the console suggests no places and categories: {error:#}"))
        .ok();
    Arc::new(Console {
        store: hotline.store.clone(),
        files: hotline.files.clone(),
        clock: hotline.clock.clone(),
        zone: hotline.zone.clone(),
        suggester,
        passwords: Passwords::default(),
        authority,
        prompts_folder: config.prompts.folder.clone(),
        opus: Opus::default(),
        prompts: console::Prompts::default(),
        config: config.console.clone(),
        service: service_of(config),
        live: Arc::default(),
    })
}

/// What a receipt may tell of the office. The texts that come with the program name nobody.
fn service_of(config: &Config) -> Service {
    let own = config.sms.replies.is_some().then(|| messages::replies(&config.sms).ok()).flatten();
    let (name, telephone) = own.map(|replies| replies.site()).unwrap_or_default();
    // In a message it may say "this number".
    let telephone = Some(telephone).filter(|t| t.contains(|c: char| c.is_ascii_digit()));
    let number = config.sms.own_numbers.first().cloned().unwrap_or_default();
    Service {
        name,
        telephone: telephone.unwrap_or_default(),
        sms: (!config.sms.gateways.is_empty()).then_some(number),
    }
}

/// Stops tasks and waits until they have let go of what they held.
async fn end(tasks: Vec<tokio::task::JoinHandle<()>>) {
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        // An error says that it was stopped, which is what was asked.
        let _ = task.await;
    }
}

/// A task for each call; one more than there are lines hears busy.
async fn take_calls(
    hotline: Arc<Hotline>,
    mut inbound: mpsc::Receiver<InboundCall>,
    calls: TaskTracker,
) {
    while let Some(call) = inbound.recv().await {
        match hotline.seat() {
            Some(seat) => calls.spawn(hotline.clone().take(call, seat)),
            None => calls.spawn(hotline.clone().turn_away(call)),
        };
    }
}

/// Refuses new calls and begins no transcription while the media threads run late, so that the calls in progress stay
/// clean.
async fn watch_load(hotline: Arc<Hotline>, agent: Arc<UserAgent>, was_late: watch::Sender<bool>) {
    let mut ticks = tokio::time::interval(WATCH);
    loop {
        ticks.tick().await;
        let late = hotline.engine.is_late();
        if was_late.send_if_modified(|was| std::mem::replace(was, late) != late) {
            warn!(
                late,
                "the media threads' lateness changed: new calls are {}",
                if late { "refused" } else { "taken" }
            );
            agent.set_admission(match late {
                true => Admission::Unavailable { retry_after: hotline.config.retry_after },
                false => Admission::Open,
            });
        }
    }
}

/// Deletes the messages of calls whose time is over.
async fn forget_traces(hotline: &Hotline) -> Result<(), StoreError> {
    let before = hotline.config.oldest_trace(hotline.clock.now());
    while hotline.store.forget_traces(before).await? {}
    Ok(())
}

/// Ends the rows and opens the tickets that calls could not, once the database answers again; forgets what need not be kept.
async fn look_after_rows(hotline: Arc<Hotline>) {
    let mut ticks = tokio::time::interval(ADOPT);
    loop {
        ticks.tick().await;
        hotline.write_ends().await;
        if let Err(error) = hotline.adopt_stories().await {
            warn!(%error, "words without a ticket cannot be looked for");
        }
        if let Err(error) = forget_traces(&hotline).await {
            warn!(%error, "old SIP messages cannot be deleted");
        }
    }
}
