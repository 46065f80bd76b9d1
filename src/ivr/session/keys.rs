//! What keys do: menus, digits, the confirmation, and keys pressed before they are asked for.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use super::state::{
    Choosing, Collecting, ConfirmHears, Confirming, Hears, LockedTicket, Saying, State, Tries,
    Wanted,
};
use crate::clock::Timestamp;
use crate::ivr::digits::{Collected, Collector, Limits};
use crate::ivr::script::{Confirm, Menu, Prompt, Retry, Spanned};
use crate::ivr::{Effect, PlayId};

/// Wrong keys in a confirmation; after that the story is sent.
const MOST_MISSES: usize = 3;
/// How soon after digits that were complete by their number a `#` still belongs to them.
const TERMCHAR_FOLLOWS: Duration = Duration::from_secs(4);

impl Session {
    pub(super) fn digit(&mut self, state: State, key: char, now: Timestamp) -> State {
        if !matches!(key, '0'..='9' | '*' | '#') {
            return state;
        }
        let termchar_until = self.typed.drop_termchar.take();
        if key == '#' && termchar_until.is_some_and(|until| now < until) {
            return state;
        }
        match state {
            State::Saying(state) => self.key_while_saying(state, key, now),
            State::Choosing(state) => self.key_in_menu(state, key, now),
            State::Collecting(state) => self.key_in_digits(state, key, now),
            State::Confirming(state) => self.key_in_confirm(state, key, now),
            State::Announcing(state) => self.key_while_announcing(state, key, now),
            State::Recording(state) => self.key_while_recording(state, key, now),
            State::LookingUp(_) | State::Opening(_) => {
                self.type_ahead(key);
                state
            }
            other => other,
        }
    }

    /// `#` only ever ends something; early, there is nothing to end.
    fn type_ahead(&mut self, key: char) {
        if key != '#' {
            self.typed.push(key);
        }
    }

    fn key_while_saying(&mut self, saying: Saying, key: char, now: Timestamp) -> State {
        self.type_ahead(key);
        if !saying.barge_in {
            return State::Saying(saying);
        }
        self.effects.push(Effect::StopPlaying);
        self.then(saying.then, now)
    }

    /// A key typed ahead chooses at once, unless what the menu says must be heard first.
    pub(super) fn enter_menu(&mut self, menu: Arc<Menu>, now: Timestamp) -> State {
        let typed = if menu.barge_in { self.typed.pop() } else { None };
        match typed {
            Some(key) => self.chosen(menu, key, Tries::default(), now),
            None => {
                let prompts = menu.prompts.clone();
                self.offer(menu, &prompts, None, Tries::default(), now)
            }
        }
    }

    /// Says something and waits for a key.
    fn offer(
        &mut self,
        menu: Arc<Menu>,
        prompts: &[Spanned<Prompt>],
        key: Option<char>,
        tries: Tries,
        now: Timestamp,
    ) -> State {
        let clips = self.render(prompts, &menu.options, key);
        let hears = match self.play(clips) {
            Some(play) => Hears::Prompt(play),
            None => Hears::Nothing(now + menu.timeout),
        };
        State::Choosing(Choosing { menu, hears, tries })
    }

    pub(super) fn menu_said(&mut self, mut state: Choosing, play: PlayId, now: Timestamp) -> State {
        if !matches!(state.hears, Hears::Prompt(own) if own == play) {
            return State::Choosing(state);
        }
        if let Some(key) = self.typed.pop() {
            return self.chosen(state.menu, key, state.tries, now);
        }
        state.hears = Hears::Nothing(now + state.menu.timeout);
        State::Choosing(state)
    }

    fn key_in_menu(&mut self, state: Choosing, key: char, now: Timestamp) -> State {
        if let Hears::Prompt(_) = state.hears {
            if !state.menu.barge_in {
                self.type_ahead(key);
                return State::Choosing(state);
            }
            self.effects.push(Effect::StopPlaying);
        }
        self.chosen(state.menu, key, state.tries, now)
    }

    fn chosen(&mut self, menu: Arc<Menu>, key: char, mut tries: Tries, now: Timestamp) -> State {
        let mut buffer = [0; 4];
        let text: &str = key.encode_utf8(&mut buffer);
        if let Some(choice) = menu.options.iter().find(|choice| choice.key.get_ref() == text) {
            self.note(format!("key {key}"), now);
            if let (Some(slot), Some(value)) = (&menu.slot, &choice.value) {
                self.choose(slot, value);
            }
            return self.go(choice.to.get_ref(), now);
        }
        match (key, &menu.back) {
            ('*', Some(back)) => {
                self.note("key *", now);
                self.go(back.get_ref(), now)
            }
            ('*', None) => {
                self.note("key *", now);
                let prompts = menu.prompts.clone();
                self.offer(menu, &prompts, None, Tries::default(), now)
            }
            ('9', _) => {
                self.note("key 9", now);
                let goodbye = self.script.goodbye.get_ref().clone();
                self.go(&goodbye, now)
            }
            _ => {
                // Which key it was is not noted: it may be part of a code typed in the wrong place.
                self.note("no_match", now);
                self.typed.clear();
                tries.misses += 1;
                match again(&menu.no_match, tries.misses) {
                    Ok(prompts) => self.offer(Arc::clone(&menu), prompts, Some(key), tries, now),
                    Err(to) => self.go(to, now),
                }
            }
        }
    }

    pub(super) fn no_choice(&mut self, state: Choosing, now: Timestamp) -> State {
        let Choosing { menu, mut tries, .. } = state;
        self.note("no_input", now);
        tries.silences += 1;
        match again(&menu.no_input, tries.silences) {
            Ok(prompts) => self.offer(Arc::clone(&menu), prompts, None, tries, now),
            Err(to) => self.go(to, now),
        }
    }

    /// Asks for digits, unless they have been typed already and the question need not be heard.
    pub(super) fn ask_digits(
        &mut self,
        what: Wanted,
        prompts: &[Spanned<Prompt>],
        now: Timestamp,
    ) -> State {
        self.ask_digits_again(what, prompts, Tries::default(), now)
    }

    fn ask_digits_again(
        &mut self,
        what: Wanted,
        prompts: &[Spanned<Prompt>],
        tries: Tries,
        now: Timestamp,
    ) -> State {
        let mut collector = Collector::new(what.limits());
        let play = if self.typed.keys.is_empty() || !what.barge_in() {
            let clips = self.render(prompts, &[], None);
            self.play(clips)
        } else {
            None
        };
        if play.is_none() {
            collector.listen(now);
        }
        let state = Collecting { what, play, collector, tries };
        if play.is_none() { self.take_typed(state, now) } else { State::Collecting(state) }
    }

    /// Moves keys typed ahead into the digits.
    fn take_typed(&mut self, mut state: Collecting, now: Timestamp) -> State {
        while let Some(key) = self.typed.pop() {
            if let Some(collected) = state.collector.key(key, now) {
                return self.collected(state, collected, now);
            }
        }
        State::Collecting(state)
    }

    pub(super) fn question_said(
        &mut self,
        mut state: Collecting,
        play: PlayId,
        now: Timestamp,
    ) -> State {
        if state.play != Some(play) {
            return State::Collecting(state);
        }
        state.play = None;
        state.collector.listen(now);
        self.take_typed(state, now)
    }

    fn key_in_digits(&mut self, mut state: Collecting, key: char, now: Timestamp) -> State {
        if state.play.is_some() {
            if !state.what.barge_in() {
                self.type_ahead(key);
                return State::Collecting(state);
            }
            state.play = None;
            self.effects.push(Effect::StopPlaying);
        }
        match state.collector.key(key, now) {
            Some(collected) => self.collected(state, collected, now),
            None => State::Collecting(state),
        }
    }

    pub(super) fn digits_timed_out(&mut self, mut state: Collecting, now: Timestamp) -> State {
        match state.collector.handle_timeout(now) {
            Some(collected) => self.collected(state, collected, now),
            None => State::Collecting(state),
        }
    }

    fn collected(&mut self, state: Collecting, collected: Collected, now: Timestamp) -> State {
        let Collecting { what, mut tries, .. } = state;
        match collected {
            Collected::Complete { digits, by_count } => {
                self.typed.drop_termchar = by_count.then(|| now + TERMCHAR_FOLLOWS);
                self.note("digits", now);
                self.digits_complete(what, digits, now)
            }
            Collected::TooFew => {
                self.note("no_match", now);
                self.typed.clear();
                tries.misses += 1;
                self.ask_after(&what, what.no_match(), tries.misses, tries, now)
            }
            Collected::NoInput => {
                self.note("no_input", now);
                tries.silences += 1;
                self.ask_after(&what, what.no_input(), tries.silences, tries, now)
            }
            Collected::Cleared => {
                self.note("key *", now);
                self.ask_digits_again(what.clone(), what.prompts(), tries, now)
            }
            Collected::Back => {
                self.note("key *", now);
                match what.back() {
                    Some(back) => self.go(back, now),
                    None => self.ask_digits(what.clone(), what.prompts(), now),
                }
            }
        }
    }

    fn ask_after(
        &mut self,
        what: &Wanted,
        retry: Result<&Retry, &str>,
        count: usize,
        tries: Tries,
        now: Timestamp,
    ) -> State {
        match retry.and_then(|retry| again(retry, count)) {
            Ok(prompts) => self.ask_digits_again(what.clone(), prompts, tries, now),
            Err(to) => self.go(to, now),
        }
    }

    /// Keys typed ahead end here: nobody sends or deletes a story by a key meant for something else.
    pub(super) fn enter_confirm(&mut self, confirm: Arc<Confirm>, now: Timestamp) -> State {
        self.typed.clear();
        self.ask_to_confirm(confirm, &[], 0, now)
    }

    fn ask_to_confirm(
        &mut self,
        confirm: Arc<Confirm>,
        before: &[Spanned<Prompt>],
        misses: usize,
        now: Timestamp,
    ) -> State {
        let mut clips = self.render(before, &[], None);
        clips.extend(self.render(&confirm.prompts, &[], None));
        let hears = match self.play(clips) {
            Some(play) => ConfirmHears::Prompt(play),
            None => ConfirmHears::Nothing(now + confirm.timeout),
        };
        State::Confirming(Confirming { confirm, hears, misses })
    }

    pub(super) fn confirm_said(
        &mut self,
        mut state: Confirming,
        play: PlayId,
        now: Timestamp,
    ) -> State {
        match state.hears {
            ConfirmHears::Prompt(own) if own == play => {
                state.hears = ConfirmHears::Nothing(now + state.confirm.timeout);
                State::Confirming(state)
            }
            ConfirmHears::Story(own) if own == play => {
                self.ask_to_confirm(state.confirm, &[], state.misses, now)
            }
            _ => State::Confirming(state),
        }
    }

    fn key_in_confirm(&mut self, state: Confirming, key: char, now: Timestamp) -> State {
        let Confirming { confirm, hears, misses } = state;
        match hears {
            ConfirmHears::Prompt(_) if !confirm.barge_in => {
                return State::Confirming(Confirming { confirm, hears, misses });
            }
            ConfirmHears::Prompt(_) | ConfirmHears::Story(_) => {
                self.effects.push(Effect::StopPlaying);
            }
            ConfirmHears::Nothing(_) => {}
        }
        match key {
            '1' => {
                self.note("key 1", now);
                self.hear_story(confirm, misses, now)
            }
            '2' => {
                self.note("key 2", now);
                let again = confirm.again.as_ref().map(|to| to.get_ref().clone());
                let again = again.or_else(|| self.story.as_ref().map(|story| story.step.clone()));
                match again {
                    Some(to) => self.go(&to, now),
                    None => self.send(&confirm, now),
                }
            }
            '*' => {
                self.note("key *", now);
                self.ask_to_confirm(confirm, &[], misses, now)
            }
            // `9` ends the call everywhere else; here the story goes off first.
            '#' | '9' => self.send(&confirm, now),
            _ if misses + 1 >= MOST_MISSES => self.send(&confirm, now),
            _ => {
                self.note("no_match", now);
                let before = confirm.no_match.clone();
                self.ask_to_confirm(confirm, &before, misses + 1, now)
            }
        }
    }

    fn hear_story(&mut self, confirm: Arc<Confirm>, misses: usize, now: Timestamp) -> State {
        let Some(slot) = self.story.as_ref().map(|story| story.take.clone()) else {
            return self.ask_to_confirm(confirm, &[], misses, now);
        };
        let id = self.next_play();
        self.effects.push(Effect::PlayRecording { id, slot });
        State::Confirming(Confirming { confirm, hears: ConfirmHears::Story(id), misses })
    }

    pub(super) fn send(&mut self, confirm: &Confirm, now: Timestamp) -> State {
        self.note("sent", now);
        self.go(confirm.next.get_ref(), now)
    }
}

/// What to say after the `count`th silence or wrong key, or where to go when there is nothing left to say.
pub(super) fn again(retry: &Retry, count: usize) -> Result<&[Spanned<Prompt>], &str> {
    match retry.reprompt.get(count.saturating_sub(1)) {
        Some(prompts) => Ok(prompts),
        None => Err(retry.to.get_ref()),
    }
}

impl Wanted {
    fn limits(&self) -> Limits {
        match self {
            Wanted::Answer(step) => Limits {
                min: step.min,
                max: step.max,
                first: step.timeout,
                interdigit: step.interdigit,
            },
            Wanted::Code(step) => Limits {
                min: step.digits,
                max: step.digits,
                first: step.timeout,
                interdigit: step.interdigit,
            },
            Wanted::Pin(LockedTicket { lookup, pin, .. }) => Limits {
                min: pin.digits,
                max: pin.digits,
                first: lookup.timeout,
                interdigit: lookup.interdigit,
            },
        }
    }

    fn barge_in(&self) -> bool {
        match self {
            Wanted::Answer(step) => step.barge_in,
            Wanted::Code(step) => step.barge_in,
            Wanted::Pin(ticket) => ticket.lookup.barge_in,
        }
    }

    fn prompts(&self) -> &[Spanned<Prompt>] {
        match self {
            Wanted::Answer(step) => &step.prompts,
            Wanted::Code(step) => &step.prompts,
            Wanted::Pin(ticket) => &ticket.pin.prompts,
        }
    }

    fn back(&self) -> Option<&str> {
        let back = match self {
            Wanted::Answer(step) => step.back.as_ref(),
            Wanted::Code(step) => step.back.as_ref(),
            Wanted::Pin(ticket) => Some(&ticket.lookup.found),
        };
        back.map(|to| to.get_ref().as_str())
    }

    /// What follows silence: another try, or for a PIN what the code alone tells.
    fn no_input(&self) -> Result<&Retry, &str> {
        match self {
            Wanted::Answer(step) => Ok(&step.no_input),
            Wanted::Code(step) => Ok(&step.no_input),
            Wanted::Pin(ticket) => Err(ticket.lookup.found.get_ref()),
        }
    }

    fn no_match(&self) -> Result<&Retry, &str> {
        match self {
            Wanted::Answer(step) => Ok(&step.no_match),
            Wanted::Code(step) => Ok(&step.no_match),
            Wanted::Pin(ticket) => Err(ticket.lookup.found.get_ref()),
        }
    }
}
