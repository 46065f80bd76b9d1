//! The ways out of steps: what makes a script a graph.

use super::{Kind, Script, Step, Target};

/// Who takes a way out of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The caller, by key or voice.
    Caller,
    /// The caller by doing nothing.
    Silence,
    /// The machine.
    Machine,
}

/// One way out of a step.
#[derive(Clone, Debug)]
pub struct Edge<'s> {
    /// A key or the outcome's name.
    pub outcome: String,
    pub by: By,
    pub to: &'s Target,
}

impl<'s> Edge<'s> {
    fn caller(outcome: impl Into<String>, to: &'s Target) -> Edge<'s> {
        Edge { outcome: outcome.into(), by: By::Caller, to }
    }

    fn silence(to: &'s Target) -> Edge<'s> {
        Edge { outcome: "no_input".into(), by: By::Silence, to }
    }

    fn machine(outcome: &str, to: &'s Target) -> Edge<'s> {
        Edge { outcome: outcome.into(), by: By::Machine, to }
    }

    /// Whether a key path tells it by this word ([`super::super::PathEntry::what`]).
    pub fn is_noted_as(&self, what: &str) -> bool {
        match self.outcome.as_str() {
            "" | "open" | "closed" => what == "enter",
            "# kirim" => what == "sent",
            "2 ulangi" => what == "key 2",
            outcome => what.strip_prefix("key ").unwrap_or(what) == outcome,
        }
    }
}

impl Script {
    /// Every way out of `step`, in the order in which the file would name them.
    pub fn edges<'s>(&'s self, step: &'s Step) -> Vec<Edge<'s>> {
        let mut edges = step.kind.edges();
        match &step.kind {
            Kind::Menu(_) => edges.push(Edge::caller("9", &self.goodbye)),
            Kind::Confirm(confirm) if confirm.again.is_none() => {
                edges.extend(self.stories_into(&step.name).map(|t| Edge::caller("2 ulangi", t)));
            }
            _ => {}
        }
        edges
    }

    /// The names of the story recordings that lead straight into the confirmation called `name`.
    fn stories_into(&self, name: &str) -> impl Iterator<Item = &Target> {
        self.steps.iter().filter_map(move |step| match &step.kind {
            Kind::Record(record) if record.story.is_some() && record.next.get_ref() == name => {
                Some(&step.header)
            }
            _ => None,
        })
    }
}

impl Kind {
    /// Where `*` leads.
    fn back(&self) -> Option<&Target> {
        match self {
            Kind::Menu(s) => s.back.as_ref(),
            Kind::Digits(s) => s.back.as_ref(),
            Kind::Lookup(s) => s.back.as_ref(),
            _ => None,
        }
    }

    fn edges(&self) -> Vec<Edge<'_>> {
        let mut edges = match self {
            Kind::Say(s) => vec![Edge::machine("", &s.next)],
            Kind::Menu(s) => {
                s.options.iter().map(|o| Edge::caller(o.key.get_ref(), &o.to)).collect()
            }
            Kind::Digits(s) => vec![Edge::caller("digits", &s.next)],
            Kind::Record(s) => {
                let broke_off = s.broke_off.as_ref().map(|to| Edge::machine("broke_off", to));
                let always =
                    [Edge::caller("recorded", &s.next), Edge::machine("failed", &s.failed)];
                always.into_iter().chain(broke_off).collect()
            }
            Kind::Confirm(s) => {
                let send = Edge { outcome: "# kirim".into(), by: By::Silence, to: &s.next };
                let again = s.again.as_ref().map(|to| Edge::caller("2 ulangi", to));
                std::iter::once(send).chain(again).collect()
            }
            Kind::Lookup(s) => vec![
                Edge::caller("found", &s.found),
                Edge::caller("answered", &s.answered),
                Edge::caller("not_found", &s.not_found),
                Edge::caller("exhausted", &s.exhausted),
                Edge::caller("failed", &s.failed),
            ],
            Kind::Open(s) => {
                vec![Edge::machine("opened", &s.next), Edge::machine("failed", &s.failed)]
            }
            Kind::Transfer(s) => {
                vec![Edge::machine("taken", &s.taken), Edge::machine("not_taken", &s.not_taken)]
            }
            Kind::Goto(s) => vec![Edge::machine("", &s.to)],
            Kind::Hours(s) => {
                vec![Edge::machine("open", &s.open), Edge::machine("closed", &s.closed)]
            }
            Kind::End(_) => Vec::new(),
        };
        edges.extend(self.retries().into_iter().map(|(name, retry)| match name {
            "no_input" => Edge::silence(&retry.to),
            _ => Edge::caller(name, &retry.to),
        }));
        edges.extend(self.back().map(|to| Edge::caller("*", to)));
        edges
    }
}
