//! Messages posted to a hotline's hook as a gateway posts them.

use std::ops::Range;
use std::time::{Duration, Instant};

use kentongan::clock::{Clock, SystemClock};
use kentongan::sms::gateway::generic::sign;
use tokio::task::JoinSet;

use crate::carrier::SECRET;
use crate::figures::Spread;

/// Goes over the hotline's configuration. Answers stay queued: nobody takes connections at their gateway.
pub fn configuration() -> String {
    format!(
        "[sms.limits]\nanswers_per_day = 100000\n[sms.gateways.uji]\ntype = 'generic'\n\
         url = 'http://127.0.0.1:9/send'\nsecret = '{SECRET}'\n"
    )
}

pub fn client() -> anyhow::Result<reqwest::Client> {
    // Done already where it fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    Ok(client.timeout(Duration::from_secs(30)).build()?)
}

/// A message at each tick, whether or not the earlier ones are answered: waits count from the tick. The second figure is
/// how many were not acknowledged.
pub async fn paced(
    client: &reqwest::Client,
    port: u16,
    rate: u32,
    messages: Range<usize>,
) -> (Spread, usize) {
    let mut posts = JoinSet::new();
    let begun = Instant::now();
    for (tick, n) in messages.enumerate() {
        let due = begun + Duration::from_secs(1) * tick as u32 / rate;
        tokio::time::sleep_until(due.into()).await;
        let post = post(client, port, n);
        posts.spawn(async move {
            let status = post.await;
            (due.elapsed().as_micros() as u32, status)
        });
    }
    let ended = posts.join_all().await;
    let failed = ended.iter().filter(|(_, status)| *status != Some(200)).count();
    (Spread::new(ended.into_iter().map(|(wait, _)| wait).collect()), failed)
}

/// Message `n`, from a number of its own.
pub fn post(
    client: &reqwest::Client,
    port: u16,
    n: usize,
) -> impl Future<Output = Option<u16>> + Send + use<> {
    let id = format!("m{n}");
    let body = format!(
        r#"{{"type":"sms.received","data":{{"id":"{id}","from":"+62812{n:08}","to":"1708","text":"LAPOR lampu jalan nomor {n} di Jalan Merdeka mati sejak minggu lalu"}}}}"#
    );
    let seconds = (SystemClock.now().0 / 1000).to_string();
    let signature = sign(SECRET, &id, &seconds, body.as_bytes()).unwrap_or_default();
    let request = client
        .post(format!("http://127.0.0.1:{port}/hooks/sms/uji"))
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(body);
    async move { request.send().await.ok().map(|answer| answer.status().as_u16()) }
}
