//! Deadlines: so many working days of the office's own calendar. Pure: the calendar, the days and `now` are given.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::Status;
use super::workflow::Action;
use crate::clock::Timestamp;

/// The days on which the office works, where it is.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    /// National holidays and collective leave.
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// A calendar with these days off beside the weekends.
    pub fn new(zone: TimeZone, holidays: impl IntoIterator<Item = Date>) -> Calendar {
        Calendar { zone, holidays: holidays.into_iter().collect() }
    }

    /// Whether the office works on that day.
    pub fn works_on(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !self.holidays.contains(&day)
    }

    /// The last moment of the `days`-th working day after the day of `from`, which is not counted itself. Nobody has to
    /// act in the night: a report of Friday evening has its first day on Monday.
    pub fn end_of(&self, from: Timestamp, days: u16) -> Timestamp {
        self.try_end_of(from, days).unwrap_or(Timestamp(i64::MAX))
    }

    /// An error where the calendar ends, in the year 9999.
    fn try_end_of(&self, from: Timestamp, days: u16) -> Result<Timestamp, jiff::Error> {
        let mut day = jiff::Timestamp::from_millisecond(from.0)?.to_zoned(self.zone.clone()).date();
        let mut left = days;
        while left > 0 {
            day = day.tomorrow()?;
            left -= u16::from(self.works_on(day));
        }
        let next = day.tomorrow()?.to_zoned(self.zone.clone())?;
        Ok(Timestamp(next.timestamp().as_millisecond() - 1))
    }
}

/// The working days of one class of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// Until it is sent on to an agency.
    pub verify: u16,
    /// Until it is answered.
    pub finish: u16,
}

/// Since when a ticket's clocks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Since it was opened, complete at last, or reopened: what is missing is not the office's delay.
    pub since: Timestamp,
    /// Since the call centre has it on its desk, for the first time or again.
    pub desk: Timestamp,
}

impl Clocks {
    /// Those of a ticket that is opened now.
    pub fn start(now: Timestamp) -> Clocks {
        Clocks { since: now, desk: now }
    }

    /// The same after a step.
    pub fn after(self, from: Status, action: Action, now: Timestamp) -> Clocks {
        match action {
            // What the office ended by mistake keeps the time that its reporter has waited.
            Action::Reopen if matches!(from, Status::Rejected | Status::Merged) => {
                Clocks { desk: now, ..self }
            }
            Action::CompleteData | Action::Reopen => Clocks::start(now),
            Action::SendBack => Clocks { desk: now, ..self },
            _ => self,
        }
    }

    /// By when something must happen; `None` where nobody waits for the office.
    pub fn due(self, status: Status, days: Days, calendar: &Calendar) -> Option<Timestamp> {
        let finish = || calendar.end_of(self.since, days.finish);
        match status {
            Status::Received | Status::Verifying | Status::Returned | Status::Reopened => {
                Some(finish().min(calendar.end_of(self.desk, days.verify)))
            }
            Status::Routed | Status::InProgress => Some(finish()),
            Status::Answered
            | Status::Closed
            | Status::NeedsData
            | Status::Archived
            | Status::Rejected
            | Status::Merged
            | Status::ReferredOut => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str, holidays: &[&str]) -> Calendar {
        let holidays = holidays.iter().map(|day| day.parse().unwrap());
        Calendar::new(TimeZone::get(zone).unwrap(), holidays)
    }

    fn at(local: &str) -> Timestamp {
        let zoned: jiff::Zoned = local.parse().unwrap();
        Timestamp(zoned.timestamp().as_millisecond())
    }

    /// The day that a deadline falls on, after making sure that it is the end of it.
    fn day(due: Timestamp, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let local = |ms| jiff::Timestamp::from_millisecond(ms).unwrap().to_zoned(zone.clone());
        assert_eq!(local(due.0 + 1).date(), local(due.0).date().tomorrow().unwrap());
        local(due.0).date().to_string()
    }

    const JAKARTA: &str = "Asia/Jakarta";
    const MAKASSAR: &str = "Asia/Makassar";

    #[test]
    fn working_days_are_counted_from_the_day_after() {
        // Around Idul Fitri 2026: leave on 18, 20, 23, 24 March, holidays on 19, 21, 22.
        let leave = [
            "2026-03-18",
            "2026-03-19",
            "2026-03-20",
            "2026-03-21",
            "2026-03-22",
            "2026-03-23",
            "2026-03-24",
        ];
        for (from, days, due) in [
            ("2026-11-18T09:00[Asia/Jakarta]", 1, "2026-11-19"), // Wednesday
            ("2026-11-18T00:00[Asia/Jakarta]", 1, "2026-11-19"),
            ("2026-11-18T23:59[Asia/Jakarta]", 1, "2026-11-19"),
            ("2026-11-18T09:00[Asia/Jakarta]", 0, "2026-11-18"),
            ("2026-11-18T09:00[Asia/Jakarta]", 3, "2026-11-23"), // over a weekend
            ("2026-11-20T20:15[Asia/Jakarta]", 1, "2026-11-23"), // Friday evening
            ("2026-11-21T10:00[Asia/Jakarta]", 1, "2026-11-23"), // Saturday
            ("2026-11-22T10:00[Asia/Jakarta]", 1, "2026-11-23"), // Sunday
            ("2026-11-20T20:15[Asia/Jakarta]", 14, "2026-12-10"),
            ("2026-03-17T10:00[Asia/Jakarta]", 1, "2026-03-25"), // before the long leave
            ("2026-03-19T10:00[Asia/Jakarta]", 1, "2026-03-25"), // on a holiday
            ("2026-03-16T10:00[Asia/Jakarta]", 3, "2026-03-26"),
            ("2026-11-18T09:00[Asia/Jakarta]", 60, "2027-02-10"),
        ] {
            let calendar = calendar(JAKARTA, &leave);
            assert_eq!(day(calendar.end_of(at(from), days), JAKARTA), due, "{from} + {days}");
        }
    }

    #[test]
    fn a_day_is_over_earlier_in_the_east() {
        // The same moment is Wednesday evening in Jakarta and Thursday in Makassar.
        let moment = at("2026-11-18T23:30[Asia/Jakarta]");
        let (west, east) = (calendar(JAKARTA, &[]), calendar(MAKASSAR, &[]));
        assert_eq!(day(west.end_of(moment, 1), JAKARTA), "2026-11-19");
        assert_eq!(day(east.end_of(moment, 1), MAKASSAR), "2026-11-20");
        // A Friday that is already over.
        let moment = at("2026-11-20T23:30[Asia/Jakarta]");
        assert_eq!(day(west.end_of(moment, 1), JAKARTA), "2026-11-23");
        assert_eq!(day(east.end_of(moment, 1), MAKASSAR), "2026-11-23");
    }

    #[test]
    fn no_moment_is_too_far() {
        let calendar = calendar(JAKARTA, &[]);
        for from in [i64::MIN, -1, 0, 253_402_200_000_000, i64::MAX] {
            assert!(calendar.end_of(Timestamp(from), u16::MAX) >= Timestamp(from));
        }
    }

    const DAYS: Days = Days { verify: 3, finish: 14 };

    #[test]
    fn the_desk_comes_first_and_the_agency_has_until_the_end() {
        let calendar = calendar(JAKARTA, &[]);
        let opened = at("2026-11-18T09:00[Asia/Jakarta]");
        let due = |clocks: Clocks, status| {
            clocks.due(status, DAYS, &calendar).map(|due| day(due, JAKARTA))
        };
        let clocks = Clocks::start(opened);
        assert_eq!(due(clocks, Status::Received).as_deref(), Some("2026-11-23"));
        let clocks =
            clocks.after(Status::Received, Action::Verify, at("2026-11-20T09:00[Asia/Jakarta]"));
        assert_eq!(due(clocks, Status::Verifying).as_deref(), Some("2026-11-23"), "as before");
        let clocks =
            clocks.after(Status::Verifying, Action::Route, at("2026-11-20T10:00[Asia/Jakarta]"));
        assert_eq!(due(clocks, Status::Routed).as_deref(), Some("2026-12-08"));
        let clocks =
            clocks.after(Status::Routed, Action::SendBack, at("2026-12-04T10:00[Asia/Jakarta]"));
        assert_eq!(
            due(clocks, Status::Returned).as_deref(),
            Some("2026-12-08"),
            "never past the end"
        );
        let clocks = Clocks::start(opened).after(
            Status::Routed,
            Action::SendBack,
            at("2026-11-25T10:00[Asia/Jakarta]"),
        );
        assert_eq!(due(clocks, Status::Returned).as_deref(), Some("2026-11-30"));
        assert_eq!(due(clocks, Status::Answered), None);
    }

    #[test]
    fn what_the_office_ended_by_mistake_has_waited_and_what_was_archived_begins_anew() {
        let clocks = Clocks::start(at("2026-11-18T09:00[Asia/Jakarta]"));
        let now = at("2026-11-25T10:00[Asia/Jakarta]");
        for from in [Status::Rejected, Status::Merged] {
            let again = clocks.after(from, Action::Reopen, now);
            assert_eq!(again, Clocks { desk: now, ..clocks }, "{from:?}");
        }
        for from in [Status::Archived, Status::Closed, Status::Answered] {
            assert_eq!(clocks.after(from, Action::Reopen, now), Clocks::start(now), "{from:?}");
        }
    }

    #[test]
    fn the_clock_stands_still_while_the_reporter_is_asked_and_begins_anew_with_the_answer() {
        let calendar = calendar(JAKARTA, &[]);
        let clocks = Clocks::start(at("2026-11-18T09:00[Asia/Jakarta]"));
        let clocks = clocks.after(
            Status::Verifying,
            Action::RequestData,
            at("2026-11-19T09:00[Asia/Jakarta]"),
        );
        assert_eq!(clocks.due(Status::NeedsData, DAYS, &calendar), None);
        let completed = at("2027-01-04T09:00[Asia/Jakarta]");
        let clocks = clocks.after(Status::NeedsData, Action::CompleteData, completed);
        assert_eq!(clocks, Clocks::start(completed));
        let due = clocks.due(Status::Verifying, DAYS, &calendar).unwrap();
        assert_eq!(day(due, JAKARTA), "2027-01-07");
    }
}
