use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::gateway;
use super::quiet::Quiet;

/// Short messages: without a gateway there are none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// By the name that stands in the address they post to.
    pub gateways: BTreeMap<String, gateway::Config>,
    /// The gateway that sends what is no answer to a message, such as the code after a call; the first by name if it
    /// is not given.
    pub send_by: Option<String>,
    /// The office's texts; without it those that come with the program.
    pub replies: Option<PathBuf>,
    /// The office's own words for a report, such as `KOTIM`, beside LAPOR and ADUAN.
    pub keywords: Vec<String>,
    /// Numbers that are ours: what comes from them is never answered.
    pub own_numbers: Vec<String>,
    /// Callers from mobile telephones get their code by short message after the call.
    pub code_after_call: bool,
    /// When nobody is to be woken by anything but an answer to what they just wrote: local time, `"21:00-06:00"`.
    pub quiet: Quiet,
    pub limits: Limits,
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Answers to one number within 24 hours; the other side may be a robot too.
    pub answers_per_day: u32,
    /// Seconds between two answers to one number.
    pub pause: u32,
    /// Messages within a minute by each gateway: a modem sends about ten, an operator's line many more. 0 is no limit.
    pub per_minute: u32,
    /// Hours after which a message that no gateway takes is given up.
    pub give_up: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            gateways: BTreeMap::new(),
            send_by: None,
            replies: None,
            keywords: Vec::new(),
            own_numbers: Vec::new(),
            code_after_call: true,
            quiet: Quiet::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { answers_per_day: 10, pause: 15, per_minute: 60, give_up: 48 }
    }
}

impl Limits {
    /// Between two messages by one gateway.
    pub fn pace(&self) -> Duration {
        Duration::from_secs(60).checked_div(self.per_minute).unwrap_or_default()
    }
}

impl Config {
    /// The gateway for what is no answer.
    pub fn sends_by(&self) -> Option<&str> {
        self.send_by.as_deref().or_else(|| self.gateways.keys().next().map(String::as_str))
    }
}
