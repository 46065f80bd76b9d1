//! The key path of a call, written down while it lasts: the console shows where a caller is, and a crash leaves it behind.

use std::future::pending;

use tokio::task::JoinHandle;
use tracing::warn;

use crate::ivr::PathEntry;
use crate::store::{Step, Store, StoreError};
use crate::ticket::CallId;

/// What of a call's path its row has. A slow disk holds up no caller: one write is under way at a time, and what comes
/// meanwhile goes into the next.
pub(super) struct Notes {
    store: Store,
    call: CallId,
    written: usize,
    /// How long the path was at the last try: one that failed is not repeated for nothing.
    tried: usize,
    writing: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Notes {
    pub fn new(store: Store, call: CallId) -> Notes {
        Notes { store, call, written: 0, tried: 0, writing: None }
    }

    /// Begins to write what is new.
    pub fn follow(&mut self, path: &[PathEntry]) {
        if self.writing.is_some() || path.len() == self.tried {
            return;
        }
        self.tried = path.len();
        let (store, call, steps) = (self.store.clone(), self.call, steps(&path[self.written..]));
        self.writing = Some(tokio::spawn(async move { store.add_steps(call, steps).await }));
    }

    /// Waits for the write that is under way; for ever if there is none.
    pub async fn settled(&mut self) {
        let Some(writing) = &mut self.writing else { return pending().await };
        match writing.await {
            Ok(Ok(())) => self.written = self.tried,
            // They are in the path still: the next write has them, or the call's end.
            Ok(Err(error)) => warn!(call = self.call.0, %error, "steps could not be written"),
            Err(error) => warn!(call = self.call.0, %error, "steps could not be written"),
        }
        self.writing = None;
    }

    /// What the call's end still has to write.
    pub async fn rest(mut self, path: &[PathEntry]) -> Vec<Step> {
        if self.writing.is_some() {
            self.settled().await;
        }
        steps(&path[self.written..])
    }
}

fn steps(path: &[PathEntry]) -> Vec<Step> {
    let step = |entry: &PathEntry| Step {
        at: entry.at,
        step: entry.step.clone(),
        what: entry.what.clone(),
    };
    path.iter().map(step).collect()
}
