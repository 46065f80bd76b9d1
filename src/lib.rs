//! kentongan answers a local government's complaint hotline: one program from the datagram to the ticket.
//!
//! The modules, in the order in which a call passes through them; ARCHITECTURE.md follows one call.

/// Time as the program keeps it: milliseconds since 1970, read at the edges only.
pub mod clock;
/// The dialogue: scripts, and the pure session that walks them. Knows nothing of tickets.
pub mod ivr;
/// RTP: offers, packets, digits, prompts and recordings. Knows nothing of SIP.
pub mod media;
/// A language's prompts as a folder: texts, rendering them, and what is wrong with them.
pub mod prompts;
/// SIP: datagrams to calls. Knows nothing of audio: a session description is text here.
pub mod sip;
/// Rows: the only module with SQL.
pub mod store;
/// What a complaint is: codes, classes, states, and who may hear what.
pub mod ticket;
