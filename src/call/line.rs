//! A call in progress.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::{debug, error, info, warn};

use super::notes::Notes;
use super::{Hotline, Voice, info as sip_info, recovery, spoken};
use crate::clock::Timestamp;
use crate::ivr::{self, Effect, Event, PlayId, RecordLimits, Session};
use crate::media::{
    Clip, Leg, LegEvent, LegStats, Negotiated, RecordEnd, RecordSpec, Recorded, sdp,
};
use crate::sip::{Dialog, DialogEvent, EndReason, Refusal, Reoffer};
use crate::store::{self, RecordingEndedBy, RecordingState, Step, Ticket};
use crate::ticket::{CallId, Channel, Class, Contact, Intake, RecordingId};

/// How long somebody on the line waits for the database before they are told that it does not work.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the last recording may take to reach the disk once the caller is gone.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Who or what ended a call, for its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Dialog(EndReason),
    RtpTimeout,
    /// The program was told to stop.
    Shutdown,
    /// The media thread is gone.
    MediaFailed,
}

/// Room that must be on the disk before a recording begins: three minutes of it, and as much for the rows.
pub const ROOM: u64 = 6_000_000;

/// Wall-clock time that never runs backwards within one call.
#[derive(Clone, Copy)]
pub(super) struct CallClock {
    began: Timestamp,
    at: Instant,
}

impl CallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the call task is an edge: it times the pure session"
    )]
    pub fn start(began: Timestamp) -> CallClock {
        CallClock { began, at: Instant::now() }
    }

    fn now(self) -> Timestamp {
        self.began + self.at.elapsed()
    }

    /// When something was that happened at `instant`, perhaps before the call was taken.
    pub fn at(self, instant: Instant) -> Timestamp {
        match self.at.checked_duration_since(instant) {
            Some(before) => Timestamp(self.began.0 - before.as_millis() as i64),
            None => self.began + instant.saturating_duration_since(self.at),
        }
    }

    /// When `moment` comes, for a timer.
    fn instant(self, moment: Timestamp) -> tokio::time::Instant {
        (self.at + moment.since(self.began)).into()
    }
}

/// A recording of this call, by the slot it stands under.
struct Kept {
    id: RecordingId,
    path: PathBuf,
}

/// Everything that one call holds while it is up.
pub(super) struct Line {
    hotline: Arc<Hotline>,
    voice: Arc<Voice>,
    id: CallId,
    contact: Contact,
    clock: CallClock,
    dialog: Dialog,
    leg: Leg,
    heard: mpsc::UnboundedReceiver<LegEvent>,
    local: sdp::Local,
    /// What we described last.
    described: String,
    /// The last description was an offer of ours: the INVITE had none, so the ACK carries the answer.
    offered: bool,
    codec: &'static str,
    session: Session,
    notes: Notes,
    answered: bool,
    /// Events waiting for the session; effects that finish at once put theirs here.
    events: VecDeque<Event>,
    kept: HashMap<String, Kept>,
    /// Recordings by the leg's tag until the leg says that they ended.
    recording: HashMap<u32, String>,
    next_tag: u32,
    ticket: Option<Ticket>,
    /// RFC 4733 or SIP INFO, whichever brought the first digit; the other repeats it.
    digits_by: Option<DigitsBy>,
    ending: Option<Ending>,
    outcome: Option<ivr::Outcome>,
    stats: LegStats,
    first_audio: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DigitsBy {
    Media,
    Info,
}

/// What a call has to show for itself when it is over.
pub(super) struct Told {
    pub ending: Ending,
    /// How the dialogue ended, if it did before the call.
    pub outcome: Option<ivr::Outcome>,
    pub stats: LegStats,
    pub first_audio: Option<Timestamp>,
    /// Those that its row does not have yet.
    pub steps: Vec<Step>,
}

/// The parts of a call, as `answer` has put them together.
pub(super) struct Parts {
    pub hotline: Arc<Hotline>,
    pub voice: Arc<Voice>,
    pub id: CallId,
    pub contact: Contact,
    pub clock: CallClock,
    pub dialog: Dialog,
    pub leg: Leg,
    pub heard: mpsc::UnboundedReceiver<LegEvent>,
    pub local: sdp::Local,
    pub described: String,
    pub agreed: Agreed,
}

/// Where the offer/answer exchange stands once the 200 is sent.
pub(super) enum Agreed {
    /// The INVITE carried the offer and our 200 the answer.
    Now(Negotiated),
    /// Our 200 carried the offer; the ACK will carry the answer.
    WithAck,
}

impl Line {
    pub fn new(parts: Parts) -> Line {
        let session = Session::new(parts.voice.script.clone(), parts.clock.now());
        let mut codec = "";
        if let Agreed::Now(negotiated) = &parts.agreed {
            codec = negotiated.codec.name();
            parts.leg.connect(negotiated.clone());
        }
        let notes = Notes::new(parts.hotline.store.clone(), parts.id);
        Line {
            notes,
            hotline: parts.hotline,
            voice: parts.voice,
            id: parts.id,
            contact: parts.contact,
            clock: parts.clock,
            dialog: parts.dialog,
            leg: parts.leg,
            heard: parts.heard,
            local: parts.local,
            described: parts.described,
            offered: matches!(parts.agreed, Agreed::WithAck),
            codec,
            session,
            answered: false,
            events: VecDeque::new(),
            kept: HashMap::new(),
            recording: HashMap::new(),
            next_tag: 0,
            ticket: None,
            digits_by: None,
            ending: None,
            outcome: None,
            stats: LegStats::default(),
            first_audio: None,
        }
    }

    /// Carries the call to its end and whatever must still be written after that.
    pub async fn run(mut self: Box<Line>) -> Told {
        let mut closing = self.hotline.closing.clone();
        let mut last_words: Option<tokio::time::Instant> = None;
        let mut media = true;
        loop {
            // What is done seldom has its memory only then: a call would hold the largest of it all its time.
            Box::pin(self.settle()).await;
            self.notes.follow(self.session.path());
            if self.ending.is_some() {
                if self.session.is_over() && self.recording.is_empty() {
                    break;
                }
                last_words.get_or_insert_with(|| self.clock.instant(self.clock.now() + LAST_WORDS));
            }
            let timeout = self.session.poll_timeout().filter(|_| self.answered);
            tokio::select! {
                event = self.dialog.next(), if self.ending.is_none() => self.on_dialog(event),
                () = self.notes.settled() => {}
                event = self.heard.recv(), if media => {
                    media = event.is_some();
                    Box::pin(self.on_leg(event)).await;
                }
                () = sleep_until(timeout.map(|t| self.clock.instant(t))) => {
                    let effects = self.session.handle_timeout(self.clock.now());
                    Box::pin(self.perform(effects)).await;
                }
                () = sleep_until(last_words) => {
                    error!(call = self.id.0, "the last recording did not reach the disk in time");
                    break;
                }
                () = closed(&mut closing), if self.ending.is_none() => {
                    info!(call = self.id.0, "ending the call: the program is stopping");
                    self.dialog.hang_up();
                    self.end(Ending::Shutdown);
                }
            }
        }
        Box::pin(self.close()).await
    }

    async fn close(mut self: Box<Line>) -> Told {
        drop(self.leg);
        while let Some(event) = self.heard.recv().await {
            if let LegEvent::Closed(stats) = event {
                self.stats = stats;
            }
        }
        let ending = self.ending.unwrap_or(Ending::MediaFailed);
        Told {
            ending,
            outcome: self.outcome,
            stats: self.stats,
            first_audio: self.first_audio,
            steps: self.notes.rest(self.session.path()).await,
        }
    }

    /// Feeds the session until nothing is waiting.
    async fn settle(&mut self) {
        while let Some(event) = self.events.pop_front() {
            let effects = self.session.handle(event, self.clock.now());
            self.perform(effects).await;
        }
    }

    /// Audio can flow: the ACK came, or the first packet did, whichever was first.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.answered, true) {
            self.events.push_back(Event::Answered);
        }
    }

    fn end(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            self.leg.stop_playing();
            self.events.push_back(Event::HungUp);
        }
    }

    fn on_dialog(&mut self, event: Option<DialogEvent>) {
        match event {
            Some(DialogEvent::Confirmed { answer }) => self.confirmed(answer),
            Some(DialogEvent::Reoffered(reoffer)) => self.reoffered(reoffer),
            Some(DialogEvent::Info { content_type, body }) => {
                if let Some(digit) = sip_info::digit(&content_type, &body) {
                    // It may overtake the ACK, which it proves to be on its way: a key must not be lost for that.
                    if !self.offered {
                        self.begin();
                    }
                    self.digit(digit, DigitsBy::Info);
                }
            }
            Some(DialogEvent::Ended(reason)) => self.end(Ending::Dialog(reason)),
            None => self.end(Ending::Dialog(EndReason::Failed)),
        }
    }

    fn confirmed(&mut self, answer: Option<String>) {
        let offered = std::mem::take(&mut self.offered);
        if !offered && answer.is_none() {
            return self.begin();
        }
        match sdp::accept(&self.described, &answer.unwrap_or_default(), &self.local) {
            Ok(negotiated) => {
                self.agree(negotiated);
                self.begin();
            }
            // The answer to a refresh of ours; what was agreed before it goes on.
            Err(rejected) if !offered => {
                info!(call = self.id.0, reason = %rejected, "the answer to our refresh cannot be used");
            }
            Err(rejected) => {
                info!(call = self.id.0, reason = %rejected, "the answer in the ACK cannot be used");
                self.dialog.hang_up();
            }
        }
    }

    /// Hold, refresh or another codec: a re-INVITE or UPDATE, answered from the same port.
    fn reoffered(&mut self, reoffer: Reoffer) {
        let Some(offer) = reoffer.offer() else {
            // A bodyless re-INVITE wants an offer of ours: the same session again, unless it is changed by the ACK.
            self.describe(sdp::offer(&self.local));
            self.offered = true;
            return reoffer.accept(self.described.clone());
        };
        match sdp::answer(offer, &self.local) {
            Ok(answered) => {
                self.agree(answered.negotiated);
                self.describe(answered.sdp);
                reoffer.accept(self.described.clone());
            }
            Err(rejected) => reoffer.refuse(Refusal::new(488, rejected.to_string())),
        }
    }

    fn agree(&mut self, negotiated: Negotiated) {
        let codec = negotiated.codec.name();
        self.leg.connect(negotiated);
        if std::mem::replace(&mut self.codec, codec) == codec {
            return;
        }
        let (hotline, id) = (self.hotline.clone(), self.id);
        tokio::spawn(async move {
            if let Err(error) = hotline.store.note_codec(id, codec).await {
                error!(call = id.0, %error, "the codec could not be written to the call's row");
            }
        });
    }

    /// The codec that was agreed on; empty before the first agreement.
    pub fn codec(&self) -> &'static str {
        self.codec
    }

    fn describe(&mut self, next: String) {
        self.described = sdp::supersede(&self.described, &next);
    }

    async fn on_leg(&mut self, event: Option<LegEvent>) {
        match event {
            Some(LegEvent::Latched(_)) => {
                self.first_audio.get_or_insert(self.clock.now());
                self.begin();
            }
            Some(LegEvent::Digit(digit)) => self.digit(digit, DigitsBy::Media),
            Some(LegEvent::PlayEnded(tag)) => self.events.push_back(Event::PlayEnded(PlayId(tag))),
            Some(LegEvent::Recorded(recorded)) => self.recorded(recorded).await,
            Some(LegEvent::RtpTimeout) => {
                info!(call = self.id.0, "no audio came: ending the call");
                self.dialog.hang_up();
                self.end(Ending::RtpTimeout);
            }
            Some(LegEvent::RtcpBye) => debug!(call = self.id.0, "RTCP BYE"),
            Some(LegEvent::Closed(stats)) => self.stats = stats,
            None => {
                error!(call = self.id.0, "the media thread is gone");
                self.dialog.hang_up();
                for (_, slot) in self.recording.drain() {
                    self.events.push_back(not_recorded(slot));
                }
                self.end(Ending::MediaFailed);
            }
        }
    }

    fn digit(&mut self, digit: char, by: DigitsBy) {
        // A key that no telephone of the public has decides nothing.
        if !matches!(digit, '0'..='9' | '*' | '#') || *self.digits_by.get_or_insert(by) != by {
            return;
        }
        metrics::counter!("kentongan_digits_total").increment(1);
        self.events.push_back(Event::Digit(digit));
    }

    async fn recorded(&mut self, mut recorded: Recorded) {
        let Some(slot) = self.recording.remove(&recorded.tag) else { return };
        let (ended_by, row) = match recorded.ended_by {
            RecordEnd::Stopped => (ivr::RecordingEnd::Stopped, RecordingEndedBy::Stopped),
            RecordEnd::Silence => (ivr::RecordingEnd::Silence, RecordingEndedBy::Silence),
            RecordEnd::NoInput => (ivr::RecordingEnd::NoInput, RecordingEndedBy::NoInput),
            RecordEnd::MaxTime => (ivr::RecordingEnd::MaxTime, RecordingEndedBy::MaxTime),
            RecordEnd::Closed => (ivr::RecordingEnd::HungUp, RecordingEndedBy::HungUp),
            RecordEnd::Failed(kind) => {
                error!(call = self.id.0, slot, %kind, "the recording cannot be written: check the disk");
                metrics::counter!("kentongan_recording_failures_total").increment(1);
                self.measure(&mut recorded).await;
                (ivr::RecordingEnd::Failed, RecordingEndedBy::Failed)
            }
        };
        metrics::counter!("kentongan_recordings_total").increment(1);
        let end = store::RecordingEnd {
            at: self.clock.now(),
            state: self.state_of(&recorded),
            ended_by: row,
            duration: recorded.duration,
            speech: recorded.speech,
        };
        if let Some(kept) = self.kept.get(&slot)
            && let Err(error) = self.hotline.store.end_recording(kept.id, end).await
        {
            error!(call = self.id.0, %error, "the recording's row could not be closed");
        }
        self.events.push_back(Event::RecordingEnded { slot, ended_by, speech: recorded.speech });
    }

    /// A recording that broke off: what the disk took of it is as good as any other words.
    async fn measure(&self, recorded: &mut Recorded) {
        match recovery::repair(recorded.path.clone()).await {
            Ok(whole) => (recorded.duration, recorded.speech) = (whole.duration, whole.speech),
            Err(error) => warn!(call = self.id.0, error, "nothing was kept of a recording"),
        }
    }

    fn state_of(&self, recorded: &Recorded) -> RecordingState {
        let needed = match self.ticket {
            Some(_) => recovery::ANY_SPEECH,
            None => self.hotline.config.min_speech(),
        };
        let enough = recorded.speech >= needed;
        match recorded.ended_by {
            _ if enough => RecordingState::Kept,
            RecordEnd::Failed(_) => RecordingState::Failed,
            _ => RecordingState::Empty,
        }
    }

    async fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Play { id, prompts } => self.play(id, &prompts),
                Effect::PlayRecording { id, slot } => self.play_recording(id, &slot).await,
                Effect::StopPlaying => self.leg.stop_playing(),
                Effect::Record { slot, limits } => self.record(slot, limits).await,
                Effect::StopRecording => self.leg.stop_recording(),
                Effect::LookUp { code, pin } => self.look_up(&code, pin.as_deref()).await,
                Effect::Open { class, slots } => self.open(&class, &slots).await,
                Effect::Answer { name, value } => self.add(&name, value).await,
                Effect::Transfer { .. } => {
                    self.events.push_back(Event::Transferred { taken: false })
                }
                Effect::HangUp { outcome } => {
                    self.outcome = Some(outcome);
                    self.dialog.hang_up();
                }
            }
        }
    }

    fn play(&mut self, id: PlayId, prompts: &[String]) {
        let clips: Vec<Arc<Clip>> = prompts
            .iter()
            .filter_map(|prompt| {
                let clip = self.voice.prompts.get(prompt);
                if clip.is_none() {
                    error!(
                        call = self.id.0,
                        prompt, "no such prompt: run `kentongan prompts check`"
                    );
                }
                clip
            })
            .collect();
        self.leg.play(id.0, clips);
    }

    async fn play_recording(&mut self, id: PlayId, slot: &str) {
        let Some(path) = self.kept.get(slot).map(|kept| kept.path.clone()) else {
            return self.leg.play(id.0, Vec::new());
        };
        let clip = tokio::task::spawn_blocking(move || Clip::from_wav(&path)).await;
        match clip {
            Ok(Ok(clip)) => self.leg.play(id.0, vec![Arc::new(clip)]),
            Ok(Err(error)) => {
                warn!(call = self.id.0, %error, "the recording cannot be played back");
                self.leg.play(id.0, Vec::new());
            }
            Err(_) => self.leg.play(id.0, Vec::new()),
        }
    }

    async fn record(&mut self, slot: String, limits: RecordLimits) {
        match self.start_recording(&slot, limits).await {
            Ok(kept) => {
                self.kept.insert(slot, kept);
            }
            Err(error) => {
                error!(call = self.id.0, slot, %error, "cannot record");
                metrics::counter!("kentongan_recording_failures_total").increment(1);
                self.events.push_back(not_recorded(slot));
            }
        }
    }

    async fn start_recording(
        &mut self,
        slot: &str,
        limits: RecordLimits,
    ) -> Result<Kept, super::RecordError> {
        let now = self.clock.now();
        self.hotline.files.ensure_space(ROOM)?;
        let (name, path) = self.hotline.files.recording_path(now, self.id, slot)?;
        let id = self.hotline.store.begin_recording(self.id, slot, &name, now).await?;
        let tag = self.next_tag;
        self.next_tag += 1;
        self.leg.record(RecordSpec {
            tag,
            path: path.clone(),
            max: limits.max,
            silence: Some(limits.silence),
            no_input: Some(limits.no_input),
            beep: limits.beep.then(|| self.voice.prompts.get(spoken::BEEP)).flatten(),
        });
        self.recording.insert(tag, slot.to_owned());
        Ok(Kept { id, path })
    }

    async fn look_up(&mut self, code: &str, pin: Option<&str>) {
        let asker = store::Asker {
            number: self.contact.number.clone(),
            asserted: self.contact.asserted,
            call: Some(self.id),
        };
        let now = self.clock.now();
        let store = &self.hotline.store;
        let looked_up = match pin {
            Some(pin) => patiently(store.look_up_with_pin(code, pin, asker, now)).await,
            None => patiently(store.look_up(code, asker, now)).await,
        };
        let event = match looked_up {
            Ok(looked_up) => {
                let known = |id: &str| self.voice.prompts.get(id).is_some();
                spoken::lookup(&looked_up, now, &self.hotline.zone, known)
            }
            Err(error) => {
                error!(call = self.id.0, error, "the ticket store did not answer");
                ivr::Lookup::Failed
            }
        };
        self.events.push_back(Event::LookedUp(event));
    }

    async fn open(&mut self, class: &str, slots: &[String]) {
        let intake = Intake {
            channel: Channel::Phone,
            class: Class::parse(class).unwrap_or_else(|| {
                error!(call = self.id.0, class, "no such class of report; kept as a complaint");
                Class::Complaint
            }),
            contact: self.contact.clone(),
            call: Some(self.id),
            recordings: slots
                .iter()
                .filter_map(|slot| self.kept.get(slot))
                .map(|kept| kept.id)
                .collect(),
            text: None,
            anonymous: false,
            confidential: false,
        };
        match patiently(self.hotline.open_ticket(intake, self.clock.now())).await {
            Ok(ticket) => {
                info!(call = self.id.0, ticket = ticket.id.0, "ticket opened");
                self.events.push_back(Event::Opened { code: ticket.code.digits().to_owned() });
                self.ticket = Some(ticket);
            }
            Err(error) => {
                error!(call = self.id.0, error, "no ticket could be opened; the recording is kept");
                metrics::counter!("kentongan_ticket_failures_total").increment(1);
                self.events.push_back(Event::OpenFailed);
            }
        }
    }

    async fn add(&mut self, name: &str, value: ivr::Answer) {
        let Some(ticket) = &self.ticket else { return };
        let mut addition = store::Addition::default();
        match value {
            ivr::Answer::Recording => match self.kept.get(name) {
                Some(kept) => addition.recordings.push(kept.id),
                None => return,
            },
            ivr::Answer::Choice(choice) => match name {
                "anonim" => addition.anonymous = Some(choice == "ya"),
                "rahasia" => addition.confidential = Some(choice == "ya"),
                "pin" => addition.pin = Some(choice),
                _ => addition.text = Some(format!("{name}: {choice}")),
            },
        }
        let adding = self.hotline.store.add_to_ticket(ticket.id, addition, self.clock.now());
        if let Err(error) = patiently(adding).await {
            error!(call = self.id.0, ticket = ticket.id.0, error, "an answer could not be added");
        }
    }
}

fn not_recorded(slot: String) -> Event {
    Event::RecordingEnded { slot, ended_by: ivr::RecordingEnd::Failed, speech: Duration::ZERO }
}

/// What the database says, as long as somebody holds the line for it. What was asked for may still be done later.
async fn patiently<T, E: std::fmt::Display>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

/// Never, when there is nothing to wait for.
async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        std::future::pending().await
    }
}
