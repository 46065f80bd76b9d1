//! A script as a picture: DOT text for Graphviz, and an SVG that can be read as it is.

mod outline;
mod svg;
mod taken;

use std::fmt::Write as _;

use super::script::{By, Kind, Script, Step};
pub use outline::{Drawing, DrawnStep, Words};
pub use svg::svg;
pub use taken::Taken;

/// The script in the DOT language: a box a step, its outcomes on the edges. Edges to the goodbye are left out, since `9`
/// leads there from everywhere.
pub fn dot(script: &Script) -> String {
    let mut text = String::from("digraph script {\n");
    for step in script.steps() {
        let (_, color) = look(&step.kind);
        let _ = writeln!(
            text,
            "  {} [label={}, shape=box, style=filled, fillcolor=\"{color}\"];",
            quoted(&step.name),
            quoted(&label(step)),
        );
    }
    for step in script.steps() {
        for (to, outcomes) in merged_edges(script, step, &Taken::default()) {
            let _ = writeln!(
                text,
                "  {} -> {} [label={}];",
                quoted(&step.name),
                quoted(to),
                quoted(&outcomes.join(", ")),
            );
        }
    }
    text.push_str("}\n");
    text
}

/// Where the ways out of a step lead, by which outcomes, and how many callers took each if any did.
fn merged_edges<'s>(
    script: &'s Script,
    step: &'s Step,
    taken: &Taken,
) -> Vec<(&'s str, Vec<String>)> {
    let mut merged: Vec<(&str, Vec<String>)> = Vec::new();
    for (edge, calls) in taken.ways(script, step) {
        let to = edge.to.get_ref().as_str();
        let is_goodbye = edge.by == By::Caller && edge.outcome == "9";
        if is_goodbye || script.step(to).is_none() {
            continue;
        }
        let outcome = match (spoken(&edge.outcome), calls) {
            (outcome, 0) => outcome.to_owned(),
            ("", calls) => format!("{}\u{d7}", grouped(calls)),
            (outcome, calls) => format!("{outcome} ({}\u{d7})", grouped(calls)),
        };
        match merged.iter_mut().find(|(known, _)| *known == to) {
            Some((_, outcomes)) => outcomes.push(outcome),
            None => merged.push((to, vec![outcome])),
        }
    }
    merged
}

fn label(step: &Step) -> String {
    let what = match &step.kind {
        Kind::Say(_) | Kind::Goto(_) => return readable(&step.name),
        Kind::Menu(_) => "pilihan",
        Kind::Digits(_) => "angka",
        Kind::Record(_) => "rekam",
        Kind::Confirm(_) => "periksa rekaman",
        Kind::Lookup(_) => "cari kode",
        Kind::Open(_) => "buka laporan",
        Kind::Transfer(_) => "sambungkan",
        Kind::Hours(_) => "jam layanan",
        Kind::End(_) => "akhir",
    };
    format!("{} ({what})", readable(&step.name))
}

/// A step's name as people read it.
pub fn readable(name: &str) -> String {
    name.replace('_', " ")
}

/// `1.204`, as Indonesians write it.
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

/// An outcome in the words of the picture.
pub fn spoken(outcome: &str) -> &str {
    match outcome {
        "no_input" => "diam",
        "no_match" => "salah tekan",
        "recorded" => "terekam",
        "failed" => "gagal",
        "broke_off" => "terputus",
        "opened" => "dibuka",
        "found" => "ditemukan",
        "answered" => "sudah dijawab",
        "not_found" => "tidak ditemukan",
        "exhausted" => "jatah habis",
        "taken" => "diterima",
        "not_taken" => "tidak diterima",
        "open" => "buka",
        "closed" => "tutup",
        "digits" => "angka",
        other => other,
    }
}

/// What kind of step it is at a glance, and the colour for it where there is no style sheet.
fn look(kind: &Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Menu(_) | Kind::Digits(_) | Kind::Lookup(_) | Kind::Confirm(_) => {
            ("asks", "lightblue")
        }
        Kind::Record(_) => ("records", "lightpink"),
        Kind::Open(_) => ("opens", "lightgreen"),
        Kind::End(_) => ("ends", "lightgray"),
        _ => ("says", "white"),
    }
}

/// A DOT string. Not every reader of DOT knows an escaped quote, so a quote becomes an apostrophe.
fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    format!("\"{clean}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
name = "kecil"
start = "sapa"
goodbye = "selesai"
recording_notice = "direkam"
over = { prompts = [], with_code = [] }
[step.sapa]
kind = "menu"
prompts = ["p"]
options = [{ key = "1", to = "selesai" }, { key = "2", to = "selesai" }]
no_input = { to = "sapa" }
no_match = { to = 'a "\b' }
[step.selesai]
kind = "end"
[step.'a "\b']
kind = "goto"
to = "selesai"
"#;

    #[test]
    fn steps_are_boxes_and_outcomes_stand_on_edges() {
        let script = Script::parse("kecil.toml", SMALL).unwrap();
        insta::assert_snapshot!(dot(&script), @r##"
    digraph script {
      "sapa" [label="sapa (pilihan)", shape=box, style=filled, fillcolor="lightblue"];
      "selesai" [label="selesai (akhir)", shape=box, style=filled, fillcolor="lightgray"];
      "a '/b" [label="a '/b", shape=box, style=filled, fillcolor="white"];
      "sapa" -> "selesai" [label="1, 2"];
      "sapa" -> "sapa" [label="diam"];
      "sapa" -> "a '/b" [label="salah tekan"];
      "a '/b" -> "selesai" [label=""];
    }
    "##);
    }
}
