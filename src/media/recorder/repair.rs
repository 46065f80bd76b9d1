//! Gives a recording whose process was killed its true length back.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::media::silence::Gate;

use super::{HEADER_BYTES, SPEC, duration_of};

/// What [`repair`] found and left behind: a file that any WAV reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Length of the file now; zero when the process died before a sample was written.
    pub duration: Duration,
    /// How much of it is speech, by the level gate.
    pub speech: Duration,
    /// Whether the file had to be changed.
    pub mended: bool,
}

/// Why a file could not be made readable; it is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The process died before the header was written, or the disk was full then.
    #[error("the file ends before its first sample")]
    Empty,
    /// Something else than this program's recording.
    #[error("not a recording of this program, and no readable WAV either: {0}")]
    Foreign(hound::Error),
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

/// Makes a recording readable up to its last sample, whenever its process ended. Safe to repeat.
pub fn repair(path: &Path) -> Result<Repair, RepairError> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    if length < HEADER_BYTES {
        return Err(RepairError::Empty);
    }
    let mut found = [0; HEADER_BYTES as usize];
    file.read_exact(&mut found)?;
    let data = (length - HEADER_BYTES) & !1;
    let wanted = header(data);
    if !is_ours(&found, &wanted) {
        return readable(path);
    }
    let mended = found != wanted || data + HEADER_BYTES != length;
    if mended {
        rewrite(&mut file, &wanted, data)?;
    }
    Ok(Repair { duration: duration_of(data / 2), speech: speech_in(path)?, mended })
}

fn rewrite(file: &mut File, header: &[u8], data: u64) -> io::Result<()> {
    file.set_len(HEADER_BYTES + data)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(header)?;
    file.sync_all()
}

/// The same header but for the two lengths.
fn is_ours(found: &[u8], wanted: &[u8]) -> bool {
    found[..4] == wanted[..4] && found[8..40] == wanted[8..40]
}

/// A file of another make is none of our business as long as it can be read.
fn readable(path: &Path) -> Result<Repair, RepairError> {
    let reader = hound::WavReader::open(path).map_err(RepairError::Foreign)?;
    let seconds = f64::from(reader.duration()) / f64::from(reader.spec().sample_rate.max(1));
    Ok(Repair {
        duration: Duration::from_secs_f64(seconds),
        speech: speech_in(path)?,
        mended: false,
    })
}

/// Listens to the file as the recording's own gate did.
fn speech_in(path: &Path) -> Result<Duration, RepairError> {
    let mut reader = hound::WavReader::open(path).map_err(RepairError::Foreign)?;
    let mut gate = Gate::default();
    for sample in reader.samples::<i16>() {
        gate.push(&[sample.map_err(RepairError::Foreign)?]);
    }
    Ok(gate.speech())
}

/// The canonical RIFF header over `data` bytes of samples, as hound writes it.
fn header(data: u64) -> [u8; HEADER_BYTES as usize] {
    let data = u32::try_from(data).unwrap_or(u32::MAX - HEADER_BYTES as u32);
    let bytes_per_frame = SPEC.channels * SPEC.bits_per_sample / 8;
    let mut header = [0; HEADER_BYTES as usize];
    header[..4].copy_from_slice(b"RIFF");
    header[4..8].copy_from_slice(&(data + HEADER_BYTES as u32 - 8).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    header[16..20].copy_from_slice(&16u32.to_le_bytes());
    header[20..22].copy_from_slice(&1u16.to_le_bytes());
    header[22..24].copy_from_slice(&SPEC.channels.to_le_bytes());
    header[24..28].copy_from_slice(&SPEC.sample_rate.to_le_bytes());
    header[28..32].copy_from_slice(&(SPEC.sample_rate * u32::from(bytes_per_frame)).to_le_bytes());
    header[32..34].copy_from_slice(&bytes_per_frame.to_le_bytes());
    header[34..36].copy_from_slice(&SPEC.bits_per_sample.to_le_bytes());
    header[36..40].copy_from_slice(b"data");
    header[40..].copy_from_slice(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A recording of `samples` samples as hound leaves it.
    fn recording(samples: i16) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let mut wav = hound::WavWriter::create(&path, SPEC).unwrap();
        (0..samples).for_each(|sample| wav.write_sample(sample).unwrap());
        wav.finalize().unwrap();
        (dir, path)
    }

    fn samples(path: &Path) -> Vec<i16> {
        hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
    }

    #[test]
    fn a_header_that_lags_behind_the_samples_is_mended_once() {
        let (_dir, path) = recording(4000);
        let mut bytes = fs::read(&path).unwrap();
        bytes[4..8].copy_from_slice(&36u32.to_le_bytes());
        bytes[40..44].copy_from_slice(&0u32.to_le_bytes());
        bytes.push(7);
        fs::write(&path, &bytes).unwrap();

        let first = repair(&path).unwrap();
        assert_eq!((first.duration, first.mended), (Duration::from_millis(500), true));
        assert_eq!(samples(&path), (0..4000).collect::<Vec<i16>>());
        assert_eq!(repair(&path).unwrap(), Repair { mended: false, ..first });
    }

    #[test]
    fn a_whole_file_stays_as_it_is() {
        let (_dir, path) = recording(80);
        let before = fs::read(&path).unwrap();
        let whole = repair(&path).unwrap();
        assert_eq!((whole.duration, whole.mended), (Duration::from_millis(10), false));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_cut_within_its_header_is_reported_and_kept() {
        let (_dir, path) = recording(80);
        for length in [0, 1, 43] {
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
            assert!(matches!(repair(&path), Err(RepairError::Empty)), "{length} bytes");
        }
        assert!(path.exists());
    }

    #[test]
    fn a_header_without_a_sample_is_a_recording_of_no_length() {
        let (_dir, path) = recording(0);
        assert_eq!(repair(&path).unwrap().duration, Duration::ZERO);
    }

    #[test]
    fn something_else_is_reported_and_kept() {
        let (_dir, path) = recording(0);
        fs::write(&path, [b'x'; 100]).unwrap();
        assert!(matches!(repair(&path), Err(RepairError::Foreign(_))));
        assert_eq!(fs::read(&path).unwrap(), [b'x'; 100]);
        let missing = path.with_extension("none");
        assert!(matches!(repair(&missing), Err(RepairError::Io(_))));
    }

    #[test]
    fn another_programs_wav_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.wav");
        let spec = hound::WavSpec { channels: 2, sample_rate: 16000, ..SPEC };
        let mut wav = hound::WavWriter::create(&path, spec).unwrap();
        (0..3200).for_each(|_| wav.write_sample(1i16).unwrap());
        wav.finalize().unwrap();
        let before = fs::read(&path).unwrap();
        assert_eq!(repair(&path).unwrap().duration, Duration::from_millis(100));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
