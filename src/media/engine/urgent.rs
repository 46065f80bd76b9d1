//! The media threads go before everything else that this machine does, if it lets them.

use std::sync::Once;

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// A refusal is told once.
static REFUSED: Once = Once::new();

/// Gives this thread the lowest real-time priority (SCHED_RR, sched(7)): it wakes up every few milliseconds for a few
/// hundred microseconds, and a packet that is late because a batch job had the core is a crackle in somebody's ear. The
/// kernel leaves a twentieth of the core to the others whatever happens.
///
/// Tells whether it may.
pub(super) fn make_urgent() -> bool {
    let lowest = ThreadPriority::from_posix(thread_priority::ScheduleParams { sched_priority: 1 });
    let round_robin = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let urgent = set_thread_priority_and_policy(thread_native_id(), lowest, round_robin).is_ok();
    if !urgent {
        REFUSED.call_once(|| {
            tracing::info!(
                "the media threads have no real-time priority (LimitRTPRIO=1 in the unit allows it)"
            );
        });
    }
    urgent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_thread_is_a_real_time_one_where_that_is_allowed() {
        let thread =
            std::thread::spawn(|| (make_urgent(), thread_priority::thread_schedule_policy()));
        let (urgent, policy) = thread.join().unwrap();
        let real_time = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        assert_eq!(policy.unwrap() == real_time, urgent);
    }
}
