//! A gateway for a test: it takes what the hotline sends, or refuses it, or falls silent; and it posts what telephones
//! write, signed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use kentongan::clock::{Clock, SystemClock};
use kentongan::sms::Wire;
use kentongan::sms::gateway::Call;
use kentongan::sms::gateway::generic::sign;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::hotline::Hotline;

/// 24 bytes and more, as the signature wants them.
pub const SECRET: &str = "whsec_a2VudG9uZ2FuIGJlcmJ1bnlpIGRpIHBvcyByb25kYQ==";
/// The longest that anything may be waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// How it takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Takes,
    /// 503 each time.
    Busy,
    /// Takes a message and never says so.
    Mute,
}

/// One message as the hotline sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub reference: String,
    pub to: String,
    pub text: String,
}

#[derive(Default)]
struct Taken {
    sent: Mutex<Vec<Sent>>,
    changed: Notify,
}

pub struct Carrier {
    pub address: SocketAddr,
    taken: Arc<Taken>,
    mood: watch::Sender<Mood>,
    wire: Wire,
    server: tokio::task::JoinHandle<()>,
}

impl Carrier {
    pub async fn start() -> Carrier {
        let (taken, mood) = (Arc::new(Taken::default()), watch::Sender::new(Mood::Takes));
        let routes = Router::new().fallback(take).with_state((taken.clone(), mood.subscribe()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Carrier { address, taken, mood, wire: Wire::new().unwrap(), server }
    }

    /// A `generic` gateway, for a hotline's configuration.
    pub fn generic(&self) -> String {
        format!(
            "[sms.limits]\npause = 0\nper_minute = 0\n[sms.gateways.uji]\ntype = 'generic'\nsecret = '{SECRET}'\nurl = 'http://{}/send'\n",
            self.address
        )
    }

    /// A `kannel` gateway: one that cannot tell a second attempt from a second message.
    pub fn kannel(&self) -> String {
        format!(
            "[sms.limits]\npause = 0\nper_minute = 0\n[sms.gateways.uji]\ntype = 'kannel'\ntoken = 'rahasia'\nurl = 'http://{}/send'\nusername = 'a'\npassword = 'b'\n",
            self.address
        )
    }

    pub fn mood(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// What the hotline sent so far, each attempt.
    pub fn sent(&self) -> Vec<Sent> {
        self.taken.sent.lock().unwrap().clone()
    }

    /// Waits until so many attempts came.
    pub async fn until(&self, attempts: usize) -> Vec<Sent> {
        let enough = async {
            loop {
                let changed = self.taken.changed.notified();
                let sent = self.sent();
                if sent.len() >= attempts {
                    return sent;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        waited.unwrap_or_else(|_| panic!("{attempts} did not come, but {:?}", self.sent()))
    }

    /// Posts what a telephone wrote, as `generic` has it; tells the hotline's answer, or that there was none.
    pub async fn post(&self, hotline: &Hotline, id: &str, from: &str, text: &str) -> Option<u16> {
        let data = json!({ "id": id, "from": from, "to": "1708", "text": text });
        let body = json!({ "type": "sms.received", "data": data }).to_string();
        let seconds = (SystemClock.now().0 / 1000).to_string();
        let signature = sign(SECRET, id, &seconds, body.as_bytes()).unwrap();
        self.post_signed(hotline, id, &seconds, &signature, body).await
    }

    pub async fn post_signed(
        &self,
        hotline: &Hotline,
        id: &str,
        seconds: &str,
        signature: &str,
        body: String,
    ) -> Option<u16> {
        let call = Call {
            method: "POST",
            url: format!("http://127.0.0.1:{}/hooks/sms/uji", hotline.web_port),
            headers: vec![
                ("content-type", "application/json".into()),
                ("webhook-id", id.into()),
                ("webhook-timestamp", seconds.into()),
                ("webhook-signature", signature.into()),
            ],
            body: body.into_bytes(),
        };
        self.wire.carry(call).await.ok().map(|(status, _)| status)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What the hotline sends, in whichever of the two forms.
async fn take(
    State((taken, mut mood)): State<(Arc<Taken>, watch::Receiver<Mood>)>,
    request: Request,
) -> (StatusCode, String) {
    let now = *mood.borrow();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    taken.sent.lock().unwrap().push(read(&query, &body));
    taken.changed.notify_waiters();
    match now {
        Mood::Takes => (StatusCode::ACCEPTED, "{}".into()),
        Mood::Busy => (StatusCode::SERVICE_UNAVAILABLE, "{}".into()),
        Mood::Mute => {
            // Until the mood changes nothing is said; the hotline loses patience first, or the connection.
            let _ = mood.wait_for(|mood| *mood != Mood::Mute).await;
            (StatusCode::ACCEPTED, "{}".into())
        }
    }
}

fn read(query: &str, body: &[u8]) -> Sent {
    if let Ok(message) = serde_json::from_slice::<Value>(body) {
        let word = |name: &str| message["data"][name].as_str().unwrap_or_default().to_owned();
        return Sent { reference: word("reference"), to: word("to"), text: word("text") };
    }
    let field = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let decoded = percent_encoding::percent_decode_str(value.unwrap_or_default());
        decoded.decode_utf8_lossy().into_owned()
    };
    Sent { reference: field("dlr-url"), to: field("to"), text: field("text") }
}
