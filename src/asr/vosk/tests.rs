//! The engine without a model, and with `KENTONGAN_SLOW=1` with the Korean one that `make test` installs.

use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::super::{Config, Engine, Outcome, audio, listen, open};
use super::*;

#[test]
fn a_folder_that_is_no_model_is_told_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let error = Vosk::load(folder.path(), "x").err().unwrap().to_string();
    assert!(error.starts_with(&format!("{}: ", folder.path().display())), "{error}");
    // Files of the right names, and nothing right in them.
    for file in ["am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/HCLG.fst"] {
        std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    assert!(Vosk::load(folder.path(), "x").is_err());
}

/// The Korean model; `None` unless slow tests are asked for.
fn model() -> Option<Arc<dyn Transcriber>> {
    let models = super::super::tests::models()?;
    let config =
        Config { models, engine: Engine::Vosk, model: "vosk-ko".into(), ..Config::default() };
    Some(open(&config).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn spoken_words_are_written_down_with_their_times() {
    let Some(engine) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ko.wav");
    let said = "안녕하세요. 오늘 날씨가 좋습니다. 감사합니다.";
    let mut espeak = Command::new("espeak-ng");
    espeak.args(["-v", "ko", "-s", "130", "-w"]).arg(&path).arg(said);
    let status = espeak.status().expect("installed by deploy/setup test");
    assert!(status.success());
    let recording = audio::Recording::read(&path).unwrap();
    let (told, progress) = mpsc::channel();
    let watch = Watch::with_progress(move |percent| told.send(percent).unwrap());
    let transcript = listen(&*engine, &recording, &watch).unwrap();
    drop(watch);
    let text = transcript.text();
    assert_eq!((transcript.outcome, &*transcript.engine), (Outcome::Words, "vosk"), "{text}");
    assert!(text.chars().any(|c| ('가'..='힣').contains(&c)), "{text}");
    let words: Vec<&Word> = transcript.segments.iter().flat_map(|s| &s.words).collect();
    assert!(words.len() > 2, "{text}");
    let mut now = 0;
    for word in words {
        assert!(now <= word.start_ms && word.start_ms < word.end_ms, "{word:?}");
        assert!(word.end_ms <= transcript.duration_ms, "{word:?}");
        assert!((0.0..=1.0).contains(&word.confidence), "{word:?}");
        now = word.end_ms;
    }
    let progress: Vec<u8> = progress.iter().collect();
    assert!(progress.is_sorted() && progress.last() == Some(&100), "{progress:?}");
    eprintln!("{text}");
}

#[test]
fn cancelling_stops_the_engine_within_the_next_piece() {
    let Some(engine) = model() else { return };
    // Twenty minutes: minutes of work.
    let noise: Vec<f32> =
        (0..16_000_i64 * 1200).map(|n| (n * 7919 % 20_011) as f32 / 40_000.0).collect();
    let (begun, begins) = mpsc::channel();
    let watch = Watch::with_progress(move |_| begun.send(()).unwrap_or(()));
    let (done, wait) = mpsc::channel();
    let theirs = watch.clone();
    std::thread::spawn(move || done.send(engine.transcribe(&noise, &theirs)));
    begins.recv().expect("it tells how far it is");
    watch.cancel();
    let answer = wait.recv_timeout(Duration::from_secs(20)).expect("it stops in mid-file");
    assert!(matches!(answer, Err(TranscribeError::Cancelled)));
}
