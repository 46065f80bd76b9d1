//! SIPp for the signalling, and what its log tells of the times.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::machine;

/// How calls are made.
#[derive(Clone, Copy)]
pub struct Load {
    pub calls: usize,
    /// New calls a second.
    pub rate: usize,
    /// From ACK to BYE.
    pub hold: Duration,
}

/// A SIPp at work. Ends, by its process id, when dropped.
pub struct Sipp {
    child: Child,
    folder: PathBuf,
    deadline: Instant,
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    pub failed: u64,
    /// When the 200 came, in microseconds since 1970, by the port in the offer.
    pub answered: HashMap<u16, i64>,
    /// Microseconds from each INVITE to its 200.
    pub answer_times: Vec<u32>,
    /// The first of SIPp's complaints about a call.
    pub complaint: String,
}

/// Whether SIPp is there, in words that tell what to do.
pub fn check() -> anyhow::Result<()> {
    match Command::new("sipp").arg("-v").output() {
        Ok(_) => Ok(()),
        Err(_) => {
            bail!("sipp is missing: run `deploy/setup test` (Debian: apt-get install sip-tester)")
        }
    }
}

impl Sipp {
    /// Calls `port` on loopback; each call wants its audio at one of `ports` in turn.
    pub fn start(port: u16, ports: &[u16], load: Load, folder: &Path) -> anyhow::Result<Sipp> {
        let lines: String = ports.iter().map(|port| format!("{port};\n")).collect();
        fs::write(folder.join("ports.csv"), format!("SEQUENTIAL\n{lines}"))?;
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/call.xml");
        // Twice the time it should take, so that a server that is stuck does not stick us.
        let time = load.hold * 2 + Duration::from_secs((load.calls / load.rate * 2 + 60) as u64);
        let child = machine::pinned(machine::GENERATOR, "sipp")
            .arg(format!("127.0.0.1:{port}"))
            .arg("-sf")
            .arg(scenario)
            .args(["-inf", "ports.csv", "-i", "127.0.0.1", "-nostdin"])
            .args(["-r", &load.rate.to_string()])
            .args(["-m", &load.calls.to_string()])
            .args(["-l", &load.calls.to_string()])
            .args(["-d", &load.hold.as_millis().to_string()])
            .args(["-timeout", &time.as_secs().to_string()])
            .args(["-trace_logs", "-log_file", "times.log"])
            .args(["-trace_stat", "-stf", "stat.csv", "-fd", "1"])
            .args(["-trace_err", "-error_file", "errors.log"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start sipp")?;
        let deadline = Instant::now() + time + Duration::from_secs(10);
        Ok(Sipp { child, folder: folder.to_owned(), deadline })
    }

    pub fn running(&mut self) -> anyhow::Result<bool> {
        if Instant::now() > self.deadline {
            bail!("sipp does not come to its end; see {}", self.folder.display());
        }
        Ok(self.child.try_wait()?.is_none())
    }

    pub fn outcome(&self) -> anyhow::Result<Outcome> {
        let read = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let mut outcome = Outcome { failed: failed(&read("stat.csv"))?, ..Outcome::default() };
        outcome.read_times(&read("times.log"));
        outcome.complaint = complaint(&read("errors.log"));
        Ok(outcome)
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Outcome {
    /// Lines such as `called 1 41000 2026-11-22 <tab> 04:30:28.399026 <tab> 1795321828.399026`.
    fn read_times(&mut self, log: &str) {
        let mut called: HashMap<&str, i64> = HashMap::new();
        for line in log.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[what, call, port, .., at] = words.as_slice() else { continue };
            let (Ok(port), Ok(at)) = (port.parse(), at.replace('.', "").parse()) else { continue };
            if what == "called" {
                called.insert(call, at);
            } else {
                self.answered.insert(port, at);
                let since = called.get(call).map_or(0, |called| at - called);
                self.answer_times.push(u32::try_from(since).unwrap_or(0));
            }
        }
    }
}

/// The first thing that went wrong in a call; that SIPp itself was late is no such thing.
fn complaint(errors: &str) -> String {
    let of_calls = errors.find("Aborting").map_or("", |at| &errors[at..]);
    of_calls.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// Calls that failed, from the last line of SIPp's statistics.
fn failed(stat: &str) -> anyhow::Result<u64> {
    let mut lines = stat.lines();
    let column =
        lines.next().and_then(|head| head.split(';').position(|name| name == "FailedCall(C)"));
    let last = lines.last().context("sipp left no statistics")?;
    let cell = column.and_then(|column| last.split(';').nth(column));
    cell.context("sipp's statistics have no FailedCall(C)")?.parse().context("FailedCall(C)")
}
