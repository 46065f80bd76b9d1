//! The thread that listens: it yields to the calls, and says what it cost.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::oneshot;

use super::{ListenError, Shared};
use crate::asr::{Transcriber, Watch};
use crate::ticket::transcript::Transcript;

/// What a thread brings back.
pub(super) struct Heard {
    pub transcript: Transcript,
    /// CPU time of this thread; what an engine's own threads spend is not in it.
    pub cpu: Duration,
}

/// What a thread answers when it ends; nothing when it broke down.
pub(super) type Answer = oneshot::Receiver<Result<Heard, ListenError>>;

/// Tells from outside what a thread has cost so far.
pub(super) struct Meter {
    thread: Arc<OnceLock<rustix::thread::Pid>>,
}

impl Meter {
    /// CPU time since the thread began; `None` where the system does not tell (proc(5), `schedstat`).
    pub fn cpu(&self) -> Option<Duration> {
        let thread = self.thread.get()?.as_raw_nonzero();
        let told = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
        Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
    }
}

/// Starts a thread for one file. It ends by itself.
pub(super) fn start(
    shared: &Arc<Shared>,
    engine: Arc<dyn Transcriber>,
    path: PathBuf,
    watch: Watch,
) -> io::Result<(Answer, Meter)> {
    let (reply, answer) = oneshot::channel();
    let shared = shared.clone();
    let thread = Arc::new(OnceLock::new());
    let meter = Meter { thread: thread.clone() };
    std::thread::Builder::new().name("transcribe".into()).spawn(move || {
        thread.get_or_init(rustix::thread::gettid);
        yield_to_calls(shared.config.nice);
        let transcript = (shared.listen)(&*engine, &path, &watch);
        // Nobody waits any more when it did not stop in time.
        let _ = reply.send(transcript.map(|transcript| Heard { transcript, cpu: cpu() }));
    })?;
    Ok((answer, meter))
}

/// At this nice level a thread runs only when nobody else wants the processor (SCHED_IDLE, sched(7)).
const IDLE: i32 = 19;

/// Lowers the priority of this thread and of those that it starts. Linux has a nice level for each thread
/// (setpriority(2), "C library/kernel differences").
fn yield_to_calls(nice: i32) {
    if nice == IDLE
        && let Err(error) = set_thread_priority_and_policy(
            thread_native_id(),
            ThreadPriority::Min,
            ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
        )
    {
        tracing::warn!(?error, "a listening thread cannot be made to wait for the others");
    }
    let this = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(this), nice) {
        tracing::warn!(%error, nice, "the priority of a listening thread cannot be lowered");
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.max(0) as u64, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_last_level_a_thread_is_an_idle_one() {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let policy_at = |nice| {
            let thread = std::thread::spawn(move || {
                yield_to_calls(nice);
                thread_priority::thread_schedule_policy()
            });
            thread.join().unwrap().unwrap()
        };
        assert_eq!(policy_at(19), idle);
        assert_ne!(policy_at(18), idle);
    }
}
