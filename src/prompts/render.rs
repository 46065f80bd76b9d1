//! Texts to WAVs.

use std::f32::consts::PI;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::record::{Record, RecordError, Recording};
use super::{Catalogue, Content, Voice};
use crate::media::SAMPLE_RATE;
use crate::media::prompt::{self, ClipError, Sound, Source};

/// Which prompts to render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those whose WAV is missing or was made from another text or voice.
    Stale,
    /// Every one.
    All,
}

/// What a run of [`render`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Ids whose WAV was made.
    pub made: Vec<String>,
    /// How many were up to date already.
    pub kept: usize,
}

/// Why prompts could not be rendered. What was made before is kept and noted.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("{0} is not installed; on Debian: apt-get install {0}")]
    NoEngine(String),
    #[error("voice engine `{0}` is unknown; set engine = \"espeak-ng\" under [voice]")]
    UnknownEngine(String),
    #[error("{engine} failed on `{id}`: {what}")]
    Engine { engine: String, id: String, what: String },
    #[error("`{id}`: {what}")]
    Audio { id: String, what: ClipError },
    #[error("`{0}` came out silent; its text holds nothing that can be spoken")]
    Silent(String),
    #[error("{} cannot be written: {what}", path.display())]
    Write { path: PathBuf, what: std::io::Error },
    #[error("rendered.toml {0}; delete it to render everything anew")]
    Record(#[from] RecordError),
}

/// Makes `DIR/ID.wav` for the prompts of a catalogue, 8 kHz mono 16 bits, and notes in `DIR/rendered.toml`
/// what each was made from. The same text, voice and engine give the same bytes.
///
/// Recordings found under `DIR/recorded` are noted as by [`note`].
pub fn render(catalogue: &Catalogue, dir: &Path, which: Which) -> Result<Rendered, RenderError> {
    let mut record = Record::read(dir)?;
    record.rendered.retain(|id, _| catalogue.get(id).is_some());
    note_recordings(catalogue, dir, &mut record);
    let outcome = render_into(catalogue, dir, which, &mut record);
    let path = dir.join(super::record::FILE);
    record.write(dir).map_err(|what| RenderError::Write { path, what })?;
    outcome
}

/// Notes recordings found under `DIR/recorded` that are new with the text they belong to, so that a later change of the
/// text is noticed; forgets those that are gone.
pub fn note(catalogue: &Catalogue, dir: &Path) -> Result<(), RenderError> {
    let before = Record::read(dir)?;
    let mut record = before.clone();
    note_recordings(catalogue, dir, &mut record);
    if record == before {
        return Ok(());
    }
    let path = dir.join(super::record::FILE);
    record.write(dir).map_err(|what| RenderError::Write { path, what })
}

fn render_into(
    catalogue: &Catalogue,
    dir: &Path,
    which: Which,
    record: &mut Record,
) -> Result<Rendered, RenderError> {
    let mut done = Rendered::default();
    for (id, prompt) in catalogue.iter() {
        let fingerprint = catalogue.fingerprint(&prompt.content);
        let path = dir.join(format!("{id}.wav"));
        let fresh = record.rendered.get(id) == Some(&fingerprint) && path.is_file();
        if fresh && which == Which::Stale {
            done.kept += 1;
            continue;
        }
        let samples = match &prompt.content {
            Content::Text(text) => {
                speak(catalogue.voice(), id, &catalogue.for_engine(text), &path)?
            }
            Content::Silence { ms } => vec![0.0; samples_in(*ms)],
            Content::Tone { hz, ms } => tone(*hz, *ms),
        };
        write_wav(&path, &samples)?;
        record.rendered.insert(id.to_owned(), fingerprint);
        done.made.push(id.to_owned());
    }
    Ok(done)
}

fn write_wav(path: &Path, samples: &[f32]) -> Result<(), RenderError> {
    let failed = |what| RenderError::Write { path: path.to_owned(), what };
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    prompt::write_wav(path, samples).map_err(|what| {
        failed(match what {
            hound::Error::IoError(e) => e,
            what => std::io::Error::other(what),
        })
    })
}

/// Has the engine speak a text, and makes it fit for a telephone.
pub(super) fn speak(
    voice: &Voice,
    id: &str,
    text: &str,
    path: &Path,
) -> Result<Vec<f32>, RenderError> {
    let raw = path.with_extension("espeak.wav");
    let spoken = run_engine(Path::new(&voice.engine), voice, id, text, &raw);
    let sound = spoken.and_then(|()| {
        let sound = Sound::read(&raw).and_then(Sound::at_8_khz);
        sound.map_err(|what| RenderError::Audio { id: id.to_owned(), what })
    });
    // It may never have been made.
    let _ = std::fs::remove_file(&raw);
    let mut samples = sound?;
    prompt::for_telephone(&mut samples);
    match prompt::active_level(&samples) {
        Some(level) if level > prompt::FAINTEST_LEVEL => Ok(samples),
        _ => Err(RenderError::Silent(id.to_owned())),
    }
}

/// Runs `espeak-ng`, by this path or found on `PATH`, on one text.
fn run_engine(
    program: &Path,
    voice: &Voice,
    id: &str,
    text: &str,
    wav: &Path,
) -> Result<(), RenderError> {
    if voice.engine != "espeak-ng" {
        return Err(RenderError::UnknownEngine(voice.engine.clone()));
    }
    let failed = |what: String| RenderError::Engine {
        engine: voice.engine.clone(),
        id: id.to_owned(),
        what,
    };
    let folder = wav.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|what| RenderError::Write { path: folder.to_owned(), what })?;
    let mut child = start_engine(program, voice, wav).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => RenderError::NoEngine(voice.engine.clone()),
        _ => failed(e.to_string()),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it does not listen, its exit status and stderr say why.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// The text goes in by the standard input, so that none is taken for an option.
fn start_engine(program: &Path, voice: &Voice, wav: &Path) -> std::io::Result<Child> {
    Command::new(program)
        .args(["-v", &voice.voice, "-s", &voice.speed.to_string(), "-g", &voice.gap.to_string()])
        .args(["-p", &voice.pitch.to_string(), "-b", "1", "--stdin", "-w"])
        .arg(wav)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

fn samples_in(ms: u32) -> usize {
    (ms * (SAMPLE_RATE / 1000)) as usize
}

/// A sine at the level of speech, without clicks at its ends.
fn tone(hz: u32, ms: u32) -> Vec<f32> {
    let amplitude = 10f32.powf(prompt::TARGET_LEVEL / 20.0) * 2f32.sqrt();
    let step = 2.0 * PI * hz as f32 / SAMPLE_RATE as f32;
    let mut samples: Vec<f32> =
        (0..samples_in(ms)).map(|n| amplitude * (step * n as f32).sin()).collect();
    prompt::fade_ends(&mut samples);
    samples
}

/// Notes new recordings with the text they were found with, and forgets those that are gone.
fn note_recordings(catalogue: &Catalogue, dir: &Path, record: &mut Record) {
    let mut seen = std::mem::take(&mut record.recorded);
    for (id, prompt) in catalogue.iter() {
        let Source::Recorded(path) = Source::of(dir, id) else { continue };
        // What cannot be read is `check`'s to tell.
        let Some(found) = Recording::of(&path, &prompt.content) else { continue };
        let known = seen.remove(id).filter(|known| known.sound == found.sound);
        let noted = known.unwrap_or(found);
        record.recorded.insert(id.to_owned(), noted);
    }
}

#[cfg(test)]
mod tests;
