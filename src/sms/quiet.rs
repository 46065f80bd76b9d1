//! When nobody is to be woken.

use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::clock::Timestamp;

/// Hours of the day, local time; they may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Quiet {
    from: Time,
    to: Time,
}

/// What is not of the form `21:00-06:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quiet hours are written as \"21:00-06:00\"; \"00:00-00:00\" is none")]
pub struct NotHours;

impl Default for Quiet {
    fn default() -> Quiet {
        Quiet { from: Time::constant(21, 0, 0, 0), to: Time::constant(6, 0, 0, 0) }
    }
}

impl TryFrom<String> for Quiet {
    type Error = NotHours;

    fn try_from(text: String) -> Result<Quiet, NotHours> {
        text.parse()
    }
}

impl FromStr for Quiet {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Quiet, NotHours> {
        let (from, to) = text.split_once('-').ok_or(NotHours)?;
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| NotHours);
        Ok(Quiet { from: time(from)?, to: time(to)? })
    }
}

impl Quiet {
    /// The first moment from `now` on that is not quiet.
    pub fn over(&self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let Ok(at) = jiff::Timestamp::from_millisecond(now.0) else { return now };
        let here = at.to_zoned(zone.clone());
        if !self.holds(here.time()) {
            return now;
        }
        // After midnight the end is today's, before it tomorrow's.
        let day = if here.time() < self.to { Ok(here.date()) } else { here.date().tomorrow() };
        let end = day.and_then(|day| day.to_datetime(self.to).to_zoned(zone.clone()));
        end.map_or(now, |end| Timestamp(end.timestamp().as_millisecond()))
    }

    fn holds(&self, time: Time) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn what_would_wake_somebody_waits_for_the_morning() {
        let (quiet, zone) = (Quiet::default(), TimeZone::get("Asia/Jakarta").unwrap());
        for (now, over) in [
            ("2026-11-26T20:59:00+07:00", "2026-11-26T20:59:00+07:00"),
            ("2026-11-26T21:00:00+07:00", "2026-11-27T06:00:00+07:00"),
            ("2026-11-27T00:30:00+07:00", "2026-11-27T06:00:00+07:00"),
            ("2026-11-27T06:00:00+07:00", "2026-11-27T06:00:00+07:00"),
        ] {
            assert_eq!(quiet.over(at(now), &zone), at(over), "{now}");
        }
        let noon: Quiet = "12:00-13:00".parse().unwrap();
        let during = at("2026-11-26T12:10:00+07:00");
        assert_eq!(noon.over(during, &zone), at("2026-11-26T13:00:00+07:00"));
        let none: Quiet = "00:00-00:00".parse().unwrap();
        assert_eq!(none.over(during, &zone), during);
    }

    #[test]
    fn what_is_not_hours_is_refused() {
        for text in ["", "21-6", "25:00-06:00", "21:00", "a-b"] {
            assert_eq!(text.parse::<Quiet>(), Err(NotHours), "{text}");
        }
    }
}
