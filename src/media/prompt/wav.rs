//! WAV files in and out.

mod law;

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::shape::to_i16;
use crate::media::SAMPLE_RATE;

/// No prompt is longer; what is, was put there by mistake and would only fill the memory.
const LONGEST_SECONDS: u32 = 300;

/// Why a WAV cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    #[error("{} is missing", .0.display())]
    Missing(PathBuf),
    #[error("{} cannot be read: {what}; save it again as a 16-bit PCM WAV", path.display())]
    Unreadable { path: PathBuf, what: hound::Error },
    #[error("{} has {rate} samples a second; 4000 to 192000 will do", path.display())]
    Rate { path: PathBuf, rate: u32 },
    #[error("{} is {seconds} s long; it may last {longest} s", path.display())]
    TooLong { path: PathBuf, seconds: u32, longest: u32 },
    #[error("{} holds no audio", .0.display())]
    Empty(PathBuf),
    #[error("audio at {rate} Hz cannot be brought to {wanted} Hz: {what}")]
    Resample { rate: u32, wanted: u32, what: String },
}

/// What a WAV holds, mixed to one channel, at its own rate.
#[derive(Clone, Debug)]
pub struct Sound {
    pub spec: WavSpec,
    /// Full scale is 1.
    samples: Vec<f32>,
}

impl Sound {
    /// Reads a whole WAV as long as a prompt may be: PCM of 8 to 32 bits, float or G.711, 4 to 192 kHz, any number of channels.
    pub fn read(path: &Path) -> Result<Sound, ClipError> {
        Sound::read_at_most(path, LONGEST_SECONDS)
    }

    /// As [`Sound::read`], for what may last `longest` seconds.
    pub fn read_at_most(path: &Path, longest: u32) -> Result<Sound, ClipError> {
        let unreadable = |what| ClipError::Unreadable { path: path.to_owned(), what };
        let reader = match WavReader::open(path) {
            Ok(reader) => reader,
            Err(hound::Error::IoError(e)) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(ClipError::Missing(path.to_owned()));
            }
            Err(hound::Error::Unsupported) => return read_law(path, longest),
            Err(what) => return Err(unreadable(what)),
        };
        let spec = reader.spec();
        fits(path, spec, reader.duration(), longest)?;
        let interleaved = read_samples(reader).map_err(unreadable)?;
        Sound::of(path, spec, interleaved)
    }

    fn of(path: &Path, spec: WavSpec, interleaved: Vec<f32>) -> Result<Sound, ClipError> {
        match interleaved.is_empty() {
            true => Err(ClipError::Empty(path.to_owned())),
            false => Ok(Sound { spec, samples: mix(interleaved, spec.channels) }),
        }
    }

    /// The samples at their own rate, one channel, full scale is 1.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// One channel at 8 kHz; what is above 4 kHz is filtered away.
    pub fn at_8_khz(self) -> Result<Vec<f32>, ClipError> {
        self.at(SAMPLE_RATE)
    }

    /// One channel at `wanted` samples a second; what that rate cannot hold is filtered away.
    pub fn at(self, wanted: u32) -> Result<Vec<f32>, ClipError> {
        let rate = self.spec.sample_rate;
        if rate == wanted {
            return Ok(self.samples);
        }
        resample(&self.samples, rate, wanted).map_err(|what| ClipError::Resample {
            rate,
            wanted,
            what: what.to_string(),
        })
    }

    /// As [`Sound::at_8_khz`], in 16 bits.
    pub fn samples_at_8_khz(self) -> Result<Vec<i16>, ClipError> {
        Ok(to_i16(&self.at_8_khz()?))
    }
}

/// Looks at the rate and the length (in samples of each channel) before anything is read into memory.
fn fits(path: &Path, spec: WavSpec, duration: u32, longest: u32) -> Result<(), ClipError> {
    if !(4_000..=192_000).contains(&spec.sample_rate) {
        return Err(ClipError::Rate { path: path.to_owned(), rate: spec.sample_rate });
    }
    let seconds = duration / spec.sample_rate;
    match seconds > longest {
        true => Err(ClipError::TooLong { path: path.to_owned(), seconds, longest }),
        false => Ok(()),
    }
}

/// Reads a WAV of G.711.
fn read_law(path: &Path, longest: u32) -> Result<Sound, ClipError> {
    let unreadable = |what| ClipError::Unreadable { path: path.to_owned(), what };
    // Not even at the highest rate and in stereo can a file be longer and be used.
    let most = u64::from(longest) * 192_000 * 2;
    let mut file = Vec::new();
    let opened = std::fs::File::open(path).map(|file| file.take(most));
    opened
        .and_then(|mut opened| opened.read_to_end(&mut file))
        .map_err(|error| unreadable(hound::Error::IoError(error)))?;
    let law = law::read(&file).ok_or_else(|| unreadable(hound::Error::Unsupported))?;
    let duration = law.bytes.len() / usize::from(law.spec.channels);
    fits(path, law.spec, u32::try_from(duration).unwrap_or(u32::MAX), longest)?;
    let mut samples = Vec::with_capacity(law.bytes.len());
    law.codec.decode(law.bytes, &mut samples);
    Sound::of(path, law.spec, samples.iter().map(|&s| f32::from(s) / 32_768.0).collect())
}

fn read_samples<R: std::io::Read>(mut reader: WavReader<R>) -> Result<Vec<f32>, hound::Error> {
    let spec = reader.spec();
    match spec.sample_format {
        // A float file may hold anything, infinities included.
        SampleFormat::Float => reader
            .samples::<f32>()
            .map(|s| s.map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }))
            .collect(),
        SampleFormat::Int => {
            let full_scale = (1i64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|s| s.map(|s| s as f32 / full_scale)).collect()
        }
    }
}

fn mix(interleaved: Vec<f32>, channels: u16) -> Vec<f32> {
    if channels == 1 {
        return interleaved;
    }
    let share = 1.0 / f32::from(channels);
    interleaved
        .chunks_exact(usize::from(channels))
        .map(|frame| frame.iter().sum::<f32>() * share)
        .collect()
}

fn resample(
    samples: &[f32],
    rate: u32,
    wanted: u32,
) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let chunk = rate as usize / 10;
    let mut resampler = Fft::<f32>::new(rate as usize, wanted as usize, chunk, 1, FixedSync::Both)?;
    let input = SequentialSlice::new(samples, 1, samples.len())?;
    Ok(resampler.process_all(&input, samples.len(), None)?.take_data())
}

/// The form of everything that is written here.
const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: SAMPLE_RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Writes 8 kHz samples (full scale is 1) as a mono 16-bit WAV, under another name first: nobody ever reads half a prompt.
pub fn write_wav(path: &Path, samples: &[f32]) -> Result<(), hound::Error> {
    let part = path.with_extension("wav.part");
    std::fs::write(&part, wav_bytes(&to_i16(samples))?)?;
    Ok(std::fs::rename(&part, path)?)
}

/// 8 kHz samples as a mono 16-bit WAV.
pub fn wav_bytes(samples: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, SPEC)?;
    for &sample in samples {
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    Ok(file.into_inner())
}
