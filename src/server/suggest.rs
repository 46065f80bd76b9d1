//! The data that suggestions are made from: the site's files, or those that come with the program.

use std::path::Path;

use anyhow::Context;

use crate::config::Suggest;
use crate::ticket::suggest::{DataError, Gazetteer, Lexicon, Suggester};

/// Reads both.
pub fn load(config: &Suggest) -> anyhow::Result<Suggester> {
    Ok(Suggester::new(places(config)?, categories(config)?))
}

/// Reads the places.
pub fn places(config: &Suggest) -> anyhow::Result<Gazetteer> {
    match &config.places {
        Some(path) => read(path, Gazetteer::parse),
        None => Ok(Gazetteer::shipped()?),
    }
}

/// Reads the words of the categories.
pub fn categories(config: &Suggest) -> anyhow::Result<Lexicon> {
    match &config.categories {
        Some(path) => read(path, Lexicon::parse),
        None => Ok(Lexicon::shipped()?),
    }
}

fn read<T>(path: &Path, parse: fn(&str, &str) -> Result<T, DataError>) -> anyhow::Result<T> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    Ok(parse(&name, &text)?)
}
