//! One TOML file and the environment become each module's own `Config`.
//!
//! Unknown keys are errors with their line. A variable `KENTONGAN__SECTION__KEY` overrides `key` in `[section]`;
//! secrets belong there rather than in the file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::{asr, call, console, media, sip, sms, store, ticket};

/// Everything that a site may set. Each part's fields are documented with the part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where rows and recordings live. Relative paths here and below are relative to the config file.
    pub data: PathBuf,
    /// What this process does; several may share the data.
    pub roles: Vec<Role>,
    pub sip: sip::Config,
    pub media: media::engine::Config,
    pub calls: call::Config,
    pub ivr: Ivr,
    pub prompts: Prompts,
    pub asr: asr::Config,
    pub suggest: Suggest,
    pub limits: ticket::disclosure::Limits,
    pub http: Http,
    pub web: Web,
    pub console: console::Config,
    pub sms: sms::Config,
    pub log: Log,
}

/// The dialogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ivr {
    /// The script that answers calls.
    pub script: PathBuf,
}

/// The voice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prompts {
    /// The folder with `prompts.toml` and the WAVs.
    pub folder: PathBuf,
}

/// What suggestions of places and categories are made from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Suggest {
    /// The site's places; without it those that come with the program.
    pub places: Option<PathBuf>,
    /// The words of the site's categories; without it those that come with the program.
    pub categories: Option<PathBuf>,
}

/// Metrics and health, for the machine itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Serves `/metrics`, `/healthz` and `/readyz`; keep it on loopback.
    pub listen: SocketAddr,
}

/// The console, and the addresses that SMS gateways post to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Where both are served.
    pub listen: SocketAddr,
    /// Networks of reverse proxies: who stands behind one is taken from its X-Forwarded-For.
    pub proxies: Vec<IpNet>,
    pub tls: Tls,
}

/// The same for other machines, encrypted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Whether it is served at all.
    pub enabled: bool,
    /// Where it is served.
    pub listen: SocketAddr,
    /// Further names that browsers reach this machine by; its own names and addresses are known.
    pub names: Vec<String>,
    /// A certificate of the site's own, with its chain (PEM); without it one is made by an authority of this site.
    pub certificate: Option<PathBuf>,
    /// The key to it (PEM).
    pub key: Option<PathBuf>,
}

/// Logs go to standard error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter as `tracing-subscriber` reads it, `info` or `kentongan::sip=debug,info`.
    pub filter: String,
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Syntax { path: PathBuf, message: String },
    #[error("environment variable {name}: {message}")]
    Environment { name: String, message: String },
}

/// A part of the work that a process can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answer calls; one process at a time.
    Calls,
    /// Write down recordings.
    Transcribe,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: "data".into(),
            roles: vec![Role::Calls, Role::Transcribe],
            sip: sip::Config::default(),
            media: media::engine::Config::default(),
            calls: call::Config::default(),
            ivr: Ivr::default(),
            prompts: Prompts::default(),
            asr: asr::Config::default(),
            suggest: Suggest::default(),
            limits: ticket::disclosure::Limits::default(),
            http: Http::default(),
            web: Web::default(),
            console: console::Config::default(),
            sms: sms::Config::default(),
            log: Log::default(),
        }
    }
}

impl Default for Ivr {
    fn default() -> Ivr {
        Ivr { script: "ivr-scripts/hotline.toml".into() }
    }
}

impl Default for Prompts {
    fn default() -> Prompts {
        Prompts { folder: "prompts/id".into() }
    }
}

impl Default for Http {
    fn default() -> Http {
        Http { listen: SocketAddr::from(([127, 0, 0, 1], 9464)) }
    }
}

impl Default for Web {
    fn default() -> Web {
        Web {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            proxies: Vec::new(),
            tls: Tls::default(),
        }
    }
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            enabled: true,
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            names: Vec::new(),
            certificate: None,
            key: None,
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { filter: "info".into(), format: LogFormat::Text }
    }
}

impl Config {
    /// Whether this process is to do that.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Reads the file at `path`, then lets `environment` override it.
    pub fn read(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let syntax = |e: toml::de::Error| ConfigError::Syntax {
            path: path.into(),
            message: located(&text, &e),
        };
        // The text alone first: only it knows the line of a mistake.
        toml::from_str::<Config>(&text).map_err(syntax)?;
        let table: toml::Table = toml::from_str(&text).map_err(syntax)?;
        let mut config = Config::overridden(table, environment)?;
        config.relative_to(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The defaults, overridden by `environment`; paths stay relative to the working directory.
    pub fn from_environment(
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        Config::overridden(toml::Table::new(), environment)
    }

    fn overridden(
        mut table: toml::Table,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        for (name, value) in environment {
            let Some(path) = name.strip_prefix("KENTONGAN__") else { continue };
            set(&mut table, &path.to_lowercase(), &value)
                .and_then(|()| {
                    Config::deserialize(table.clone()).map(drop).map_err(|e| e.message().into())
                })
                .map_err(|message| ConfigError::Environment { name: name.clone(), message })?;
        }
        Config::deserialize(table).map_err(|e| ConfigError::Environment {
            name: "KENTONGAN__*".into(),
            message: e.message().into(),
        })
    }

    /// Makes every path absolute or relative to the working directory.
    fn relative_to(&mut self, folder: &Path) {
        let files = [&mut self.suggest.places, &mut self.suggest.categories, &mut self.sms.replies];
        let paths =
            [&mut self.data, &mut self.ivr.script, &mut self.prompts.folder, &mut self.asr.models];
        for path in paths.into_iter().chain(files.into_iter().flatten()) {
            *path = folder.join(&*path);
        }
    }

    /// The database: a file beside the recordings.
    pub fn store(&self) -> store::Config {
        store::Config {
            limits: self.limits,
            // A name that is no zone's stops `serve` by itself.
            zone: self.calls.zone().unwrap_or(TimeZone::UTC),
            ..store::Config::at(self.data.join("kentongan.sqlite3"))
        }
    }
}

/// Puts `value` at `section__key`; what does not read as a TOML value is a string.
fn set(table: &mut toml::Table, path: &str, value: &str) -> Result<(), String> {
    let mut keys: Vec<&str> = path.split("__").collect();
    let last = keys.pop().filter(|k| !k.is_empty()).ok_or("names no key")?;
    let mut at = table;
    for key in keys {
        at = at
            .entry(key)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| format!("{key} is not a section"))?;
    }
    let read = toml::from_str::<toml::Table>(&format!("v = {value}")).ok();
    let value =
        read.and_then(|mut t| t.remove("v")).unwrap_or_else(|| toml::Value::String(value.into()));
    at.insert(last.into(), value);
    Ok(())
}

/// `line 12: unknown field ...`
fn located(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|s| text[..s.start.min(text.len())].matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("kentongan.toml");
        std::fs::write(&path, text).expect("a writable folder");
        Config::read(&path, environment.iter().map(|(k, v)| (k.to_string(), v.to_string())))
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(read("", &[]).unwrap().http.listen.port(), 9464);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_its_line() {
        let error =
            read("[http]\n\nlisten = '127.0.0.1:1'\nlsten = 1\n", &[]).unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains("lsten"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_its_mistakes_name_the_variable() {
        let changed =
            read("[http]\nlisten = '127.0.0.1:1'", &[("KENTONGAN__HTTP__LISTEN", "127.0.0.1:2")]);
        assert_eq!(changed.unwrap().http.listen.port(), 2);
        let error = read("", &[("KENTONGAN__HTTP__PORT", "2")]).unwrap_err().to_string();
        assert!(error.contains("KENTONGAN__HTTP__PORT"), "{error}");
    }

    #[test]
    fn the_example_holds_the_defaults() {
        let example = toml::from_str::<Config>(include_str!("../kentongan.example.toml")).unwrap();
        assert_eq!(format!("{example:#?}"), format!("{:#?}", Config::default()));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = read("data = 'rows'\nsuggest.places = 'p.toml'", &[]).unwrap();
        assert!(config.data.is_absolute() && config.data.ends_with("rows"));
        let places = config.suggest.places.unwrap();
        assert!(places.is_absolute() && places.ends_with("p.toml"));
    }
}
