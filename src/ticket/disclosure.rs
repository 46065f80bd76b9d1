//! What may be said about a ticket to somebody who knows its code, and how often codes may be tried.
//!
//! A code is not a secret: it stands on a note beside the telephone. So the code alone opens little, the same
//! telephone opens more, and a PIN opens all; and wrong codes are counted.

use serde::{Deserialize, Serialize};

use super::Status;
use crate::clock::Timestamp;

/// What the store knows about a ticket that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketFacts {
    pub status: Status,
    pub opened: Timestamp,
    pub updated: Timestamp,
    /// The agency in charge, once it was routed.
    pub agency: Option<String>,
    /// The number it was reported from.
    pub number: Option<String>,
    pub confidential: bool,
    /// An answer to the reporter exists.
    pub answered: bool,
    /// Its reporter chose a PIN.
    pub locked: bool,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// The number in the same form as in the ticket; `None` when withheld.
    pub number: Option<String>,
    /// Whether a trusted trunk vouches for it.
    pub asserted: bool,
    /// Whether the ticket's PIN was given, and rightly.
    pub pin: bool,
}

/// How well somebody has shown that the ticket is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// T0: knows the code.
    Code,
    /// T1: knows the code and calls from the reporter's number, which a trusted trunk vouches for.
    SameNumber,
    /// T2: knows the code and the PIN.
    Pin,
}

/// What may be said. What is `None` or false here must not be spoken, written or hinted at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    pub tier: Tier,
    /// `None`: say only that it was received and is being processed (rahasia without PIN).
    pub status: Option<Status>,
    /// When it last changed; never later than now. To be spoken as a day.
    pub updated: Option<Timestamp>,
    /// The agency in charge, by its id.
    pub agency: Option<String>,
    /// An answer exists and this asker may hear it.
    pub answer_available: bool,
    /// May add words, reopen and rate.
    pub owner: bool,
    /// The PIN would open more. It must be asked for at once: that there is one is told to whoever knows the code.
    pub sealed: bool,
}

/// Decides what `asker`, who gave the right code, may hear.
pub fn disclose(facts: &TicketFacts, asker: &Asker, now: Timestamp) -> Disclosure {
    let tier = tier(facts, asker);
    if facts.confidential && tier < Tier::Pin {
        // A shared telephone is no proof here: the report may be about somebody in the same house or office.
        return Disclosure {
            tier,
            status: None,
            updated: None,
            agency: None,
            answer_available: false,
            owner: false,
            sealed: facts.locked,
        };
    }
    let owner = tier >= Tier::SameNumber;
    Disclosure {
        tier,
        status: Some(facts.status),
        updated: Some(facts.updated.min(now)),
        agency: facts.agency.clone(),
        answer_available: owner && facts.answered,
        owner,
        sealed: false,
    }
}

fn tier(facts: &TicketFacts, asker: &Asker) -> Tier {
    let same_number = facts.number.is_some() && facts.number == asker.number;
    match (asker.pin, same_number && asker.asserted) {
        (true, _) => Tier::Pin,
        (false, true) => Tier::SameNumber,
        (false, false) => Tier::Code,
    }
}

/// How many wrong codes are borne. Counted in guesses; two codes that fail their check digit make one guess,
/// since that is what a slip of the finger looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Within one call.
    pub per_call: u32,
    /// From one number within 24 hours.
    pub per_number_per_day: u32,
    /// From all withheld numbers together within an hour.
    pub withheld_per_hour: u32,
    /// From all numbers that no trusted trunk vouches for together within an hour, withheld ones included: whoever
    /// can write any number into From must not have ten tries with each.
    pub unvouched_per_hour: u32,
    /// From everybody within an hour: beyond this the operator is warned, nobody is refused.
    pub alarm_per_hour: u32,
    /// Wrong PINs for one ticket within 24 hours; beyond this the right one does not open it either.
    pub wrong_pins_per_day: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_call: 3,
            per_number_per_day: 10,
            withheld_per_hour: 60,
            unvouched_per_hour: 240,
            alarm_per_hour: 100,
            wrong_pins_per_day: 5,
        }
    }
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum TryOutcome {
    Found,
    /// A well-formed code of no ticket.
    Unknown,
    /// A wrong check digit, or not eight digits.
    Malformed,
    /// Not even looked at: a limit was reached.
    Refused,
}

impl TryOutcome {
    /// How much it counts against the limits, in half guesses.
    pub fn weight(self) -> u32 {
        match self {
            TryOutcome::Found | TryOutcome::Refused => 0,
            TryOutcome::Malformed => 1,
            TryOutcome::Unknown => 2,
        }
    }
}

/// The wrong tries so far that bear on one asker, each a sum of [`TryOutcome::weight`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    pub in_call: u32,
    /// From this number within 24 hours; 0 when it is withheld.
    pub from_number: u32,
    /// From withheld numbers within an hour.
    pub withheld: u32,
    /// From numbers that nobody vouches for within an hour, withheld ones included.
    pub unvouched: u32,
    /// From everybody within an hour.
    pub all: u32,
}

/// Whether half guesses have used up a limit in guesses.
fn reached(half_guesses: u32, limit: u32) -> bool {
    half_guesses >= limit.saturating_mul(2)
}

/// Which limit stands against another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Call,
    Number,
    Withheld,
    Unvouched,
}

impl Limits {
    /// The limit that forbids `asker` another try, if one does.
    pub fn against(&self, asker: &Asker, tries: &Tries) -> Option<Limit> {
        let withheld = asker.number.is_none();
        let unvouched = withheld || !asker.asserted;
        [
            (true, tries.in_call, self.per_call, Limit::Call),
            (!withheld, tries.from_number, self.per_number_per_day, Limit::Number),
            (withheld, tries.withheld, self.withheld_per_hour, Limit::Withheld),
            (unvouched, tries.unvouched, self.unvouched_per_hour, Limit::Unvouched),
        ]
        .into_iter()
        .find(|&(applies, wrong, limit, _)| applies && reached(wrong, limit))
        .map(|(.., limit)| limit)
    }

    /// Whether so many wrong codes came that somebody should look: a search for codes is going on.
    pub fn alarming(&self, tries: &Tries) -> bool {
        reached(tries.all, self.alarm_per_hour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const EARLIER: Timestamp = Timestamp(1_799_000_000_000);

    fn facts() -> TicketFacts {
        TicketFacts {
            status: Status::Answered,
            opened: EARLIER,
            updated: EARLIER,
            agency: Some("dpupr".into()),
            number: Some("+6281234567890".into()),
            confidential: false,
            answered: true,
            locked: false,
        }
    }

    fn asker(number: Option<&str>, asserted: bool, pin: bool) -> Asker {
        Asker { number: number.map(str::to_owned), asserted, pin }
    }

    #[test]
    fn the_code_alone_tells_status_day_and_agency() {
        for stranger in [
            asker(None, false, false),
            asker(Some("+6281111111111"), true, false),
            // The right number, but anyone can write it into From.
            asker(Some("+6281234567890"), false, false),
        ] {
            let said = disclose(&facts(), &stranger, NOW);
            assert_eq!(
                said,
                Disclosure {
                    tier: Tier::Code,
                    status: Some(Status::Answered),
                    updated: Some(EARLIER),
                    agency: Some("dpupr".into()),
                    answer_available: false,
                    owner: false,
                    sealed: false,
                }
            );
        }
    }

    #[test]
    fn the_same_number_from_a_trusted_trunk_hears_the_answer() {
        let said = disclose(&facts(), &asker(Some("+6281234567890"), true, false), NOW);
        assert_eq!(said.tier, Tier::SameNumber);
        assert!(said.owner && said.answer_available);
        let unanswered = TicketFacts { answered: false, ..facts() };
        assert!(
            !disclose(&unanswered, &asker(Some("+6281234567890"), true, false), NOW)
                .answer_available
        );
    }

    #[test]
    fn two_withheld_numbers_are_not_the_same_number() {
        let facts = TicketFacts { number: None, ..facts() };
        assert_eq!(disclose(&facts, &asker(None, true, false), NOW).tier, Tier::Code);
    }

    #[test]
    fn a_confidential_report_without_pin_is_only_received() {
        let facts = TicketFacts { confidential: true, ..facts() };
        for asker in [asker(None, false, false), asker(Some("+6281234567890"), true, false)] {
            let said = disclose(&facts, &asker, NOW);
            assert_eq!((said.status, said.updated, said.agency.as_deref()), (None, None, None));
            assert!(!said.owner && !said.answer_available && !said.sealed);
            let locked = TicketFacts { locked: true, ..facts.clone() };
            assert_eq!(disclose(&locked, &asker, NOW), Disclosure { sealed: true, ..said });
        }
    }

    #[test]
    fn the_pin_opens_everything_from_any_telephone() {
        let facts = TicketFacts { confidential: true, ..facts() };
        let said = disclose(&facts, &asker(None, false, true), NOW);
        assert_eq!((said.tier, said.status), (Tier::Pin, Some(Status::Answered)));
        assert!(said.owner && said.answer_available);
    }

    #[test]
    fn a_change_in_the_future_is_said_to_be_of_today() {
        let facts = TicketFacts { updated: Timestamp(NOW.0 + 1), ..facts() };
        assert_eq!(disclose(&facts, &Asker::default(), NOW).updated, Some(NOW));
    }

    fn unknown(n: u32) -> u32 {
        n * TryOutcome::Unknown.weight()
    }

    #[test]
    fn each_limit_is_reached_at_its_number_and_not_before() {
        let limits = Limits::default();
        let known = asker(Some("+62811"), true, false);
        let unvouched = asker(Some("+62811"), false, false);
        let withheld = asker(None, false, false);
        let in_call = |n| Tries { in_call: unknown(n), ..Tries::default() };
        let from_number = |n| Tries { from_number: unknown(n), ..Tries::default() };
        let hidden = |n| Tries { withheld: unknown(n), unvouched: unknown(n), ..Tries::default() };
        for (asker, tries, limit) in [
            (&known, in_call(2), None),
            (&known, in_call(3), Some(Limit::Call)),
            (&known, from_number(9), None),
            (&known, from_number(10), Some(Limit::Number)),
            (&known, hidden(1000), None),
            (&unvouched, hidden(239), None),
            (&unvouched, hidden(240), Some(Limit::Unvouched)),
            (&withheld, hidden(59), None),
            (&withheld, hidden(60), Some(Limit::Withheld)),
            (&withheld, from_number(1000), None),
        ] {
            assert_eq!(limits.against(asker, &tries), limit, "{asker:?} {tries:?}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_counts_half() {
        let limits = Limits::default();
        let tries = |unknown, malformed| Tries {
            in_call: unknown * TryOutcome::Unknown.weight()
                + malformed * TryOutcome::Malformed.weight(),
            ..Tries::default()
        };
        let asker = Asker::default();
        assert_eq!(limits.against(&asker, &tries(0, 5)), None);
        assert_eq!(limits.against(&asker, &tries(0, 6)), Some(Limit::Call));
        assert_eq!(limits.against(&asker, &tries(2, 1)), None);
        assert_eq!(limits.against(&asker, &tries(2, 2)), Some(Limit::Call));
    }

    #[test]
    fn the_alarm_counts_everybody_and_refuses_nobody() {
        let limits = Limits::default();
        let tries = |n| Tries { all: unknown(n), ..Tries::default() };
        assert!(!limits.alarming(&tries(99)));
        assert!(limits.alarming(&tries(100)));
        assert_eq!(limits.against(&Asker::default(), &tries(100)), None);
    }
}
