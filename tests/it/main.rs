//! The one integration binary (fast to link); each module is a theme.

mod callfile;
mod hotline;
mod lossy;
mod phones;
mod pure_calls;
mod rows;
mod shipped_scripts;
mod sip_calls;
mod sip_dial;
mod sip_offers;
mod sip_peer;
mod sip_refusals;
mod sip_sipp;
mod sip_timers;
mod sip_transport;
mod sipp;
mod sound;
mod torture;
