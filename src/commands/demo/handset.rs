//! A telephone that writes and reads short messages, with the gateway between it and the hotline: the hotline posts to it
//! and is posted to, both signed, as with any other gateway.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::{Json, State};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::sms::Wire;
use kentongan::sms::gateway::Call;
use kentongan::sms::gateway::generic::sign;
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The longest that a message may be on its way.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Handset {
    /// Another one each time: the same words from the same number within minutes would be the same report.
    pub number: String,
    secret: String,
    wire: Wire,
    written: u32,
    /// To whom, and what.
    arrived: mpsc::UnboundedReceiver<(String, String)>,
    gateway: tokio::task::JoinHandle<()>,
}

impl Handset {
    /// Starts the gateway, and makes it the hotline's.
    pub async fn start(config: &mut Config) -> anyhow::Result<Handset> {
        #[expect(clippy::disallowed_methods, reason = "the edge that draws the secret")]
        let (key, number): ([u8; 32], u32) =
            (rand::rng().random(), rand::rng().random_range(0..100_000));
        let secret = format!("whsec_{}", STANDARD.encode(key));
        let (post_box, arrived) = mpsc::unbounded_channel();
        let routes = Router::new().route("/send", post(deliver)).with_state(post_box);
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/send", listener.local_addr()?);
        let gateway = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                eprintln!("kentongan: the demo's gateway ended: {error}");
            }
        });
        let section = format!("type = 'generic'\nsecret = '{secret}'\nurl = '{url}'");
        config.sms.gateways = [("demo".to_owned(), toml::from_str(&section)?)].into();
        // Nobody has time to wait in a demonstration.
        config.sms.limits.pause = 0;
        config.sms.limits.per_minute = 0;
        let number = format!("+6281200{number:06}");
        Ok(Handset { number, secret, wire: Wire::new()?, written: 0, arrived, gateway })
    }

    /// Writes to the hotline; returns when the hotline has it.
    pub async fn sends(&mut self, hotline: SocketAddr, text: &str) -> anyhow::Result<()> {
        self.written += 1;
        let id = format!("demo-{}-{}", std::process::id(), self.written);
        let data = json!({ "id": id, "from": self.number, "to": "1708", "text": text });
        let body = json!({ "type": "sms.received", "data": data }).to_string().into_bytes();
        let seconds = (SystemClock.now().0 / 1000).to_string();
        let signature = sign(&self.secret, &id, &seconds, &body).context("no secret")?;
        let call = Call {
            method: "POST",
            url: format!("http://{hotline}/hooks/sms/demo"),
            headers: vec![
                ("content-type", "application/json".into()),
                ("webhook-id", id),
                ("webhook-timestamp", seconds),
                ("webhook-signature", signature),
            ],
            body,
        };
        let (status, _) = self.wire.carry(call).await.context("the hook cannot be reached")?;
        ensure!(status == 200, "the hook answered {status}");
        Ok(())
    }

    /// The next message that reaches a telephone: to whom, and what.
    pub async fn receives(&mut self) -> anyhow::Result<(String, String)> {
        tokio::time::timeout(PATIENCE, self.arrived.recv())
            .await
            .context("no message came in time")?
            .context("the gateway is gone")
    }
}

impl Drop for Handset {
    fn drop(&mut self) {
        self.gateway.abort();
    }
}

/// The hotline sends a message.
async fn deliver(
    State(post_box): State<mpsc::UnboundedSender<(String, String)>>,
    Json(message): Json<Value>,
) -> Json<Value> {
    let word = |name: &str| message["data"][name].as_str().unwrap_or_default().to_owned();
    // Whoever does not look any more has seen enough.
    let _ = post_box.send((word("to"), word("text")));
    Json(json!({ "id": word("reference") }))
}
