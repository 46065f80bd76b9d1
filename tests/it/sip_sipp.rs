//! Debian's SIPp as the caller: a phone that nobody here wrote, and a measure of what a call costs.
//!
//! Takes ten seconds, so only with `KENTONGAN_SLOW=1`. `--nocapture` shows the figures.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use kentongan::sip::{Stats, UserAgent};
use tokio::process::Command;

use crate::sip_peer::*;

/// Seconds of CPU that this process has used, and megabytes that it holds.
fn cost() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let pages: f64 = fields[21].parse().unwrap();
    (ticks / 100.0, pages * 4096.0 / 1e6)
}

fn from_environment(name: &str, or: u32) -> u32 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(or)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sipp_makes_a_thousand_calls() {
    if std::env::var_os("KENTONGAN_SLOW").is_none() {
        eprintln!("skipped: set KENTONGAN_SLOW=1");
        return;
    }
    let (count, rate) = (from_environment("SIPP_CALLS", 1000), from_environment("SIPP_RATE", 200));
    let (agent, mut calls) = agent(kentongan::sip::Config { t1_ms: 500, ..config() }).await;
    let answering = tokio::spawn(async move {
        let mut answered = 0;
        while let Some(call) = calls.recv().await {
            let Ok(mut dialog) = call.answer(ANSWER.to_owned()) else { continue };
            answered += 1;
            tokio::spawn(async move { while dialog.next().await.is_some() {} });
        }
        answered
    });
    let rounds = from_environment("SIPP_ROUNDS", 1);
    for _ in 0..rounds {
        let before = cost();
        sipp(agent.local_addr(), count, rate).await;
        let after = cost();
        assert_eq!(agent.drain(1, LONG).await, 0);
        agent.set_admission(kentongan::sip::Admission::Open);
        let kept = agent.stats().finished_transactions;
        forgotten(&agent).await;
        eprintln!(
            "{count} calls at {rate} a second: {:.3} ms CPU a call; {:.1} MB before, {:.1} after with {kept} transactions kept, {:.1} without",
            (after.0 - before.0) * 1000.0 / f64::from(count),
            before.1,
            after.1,
            cost().1,
        );
    }
    drop(agent);
    assert_eq!(answering.await.unwrap(), count * rounds);
}

async fn sipp(server: SocketAddr, count: u32, rate: u32) {
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new("sipp")
        .args(["-sn", "uac", "-nostdin", "-i", "127.0.0.1", "-timeout", "60", "-timeout_error"])
        .args(["-trace_err", "-error_file", "errors"])
        .args(["-m", &count.to_string(), "-r", &rate.to_string(), "-d", "0"])
        .arg(server.to_string())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await
        .expect("sipp is installed (Debian: sip-tester)");
    let errors = std::fs::read_to_string(directory.path().join("errors")).unwrap_or_default();
    let errors: Vec<&str> = errors.lines().take(20).collect();
    assert!(status.success(), "sipp says that calls failed: {status} {errors:#?}");
}

/// The transactions that absorb retransmissions go after 64*T1.
async fn forgotten(agent: &UserAgent) {
    let start = tokio::time::Instant::now();
    while agent.stats() != Stats::default() {
        assert!(start.elapsed() < Duration::from_secs(40), "{:?}", agent.stats());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
