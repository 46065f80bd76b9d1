//! When a figure turns red, and what it says then. Everything is told by rows: a part that is dead cannot tell it itself.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::store::{Sending, Transcribing};

/// Tickets may lie so long.
const LATE: Duration = Duration::from_secs(24 * 3600);
/// Less than this many gigabytes are little: some sixteen hours of recordings each.
const LITTLE: u64 = 2;
/// Workers tell every 15 seconds that they are alive; a sender that waits for its gateway does so every 100.
const WORKER_SILENT: Duration = Duration::from_secs(60);
const SENDER_SILENT: Duration = Duration::from_secs(180);
/// A queue that nothing came out of for so long stands still.
const STANDS_STILL: Duration = Duration::from_secs(30 * 60);
/// A message that is not sent so long after it could have been.
const UNSENT: Duration = Duration::from_secs(15 * 60);

fn longer_than(limit: Duration, since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_some_and(|at| now.since(at) > limit)
}

fn silent(limit: Duration, beat: Option<Timestamp>, now: Timestamp) -> bool {
    beat.is_none() || longer_than(limit, beat, now)
}

/// A ticket that nobody touched.
pub(super) fn waiting(oldest: Option<Timestamp>, now: Timestamp) -> Option<String> {
    longer_than(LATE, oldest, now).then(|| "terlalu lama".into())
}

/// The disk, by what is left of it.
pub(super) fn disk(gigabytes: u64) -> Option<String> {
    (gigabytes < LITTLE).then(|| "hampir penuh".into())
}

/// The workers that write down recordings.
pub(super) fn transcription(queue: &Transcribing, now: Timestamp) -> Option<String> {
    let idle = queue.working == 0;
    let begun = queue.waiting + queue.left > 0;
    if begun && idle && silent(WORKER_SILENT, queue.beat, now) {
        return Some("proses transkripsi tidak berjalan".into());
    }
    if queue.left > 0 {
        return Some(format!("{} terhenti di tengah proses", queue.left));
    }
    // Neither the oldest of the queue nor anything before it came out.
    let made = queue.made.max(queue.oldest);
    if queue.waiting > 0 && longer_than(STANDS_STILL, made, now) {
        return Some("antrean tidak bergerak".into());
    }
    (queue.failed > 0).then(|| "ada yang gagal".into())
}

/// The sender of a gateway.
pub(super) fn gateway(sending: &Sending, now: Timestamp) -> Option<String> {
    if silent(SENDER_SILENT, sending.beat, now) {
        return Some("pengiriman SMS terhenti".into());
    }
    if longer_than(UNSENT, sending.oldest, now) {
        return Some("gateway SMS tidak merespons".into());
    }
    (sending.failed > 0).then(|| "ada yang gagal".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn ago(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp(NOW.0 - 1_000 * seconds))
    }

    fn queue() -> Transcribing {
        Transcribing { waiting: 2, oldest: ago(30), beat: ago(5), ..Transcribing::default() }
    }

    fn told(queue: Transcribing) -> String {
        transcription(&queue, NOW).unwrap_or_default()
    }

    #[test]
    fn a_dead_worker_shows_as_soon_as_something_waits_for_it() {
        assert_eq!(told(queue()), "");
        for beat in [None, ago(61)] {
            assert_eq!(told(Transcribing { beat, ..queue() }), "proses transkripsi tidak berjalan");
            let busy = Transcribing { beat, working: 1, ..queue() };
            assert_eq!(told(busy), "", "whoever holds a lease is alive");
            let left = Transcribing { beat, waiting: 0, oldest: None, left: 1, ..queue() };
            assert_eq!(told(left), "proses transkripsi tidak berjalan");
            let nothing = Transcribing { beat, ..Transcribing::default() };
            assert_eq!(told(nothing), "", "nobody waits");
        }
    }

    #[test]
    fn what_a_worker_left_shows_though_others_work() {
        let left = Transcribing { left: 1, working: 1, ..queue() };
        assert_eq!(told(left), "1 terhenti di tengah proses");
    }

    #[test]
    fn a_queue_stands_still_when_nothing_comes_out_of_it() {
        let old = Transcribing { oldest: ago(1_801), made: ago(1_900), ..queue() };
        assert_eq!(told(old), "antrean tidak bergerak");
        assert_eq!(told(Transcribing { made: None, ..old }), "antrean tidak bergerak");
        assert_eq!(told(Transcribing { made: ago(60), ..old }), "", "it is long, but it moves");
        assert_eq!(told(Transcribing { oldest: ago(60), ..old }), "", "nothing waits for long");
        assert_eq!(told(Transcribing { failed: 3, ..queue() }), "ada yang gagal");
    }

    #[test]
    fn a_gateway_that_is_dead_refuses_or_fails_shows() {
        let fine = Sending {
            gateway: "kannel".into(),
            beat: ago(20),
            waiting: 1,
            oldest: ago(20),
            failed: 0,
        };
        let told = |sending: Sending| gateway(&sending, NOW).unwrap_or_default();
        assert_eq!(told(fine.clone()), "");
        for beat in [None, ago(181)] {
            assert_eq!(told(Sending { beat, ..fine.clone() }), "pengiriman SMS terhenti");
        }
        assert_eq!(
            told(Sending { oldest: ago(901), ..fine.clone() }),
            "gateway SMS tidak merespons"
        );
        assert_eq!(told(Sending { failed: 1, ..fine }), "ada yang gagal");
    }

    #[test]
    fn an_old_ticket_and_a_full_disk_show() {
        assert_eq!(waiting(None, NOW), None);
        assert_eq!(waiting(ago(86_400), NOW), None);
        assert_eq!(waiting(ago(86_402), NOW).as_deref(), Some("terlalu lama"));
        assert_eq!([disk(2), disk(1)], [None, Some("hampir penuh".into())]);
    }
}
