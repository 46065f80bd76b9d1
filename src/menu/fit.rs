//! What a script must fit beside its own rules: the classes that tickets have, and the clips that the program says by
//! itself, which no script names.

use std::collections::BTreeSet;

use crate::ivr::check::{self, Finding, Severity};
use crate::ivr::script::{Kind, Script, Step};
use crate::ivr::{PromptId, speech};
use crate::ticket::{Class, Status};

/// The tone before a recording.
const BEEP: &str = "bunyi/bip";

/// Everything that is wrong with a script, in the order of its lines. `prompts` are the ids that can be played.
pub fn check(script: &Script, prompts: &BTreeSet<PromptId>) -> Vec<Finding> {
    let mut findings = check::check(script, prompts);
    findings.extend(script.steps().iter().filter_map(|step| class(script, step)));
    findings.extend(script.steps().iter().filter_map(|step| clips(script, step, prompts)));
    findings.sort();
    findings
}

/// A ticket of a class that nobody knows could not be opened.
fn class(script: &Script, step: &Step) -> Option<Finding> {
    let class = step.kind.class().filter(|class| Class::parse(class).is_none())?;
    let known = "complaint, oversight_complaint, aspiration, information_request, content_report or emergency";
    Some(error(script, step, format!("there is no class of report `{class}`; write {known}")))
}

/// What is said by itself and is not there would be left out, and a caller hear half of a sentence, or nothing.
fn clips(script: &Script, step: &Step, prompts: &BTreeSet<PromptId>) -> Option<Finding> {
    let needed = match &step.kind {
        Kind::Lookup(_) => found(),
        Kind::Record(record) if record.beep => BTreeSet::from([BEEP.to_owned()]),
        _ => return None,
    };
    let missing: Vec<&str> = needed.difference(prompts).map(String::as_str).collect();
    let sentence = format!(
        "it needs prompts that are not there ({}); add their texts to prompts.toml",
        missing.join(", ")
    );
    (!missing.is_empty()).then(|| error(script, step, sentence))
}

/// What may be said of a report that was found. An agency without a clip of its own has the general one.
fn found() -> BTreeSet<PromptId> {
    let rest = ["status/rahasia", "kata/ditangani_oleh", "opd/umum", "kata/pembaruan_terakhir"];
    let status = Status::ALL.into_iter().map(|status| format!("status/{}", status.id()));
    status.chain(rest.map(str::to_owned)).chain(speech::days()).collect()
}

fn error(script: &Script, step: &Step, sentence: String) -> Finding {
    let line = script.line(&step.header.span());
    Finding { line, step: Some(step.name.clone()), severity: Severity::Error, sentence }
}
