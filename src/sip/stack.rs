//! The adapter to rsipstack.

/// Listens, and dials.
pub struct UserAgent;
/// A call that wants an answer.
pub struct InboundCall;
/// An established call.
#[derive(Debug)]
pub struct Dialog;
/// A new offer within a call.
#[derive(Debug)]
pub struct Reoffer;
