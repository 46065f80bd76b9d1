//! Digits typed one after another: when they are complete, too few, or never came.
//!
//! VoiceXML's terms: termchar `#`, interdigit timeout, no input, no match. `*` gives up what was typed.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;

/// How many digits, and how long between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub min: usize,
    pub max: usize,
    /// From the end of the prompt to the first digit.
    pub first: Duration,
    /// From one digit to the next.
    pub interdigit: Duration,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq)]
pub enum Collected {
    /// Enough digits. `by_count`: the last one possible ended it, so that a `#` may still follow.
    Complete { digits: String, by_count: bool },
    /// Fewer than `min`, and then `#` or a pause.
    TooFew,
    /// Nothing at all.
    NoInput,
    /// `*` after some digits: start again.
    Cleared,
    /// `*` before any digit: go back.
    Back,
}

/// Digits being typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Collector {
    limits: Limits,
    typed: String,
    deadline: Option<Timestamp>,
}

impl Collector {
    /// Waits for the first digit without end, as it does while the prompt plays; [`Collector::listen`] starts the time.
    pub fn new(limits: Limits) -> Collector {
        Collector { limits, typed: String::new(), deadline: None }
    }

    /// The prompt is over: the time for the first digit begins.
    pub fn listen(&mut self, now: Timestamp) {
        if self.typed.is_empty() {
            self.deadline = Some(now + self.limits.first);
        }
    }

    /// One key, `0`-`9`, `*` or `#`.
    pub fn key(&mut self, key: char, now: Timestamp) -> Option<Collected> {
        match key {
            '#' => Some(self.ended()),
            '*' if self.typed.is_empty() => Some(Collected::Back),
            '*' => Some(Collected::Cleared),
            digit => self.digit(digit, now),
        }
    }

    /// To be called at [`Collector::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Timestamp) -> Option<Collected> {
        let due = self.deadline.is_some_and(|deadline| deadline <= now);
        due.then(|| if self.typed.is_empty() { Collected::NoInput } else { self.ended() })
    }

    /// When the caller has been silent for too long.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn digit(&mut self, digit: char, now: Timestamp) -> Option<Collected> {
        self.typed.push(digit);
        self.deadline = Some(now + self.limits.interdigit);
        (self.typed.len() >= self.limits.max).then(|| self.complete(true))
    }

    fn ended(&mut self) -> Collected {
        if self.typed.len() < self.limits.min.max(1) {
            Collected::TooFew
        } else {
            self.complete(false)
        }
    }

    fn complete(&mut self, by_count: bool) -> Collected {
        Collected::Complete { digits: std::mem::take(&mut self.typed), by_count }
    }
}

// What was typed may be a code or a PIN: it must not reach a log by way of `{:?}`.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({} typed)", self.typed.len())
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Collected::Complete { .. } => "Complete",
            Collected::TooFew => "TooFew",
            Collected::NoInput => "NoInput",
            Collected::Cleared => "Cleared",
            Collected::Back => "Back",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        min: 4,
        max: 8,
        first: Duration::from_secs(6),
        interdigit: Duration::from_secs(3),
    };

    fn complete(digits: &str, by_count: bool) -> Option<Collected> {
        Some(Collected::Complete { digits: digits.to_owned(), by_count })
    }

    /// Types keys 100 ms apart; what the last one brings.
    fn typed(keys: &str) -> (Collector, Option<Collected>) {
        let mut collector = Collector::new(LIMITS);
        let mut last = None;
        for (at, key) in keys.chars().enumerate() {
            assert_eq!(last, None, "{keys}: more keys after the end");
            last = collector.key(key, Timestamp(at as i64 * 100));
        }
        (collector, last)
    }

    #[test]
    fn keys_bring_what_the_table_says() {
        let cases = [
            ("", None),
            ("4821", None),
            ("4821#", complete("4821", false)),
            ("48217360", complete("48217360", true)),
            ("482#", Some(Collected::TooFew)),
            ("#", Some(Collected::TooFew)),
            ("48*", Some(Collected::Cleared)),
            ("*", Some(Collected::Back)),
        ];
        for (keys, expected) in cases {
            assert_eq!(typed(keys).1, expected, "{keys}");
        }
    }

    #[test]
    fn silence_before_the_first_digit_is_no_input_counted_from_the_prompts_end() {
        let mut collector = Collector::new(LIMITS);
        assert_eq!(collector.poll_timeout(), None);
        collector.listen(Timestamp(1000));
        assert_eq!(collector.poll_timeout(), Some(Timestamp(7000)));
        assert_eq!(collector.handle_timeout(Timestamp(6999)), None);
        assert_eq!(collector.handle_timeout(Timestamp(7000)), Some(Collected::NoInput));
    }

    #[test]
    fn a_pause_ends_the_digits() {
        let (mut enough, _) = typed("48217");
        assert_eq!(enough.poll_timeout(), Some(Timestamp(3400)));
        assert_eq!(enough.handle_timeout(Timestamp(3400)), complete("48217", false));
        let (mut few, _) = typed("482");
        assert_eq!(few.handle_timeout(Timestamp(9000)), Some(Collected::TooFew));
    }

    #[test]
    fn the_end_of_a_prompt_does_not_lengthen_the_time_between_digits() {
        let (mut collector, _) = typed("4");
        collector.listen(Timestamp(2000));
        assert_eq!(collector.poll_timeout(), Some(Timestamp(3000)));
    }

    #[test]
    fn debug_shows_no_digit() {
        let (collector, _) = typed("4821");
        assert_eq!(format!("{collector:?}"), "Collector(4 typed)");
        assert_eq!(format!("{:?}", complete("48217360", true)), "Some(Complete)");
    }
}
