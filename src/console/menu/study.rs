//! What a text comes to: what is wrong with it, line by line, and its drawing.

use std::collections::BTreeMap;

use super::super::Console;
use super::super::error::PageError;
use crate::ivr::check::{Finding, Severity, indonesian};
use crate::ivr::graph::{Drawing, Taken};
use crate::ivr::script::Script;
use crate::menu::{self, Sound};
use crate::prompts::Catalogue;

/// What the text is called in messages.
const NAME: &str = "naskah";
/// The most lines that are numbered.
const NUMBERED: usize = 2_000;

/// One thing that is wrong.
pub(in crate::console) struct Message {
    pub line: usize,
    pub step: String,
    pub error: bool,
    pub sentence: String,
}

/// A line's number, and whether a message is about it.
pub(in crate::console) struct Line {
    pub number: usize,
    pub mark: &'static str,
}

pub(in crate::console) struct Study {
    pub messages: Vec<Message>,
    /// Of whatever can be read.
    pub drawing: Option<Drawing>,
}

/// Studies a text. It may be anything, and so may the time that it takes: it is given a thread of its own.
pub(super) async fn of(console: &Console, text: &str, taken: &Taken) -> Result<Study, PageError> {
    if text.is_empty() {
        return Ok(Study { messages: Vec::new(), drawing: None });
    }
    let (text, taken, prompts) = (text.to_owned(), taken.clone(), console.prompts_folder.clone());
    let studying = tokio::task::spawn_blocking(move || {
        let known = Catalogue::read(&prompts)?.ids().map(str::to_owned).collect();
        let drawing = Script::parse(NAME, &text).ok().map(|script| Drawing::new(&script, &taken));
        let findings = match menu::prove(NAME, text, &known) {
            Ok(sound) => sound.warnings().to_vec(),
            Err(unsound) => unsound.findings(),
        };
        Ok(Study { messages: findings.into_iter().map(message).collect(), drawing })
    });
    studying.await?
}

/// The text with its proof, if there is one.
pub(super) async fn prove(console: &Console, text: &str) -> Result<Option<Sound>, PageError> {
    let (text, prompts) = (text.to_owned(), console.prompts_folder.clone());
    let proving = tokio::task::spawn_blocking(move || {
        let known = Catalogue::read(&prompts)?.ids().map(str::to_owned).collect();
        Ok(menu::prove(NAME, text, &known).ok())
    });
    proving.await?
}

fn message(finding: Finding) -> Message {
    Message {
        line: finding.line,
        step: finding.step.unwrap_or_default(),
        error: finding.severity == Severity::Error,
        sentence: indonesian(&finding.sentence),
    }
}

/// The numbers beside the text.
pub(super) fn lines(text: &str, messages: &[Message]) -> Vec<Line> {
    let mut marks: BTreeMap<usize, &'static str> = BTreeMap::new();
    for message in messages {
        let mark = if message.error { "alarm" } else { "waiting" };
        marks
            .entry(message.line)
            .and_modify(|m| {
                if message.error {
                    *m = mark
                }
            })
            .or_insert(mark);
    }
    let line =
        |number: usize| Line { number, mark: marks.get(&number).copied().unwrap_or_default() };
    (1..=rows(text)).map(line).collect()
}

/// How many lines the text takes, and some to write on.
pub(super) fn rows(text: &str) -> usize {
    (text.lines().count() + 4).min(NUMBERED)
}
