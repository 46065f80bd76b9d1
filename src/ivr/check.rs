//! Proves about a script what a caller relies on, before a caller can meet the opposite.
//!
//! Names, numbers and placeholders are looked at one by one; what must hold on every path is proved by a search
//! through the graph of steps (`paths`).

mod indonesian;
mod limits;
mod paths;
mod silent;
#[cfg(test)]
mod tests;
mod toml_words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use super::script::{Kind, Menu, Prompt, Script, Spanned, Step, Target};
use super::session::key_clip;
use super::{PromptId, speech};

pub use indonesian::indonesian;

/// Choices that people remember, beside repeat and end.
const MOST_OPTIONS: usize = 5;
/// Menus one behind the other.
const DEEPEST: usize = 4;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Callers would be harmed: the script is refused.
    Error,
    /// It works, and could be better.
    Warning,
}

/// One thing to change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    /// The step, unless it concerns the whole script.
    pub step: Option<String>,
    pub severity: Severity,
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: ", self.line)?;
        if let Some(step) = &self.step {
            write!(f, "step `{step}`: ")?;
        }
        f.write_str(&self.sentence)
    }
}

/// Everything that is wrong with a script, in the order of its lines. `prompts` are the ids that can be played.
/// A script without a [`Severity::Error`] may be published.
pub fn check(script: &Script, prompts: &BTreeSet<PromptId>) -> Vec<Finding> {
    let mut checker = Checker { script, prompts, findings: Vec::new() };
    checker.head();
    for step in script.steps() {
        checker.step(step);
    }
    checker.paths();
    checker.findings.sort();
    checker.findings.dedup();
    checker.findings
}

struct Checker<'s> {
    script: &'s Script,
    prompts: &'s BTreeSet<PromptId>,
    findings: Vec<Finding>,
}

impl<'s> Checker<'s> {
    fn head(&mut self) {
        let script = self.script;
        self.target(None, &script.start);
        self.target(None, &script.goodbye);
        let notice = &script.recording_notice;
        if !self.prompts.contains(notice.get_ref()) {
            let sentence = missing_prompt(notice.get_ref());
            self.error(&notice.span(), None, sentence);
        }
        for prompt in script.over.prompts.iter().chain(&script.over.with_code) {
            self.prompt(None, prompt);
        }
    }

    fn step(&mut self, step: &'s Step) {
        for edge in self.script.edges(step) {
            self.target(Some(step), edge.to);
        }
        for prompt in step.kind.every_prompt() {
            self.prompt(Some(step), prompt);
        }
        self.limits(step);
        self.silences(step);
        match &step.kind {
            Kind::Menu(menu) => self.menu(step, menu),
            Kind::Confirm(confirm) if confirm.again.is_none() => self.confirm(step),
            _ => {}
        }
    }

    fn confirm(&mut self, step: &Step) {
        if !self.script.edges(step).iter().any(|edge| edge.outcome == "2 ulangi") {
            let sentence = "no recording of a story leads here, so the key 2 has nowhere to lead; write `again = \"STEP\"`";
            self.error_in(step, sentence.to_owned());
        }
    }

    fn menu(&mut self, step: &Step, menu: &Menu) {
        if menu.options.is_empty() {
            self.error_in(step, "it offers nothing; write at least one option".to_owned());
        }
        if menu.options.len() > MOST_OPTIONS {
            let sentence = format!(
                "it offers {} options and nobody remembers more than {MOST_OPTIONS}; move some into a menu of their own",
                menu.options.len()
            );
            self.error_in(step, sentence);
        }
        let mut seen = BTreeSet::new();
        for option in &menu.options {
            let key = option.key.get_ref();
            if !matches!(key.as_str(), "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "#") {
                let sentence = format!(
                    "`{key}` cannot be an option; write one of 0 to 8 or #, since `*` repeats and `9` ends everywhere"
                );
                self.error(&option.key.span(), Some(step), sentence);
            }
            if !seen.insert(key) {
                let sentence =
                    format!("the key {key} is offered twice; give one of the two another key");
                self.error(&option.key.span(), Some(step), sentence);
            }
        }
        let names_options = |prompts: &[Spanned<Prompt>]| {
            prompts.iter().any(|prompt| prompt.get_ref() == &Prompt::Options)
        };
        if menu.options.iter().any(|o| o.say.is_some()) && !names_options(&menu.prompts) {
            let sentence = "its options have words that `prompts` never says; put \"{options}\" into `prompts`";
            self.warning_in(step, sentence.to_owned());
        }
    }

    fn target(&mut self, step: Option<&Step>, target: &Target) {
        if self.script.step(target.get_ref()).is_none() {
            let name = target.get_ref();
            let nearest = nearest(name, self.script.steps().iter().map(|s| s.name.as_str()));
            let advice = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("write `[step.{name}]` or name another step"),
            };
            self.error(&target.span(), step, format!("there is no step `{name}`; {advice}"));
        }
    }

    fn prompt(&mut self, step: Option<&Step>, prompt: &Spanned<Prompt>) {
        let in_menu = matches!(step.map(|s| &s.kind), Some(Kind::Menu(_)));
        let clips = match prompt.get_ref() {
            Prompt::Clip(id) => vec![id.clone()],
            Prompt::Code => ["01234567", "89012345"].into_iter().flat_map(speech::code).collect(),
            Prompt::Key => "0123456789*#".chars().map(key_clip).collect(),
            Prompt::Found | Prompt::Options => Vec::new(),
        };
        let missing: BTreeMap<_, _> = clips
            .into_iter()
            .filter(|id| !self.prompts.contains(id))
            .map(|id| (missing_prompt(&id), ()))
            .collect();
        for sentence in missing.into_keys() {
            self.error(&prompt.span(), step, sentence);
        }
        if matches!(prompt.get_ref(), Prompt::Options | Prompt::Key) && !in_menu {
            let sentence = "{options} and {key} mean something in a menu only; remove it here";
            self.error(&prompt.span(), step, sentence.to_owned());
        }
    }

    fn error(&mut self, place: &Range<usize>, step: Option<&Step>, sentence: String) {
        self.find(self.script.line(place), step, Severity::Error, sentence);
    }

    fn error_in(&mut self, step: &Step, sentence: String) {
        self.error(&step.header.span(), Some(step), sentence);
    }

    fn warning_in(&mut self, step: &Step, sentence: String) {
        let line = self.script.line(&step.header.span());
        self.find(line, Some(step), Severity::Warning, sentence);
    }

    fn find(&mut self, line: usize, step: Option<&Step>, severity: Severity, sentence: String) {
        let step = step.map(|step| step.name.clone());
        self.findings.push(Finding { line, step, severity, sentence });
    }
}

fn missing_prompt(id: &str) -> String {
    format!("there is no prompt `{id}`; add its text to prompts.toml or name another")
}

/// The name that differs least, if it differs by two letters or fewer.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|other| (distance(name, other), other))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, other)| other)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
