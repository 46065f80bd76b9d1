//! Vosk's models: a folder of Kaldi files, or an archive that holds one.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{ModelError, io_error, room};

/// The acoustic model; who has it is a model.
const ACOUSTIC: &str = "am/final.mdl";
/// An older layout keeps everything in one folder; this file is of both kinds of it.
const OLD: [&str; 2] = ["final.mdl", "mfcc.conf"];
/// Folders within folders; models have three.
const DEEPEST: u32 = 8;

/// Whether Vosk would look at it.
pub fn is_model(folder: &Path) -> bool {
    folder.join(ACOUSTIC).is_file() || OLD.iter().all(|file| folder.join(file).is_file())
}

/// The model that `folder` is, or that is the only one in it, as archives unpack.
pub fn find(folder: &Path) -> Option<PathBuf> {
    if is_model(folder) {
        return Some(folder.into());
    }
    let entries = fs::read_dir(folder).ok()?;
    let mut models = entries.filter_map(|e| Some(e.ok()?.path())).filter(|path| is_model(path));
    let found = models.next()?;
    models.next().is_none().then_some(found)
}

/// Copies all that is in `from`.
pub fn copy(from: &Path, to: &Path) -> Result<(), ModelError> {
    copy_level(from, to, DEEPEST)
}

fn copy_level(from: &Path, to: &Path, deeper: u32) -> Result<(), ModelError> {
    fs::create_dir_all(to).map_err(|error| io_error(to, error))?;
    let io = |error| io_error(from, error);
    for entry in fs::read_dir(from).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let Some(name) = path.file_name() else { continue };
        let kind = path.metadata().map_err(|error| io_error(&path, error))?;
        match deeper.checked_sub(1) {
            Some(deeper) if kind.is_dir() => copy_level(&path, &to.join(name), deeper)?,
            _ if kind.is_file() => {
                let copied = fs::copy(&path, to.join(name));
                copied.map_err(|error| io_error(&path, error))?;
            }
            _ => {
                return Err(ModelError::Package {
                    path,
                    what: "only files and folders belong into a model".into(),
                });
            }
        }
    }
    Ok(())
}

/// Unpacks the model that the archive holds. `tell` hears how many bytes are unpacked, and of how many.
pub fn unzip(archive: &Path, to: &Path, tell: &dyn Fn(u64, u64)) -> Result<(), ModelError> {
    let broken = |what: String| ModelError::Package { path: archive.into(), what };
    let file = File::open(archive).map_err(|error| io_error(archive, error))?;
    let mut zip = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let names: Vec<String> =
        (0..zip.len()).filter_map(|n| Some(zip.name_for_index(n)?.ok()?.into_owned())).collect();
    let prefix = names.iter().find_map(|name| top(name));
    let prefix = prefix.ok_or_else(|| ModelError::NoModel(archive.into()))?.to_owned();
    let mut total = 0;
    for n in 0..zip.len() {
        total += zip.by_index(n).map_err(|error| broken(error.to_string()))?.size();
    }
    room::check(to, total)?;
    let mut done = 0;
    for n in 0..zip.len() {
        let mut entry = zip.by_index(n).map_err(|error| broken(error.to_string()))?;
        let name = entry.name().map_err(|error| broken(error.to_string()))?.into_owned();
        let Some(inner) = name.strip_prefix(&prefix).filter(|inner| !inner.is_empty()) else {
            continue;
        };
        if inner.ends_with('/') {
            continue;
        }
        if !Path::new(inner).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(broken(format!("{name:?} would lie outside of the model")));
        }
        let path = to.join(inner);
        let size = entry.size();
        let unpacked = write(&mut io::Read::take(&mut entry, size), &path);
        done += unpacked.map_err(|error| io_error(&path, error))?;
        tell(done, total);
    }
    Ok(())
}

/// The folder in an archive that a model's acoustic part lies in, with its slash; "" is the archive's own top.
fn top(name: &str) -> Option<&str> {
    let above = name.strip_suffix(ACOUSTIC)?;
    (above.is_empty() || above.ends_with('/')).then_some(above)
}

fn write(from: &mut impl io::Read, to: &Path) -> io::Result<u64> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    io::copy(from, &mut File::create(to)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(folder: &Path, names: &[&str]) -> PathBuf {
        let path = folder.join("model.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn the_model_in_an_archive_is_found_wherever_it_lies() {
        for prefix in ["", "vosk-model-small-xy-0.1/", "package/model/"] {
            let folder = tempfile::tempdir().unwrap();
            let names = ["am/final.mdl", "conf/model.conf"].map(|name| format!("{prefix}{name}"));
            let names: Vec<&str> = names.iter().map(String::as_str).chain(["other.txt"]).collect();
            let path = archive(folder.path(), &names);
            let made = folder.path().join("made");
            fs::create_dir(&made).unwrap();
            unzip(&path, &made, &|_, _| ()).unwrap();
            assert!(is_model(&made) && made.join("conf/model.conf").is_file(), "{prefix}");
        }
    }

    #[test]
    fn an_archive_that_leads_elsewhere_or_holds_no_model_is_refused() {
        for names in [&["am/final.mdl", "../outside"][..], &["am/final.mdl", "/outside"], &["a"]] {
            let folder = tempfile::tempdir().unwrap();
            let path = archive(folder.path(), names);
            let made = folder.path().join("made");
            fs::create_dir(&made).unwrap();
            assert!(unzip(&path, &made, &|_, _| ()).is_err(), "{names:?}");
            assert!(!folder.path().join("outside").exists());
        }
    }

    #[test]
    fn a_link_that_leads_round_in_circles_ends() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        fs::create_dir_all(model.join("am")).unwrap();
        fs::write(model.join("am/final.mdl"), "x").unwrap();
        assert_eq!(find(folder.path()), Some(model.clone()));
        std::os::unix::fs::symlink(&model, model.join("again")).unwrap();
        assert!(copy(&model, &folder.path().join("made")).is_err());
    }
}
