use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

const TEXTS: &str = r#"
[prompts]
"kata/halo" = "Halo, selamat datang."
"kata/warga" = "-v warga"
"jeda/pendek" = { silence = 300 }
"bunyi/bip" = { tone = 1000, ms = 250 }
"#;

fn folder(text: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("prompts.toml"), text).unwrap();
    dir
}

fn run(dir: &TempDir, which: Which) -> Rendered {
    render(&Catalogue::read(dir.path()).unwrap(), dir.path(), which).unwrap()
}

/// Every file's name and bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn texts_become_telephone_audio_at_one_level() {
    let dir = folder(TEXTS);
    let all = ["bunyi/bip", "jeda/pendek", "kata/halo", "kata/warga"];
    assert_eq!(run(&dir, Which::Stale).made, all);
    for id in ["kata/halo", "kata/warga", "bunyi/bip"] {
        let sound = Sound::read(&dir.path().join(format!("{id}.wav"))).unwrap();
        let spec = (sound.spec.sample_rate, sound.spec.channels, sound.spec.bits_per_sample);
        assert_eq!(spec, (8000, 1, 16));
        let level = prompt::active_level(sound.samples()).unwrap();
        assert!((level - prompt::TARGET_LEVEL).abs() < 1.5, "{id}: {level} dBFS");
        let peak = sound.samples().iter().fold(0.0, |peak: f32, s| peak.max(s.abs()));
        assert!(peak < 0.708, "{id}: {peak}");
    }
    let pause = Sound::read(&dir.path().join("jeda/pendek.wav")).unwrap();
    assert_eq!(pause.samples(), vec![0.0; 2400]);
}

#[test]
fn what_is_up_to_date_is_left_alone_and_all_comes_out_the_same() {
    let dir = folder(TEXTS);
    run(&dir, Which::Stale);
    let before = files(dir.path());
    assert_eq!(run(&dir, Which::Stale), Rendered { made: vec![], kept: 4 });
    assert_eq!(run(&dir, Which::All).made.len(), 4);
    assert_eq!(files(dir.path()), before);
}

#[test]
fn only_what_changed_or_is_gone_is_made_again() {
    let dir = folder(TEXTS);
    run(&dir, Which::Stale);
    let changed = TEXTS.replace("Halo", "Hai").replace("ms = 250", "ms = 200");
    std::fs::write(dir.path().join("prompts.toml"), changed).unwrap();
    std::fs::remove_file(dir.path().join("kata/warga.wav")).unwrap();
    assert_eq!(run(&dir, Which::Stale).made, ["bunyi/bip", "kata/halo", "kata/warga"]);
    // Another pace concerns words only.
    let slower =
        TEXTS.replace("Halo", "Hai").replace("ms = 250", "ms = 200") + "[voice]\nspeed = 110\n";
    std::fs::write(dir.path().join("prompts.toml"), slower).unwrap();
    assert_eq!(run(&dir, Which::Stale).made, ["kata/halo", "kata/warga"]);
}

#[test]
fn a_removed_prompt_is_forgotten() {
    let dir = folder(TEXTS);
    run(&dir, Which::Stale);
    std::fs::write(dir.path().join("prompts.toml"), "[prompts]\n\"jeda/a\" = { silence = 10 }")
        .unwrap();
    run(&dir, Which::Stale);
    let ids: Vec<String> = Record::read(dir.path()).unwrap().rendered.into_keys().collect();
    assert_eq!(ids, ["jeda/a"]);
}

fn failure(text: &str) -> (TempDir, RenderError) {
    let dir = folder(text);
    let error =
        render(&Catalogue::read(dir.path()).unwrap(), dir.path(), Which::Stale).unwrap_err();
    (dir, error)
}

#[test]
fn an_engine_that_is_not_known_is_named() {
    let (_dir, error) = failure("[voice]\nengine = \"rm\"\n[prompts]\na = \"x\"\n");
    assert!(matches!(error, RenderError::UnknownEngine(name) if name == "rm"));
}

#[test]
fn an_engine_that_is_not_installed_is_named_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    let nowhere = Path::new("/nowhere/espeak-ng");
    let error = run_engine(nowhere, &Voice::default(), "a", "x", &dir.path().join("a.wav"));
    let message = error.unwrap_err().to_string();
    assert_eq!(message, "espeak-ng is not installed; on Debian: apt-get install espeak-ng");
}

#[test]
fn what_the_engine_says_against_a_voice_is_passed_on_and_earlier_work_is_kept() {
    let (dir, error) = failure(
        "[voice]\nvoice = \"zz-none\"\n[prompts]\n\"a/bip\" = { tone = 500, ms = 50 }\nb = \"x\"\n",
    );
    assert!(matches!(&error, RenderError::Engine { id, .. } if id == "b"), "{error}");
    assert!(error.to_string().contains("voice"), "{error}");
    assert!(Record::read(dir.path()).unwrap().rendered.contains_key("a/bip"));
    assert!(!dir.path().join("b.wav").exists());
}

#[test]
fn a_text_without_a_word_is_an_error() {
    let (dir, error) = failure("[prompts]\na = \"...\"\n");
    assert!(matches!(&error, RenderError::Silent(id) if id == "a"), "{error}");
    assert!(!dir.path().join("a.wav").exists());
}
