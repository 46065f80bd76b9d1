use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::gateway::{Call, Command, Gateway, Outbound, OutboundMessage, Sent};

/// The longest that a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const ANSWER: usize = 1024 * 1024;

/// How an attempt to send ended, as far as can be told from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The gateway said so.
    Told(Sent),
    /// It was never asked.
    NotAsked(String),
    /// It was asked, and its answer did not arrive.
    NoAnswer(String),
}

/// Carries requests to gateways.
#[derive(Clone, Debug)]
pub struct Wire {
    client: reqwest::Client,
}

impl Wire {
    /// Fails only where TLS cannot be set up at all.
    pub fn new() -> Result<Wire, reqwest::Error> {
        // Done already in the program itself, whose `main` does it first thing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            // A redirect would carry passwords somewhere else.
            .redirect(reqwest::redirect::Policy::none())
            // On a connection that was kept, nobody knows whether a request that failed had arrived.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Wire { client })
    }

    /// Tries to send a message once.
    pub async fn send(&self, gateway: &dyn Gateway, message: &OutboundMessage<'_>) -> Attempt {
        match gateway.outbound(message) {
            Outbound::Http(call) => match self.carry(call).await {
                Ok((status, body)) => Attempt::Told(gateway.sent(status, &body)),
                Err(error) if error.is_connect() || error.is_builder() => {
                    Attempt::NotAsked(plain(&error))
                }
                Err(error) => Attempt::NoAnswer(plain(&error)),
            },
            Outbound::Command(command) => run(gateway, command).await,
        }
    }

    /// Makes a request; tells status and body of the answer.
    pub async fn carry(&self, call: Call) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let method =
            if call.method == "POST" { reqwest::Method::POST } else { reqwest::Method::GET };
        let mut request = self.client.request(method, call.url).body(call.body);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send().await?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER {
                break;
            }
        }
        Ok((status, body))
    }
}

/// What went wrong, without the address: passwords travel in it.
fn plain(error: &reqwest::Error) -> String {
    let what = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "cannot be reached",
        error if error.is_builder() => "its address is not one",
        _ => "the connection broke",
    };
    let cause = std::error::Error::source(error).map(innermost);
    cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

async fn run(gateway: &dyn Gateway, command: Command) -> Attempt {
    let spawned = tokio::process::Command::new(&command.program)
        .args(&command.arguments)
        .envs(command.environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Attempt::NotAsked(format!("{}: {error}", command.program)),
    };
    let running = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends without reading says why by its status.
            let _ = stdin.write_all(&command.stdin).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(output)) => {
            let said = [output.stdout, output.stderr].concat();
            Attempt::Told(gateway.ran(output.status.code(), &said))
        }
        Ok(Err(error)) => Attempt::NoAnswer(error.to_string()),
        Err(_) => Attempt::NoAnswer("no answer in time".into()),
    }
}
