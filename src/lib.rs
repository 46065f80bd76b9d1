//! kentongan answers a local government's complaint hotline: one program from the datagram to the ticket.
//!
//! The modules, in the order in which a call passes through them; ARCHITECTURE.md follows one call.

// Time as the program keeps it: milliseconds since 1970, read at the edges only.
pub mod clock;

// SIP: datagrams to calls. Knows nothing of audio: a session description is text here.
pub mod sip;

// RTP: offers, packets, keys, prompts and recordings. Knows nothing of SIP.
pub mod media;

// The dialogue: scripts, and the pure session that walks them. Knows nothing of tickets.
pub mod ivr;

// The menu's versions: what a text must prove before it answers calls, and how one takes another's place.
pub mod menu;

// What a complaint is: codes, classes, states, and who may hear what.
pub mod ticket;

// Rows: the only module with SQL.
pub mod store;

// Recordings on disk: names to paths.
pub mod files;

// What the hotline says: texts, their rendering, and what is wrong with either.
pub mod prompts;

// Recordings to text, on this machine.
pub mod asr;

// Short messages: what one asks for, what goes back, what it costs, and what each gateway says.
pub mod sms;

// One task per call: where dialog, leg and session meet.
pub mod call;

// The operators' console: pages and forms over rows and files. Knows nothing of SIP and RTP.
pub mod console;

// Starts everything, stops everything.
pub mod server;

// The configuration file and the environment.
pub mod config;

// A telephone in software, for the demo, the tests and `kentongan call`.
pub mod phone;
