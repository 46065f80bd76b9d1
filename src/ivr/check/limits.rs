//! Names and numbers that the reader takes and a call could not work with.

use super::Checker;
use crate::ivr::script::{Digits, Kind, Lookup, Record, Step};

/// How many digits a code has, whatever a script would like.
const CODE_DIGITS: usize = 8;
/// Names of recordings become names of files, with a number behind them.
const LONGEST_SLOT: usize = 60;
/// The answer that the PIN of a confidential report is.
const PIN: &str = "pin";

impl Checker<'_> {
    pub(super) fn limits(&mut self, step: &Step) {
        match &step.kind {
            Kind::Menu(menu) => menu.slot.iter().for_each(|slot| self.slot(step, slot)),
            Kind::Digits(digits) => self.digits(step, digits),
            Kind::Record(record) => self.record(step, record),
            Kind::Lookup(lookup) => self.lookup(step, lookup),
            _ => {}
        }
    }

    fn slot(&mut self, step: &Step, slot: &str) {
        let plain = slot.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if slot.is_empty() || slot.len() > LONGEST_SLOT || !plain {
            let sentence = format!(
                "`{slot}` cannot be a slot's name; write 1 to {LONGEST_SLOT} of a-z, 0-9 and _"
            );
            self.error_in(step, sentence);
        }
    }

    fn digits(&mut self, step: &Step, digits: &Digits) {
        let (min, max) = (digits.min, digits.max);
        self.slot(step, &digits.slot);
        if min == 0 || min > max {
            let sentence = format!(
                "it takes {min} to {max} digits; `min` must be at least 1 and at most `max`"
            );
            return self.error_in(step, sentence);
        }
        if digits.slot == PIN {
            self.pin(step, digits);
        }
    }

    /// Nobody can type a PIN of four digits where six are asked for.
    fn pin(&mut self, step: &Step, digits: &Digits) {
        for other in self.script.steps() {
            let Kind::Lookup(lookup) = &other.kind else { continue };
            let Some(asked) = lookup.pin.as_ref().map(|pin| pin.digits) else { continue };
            if (digits.min, digits.max) != (asked, asked) {
                let sentence = format!(
                    "it takes a PIN of {} to {} digits, and step `{}` asks for one of {asked}; write the same number in `min`, `max` and there",
                    digits.min, digits.max, other.name
                );
                self.error_in(step, sentence);
            }
        }
    }

    fn record(&mut self, step: &Step, record: &Record) {
        self.slot(step, &record.slot);
        if record.min_speech > record.max {
            let sentence = "`min_speech` is longer than `max`, so that nothing would ever count as speech; shorten it";
            self.error_in(step, sentence.to_owned());
        }
    }

    fn lookup(&mut self, step: &Step, lookup: &Lookup) {
        if lookup.tries == 0 || lookup.digits == 0 {
            self.error_in(step, "`tries` and `digits` must be at least 1".to_owned());
        } else if lookup.digits != CODE_DIGITS {
            let sentence =
                format!("codes have {CODE_DIGITS} digits; write that, or remove `digits`");
            self.error_in(step, sentence);
        }
        if lookup.pin.as_ref().is_some_and(|pin| pin.tries == 0 || pin.digits == 0) {
            self.error_in(step, "`tries` and `digits` of its PIN must be at least 1".to_owned());
        }
    }
}
