//! One model: errors, CPU time and memory.

use std::path::Path;
use std::time::Duration;

use kentongan::asr::audio::{Recording, SAMPLE_RATE};
use kentongan::asr::{self, Transcriber, Watch};
use kentongan::ticket::transcript::Transcript;
use rustix::time::{ClockId, clock_gettime};

use crate::clips::{self, Clip};
use crate::score::Score;
use crate::{Flags, calls, figures, noises};

/// What one row adds up.
#[derive(Default)]
struct Row {
    score: Score,
    audio: Duration,
    cpu: Duration,
}

/// Prints the tables of one model.
pub fn measure(flags: &Flags, model: &str) -> anyhow::Result<()> {
    let clips = flags.clips()?;
    let before = cpu();
    let engine = asr::open(&flags.config(model))?;
    let loading = cpu() - before;
    println!(
        "\n{} {model}, beam {}: {:.2} CPU s to load",
        engine.engine(),
        flags.beam,
        loading.as_secs_f64()
    );
    let ear = Ear { engine: &*engine, verbose: flags.verbose };
    ear.speech(&clips)?;
    ear.noises(&clips)?;
    println!("\nPeak memory {} MB.", peak_kb()? / 1000);
    Ok(())
}

struct Ear<'a> {
    engine: &'a dyn Transcriber,
    verbose: bool,
}

const SPEECH: [&str; 6] =
    ["what is heard          ", "audio s", "WER %", "CER %", "CPU s", "CPU s/audio s"];

impl Ear<'_> {
    fn speech(&self, clips: &[Clip]) -> anyhow::Result<()> {
        figures::head(&SPEECH);
        let mut wide = Row::default();
        for clip in clips {
            self.add(&mut wide, Recording::read(&clip.wide)?, &clip.said)?;
        }
        wide.print("clips, 16 kHz");
        let mut telephone = Row::default();
        for clip in clips {
            self.add(&mut telephone, Recording::read(&clip.telephone)?, &clip.said)?;
        }
        telephone.print("clips, telephone");
        let mut called = Row::default();
        for (clip, recording) in clips.iter().zip(calls::recordings(clips)?) {
            self.add(&mut called, recording, &clip.said)?;
        }
        called.print("clips, in calls");
        for seconds in [5, 60] {
            let (samples, said) = clips::story(clips, seconds)?;
            let mut row = Row::default();
            self.add(&mut row, through_a_file(&samples, SAMPLE_RATE)?, &said)?;
            row.print(&format!("{seconds} s in one, telephone"));
        }
        Ok(())
    }

    fn noises(&self, clips: &[Clip]) -> anyhow::Result<()> {
        const COLUMNS: [&str; 4] = ["20 s of           ", "outcome ", "sure", "doubtful"];
        figures::head(&COLUMNS);
        let speech = clips::story(clips, 20)?.0.into_iter().step_by(2).collect::<Vec<f32>>();
        for (name, samples) in noises::all(&speech) {
            let (transcript, _) = self.listen(&through_a_file(&samples, noises::RATE as u32)?)?;
            let words = |doubtful: bool| {
                let segments = transcript.segments.iter().filter(|s| s.doubtful == doubtful);
                segments.map(|s| s.words.len()).sum::<usize>().to_string()
            };
            let outcome = format!("{:?}", transcript.outcome);
            figures::row(&COLUMNS, &[name.into(), outcome, words(false), words(true)]);
        }
        Ok(())
    }

    fn add(&self, row: &mut Row, recording: Recording, said: &str) -> anyhow::Result<()> {
        let (transcript, cpu) = self.listen(&recording)?;
        row.score.add(&transcript.text(), said);
        row.cpu += cpu;
        row.audio += Duration::from_millis(recording.duration_ms().into());
        Ok(())
    }

    fn listen(&self, recording: &Recording) -> anyhow::Result<(Transcript, Duration)> {
        let before = cpu();
        let transcript = asr::listen(self.engine, recording, &Watch::default())?;
        if self.verbose {
            for segment in &transcript.segments {
                let words = segment.words.iter().map(|w| format!("{:.2}", w.confidence));
                println!(
                    "  {:.2} {} {:?}",
                    segment.confidence,
                    segment.text,
                    words.collect::<Vec<_>>()
                );
            }
        }
        Ok((transcript, cpu() - before))
    }
}

impl Row {
    fn print(&self, name: &str) {
        let (audio, cpu) = (self.audio.as_secs_f64(), self.cpu.as_secs_f64());
        let rate = format!("{:.3}", cpu / audio.max(0.001));
        let [wer, cer] = [self.score.wer(), self.score.cer()].map(|share| format!("{share:.1}"));
        let cells = [name.into(), format!("{audio:.1}"), wer, cer, format!("{cpu:.2}"), rate];
        figures::row(&SPEECH, &cells);
    }
}

/// A recording of these samples, by way of a file, as one comes from a call.
fn through_a_file(samples: &[f32], rate: u32) -> anyhow::Result<Recording> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("story.wav");
    write(&path, samples, rate)?;
    Ok(Recording::read(&path)?)
}

fn write(path: &Path, samples: &[f32], sample_rate: u32) -> Result<(), hound::Error> {
    let sample_format = hound::SampleFormat::Int;
    let spec = hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format };
    let mut wav = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        wav.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0) as i16)?;
    }
    wav.finalize()
}

/// CPU time of all of this process: an engine may have threads of its own.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The most memory that this process ever had, in kB.
fn peak_kb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.split_whitespace().next().unwrap_or("0").parse()?)
}
