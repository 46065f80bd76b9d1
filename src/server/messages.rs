//! Short messages: the desk, the hook, and a task for each gateway that sends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::Config;
use crate::sms::desk::Desk;
use crate::sms::outbox::Outbox;
use crate::sms::reply::{self, Replies};
use crate::sms::{self, Wire, fetch, hook};
use crate::store::Store;

/// How often long messages are looked at whose pieces do not all come.
const UNFINISHED: Duration = Duration::from_secs(600);
/// Longer than any attempt to send takes.
const GOODBYE: Duration = Duration::from_secs(35);

/// Short messages that are up.
pub struct Messages {
    /// Sending may not be broken off: nobody would know whether the message went.
    sending: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

/// The office's texts, or those that come with the program.
pub fn replies(config: &sms::Config) -> anyhow::Result<Replies> {
    let Some(path) = &config.replies else { return Ok(Replies::parse(reply::SHIPPED)?) };
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    Replies::parse(&text).with_context(|| format!("{name} cannot be used"))
}

impl Messages {
    /// Starts everything; tells the routes that gateways post to.
    pub async fn start(
        config: &Config,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<(Messages, Router)> {
        let gateways = sms::gateways(&config.sms)?;
        let replies = Arc::new(replies(&config.sms)?);
        let zone = config.calls.zone()?;
        let desk =
            Arc::new(Desk::new(&config.sms, replies.clone(), zone, store.clone(), clock.clone()));
        let wire = Wire::new().context("no connection to gateways can be made")?;
        let names: Vec<String> = gateways.keys().cloned().collect();
        store.keep_gateways(&names).await?;
        info!(gateways = names.join(", "), "short messages");
        let outbox = Arc::new(Outbox {
            store,
            clock,
            gateways: gateways.clone(),
            replies,
            wire: wire.clone(),
            limits: config.sms.limits,
        });
        let stop = CancellationToken::new();
        let send = |name: &String| tokio::spawn(outbox.clone().run(name.clone(), stop.clone()));
        let sending = names.iter().map(send).collect();
        let fetch = |name: &String| {
            tokio::spawn(fetch::run(name.clone(), gateways.clone(), desk.clone(), wire.clone()))
        };
        let mut others: Vec<JoinHandle<()>> = names.iter().map(fetch).collect();
        others.push(tokio::spawn(take_unfinished(desk.clone())));
        if let Some(gateway) = config.sms.sends_by().filter(|_| config.sms.code_after_call) {
            others.push(tokio::spawn(outbox.tell_codes(gateway.to_owned())));
        }
        Ok((Messages { sending, others, stop }, hook::routes(desk, gateways)))
    }

    /// Lets the attempts in progress end.
    pub async fn stop(self) {
        self.stop.cancel();
        super::end(self.others).await;
        let ended = futures_util::future::join_all(self.sending);
        if tokio::time::timeout(GOODBYE, ended).await.is_err() {
            warn!("a message that was being sent is left behind");
        }
    }
}

async fn take_unfinished(desk: Arc<Desk>) {
    let mut ticks = tokio::time::interval(UNFINISHED);
    loop {
        ticks.tick().await;
        if let Err(error) = desk.take_unfinished().await {
            warn!(%error, "long messages without all their pieces cannot be taken");
        }
    }
}
