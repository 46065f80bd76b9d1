//! Today by the hour, drawn as bars, with the same in words for those who do not see them.

use crate::store::Hourly;

/// The drawing's height for the highest bar; below it stand the hours.
const HEIGHT: i64 = 100;
/// What an hour takes from left to right.
const WIDTH: i64 = 30;
/// A bar's.
const BAR: i64 = 12;

/// The bars of a day.
pub(super) struct Chart {
    pub hours: Vec<Hour>,
    /// The largest number, at the top of the scale.
    pub most: i64,
}

/// An hour: two bars, from left to right and from the bottom up.
pub(super) struct Hour {
    /// `08`
    pub name: String,
    /// Every third hour is named in the drawing.
    pub named: bool,
    pub middle: i64,
    pub calls: Bar,
    pub tickets: Bar,
}

/// A bar.
pub(super) struct Bar {
    pub count: i64,
    pub x: i64,
    pub y: i64,
    pub height: i64,
}

impl Chart {
    /// The drawing of these hours; a day has 24, once a year one more or one less where clocks are changed.
    pub fn of(hourly: &[Hourly]) -> Chart {
        let most = hourly.iter().map(|h| h.calls.max(h.tickets)).max().unwrap_or(0).max(1);
        let last = hourly.iter().map(|h| h.hour).max().unwrap_or(0).clamp(23, 24);
        let bar = |count: i64, x: i64| {
            // What is there is seen, however high the others are.
            let height = (count * HEIGHT / most).max(i64::from(count > 0) * 2);
            Bar { count, x, y: HEIGHT - height, height }
        };
        let hour = |hour: i64| {
            let found = hourly.iter().find(|h| h.hour == hour);
            let left = hour * WIDTH + 2;
            Hour {
                name: format!("{hour:02}"),
                named: hour % 3 == 0,
                middle: hour * WIDTH + WIDTH / 2,
                calls: bar(found.map_or(0, |h| h.calls), left),
                tickets: bar(found.map_or(0, |h| h.tickets), left + BAR + 1),
            }
        };
        Chart { hours: (0..=last).map(hour).collect(), most }
    }

    /// How wide the drawing is.
    pub fn width(&self) -> i64 {
        self.hours.len() as i64 * WIDTH
    }

    /// Everything that came today.
    pub fn sums(&self) -> (i64, i64) {
        self.hours.iter().fold((0, 0), |sum, h| (sum.0 + h.calls.count, sum.1 + h.tickets.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_drawing_and_the_lowest_is_seen() {
        let hourly = [
            Hourly { hour: 8, calls: 1, tickets: 0 },
            Hourly { hour: 9, calls: 500, tickets: 250 },
        ];
        let chart = Chart::of(&hourly);
        assert_eq!((chart.hours.len(), chart.most, chart.width()), (24, 500, 720));
        let heights = |at: usize| (chart.hours[at].calls.height, chart.hours[at].tickets.height);
        assert_eq!([heights(7), heights(8), heights(9)], [(0, 0), (2, 0), (100, 50)]);
        assert_eq!((chart.hours[9].calls.y, chart.hours[9].tickets.y), (0, 50));
        assert_eq!(chart.sums(), (501, 250));
        assert_eq!(Chart::of(&[]).most, 1, "an empty day is no division by nothing");
    }
}
