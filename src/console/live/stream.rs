//! The stream itself: one for each browser, as long as its session lives.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, interval};

use super::super::access::Actor;
use super::super::{App, Console};
use super::{News, Seat};
use crate::ticket::Role;

/// Who hears of calls, and of all that is on the wall.
pub(in super::super) const SEES_CALLS: &[Role] =
    &[Role::Operator, Role::Supervisor, Role::Auditor, Role::Admin];

/// A comment so often: a browser that went away without a word is noticed.
const ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(3);

/// What a page is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// The stream begins, or something was missed: everything may have changed.
    Ready,
    /// A queue or its counts.
    Queues,
    /// A call began, moved on or ended.
    Calls,
    /// A figure on the wall.
    Wall,
    /// A ticket, and the revision that it is at.
    Ticket(String, i64),
    /// Somebody opened this ticket's page.
    Arrived(String),
}

impl Hint {
    fn event(&self) -> Event {
        let (name, data) = match self {
            Hint::Ready => ("siap", String::new()),
            Hint::Queues => ("antrean", String::new()),
            Hint::Calls => ("panggilan", String::new()),
            Hint::Wall => ("beranda", String::new()),
            Hint::Ticket(code, revision) => ("tiket", format!("{code} {revision}")),
            Hint::Arrived(code) => ("hadir", code.clone()),
        };
        // An event without data is none to a browser.
        Event::default().event(name).data(if data.is_empty() { "-" } else { &data })
    }
}

/// What this person may hear of some news.
pub(super) fn hints(news: &News, actor: &Actor) -> Vec<Hint> {
    let theirs = |agency: &Option<String>| actor.agency.is_none() || *agency == actor.agency;
    match news {
        News::Rows { tickets, calls } => {
            let seen = || tickets.iter().filter(|ticket| theirs(&ticket.agency));
            let mut hints = Vec::new();
            if seen().next().is_some() {
                hints.push(Hint::Queues);
            }
            if SEES_CALLS.contains(&actor.role) {
                hints.extend(calls.then_some(Hint::Calls));
                hints.push(Hint::Wall);
            }
            hints.extend(seen().map(|t| Hint::Ticket(t.code.digits().into(), t.revision)));
            hints
        }
        News::Arrived { code, agency } if theirs(agency) => vec![Hint::Arrived(code.clone())],
        News::Arrived { .. } => Vec::new(),
    }
}

/// One open stream.
struct Listening {
    console: Arc<Console>,
    actor: Actor,
    news: broadcast::Receiver<Arc<News>>,
    check: Interval,
    waiting: VecDeque<Hint>,
    told: u64,
    _seat: Seat,
}

impl Listening {
    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(hint) = self.waiting.pop_front() {
                self.told += 1;
                return Some(hint.event().id(self.told.to_string()).retry(RETRY));
            }
            tokio::select! {
                () = self.console.live.closing.cancelled() => return None,
                _ = self.check.tick() => if !self.is_signed_in().await { return None },
                news = self.news.recv() => match news {
                    Ok(news) => self.waiting.extend(hints(&news, &self.actor)),
                    Err(RecvError::Lagged(_)) => self.waiting.push_back(Hint::Ready),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Another role begins another session, so that the session alone tells.
    async fn is_signed_in(&self) -> bool {
        let (store, idle) = (&self.console.store, self.console.config.idle());
        match store.session_of(&self.actor.session, idle, self.console.now()).await {
            Ok(row) => row.is_some(),
            Err(error) => {
                tracing::warn!(%error, "whether a session lives is not known: its stream ends");
                false
            }
        }
    }
}

/// `GET /peristiwa`
pub(in super::super) async fn events(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Response {
    let Some(seat) = console.live.seat(actor.staff) else {
        let later = [(header::RETRY_AFTER, "60")];
        return (StatusCode::TOO_MANY_REQUESTS, later, "Terlalu banyak sambungan.").into_response();
    };
    let listening = Listening {
        news: console.live.news.subscribe(),
        check: interval(console.live.check),
        console,
        actor,
        waiting: VecDeque::from([Hint::Ready]),
        told: 0,
        _seat: seat,
    };
    let events = stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok::<_, Infallible>(event), listening))
    });
    // A reverse proxy that gathers would keep hints back.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    (unbuffered, Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::access::Address;
    use crate::store::{Stage, Touched};
    use crate::ticket::{StaffId, TicketCode};

    fn actor(role: Role) -> Actor {
        Actor {
            staff: StaffId(1),
            login: "siti".into(),
            name: "Siti".into(),
            role,
            agency: (role == Role::AgencyOfficer).then(|| "dpupr".into()),
            agency_name: None,
            must_change: false,
            address: Address { text: String::new(), encrypted: true },
            stage: Stage::Full,
            secret: None,
            session: String::new(),
        }
    }

    fn touched(agency: Option<&str>) -> Touched {
        Touched {
            code: TicketCode::parse("4821-7362").unwrap(),
            agency: agency.map(Into::into),
            revision: 3,
        }
    }

    #[test]
    fn an_officer_hears_of_the_own_agencys_tickets_and_of_nothing_else() {
        let ticket = Hint::Ticket("48217362".into(), 3);
        let rows = |agency| News::Rows { tickets: vec![touched(agency)], calls: true };
        let came = |agency: Option<&str>| News::Arrived {
            code: "48217362".into(),
            agency: agency.map(Into::into),
        };
        let officer = actor(Role::AgencyOfficer);
        assert_eq!(hints(&rows(Some("dpupr")), &officer), [Hint::Queues, ticket.clone()]);
        for foreign in [None, Some("dishub")] {
            assert_eq!(hints(&rows(foreign), &officer), []);
            assert_eq!(hints(&came(foreign), &officer), []);
        }
        assert_eq!(hints(&came(Some("dpupr")), &officer), [Hint::Arrived("48217362".into())]);
        for role in [Role::Operator, Role::Supervisor, Role::Auditor, Role::Admin] {
            let all = [Hint::Queues, Hint::Calls, Hint::Wall, ticket.clone()];
            assert_eq!(hints(&rows(None), &actor(role)), all);
        }
    }
}
