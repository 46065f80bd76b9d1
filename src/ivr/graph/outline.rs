//! The SVG: an outline, a row for each step, under the step that leads to it first.
//!
//! A menu with its ways back, its silences and its failures is a thicket when every way is a line. So only the shortest
//! way to a step is one, and all other ways stand behind it as words.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use super::{label, look, merged_edges, readable};
use crate::ivr::script::{Kind, Script, Step};

/// Pixels.
const ROW: usize = 32;
const BOX: usize = 24;
const INDENT: usize = 30;
const MARGIN: usize = 16;
const PADDING: usize = 8;
/// Between a row's parts.
const GAP: usize = 8;
/// The place of the title.
const HEAD: usize = 48;

/// A row of the picture.
struct Row<'s> {
    step: &'s Step,
    depth: usize,
    /// What the caller did, or what happened, to come here.
    by: String,
    /// The other ways out of it.
    others: String,
    /// The row that leads here.
    parent: Option<usize>,
}

/// The picture.
pub fn svg(script: &Script) -> String {
    let rows = rows(script);
    let width = rows.iter().map(width).max().unwrap_or(0) + 2 * MARGIN;
    let height = HEAD + rows.len() * ROW + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"30\" font-size=\"18\" font-weight=\"bold\">{}</text>\n",
        escaped(&script.name),
    );
    for (at, row) in rows.iter().enumerate() {
        draw_connector(&mut out, &rows, at);
        draw(&mut out, row, middle(at));
    }
    out.push_str("</svg>");
    out
}

/// The steps in the order in which they are drawn: each right under the one that leads to it, those that nothing leads
/// to at the end (the goodbye, where `9` leads from everywhere).
fn rows(script: &Script) -> Vec<Row<'_>> {
    let parents = parents(script);
    let mut rows = Vec::new();
    let start = script.step(script.start.get_ref());
    for root in start.into_iter().chain(script.steps()) {
        if !rows.iter().any(|row: &Row| row.step.name == root.name)
            && !parents.contains_key(root.name.as_str())
        {
            let by = if root.name == *script.goodbye.get_ref() { "9" } else { "" };
            add(script, &parents, root, by.to_owned(), None, &mut rows);
        }
    }
    rows
}

/// The step that leads to each first, counted from the start; none for the start and for what nothing leads to.
fn parents(script: &Script) -> HashMap<&str, &str> {
    let mut parents = HashMap::new();
    let start = script.start.get_ref().as_str();
    let mut waiting = VecDeque::from([start]);
    while let Some(name) = waiting.pop_front() {
        let Some(step) = script.step(name) else { continue };
        for (to, by) in merged_edges(script, step) {
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

fn add<'s>(
    script: &'s Script,
    parents: &HashMap<&str, &str>,
    step: &'s Step,
    by: String,
    parent: Option<usize>,
    rows: &mut Vec<Row<'s>>,
) {
    let is_child = |to: &str| parents.get(to).is_some_and(|parent| *parent == step.name);
    let (children, others): (Vec<_>, Vec<_>) =
        merged_edges(script, step).into_iter().partition(|(to, _)| is_child(to));
    let depth = parent.map_or(0, |parent| rows[parent].depth + 1);
    rows.push(Row { step, depth, by, others: in_words(&others), parent });
    let own = rows.len() - 1;
    for (to, by) in children {
        if let Some(child) = script.step(to) {
            add(script, parents, child, by.join(", "), Some(own), rows);
        }
    }
}

/// "diam, gagal → selesai, lagi; * → awal"
fn in_words(ways: &[(&str, Vec<String>)]) -> String {
    let mut words: Vec<(String, Vec<&str>)> = Vec::new();
    for (to, by) in ways {
        let (by, to) = (by.join(", "), *to);
        match words.iter_mut().find(|(known, _)| *known == by) {
            Some((_, targets)) => targets.push(to),
            None => words.push((by, vec![to])),
        }
    }
    let way = |(by, to): &(String, Vec<&str>)| {
        let to: Vec<String> = to.iter().map(|to| readable(to)).collect();
        format!("{by} \u{2192} {}", to.join(", ")).trim().to_owned()
    };
    words.iter().map(way).collect::<Vec<_>>().join("; ")
}

fn left(row: &Row) -> usize {
    MARGIN + row.depth * INDENT
}

fn middle(row: usize) -> usize {
    HEAD + row * ROW + ROW / 2
}

/// About how wide a text is; no font is known here.
fn text_width(text: &str) -> usize {
    text.chars().count() * 15 / 2
}

fn by_width(row: &Row) -> usize {
    // Bold.
    if row.by.is_empty() { 0 } else { text_width(&row.by) * 7 / 6 + GAP }
}

fn box_width(row: &Row) -> usize {
    text_width(&label(row.step)) + 2 * PADDING
}

fn width(row: &Row) -> usize {
    row.depth * INDENT + by_width(row) + box_width(row) + GAP + text_width(&row.others)
}

/// From under the row that leads here to the left of this one.
fn draw_connector(out: &mut String, rows: &[Row], at: usize) {
    let Some(parent) = rows[at].parent else { return };
    let x = left(&rows[parent]) + INDENT / 3;
    let (from, to, end) = (middle(parent) + BOX / 2, middle(at), left(&rows[at]) - 4);
    let _ = writeln!(out, "<path d=\"M{x} {from}V{to}H{end}\" fill=\"none\" stroke=\"#999\"/>");
}

fn draw(out: &mut String, row: &Row, middle: usize) {
    let (baseline, top) = (middle + 5, middle - BOX / 2);
    let box_left = left(row) + by_width(row);
    let (box_width, (_, fill)) = (box_width(row), look(&row.step.kind));
    if !row.by.is_empty() {
        let by = escaped(&row.by);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{baseline}\" font-weight=\"bold\">{by}</text>",
            left(row)
        );
    }
    let _ = writeln!(
        out,
        "<rect x=\"{box_left}\" y=\"{top}\" width=\"{box_width}\" height=\"{BOX}\" rx=\"4\" fill=\"{fill}\" \
         stroke=\"#666\"/>\n<text x=\"{}\" y=\"{baseline}\" text-anchor=\"middle\">{}</text>",
        box_left + box_width / 2,
        escaped(&label(row.step)),
    );
    if !row.others.is_empty() {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{baseline}\" fill=\"#666\">{}</text>",
            box_left + box_width + GAP,
            escaped(&row.others),
        );
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML has no word for the others.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hotline() -> Script {
        let text = include_str!("../../../ivr-scripts/hotline.toml");
        Script::parse("hotline.toml", text).unwrap()
    }

    #[test]
    fn every_step_is_drawn_once_and_the_picture_fits_a_page() {
        let script = hotline();
        let rows = rows(&script);
        assert_eq!(rows.len(), script.steps().len());
        for step in script.steps() {
            assert!(rows.iter().any(|row| row.step.name == step.name), "{}", step.name);
        }
        let widest = rows.iter().map(width).max().unwrap();
        assert!(widest < 1200, "{widest} pixels");
    }

    #[test]
    fn a_step_stands_under_what_leads_to_it_and_other_ways_are_named() {
        let script = hotline();
        let rows = rows(&script);
        let row = |name: &str| rows.iter().find(|row| row.step.name == name).unwrap();
        let lapor = row("lapor");
        assert_eq!(lapor.by, "1");
        assert_eq!(rows[lapor.parent.unwrap()].step.name, "menu_utama");
        assert_eq!(row("titip_pesan").by, "diam, salah tekan");
        assert!(
            row("informasi").others.contains("* \u{2192} menu utama"),
            "{}",
            row("informasi").others
        );
        assert_eq!(rows[row("pesan_status").parent.unwrap()].step.name, "kode_salah");
        let again = "2 ulangi \u{2192} lapor, pesan status, ppid, konten, aspirasi, titip pesan";
        assert_eq!(row("periksa").others, again);
        assert_eq!(row("selesai").by, "9");
        assert_eq!(rows[0].step.name, "sambutan");
    }

    #[test]
    fn a_strange_name_does_not_break_the_picture() {
        let text = r#"
name = "a < b & c"
start = "sapa <&>"
goodbye = "selesai"
recording_notice = "direkam"
over = { prompts = [], with_code = [] }
[step."sapa <&>"]
kind = "goto"
to = "nirgends"
[step.selesai]
kind = "end"
"#;
        let svg = svg(&Script::parse("kecil.toml", text).unwrap());
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("sapa &lt;&amp;&gt;"), "{svg}");
        assert!(!svg.contains("<&"));
    }
}
