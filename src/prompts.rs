//! The prompts of a language as a folder: texts, what is made of them, and what people recorded instead.
//!
//! ```text
//! prompts/id/*.toml            [prompts] id = "what is said"; [voice] how it is rendered,
//!                              [pronounce] word = "phonemes" that the engine gets wrong
//! prompts/id/ID.wav            made by `kentongan prompts render`
//! prompts/id/recorded/ID.wav   a person's voice, which wins
//! prompts/id/rendered.toml     which text each WAV was made from
//! ```

mod catalogue;
mod check;
mod chosen;
mod record;
mod render;
mod take;

pub use catalogue::{Catalogue, CatalogueError, Content, Fault, Prompt, Voice};
pub use check::{Finding, LONGEST_SECONDS, Problem, Severity, check, check_one, report};
pub use chosen::{Chosen, ChosenTake};
pub use record::{FILE as RECORD_FILE, RecordError};
pub use render::{RenderError, Rendered, Which, note, render};
pub use take::{LONGEST_TAKE_SECONDS, Take, TakeError};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ivr::speech;
    use crate::media::prompt::Library;

    fn shipped() -> (&'static Path, Catalogue) {
        let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/id"));
        (dir, Catalogue::read(dir).unwrap_or_else(|e| panic!("{e}")))
    }

    #[test]
    fn the_shipped_prompts_are_in_order_and_can_be_loaded() {
        let (dir, catalogue) = shipped();
        assert_eq!(report(&check(&catalogue, dir)), "errors: 0, warnings: 0\n");
        let library = Library::load(dir, catalogue.ids()).unwrap();
        assert_eq!(library.ids().count(), catalogue.ids().count());
    }

    #[test]
    fn every_clip_of_spoken_numbers_and_dates_says_what_it_should() {
        let (_, catalogue) = shipped();
        for id in speech::clips() {
            let prompt = catalogue.get(id).unwrap_or_else(|| panic!("{id} has no text"));
            match &prompt.content {
                Content::Text(text) => assert_eq!(text, &speech::text(&[id.into()]), "{id}"),
                Content::Silence { .. } => assert!(id.starts_with("jeda/"), "{id}"),
                Content::Tone { .. } => panic!("{id} is a tone"),
            }
        }
    }
}
