//! Sends what is queued: each gateway by itself, one message after the other, so that a dead one stops only its own.
//!
//! **Nothing is sent twice.** A message is marked on disk before the gateway hears of it. When nobody knows whether the
//! gateway took it (its answer got lost, the program was killed), it is sent again only where the gateway tells a second
//! attempt from a second message; elsewhere it is [`SmsState::Unsure`] until a delivery report or a person decides.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::gateway::{Gateway, OutboundMessage, Sent};
use super::reply::{Replies, Reply};
use super::segment::size;
use super::wire::Attempt;
use super::{Config, Gateways, Limits, Wire};
use crate::clock::{Clock, Timestamp};
use crate::store::{
    CodeToTell, LeasedSms, NewOutgoing, Part, Pulse, Settled, SmsKind, SmsState, Store, StoreError,
};
use crate::ticket::TicketId;

/// How long a message is held by who sends it; longer than any attempt lasts.
const LEASE: Duration = Duration::from_secs(120);
/// How often the outbox is looked at for what another process queued, and for calls that ended.
const LOOK: Duration = Duration::from_secs(1);
/// After the first attempt that failed; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause of a gateway, and of one message.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long after its call a code is still told.
const CODES: Duration = Duration::from_secs(6 * 3600);
const CODES_AT_ONCE: u32 = 100;

/// What sending needs.
pub struct Outbox {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub gateways: Gateways,
    pub replies: Arc<Replies>,
    pub wire: Wire,
    pub limits: Limits,
}

/// What an attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing is due.
    Idle,
    Sent,
    /// The gateway does not take messages now.
    Stuck,
}

impl Outbox {
    /// Sends by one gateway until it is told to stop, and never stops in the middle of a message.
    pub async fn run(self: Arc<Outbox>, name: String, stop: CancellationToken) {
        let Some(gateway) = self.gateways.get(&name) else { return };
        // One process sends at a time: whatever is being sent now was left in the middle by an earlier one.
        let mut failures = match self.end_leases(&name, gateway.as_ref(), LEASE).await {
            Ok(()) => 0,
            Err(error) => {
                warn!(gateway = name, %error, "what was left in the middle cannot be looked at");
                1
            }
        };
        let mut pulse = Pulse::new(self.store.clone(), Part::Gateway(name.clone()));
        while !stop.is_cancelled() {
            pulse.beat(self.clock.now()).await;
            let changed = self.store.sms_changed().notified();
            let turn = self.turn(&name, gateway.as_ref()).await.unwrap_or_else(|error| {
                warn!(gateway = name, %error, "the outbox cannot be read");
                Turn::Stuck
            });
            failures = if turn == Turn::Stuck { failures + 1 } else { 0 };
            let rest = async {
                match turn {
                    Turn::Sent => tokio::time::sleep(self.limits.pace()).await,
                    // Time is an event here: a message may become due.
                    Turn::Idle => drop(tokio::time::timeout(LOOK, changed).await),
                    Turn::Stuck => tokio::time::sleep(pause(failures, LONGEST_PAUSE)).await,
                }
            };
            tokio::select! {
                () = rest => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Sends the next message, if one is due.
    async fn turn(&self, name: &str, gateway: &dyn Gateway) -> Result<Turn, StoreError> {
        self.end_leases(name, gateway, Duration::ZERO).await?;
        let Some(sms) = self.store.lease_sms(name, self.clock.now(), LEASE).await? else {
            return Ok(Turn::Idle);
        };
        let message = OutboundMessage {
            reference: &sms.reference,
            to: &sms.number,
            text: &sms.body,
            at: self.clock.now(),
        };
        let attempt = self.wire.send(gateway, &message).await;
        let settled = self.judge(&sms, attempt, gateway.repeats());
        let turn = self.note(name, &sms, &settled);
        self.store.settle_sms(&sms, settled, self.clock.now()).await?;
        Ok(turn)
    }

    /// Ends the leases that will be over after `ahead`.
    async fn end_leases(
        &self,
        name: &str,
        gateway: &dyn Gateway,
        ahead: Duration,
    ) -> Result<(), StoreError> {
        let left = if gateway.repeats() { SmsState::Queued } else { SmsState::Unsure };
        let over = self.store.end_sms_leases(name, left, self.clock.now() + ahead).await?;
        if over > 0 {
            info!(gateway = name, messages = over, state = ?left, "messages were left in the middle");
        }
        Ok(())
    }

    fn judge(&self, sms: &LeasedSms, attempt: Attempt, repeats: bool) -> Settled {
        match attempt {
            Attempt::Told(Sent::Accepted { gateway_id }) => Settled::Accepted { gateway_id },
            Attempt::Told(Sent::Refused { reason }) => Settled::Failed { reason },
            Attempt::NoAnswer(reason) if !repeats => Settled::Unsure { reason },
            Attempt::Told(Sent::Later { reason })
            | Attempt::NotAsked(reason)
            | Attempt::NoAnswer(reason) => self.later(sms, reason),
        }
    }

    fn later(&self, sms: &LeasedSms, reason: String) -> Settled {
        let now = self.clock.now();
        let hours = self.limits.give_up;
        if now.since(sms.queued) >= Duration::from_secs(u64::from(hours) * 3600) {
            return Settled::Failed { reason: format!("given up after {hours} hours: {reason}") };
        }
        Settled::Later { due: now + pause(sms.attempts, LONGEST_WAIT), reason }
    }

    /// Tells the log and the figures.
    fn note(&self, name: &str, sms: &LeasedSms, settled: &Settled) -> Turn {
        let (outcome, turn) = match settled {
            Settled::Accepted { .. } => ("accepted", Turn::Sent),
            Settled::Later { .. } => ("later", Turn::Stuck),
            Settled::Failed { .. } => ("failed", Turn::Sent),
            Settled::Unsure { .. } => ("unsure", Turn::Stuck),
        };
        metrics::counter!("kentongan_sms_sent_total", "gateway" => name.to_owned(), "outcome" => outcome)
            .increment(1);
        if let Settled::Later { reason, .. }
        | Settled::Failed { reason }
        | Settled::Unsure { reason } = settled
        {
            warn!(gateway = name, sms = sms.id, outcome, reason, "a message was not sent");
        }
        turn
    }

    /// Queues the codes of tickets that were opened by telephone, by this gateway, until it is dropped. It looks at rows
    /// alone, so that a call which a crash cut off is no exception.
    pub async fn tell_codes(self: Arc<Outbox>, gateway: String) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.queue_codes(&gateway).await {
                warn!(%error, "the codes of calls cannot be queued as messages");
            }
        }
    }

    async fn queue_codes(&self, gateway: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let since = Timestamp(now.0 - CODES.as_millis() as i64);
        for ticket in self.store.codes_to_tell(since, CODES_AT_ONCE).await? {
            let outgoing = code_message(&self.replies, gateway, ticket, now);
            #[expect(clippy::disallowed_methods, reason = "the edge that draws the reference")]
            let queueing = self.store.queue_sms(outgoing, now, &mut rand::rng());
            queueing.await?;
        }
        Ok(())
    }
}

fn code_message(
    replies: &Replies,
    gateway: &str,
    ticket: CodeToTell,
    now: Timestamp,
) -> NewOutgoing {
    let body = replies.text(&Reply::ReceivedByPhone { code: ticket.code.to_string() });
    outgoing(gateway, ticket.number, body, SmsKind::Code, Some(ticket.id), now)
}

/// A message of the office's own, for the first moment that is not quiet.
pub fn notice(
    config: &Config,
    gateway: &str,
    number: String,
    body: String,
    now: Timestamp,
    zone: &TimeZone,
) -> NewOutgoing {
    outgoing(gateway, number, body, SmsKind::Notice, None, config.quiet.over(now, zone))
}

fn outgoing(
    gateway: &str,
    number: String,
    body: String,
    kind: SmsKind,
    ticket: Option<TicketId>,
    due: Timestamp,
) -> NewOutgoing {
    let parts = size(&body).parts as i64;
    NewOutgoing { gateway: gateway.to_owned(), number, body, parts, kind, ticket, due }
}

/// Before attempt `attempts + 1`.
fn pause(attempts: i64, longest: Duration) -> Duration {
    let doubled = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    (FIRST_PAUSE * 2_u32.pow(doubled)).min(longest)
}
