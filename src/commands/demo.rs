//! `kentongan demo`: the hotline on loopback, and two real calls through it.
