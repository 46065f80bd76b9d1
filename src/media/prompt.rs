//! Prompts, encoded once.

/// A piece of audio ready to be sent in either law.
pub struct Clip;

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clip")
    }
}
