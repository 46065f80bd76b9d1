//! Pages asked for at a steady pace, whether or not the earlier ones have come.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use super::pages::Kind;
use super::seed::OPERATORS;

/// A page that came.
pub struct Shown {
    /// Which of the kinds.
    pub kind: usize,
    /// From when it was due to its last byte.
    pub wait: Duration,
    pub bytes: usize,
    pub status: u16,
}

/// Asks for `rate` pages a second, a kind after the other, each time another address of it. Waits count from when a page
/// was due: a server that stalls is not spared those that would have come meanwhile.
pub async fn run(
    client: &reqwest::Client,
    port: u16,
    kinds: &[Kind],
    rate: u32,
    time: Duration,
) -> anyhow::Result<Vec<Shown>> {
    let mut asked = JoinSet::new();
    let begun = Instant::now();
    for n in 0..rate * time.as_secs() as u32 {
        let due = begun + Duration::from_secs(1) * n / rate;
        tokio::time::sleep_until(due.into()).await;
        let kind = n as usize % kinds.len();
        let request = ask(client, port, &kinds[kind], n as usize / kinds.len());
        asked.spawn(async move {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let bytes = answer.bytes().await?.len();
            anyhow::Ok(Shown { kind, wait: due.elapsed(), bytes, status })
        });
    }
    asked.join_all().await.into_iter().collect()
}

/// The text of one page.
pub async fn text(
    client: &reqwest::Client,
    port: u16,
    kind: &Kind,
    n: usize,
) -> anyhow::Result<String> {
    let answer = ask(client, port, kind, n).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    anyhow::ensure!(status == 200, "{} {}: {status}\n{text}", kind.name, kind.path(n));
    Ok(text)
}

fn ask(client: &reqwest::Client, port: u16, kind: &Kind, n: usize) -> reqwest::RequestBuilder {
    let address = format!("http://127.0.0.1:{port}{}", kind.path(n));
    client.get(address).header("cookie", format!("kentongan={}", kind.who))
}

/// What a page brings with it: style and scripts, fetched once and kept by the browser.
pub async fn assets(client: &reqwest::Client, port: u16, page: &str) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for part in page.split('"').filter(|part| part.starts_with("/aset/")) {
        let answer = client.get(format!("http://127.0.0.1:{port}{part}")).send().await?;
        bytes += answer.bytes().await.context("an asset")?.len();
    }
    Ok(bytes)
}

/// The event stream of one of the operators, on a connection of its own.
pub async fn listen(port: u16, n: usize) -> anyhow::Result<reqwest::Response> {
    let who = n % OPERATORS + 1;
    let answer = reqwest::Client::new()
        .get(format!("http://127.0.0.1:{port}/peristiwa"))
        .header("cookie", format!("kentongan=petugas{who}"))
        .send()
        .await?;
    anyhow::ensure!(answer.status() == 200, "an event stream: {}", answer.status());
    Ok(answer)
}
