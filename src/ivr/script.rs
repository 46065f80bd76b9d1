//! A menu as a supervisor writes it: TOML, read once, then immutable and shared by `Arc`.
//!
//! The words are VoiceXML's (W3C VoiceXML 2.1): prompt, barge-in, no input, no match, termchar, interdigit timeout.
//! The reader takes any script whose form is right; whether it makes sense is [`super::check`]'s question.

mod edges;
pub mod hours;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
pub use toml::Spanned;

use super::PromptId;
pub use edges::{By, Edge};
pub use hours::Hours;
pub use read::{MOST_BYTES, Problem, ReadError};

/// A step's name, with its place in the file.
pub type Target = Spanned<String>;

/// What a step says: clips and placeholders in the order in which they are heard.
pub type Prompts = Vec<Spanned<Prompt>>;

/// One whole dialogue.
#[derive(Debug)]
pub struct Script {
    /// The file it was read from, for messages.
    pub file: String,
    /// What people call it.
    pub name: String,
    /// The first step.
    pub start: Target,
    /// Where the key `9` leads from every menu.
    pub goodbye: Target,
    /// The prompt that tells the caller that the call is recorded.
    pub recording_notice: Spanned<PromptId>,
    /// The longest call.
    pub over: Over,
    steps: Vec<Step>,
    index: BTreeMap<String, usize>,
    line_starts: Vec<usize>,
}

impl Script {
    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.index.get(name).map(|at| &self.steps[*at])
    }

    /// All steps, in the order of the file.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The line (from 1) in which a place of the file lies.
    pub fn line(&self, place: &Range<usize>) -> usize {
        self.line_starts.partition_point(|start| *start <= place.start)
    }

    /// How many digits the PIN has that opens a confidential report, if it asks for one.
    pub fn pin_digits(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match &step.kind {
            Kind::Lookup(lookup) => lookup.pin.as_ref().map(|pin| pin.digits),
            _ => None,
        })
    }
}

/// The longest time for a call, and what is said when it is reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Over {
    /// Default 10 minutes.
    #[serde(default = "ten_minutes", deserialize_with = "read::length")]
    pub after: Duration,
    /// Said before hanging up.
    pub prompts: Prompts,
    /// Said as well when a ticket was opened that the caller may not have heard the code of.
    pub with_code: Prompts,
}

/// One step: its kind says what happens in it.
#[derive(Debug)]
pub struct Step {
    pub name: String,
    /// The name where it is defined.
    pub header: Target,
    pub kind: Kind,
}

/// What a step does.
#[derive(Debug)]
pub enum Kind {
    Say(Arc<Say>),
    Menu(Arc<Menu>),
    Digits(Arc<Digits>),
    Record(Arc<Record>),
    Confirm(Arc<Confirm>),
    Lookup(Arc<Lookup>),
    Open(Arc<Open>),
    Transfer(Arc<Transfer>),
    Goto(Arc<Goto>),
    Hours(Arc<HoursStep>),
    End(Arc<End>),
}

/// Says something and goes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    pub prompts: Prompts,
    /// Whether a key cuts it short; `#` skips it, any other key goes into the next menu.
    #[serde(default = "yes")]
    pub barge_in: bool,
    pub next: Target,
}

/// Offers choices by single keys. `*` repeats them or goes back, `9` leads to [`Script::goodbye`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Menu {
    pub prompts: Prompts,
    #[serde(default = "yes")]
    pub barge_in: bool,
    pub options: Vec<Choice>,
    /// Where `*` leads; without it the menu is said again.
    pub back: Option<Target>,
    /// A choice with a `value` becomes an answer under this name.
    pub slot: Option<String>,
    /// How long to wait for a key after the prompts.
    #[serde(default = "six_seconds", deserialize_with = "read::length")]
    pub timeout: Duration,
    pub no_input: Retry,
    pub no_match: Retry,
}

/// One choice of a menu.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// `0`-`8` or `#`.
    pub key: Spanned<String>,
    /// Said where the menu's prompts name `{options}`.
    pub say: Option<Spanned<Prompt>>,
    /// The answer it stands for, kept under the menu's slot.
    pub value: Option<String>,
    pub to: Target,
}

/// What to say after the first, second, ... silence or wrong key, and where to go after the last.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    #[serde(default)]
    pub reprompt: Vec<Prompts>,
    pub to: Target,
}

/// Collects several digits as an answer; `#` ends them, `*` clears them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    pub prompts: Prompts,
    #[serde(default = "yes")]
    pub barge_in: bool,
    /// The name of the answer.
    pub slot: String,
    pub min: usize,
    pub max: usize,
    #[serde(default = "six_seconds", deserialize_with = "read::length")]
    pub timeout: Duration,
    #[serde(default = "four_seconds", deserialize_with = "read::length")]
    pub interdigit: Duration,
    /// Where `*` leads when nothing is typed; without it the step is said again.
    pub back: Option<Target>,
    pub next: Target,
    pub no_input: Retry,
    pub no_match: Retry,
}

/// Records what the caller says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    #[serde(default)]
    pub prompts: Prompts,
    #[serde(default = "yes")]
    pub barge_in: bool,
    /// The recording's name.
    pub slot: String,
    /// The class of report that it is the story of. A hang-up during or after a story keeps it and opens a ticket.
    pub story: Option<String>,
    #[serde(default = "three_minutes", deserialize_with = "read::length")]
    pub max: Duration,
    /// Silence after speech that ends it.
    #[serde(default = "six_seconds", deserialize_with = "read::length")]
    pub silence: Duration,
    /// Silence from the start that ends it.
    #[serde(default = "ten_seconds", deserialize_with = "read::length")]
    pub no_input_after: Duration,
    #[serde(default = "yes")]
    pub beep: bool,
    /// Less speech than this is no input.
    #[serde(default = "two_seconds", deserialize_with = "read::length")]
    pub min_speech: Duration,
    pub next: Target,
    pub no_input: Retry,
    /// The recording broke off, with words in it that are kept; by default where a whole one leads.
    pub broke_off: Option<Target>,
    /// The recording cannot be kept.
    pub failed: Target,
}

/// Lets the caller hear (`1`), repeat (`2`) or send (`#`, or nothing) the story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    pub prompts: Prompts,
    #[serde(default = "yes")]
    pub barge_in: bool,
    /// Said before the prompts when the key means nothing.
    #[serde(default)]
    pub no_match: Prompts,
    #[serde(default = "five_seconds", deserialize_with = "read::length")]
    pub timeout: Duration,
    /// Where `2` leads; by default to the step that recorded the story.
    pub again: Option<Target>,
    /// Where sending leads: an `open` step.
    pub next: Target,
}

/// Asks for a ticket's code and looks it up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    pub prompts: Prompts,
    #[serde(default = "yes")]
    pub barge_in: bool,
    /// How many digits a code has.
    #[serde(default = "eight")]
    pub digits: usize,
    #[serde(default = "ten_seconds", deserialize_with = "read::length")]
    pub timeout: Duration,
    #[serde(default = "four_seconds", deserialize_with = "read::length")]
    pub interdigit: Duration,
    /// Unknown codes allowed in a call.
    #[serde(default = "three")]
    pub tries: usize,
    /// Said when a code is unknown and tries are left.
    pub wrong: Prompts,
    /// How the PIN of a confidential report is asked for; without it nobody hears more about one by telephone.
    #[serde(default, deserialize_with = "read::shared")]
    pub pin: Option<Arc<Pin>>,
    pub back: Option<Target>,
    pub no_input: Retry,
    /// Too few digits.
    pub no_match: Retry,
    pub found: Target,
    pub answered: Target,
    /// The last try is used up.
    pub not_found: Target,
    /// The store allows this caller no more tries.
    pub exhausted: Target,
    /// The store did not answer.
    pub failed: Target,
}

/// Asks for the PIN of a report that its reporter locked. Whoever has none, or not the right one, goes on as if the code had
/// been all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub prompts: Prompts,
    /// How many digits a PIN has.
    #[serde(default = "four")]
    pub digits: usize,
    /// Wrong PINs allowed in a call.
    #[serde(default = "three")]
    pub tries: usize,
    /// Said when the PIN is wrong and tries are left.
    pub wrong: Prompts,
}

/// Opens a ticket from everything recorded so far, then says `prompts`, with `{code}` in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    #[serde(default)]
    pub prompts: Prompts,
    #[serde(default)]
    pub barge_in: bool,
    /// By default the story's.
    pub class: Option<String>,
    pub next: Target,
    pub failed: Target,
}

/// Hands the caller to a person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    #[serde(default)]
    pub prompts: Prompts,
    /// Whom: a name that the call's configuration knows.
    pub to: String,
    /// How long somebody may take to answer.
    #[serde(default = "half_a_minute", deserialize_with = "read::length")]
    pub timeout: Duration,
    pub taken: Target,
    pub not_taken: Target,
}

/// Goes on elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goto {
    pub to: Target,
}

/// Branches on the opening hours.
#[derive(Debug)]
pub struct HoursStep {
    pub hours: Hours,
    pub open: Target,
    pub closed: Target,
}

/// Says goodbye and hangs up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    #[serde(default)]
    pub prompts: Prompts,
    /// The service could not be given.
    #[serde(default)]
    pub failed: bool,
}

/// A clip, or the place of something that only the call knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    Clip(PromptId),
    /// `{code}`: the ticket's code, spoken in pairs.
    Code,
    /// `{found}`: what the lookup found.
    Found,
    /// `{options}`: what the menu's options say.
    Options,
    /// `{key}`: the wrong key.
    Key,
}

impl Kind {
    /// The word that the script uses for it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Say(_) => "say",
            Kind::Menu(_) => "menu",
            Kind::Digits(_) => "digits",
            Kind::Record(_) => "record",
            Kind::Confirm(_) => "confirm",
            Kind::Lookup(_) => "lookup",
            Kind::Open(_) => "open",
            Kind::Transfer(_) => "transfer",
            Kind::Goto(_) => "goto",
            Kind::Hours(_) => "hours",
            Kind::End(_) => "end",
        }
    }

    /// The class of report that it opens tickets of. What classes there are, the ticket side knows.
    pub fn class(&self) -> Option<&str> {
        match self {
            Kind::Record(record) => record.story.as_deref(),
            Kind::Open(open) => open.class.as_deref(),
            _ => None,
        }
    }

    /// What is said on entering the step, and whether a key may cut it short.
    pub fn prompts(&self) -> (&[Spanned<Prompt>], bool) {
        match self {
            Kind::Say(s) => (&s.prompts, s.barge_in),
            Kind::Menu(s) => (&s.prompts, s.barge_in),
            Kind::Digits(s) => (&s.prompts, s.barge_in),
            Kind::Record(s) => (&s.prompts, s.barge_in),
            Kind::Confirm(s) => (&s.prompts, s.barge_in),
            Kind::Lookup(s) => (&s.prompts, s.barge_in),
            Kind::Open(s) => (&s.prompts, s.barge_in),
            Kind::Transfer(s) => (&s.prompts, false),
            Kind::End(s) => (&s.prompts, false),
            Kind::Goto(_) | Kind::Hours(_) => (&[], false),
        }
    }

    /// Everything that the step may ever say, re-prompts included.
    pub fn every_prompt(&self) -> Vec<&Spanned<Prompt>> {
        let mut all: Vec<_> = self.prompts().0.iter().collect();
        match self {
            Kind::Menu(s) => all.extend(s.options.iter().filter_map(|o| o.say.as_ref())),
            Kind::Confirm(s) => all.extend(&s.no_match),
            Kind::Lookup(s) => {
                all.extend(&s.wrong);
                all.extend(s.pin.iter().flat_map(|pin| pin.prompts.iter().chain(pin.wrong.iter())));
            }
            _ => {}
        }
        all.extend(self.retries().into_iter().flat_map(|(_, r)| r.reprompt.iter().flatten()));
        all
    }

    /// What follows silence and wrong input, by name.
    pub fn retries(&self) -> Vec<(&'static str, &Retry)> {
        match self {
            Kind::Menu(s) => vec![("no_input", &s.no_input), ("no_match", &s.no_match)],
            Kind::Digits(s) => vec![("no_input", &s.no_input), ("no_match", &s.no_match)],
            Kind::Lookup(s) => vec![("no_input", &s.no_input), ("no_match", &s.no_match)],
            Kind::Record(s) => vec![("no_input", &s.no_input)],
            _ => Vec::new(),
        }
    }
}

fn yes() -> bool {
    true
}

fn three() -> usize {
    3
}

fn four() -> usize {
    4
}

fn eight() -> usize {
    8
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

fn four_seconds() -> Duration {
    Duration::from_secs(4)
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn six_seconds() -> Duration {
    Duration::from_secs(6)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn three_minutes() -> Duration {
    Duration::from_secs(180)
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}
