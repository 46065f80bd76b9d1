//! What each subcommand does: arguments in, text out, the work in the library.

pub mod audit;
pub mod call;
pub mod deadlines;
pub mod demo;
pub mod doctor;
pub mod log;
pub mod model;
pub mod prompts;
pub mod script;
pub mod serve;
pub mod sms;
pub mod suggestions;
pub mod ticket;
pub mod transcribe;
pub mod user;
