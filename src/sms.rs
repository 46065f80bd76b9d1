//! Short messages: what one asks for, what the answer may cost, and how gateways carry both.
//!
//! `command` reads a message, `segment` counts and flattens an answer, `reply` fills in the site's texts, `gateway`
//! knows what each gateway says and wants to hear. All of it is pure: no socket, no clock.

pub mod command;
pub mod gateway;
pub mod reply;
pub mod segment;
