//! The ticket's code.

/// Eight digits, the last a Damm check digit.
pub struct TicketCode;
