//! Our Opus in the hands of the reference decoder.

use std::path::Path;
use std::process::Command;

use kentongan::media::opus::ogg_opus;
use kentongan::media::prompt::Sound;

use crate::hotline::slow;
use crate::sound;

#[test]
fn the_reference_decoder_hears_what_was_said() {
    if !slow() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (opus, wav) = (folder.path().join("a.opus"), folder.path().join("a.wav"));
    let said = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/aduan.wav");
    let samples = Sound::read(&said).unwrap().samples_at_8_khz().unwrap();
    std::fs::write(&opus, ogg_opus(&samples).unwrap()).unwrap();
    let output = Command::new("opusdec").args(["--rate", "8000"]).arg(&opus).arg(&wav).output();
    let output = output.expect("installed by deploy/setup test");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.to_lowercase().contains("warning"), "{told}");
    let heard = sound::read(&wav);
    assert!(heard.len().abs_diff(samples.len()) <= 8, "{} of {}", heard.len(), samples.len());
    let said: Vec<f32> = samples.iter().map(|&sample| f32::from(sample)).collect();
    // Each half where it was said.
    let half = said.len().div_ceil(2);
    for (said, heard) in said.chunks(half).zip(heard.chunks(half)) {
        sound::assert_holds(heard, said, "what was said");
    }
}
