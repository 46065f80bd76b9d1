//! The pure session.

/// One caller's way through a script.
pub struct Session;
