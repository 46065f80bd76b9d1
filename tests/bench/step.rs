//! One load after another on a hotline of its own, and a row of figures for each.

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::baseline::{self, Plain};
use crate::caller::{Caller, Plan};
use crate::figures::{self, Spread};
use crate::hotline::Hotline;
use crate::peer::{self, Peer};
use crate::sipp::{Load, Outcome, Sipp};
use crate::{backlog, machine, pause, told, voice, workspace};

/// A gap this long is heard as a hole, in milliseconds.
const STALL: u32 = 60;
/// How far a recording may be from what was spoken: the key's own packets and a packet at each end.
const TOLERANCE: Duration = Duration::from_millis(250);

/// Callers who hear and speak.
pub struct Audio {
    name: &'static str,
    plan: Plan,
    hold: Duration,
    /// Goes over the hotline's configuration.
    extra: String,
    /// Complaints that wait to be written down when the calls begin.
    backlog: usize,
    goals: &'static str,
    _folder: Option<TempDir>,
}

impl Audio {
    /// The whole menu with a recording.
    pub fn menu(quick: bool) -> Audio {
        let [greeting, speech, hold] =
            if quick { [1, 5, 50] } else { [12, 20, 80] }.map(Duration::from_secs);
        Audio {
            name: "menu",
            plan: Plan::Report { greeting, speech },
            hold,
            extra: String::new(),
            backlog: 0,
            goals: "at most 0.04 CPU s a call-minute, 800 up, p99.9 gap under 25 ms, no stall, no digit lost, \
                    no recording wrong, INVITE to 200 under 50 ms at p99, under 60 kB a call",
            _folder: None,
        }
    }

    /// The same while recordings are written down, more than will be done before the calls end.
    pub fn beside_transcription(quick: bool) -> anyhow::Result<Audio> {
        let extra = backlog::configuration()?;
        Ok(Audio { name: "and asr", extra, backlog: 40, ..Audio::menu(quick) })
    }

    /// A prompt of 30 seconds from a script of its own.
    pub fn prompt(quick: bool) -> anyhow::Result<Audio> {
        let folder = workspace()?;
        let prompts = folder.path().join("prompts");
        std::fs::create_dir(&prompts)?;
        std::fs::write(prompts.join("prompts.toml"), "[prompts]\npanjang = \"uji\"\n")?;
        voice::write(&prompts.join("panjang.wav"), Duration::from_secs(32))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/prompt.toml");
        Ok(Audio {
            name: "prompt",
            plan: Plan::Listen,
            hold: Duration::from_secs(if quick { 10 } else { 30 }),
            backlog: 0,
            extra: format!("[ivr]\nscript = {script:?}\n[prompts]\nfolder = {prompts:?}\n"),
            goals: "at most 0.03 CPU s a call-minute",
            _folder: Some(folder),
        })
    }
}

const AUDIO_COLUMNS: [&str; 15] = [
    "load  ",
    "calls",
    "up  ",
    "CPU s/call-min",
    "x plain loop",
    "kB/call",
    "failed",
    "gaps ms p50 / p99 / p99.9 / max",
    "stalls",
    "RTP lost",
    "no code",
    "digits lost",
    "rec. wrong",
    "INVITE-200 ms p50 / p99",
    "200-RTP ms p50 / p99",
];

/// Each step on a fresh hotline.
pub fn audio(load: &Audio, steps: &[usize]) -> anyhow::Result<()> {
    println!("\ngoals: {}", load.goals);
    figures::head(&AUDIO_COLUMNS);
    for calls in steps {
        let plain = baseline::measure(*calls)?;
        figures::row(&AUDIO_COLUMNS, &plain_cells(&plain, *calls));
        let measured = measure(load, *calls)?;
        figures::row(&AUDIO_COLUMNS, &measured.cells(load, *calls, plain.cost));
        measured.explain();
    }
    Ok(())
}

/// The yardstick's row.
fn plain_cells(plain: &Plain, calls: usize) -> Vec<String> {
    let mut cells = vec!["loop".into(), calls.to_string(), String::new()];
    cells.extend([format!("{:.4}", plain.cost), "1.00".into(), String::new(), String::new()]);
    cells.extend([plain.gaps.four(), plain.gaps.above(STALL).to_string()]);
    cells.resize(AUDIO_COLUMNS.len(), String::new());
    cells
}

/// What a step left behind.
struct Measured {
    used: Used,
    outcome: Outcome,
    callers: Vec<Caller>,
    first_packets: Vec<u32>,
    digits: u64,
    recordings: Vec<Duration>,
    right_recordings: usize,
    /// Recordings that were made into text meanwhile.
    written_down: usize,
    /// The hotline's complaints.
    log: Vec<String>,
}

/// What the hotline's process used.
#[derive(Default)]
struct Used {
    cpu: Duration,
    /// kB above what it had before the first call.
    memory: u64,
    up: usize,
}

fn measure(load: &Audio, calls: usize) -> anyhow::Result<Measured> {
    let folder = workspace()?;
    let lines = peer::lines(calls)?;
    let ports: Vec<u16> = lines.iter().map(|line| line.port).collect();
    let mut hotline = hotline(&load.extra, calls)?;
    if load.backlog > 0 {
        backlog::queue(&hotline, load.backlog)?;
    }
    let peer = Peer::start(lines, load.plan);
    // Up within a quarter of the time that they stay.
    let rate = (calls / 20).max(5);
    let load_now = Load { calls, rate, hold: load.hold };
    let mut sipp = Sipp::start(hotline.sip_port, &ports, load_now, folder.path())?;
    let used = watch(&hotline, &mut sipp)?;
    let callers = peer.stop()?;
    let outcome = sipp.outcome()?;
    let digits = told::metric(&hotline, "kentongan_digits_total")? as u64;
    let written_down = backlog::done(&hotline)?;
    hotline.stop()?;
    let recordings = told::recordings(&hotline);
    let first_packets = first_packets(&ports, &callers, &outcome);
    Ok(Measured {
        used,
        outcome,
        callers,
        first_packets,
        digits,
        right_recordings: recordings.iter().filter(|length| fits(**length, load.plan)).count(),
        recordings,
        written_down,
        log: told::complaints(&hotline),
    })
}

fn hotline(extra: &str, calls: usize) -> anyhow::Result<Hotline> {
    let program = machine::pinned(machine::SERVER, env!("CARGO_BIN_EXE_kentongan"));
    Hotline::start_by(program, &format!("calls.max = {}\n{extra}", calls + 10))
}

/// Looks on while SIPp works; what was used is known when the last call's row is written.
fn watch(hotline: &Hotline, sipp: &mut Sipp) -> anyhow::Result<Used> {
    let (cpu, memory) = (machine::cpu(hotline.pid()), machine::rss(hotline.pid()));
    let mut used = Used::default();
    let mut running = true;
    let mut ending = 0;
    while running || (used_lines(hotline)? > 0 && ending < 20) {
        pause(Duration::from_millis(500));
        used.up = used.up.max(used_lines(hotline)?);
        used.memory = used.memory.max(machine::rss(hotline.pid()).saturating_sub(memory));
        running = sipp.running()?;
        ending += usize::from(!running);
    }
    used.cpu = machine::cpu(hotline.pid()) - cpu;
    Ok(used)
}

fn used_lines(hotline: &Hotline) -> anyhow::Result<usize> {
    Ok(told::metric(hotline, "kentongan_calls_up").context("the hotline is gone")? as usize)
}

/// Microseconds from each 200 to the first packet.
fn first_packets(ports: &[u16], callers: &[Caller], outcome: &Outcome) -> Vec<u32> {
    let since = |(port, caller): (&u16, &Caller)| {
        let since = caller.ear.first? - outcome.answered.get(port)?;
        Some(u32::try_from(since).unwrap_or(0))
    };
    ports.iter().zip(callers).filter_map(since).collect()
}

fn fits(length: Duration, plan: Plan) -> bool {
    match plan {
        Plan::Report { speech, .. } => length.abs_diff(speech) <= TOLERANCE,
        Plan::Listen => true,
    }
}

impl Measured {
    fn cells(&self, load: &Audio, calls: usize, plain: f64) -> Vec<String> {
        let up = (calls as u64).saturating_sub(self.outcome.failed).max(1);
        let minutes = up as f64 * load.hold.as_secs_f64() / 60.0;
        let cost = self.used.cpu.as_secs_f64() / minutes;
        let gaps =
            Spread::new(self.callers.iter().flat_map(|c| c.ear.gaps.iter().copied()).collect());
        let lost: u32 = self.callers.iter().map(|caller| caller.ear.lost).sum();
        let keys: u64 = self.callers.iter().map(|caller| u64::from(caller.keys)).sum();
        let expected = if load.plan == Plan::Listen { 0 } else { calls };
        vec![
            load.name.into(),
            calls.to_string(),
            self.used.up.to_string(),
            format!("{cost:.4}"),
            format!("{:.2}", cost / plain),
            (self.used.memory / calls as u64).to_string(),
            self.outcome.failed.to_string(),
            gaps.four(),
            gaps.above(STALL).to_string(),
            lost.to_string(),
            self.callers.iter().filter(|caller| !caller.done()).count().to_string(),
            keys.abs_diff(self.digits).to_string(),
            expected.abs_diff(self.right_recordings).to_string(),
            Spread::new(self.outcome.answer_times.clone()).two(),
            Spread::new(self.first_packets.clone()).two(),
        ]
    }

    /// Under the row: what went wrong, in the words of those who saw it.
    fn explain(&self) {
        if self.written_down > 0 {
            println!("  {} recordings were written down meanwhile", self.written_down);
        }
        for caller in self.callers.iter().filter(|caller| !caller.done()).take(3) {
            println!("  a caller got no further than {}", caller.stage());
        }
        if self.right_recordings != self.recordings.len()
            && let [shortest, .., longest] = self.recordings.as_slice()
        {
            println!("  {} recordings, {shortest:.2?} to {longest:.2?}", self.recordings.len());
        }
        explain(&self.outcome, &self.log);
    }
}

fn explain(outcome: &Outcome, log: &[String]) {
    if !outcome.complaint.is_empty() {
        println!("  sipp: {}", outcome.complaint);
    }
    for line in log {
        println!("  hotline: {line}");
    }
}

/// Callers who hang up at once.
pub struct Rate {
    time: Duration,
    rest: Duration,
}

impl Rate {
    pub fn new(quick: bool) -> Rate {
        let [time, rest] = if quick { [5, 5] } else { [20, 60] }.map(Duration::from_secs);
        Rate { time, rest }
    }
}

const RATE_COLUMNS: [&str; 11] = [
    "calls/s",
    "calls",
    "took s",
    "CPU ms/call",
    "failed",
    "INVITE-200 ms p50 / p99",
    "rows",
    "RSS kB before",
    "at the end",
    "after the rest",
    "after a second burst and its rest",
];

/// Each rate on a fresh hotline.
pub fn rate(load: &Rate, rates: &[usize]) -> anyhow::Result<()> {
    println!(
        "\ngoals: 1,500 calls a second under 0.7 CPU ms each, memory back within a minute; the rest is {:?}",
        load.rest
    );
    figures::head(&RATE_COLUMNS);
    for rate in rates {
        one_rate(load, *rate)?;
    }
    Ok(())
}

fn one_rate(load: &Rate, rate: usize) -> anyhow::Result<()> {
    let calls = rate * load.time.as_secs() as usize;
    let mut hotline = hotline("", 10_000)?;
    let before = machine::rss(hotline.pid());
    let start = std::time::Instant::now();
    let (used, outcome) = burst(&hotline, calls, rate)?;
    let took = start.elapsed();
    let end = machine::rss(hotline.pid());
    let ended = told::metric(&hotline, "kentongan_calls_ended_total")?;
    pause(load.rest);
    let rested = machine::rss(hotline.pid());
    // What a process needs once it has ever answered a call is in the first; what calls leave behind would be in both.
    burst(&hotline, calls, rate)?;
    pause(load.rest);
    let again = machine::rss(hotline.pid());
    hotline.stop()?;
    figures::row(
        &RATE_COLUMNS,
        &[
            rate.to_string(),
            calls.to_string(),
            format!("{:.1}", took.as_secs_f64()),
            format!("{:.3}", used.cpu.as_secs_f64() * 1000.0 / calls as f64),
            outcome.failed.to_string(),
            Spread::new(outcome.answer_times.clone()).two(),
            ended.to_string(),
            before.to_string(),
            end.to_string(),
            rested.to_string(),
            again.to_string(),
        ],
    );
    explain(&outcome, &told::complaints(&hotline));
    Ok(())
}

fn burst(hotline: &Hotline, calls: usize, rate: usize) -> anyhow::Result<(Used, Outcome)> {
    let folder = workspace()?;
    // Nobody reads it: what is played in that instant falls on the floor.
    let sink = UdpSocket::bind(("127.0.0.1", 0))?;
    let load = Load { calls, rate, hold: Duration::ZERO };
    let port = sink.local_addr()?.port();
    let mut sipp = Sipp::start(hotline.sip_port, &[port], load, folder.path())?;
    let used = watch(hotline, &mut sipp)?;
    Ok((used, sipp.outcome()?))
}
