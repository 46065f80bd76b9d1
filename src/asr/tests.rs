//! The one path from a recording to a transcript; with `KENTONGAN_SLOW=1` through the real model.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::ticket::transcript::Word;

#[path = "../../tests/bench/asr/noises.rs"]
mod noises;

/// An engine that always hears the same.
struct Parrot(Vec<Segment>);

impl Transcriber for Parrot {
    fn engine(&self) -> &'static str {
        "parrot"
    }

    fn model(&self) -> &str {
        "none"
    }

    fn transcribe(&self, _: &[f32], _: &Watch) -> Result<Vec<Segment>, TranscribeError> {
        Ok(self.0.clone())
    }
}

fn heard() -> Parrot {
    let word = Word { start_ms: 600, end_ms: 900, text: "tolong".into(), confidence: 0.9 };
    let text = "tolong".into();
    let words = vec![word];
    Parrot(vec![Segment {
        start_ms: 500,
        end_ms: 1000,
        text,
        confidence: 0.9,
        doubtful: false,
        words,
    }])
}

fn wav(samples: impl Iterator<Item = i16>) -> (tempfile::TempDir, audio::Recording) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.for_each(|s| writer.write_sample(s).unwrap());
    writer.finalize().unwrap();
    let recording = audio::Recording::read(&path).unwrap();
    (folder, recording)
}

#[test]
fn times_are_the_recordings_own() {
    // Three seconds of silence, then syllables.
    let spoken =
        |n: usize| if n > 24_000 && n % 2560 < 1280 { (n * 7919 % 20_011) as i16 } else { 0 };
    let (_folder, recording) = wav((0..48_000).map(spoken));
    let transcript = listen(&heard(), &recording, &Watch::default()).unwrap();
    let first = &transcript.segments[0];
    assert!((2_800..3_200).contains(&first.start_ms), "{}", first.start_ms);
    assert_eq!((first.text.as_str(), transcript.duration_ms), ("Tolong", 6000));
    assert!(first.words[0].start_ms > first.start_ms);
}

#[test]
fn silence_never_reaches_the_engine() {
    let (_folder, recording) = wav((0..48_000).map(|_| 0));
    let transcript = listen(&heard(), &recording, &Watch::default()).unwrap();
    assert_eq!((transcript.outcome, transcript.segments.len()), (Outcome::NoSpeech, 0));
}

#[test]
fn a_missing_model_is_told_with_the_command_that_brings_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { models: folder.path().into(), ..Config::default() };
    let error = open(&config).err().unwrap().to_string();
    assert!(error.contains("`kentongan model install whisper-base`"), "{error}");
    let config = Config { model: "mine".into(), ..config };
    let error = open(&config).err().unwrap().to_string();
    assert!(error.contains("`kentongan model install mine --from FILE`"), "{error}");
}

#[test]
fn a_model_of_the_other_engine_is_told_with_the_setting_to_change() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("mine/am")).unwrap();
    std::fs::write(folder.path().join("mine/am/final.mdl"), "").unwrap();
    let models = folder.path().into();
    let config = Config { models, model: "mine".into(), ..Config::default() };
    let error = open(&config).err().unwrap().to_string();
    assert!(error.contains("set engine = \"vosk\" in [asr]"), "{error}");
}

#[cfg(not(feature = "vosk"))]
#[test]
fn a_program_without_vosk_says_how_to_get_one_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("mine/am")).unwrap();
    std::fs::write(folder.path().join("mine/am/final.mdl"), "").unwrap();
    let (models, model) = (folder.path().into(), "mine".into());
    let config = Config { models, model, engine: Engine::Vosk, ..Config::default() };
    let error = open(&config).err().unwrap().to_string();
    assert!(error.contains("--features vosk"), "{error}");
}

/// Where `make test` installs models; `None` unless slow tests are asked for.
pub(super) fn models() -> Option<PathBuf> {
    if std::env::var_os("KENTONGAN_SLOW").is_none_or(|value| value != "1") {
        eprintln!("skipped: set KENTONGAN_SLOW=1");
        return None;
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    Some(cache.expect("a home folder").join("kentongan/models"))
}

/// The real model; `None` unless slow tests are asked for.
fn model() -> Option<Arc<dyn Transcriber>> {
    let models = models()?;
    Some(open(&Config { models, ..Config::default() }).unwrap_or_else(|e| panic!("{e}")))
}

/// Clips and what is said in them; `None` where there are none.
fn clips() -> Option<Vec<(PathBuf, String)>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/speech");
    let folder = std::env::var_os("KENTONGAN_SPEECH").unwrap_or_else(|| beside.into());
    let folder = PathBuf::from(folder);
    let Ok(list) = std::fs::read_to_string(folder.join("transcripts.tsv")) else {
        eprintln!("skipped: no {}; set KENTONGAN_SPEECH", folder.display());
        return None;
    };
    let clip = |line: &str| {
        let (name, said) = line.split_once('\t')?;
        Some((folder.join(format!("{name}.tel.wav")), said.to_owned()))
    };
    Some(list.lines().filter_map(clip).collect())
}

fn letters(text: &str) -> String {
    let letters = text.to_lowercase().replace('-', " ");
    let kept = letters.chars().filter(|c| c.is_alphanumeric() || *c == ' ');
    kept.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn people_over_the_telephone_are_understood() {
    let Some(engine) = model() else { return };
    let Some(clips) = clips() else { return };
    let (mut wrong, mut all) = (0, 0);
    for (path, said) in clips {
        let recording = audio::Recording::read(&path).unwrap();
        let transcript = listen(&*engine, &recording, &Watch::default()).unwrap();
        let (heard, said) = (letters(&transcript.text()), letters(&said));
        let errors = strsim::levenshtein(&heard, &said);
        eprintln!("{errors:3} of {:3}: {heard}", said.len());
        (wrong, all) = (wrong + errors, all + said.chars().count());
        let mut now = 0;
        for word in transcript.segments.iter().flat_map(|s| &s.words) {
            assert!(now <= word.start_ms && word.start_ms <= word.end_ms, "{path:?}");
            assert!(word.end_ms <= transcript.duration_ms, "{path:?}");
            now = word.end_ms;
        }
    }
    let percent = wrong as f64 * 100.0 / all as f64;
    assert!(percent <= 9.0, "{percent:.1} % of the letters are wrong");
}

/// Sentences one after the other, until twenty seconds are reached.
fn twenty_seconds(clips: &[(PathBuf, String)]) -> Vec<f32> {
    let mut story = Vec::new();
    for (path, _) in clips.iter().cycle() {
        if story.len() >= 20 * audio::SAMPLE_RATE as usize {
            break;
        }
        story.extend_from_slice(audio::Recording::read(path).unwrap().samples());
        story.resize(story.len() + audio::SAMPLE_RATE as usize * 7 / 10, 0.0);
    }
    // As the telephone has it: two samples to one.
    story.into_iter().step_by(2).collect()
}

#[test]
fn where_nobody_speaks_no_word_is_sure() {
    let Some(engine) = model() else { return };
    let Some(clips) = clips() else { return };
    let mut sure = Vec::new();
    for (name, samples) in noises::all(&twenty_seconds(&clips)) {
        let (_folder, recording) = wav(samples.iter().map(|s| (s * 32_767.0) as i16));
        let transcript = listen(&*engine, &recording, &Watch::default()).unwrap();
        for segment in transcript.segments.iter().filter(|segment| !segment.doubtful) {
            sure.push(format!("{name}: {:.2} {}", segment.confidence, segment.text));
        }
    }
    assert_eq!(sure, Vec::<String>::new());
}

/// Where in the recording somebody is heard, as milliseconds of frames of 20 ms.
fn heard_at(samples: &[f32]) -> Vec<u32> {
    let frames = samples.chunks(audio::SAMPLE_RATE as usize / 50);
    let levels: Vec<f32> =
        frames.map(|f| f.iter().map(|s| s.abs()).sum::<f32>() / f.len() as f32).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let loud = sorted[sorted.len() * 95 / 100] * 0.1;
    (0..).zip(levels).filter(|(_, level)| *level > loud).map(|(n, _)| n * 20 + 10).collect()
}

#[test]
fn words_lie_where_they_are_said() {
    let Some(engine) = model() else { return };
    let Some(clips) = clips() else { return };
    for (path, _) in clips {
        let mut samples = vec![0.0; 3 * audio::SAMPLE_RATE as usize];
        samples.extend_from_slice(audio::Recording::read(&path).unwrap().samples());
        let narrow = samples.iter().step_by(2).map(|s| (s * 32_767.0) as i16);
        let (_folder, recording) = wav(narrow);
        let transcript = listen(&*engine, &recording, &Watch::default()).unwrap();
        let heard = heard_at(recording.samples());
        let (first, last) = (heard[0], heard[heard.len() - 1]);
        let mut now = 0;
        for word in transcript.segments.iter().flat_map(|s| &s.words) {
            let told = format!(
                "{} at {} to {} ms of {}",
                word.text,
                word.start_ms,
                word.end_ms,
                path.display()
            );
            assert!(now <= word.start_ms && word.start_ms <= word.end_ms, "{told}");
            assert!(
                first <= word.start_ms + 100 && word.end_ms <= last + 100,
                "{first}-{last}: {told}"
            );
            let middle = (word.start_ms + word.end_ms) / 2;
            assert!(heard.iter().any(|at| at.abs_diff(middle) <= 400), "{told}");
            now = word.end_ms;
        }
    }
}

#[test]
fn cancelling_stops_the_engine_at_its_next_step() {
    let Some(engine) = model() else { return };
    // Ten minutes: a minute and more of work.
    let noise: Vec<f32> =
        (0..16_000_i64 * 600).map(|n| (n * 7919 % 20_011) as f32 / 40_000.0).collect();
    let (begun, begins) = mpsc::channel();
    let watch = Watch::with_progress(move |_| begun.send(()).unwrap_or(()));
    let (done, wait) = mpsc::channel();
    let theirs = watch.clone();
    std::thread::spawn(move || done.send(engine.transcribe(&noise, &theirs)));
    begins.recv().expect("it tells how far it is");
    watch.cancel();
    // whisper.cpp looks between layers of the decoder, but not within the encoder's pass over thirty seconds.
    let answer = wait.recv_timeout(Duration::from_secs(20)).expect("it stops in mid-file");
    assert!(matches!(answer, Err(TranscribeError::Cancelled)));
}
