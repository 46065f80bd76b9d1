//! What must hold on every path through a script.
//!
//! A caller is a step together with what has happened to them so far ([`Facts`]). The search visits every such pair that
//! any caller can be in, so that a rule that no pair breaks is broken on no path.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use super::{Checker, DEEPEST};
use crate::ivr::script::{By, Edge, Kind, Prompt, Script, Step};

/// What has happened to a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Facts {
    /// Heard the recording notice to its end.
    announced: bool,
    /// Had the chance to speak.
    recorded: bool,
    /// Told a story that is in no ticket.
    story: bool,
    /// Has a ticket.
    ticket: bool,
    /// Has a ticket and has not been told its code.
    untold: bool,
    /// A lookup found something.
    found: bool,
}

type Node<'s> = (&'s str, Facts);

/// The pairs in the order of their distance from the start, and the pair before each.
type Walk<'s> = (Vec<Node<'s>>, BTreeMap<Node<'s>, Node<'s>>);

impl<'s> Checker<'s> {
    pub(super) fn paths(&mut self) {
        self.unreachable_steps();
        self.endless_circles();
        self.deep_menus();
        self.ends_unasked();
        let (nodes, came_from) = self.walk();
        // The nearest way to a fault is enough.
        let mut told = BTreeSet::new();
        for node in nodes {
            let Some(step) = self.script.step(node.0) else { continue };
            for (place, rule, sentence) in self.faults(step, &node) {
                if told.insert((node.0, place.start, rule)) {
                    let way = path_to(node, &came_from);
                    self.error(&place, Some(step), sentence.replace("{way}", &way));
                }
            }
        }
    }

    fn unreachable_steps(&mut self) {
        if self.script.step(self.script.start.get_ref()).is_none() {
            return;
        }
        let reached = reach(self.script, self.script.start.get_ref());
        for step in self.script.steps() {
            if step.name != *self.script.start.get_ref() && !reached.contains(step.name.as_str()) {
                let sentence = "no way leads here; lead one here or remove it".to_owned();
                self.error_in(step, sentence);
            }
        }
    }

    /// A circle without the caller would play until the call's longest time.
    fn endless_circles(&mut self) {
        let mut told = BTreeSet::new();
        for step in self.script.steps() {
            if told.contains(step.name.as_str()) {
                continue;
            }
            let Some(circle) = circle(self.script, &step.name) else { continue };
            let sentence = format!(
                "a caller who does nothing goes round in a circle ({}); let one of these lead out of it",
                circle.join(" -> ")
            );
            told.extend(circle);
            self.error_in(step, sentence);
        }
    }

    /// Whom nothing asks and nothing records is silent too. A script that records nobody only announces.
    fn ends_unasked(&mut self) {
        if !self.script.steps().iter().any(|step| matches!(step.kind, Kind::Record(_))) {
            return;
        }
        let mut seen = BTreeSet::new();
        let mut queue = vec![&self.script.start];
        while let Some(target) = queue.pop() {
            let Some(step) = self.script.step(target.get_ref()) else { continue };
            if !seen.insert(step.name.as_str()) {
                continue;
            }
            let edges = self.script.edges(step);
            if matches!(step.kind, Kind::End(_)) {
                let sentence = format!(
                    "a caller comes to the end (at `{}`) unasked and unrecorded; lead through a `menu` or `record` step first",
                    step.name
                );
                self.error(&target.span(), None, sentence);
            }
            if edges.iter().all(|edge| edge.by == By::Machine)
                && !matches!(step.kind, Kind::Record(_))
            {
                queue.extend(edges.into_iter().filter(|edge| !is_served(edge)).map(|edge| edge.to));
            }
        }
    }

    fn deep_menus(&mut self) {
        for (name, depth) in depths(self.script) {
            if let Some(step) = self.script.step(name)
                && matches!(step.kind, Kind::Menu(_))
                && depth > DEEPEST
            {
                let sentence = format!(
                    "it is menu number {depth} on the shortest way to it and {DEEPEST} are the most; bring it nearer to the start"
                );
                self.error_in(step, sentence);
            }
        }
    }

    /// Every pair that a caller can be in.
    fn walk(&self) -> Walk<'s> {
        let (mut nodes, mut came_from) = (Vec::new(), BTreeMap::new());
        let Some(start) = self.script.step(self.script.start.get_ref()) else {
            return (nodes, came_from);
        };
        let mut seen = BTreeSet::new();
        let first = (start.name.as_str(), self.on_entering(start, Facts::default()));
        let mut queue = VecDeque::from([first]);
        seen.insert(first);
        while let Some(node) = queue.pop_front() {
            nodes.push(node);
            let Some(step) = self.script.step(node.0) else { continue };
            for edge in self.script.edges(step) {
                let (Some(next), Some(facts)) =
                    (self.script.step(edge.to.get_ref()), after(step, &edge, node.1))
                else {
                    continue;
                };
                let next = (next.name.as_str(), self.on_entering(next, facts));
                if seen.insert(next) {
                    came_from.insert(next, node);
                    queue.push_back(next);
                }
            }
        }
        (nodes, came_from)
    }

    fn on_entering(&self, step: &Step, mut facts: Facts) -> Facts {
        let (prompts, barge_in) = step.kind.prompts();
        let notice = self.script.recording_notice.get_ref();
        let says_it =
            prompts.iter().any(|p| matches!(p.get_ref(), Prompt::Clip(id) if id == notice));
        facts.announced |= says_it && !barge_in;
        // An `open` step speaks once the ticket is there.
        facts.untold &= matches!(step.kind, Kind::Open(_)) || !says_code(step);
        facts
    }

    /// What is wrong with meeting this step in this condition: where, which rule, and the sentence.
    fn faults(&self, step: &'s Step, node: &Node<'s>) -> Vec<Fault> {
        let facts = node.1;
        let here = step.header.span();
        let mut faults = Vec::new();
        match &step.kind {
            Kind::Record(_) if !facts.announced => {
                let sentence = format!(
                    "it records, and on the way {{way}} the notice `{}` was not said to its end; say it before, with `barge_in = false`",
                    self.script.recording_notice.get_ref()
                );
                faults.push((here, "announced", sentence));
            }
            Kind::Confirm(_) | Kind::Open(_) if !facts.story => {
                let sentence = "on the way {way} there is no story; lead through a `record` step with `story` first";
                faults.push((here, "story", sentence.to_owned()));
            }
            Kind::End(_) if facts.story => {
                let sentence = "on the way {way} a story was recorded and no ticket opened; lead through an `open` step first";
                faults.push((here, "ticket", sentence.to_owned()));
            }
            Kind::End(_) if facts.untold => {
                let sentence = "on the way {way} a ticket was opened and its code never said; say {code} in the `open` step or behind it";
                faults.push((here, "code", sentence.to_owned()));
            }
            _ => {}
        }
        faults.extend(placeholders(step, facts));
        faults.extend(self.silence(step, facts));
        faults
    }

    /// Silence must lead to a recording before it leads to an end.
    fn silence(&self, step: &Step, facts: Facts) -> Vec<Fault> {
        if facts.recorded || matches!(step.kind, Kind::Record(_)) {
            return Vec::new();
        }
        let silences = self.script.edges(step).into_iter().filter(|e| e.by == By::Silence);
        silences
            .filter_map(|edge| {
                let end = silent_end(self.script, edge.to.get_ref())?;
                let sentence = format!(
                    "a caller who stays silent is hung up on (at `{end}`); let silence lead to a `record` step"
                );
                Some((edge.to.span(), "silence", sentence))
            })
            .collect()
    }
}

/// Where, which rule, and the sentence, in which `{way}` stands for the way there.
type Fault = (Range<usize>, &'static str, String);

fn placeholders(step: &Step, facts: Facts) -> Vec<Fault> {
    let has_code = facts.ticket || matches!(step.kind, Kind::Open(_));
    let early = |prompt: &Prompt| match prompt {
        Prompt::Code if !has_code => {
            Some("on the way {way} there is no code yet; open a ticket first")
        }
        Prompt::Found if !facts.found => {
            Some("on the way {way} nothing was found yet; look a code up first")
        }
        _ => None,
    };
    let prompts = step.kind.every_prompt().into_iter();
    prompts
        .filter_map(|prompt| Some((prompt.span(), "early", early(prompt.get_ref())?.to_owned())))
        .collect()
}

/// Whether the code is said on entering a step.
fn says_code(step: &Step) -> bool {
    let options: &[_] = if let Kind::Menu(menu) = &step.kind { &menu.options } else { &[] };
    let named = || options.iter().filter_map(|option| option.say.as_ref());
    step.kind.prompts().0.iter().any(|prompt| match prompt.get_ref() {
        Prompt::Code => true,
        Prompt::Options => named().any(|said| said.get_ref() == &Prompt::Code),
        _ => false,
    })
}

/// Whether a person takes over: what follows is no hang-up on somebody silent.
fn is_served(edge: &Edge<'_>) -> bool {
    edge.outcome == "taken"
}

/// What has happened once `edge` is taken out of `step`; `None` if it cannot be taken.
fn after(step: &Step, edge: &Edge<'_>, mut facts: Facts) -> Option<Facts> {
    match &step.kind {
        Kind::Record(record) => {
            let recorded = matches!(edge.outcome.as_str(), "recorded" | "broke_off");
            if record.story.is_some() && facts.story && !recorded {
                // The session goes on with the story told before.
                return None;
            }
            facts.recorded = true;
            facts.story |= record.story.is_some() && recorded;
        }
        Kind::Open(_) => {
            facts.story = false;
            facts.ticket |= edge.outcome == "opened";
            facts.untold |= edge.outcome == "opened" && !says_code(step);
        }
        Kind::Lookup(_) => facts.found |= matches!(edge.outcome.as_str(), "found" | "answered"),
        _ => {}
    }
    Some(facts)
}

/// The steps that can be reached from `from`, without `from` itself unless it can be reached again.
fn reach<'s>(script: &'s Script, from: &str) -> BTreeSet<&'s str> {
    let mut reached = BTreeSet::new();
    let mut queue: Vec<&Step> = script.step(from).into_iter().collect();
    while let Some(step) = queue.pop() {
        for edge in script.edges(step) {
            if let Some(next) = script.step(edge.to.get_ref())
                && reached.insert(next.name.as_str())
            {
                queue.push(next);
            }
        }
    }
    reached
}

/// A way from `from` to itself on which the caller does nothing.
fn circle<'s>(script: &'s Script, from: &'s str) -> Option<Vec<&'s str>> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(name) = queue.pop_front() {
        let Some(step) = script.step(name) else { continue };
        for edge in script.edges(step).iter().filter(|edge| edge.by != By::Caller) {
            let to = edge.to.get_ref().as_str();
            if to == from {
                return Some(trace(from, name, &came_from));
            }
            if !came_from.contains_key(to) {
                came_from.insert(to, name);
                queue.push_back(to);
            }
        }
    }
    None
}

fn trace<'s>(from: &'s str, last: &'s str, came_from: &BTreeMap<&'s str, &'s str>) -> Vec<&'s str> {
    let mut names = vec![from];
    let mut at = last;
    while at != from {
        names.push(at);
        at = came_from[at];
    }
    names.push(from);
    names.reverse();
    names
}

/// The end that a silent caller comes to from `from` without a recording before it.
fn silent_end<'s>(script: &'s Script, from: &str) -> Option<&'s str> {
    let mut seen = BTreeSet::new();
    let mut queue: Vec<&Step> = script.step(from).into_iter().collect();
    while let Some(step) = queue.pop() {
        match &step.kind {
            Kind::End(_) => return Some(&step.name),
            Kind::Record(_) => continue,
            _ if !seen.insert(step.name.as_str()) => continue,
            _ => {}
        }
        let silent = script.edges(step).into_iter().filter(|e| e.by != By::Caller && !is_served(e));
        queue.extend(silent.filter_map(|edge| script.step(edge.to.get_ref())));
    }
    None
}

/// For each step, how many menus lie on the way to it that has the fewest, the step itself included.
fn depths(script: &Script) -> BTreeMap<&str, usize> {
    let weight = |step: &Step| usize::from(matches!(step.kind, Kind::Menu(_)));
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    let mut queue: VecDeque<&Step> = script.step(script.start.get_ref()).into_iter().collect();
    if let Some(start) = queue.front() {
        depths.insert(&start.name, weight(start));
    }
    while let Some(step) = queue.pop_front() {
        let depth = depths[step.name.as_str()];
        for edge in script.edges(step) {
            let Some(next) = script.step(edge.to.get_ref()) else { continue };
            let depth = depth + weight(next);
            if depths.get(next.name.as_str()).is_none_or(|known| depth < *known) {
                depths.insert(&next.name, depth);
                queue.push_back(next);
            }
        }
    }
    depths
}

fn path_to<'s>(node: Node<'s>, came_from: &BTreeMap<Node<'s>, Node<'s>>) -> String {
    let nodes = std::iter::successors(Some(node), |at| came_from.get(at).copied());
    let mut names: Vec<_> = nodes.map(|(name, _)| name).collect();
    names.reverse();
    names.join(" -> ")
}
