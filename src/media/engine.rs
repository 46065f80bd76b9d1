//! The media threads.

/// The media threads.
pub struct Engine;
/// One call's handle on its audio.
pub struct Leg;
