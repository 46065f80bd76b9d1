//! The operators' console: pages that are rendered here and forms that work without scripts.
//!
//! [`routes::table`] has every address and who may use it. What a page shows comes from rows; what a form changes is one
//! change in [`crate::store`], with its audit row. Whatever a stranger said or wrote is escaped by the templates.

mod access;
mod account;
mod assets;
mod audit;
mod auth;
mod calls;
mod code;
mod counter;
mod error;
mod evidence;
mod inbox;
mod keys;
mod ladder;
mod licences;
mod live;
mod menu;
mod opus;
mod page;
mod pcap;
mod prompts;
mod range;
mod routes;
mod secret;
mod show;
mod sound;
mod staff;
mod ticket;
mod totp;
mod trace;
mod transcript;
mod trust;
mod wall;
mod work;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::clock::{Clock, Timestamp};
use crate::files::Files;
use crate::store::{Store, StoreError};
use crate::ticket::suggest::Suggester;

pub use access::Encrypted;
pub use live::{Live, watch};
pub use opus::Opus;
pub use prompts::Prompts;
pub use routes::{pages, routes};
pub use secret::{PasswordError, Passwords, one_time_password};
pub use trust::Authority;

/// How the console is reached, and how long somebody stays signed in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What browsers call it behind a reverse proxy with TLS: `https://lapor.example.go.id`. Cookies are for TLS only
    /// then.
    pub origin: Option<String>,
    /// Minutes without a request after which somebody must sign in again.
    pub idle_minutes: u32,
    /// Hours after which everybody must.
    pub session_hours: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { origin: None, idle_minutes: 30, session_hours: 12 }
    }
}

impl Config {
    fn idle(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.idle_minutes))
    }

    fn session(&self) -> Duration {
        Duration::from_secs(3600 * u64::from(self.session_hours))
    }

    /// Whether browsers reach it by TLS.
    fn tls(&self) -> bool {
        self.origin.as_deref().is_some_and(|origin| origin.starts_with("https://"))
    }
}

/// How reporters reach the office, as far as its settings tell. What is empty is not told.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub name: String,
    pub telephone: String,
    /// Short messages come in; to this number, if that is known.
    pub sms: Option<String>,
}

/// What the pages are made from.
pub struct Console {
    pub store: Store,
    pub files: Files,
    pub clock: Arc<dyn Clock>,
    /// The site's time zone.
    pub zone: TimeZone,
    /// Without it nothing is suggested.
    pub suggester: Option<Suggester>,
    pub passwords: Passwords,
    /// Who vouches for this console, where the site has no certificate of its own.
    pub authority: Option<Authority>,
    /// Where the prompts' texts are: a menu may say nothing else.
    pub prompts_folder: PathBuf,
    pub opus: Opus,
    pub prompts: Prompts,
    pub config: Config,
    pub service: Service,
    /// What open pages are told.
    pub live: Arc<Live>,
}

/// How handlers get it.
type App = State<Arc<Console>>;

impl Console {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A token that lets whoever holds it become the first admin, or `None` when somebody works here already. Tokens
    /// that were made before are void.
    pub async fn first_admin_token(store: &Store) -> Result<Option<String>, StoreError> {
        if store.has_admin().await? {
            return Ok(None);
        }
        let token = secret::token();
        store.await_first_admin(&secret::hash(&token)).await?;
        Ok(Some(token))
    }
}
