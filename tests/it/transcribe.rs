//! `kentongan transcribe` with the models that `make test` installs; without them it says that it was skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use kentongan::asr::model;
use serde_json::Value;

/// Where models are; `None` unless `name` is among them.
pub fn models(name: &str) -> Option<PathBuf> {
    let set = std::env::var_os("KENTONGAN__ASR__MODELS").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let models = set.or_else(|| Some(cache?.join("kentongan/models")))?;
    let there = model::find(&models, name).is_some();
    if !there {
        eprintln!("skipped: {name} is not in {}; `make test` installs it", models.display());
    }
    there.then_some(models)
}

/// What it writes to standard output; it must end well.
fn transcribe(models: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kentongan"))
        .arg("transcribe")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("KENTONGAN__ASR__MODELS", models)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Asserts that the words are in order and inside the recording; how many there are.
fn check_words(transcript: &Value) -> usize {
    let length = transcript["duration_ms"].as_u64().unwrap();
    let segments = transcript["segments"].as_array().unwrap();
    let words = segments.iter().flat_map(|segment| segment["words"].as_array().unwrap());
    let mut now = 0;
    let mut count = 0;
    for word in words {
        let (start, end) = (word["start_ms"].as_u64().unwrap(), word["end_ms"].as_u64().unwrap());
        assert!(now <= start && start <= end && end <= length, "{word}");
        (now, count) = (end, count + 1);
    }
    count
}

#[test]
fn a_recording_is_written_in_every_format() {
    let Some(models) = models("whisper-base") else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let recording = "tests/audio/aduan.wav";
    let json: Value = serde_json::from_str(&transcribe(
        &models,
        &[recording, "--model", "whisper-base", "--format", "json"],
    ))
    .unwrap();
    assert_eq!((&json["engine"], &json["model"]), (&"whisper".into(), &"whisper-base".into()));
    assert!(check_words(&json) > 10, "{json}");
    let first = json["segments"][0]["text"].as_str().unwrap();

    let mut written = Vec::new();
    for format in ["text", "srt", "vtt"] {
        let args = [recording, "--model", "whisper-base", "--format", format, "--output", output];
        assert_eq!(transcribe(&models, &args), "", "with a folder nothing goes to the terminal");
        let name = if format == "text" { "aduan.txt" } else { &format!("aduan.{format}") };
        written.push(std::fs::read_to_string(folder.path().join(name)).unwrap());
    }
    let [text, srt, vtt] = written.try_into().unwrap();
    for (format, written) in [("text", &text), ("srt", &srt), ("vtt", &vtt)] {
        assert!(written.contains(first), "{format}: {written}");
    }
    assert!(!text.contains("-->"), "{text}");
    assert!(srt.starts_with("1\n00:00:") && srt.contains(" --> 00:00:"), "{srt}");
    assert!(vtt.starts_with("WEBVTT") && vtt.contains(" --> 00:00:"), "{vtt}");
}

#[test]
fn several_recordings_are_told_apart() {
    let Some(models) = models("whisper-base") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    // Silence: the model hears none of it.
    for name in ["a", "b"] {
        std::fs::create_dir(path(name)).unwrap();
        let mut wav = hound::WavWriter::create(path(&format!("{name}/x.wav")), spec).unwrap();
        (0..8000).for_each(|_| wav.write_sample(0i16).unwrap());
        wav.finalize().unwrap();
    }
    let (a, b) = (path("a/x.wav"), path("b/x.wav"));
    let json = transcribe(&models, &[&a, &b, "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let files: Vec<&str> =
        json.as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(files, [&a, &b]);
    assert_eq!(json[1]["outcome"], "no_speech");
    let text = transcribe(&models, &[&a, &b]);
    let expected = format!("==> {a} <==\nTidak ada suara.\n\n==> {b} <==\nTidak ada suara.\n");
    assert_eq!(text, expected);
    let refused = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kentongan"));
        let output = command.arg("transcribe").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&[&a, &b, "--output", &path("out")]);
    assert!(said.contains("would both become") && !folder.path().join("out").exists(), "{said}");
    let said = refused(&[&a, &b, "--format", "srt"]);
    assert!(said.contains("--output FOLDER"), "{said}");
}

#[cfg(feature = "vosk")]
#[test]
fn whoever_names_a_vosk_model_gets_its_engine_and_nothing_else_is_printed() {
    let Some(models) = models("vosk-ko") else { return };
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("ko.wav");
    let mut espeak = Command::new("espeak-ng");
    espeak.args(["-v", "ko", "-s", "130", "-w"]).arg(&wav).arg("오늘 날씨가 좋습니다.");
    assert!(espeak.status().expect("installed by deploy/setup test").success());
    let wav = wav.to_str().unwrap();
    let json = transcribe(&models, &[wav, "--model", "vosk-ko", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["engine"], &json["model"]), (&"vosk".into(), &"vosk-ko".into()));
    assert!(check_words(&json) > 0, "{json}");
}

#[test]
fn what_cannot_be_transcribed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kentongan"))
            .arg("transcribe")
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("KENTONGAN__ASR__MODELS", folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&["tests/audio/aduan.wav", "--model", "whisper-small"]);
    assert!(said.contains("run `kentongan model install whisper-small`"), "{said}");
    let vosk = folder.path().join("mine");
    std::fs::create_dir_all(vosk.join("am")).unwrap();
    std::fs::write(vosk.join("am/final.mdl"), "broken").unwrap();
    let said = refused(&["tests/audio/aduan.wav", "--model", vosk.to_str().unwrap()]);
    let why =
        if cfg!(feature = "vosk") { "Vosk cannot read this model" } else { "--features vosk" };
    assert!(said.contains(why), "{said}");
}
