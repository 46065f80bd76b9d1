//! What a hotline tells of itself: metrics, recordings, complaints.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::hotline::{self, Hotline};

/// The sum of a metric over its labels; 0 while it has never been counted.
pub fn metric(hotline: &Hotline, name: &str) -> anyhow::Result<f64> {
    let (_, text) = hotline::get(hotline.http_port, "/metrics")?;
    let of_name =
        |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    Ok(text
        .lines()
        .filter(of_name)
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}

/// The length of each recording of its calls, the shortest first; zero for one that cannot be read.
pub fn recordings(hotline: &Hotline) -> Vec<Duration> {
    let mut found = Vec::new();
    wavs(&hotline.data.join("recordings"), &mut found);
    let mut lengths: Vec<Duration> =
        found.iter().map(|path| length(path).unwrap_or_default()).collect();
    lengths.sort();
    lengths
}

/// The first few warnings and errors of its log.
pub fn complaints(hotline: &Hotline) -> Vec<String> {
    let bad = |line: &&str| ["WARN", "ERROR", "panicked"].iter().any(|word| line.contains(word));
    hotline.log().lines().filter(bad).take(5).map(str::to_owned).collect()
}

fn length(path: &Path) -> Option<Duration> {
    let wav = hound::WavReader::open(path).ok()?;
    Some(Duration::from_secs_f64(f64::from(wav.duration()) / f64::from(wav.spec().sample_rate)))
}

fn wavs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            wavs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "wav") {
            found.push(path);
        }
    }
}
