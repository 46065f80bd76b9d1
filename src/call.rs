//! One task per call: the only place where the SIP dialog, the media leg and the dialogue session meet.
//!
//! Everything that happens to a call comes to `Line::run` as one of three: a dialog event, a leg event, or the
//! session's own timeout. The session answers in effects, which `Line::perform` carries out.

mod info;
mod line;
mod notes;
pub mod recovery;
mod spoken;
mod trace;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock::{Clock, Timestamp};
use crate::files::{Files, FilesError};
use crate::ivr::Outcome;
use crate::ivr::script::Script;
use crate::media::prompt::Library;
use crate::media::{Engine, sdp};
use crate::sip::{self, AnswerError, InboundCall, Refusal};
use crate::store::{
    CallEnd, CallTrace, EndReason, EndedBy, NewCall, OpenError, Store, StoreError, Ticket,
};
use crate::ticket::{CallId, Contact, Intake, contact};
pub use line::ROOM;
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
    /// Days for which the SIP messages of a call are kept; its row stays.
    pub trace_days: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max: 200,
            retry_after: 30,
            drain: 60,
            time_zone: "Asia/Jakarta".into(),
            min_speech: 2000,
            trace_days: 30,
        }
    }
}

impl Config {
    /// The time zone, or why its name is none.
    pub fn zone(&self) -> Result<TimeZone, jiff::Error> {
        TimeZone::get(&self.time_zone)
    }

    /// The moment before which the messages of calls are forgotten.
    pub fn oldest_trace(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0 - i64::from(self.trace_days) * 86_400_000)
    }

    /// Speech that makes a recording worth a ticket.
    pub fn min_speech(&self) -> Duration {
        Duration::from_millis(self.min_speech)
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
    /// The ends of calls that the database would not take.
    pub unwritten: Mutex<Vec<(CallId, CallEnd)>>,
}

/// A script and the prompts that it names, checked against each other.
pub struct Voice {
    pub script: Arc<Script>,
    pub prompts: Library,
}

/// One of the lines; the call that has it is up for as long as it lives.
pub struct Seat(Arc<Hotline>);

impl Drop for Seat {
    fn drop(&mut self) {
        let up = self.0.active.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!("kentongan_calls_up").set(up as f64);
    }
}

impl Hotline {
    /// A line for one more call, unless all are taken.
    pub fn seat(self: &Arc<Hotline>) -> Option<Seat> {
        let before = self.active.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(self.clone());
        metrics::gauge!("kentongan_calls_up").set((before + 1) as f64);
        (before < self.config.max).then_some(seat)
    }

    /// Says busy. That leaves a row too: how many found no line free is what tells an office to get more of them.
    pub async fn turn_away(self: Arc<Hotline>, mut inbound: InboundCall) {
        let started = self.clock.now();
        let trace = inbound.trace.take();
        let new = new_call(&inbound, started);
        inbound.refuse(Refusal::busy(self.config.retry_after));
        match self.store.begin_call(new).await {
            Ok(id) => {
                let trace = trace::of(trace, CallClock::start(started)).await;
                self.record_refusal(id, started, EndReason::Busy, trace).await;
            }
            Err(error) => error!(%error, "the row of a call that found no line cannot be written"),
        }
    }

    /// Takes one call from its INVITE to its row's last column.
    pub async fn take(self: Arc<Hotline>, mut inbound: InboundCall, seat: Seat) {
        let started = self.clock.now();
        let clock = CallClock::start(started);
        let trace = inbound.trace.take();
        let new = new_call(&inbound, started);
        let contact = new.caller.clone();
        let id = match self.store.begin_call(new).await {
            Ok(id) => id,
            Err(error) => {
                error!(%error, "a call is refused: its row cannot be written");
                metrics::counter!("kentongan_calls_refused_total", "reason" => "store")
                    .increment(1);
                return inbound
                    .refuse(Refusal::unavailable("no database", self.config.retry_after));
            }
        };
        info!(
            call = id.0,
            sip = &*inbound.log_id,
            trunk = inbound.trunk.as_deref(),
            "call arrived"
        );
        match Box::pin(self.connect(inbound, id, contact, clock)).await {
            Ok(line) => {
                let told = Box::new(line).run().await;
                let ended = self.clock.now();
                let trace = trace::of(trace, clock).await;
                Box::pin(self.record_end(id, ended, told, trace)).await;
            }
            Err(NotAnswered(reason)) => {
                let ended = self.clock.now();
                let trace = trace::of(trace, clock).await;
                self.record_refusal(id, ended, reason, trace).await;
            }
        }
        drop(seat);
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
                return Err(NotAnswered(EndReason::MediaFailed));
            }
        };
        let local = sdp::Local::new(reachable(leg.local_addr(), inbound.peer), id.0 as u64);
        let (described, agreed) = match &inbound.offer {
            Some(offer) => match sdp::answer(offer, &local) {
                Ok(answered) => (answered.sdp, Agreed::Now(answered.negotiated)),
                Err(rejected) => {
                    info!(call = id.0, reason = %rejected, "offer refused");
                    inbound.refuse(Refusal::new(488, rejected.to_string()));
                    return Err(NotAnswered(EndReason::Refused));
                }
            },
            None => (sdp::offer(&local), Agreed::WithAck),
        };
        let dialog = inbound.answer(described.clone()).map_err(|error| match error {
            AnswerError::Cancelled => NotAnswered(EndReason::Cancelled),
            error => {
                warn!(call = id.0, %error, "the call could not be answered");
                NotAnswered(EndReason::TransportFailed)
            }
        })?;
        let voice = self.voice.load_full();
        let hotline = self.clone();
        // Before its row is written: the caller speaks already.
        let line = Line::new(Parts {
            hotline,
            voice,
            id,
            contact,
            clock,
            dialog,
            leg,
            heard,
            local,
            described,
            agreed,
        });
        let codec = line.codec();
        if let Err(error) = self.store.answer_call(id, codec, self.clock.now()).await {
            error!(call = id.0, %error, "the answer could not be written to the call's row");
        }
        info!(call = id.0, codec, "call answered");
        Ok(line)
    }

    /// The one door for new tickets, with a generator from the edge.
    #[expect(clippy::disallowed_methods, reason = "codes are drawn here, at the edge")]
    async fn open_ticket(&self, intake: Intake, now: Timestamp) -> Result<Ticket, OpenError> {
        // The generator stays in this thread: the future that follows may move.
        let opening = self.store.open_ticket(intake, now, &mut rand::rng());
        let ticket = opening.await?;
        metrics::counter!("kentongan_tickets_opened_total", "channel" => "phone").increment(1);
        Ok(ticket)
    }

    async fn record_end(&self, id: CallId, at: Timestamp, told: Told, trace: CallTrace) {
        let (reason, ended_by) = why(told.ending, told.outcome);
        let lost = told.stats.packets_lost;
        let end = CallEnd {
            at,
            reason,
            ended_by,
            packets_sent: told.stats.packets_sent,
            packets_received: told.stats.packets_received,
            packets_lost: lost,
            first_audio: told.first_audio,
            trace,
            steps: told.steps,
        };
        metrics::counter!("kentongan_packets_lost_total").increment(lost);
        self.write_end(id, end).await;
    }

    async fn record_refusal(&self, id: CallId, at: Timestamp, reason: EndReason, trace: CallTrace) {
        let ended_by =
            if reason == EndReason::Cancelled { EndedBy::Caller } else { EndedBy::Hotline };
        metrics::counter!("kentongan_calls_refused_total", "reason" => reason.word()).increment(1);
        let end = CallEnd {
            at,
            reason,
            ended_by,
            packets_sent: 0,
            packets_received: 0,
            packets_lost: 0,
            first_audio: None,
            trace,
            steps: Vec::new(),
        };
        self.write_end(id, end).await;
    }

    async fn write_end(&self, id: CallId, end: CallEnd) {
        let (reason, lost) = (end.reason.word(), end.packets_lost);
        metrics::counter!("kentongan_calls_ended_total", "reason" => reason).increment(1);
        if let Err(error) = self.store.end_call(id, end.clone()).await {
            error!(call = id.0, %error, "the call's end could not be written; it is tried again every minute");
            self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).push((id, end));
        }
        info!(call = id.0, reason, lost, "call ended");
    }

    /// Writes the ends of calls that could not be written when they came, now that the database may answer again.
    pub async fn write_ends(&self) {
        let unwritten =
            std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, end) in unwritten {
            match self.store.end_call(id, end.clone()).await {
                Ok(()) => info!(call = id.0, "the call's end is written at last"),
                // Closed by somebody else, or deleted.
                Err(StoreError::NotOpen { .. }) => {}
                Err(_) => {
                    self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).push((id, end));
                }
            }
        }
    }
}

fn new_call(inbound: &InboundCall, started: Timestamp) -> NewCall {
    NewCall {
        sip_call_id: inbound.call_id.clone(),
        trunk: inbound.trunk.clone(),
        called: inbound.called.clone(),
        caller: Contact {
            number: inbound.caller.number.as_deref().and_then(contact::normalise),
            asserted: inbound.caller.asserted,
        },
        started,
    }
}

/// The address for the session description: the one that packets to this peer leave from, if none was advertised.
fn reachable(local: SocketAddr, peer: SocketAddr) -> SocketAddr {
    match local.ip().is_unspecified() {
        true => sip::source_towards(peer, local.port()).unwrap_or(local),
        false => local,
    }
}

/// Why a call never came up; stands in its row.
struct NotAnswered(EndReason);

/// Why a recording could not begin.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    File(#[from] FilesError),
    #[error(transparent)]
    Row(#[from] StoreError),
}

/// The row's words for how a call ended.
fn why(ending: Ending, outcome: Option<Outcome>) -> (EndReason, EndedBy) {
    use sip::EndReason as Sip;
    match (ending, outcome) {
        (Ending::Shutdown, _) => (EndReason::Shutdown, EndedBy::Hotline),
        (Ending::RtpTimeout, _) => (EndReason::RtpTimeout, EndedBy::Network),
        (Ending::MediaFailed, _) => (EndReason::MediaFailed, EndedBy::Hotline),
        (Ending::Dialog(Sip::RemoteBye), None) => (EndReason::HungUp, EndedBy::Caller),
        (Ending::Dialog(Sip::Cancelled), _) => (EndReason::Cancelled, EndedBy::Caller),
        (Ending::Dialog(Sip::NoAck), _) => (EndReason::NoAck, EndedBy::Network),
        (Ending::Dialog(Sip::SessionExpired), _) => (EndReason::SessionExpired, EndedBy::Network),
        (Ending::Dialog(Sip::Failed), _) => (EndReason::TransportFailed, EndedBy::Network),
        (Ending::Dialog(Sip::LocalBye | Sip::RemoteBye), Some(Outcome::Completed)) => {
            (EndReason::Completed, EndedBy::Hotline)
        }
        (Ending::Dialog(Sip::LocalBye | Sip::RemoteBye), Some(Outcome::TooLong)) => {
            (EndReason::TooLong, EndedBy::Hotline)
        }
        (Ending::Dialog(Sip::LocalBye | Sip::RemoteBye), Some(Outcome::Failed)) => {
            (EndReason::ServiceFailed, EndedBy::Hotline)
        }
        // We hang up by ourselves only over an answer in the ACK that cannot be used.
        (Ending::Dialog(Sip::LocalBye), None) => (EndReason::Refused, EndedBy::Hotline),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::EndReason as Sip;

    #[test]
    fn a_call_that_the_script_ends_is_told_by_its_outcome_whoever_says_bye_first() {
        for bye in [Sip::LocalBye, Sip::RemoteBye] {
            for (outcome, reason) in [
                (Outcome::Completed, EndReason::Completed),
                (Outcome::TooLong, EndReason::TooLong),
                (Outcome::Failed, EndReason::ServiceFailed),
            ] {
                assert_eq!(
                    why(Ending::Dialog(bye), Some(outcome)),
                    (reason, EndedBy::Hotline),
                    "{bye:?} {outcome:?}"
                );
            }
        }
    }

    #[test]
    fn a_caller_who_hangs_up_is_not_the_network_and_not_us() {
        let ended = |reason| why(Ending::Dialog(reason), None);
        assert_eq!(ended(Sip::RemoteBye), (EndReason::HungUp, EndedBy::Caller));
        assert_eq!(ended(Sip::Cancelled), (EndReason::Cancelled, EndedBy::Caller));
        assert_eq!(ended(Sip::LocalBye), (EndReason::Refused, EndedBy::Hotline));
        assert_eq!(ended(Sip::NoAck), (EndReason::NoAck, EndedBy::Network));
        assert_eq!(ended(Sip::SessionExpired), (EndReason::SessionExpired, EndedBy::Network));
        assert_eq!(ended(Sip::Failed), (EndReason::TransportFailed, EndedBy::Network));
    }

    #[test]
    fn what_ends_a_call_from_outside_wins_over_a_dialogue_that_was_at_its_end() {
        for outcome in [None, Some(Outcome::Completed)] {
            assert_eq!(why(Ending::RtpTimeout, outcome).0, EndReason::RtpTimeout);
            assert_eq!(why(Ending::Shutdown, outcome).0, EndReason::Shutdown);
            assert_eq!(why(Ending::MediaFailed, outcome).0, EndReason::MediaFailed);
        }
    }
}
