//! What the store says, as clips: the status of a ticket in words that a caller understands.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::ivr::{Lookup, PromptId, speech};
use crate::store::LookedUp;
use crate::ticket::disclosure::Disclosure;

/// The tone before a recording.
pub(super) const BEEP: &str = "bunyi/bip";

/// The answer to a code. `known` tells whether a clip exists: an agency may have none of its own.
pub(super) fn lookup(
    looked_up: &LookedUp,
    now: Timestamp,
    zone: &TimeZone,
    known: impl Fn(&str) -> bool,
) -> Lookup {
    match looked_up {
        LookedUp::Found(disclosure) => Lookup::Found {
            say: status(disclosure, now, zone, known),
            answered: disclosure.answer_available,
            owner: disclosure.owner,
        },
        LookedUp::NotFound => Lookup::NotFound,
        LookedUp::Exhausted(_) => Lookup::Exhausted,
    }
}

/// "Laporan Anda sedang dikerjakan. Ditangani oleh Dinas Perhubungan. Pembaruan terakhir: kemarin."
fn status(
    disclosure: &Disclosure,
    now: Timestamp,
    zone: &TimeZone,
    known: impl Fn(&str) -> bool,
) -> Vec<PromptId> {
    let Some(status) = disclosure.status else {
        return vec!["status/rahasia".into()];
    };
    let mut say = vec![format!("status/{}", status.id())];
    if let Some(agency) = &disclosure.agency {
        let clip = format!("opd/{agency}");
        say.push("kata/ditangani_oleh".into());
        say.push(if known(&clip) { clip } else { "opd/umum".into() });
    }
    if let (Some(updated), Some(today)) =
        (disclosure.updated.and_then(|at| date(at, zone)), date(now, zone))
    {
        say.push("kata/pembaruan_terakhir".into());
        say.extend(speech::day(updated, today));
    }
    say
}

fn date(at: Timestamp, zone: &TimeZone) -> Option<Date> {
    Some(jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.clone()).date())
}
