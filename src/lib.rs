//! kentongan answers a local government's complaint hotline: one program from the datagram to the ticket.
//!
//! The modules, in the order in which a call passes through them; ARCHITECTURE.md follows one call.

/// Time as the program keeps it: milliseconds since 1970, read at the edges only.
pub mod clock;
/// Recordings on disk: names to paths.
pub mod files;
/// The dialogue: scripts, and the pure session that walks them. Knows nothing of tickets.
pub mod ivr;
/// RTP: offers, packets, digits, prompts and recordings. Knows nothing of SIP.
pub mod media;
/// SIP: datagrams to calls. Knows nothing of audio: a session description is text here.
pub mod sip;
/// Rows: the only module with SQL.
pub mod store;
/// What a complaint is: codes, classes, states, and who may hear what.
pub mod ticket;
