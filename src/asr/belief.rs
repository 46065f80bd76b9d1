//! What of an engine's text may be believed, and in what shape a person reads it.
//!
//! A recogniser that hears nothing writes what its training texts were full of: thanks for watching, brackets, one
//! sentence over and over. No caller says that. Everything else stays, and what is unsure is marked.

use std::collections::HashMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::ticket::transcript::{Outcome, Segment, Word};

/// Text that shrinks more than this repeats itself.
const MOST_COMPRESSION: f32 = 2.4;
/// A line whose words are less probable than this, by the geometric mean, is a guess. Measured on ten clips of read speech:
/// of the lines that whisper-base wrote for them 2 % of the words lay below, of those for the same clips backwards all did.
const DOUBTFUL: f32 = 0.43;
/// How long a recogniser remembers what it wrote: Whisper's window.
const MEMORY_MS: u32 = 30_000;
/// The same words again so soon after are an echo of the recogniser's; later somebody said them once more.
const ECHO_MS: u32 = 2_000;
/// What an operator reads as one line.
const LONGEST_MS: u32 = 10_000;
const LONGEST_TEXT: usize = 120;

/// What no caller says; compared without case and punctuation, at the start of a segment.
const STOCK: [&str; 15] = [
    "terima kasih telah menonton",
    "terima kasih sudah menonton",
    "terima kasih kerana menonton",
    "terima kasih karena menonton",
    "terima kasih kerana telah menonton",
    "terima kasih karena telah menonton",
    "terima kasih karena sudah menonton",
    "sampai jumpa di video",
    "sampai ketemu di video",
    "jangan lupa subscribe",
    "jangan lupa like",
    "jangan lupa untuk subscribe",
    "like dan subscribe",
    "silakan subscribe",
    "subtitle oleh",
];

/// Drops what no caller said, marks what is doubtful, cuts what is left into lines, and puts every time into
/// `0..=duration_ms`, in order.
pub fn believe(heard: Vec<Segment>, duration_ms: u32) -> (Outcome, Vec<Segment>) {
    let mut kept = without_echoes(heard.into_iter().map(tidy).filter(believable));
    discount_repeats(&mut kept);
    let mut lines: Vec<Segment> = kept.into_iter().flat_map(split).collect();
    set_in_order(&mut lines, duration_ms);
    lines.iter_mut().for_each(mark);
    let outcome = if lines.is_empty() { Outcome::Unclear } else { Outcome::Words };
    (outcome, lines)
}

/// Whether what was heard of one piece of a recording, taken together, says the same over and over: each sentence of a
/// loop may look well.
pub fn runs_in_circles(piece: &[Segment]) -> bool {
    let texts: Vec<String> = piece.iter().map(|segment| collapsed(&segment.text)).collect();
    compression(&texts.join(" ")) > MOST_COMPRESSION
}

/// Each sentence once, however often it follows upon itself.
fn without_echoes(segments: impl Iterator<Item = Segment>) -> Vec<Segment> {
    let mut kept = Vec::new();
    let (mut last, mut until) = (String::new(), 0);
    for segment in segments {
        let said = plain(&segment.text);
        let echo = said == last && segment.start_ms.saturating_sub(until) <= ECHO_MS;
        (last, until) = (said, segment.end_ms);
        if !echo {
            kept.push(segment);
        }
    }
    kept
}

/// A word that was just written is probable because it was written, not because it was heard: no repetition counts for
/// more than the first one did.
fn discount_repeats(segments: &mut [Segment]) {
    let mut first: HashMap<String, (u32, f32)> = HashMap::new();
    for segment in segments {
        for word in &mut segment.words {
            let (at, heard) =
                first.entry(plain(&word.text)).or_insert((word.start_ms, word.confidence));
            if word.start_ms.saturating_sub(*at) < MEMORY_MS {
                word.confidence = word.confidence.min(*heard);
            } else {
                (*at, *heard) = (word.start_ms, word.confidence);
            }
        }
        if !segment.words.is_empty() {
            segment.confidence = confidence(segment.words.iter().map(|w| w.confidence));
        }
    }
}

fn mark(segment: &mut Segment) {
    segment.doubtful = segment.confidence < DOUBTFUL;
    segment.text = capitalised(&segment.text);
}

/// Spaces collapsed, empty words gone, confidences between 0 and 1.
fn tidy(mut segment: Segment) -> Segment {
    segment.text = collapsed(&segment.text);
    segment.confidence = probability(segment.confidence);
    for word in &mut segment.words {
        word.text = collapsed(&word.text);
        word.confidence = probability(word.confidence);
    }
    segment.words.retain(|word| !word.text.is_empty());
    segment
}

fn collapsed(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn probability(value: f32) -> f32 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn believable(segment: &Segment) -> bool {
    let plain = plain(&segment.text);
    !plain.is_empty()
        && plain != "subscribe"
        && !bracketed(&segment.text)
        && !STOCK.iter().any(|phrase| plain.starts_with(phrase))
        && compression(&segment.text) <= MOST_COMPRESSION
}

/// Lower case letters and digits, one space between words.
fn plain(text: &str) -> String {
    let letters = |c: char| if c.is_alphanumeric() { c } else { ' ' };
    collapsed(&text.to_lowercase().chars().map(letters).collect::<String>())
}

/// Whether all of it stands in brackets, as a noise's name does. One that is never closed is a slip, and no bracket.
fn bracketed(text: &str) -> bool {
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && c.is_alphanumeric() => return false,
            _ => {}
        }
    }
    depth == 0
}

/// How often the text is longer than its zlib form.
fn compression(text: &str) -> f32 {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail; were it to, the text would count as ordinary.
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
    packed.map_or(1.0, |packed| text.len() as f32 / packed.len().max(1) as f32)
}

/// Halves a segment at its best place until each part can be read as one line.
fn split(segment: Segment) -> Vec<Segment> {
    let long = segment.end_ms.saturating_sub(segment.start_ms) > LONGEST_MS
        || segment.text.chars().count() > LONGEST_TEXT;
    if !long || segment.words.len() < 2 {
        return vec![segment];
    }
    let (left, right) = segment.words.split_at(best_cut(&segment.words));
    let (mut left, mut right) = (line(left), line(right));
    left.start_ms = left.start_ms.min(segment.start_ms);
    right.end_ms = right.end_ms.max(segment.end_ms);
    [split(left), split(right)].concat()
}

/// The number of words before the cut: after a sentence or a comma, at a pause, near the middle.
fn best_cut(words: &[Word]) -> usize {
    let score = |at: usize| {
        let (before, after) = (&words[at - 1], &words[at]);
        let mark = match before.text.chars().last() {
            Some('.' | '?' | '!') => 3.0,
            Some(',' | ';' | ':') => 1.5,
            _ => 0.0,
        };
        let pause = after.start_ms.saturating_sub(before.end_ms).min(2000) as f32 / 500.0;
        let middle = words.len() as f32 / 2.0;
        mark + pause - 2.0 * (at as f32 - middle).abs() / middle
    };
    (1..words.len()).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(1)
}

/// The segment that these words make; there is at least one.
fn line(words: &[Word]) -> Segment {
    let text: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
    Segment {
        start_ms: words.first().map_or(0, |w| w.start_ms),
        end_ms: words.last().map_or(0, |w| w.end_ms),
        text: text.join(" "),
        confidence: confidence(words.iter().map(|w| w.confidence)),
        doubtful: false,
        words: words.to_vec(),
    }
}

/// The geometric mean of probabilities; 0 for none.
pub fn confidence(probabilities: impl Iterator<Item = f32>) -> f32 {
    let logs: Vec<f32> = probabilities.map(|p| p.clamp(1e-6, 1.0).ln()).collect();
    if logs.is_empty() { 0.0 } else { (logs.iter().sum::<f32>() / logs.len() as f32).exp() }
}

/// No time before the one ahead of it, none after the end.
fn set_in_order(segments: &mut [Segment], duration_ms: u32) {
    let mut now = 0;
    for segment in segments {
        segment.start_ms = segment.start_ms.clamp(now, duration_ms);
        segment.end_ms = segment.end_ms.clamp(segment.start_ms, duration_ms);
        now = segment.start_ms;
        for word in &mut segment.words {
            word.start_ms = word.start_ms.clamp(now, segment.end_ms);
            word.end_ms = word.end_ms.clamp(word.start_ms, segment.end_ms);
            now = word.end_ms;
        }
        now = segment.end_ms;
    }
}

#[cfg(test)]
mod tests;
