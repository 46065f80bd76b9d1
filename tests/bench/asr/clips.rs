//! Spoken sentences, and a complaint of a minute put together from them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use kentongan::asr::audio::{Recording, SAMPLE_RATE};

/// A sentence that somebody read.
pub struct Clip {
    pub said: String,
    /// As a microphone hears it.
    pub wide: PathBuf,
    /// As a telephone brings it.
    pub telephone: PathBuf,
}

/// The clips that `transcripts.tsv` names.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Clip>> {
    let list = std::fs::read_to_string(folder.join("transcripts.tsv"))?;
    list.lines()
        .map(|line| {
            let (name, said) = line.split_once('\t').context("a line without a tab")?;
            let file = |kind: &str| folder.join(format!("{name}.{kind}.wav"));
            Ok(Clip { said: said.into(), wide: file("16k"), telephone: file("tel") })
        })
        .collect()
}

/// Sentences one after the other, with pauses of 0.7 s, until `seconds` are reached.
pub fn story(clips: &[Clip], seconds: usize) -> anyhow::Result<(Vec<f32>, String)> {
    let (mut samples, mut said) = (Vec::new(), Vec::new());
    for clip in clips.iter().cycle() {
        if samples.len() >= seconds * SAMPLE_RATE as usize {
            break;
        }
        samples.extend_from_slice(Recording::read(&clip.telephone)?.samples());
        samples.resize(samples.len() + SAMPLE_RATE as usize * 7 / 10, 0.0);
        said.push(clip.said.as_str());
    }
    Ok((samples, said.join(" ")))
}
