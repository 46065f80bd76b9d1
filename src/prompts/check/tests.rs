use hound::{SampleFormat, WavSpec, WavWriter};
use tempfile::TempDir;

use super::*;
use crate::prompts::{Which, note, render};

const TEXTS: &str = "[prompts]\na = { tone = 1000, ms = 300 }\n\"b/c\" = { tone = 500, ms = 300 }\n\
                     d = { silence = 200 }\n";

fn rendered() -> TempDir {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("prompts.toml"), TEXTS).unwrap();
    render(&Catalogue::read(dir.path()).unwrap(), dir.path(), Which::Stale).unwrap();
    dir
}

fn findings(dir: &TempDir) -> String {
    let report = report(&check(&Catalogue::read(dir.path()).unwrap(), dir.path()));
    report.replace(&dir.path().display().to_string(), "DIR")
}

fn write(path: &Path, sample_rate: u32, samples: impl IntoIterator<Item = f32>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec =
        WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample((sample * 32768.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

fn sine(amplitude: f32, length: usize) -> impl Iterator<Item = f32> {
    (0..length).map(move |n| (amplitude * (n as f32 * 0.7).sin()).clamp(-1.0, 1.0))
}

#[test]
fn a_fresh_rendering_has_no_findings() {
    assert_eq!(findings(&rendered()), "errors: 0, warnings: 0\n");
}

#[test]
fn what_is_missing_or_stale_is_an_error() {
    let dir = rendered();
    std::fs::remove_file(dir.path().join("b/c.wav")).unwrap();
    std::fs::write(dir.path().join("prompts.toml"), TEXTS.replace("1000", "800")).unwrap();
    insta::assert_snapshot!(findings(&dir), @r"
    error: a: DIR/a.wav was made from another text or voice; run `kentongan prompts render`
    error: b/c: DIR/b/c.wav is missing; run `kentongan prompts render`
    errors: 2, warnings: 0
    ");
}

#[test]
fn a_rendering_that_somebody_replaced_is_told() {
    let dir = rendered();
    write(&dir.path().join("a.wav"), 16_000, sine(0.14, 4000));
    write(&dir.path().join("b/c.wav"), 8000, sine(0.7, 4000));
    insta::assert_snapshot!(findings(&dir), @r"
    error: a: DIR/a.wav is not 8 kHz, mono, 16 bits; if it is a person's recording, move it to recorded/, else run `kentongan prompts render --all`
    warning: b/c: DIR/b/c.wav has a level of -6 dBFS, all others -20; if it is a person's recording, move it to recorded/, where levels are evened out
    errors: 1, warnings: 1
    ");
}

#[test]
fn a_bad_recording_is_told_with_what_to_do() {
    let dir = rendered();
    let recorded = dir.path().join("recorded");
    write(&recorded.join("a.wav"), 44_100, sine(1.5, 4410));
    write(&recorded.join("b/c.wav"), 8000, vec![0.0001; 16 * 8000]);
    write(&recorded.join("b/e.wav"), 8000, sine(0.1, 800));
    std::fs::write(recorded.join("lagu.mp3"), "ID3").unwrap();
    std::fs::write(recorded.join("README.md"), "Direkam oleh Bu Sri").unwrap();
    insta::assert_snapshot!(findings(&dir), @r"
    error: b/c: DIR/recorded/b/c.wav is silent; record it again
    warning: a: DIR/recorded/a.wav was recorded too loud, the wave is cut flat in 399 places; record it again with the microphone turned down
    warning: b/c: DIR/recorded/b/c.wav lasts 16 s, more than 15; say it shorter or in two prompts
    warning: b/e: DIR/recorded/b/e.wav belongs to no prompt; rename or delete it
    warning: lagu: DIR/recorded/lagu.mp3 is no .wav file and is never played; save it as WAV
    errors: 1, warnings: 4
    ");
    std::fs::write(recorded.join("b/c.wav"), "RIFF?").unwrap();
    assert!(findings(&dir).contains("error: b/c: DIR/recorded/b/c.wav cannot be read"));
}

#[test]
fn a_recording_hides_a_stale_rendering() {
    let dir = rendered();
    write(&dir.path().join("recorded/a.wav"), 8000, sine(0.1, 800));
    std::fs::remove_file(dir.path().join("a.wav")).unwrap();
    assert_eq!(findings(&dir), "errors: 0, warnings: 0\n");
}

#[test]
fn a_text_changed_after_its_recording_is_told_until_it_is_recorded_again() {
    let dir = rendered();
    let recording = dir.path().join("recorded/a.wav");
    let render = || {
        render(&Catalogue::read(dir.path()).unwrap(), dir.path(), Which::Stale).unwrap();
    };
    write(&recording, 8000, sine(0.1, 800));
    render();
    std::fs::write(dir.path().join("prompts.toml"), TEXTS.replace("1000", "800")).unwrap();
    render();
    insta::assert_snapshot!(findings(&dir), @r"
    warning: a: DIR/recorded/a.wav was recorded before the text was changed; record it again, or delete it to have the text rendered
    errors: 0, warnings: 1
    ");
    write(&recording, 8000, sine(0.1, 900));
    assert_eq!(findings(&dir), "errors: 0, warnings: 0\n");
}

#[test]
fn a_wav_without_a_text_and_a_damaged_record_are_told() {
    let dir = rendered();
    std::fs::rename(dir.path().join("a.wav"), dir.path().join("z.wav")).unwrap();
    std::fs::write(dir.path().join("rendered.toml"), "rendered = 3").unwrap();
    insta::assert_snapshot!(findings(&dir), @r"
    error: a: DIR/a.wav is missing; run `kentongan prompts render`
    error: b/c: DIR/b/c.wav was made from another text or voice; run `kentongan prompts render`
    error: d: DIR/d.wav was made from another text or voice; run `kentongan prompts render`
    error: rendered.toml: is damaged: invalid type: integer `3`, expected a map; delete it and run `kentongan prompts render`
    warning: z: DIR/z.wav belongs to no prompt; rename or delete it
    errors: 4, warnings: 1
    ");
}

#[test]
fn a_recording_is_noted_with_its_text_when_it_is_found_and_told_when_the_text_is_another() {
    let dir = rendered();
    let recorded = dir.path().join("recorded/a.wav");
    write(&recorded, 8000, sine(0.3, 4000));
    let catalogue = || Catalogue::read(dir.path()).unwrap();
    note(&catalogue(), dir.path()).unwrap();
    let record = || std::fs::read_to_string(dir.path().join("rendered.toml")).unwrap();
    assert!(record().contains("[recorded.a]"), "{}", record());
    assert_eq!(findings(&dir), "errors: 0, warnings: 0\n");
    std::fs::write(dir.path().join("prompts.toml"), TEXTS.replace("1000", "800")).unwrap();
    note(&catalogue(), dir.path()).unwrap();
    insta::assert_snapshot!(findings(&dir), @r"
    warning: a: DIR/recorded/a.wav was recorded before the text was changed; record it again, or delete it to have the text rendered
    errors: 0, warnings: 1
    ");
    std::fs::remove_file(recorded).unwrap();
    note(&catalogue(), dir.path()).unwrap();
    assert!(!record().contains("[recorded."), "{}", record());
}
