//! States and transitions.

/// Where a ticket stands.
pub enum Status {}
