//! What was changed of prompts at the console, laid over what comes with the program.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::{self, Finding, Problem};
use super::{Catalogue, Prompt};
use crate::media::prompt::{Sound, Source};

/// Other words and other voices than those of the folder, by the prompt's id.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    pub texts: BTreeMap<String, String>,
    pub takes: BTreeMap<String, ChosenTake>,
}

/// A voice that is heard instead of the folder's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenTake {
    pub source: Source,
    /// The words that it was made for.
    pub text: String,
}

impl Chosen {
    /// The words that hold, by id.
    pub fn texts(&self, catalogue: &Catalogue) -> BTreeMap<String, String> {
        let mut texts = catalogue.texts();
        texts.extend(self.texts.iter().map(|(id, text)| (id.clone(), text.clone())));
        texts
    }

    /// As [`super::check()`], of what callers hear.
    pub fn check(&self, catalogue: &Catalogue, dir: &Path) -> Vec<Finding> {
        let mut findings = check::check(catalogue, dir);
        for (id, prompt) in catalogue.iter() {
            match (self.takes.get(id), self.texts.get(id)) {
                (Some(take), _) => self.check_take(id, prompt, take, &mut findings),
                (None, Some(_)) => {
                    findings.push(Finding { about: id.into(), problem: Problem::OtherText });
                }
                (None, None) => {}
            }
        }
        check::sort(&mut findings);
        findings
    }

    /// A take that can be played stands for whatever the folder has.
    fn check_take(
        &self,
        id: &str,
        prompt: &Prompt,
        take: &ChosenTake,
        findings: &mut Vec<Finding>,
    ) {
        let (Source::Recorded(path) | Source::Rendered(path)) = &take.source;
        let about = |problem| Finding { about: id.to_owned(), problem };
        let sound = match Sound::read(path) {
            Ok(sound) => sound,
            Err(what) => return findings.push(about(Problem::Take(what))),
        };
        findings.retain(|finding| finding.about != id);
        findings.extend(check::check_sound(path, &sound, &prompt.content).into_iter().map(about));
        let holds = self.texts.get(id).map(String::as_str).or(prompt.content.text());
        if holds.is_some_and(|text| text != take.text) {
            findings.push(about(Problem::OtherText));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompts::{Which, render, report};

    const TEXTS: &str = "[prompts]\na = { tone = 1000, ms = 300 }\nb = { tone = 500, ms = 300 }\n";

    #[test]
    fn a_take_stands_for_a_file_that_is_missing_until_it_is_gone_itself() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("prompts.toml"), TEXTS).unwrap();
        let catalogue = Catalogue::read(dir.path()).unwrap();
        render(&catalogue, dir.path(), Which::All).unwrap();
        let take = dir.path().with_extension("take.wav");
        std::fs::rename(dir.path().join("a.wav"), &take).unwrap();
        let told = |chosen: &Chosen| {
            let report = report(&chosen.check(&catalogue, dir.path()));
            let report = report.replace(&take.display().to_string(), "TAKE");
            report.replace(&dir.path().display().to_string(), "DIR")
        };
        let missing = "error: a: DIR/a.wav is missing; run `kentongan prompts render`\n";
        assert_eq!(told(&Chosen::default()), format!("{missing}errors: 1, warnings: 0\n"));

        let source = Source::Recorded(take.clone());
        let mut chosen = Chosen::default();
        chosen.takes.insert("a".into(), ChosenTake { source, text: "lama".into() });
        assert_eq!(told(&chosen), "errors: 0, warnings: 0\n");

        chosen.texts.extend([("a".into(), "baru".into()), ("b".into(), "baru".into())]);
        insta::assert_snapshot!(told(&chosen), @r"
        warning: a: its text was changed at the console and its voice says the old one; record it there, or have the synthetic voice say it
        warning: b: its text was changed at the console and its voice says the old one; record it there, or have the synthetic voice say it
        errors: 0, warnings: 2
        ");

        std::fs::remove_file(&take).unwrap();
        chosen.texts.clear();
        insta::assert_snapshot!(told(&chosen), @r"
        error: a: DIR/a.wav is missing; run `kentongan prompts render`
        warning: a: callers hear the voice that comes with the program, since the one from the console is lost: TAKE is missing; record it again there
        errors: 1, warnings: 1
        ");
    }
}
