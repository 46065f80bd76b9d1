//! Opening hours: weekly intervals, and ranges of dates that override them.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::Target;
use crate::clock::Timestamp;

/// When somebody is there. The answer follows from a moment alone.
#[derive(Debug)]
pub struct Hours {
    zone: TimeZone,
    weekly: Week,
    /// Later ones win.
    overrides: Vec<(Date, Date, Week)>,
}

/// Minutes of the day, several intervals a day, Monday first.
type Week = [Vec<Range<u16>>; 7];

impl Hours {
    /// Whether it is open at `now`. An interval holds its first minute and not its last.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let Ok(now) = jiff::Timestamp::from_millisecond(now.0) else { return false };
        let local = now.to_zoned(self.zone.clone()).datetime();
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let week = self
            .overrides
            .iter()
            .rev()
            .find(|(from, to, _)| (*from..=*to).contains(&local.date()))
            .map_or(&self.weekly, |(_, _, week)| week);
        let day = &week[local.weekday().to_monday_zero_offset() as usize];
        day.iter().any(|interval| interval.contains(&minute))
    }
}

/// An `hours` step as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHours {
    zone: Spanned<String>,
    weekly: RawWeek,
    #[serde(default, rename = "override")]
    overrides: Vec<RawOverride>,
    open: Target,
    closed: Target,
}

/// A range of dates, both included, with a week of its own; without one it is closed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOverride {
    from: Spanned<toml::value::Datetime>,
    to: Spanned<toml::value::Datetime>,
    #[serde(default)]
    weekly: RawWeek,
    /// For people: why.
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawWeek {
    monday: Vec<Spanned<String>>,
    tuesday: Vec<Spanned<String>>,
    wednesday: Vec<Spanned<String>>,
    thursday: Vec<Spanned<String>>,
    friday: Vec<Spanned<String>>,
    saturday: Vec<Spanned<String>>,
    sunday: Vec<Spanned<String>>,
}

/// Where it went wrong, and what to change.
type Wrong = (Range<usize>, String);

impl RawHours {
    pub(super) fn resolve(self) -> Result<(Hours, Target, Target), Wrong> {
        let zone = TimeZone::get(self.zone.get_ref()).map_err(|_| {
            let sentence = format!(
                "there is no time zone `{}`; write Asia/Jakarta or Asia/Pontianak (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT)",
                self.zone.get_ref()
            );
            (self.zone.span(), sentence)
        })?;
        let weekly = self.weekly.resolve()?;
        let overrides =
            self.overrides.into_iter().map(RawOverride::resolve).collect::<Result<_, _>>()?;
        Ok((Hours { zone, weekly, overrides }, self.open, self.closed))
    }
}

impl RawOverride {
    fn resolve(self) -> Result<(Date, Date, Week), Wrong> {
        let (from, to) = (date(&self.from)?, date(&self.to)?);
        if from > to {
            let sentence = "an override ends before it begins; exchange `from` and `to`".to_owned();
            return Err((self.to.span(), sentence));
        }
        Ok((from, to, self.weekly.resolve()?))
    }
}

impl RawWeek {
    fn resolve(self) -> Result<Week, Wrong> {
        let days = [
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        ];
        let mut week = Week::default();
        for (day, intervals) in week.iter_mut().zip(days) {
            *day = intervals.iter().map(interval).collect::<Result<_, _>>()?;
        }
        Ok(week)
    }
}

fn date(text: &Spanned<toml::value::Datetime>) -> Result<Date, Wrong> {
    let wrong = || (text.span(), "it must be a date; write for example `2026-03-19`".to_owned());
    let date = text.get_ref().date.ok_or_else(wrong)?;
    Date::new(date.year as i16, date.month as i8, date.day as i8).map_err(|_| wrong())
}

fn interval(text: &Spanned<String>) -> Result<Range<u16>, Wrong> {
    let parsed = text
        .get_ref()
        .split_once('-')
        .and_then(|(from, to)| Some(minute(from.trim())?..minute(to.trim())?));
    match parsed {
        Some(interval) if interval.start < interval.end => Ok(interval),
        _ => {
            let sentence = format!(
                "`{}` is no interval of a day; write for example \"08:00-12:00\", and one past midnight as two",
                text.get_ref()
            );
            Err((text.span(), sentence))
        }
    }
}

/// Minutes since midnight; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= 24 * 60).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Result<Hours, String> {
        let text = format!("open = 'a'\nclosed = 'b'\n{text}");
        let raw: RawHours = toml::from_str(&text).map_err(|e| e.message().to_owned())?;
        raw.resolve().map(|(hours, ..)| hours).map_err(|(_, sentence)| sentence)
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    const OFFICE: &str = r#"
zone = "Asia/Pontianak"
[weekly]
monday = ["08:00-12:00", "13:00-16:00"]
friday = ["07:30-11:00", "13:30-16:30"]
[[override]]
from = 2026-02-18
to = 2026-03-19
note = "Ramadan"
weekly = { monday = ["08:00-15:00"] }
[[override]]
from = 2026-03-02
to = 2026-03-02
"#;

    #[test]
    fn several_intervals_a_day_and_overrides_in_local_time() {
        let hours = hours(OFFICE).unwrap();
        let cases = [
            ("2026-11-23T07:59+07:00", false),
            ("2026-11-23T08:00+07:00", true),
            ("2026-11-23T11:59+07:00", true),
            ("2026-11-23T12:00+07:00", false),
            ("2026-11-23T13:00+07:00", true),
            ("2026-11-23T01:30Z", true),
            ("2026-11-27T11:30+07:00", false),
            ("2026-11-27T13:30+07:00", true),
            ("2026-11-28T10:00+07:00", false),
            ("2026-02-23T12:30+07:00", true),
            ("2026-02-23T15:30+07:00", false),
            ("2026-02-27T09:00+07:00", false),
            ("2026-03-02T09:00+07:00", false),
            ("2026-03-23T15:30+07:00", true),
        ];
        for (moment, open) in cases {
            assert_eq!(hours.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn a_day_may_last_until_midnight() {
        let hours = hours("zone = 'Asia/Makassar'\nweekly = { sunday = ['00:00-24:00'] }").unwrap();
        assert!(hours.is_open(at("2026-11-22T23:59:59+08:00")));
        assert!(!hours.is_open(at("2026-11-23T00:00+08:00")));
    }

    #[test]
    fn wrong_hours_are_told() {
        for interval in ["16:00-08:00", "8-12", "08:00", "25:00-26:00", "08:60-09:00", "é:00-09:00"]
        {
            let text = format!("zone = 'Asia/Jakarta'\nweekly = {{ monday = ['{interval}'] }}");
            assert!(hours(&text).unwrap_err().contains("is no interval of a day"), "{interval}");
        }
        assert!(hours("zone = 'WIB'\nweekly = {}").unwrap_err().contains("no time zone `WIB`"));
    }
}
