//! What open pages are told while they are open: small hints that something changed, so that they fetch it again.
//!
//! Hints are made from rows, whoever wrote them: [`watch`] compares how far the tables have come. A hint holds nothing
//! that its page would not show: each stream passes on only what its role may see.

mod presence;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::Console;
use crate::store::{Marks, StoreError, Touched};
use crate::ticket::StaffId;

pub(super) use presence::here;
pub(super) use stream::{SEES_CALLS, events};

/// What follows at once goes into the same hint: pages hear twice a second at most.
const GATHER: Duration = Duration::from_millis(500);
/// How often the rows of other processes are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// News that a slow stream may be behind; one further behind is told to fetch everything.
const BEHIND: usize = 64;
/// How often a stream looks whether its session lives: who was sent away hears nothing for long.
const CHECK: Duration = Duration::from_secs(30);
/// Streams of one person: a browser has one, whatever the number of its tabs.
const STREAMS_EACH: usize = 8;

/// What the streams share.
pub struct Live {
    news: broadcast::Sender<Arc<News>>,
    seats: Mutex<HashMap<StaffId, usize>>,
    presence: presence::Presence,
    /// How often a stream looks whether its session lives.
    check: Duration,
    closing: CancellationToken,
}

impl Default for Live {
    fn default() -> Live {
        Live::checking(CHECK)
    }
}

impl Live {
    /// With streams that look so often whether their sessions live.
    pub(super) fn checking(check: Duration) -> Live {
        Live {
            check,
            news: broadcast::Sender::new(BEHIND),
            seats: Mutex::default(),
            presence: presence::Presence::default(),
            closing: CancellationToken::new(),
        }
    }
}

/// Something that happened, before it is known who may hear of it.
#[derive(Debug)]
enum News {
    Rows {
        tickets: Vec<Touched>,
        calls: bool,
    },
    /// Somebody opened a ticket's page who was not there.
    Arrived {
        code: String,
        agency: Option<String>,
    },
}

impl Live {
    /// Ends all streams, so that they hold up nobody who waits for the last request.
    pub fn close(&self) {
        self.closing.cancel();
    }

    fn tell(&self, news: News) {
        // Without streams there is nobody to tell.
        let _ = self.news.send(Arc::new(news));
    }

    /// A place for one more stream of this person.
    fn seat(self: &Arc<Live>, staff: StaffId) -> Option<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(staff).or_default();
        if *taken >= STREAMS_EACH {
            return None;
        }
        *taken += 1;
        Some(Seat { live: self.clone(), staff })
    }
}

/// Given back when the stream ends.
struct Seat {
    live: Arc<Live>,
    staff: StaffId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.live.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.staff) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.staff);
            }
        }
    }
}

/// Looks at the rows after each commit, and now and then for those of other processes, until the streams are closed.
pub async fn watch(console: Arc<Console>) {
    let live = console.live.clone();
    let mut changes = console.store.changes();
    let mut seen = console.store.marks().await.unwrap_or_default();
    loop {
        tokio::select! {
            // An error means that the store is closed; what can be looked at then fails by itself.
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = live.closing.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = live.closing.cancelled() => return,
        }
        changes.mark_unchanged();
        match look(&console, &seen).await {
            Ok(now) => seen = now,
            Err(error) => tracing::warn!(%error, "what changed cannot be looked at"),
        }
    }
}

/// Tells what is new since `seen`.
async fn look(console: &Console, seen: &Marks) -> Result<Marks, StoreError> {
    let now = console.store.marks().await?;
    if now != *seen && console.live.news.receiver_count() > 0 {
        let tickets = console.store.touched_since(seen).await?;
        let of_calls = |marks: &Marks| (marks.calls, marks.calls_open, marks.steps);
        console.live.tell(News::Rows { tickets, calls: of_calls(&now) != of_calls(seen) });
    }
    Ok(now)
}
