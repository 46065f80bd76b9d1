//! Questions without a word: a caller who hears nothing does not know that the machine waits.

use super::Checker;
use crate::ivr::script::{Choice, Kind, Prompt, Spanned, Step};

impl Checker<'_> {
    pub(super) fn silences(&mut self, step: &Step) {
        for (place, prompts, options) in questions(step) {
            if prompts.iter().all(|prompt| is_silent(prompt.get_ref(), options)) {
                let sentence = format!(
                    "`{place}` says nothing, and the caller would wait in silence; write at least one prompt"
                );
                self.error_in(step, sentence);
            }
        }
    }
}

/// By its name, what is said before the machine waits for the caller, with the options that it may name.
type Question<'s> = (&'static str, &'s [Spanned<Prompt>], &'s [Choice]);

fn questions(step: &Step) -> Vec<Question<'_>> {
    let (prompts, _) = step.kind.prompts();
    let mut questions: Vec<Question<'_>> = Vec::new();
    let mut options: &[Choice] = &[];
    match &step.kind {
        Kind::Menu(menu) => {
            options = &menu.options;
            questions.push(("prompts", prompts, options));
        }
        Kind::Digits(_) | Kind::Confirm(_) => questions.push(("prompts", prompts, options)),
        Kind::Lookup(lookup) => {
            questions.extend([("prompts", prompts, options), ("wrong", &lookup.wrong, options)]);
            if let Some(pin) = &lookup.pin {
                questions.push(("pin.prompts", &pin.prompts, options));
                questions.push(("pin.wrong", &pin.wrong, options));
            }
        }
        _ => {}
    }
    for (name, retry) in step.kind.retries() {
        questions.extend(retry.reprompt.iter().map(|prompts| (name, &prompts[..], options)));
    }
    questions
}

fn is_silent(prompt: &Prompt, options: &[Choice]) -> bool {
    *prompt == Prompt::Options && options.iter().all(|option| option.say.is_none())
}
