//! Gateways that do not post are asked again and again.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use super::desk::Desk;
use super::gateway::{Gateway, Incoming};
use super::{Gateways, Wire};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(60);

/// Fetches what comes to one gateway, until it is dropped; ends at once if that gateway posts.
pub async fn run(name: String, gateways: Gateways, desk: Arc<Desk>, wire: Wire) {
    let Some(gateway) = gateways.get(&name) else { return };
    if gateway.poll().is_none() {
        return;
    }
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        fetch(&name, gateway.as_ref(), &desk, &wire).await;
    }
}

async fn fetch(name: &str, gateway: &dyn Gateway, desk: &Desk, wire: &Wire) {
    let Some(call) = gateway.poll() else { return };
    let (status, body) = match wire.carry(call).await {
        Ok(answer) => answer,
        // Its text has the address in it, and the address the password.
        Err(error) => {
            return warn!(gateway = name, error = %error.without_url(), "messages cannot be fetched");
        }
    };
    match gateway.polled(status, &body) {
        Ok(Incoming::Messages(messages)) => {
            for message in messages {
                if let Err(error) = desk.receive(name, message).await {
                    // It is fetched again: what is here already is known by its name.
                    return error!(gateway = name, %error, "a message cannot be kept");
                }
            }
        }
        Ok(_) => {}
        Err(why) => warn!(gateway = name, "what was fetched cannot be understood: {why}"),
    }
}
