use std::f32::consts::PI;

use hound::{SampleFormat, WavSpec, WavWriter};
use tempfile::TempDir;

use super::*;

const PCM16: SampleFormat = SampleFormat::Int;

fn spec(sample_rate: u32, channels: u16, bits_per_sample: u16, format: SampleFormat) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format: format }
}

/// A second of 1000 Hz at -12 dBFS in the first channel and nothing in the others.
fn write_tone(path: &Path, spec: WavSpec) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..spec.sample_rate {
        let value = 0.25 * (2.0 * PI * 1000.0 * n as f32 / spec.sample_rate as f32).sin();
        for channel in 0..spec.channels {
            let value = if channel == 0 { value } else { 0.0 };
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(value).unwrap(),
                SampleFormat::Int => {
                    let full_scale = (1i64 << (spec.bits_per_sample - 1)) as f32;
                    writer.write_sample((value * full_scale) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
}

fn decoded(clip: &Clip, codec: Codec) -> Vec<f32> {
    let mut samples = Vec::new();
    codec.decode(clip.bytes(codec), &mut samples);
    samples.into_iter().map(|s| f32::from(s) / 32768.0).collect()
}

/// How much of the clip is the 1000 Hz tone, 0 to 1: the Goertzel algorithm.
fn purity(samples: &[f32]) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, s) in samples.iter().enumerate() {
        let angle = 2.0 * PI * 1000.0 * n as f32 / 8000.0;
        re += s * angle.cos();
        im += s * angle.sin();
    }
    let all: f32 = samples.iter().map(|s| s * s).sum();
    2.0 * (re * re + im * im) / (samples.len() as f32 * all)
}

#[test]
fn any_rate_and_format_becomes_the_same_second_of_telephone_audio() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("t.wav");
    for (rate, channels, bits, format) in [
        (8_000, 1, 16, PCM16),
        (8_000, 1, 8, PCM16),
        (16_000, 2, 16, PCM16),
        (22_050, 1, 16, PCM16),
        (44_100, 2, 24, PCM16),
        (48_000, 1, 32, SampleFormat::Float),
        (11_025, 3, 32, PCM16),
        (44_099, 1, 16, PCM16),
    ] {
        let form = format!("{rate} Hz, {channels} channels, {bits} bits, {format:?}");
        write_tone(&path, spec(rate, channels, bits, format));
        let clip = Clip::from_wav(&path).unwrap();
        assert!(clip.duration().as_millis().abs_diff(1000) <= 1, "{form}: {clip:?}");
        for codec in Codec::ALL {
            let samples = decoded(&clip, codec);
            let level = active_level(&samples).unwrap();
            let expected = -15.05 - 20.0 * f32::from(channels).log10();
            assert!((level - expected).abs() < 0.3, "{form}: {level} dBFS");
            assert!(purity(&samples[800..7200]) > 0.99, "{form}: {}", purity(&samples));
        }
    }
}

#[test]
fn a_recording_is_brought_to_the_level_of_all_prompts() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("t.wav");
    write_tone(&path, spec(48_000, 2, 24, PCM16));
    let level = active_level(&decoded(&Clip::from_recording(&path).unwrap(), Codec::Pcma)).unwrap();
    assert!((level - TARGET_LEVEL).abs() < 0.5, "{level}");
}

#[test]
fn a_recording_wins_over_the_rendering() {
    let dir = TempDir::new().unwrap();
    write_tone(&dir.path().join("angka/3.wav"), spec(8_000, 1, 16, PCM16));
    write_tone(&dir.path().join("angka/4.wav"), spec(8_000, 1, 16, PCM16));
    write_tone(&dir.path().join("recorded/angka/3.wav"), spec(16_000, 1, 16, PCM16));
    let library = Library::load(dir.path(), ["angka/3", "angka/4"]).unwrap();
    let level = |id: &str| active_level(&decoded(&library.get(id).unwrap(), Codec::Pcma)).unwrap();
    assert!((level("angka/3") - TARGET_LEVEL).abs() < 0.5);
    assert!((level("angka/4") - -15.05).abs() < 0.5);
    assert!(library.get("angka/5").is_none());
    let mut ids: Vec<&str> = library.ids().collect();
    ids.sort_unstable();
    assert_eq!(ids, ["angka/3", "angka/4"]);
}

#[test]
fn every_prompt_that_cannot_be_played_is_named_at_once() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("broken.wav"), b"RIFFnothing of the kind").unwrap();
    WavWriter::create(dir.path().join("empty.wav"), spec(8_000, 1, 16, PCM16)).unwrap();
    WavWriter::create(dir.path().join("slow.wav"), spec(100, 1, 16, PCM16)).unwrap();
    write_tone(&dir.path().join("good.wav"), spec(8_000, 1, 16, PCM16));
    let error =
        Library::load(dir.path(), ["good", "missing", "broken", "empty", "slow"]).unwrap_err();
    let ids: Vec<&str> = error.faults.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["missing", "broken", "empty", "slow"]);
    let message = error.to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(message, @r"
    4 prompts cannot be played:
      missing: DIR/missing.wav is missing
      broken: DIR/broken.wav cannot be read: Ill-formed WAVE file: no WAVE tag found; save it again as a 16-bit PCM WAV
      empty: DIR/empty.wav holds no audio
      slow: DIR/slow.wav has 100 samples a second; 4000 to 192000 will do
    `kentongan prompts check` tells more
    ");
}

#[test]
fn a_file_cut_short_or_full_of_nonsense_is_an_error_and_no_panic() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("t.wav");
    write_tone(&path, spec(8_000, 1, 16, PCM16));
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(97) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Clip::from_wav(&path).is_err(), "{length} bytes");
    }
    for byte in 0..44 {
        for value in [0, 1, 0x7F, 0xFF] {
            let mut bent = whole.clone();
            bent[byte] = value;
            std::fs::write(&path, bent).unwrap();
            let _ = Clip::from_wav(&path);
        }
    }
}

#[test]
fn a_float_that_is_no_number_is_silence() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("t.wav");
    let mut writer = WavWriter::create(&path, spec(8_000, 1, 32, SampleFormat::Float)).unwrap();
    for value in [f32::NAN, f32::INFINITY, 7.0, -7.0] {
        writer.write_sample(value).unwrap();
    }
    writer.finalize().unwrap();
    let samples = Sound::read(&path).unwrap().samples_at_8_khz().unwrap();
    assert_eq!(samples, [0, 0, i16::MAX, i16::MIN]);
}

#[test]
fn a_clip_lasts_as_long_as_its_samples() {
    assert_eq!(Clip::from_samples(&[0; 1600]).duration(), Duration::from_millis(200));
}

#[test]
fn what_a_caller_said_for_longer_than_a_prompt_may_last_is_played_back_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("long.wav");
    std::fs::write(&path, wav_bytes(&vec![0; 301 * SAMPLE_RATE as usize]).unwrap()).unwrap();
    assert_eq!(Clip::from_wav(&path).unwrap().duration(), Duration::from_secs(301));
    assert!(Library::load(dir.path(), ["long"]).is_err(), "nobody listens to such a prompt");
}
