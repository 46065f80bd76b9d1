//! What is wrong with short messages.

use std::net::ToSocketAddrs;
use std::time::Duration;

use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::server::messages;
use kentongan::sms;
use kentongan::sms::gateway::{Gateway, Outbound, OutboundMessage};
use kentongan::store::{SmsCounts, Store};
use reqwest::Url;

use super::{Finding, error, ok, warning};

/// How long a gateway may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// A message that waits longer than this waits for something to be mended.
const LATE: Duration = Duration::from_secs(15 * 60);

/// Gateways, texts and the outbox; nothing if there are no gateways.
pub async fn findings(config: &Config) -> Vec<Finding> {
    if config.sms.gateways.is_empty() {
        return vec![ok("sms", "no gateway is configured: no short messages")];
    }
    let mut findings = vec![texts(config)];
    match sms::gateways(&config.sms) {
        Ok(gateways) => {
            for (name, gateway) in gateways.iter() {
                findings.push(reach(name, gateway.as_ref()).await);
            }
        }
        Err(e) => findings.push(error("sms", e.to_string())),
    }
    findings.extend(outbox(config).await);
    findings
}

fn texts(config: &Config) -> Finding {
    match messages::replies(&config.sms) {
        Ok(_) => ok("sms", "the answers' texts fit"),
        Err(e) => error("sms", format!("{e:#}")),
    }
}

/// Whether messages could leave; none is sent.
async fn reach(name: &str, gateway: &dyn Gateway) -> Finding {
    let now = SystemClock.now();
    let nobody = OutboundMessage { reference: "0", to: "+620000000000", text: "", at: now };
    let reached = match gateway.outbound(&nobody) {
        Outbound::Http(call) => connect(&call.url).await,
        Outbound::Command(command) => installed(&command.program),
    };
    match reached {
        Ok(at) => ok("sms", format!("{name}: {at}")),
        Err(why) => error("sms", format!("{name}: {why}; until then messages wait in the outbox")),
    }
}

/// The address without its query: passwords travel there.
async fn connect(url: &str) -> Result<String, String> {
    let url = Url::parse(url).map_err(|e| format!("its url is none ({e})"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let at = format!("{host} port {port}");
    let resolve = tokio::task::spawn_blocking(move || (host, port).to_socket_addrs());
    let connecting = async {
        let addresses: Vec<_> = resolve.await.map_err(std::io::Error::other)??.collect();
        tokio::net::TcpStream::connect(&addresses[..]).await
    };
    match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(Ok(_)) => Ok(format!("{at} answers")),
        Ok(Err(e)) => {
            Err(format!("{at} cannot be reached ({e}): start the gateway, or correct its url"))
        }
        Err(_) => Err(format!("{at} does not answer: look at the network and its firewall")),
    }
}

fn installed(program: &str) -> Result<String, String> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|folder| folder.join(program))
        .find(|file| rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok());
    match found {
        Some(file) => Ok(format!("{} is there", file.display())),
        None => Err(format!("{program} is not installed")),
    }
}

/// A database that cannot be read was told of already.
async fn outbox(config: &Config) -> Vec<Finding> {
    let Ok(store) = Store::open_existing(&config.store()).await else { return Vec::new() };
    let Ok(counts) = store.sms_counts().await else { return Vec::new() };
    let SmsCounts { queued, sending, oldest, unsure, failed, trouble } = counts;
    let now = SystemClock.now();
    let late = oldest.filter(|oldest| now.since(*oldest) > LATE);
    let said = format!("outbox: {} waiting", queued + sending);
    let mut findings = vec![match (late, trouble) {
        (Some(since), trouble) => warning(
            "sms",
            format!(
                "{said}, the oldest for {} min{}",
                now.since(since).as_secs() / 60,
                trouble.map_or(String::new(), |why| format!(": {why}"))
            ),
        ),
        (None, _) => ok("sms", said),
    }];
    if failed + unsure > 0 {
        findings.push(warning(
            "sms",
            format!(
                "{failed} messages failed, of {unsure} nobody knows whether they went: `kentongan sms list` shows them, `kentongan sms retry` sends them again"
            ),
        ));
    }
    findings
}
