//! Short messages: what one asks for, and what the answer may cost.
//!
//! `command` reads a message, `segment` counts and flattens an answer, `reply` fills in the site's texts. All of it is
//! pure: no socket, no clock.

pub mod command;
pub mod reply;
pub mod segment;
