//! The ladder of a call: what was said by SIP, the steps of the menu and the audio, in the order of time. Pure.

use std::collections::HashSet;

use super::show;
use crate::clock::Timestamp;
use crate::ivr::graph::readable;
use crate::store::{CallRow, CallTrace, Step, TracedMessage};
use crate::ticket::Role;

pub(super) use mask::{mask, mask_for_programs};

mod mask;
mod reading;

/// Where a rung goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    FromCaller,
    ToCaller,
    /// It happened here.
    Here,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    /// Since the beginning: `0,120`.
    pub after: String,
    pub way: Way,
    pub what: String,
    /// The CSeq of a message.
    pub cseq: String,
    /// What is to be known beside it.
    pub note: String,
    /// The same message once more.
    pub repeated: bool,
    /// The whole message.
    pub text: Option<String>,
}

impl Rung {
    /// How it is drawn: a class of the style sheet.
    pub fn class(&self) -> &'static str {
        match self.way {
            Way::FromCaller => "from",
            Way::ToCaller => "to",
            Way::Here => "here",
        }
    }

    /// What the drawing says, for those who do not see it.
    pub fn spoken(&self) -> &'static str {
        match self.way {
            Way::FromCaller => "Dari penelepon: ",
            Way::ToCaller => "Ke penelepon: ",
            Way::Here => "",
        }
    }
}

/// The rungs of a call that ended or goes on, for this role.
pub(super) fn rungs(call: &CallRow, steps: &[Step], trace: &CallTrace, role: Role) -> Vec<Rung> {
    let begun = trace.messages.first().map_or(call.started, |first| first.at.min(call.started));
    let mut all: Vec<(Timestamp, Rung)> = messages(trace, role);
    all.extend(steps.iter().map(|step| {
        let what = format!("{}: {}", readable(&step.step), show::step(&step.what));
        (step.at, here(what, String::new()))
    }));
    all.extend(facts(call));
    // Stable: what has the same time stays as it was told.
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(at, rung)| Rung { after: seconds(at.0 - begun.0), ..rung }).collect()
}

fn messages(trace: &CallTrace, role: Role) -> Vec<(Timestamp, Rung)> {
    let mut seen = HashSet::new();
    let mut last = [None, None];
    let messages = trace.messages.iter();
    messages
        .map(|message| {
            let text = text(message, role);
            let reading = reading::read(&text);
            let repeated = !seen.insert((message.from_caller, &message.text));
            let known = &mut last[usize::from(message.from_caller)];
            let note = match &reading.described {
                Some(described) if known.as_ref() == Some(described) => "SDP tetap".into(),
                Some(described) => format!("SDP: {described}"),
                None => String::new(),
            };
            if reading.described.is_some() {
                *known = reading.described;
            }
            let way = if message.from_caller { Way::FromCaller } else { Way::ToCaller };
            let (what, cseq) = (reading.what, reading.cseq);
            let rung =
                Rung { after: String::new(), way, what, cseq, note, repeated, text: Some(text) };
            (message.at, rung)
        })
        .collect()
}

/// A message as this role may read it, without characters that would play tricks on who reads.
pub(super) fn text(message: &TracedMessage, role: Role) -> String {
    let plain = message.text.replace("\r\n", "\n");
    let visible = plain.chars().map(|c| if plays_tricks(c) { '\u{fffd}' } else { c });
    let visible: String = visible.collect();
    if role.sees_numbers() { visible } else { mask(&visible) }
}

/// Control characters, and those that turn the direction of writing.
fn plays_tricks(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What the call's row knows of the audio.
fn facts(call: &CallRow) -> impl Iterator<Item = (Timestamp, Rung)> {
    let codec = call.codec.as_deref().unwrap_or_default();
    let codec = if codec.is_empty() { String::new() } else { format!("kodek {codec}") };
    let packets = format!(
        "{} paket dikirim, {} diterima, {} hilang",
        call.packets_sent, call.packets_received, call.packets_lost
    );
    let outcome = format!("Panggilan berakhir: {}", show::outcome(call.end_reason));
    [
        call.answered.map(|at| (at, here("Dijawab".into(), codec))),
        call.first_audio.map(|at| (at, here("Suara penelepon mulai masuk".into(), String::new()))),
        call.ended.map(|at| (at, here(outcome, packets))),
    ]
    .into_iter()
    .flatten()
}

fn here(what: String, note: String) -> Rung {
    Rung {
        after: String::new(),
        way: Way::Here,
        what,
        cseq: String::new(),
        note,
        repeated: false,
        text: None,
    }
}

/// `12,034`
pub(super) fn seconds(ms: i64) -> String {
    format!("{},{:03}", ms.max(0) / 1_000, ms.max(0) % 1_000)
}

#[cfg(test)]
mod tests;
