//! Session timers (RFC 4028) as a pure machine: who refreshes the session, when, and when it counts as dead.

use std::time::{Duration, Instant};

use super::text::Headers;

/// How we deal with session timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The interval we ask for, or set where the other side leaves it to us; at least `min`.
    pub interval: Duration,
    /// The shortest interval we accept; at least 90 s (RFC 4028 section 4).
    pub min: Duration,
}

/// The interval asked for is too short: answer 422 with this Min-SE (RFC 4028 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session interval below {} s", min_se.as_secs())]
pub struct TooSmall {
    pub min_se: Duration,
}

/// Who sends the refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    Us,
    Them,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send a re-INVITE or UPDATE with [`SessionTimer::request_headers`].
    Refresh,
    /// Nobody refreshed in time: send BYE.
    Expired,
}

/// The timer of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    interval: Duration,
    refresher: Refresher,
    since: Instant,
    asked: bool,
}

/// What a 2xx must carry, and the timer it starts; `timer` is `None` if the session has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub timer: Option<SessionTimer>,
    pub headers: Vec<(&'static str, String)>,
}

impl SessionTimer {
    /// As UAS: answers the Session-Expires, Min-SE and Supported of an INVITE or UPDATE, first or refreshing (section 9).
    pub fn negotiate(
        request: &Headers,
        config: &Config,
        now: Instant,
    ) -> Result<Accepted, TooSmall> {
        todo!()
    }

    /// As UAC: the timer that a 2xx to our INVITE or UPDATE grants, if any (section 7.2).
    pub fn granted(response: &Headers, now: Instant) -> Option<SessionTimer> {
        todo!()
    }

    /// The header fields for our refresh: they keep interval and refresher as they are (section 7.4).
    pub fn request_headers(&self) -> Vec<(&'static str, String)> {
        todo!()
    }

    /// When [`SessionTimer::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Instant {
        todo!()
    }

    /// What is due at `now`; `None` if nothing is yet. A [`Due::Refresh`] is told once per interval.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        todo!()
    }

    /// A 2xx to a refresh in either direction starts the interval anew, when it grants no other timer.
    pub fn refreshed(&mut self, now: Instant) {
        todo!()
    }
}

/// The header fields for our first INVITE; after a 422, `min_se` is that response's Min-SE (section 7.3).
pub fn request_headers(config: &Config, min_se: Option<Duration>) -> Vec<(&'static str, String)> {
    todo!()
}
