//! From TOML text to a [`Script`], or to every reason why not, each with its line.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::hours::RawHours;
use super::{HoursStep, Kind, Over, Prompt, Script, Step, Target};

const KINDS: &str =
    "say, menu, digits, record, confirm, lookup, open, transfer, goto, hours or end";

/// The longest script, in bytes: the shipped one has nine thousand.
pub const MOST_BYTES: usize = 64 * 1024;
/// The most steps; no caller passes so many.
const MOST_STEPS: usize = 200;

/// Why a text is no script: everything that is wrong with its form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problems.iter().map(|p| format!("{}:{p}", self.file)).collect::<Vec<_>>().join("\n"))]
pub struct ReadError {
    pub file: String,
    pub problems: Vec<Problem>,
}

/// One thing to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    pub sentence: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.sentence)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    start: Target,
    goodbye: Target,
    recording_notice: Spanned<String>,
    over: Over,
}

impl Script {
    /// Reads a script; `file` is its name for messages.
    pub fn parse(file: &str, text: &str) -> Result<Script, ReadError> {
        let reader = Reader { line_starts: line_starts(text) };
        reader.script(file, text).map_err(|problems| ReadError { file: file.to_owned(), problems })
    }
}

struct Reader {
    line_starts: Vec<usize>,
}

impl Reader {
    fn script(&self, file: &str, text: &str) -> Result<Script, Vec<Problem>> {
        if text.len() > MOST_BYTES {
            let sentence = format!(
                "it is {} bytes long and {MOST_BYTES} are the most; shorten it",
                text.len()
            );
            return Err(vec![Problem { line: 1, sentence }]);
        }
        let document = DeTable::parse(text).map_err(|e| vec![self.problem("", &e)])?;
        let whole = document.span();
        let mut root = document.into_inner();
        let raw_steps = self.take_steps(&mut root)?;
        let head = Head::deserialize(value(whole, root)).map_err(|e| self.problem("", &e));

        let (mut problems, mut steps) = (Vec::new(), Vec::new());
        for (name, raw) in raw_steps {
            match self.step(&name, raw) {
                Ok(step) => steps.push(step),
                Err(problem) => problems.push(problem),
            }
        }
        match head {
            Ok(head) if problems.is_empty() => Ok(self.finish(file, head, steps)),
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.insert(0, problem);
                Err(problems)
            }
        }
    }

    fn finish(&self, file: &str, head: Head, steps: Vec<Step>) -> Script {
        let index: BTreeMap<_, _> =
            steps.iter().enumerate().map(|(at, step)| (step.name.clone(), at)).collect();
        Script {
            file: file.to_owned(),
            name: head.name,
            start: head.start,
            goodbye: head.goodbye,
            recording_notice: head.recording_notice,
            over: head.over,
            steps,
            index,
            line_starts: self.line_starts.clone(),
        }
    }

    /// The tables `[step.NAME]`, in the order of the file.
    fn take_steps<'i>(&self, root: &mut DeTable<'i>) -> Result<Vec<RawStep<'i>>, Vec<Problem>> {
        let Some(step) = root.remove("step") else {
            return Err(vec![Problem {
                line: 1,
                sentence: "there are no steps; write at least one table `[step.NAME]`".to_owned(),
            }]);
        };
        let span = step.span();
        let DeValue::Table(table) = step.into_inner() else {
            let sentence = "`step` must hold tables; write `[step.NAME]`".to_owned();
            return Err(vec![Problem { line: self.line(&span), sentence }]);
        };
        let mut steps: Vec<_> = table.into_iter().collect();
        steps.sort_by_key(|(name, _)| name.span().start);
        match steps.get(MOST_STEPS) {
            None => Ok(steps),
            Some((name, _)) => {
                let sentence = format!("{MOST_STEPS} steps are the most; remove some");
                Err(vec![Problem { line: self.line(&name.span()), sentence }])
            }
        }
    }

    fn step(
        &self,
        name: &Spanned<DeString<'_>>,
        raw: Spanned<DeValue<'_>>,
    ) -> Result<Step, Problem> {
        let span = name.span();
        let text = name.get_ref().to_string();
        let wrong = |sentence: String| Problem {
            line: self.line(&span),
            sentence: format!("step `{text}`: {sentence}"),
        };
        let DeValue::Table(mut table) = raw.into_inner() else {
            return Err(wrong(format!("it must be a table; write `[step.{text}]`")));
        };
        let Some(kind) = table.remove("kind") else {
            return Err(wrong(format!("it has no kind; write `kind = \"say\"`, or {KINDS}")));
        };
        let kind_line = self.line(&kind.span());
        let kind = kind.get_ref().as_str().unwrap_or_default().to_owned();
        let body = value(span.clone(), table);
        let place = format!("step `{text}` ({kind}): ");
        let kind = match kind.as_str() {
            "say" => self.kind(&place, body, Kind::Say),
            "menu" => self.kind(&place, body, Kind::Menu),
            "digits" => self.kind(&place, body, Kind::Digits),
            "record" => self.kind(&place, body, Kind::Record),
            "confirm" => self.kind(&place, body, Kind::Confirm),
            "lookup" => self.kind(&place, body, Kind::Lookup),
            "open" => self.kind(&place, body, Kind::Open),
            "transfer" => self.kind(&place, body, Kind::Transfer),
            "goto" => self.kind(&place, body, Kind::Goto),
            "end" => self.kind(&place, body, Kind::End),
            "hours" => self.hours(&place, body),
            other => {
                let sentence = format!("step `{text}`: there is no kind `{other}`; write {KINDS}");
                Err(Problem { line: kind_line, sentence })
            }
        }?;
        Ok(Step { header: Spanned::new(span, text.clone()), name: text, kind })
    }

    fn kind<T: DeserializeOwned>(
        &self,
        place: &str,
        body: ValueDeserializer<'_>,
        make: fn(Arc<T>) -> Kind,
    ) -> Result<Kind, Problem> {
        T::deserialize(body).map(|step| make(Arc::new(step))).map_err(|e| self.problem(place, &e))
    }

    fn hours(&self, place: &str, body: ValueDeserializer<'_>) -> Result<Kind, Problem> {
        let raw = RawHours::deserialize(body).map_err(|e| self.problem(place, &e))?;
        let (hours, open, closed) = raw.resolve().map_err(|(span, sentence)| Problem {
            line: self.line(&span),
            sentence: format!("{place}{sentence}"),
        })?;
        Ok(Kind::Hours(Arc::new(HoursStep { hours, open, closed })))
    }

    fn problem(&self, place: &str, error: &toml::de::Error) -> Problem {
        let line = error.span().map_or(1, |span| self.line(&span));
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let message = match message.strip_prefix("missing field ") {
            Some(key) => format!("{key} is missing; add it"),
            None => {
                message.replace("unknown field", "there is no key").replace(", expected", "; write")
            }
        };
        Problem { line, sentence: format!("{place}{message}") }
    }

    fn line(&self, place: &Range<usize>) -> usize {
        self.line_starts.partition_point(|start| *start <= place.start)
    }
}

type RawStep<'i> = (Spanned<DeString<'i>>, Spanned<DeValue<'i>>);

fn value<'i>(span: Range<usize>, table: DeTable<'i>) -> ValueDeserializer<'i> {
    ValueDeserializer::from(Spanned::new(span, DeValue::Table(table)))
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Something that a step may have, to be shared with the session.
pub(super) fn shared<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Arc<T>>, D::Error> {
    T::deserialize(from).map(|read| Some(Arc::new(read)))
}

/// A length of time such as `"6s"`, `"1m 30s"`: more than nothing, at most an hour.
pub(super) fn length<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || {
        D::Error::custom(format!(
            "`{text}` is no length of time here; write for example \"6s\", \"1m 30s\" or \"10m\", at most \"1h\""
        ))
    };
    let length = text.parse::<SignedDuration>().map_err(|_| wrong())?;
    let length = Duration::try_from(length).map_err(|_| wrong())?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(3600);
    if allowed.contains(&length) { Ok(length) } else { Err(wrong()) }
}

impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Prompt, D::Error> {
        from.deserialize_str(PromptVisitor)
    }
}

/// Judges inside the visit, where the deserializer still knows the place in the file.
struct PromptVisitor;

impl Visitor<'_> for PromptVisitor {
    type Value = Prompt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prompt's id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Prompt, E> {
        match text {
            "{code}" => Ok(Prompt::Code),
            "{found}" => Ok(Prompt::Found),
            "{options}" => Ok(Prompt::Options),
            "{key}" => Ok(Prompt::Key),
            "" => Err(E::custom("a prompt's id is empty; write one of prompts.toml")),
            other if other.contains(['{', '}']) => Err(E::custom(format!(
                "there is no placeholder `{other}`; write {{code}}, {{found}}, {{options}}, {{key}} or a prompt's id"
            ))),
            id => Ok(Prompt::Clip(id.to_owned())),
        }
    }
}
