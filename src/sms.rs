//! Short messages: what one asks for, what the answer may cost, and how gateways carry both.
//!
//! `command` reads a message, `segment` counts and flattens an answer, `reply` fills in the site's texts, `gateway`
//! knows what each gateway says and wants to hear, `quiet` when nobody is to be woken, `reconcile` what gateways had and
//! we have not. All of that is pure: no socket, no clock. `hook` and `fetch` are where messages come in, `desk` gives them to the store, and `outbox` sends what it queued.

pub mod command;
mod config;
pub mod desk;
pub mod fetch;
pub mod gateway;
pub mod hook;
pub mod outbox;
pub mod quiet;
pub mod reconcile;
pub mod reply;
pub mod segment;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{Config, Limits};
pub use wire::Wire;

/// The gateways of a site, by name.
pub type Gateways = Arc<BTreeMap<String, Box<dyn gateway::Gateway>>>;

/// A gateway that cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("[sms.gateways.{name}]: {why}")]
    Misconfigured { name: String, why: gateway::Misconfigured },
    #[error(
        "[sms.gateways]: {0:?} cannot stand in an address: use small letters, digits and dashes"
    )]
    Name(String),
    #[error("[sms] send_by: there is no gateway {0:?}")]
    NoSuch(String),
}

/// Makes the gateways of a site ready.
pub fn gateways(config: &Config) -> Result<Gateways, GatewayError> {
    let mut gateways = BTreeMap::new();
    for (name, gateway) in &config.gateways {
        if !is_name(name) {
            return Err(GatewayError::Name(name.clone()));
        }
        let ready = gateway
            .gateway()
            .map_err(|why| GatewayError::Misconfigured { name: name.clone(), why })?;
        gateways.insert(name.clone(), ready);
    }
    match &config.send_by {
        Some(name) if !gateways.contains_key(name) => Err(GatewayError::NoSuch(name.clone())),
        _ => Ok(Arc::new(gateways)),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=40).contains(&name.len()) && name.chars().all(fits)
}
