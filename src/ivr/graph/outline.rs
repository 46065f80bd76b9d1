//! The picture: an outline from top to bottom, a box for each step, under the step that leads to it first.
//!
//! A menu with its ways back, its silences and its failures is a thicket when every way is a line. So only the shortest
//! way to a step is one, and all other ways stand under it as words.

use std::collections::{HashMap, VecDeque};

use super::{Taken, grouped, label, look, merged_edges, readable};
use crate::ivr::script::{Kind, Script, Step};

/// Pixels.
const ROW: usize = 32;
const BOX: usize = 24;
const INDENT: usize = 16;
pub(super) const MARGIN: usize = 16;
const PADDING: usize = 8;
/// Between a row's parts.
const GAP: usize = 8;
/// A line of small words under a box.
const LINE: usize = 16;
/// The place of the title.
const HEAD: usize = 48;
/// Letters in a line of small words.
const WRAP: usize = 48;

/// A picture as its parts and their places, for whoever draws it.
#[derive(Clone, Debug)]
pub struct Drawing {
    pub title: String,
    pub width: usize,
    pub height: usize,
    pub steps: Vec<DrawnStep>,
}

/// One step of it.
#[derive(Clone, Debug)]
pub struct DrawnStep {
    pub name: String,
    /// The line of the script that begins it.
    pub line: usize,
    /// `asks`, `records`, `opens`, `ends` or `says`.
    pub kind: &'static str,
    pub(super) fill: &'static str,
    /// The box.
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
    pub label: Words,
    /// What the caller did, or what happened, to come here.
    pub by: Option<Words>,
    /// How many callers came here, and how many hung up here.
    pub visits: Option<Words>,
    pub hung_up: Option<Words>,
    /// The other ways out of it.
    pub others: Vec<Words>,
    /// The line from the step that leads here, as an SVG path.
    pub connector: Option<String>,
}

/// Words and where they begin; a label's place is its middle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub x: usize,
    pub y: usize,
    pub text: String,
}

impl Drawing {
    /// The picture of a script, with how many callers took each way.
    pub fn new(script: &Script, taken: &Taken) -> Drawing {
        let rows = rows(script, taken);
        let mut steps: Vec<DrawnStep> = Vec::with_capacity(rows.len());
        let mut top = HEAD;
        for row in &rows {
            let parent = row.parent.map(|parent| &steps[parent]);
            let step = placed(script, row, taken, top, parent);
            top += ROW + step.others.len() * LINE;
            steps.push(step);
        }
        let width = steps.iter().map(right).max().unwrap_or(0) + MARGIN;
        Drawing { title: script.name.clone(), width, height: top + MARGIN, steps }
    }
}

/// A row of the outline.
struct Row<'s> {
    step: &'s Step,
    depth: usize,
    by: String,
    others: Vec<String>,
    parent: Option<usize>,
}

/// The steps in the order in which they are drawn: each right under the one that leads to it, those that nothing leads
/// to at the end (the goodbye, where `9` leads from everywhere).
fn rows<'s>(script: &'s Script, taken: &Taken) -> Vec<Row<'s>> {
    let mut outline = Outline { script, taken, parents: parents(script), rows: Vec::new() };
    let start = script.step(script.start.get_ref());
    for root in start.into_iter().chain(script.steps()) {
        if !outline.rows.iter().any(|row: &Row<'_>| row.step.name == root.name)
            && !outline.parents.contains_key(root.name.as_str())
        {
            let by = if root.name == *script.goodbye.get_ref() { "9" } else { "" };
            outline.add(root, by.to_owned(), None);
        }
    }
    outline.rows
}

/// The step that leads to each first, counted from the start; none for the start and for what nothing leads to.
fn parents(script: &Script) -> HashMap<&str, &str> {
    let mut parents = HashMap::new();
    let start = script.start.get_ref().as_str();
    let mut waiting = VecDeque::from([start]);
    while let Some(name) = waiting.pop_front() {
        let Some(step) = script.step(name) else { continue };
        for (to, by) in merged_edges(script, step, &Taken::default()) {
            // Speaking again is a way back, wherever the story began.
            let back = matches!(step.kind, Kind::Confirm(_)) && by == ["2 ulangi"];
            if !back && to != start && !parents.contains_key(to) {
                parents.insert(to, name);
                waiting.push_back(to);
            }
        }
    }
    parents
}

struct Outline<'s, 't> {
    script: &'s Script,
    taken: &'t Taken,
    parents: HashMap<&'s str, &'s str>,
    rows: Vec<Row<'s>>,
}

impl<'s> Outline<'s, '_> {
    fn add(&mut self, step: &'s Step, by: String, parent: Option<usize>) {
        let is_child = |to: &str| self.parents.get(to).is_some_and(|parent| *parent == step.name);
        let (children, others): (Vec<_>, Vec<_>) = merged_edges(self.script, step, self.taken)
            .into_iter()
            .partition(|(to, _)| is_child(to));
        let depth = parent.map_or(0, |parent| self.rows[parent].depth + 1);
        let own = self.rows.len();
        self.rows.push(Row { step, depth, by, others: in_words(&others), parent });
        for (to, by) in children {
            if let Some(child) = self.script.step(to) {
                self.add(child, by.join(", "), Some(own));
            }
        }
    }
}

/// "diam, gagal → selesai, lagi", a line for each way, broken where it is too long.
fn in_words(ways: &[(&str, Vec<String>)]) -> Vec<String> {
    let mut words: Vec<(String, Vec<String>)> = Vec::new();
    for (to, by) in ways {
        let (by, to) = (by.join(", "), readable(to));
        match words.iter_mut().find(|(known, _)| *known == by) {
            Some((_, targets)) => targets.push(to),
            None => words.push((by, vec![to])),
        }
    }
    words
        .iter()
        .flat_map(|(by, to)| broken(format!("{by} \u{2192} {}", to.join(", ")).trim()))
        .collect()
}

fn broken(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WRAP => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// About how wide a text is; no font is known here.
fn text_width(text: &str) -> usize {
    text.chars().count() * 15 / 2
}

/// The same in bold.
fn bold_width(text: &str) -> usize {
    text_width(text) * 7 / 6
}

/// The right end of everything in a step's rows.
fn right(step: &DrawnStep) -> usize {
    let words = [&step.visits, &step.hung_up].into_iter().flatten().chain(&step.others);
    words.map(|w| w.x + text_width(&w.text)).chain([step.left + step.width]).max().unwrap_or(0)
}

fn placed(
    script: &Script,
    row: &Row<'_>,
    taken: &Taken,
    top: usize,
    parent: Option<&DrawnStep>,
) -> DrawnStep {
    let start = MARGIN + row.depth * INDENT;
    let baseline = top + ROW / 2 + 5;
    let words = |x: usize, y: usize, text: String| Words { x, y, text };
    let by = (!row.by.is_empty()).then(|| words(start, baseline, row.by.clone()));
    let left = start + by.as_ref().map_or(0, |by| bold_width(&by.text) + GAP);
    let label = label(row.step);
    let width = text_width(&label) + 2 * PADDING;
    let mut end = left + width + GAP;
    let mut beside = |text: Option<String>| {
        let said = words(end, baseline, text?);
        end += text_width(&said.text) + GAP;
        Some(said)
    };
    let counted = |n: i64| (n > 0).then(|| grouped(n));
    let visits = beside(counted(taken.visits(&row.step.name)).map(|n| format!("{n} masuk")));
    let hung_up = beside(counted(taken.hung_up(&row.step.name)).map(|n| format!("{n} tutup")));
    let others = row.others.iter().zip(1..);
    let (kind, fill) = look(&row.step.kind);
    DrawnStep {
        name: row.step.name.clone(),
        line: script.line(&row.step.header.span()),
        kind,
        fill,
        left,
        top: top + (ROW - BOX) / 2,
        width,
        height: BOX,
        label: words(left + width / 2, baseline, label),
        by,
        visits,
        hung_up,
        others: others
            .map(|(text, n)| words(start + INDENT, top + ROW + n * LINE - 4, text.clone()))
            .collect(),
        connector: parent.map(|parent| connector(parent, start, top)),
    }
}

/// From under the step that leads here to the left of this one.
fn connector(parent: &DrawnStep, start: usize, top: usize) -> String {
    let outer = parent.by.as_ref().map_or(parent.left, |by| by.x);
    let (x, from) = (outer + INDENT / 3, parent.top + parent.height);
    format!("M{x} {from}V{}H{}", top + ROW / 2, start - 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hotline() -> Script {
        let text = include_str!("../../../ivr-scripts/hotline.toml");
        Script::parse("hotline.toml", text).unwrap()
    }

    #[test]
    fn every_step_is_drawn_once_and_the_picture_fits_beside_the_text() {
        let script = hotline();
        let drawing = Drawing::new(&script, &Taken::default());
        assert_eq!(drawing.steps.len(), script.steps().len());
        for step in script.steps() {
            let drawn = drawing.steps.iter().find(|drawn| drawn.name == step.name);
            let line = drawn.unwrap_or_else(|| panic!("{}", step.name)).line;
            assert_eq!(line, script.line(&step.header.span()));
        }
        assert!(drawing.width < 600, "{} pixels", drawing.width);
    }

    #[test]
    fn a_step_stands_under_what_leads_to_it_and_other_ways_are_named() {
        let script = hotline();
        let rows = rows(&script, &Taken::default());
        let row = |name: &str| rows.iter().find(|row| row.step.name == name).unwrap();
        let lapor = row("lapor");
        assert_eq!(lapor.by, "1");
        assert_eq!(rows[lapor.parent.unwrap()].step.name, "menu_utama");
        assert_eq!(row("titip_pesan").by, "diam, salah tekan");
        let others = row("informasi").others.join("\n");
        assert!(others.contains("* \u{2192} menu utama"), "{others}");
        assert_eq!(rows[row("pesan_status").parent.unwrap()].step.name, "kode_salah");
        let again = "2 ulangi \u{2192} lapor, pesan status, ppid, konten, aspirasi, titip pesan";
        assert_eq!(row("periksa").others.join(" "), again);
        assert_eq!(row("periksa").others.len(), 2, "too long for a line");
        assert_eq!(row("selesai").by, "9");
        assert_eq!(rows[0].step.name, "sambutan");
    }

    #[test]
    fn counts_stand_at_their_ways_and_where_callers_hung_up() {
        let script = hotline();
        let mut taken = Taken::default();
        taken.add("menu_utama", "key 1", "lapor", 1204);
        taken.add("menu_utama", "no_input", "titip_pesan", 3);
        taken.add("lapor", "enter", "", 1204);
        taken.add("lapor", "hung_up", "", 31);
        let drawing = Drawing::new(&script, &taken);
        let step = |name: &str| drawing.steps.iter().find(|step| step.name == name).unwrap();
        let said = |words: &Option<Words>| words.as_ref().map(|words| words.text.clone());
        assert_eq!(said(&step("lapor").by).unwrap(), "1 (1.204\u{d7})");
        assert_eq!(said(&step("titip_pesan").by).unwrap(), "diam (3\u{d7}), salah tekan");
        assert_eq!(said(&step("lapor").visits).unwrap(), "1.204 masuk");
        assert_eq!(said(&step("lapor").hung_up).unwrap(), "31 tutup");
        assert_eq!(step("menu_utama").visits, None);
    }
}
