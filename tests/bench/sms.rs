//! `make bench-sms`: how many messages the hook takes, how long a gateway waits, and whether any is lost or doubled.
//! README.md beside this file tells how to read it.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

#[path = "../it/carrier.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod carrier;
#[expect(dead_code, reason = "the other bench uses more of it")]
mod figures;
#[path = "../it/hotline.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod hotline;
mod machine;
mod posts;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::task::JoinSet;

use hotline::Hotline;

/// Loads the hook on one core from another.
#[derive(Parser)]
struct Flags {
    /// Messages a second.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 500, 1000])]
    rates: Vec<u32>,
    /// Seconds of each.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// The same message so often.
    #[arg(long, default_value_t = 10_000)]
    duplicates: usize,
    /// Messages in each burst that ends in a `kill -9`, and how many such bursts.
    #[arg(long, default_value_t = 2_000)]
    burst: usize,
    #[arg(long, default_value_t = 5)]
    kills: usize,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Posts on their way at once, in a burst.
const TOGETHER: usize = 64;

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    machine::pin(machine::GENERATOR);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        println!(
            "kentongan serve on core {}, gateways on core {}",
            machine::SERVER,
            machine::GENERATOR
        );
        rates(&flags).await?;
        duplicates(&flags).await?;
        kills(&flags).await
    })
}

fn start() -> anyhow::Result<Hotline> {
    let program = machine::pinned(machine::SERVER, env!("CARGO_BIN_EXE_kentongan"));
    Hotline::start_by(program, &posts::configuration())
}

async fn rates(flags: &Flags) -> anyhow::Result<()> {
    let columns = [
        "messages/s",
        "posted",
        "not 200",
        "wait (p50 / p99 / p99.9 / max ms)",
        "CPU ms/message",
        "tickets",
        "answers",
        "RSS MB before",
        "after",
    ];
    figures::head(&columns);
    for &rate in &flags.rates {
        let hotline = start()?;
        let client = posts::client()?;
        let (before, cpu) = (machine::rss(hotline.pid()), machine::cpu(hotline.pid()));
        let messages = (rate * flags.seconds) as usize;
        let (waits, failed) = posts::paced(&client, hotline.web_port, rate, 0..messages).await;
        let cpu = machine::cpu(hotline.pid()) - cpu;
        let rows = rows(&hotline).await?;
        figures::row(
            &columns,
            &[
                rate.to_string(),
                messages.to_string(),
                failed.to_string(),
                waits.four(),
                format!("{:.3}", cpu.as_secs_f64() * 1000.0 / messages as f64),
                count(&rows, "SELECT COUNT(*) FROM ticket").await?.to_string(),
                count(&rows, "SELECT COUNT(*) FROM sms_out").await?.to_string(),
                format!("{:.1}", before as f64 / 1000.0),
                format!("{:.1}", machine::rss(hotline.pid()) as f64 / 1000.0),
            ],
        );
    }
    Ok(())
}

async fn duplicates(flags: &Flags) -> anyhow::Result<()> {
    let hotline = start()?;
    let client = posts::client()?;
    let cpu = machine::cpu(hotline.pid());
    let begun = Instant::now();
    let statuses = burst(&client, &hotline, (0..flags.duplicates).map(|_| 0)).await;
    let took = begun.elapsed();
    let cpu = machine::cpu(hotline.pid()) - cpu;
    let rows = rows(&hotline).await?;
    println!(
        "\nThe same message {} times: {} acknowledged in {:.1} s ({:.3} CPU ms each), {} ticket, {} answer",
        flags.duplicates,
        statuses.iter().filter(|(_, status)| *status == Some(200)).count(),
        took.as_secs_f64(),
        cpu.as_secs_f64() * 1000.0 / flags.duplicates as f64,
        count(&rows, "SELECT COUNT(*) FROM ticket").await?,
        count(&rows, "SELECT COUNT(*) FROM sms_out").await?,
    );
    Ok(())
}

async fn kills(flags: &Flags) -> anyhow::Result<()> {
    let columns = [
        "kill -9 after",
        "posted",
        "acknowledged",
        "of these kept",
        "posted again",
        "tickets",
        "answers",
    ];
    figures::head(&columns);
    let mut hotline = start()?;
    let client = posts::client()?;
    for kill in 0..flags.kills {
        let numbers = kill * flags.burst..(kill + 1) * flags.burst;
        let after = Duration::from_millis(200 + 150 * kill as u64);
        let pid = rustix::process::Pid::from_raw(hotline.pid() as i32);
        let killer = async {
            tokio::time::sleep(after).await;
            pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL))
        };
        let (statuses, _) = tokio::join!(burst(&client, &hotline, numbers.clone()), killer);
        hotline.wait()?;
        hotline.start_again()?;
        let rows = rows(&hotline).await?;
        let mut kept = 0;
        let acknowledged = || statuses.iter().filter(|(_, status)| *status == Some(200));
        for (n, _) in acknowledged() {
            let id = format!("m{n}");
            let known: i64 =
                sqlx::query_scalar("SELECT COUNT(*) FROM sms_in WHERE external_id = ?")
                    .bind(id)
                    .fetch_one(&rows)
                    .await?;
            kept += known;
        }
        let again: Vec<usize> =
            statuses.iter().filter(|(_, s)| *s != Some(200)).map(|(n, _)| *n).collect();
        burst(&client, &hotline, again.iter().copied()).await;
        figures::row(
            &columns,
            &[
                format!("{} ms", after.as_millis()),
                flags.burst.to_string(),
                acknowledged().count().to_string(),
                kept.to_string(),
                again.len().to_string(),
                count(&rows, "SELECT COUNT(*) FROM ticket").await?.to_string(),
                count(&rows, "SELECT COUNT(*) FROM sms_out").await?.to_string(),
            ],
        );
    }
    Ok(())
}

/// As fast as they are answered.
async fn burst(
    client: &reqwest::Client,
    hotline: &Hotline,
    numbers: impl Iterator<Item = usize>,
) -> Vec<(usize, Option<u16>)> {
    let numbers: Arc<[usize]> = numbers.collect();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..TOGETHER {
        let (client, numbers, next) = (client.clone(), numbers.clone(), next.clone());
        let port = hotline.web_port;
        workers.spawn(async move {
            let mut statuses = Vec::new();
            while let Some(&n) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                statuses.push((n, posts::post(&client, port, n).await));
            }
            statuses
        });
    }
    workers.join_all().await.concat()
}

async fn rows(hotline: &Hotline) -> anyhow::Result<SqlitePool> {
    Ok(SqlitePool::connect_with(SqliteConnectOptions::new().filename(hotline.database())).await?)
}

async fn count(rows: &SqlitePool, what: &'static str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(what).fetch_one(rows).await?)
}
