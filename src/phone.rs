//! A telephone in software: `kentongan call`, the demo's caller, and the tests' first phone.
//!
//! It dials any SIP server, presses keys, speaks WAVs, keeps what it hears, and, when it is given the prompts,
//! tells which of them it heard.

pub mod ear;
pub mod keys;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::media::engine::{self, OpenError};
use crate::media::{Clip, Engine, Leg, LegEvent, LegStats, RecordSpec, Recorded, sdp};
use crate::sip::{self, Dial, DialError, Dialog, DialogEvent, EndReason, Refusal, UserAgent};
use ear::{Ear, Heard, Repertoire};

/// Longer than any call.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// A phone that is switched on.
pub struct Phone {
    agent: UserAgent,
    engine: Engine,
    name: String,
    headers: Vec<(String, String)>,
}

/// A call that was answered.
pub struct PhoneCall {
    dialog: Dialog,
    leg: Leg,
    events: mpsc::UnboundedReceiver<LegEvent>,
    sound: mpsc::UnboundedReceiver<Vec<i16>>,
    local: sdp::Local,
    ear: Ear,
    heard: Vec<Heard>,
    plays: u32,
    kept: Option<Recorded>,
    ended: Option<EndReason>,
    answered: Instant,
}

/// Why the phone cannot be switched on, or a call not be made.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    #[error("no audio: {0}")]
    Engine(#[from] std::io::Error),
    #[error(transparent)]
    Bind(#[from] sip::BindError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the answer's session description: {0}")]
    Answer(#[from] sdp::Rejected),
}

/// What [`PhoneCall::until`] came back with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// What was waited for.
    Yes,
    /// The time ran out.
    TimeOut,
    /// The call ended first.
    Ended(EndReason),
}

impl Phone {
    /// Switches a phone on at `address`, any port.
    pub async fn new(address: IpAddr, name: &str) -> Result<Phone, PhoneError> {
        let engine = Engine::start(engine::Config {
            bind: address,
            advertised: Some(address),
            ..engine::Config::default()
        })?;
        let config = sip::Config { listen: (address, 0).into(), ..sip::Config::default() };
        let (agent, _nobody_calls) = UserAgent::bind(config).await?;
        Ok(Phone { agent, engine, name: name.to_owned(), headers: Vec::new() })
    }

    /// Puts a header field of its own into every INVITE, as a trunk would (P-Asserted-Identity).
    pub fn with_header(mut self, name: &str, value: &str) -> Phone {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Dials `to` and waits for the answer. `prompts` are those that the phone will tell when it hears them;
    /// `keep` is where everything heard is written.
    pub async fn dial(
        &self,
        to: &str,
        prompts: Option<&Repertoire>,
        keep: Option<PathBuf>,
    ) -> Result<PhoneCall, PhoneError> {
        let (leg, events) = self.engine.open()?;
        let local = sdp::Local::new(leg.local_addr(), 1);
        let offer = sdp::offer(&local);
        let from = format!("sip:{}@{}", self.name, self.agent.local_addr());
        let dial = Dial {
            to: to.to_owned(),
            from,
            offer: offer.clone(),
            headers: self.headers.clone(),
            ..Dial::default()
        };
        let (dialog, answer) = self.agent.dial(dial).await?;
        let negotiated = sdp::accept(&offer, &answer, &local)?;
        let (tap, sound) = mpsc::unbounded_channel();
        leg.listen(tap);
        let codec = negotiated.codec;
        leg.connect(negotiated);
        if let Some(path) = keep {
            leg.record(RecordSpec {
                tag: 0,
                path,
                max: FOREVER,
                silence: None,
                no_input: None,
                beep: None,
            });
        }
        let answered = now();
        // After the leg is connected: what comes while the ear is made waits in the channel.
        let ear = prompts.map_or_else(Ear::ignorant, |prompts| prompts.ear(codec));
        Ok(PhoneCall {
            dialog,
            leg,
            events,
            sound,
            local,
            ear,
            heard: Vec::new(),
            plays: 0,
            kept: None,
            ended: None,
            answered,
        })
    }
}

impl PhoneCall {
    /// Presses keys, one after the other (RFC 4733).
    pub fn press(&self, keys: &str) {
        self.leg.send_digits(keys);
    }

    /// Begins to speak.
    pub fn say(&mut self, clip: Arc<Clip>) {
        self.plays += 1;
        self.leg.play(self.plays, vec![clip]);
    }

    /// Everything heard so far, in order.
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// Waits until `done` says so of what has been heard, at most `patience`.
    pub async fn until(
        &mut self,
        patience: Duration,
        mut done: impl FnMut(&[Heard]) -> bool,
    ) -> Met {
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        loop {
            if self.ended.is_some() {
                self.listen_to_the_rest();
            }
            if done(&self.heard) {
                return Met::Yes;
            }
            if let Some(reason) = self.ended {
                return Met::Ended(reason);
            }
            tokio::select! {
                () = &mut deadline => return Met::TimeOut,
                () = self.step() => {}
            }
        }
    }

    /// Waits until the clip given to [`PhoneCall::say`] last has been said.
    pub async fn said(&mut self, patience: Duration) -> Met {
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        loop {
            if let Some(reason) = self.ended {
                return Met::Ended(reason);
            }
            tokio::select! {
                () = &mut deadline => return Met::TimeOut,
                event = self.events.recv() => match event {
                    Some(LegEvent::PlayEnded(tag)) if tag == self.plays => return Met::Yes,
                    Some(event) => self.on_leg(event),
                    None => return Met::Ended(EndReason::Failed),
                },
                event = self.dialog.next() => self.on_dialog(event),
            }
        }
    }

    /// How long ago the call was answered.
    pub fn since_answer(&self) -> Duration {
        self.answered.elapsed()
    }

    /// Waits until the other side hangs up.
    pub async fn wait_for_end(&mut self) {
        while self.ended.is_none() {
            self.step().await;
        }
    }

    /// Lets time pass.
    pub async fn wait(&mut self, time: Duration) -> Met {
        self.until(time, |_| false).await
    }

    /// Puts the receiver down, and waits until the call is over.
    pub async fn put_down(&mut self) {
        self.dialog.hang_up();
        self.wait_for_end().await;
    }

    /// Puts the receiver down; tells what was kept, what was heard, and the call's figures.
    pub async fn hang_up(mut self) -> Hearing {
        self.put_down().await;
        drop(self.leg);
        let (mut kept, mut stats) = (self.kept, LegStats::default());
        while let Some(event) = self.events.recv().await {
            match event {
                LegEvent::Closed(all) => stats = all,
                LegEvent::Recorded(recorded) => kept = Some(recorded),
                _ => {}
            }
        }
        while let Ok(samples) = self.sound.try_recv() {
            self.heard.extend(self.ear.hear(&samples));
        }
        self.heard.extend(self.ear.end());
        // One that was cut short is told later than what came after it.
        self.heard.sort_by_key(|heard| heard.at);
        Hearing { heard: self.heard, kept, stats, ended: self.ended.unwrap_or(EndReason::Failed) }
    }

    /// What came before the end may still wait to be listened to.
    fn listen_to_the_rest(&mut self) {
        while let Ok(samples) = self.sound.try_recv() {
            self.heard.extend(self.ear.hear(&samples));
        }
        self.heard.extend(self.ear.end());
    }

    async fn step(&mut self) {
        tokio::select! {
            event = self.dialog.next() => self.on_dialog(event),
            Some(event) = self.events.recv() => self.on_leg(event),
            Some(samples) = self.sound.recv() => self.heard.extend(self.ear.hear(&samples)),
        }
    }

    fn on_leg(&mut self, event: LegEvent) {
        if let LegEvent::Recorded(recorded) = event {
            self.kept = Some(recorded);
        }
    }

    fn on_dialog(&mut self, event: Option<DialogEvent>) {
        match event {
            Some(DialogEvent::Ended(reason)) => self.ended = Some(reason),
            None => self.ended = self.ended.or(Some(EndReason::Failed)),
            Some(DialogEvent::Reoffered(reoffer)) => self.reoffered(reoffer),
            Some(DialogEvent::Confirmed { .. } | DialogEvent::Info { .. }) => {}
        }
    }

    fn reoffered(&mut self, reoffer: sip::Reoffer) {
        let Some(offer) = reoffer.offer().map(str::to_owned) else {
            return reoffer.accept(sdp::offer(&self.local));
        };
        match sdp::answer(&offer, &self.local) {
            Ok(answered) => {
                self.leg.connect(answered.negotiated);
                reoffer.accept(answered.sdp);
            }
            Err(rejected) => reoffer.refuse(Refusal::new(488, rejected.to_string())),
        }
    }
}

/// What a finished call leaves in the caller's ear.
#[derive(Debug)]
pub struct Hearing {
    pub heard: Vec<Heard>,
    pub kept: Option<Recorded>,
    pub stats: LegStats,
    pub ended: EndReason,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a phone is an edge: its keys are pressed by the clock"
)]
fn now() -> Instant {
    Instant::now()
}
