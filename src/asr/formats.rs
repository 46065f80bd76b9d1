//! A transcript as text, subtitles or JSON. What callers said is hostile: it cannot end a cue or forge a line.

use std::fmt::Write;

use crate::ticket::transcript::{Outcome, Segment, Transcript};

/// How a transcript is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line for each segment, `[mm:ss]` ahead; `(?)` marks what is doubtful.
    Text,
    Json,
    /// SubRip.
    Srt,
    /// WebVTT (W3C).
    Vtt,
}

impl Format {
    /// The ending of file names.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Json => "json",
            Format::Srt => "srt",
            Format::Vtt => "vtt",
        }
    }

    /// The whole transcript, with a newline at the end of each line.
    pub fn write(self, transcript: &Transcript) -> Result<String, serde_json::Error> {
        Ok(match self {
            Format::Text => text(transcript),
            Format::Json => serde_json::to_string_pretty(transcript)? + "\n",
            Format::Srt => srt(&transcript.segments),
            Format::Vtt => vtt(&transcript.segments),
        })
    }
}

/// A result without words is told as one.
fn text(transcript: &Transcript) -> String {
    match transcript.outcome {
        Outcome::Words => lines(&transcript.segments),
        Outcome::NoSpeech => "Tidak ada suara.\n".into(),
        Outcome::Unclear => "Ada suara, tetapi tidak jelas.\n".into(),
    }
}

fn lines(segments: &[Segment]) -> String {
    segments.iter().fold(String::new(), |mut out, s| {
        let seconds = s.start_ms / 1000;
        let doubt = if s.doubtful { "(?) " } else { "" };
        // Writing to a string cannot fail.
        let _ =
            writeln!(out, "[{:02}:{:02}] {doubt}{}", seconds / 60, seconds % 60, one_line(&s.text));
        out
    })
}

fn srt(segments: &[Segment]) -> String {
    segments.iter().zip(1..).fold(String::new(), |mut out, (s, n)| {
        let (from, to) = (time(s.start_ms, ','), time(s.end_ms, ','));
        let said = one_line(&s.text).replace("-->", "->").replace('<', "‹").replace('>', "›");
        let _ = writeln!(out, "{n}\n{from} --> {to}\n{said}\n");
        out
    })
}

fn vtt(segments: &[Segment]) -> String {
    segments.iter().fold("WEBVTT\n\n".to_owned(), |mut out, s| {
        let (from, to) = (time(s.start_ms, '.'), time(s.end_ms, '.'));
        let said =
            one_line(&s.text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(out, "{from} --> {to}\n{said}\n");
        out
    })
}

/// `01:02:03,456`
fn time(ms: u32, point: char) -> String {
    let seconds = ms / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{:03}", seconds % 60, ms % 1000)
}

fn one_line(text: &str) -> String {
    let separates = |c: char| c.is_whitespace() || c.is_control();
    text.split(separates).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::transcript::Outcome;

    fn transcript(text: &str, doubtful: bool) -> Transcript {
        let segment = Segment {
            start_ms: 61_500,
            end_ms: 3_723_004,
            text: text.into(),
            confidence: 0.5,
            doubtful,
            words: vec![],
        };
        Transcript {
            engine: "whisper".into(),
            model: "whisper-base".into(),
            duration_ms: 3_800_000,
            outcome: Outcome::Words,
            segments: vec![segment],
        }
    }

    #[test]
    fn each_format_says_the_same() {
        let transcript = transcript("Lampu mati", true);
        let as_text = |format: Format| format.write(&transcript).unwrap();
        assert_eq!(as_text(Format::Text), "[01:01] (?) Lampu mati\n");
        assert_eq!(as_text(Format::Srt), "1\n00:01:01,500 --> 01:02:03,004\nLampu mati\n\n");
        assert_eq!(as_text(Format::Vtt), "WEBVTT\n\n00:01:01.500 --> 01:02:03.004\nLampu mati\n\n");
        let back: Transcript = serde_json::from_str(&as_text(Format::Json)).unwrap();
        assert_eq!(back, transcript);
    }

    #[test]
    fn hostile_text_stays_one_line_of_its_cue() {
        let transcript = transcript("a\n\n2\r\n00:00:01,000 --> 00:00:02,000\u{2028}<b>&x", false);
        for format in [Format::Srt, Format::Vtt] {
            let out = format.write(&transcript).unwrap();
            assert_eq!(out.matches("-->").count(), 1, "{out}");
            assert!(!out.contains("<b>"), "{out}");
        }
        assert_eq!(Format::Text.write(&transcript).unwrap().lines().count(), 1);
    }
}
