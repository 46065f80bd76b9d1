//! The picture as a file of its own, that needs no style sheet.

use std::fmt::Write as _;

use super::outline::MARGIN;
use super::{Drawing, DrawnStep, Taken, Words};
use crate::ivr::script::Script;

/// A script as SVG.
pub fn svg(script: &Script) -> String {
    let drawing = Drawing::new(script, &Taken::default());
    let (width, height) = (drawing.width, drawing.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"30\" font-size=\"18\" font-weight=\"bold\">{}</text>\n",
        escaped(&drawing.title),
    );
    for step in &drawing.steps {
        draw(&mut out, step);
    }
    out.push_str("</svg>");
    out
}

fn draw(out: &mut String, step: &DrawnStep) {
    if let Some(connector) = &step.connector {
        let _ = writeln!(out, "<path d=\"{connector}\" fill=\"none\" stroke=\"#999\"/>");
    }
    if let Some(by) = &step.by {
        let _ = writeln!(out, "{}", text(by, " font-weight=\"bold\""));
    }
    let DrawnStep { left, top, width, height, fill, .. } = step;
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"4\" fill=\"{fill}\" \
         stroke=\"#666\"/>\n{}",
        text(&step.label, " text-anchor=\"middle\""),
    );
    for other in &step.others {
        let _ = writeln!(out, "{}", text(other, " fill=\"#555\""));
    }
}

fn text(words: &Words, attributes: &str) -> String {
    let Words { x, y, text } = words;
    format!("<text x=\"{x}\" y=\"{y}\"{attributes}>{}</text>", escaped(text))
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
