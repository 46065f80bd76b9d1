//! The machine: its cores, and what a process used of it.

use std::fs;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// The core of the server.
pub const SERVER: usize = 0;
/// The core of everything that plays callers.
pub const GENERATOR: usize = 1;

/// Cores to work with.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Keeps this thread on a core, if there is more than one.
pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    if cores() > core && cores() > 1 && set.set(core).is_ok() {
        // Without it the figures are noisier, not wrong.
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// A command line that keeps a program on a core.
pub fn pinned(core: usize, program: &str) -> std::process::Command {
    if cores() < 2 {
        return std::process::Command::new(program);
    }
    let mut command = std::process::Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

/// User and system time of all of a process's threads.
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces; the fields after it do not. utime and stime are the 14th and 15th of all.
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    let ticks: u64 =
        after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory in kB.
pub fn rss(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse().ok()).unwrap_or(0)
}
