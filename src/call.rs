//! One task per call: the only place where the SIP dialog, the media leg and the dialogue session meet.
//!
//! Everything that happens to a call comes to [`Line::run`] as one of three: a dialog event, a leg event, or the
//! session's own timeout. The session answers in effects, which [`Line::perform`] carries out.

mod info;
mod line;
pub mod recovery;
mod spoken;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use serde::Deserialize;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::files::{FileError, Files};
use crate::ivr::script::Script;
use crate::media::prompt::Library;
use crate::media::{Engine, sdp};
use crate::sip::{AnswerError, EndReason, InboundCall, Refusal};
use crate::store::{CallEnd, NewCall, Store, StoreError};
use crate::ticket::{CallId, Contact, contact};
use line::{Agreed, CallClock, Ending, Line, Parts, Told};

/// How calls are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Calls up at once; the next one hears busy (486).
    pub max: usize,
    /// Seconds a refused caller's exchange waits before it tries again (Retry-After).
    pub retry_after: u32,
    /// Seconds that calls in progress get to end by themselves when the program is stopped.
    pub drain: u32,
    /// The site's time zone, `Asia/Jakarta`, `Asia/Pontianak`, `Asia/Makassar` or `Asia/Jayapura`.
    pub time_zone: String,
    /// Milliseconds of speech that make a recording worth a ticket when its caller hung up.
    pub min_speech: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max: 200,
            retry_after: 30,
            drain: 60,
            time_zone: "Asia/Jakarta".into(),
            min_speech: 2000,
        }
    }
}

impl Config {
    /// The time zone, or why its name is none.
    pub fn zone(&self) -> Result<TimeZone, jiff::Error> {
        TimeZone::get(&self.time_zone)
    }
}

/// What every call needs, shared by all of them.
pub struct Hotline {
    pub config: Config,
    pub store: Store,
    pub files: Files,
    pub engine: Engine,
    /// The script and the prompts that the next call gets; a call keeps those that it began with.
    pub voice: ArcSwap<Voice>,
    pub clock: Arc<dyn Clock>,
    /// The site's time zone: what "kemarin" means.
    pub zone: TimeZone,
    /// Turns true when calls are to end in peace.
    pub closing: watch::Receiver<bool>,
    pub active: AtomicUsize,
}

/// A script and the prompts that it names, checked against each other.
pub struct Voice {
    pub script: Arc<Script>,
    pub prompts: Library,
}

/// Counts a call as up for as long as it lives.
struct Active<'a>(&'a AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let up = self.0.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!("kentongan_calls_up").set(up as f64);
    }
}

impl Hotline {
    /// Takes one call from its INVITE to its row's last column.
    pub async fn take(self: Arc<Hotline>, inbound: InboundCall) {
        let _active = self.count();
        let started = self.clock.now();
        let clock = CallClock::start(started);
        let contact = Contact {
            number: inbound.caller.number.as_deref().and_then(contact::normalise),
            asserted: inbound.caller.asserted,
        };
        let new = NewCall {
            sip_call_id: inbound.call_id.clone(),
            trunk: inbound.trunk.clone(),
            called: inbound.called.clone(),
            contact: contact.clone(),
            started,
        };
        let id = match self.store.begin_call(&new).await {
            Ok(id) => id,
            Err(error) => {
                error!(%error, "a call is refused: its row cannot be written");
                metrics::counter!("kentongan_calls_refused_total", "reason" => "store").increment(1);
                return inbound.refuse(Refusal::unavailable("no database", self.config.retry_after));
            }
        };
        info!(call = id.0, trunk = new.trunk.as_deref().unwrap_or("-"), "call arrived");
        match self.connect(inbound, id, contact, clock).await {
            Ok(line) => {
                let told = line.run().await;
                self.record_end(id, told).await;
            }
            Err(NotAnswered(reason)) => self.record_refusal(id, reason).await,
        }
    }

    /// Offer/answer, a leg, and the 200.
    async fn connect(
        self: &Arc<Hotline>,
        inbound: InboundCall,
        id: CallId,
        contact: Contact,
        clock: CallClock,
    ) -> Result<Line, NotAnswered> {
        let (leg, heard) = match self.engine.open() {
            Ok(opened) => opened,
            Err(error) => {
                error!(call = id.0, %error, "no audio port for this call");
                inbound.refuse(Refusal::unavailable("no audio port", self.config.retry_after));
                return Err(NotAnswered("no_media_port"));
            }
        };
        let local = sdp::Local::new(leg.local_addr(), id.0 as u64);
        let (described, agreed) = match &inbound.offer {
            Some(offer) => match sdp::answer(offer, &local) {
                Ok(answered) => (answered.sdp, Agreed::Now(answered.negotiated)),
                Err(rejected) => {
                    info!(call = id.0, reason = %rejected, "offer refused");
                    inbound.refuse(Refusal::new(488, rejected.to_string()));
                    return Err(NotAnswered("not_acceptable"));
                }
            },
            None => (sdp::offer(&local), Agreed::WithAck),
        };
        let dialog = inbound.answer(described.clone()).map_err(|error| match error {
            AnswerError::Cancelled => NotAnswered("cancelled"),
            error => {
                warn!(call = id.0, %error, "the call could not be answered");
                NotAnswered("failed")
            }
        })?;
        let codec = match &agreed {
            Agreed::Now(negotiated) => Some(negotiated.codec.name()),
            Agreed::WithAck => None,
        };
        if let Err(error) = self.store.answer_call(id, codec, self.clock.now()).await {
            error!(call = id.0, %error, "the answer could not be written to the call's row");
        }
        info!(call = id.0, codec, "call answered");
        let voice = self.voice.load_full();
        let hotline = self.clone();
        Ok(Line::new(Parts { hotline, voice, id, contact, clock, dialog, leg, heard, local, described, agreed }))
    }

    async fn record_end(&self, id: CallId, told: Told) {
        let reason = told.ending.name();
        let end = CallEnd {
            ended: self.clock.now(),
            reason: reason.into(),
            by: told.ending.by().into(),
            packets_sent: told.stats.packets_sent as i64,
            packets_received: told.stats.packets_received as i64,
            packets_lost: told.stats.packets_lost as i64,
            steps: told.session.path().to_vec(),
        };
        metrics::counter!("kentongan_calls_ended_total", "reason" => reason).increment(1);
        metrics::counter!("kentongan_packets_lost_total").increment(told.stats.packets_lost);
        if let Err(error) = self.store.end_call(id, &end).await {
            error!(call = id.0, %error, "the call's end could not be written; the next start closes its row");
        }
        info!(call = id.0, reason, lost = told.stats.packets_lost, "call ended");
    }

    async fn record_refusal(&self, id: CallId, reason: &'static str) {
        metrics::counter!("kentongan_calls_refused_total", "reason" => reason).increment(1);
        let end = CallEnd::refused(self.clock.now(), reason);
        if let Err(error) = self.store.end_call(id, &end).await {
            error!(call = id.0, %error, "the call's end could not be written");
        }
        info!(call = id.0, reason, "call not answered");
    }

    fn count(&self) -> Active<'_> {
        let up = self.active.fetch_add(1, Ordering::Relaxed) + 1;
        metrics::gauge!("kentongan_calls_up").set(up as f64);
        Active(&self.active)
    }
}

/// Why a call never came up; stands in its row.
struct NotAnswered(&'static str);

/// Why a recording could not begin.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Row(#[from] StoreError),
}

impl Ending {
    /// For the call's row and the metrics.
    fn name(self) -> &'static str {
        match self {
            Ending::RtpTimeout => "rtp_timeout",
            Ending::Dialog(EndReason::RemoteBye) => "remote_bye",
            Ending::Dialog(EndReason::LocalBye) => "local_bye",
            Ending::Dialog(EndReason::NoAck) => "no_ack",
            Ending::Dialog(EndReason::SessionExpired) => "session_expired",
            Ending::Dialog(EndReason::Cancelled) => "cancelled",
            Ending::Dialog(EndReason::Failed) => "failed",
        }
    }

    /// Who ended it.
    fn by(self) -> &'static str {
        match self {
            Ending::Dialog(EndReason::RemoteBye | EndReason::Cancelled) => "caller",
            Ending::Dialog(EndReason::LocalBye) => "hotline",
            _ => "network",
        }
    }
}
