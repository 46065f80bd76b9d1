//! Session timers (RFC 4028) as a pure machine: who refreshes the session, when, and when it counts as dead.

use std::time::{Duration, Instant};

use super::text::{Headers, param};

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

/// RFC 4028 section 5: no shorter interval may be asked for or set.
const LEAST: Duration = Duration::from_secs(90);
/// The one who waits for a refresh gives up this long before the end at the earliest (section 10).
const FAREWELL: Duration = Duration::from_secs(32);

impl SessionTimer {
    /// As UAS: answers the Session-Expires, Min-SE and Supported of an INVITE or UPDATE, first or refreshing (section 9).
    ///
    /// - A caller that knows timers does the refreshing unless it asked us to; one that does not, but whose proxy asks
    ///   for a timer, is refreshed by us.
    /// - Where nobody asks for a timer, one is set only if the caller knows them.
    /// - The interval is theirs, or ours where it is shorter and their Min-SE allows it; it is never raised.
    pub fn negotiate(
        request: &Headers,
        config: &Config,
        now: Instant,
    ) -> Result<Accepted, TooSmall> {
        let they_know = supports_timer(request);
        let wanted = request.get("Session-Expires").and_then(read_interval);
        let least =
            request.get("Min-SE").and_then(read_interval).map_or(LEAST, |(min, _)| min.max(LEAST));
        let ours = config.interval.max(config.min).max(LEAST);
        let interval = match wanted {
            None if !they_know => return Ok(Accepted { timer: None, headers: Vec::new() }),
            None => ours.max(least),
            // A proxy asks on behalf of a caller who could not understand a 422: take what it wants (section 9).
            Some((wanted, _)) if wanted < config.min.max(LEAST) && they_know => {
                return Err(TooSmall { min_se: config.min.max(LEAST) });
            }
            Some((wanted, _)) => wanted.min(ours.max(least)),
        };
        let refresher = match wanted.and_then(|(_, refresher)| refresher) {
            _ if !they_know => Refresher::Us,
            Some(Role::Uas) => Refresher::Us,
            Some(Role::Uac) | None => Refresher::Them,
        };
        let role = if refresher == Refresher::Us { "uas" } else { "uac" };
        let mut headers =
            vec![("Session-Expires", format!("{};refresher={role}", interval.as_secs()))];
        if they_know {
            headers.push(("Require", "timer".to_owned()));
        }
        Ok(Accepted { timer: Some(SessionTimer::new(interval, refresher, now)), headers })
    }

    /// As UAC: the timer that a 2xx to our INVITE or UPDATE grants; `None` ends any that ran (section 7.2).
    pub fn granted(response: &Headers, now: Instant) -> Option<SessionTimer> {
        let (interval, role) = response.get("Session-Expires").and_then(read_interval)?;
        let refresher = if role == Some(Role::Uas) { Refresher::Them } else { Refresher::Us };
        Some(SessionTimer::new(interval.max(LEAST), refresher, now))
    }

    fn new(interval: Duration, refresher: Refresher, now: Instant) -> SessionTimer {
        SessionTimer { interval, refresher, since: now, asked: false }
    }

    /// Who refreshes.
    pub fn refresher(&self) -> Refresher {
        self.refresher
    }

    /// How long the session lasts from its last refresh.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The header fields for our refresh: they keep interval and refresher as they are (section 7.4).
    pub fn request_headers(&self) -> Vec<(&'static str, String)> {
        let role = if self.refresher == Refresher::Us { "uac" } else { "uas" };
        vec![
            ("Supported", "timer".to_owned()),
            ("Session-Expires", format!("{};refresher={role}", self.interval.as_secs())),
        ]
    }

    /// When [`SessionTimer::handle_timeout`] wants to be called: half-way for our refresh, else the smaller of 32 s and
    /// a third of the interval before its end (section 10).
    pub fn poll_timeout(&self) -> Instant {
        if self.refresher == Refresher::Us && !self.asked {
            return self.since + self.interval / 2;
        }
        self.since + self.interval - FAREWELL.min(self.interval / 3)
    }

    /// What is due at `now`; `None` if nothing is yet. A [`Due::Refresh`] is told once; unless
    /// [`SessionTimer::refreshed`] follows, [`Due::Expired`] is next.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        if now < self.poll_timeout() {
            return None;
        }
        if self.refresher == Refresher::Us && !self.asked {
            self.asked = true;
            return Some(Due::Refresh);
        }
        Some(Due::Expired)
    }

    /// A 422 to our refresh asks for a longer session (section 7.4). Gives whether it is longer now; if not, the 422 made
    /// no sense.
    pub fn lengthen(&mut self, response: &Headers) -> bool {
        let asked = min_se(response).filter(|min| *min > self.interval);
        self.interval = asked.unwrap_or(self.interval);
        asked.is_some()
    }

    /// A 2xx to a refresh in either direction starts the interval anew, when it grants no other timer.
    pub fn refreshed(&mut self, now: Instant) {
        self.since = now;
        self.asked = false;
    }
}

/// The header fields for our first INVITE; after a 422, `min_se` is that response's Min-SE (section 7.3).
pub fn request_headers(config: &Config, min_se: Option<Duration>) -> Vec<(&'static str, String)> {
    let least = min_se.unwrap_or(LEAST).max(config.min).max(LEAST);
    let interval = config.interval.max(least);
    let mut headers = vec![
        ("Supported", "timer".to_owned()),
        ("Session-Expires", interval.as_secs().to_string()),
    ];
    if least > LEAST {
        headers.push(("Min-SE", least.as_secs().to_string()));
    }
    headers
}

/// The Min-SE of a 422 to our INVITE, for [`request_headers`].
pub fn min_se(response: &Headers) -> Option<Duration> {
    response.get("Min-SE").and_then(read_interval).map(|(min, _)| min)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Uac,
    Uas,
}

/// Delta-seconds with their parameters. Overlarge values are a day: nobody's call is longer.
fn read_interval(value: &str) -> Option<(Duration, Option<Role>)> {
    let seconds = value.split(';').next()?.trim();
    if seconds.is_empty() || !seconds.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = seconds.parse::<u64>().unwrap_or(u64::MAX).min(24 * 3600);
    let role = match param(value, "refresher") {
        Some(role) if role.eq_ignore_ascii_case("uac") => Some(Role::Uac),
        Some(role) if role.eq_ignore_ascii_case("uas") => Some(Role::Uas),
        _ => None,
    };
    Some((Duration::from_secs(seconds), role))
}

fn supports_timer(headers: &Headers) -> bool {
    ["Supported", "Require"]
        .iter()
        .any(|name| headers.elements(name).any(|tag| tag.eq_ignore_ascii_case("timer")))
}

#[cfg(test)]
mod tests;
