//! What the store says, as clips: the status of a ticket in words that a caller understands.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::ivr::{Found, Lookup, PromptId, speech};
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
        LookedUp::Found(disclosure) => Lookup::Found(Found {
            say: status(disclosure, now, zone, known),
            answered: disclosure.answer_available,
            owner: disclosure.owner,
            sealed: disclosure.sealed,
        }),
        LookedUp::WrongPin => Lookup::WrongPin,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Status;
    use crate::ticket::disclosure::{Limit, Tier};

    /// 2026-11-23 00:30 in Jakarta: still the 22nd in UTC.
    const NOW: Timestamp = Timestamp(1_795_368_600_000);

    fn disclosure() -> Disclosure {
        Disclosure {
            tier: Tier::Code,
            status: Some(Status::Received),
            updated: None,
            agency: None,
            answer_available: false,
            owner: false,
            sealed: false,
        }
    }

    fn said(disclosure: Disclosure) -> Vec<PromptId> {
        let zone = TimeZone::get("Asia/Jakarta").expect("a zone of Indonesia");
        let known = |id: &str| id == "opd/dishub";
        match lookup(&LookedUp::Found(disclosure), NOW, &zone, known) {
            Lookup::Found(found) => found.say,
            other => panic!("not found but {other:?}"),
        }
    }

    #[test]
    fn what_is_not_disclosed_is_not_said() {
        assert_eq!(said(Disclosure { status: None, ..disclosure() }), ["status/rahasia"]);
        assert_eq!(said(disclosure()), ["status/diterima"]);
        // Without a status nothing else may slip out either.
        let nothing = Disclosure {
            status: None,
            agency: Some("dishub".into()),
            updated: Some(NOW),
            ..disclosure()
        };
        assert_eq!(said(nothing), ["status/rahasia"]);
    }

    #[test]
    fn an_agency_without_a_clip_of_its_own_is_called_by_the_common_one() {
        let by = |agency: &str| said(Disclosure { agency: Some(agency.into()), ..disclosure() });
        assert_eq!(by("dishub"), ["status/diterima", "kata/ditangani_oleh", "opd/dishub"]);
        assert_eq!(by("baru"), ["status/diterima", "kata/ditangani_oleh", "opd/umum"]);
    }

    #[test]
    fn the_day_is_the_one_on_the_callers_wall() {
        let zone = TimeZone::get("Asia/Jakarta").expect("a zone of Indonesia");
        let hour_ago = Timestamp(NOW.0 - 3_600_000);
        let say = said(Disclosure { updated: Some(hour_ago), ..disclosure() });
        let (then, today) = (date(hour_ago, &zone).unwrap(), date(NOW, &zone).unwrap());
        assert_ne!(then, today, "midnight lies between them");
        assert_eq!(say[1], "kata/pembaruan_terakhir");
        assert_eq!(say[2..], speech::day(then, today));
        assert_ne!(say[2..], speech::day(today, today));
    }

    #[test]
    fn an_answer_its_owner_and_a_lock_are_handed_on() {
        let open = Disclosure { answer_available: true, owner: true, ..disclosure() };
        let locked = Disclosure { sealed: true, ..disclosure() };
        let heard =
            [open, locked].map(|d| lookup(&LookedUp::Found(d), NOW, &TimeZone::UTC, |_| true));
        let say = vec!["status/diterima".to_owned()];
        let open = Found { say: say.clone(), answered: true, owner: true, sealed: false };
        let locked = Found { say, sealed: true, ..Found::default() };
        assert_eq!(heard, [Lookup::Found(open), Lookup::Found(locked)]);
    }

    #[test]
    fn wrong_and_too_many_codes_are_told_apart() {
        let heard = |said: LookedUp| lookup(&said, NOW, &TimeZone::UTC, |_| true);
        assert_eq!(heard(LookedUp::NotFound), Lookup::NotFound);
        assert_eq!(heard(LookedUp::Exhausted(Limit::Call)), Lookup::Exhausted);
        assert_eq!(heard(LookedUp::WrongPin), Lookup::WrongPin);
    }
}
