//! Who has a ticket's page open: each open page says so now and then, and whoever no longer does is gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use super::super::access::Actor;
use super::super::error::PageError;
use super::super::page::html;
use super::super::{App, ticket};
use super::News;
use crate::clock::Timestamp;
use crate::ticket::{Role, StaffId, TicketId};

/// A page says that it is open every 15 seconds; one that missed it twice is closed.
const GONE: Duration = Duration::from_secs(35);

/// Kept in memory alone: after a restart the pages say so again.
#[derive(Default)]
pub(super) struct Presence(Mutex<HashMap<TicketId, HashMap<StaffId, Reader>>>);

struct Reader {
    name: String,
    seen: Timestamp,
}

impl Presence {
    /// Notes that somebody has the page open. Tells who else has, by name, and whether this one is new there.
    fn note(&self, ticket: TicketId, actor: &Actor, now: Timestamp) -> (Vec<String>, bool) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.retain(|_, readers| {
            readers.retain(|_, reader| now.since(reader.seen) < GONE);
            !readers.is_empty()
        });
        let readers = tickets.entry(ticket).or_default();
        // An auditor looks on: nobody has to mind.
        let new = actor.role != Role::Auditor && {
            let reader = Reader { name: actor.name.clone(), seen: now };
            readers.insert(actor.staff, reader).is_none()
        };
        let others = readers.iter().filter(|(staff, _)| **staff != actor.staff);
        let mut names: Vec<String> = others.map(|(_, reader)| reader.name.clone()).collect();
        names.sort();
        (names, new)
    }
}

#[derive(Template)]
#[template(path = "here.html")]
struct Here {
    names: Vec<String>,
}

/// `GET /tiket/{code}/hadir`: that this page is open; who else has it open.
pub(in super::super) async fn here(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
) -> Result<Response, PageError> {
    let ticket = ticket::scope(&console, &actor, &code).await?;
    let (names, new) = console.live.presence.note(ticket.id, &actor, console.now());
    if new {
        let code = ticket.code.digits().to_owned();
        console.live.tell(News::Arrived { code, agency: ticket.agency });
    }
    html(Here { names })
}
