//! Codes and PINs: what was typed goes to the store, and its answer decides where the call goes.

use std::sync::Arc;

use super::state::{LockedTicket, LookingUp, State, Wanted};
use super::{PATIENCE, Session};
use crate::clock::Timestamp;
use crate::ivr::script::{Lookup as Step, Target};
use crate::ivr::{Effect, Found, Lookup};

impl Session {
    pub(super) fn digits_complete(
        &mut self,
        what: Wanted,
        digits: String,
        now: Timestamp,
    ) -> State {
        match what {
            Wanted::Answer(step) => {
                self.choose(&step.slot, &digits);
                self.go(step.next.get_ref(), now)
            }
            Wanted::Code(lookup) => self.ask_store(lookup, digits, None, now),
            Wanted::Pin(ticket) => self.ask_store(ticket.lookup, ticket.code, Some(digits), now),
        }
    }

    fn ask_store(
        &mut self,
        lookup: Arc<Step>,
        code: String,
        pin: Option<String>,
        now: Timestamp,
    ) -> State {
        self.effects.push(Effect::LookUp { code: code.clone(), pin });
        State::LookingUp(LookingUp { lookup, code, until: now + PATIENCE })
    }

    pub(super) fn looked_up(&mut self, state: LookingUp, answer: Lookup, now: Timestamp) -> State {
        let LookingUp { lookup, code, .. } = state;
        match answer {
            Lookup::Found(found) => self.found(lookup, code, found, now),
            Lookup::WrongPin => self.wrong_pin(lookup, code, now),
            Lookup::NotFound => self.not_found(lookup, now),
            Lookup::Exhausted => self.leave_lookup("exhausted", &lookup.exhausted, now),
            Lookup::Failed => self.leave_lookup("failed", &lookup.failed, now),
        }
    }

    fn found(&mut self, lookup: Arc<Step>, code: String, found: Found, now: Timestamp) -> State {
        self.found = found.say;
        match &lookup.pin {
            Some(pin) if found.sealed => {
                self.note("sealed", now);
                let (pin, prompts) = (Arc::clone(pin), pin.prompts.clone());
                self.ask_digits(Wanted::Pin(LockedTicket { lookup, pin, code }), &prompts, now)
            }
            _ if found.answered => self.leave_lookup("answered", &lookup.answered, now),
            _ => self.leave_lookup("found", &lookup.found, now),
        }
    }

    /// Asks once more, or goes on with what the code alone tells.
    fn wrong_pin(&mut self, lookup: Arc<Step>, code: String, now: Timestamp) -> State {
        self.wrong_pins += 1;
        match &lookup.pin {
            Some(pin) if self.wrong_pins < pin.tries => {
                self.note("wrong", now);
                self.typed.clear();
                let (pin, wrong) = (Arc::clone(pin), pin.wrong.clone());
                self.ask_digits(Wanted::Pin(LockedTicket { lookup, pin, code }), &wrong, now)
            }
            _ => self.leave_lookup("found", &lookup.found, now),
        }
    }

    fn not_found(&mut self, lookup: Arc<Step>, now: Timestamp) -> State {
        self.unknown_codes += 1;
        if self.unknown_codes < lookup.tries {
            self.note("wrong", now);
            self.typed.clear();
            return self.ask_digits(Wanted::Code(Arc::clone(&lookup)), &lookup.wrong, now);
        }
        self.leave_lookup("not_found", &lookup.not_found, now)
    }

    fn leave_lookup(&mut self, what: &str, to: &Target, now: Timestamp) -> State {
        self.note(what, now);
        self.go(to.get_ref(), now)
    }
}
