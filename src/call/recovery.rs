//! What a crash left behind becomes what the callers meant it to be: mended recordings, closed calls, tickets.
//!
//! Every step may be repeated, so a crash in the middle of this does no harm either.

use std::path::PathBuf;
use std::time::Duration;

use tracing::{info, warn};

use super::Hotline;
use crate::clock::Timestamp;
use crate::files::Files;
use crate::ivr::script::{Kind, Script};
use crate::media::recorder::{self, Repair};
use crate::store::{
    Addition, OpenError, RecordingEnd, RecordingEndedBy, RecordingRow, RecordingState, Store,
    StoreError, Story,
};
use crate::ticket::{CallId, Channel, Class, Intake, TicketId};

/// A call of this run that ended less than this ago may still be opening its ticket.
const SETTLED: Duration = Duration::from_secs(60);

/// Speech that is kept once there is a ticket: a name is short, and every word belongs to it.
pub(super) const ANY_SPEECH: Duration = Duration::from_millis(1);

/// Ends the calls that an earlier run did not end, with their recordings mended.
///
/// Must run before the first call is taken.
pub async fn close_crashed_calls(
    store: &Store,
    files: &Files,
    min_speech: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    for call in store.unfinished_calls().await? {
        let mut last_alive = call.answered.unwrap_or(call.started);
        let needed = if call.ticket.is_some() { ANY_SPEECH } else { min_speech };
        for row in call.open_recordings {
            let end = mend(files, &row, needed).await;
            last_alive = last_alive.max(end.at);
            store.end_recording(row.id, end).await?;
        }
        store.close_crashed_call(call.id, last_alive.min(now)).await?;
        warn!(call = call.id.0, "closed a call that was cut off by a crash");
    }
    Ok(())
}

/// Makes the file whole and measures it.
async fn mend(files: &Files, row: &RecordingRow, min_speech: Duration) -> RecordingEnd {
    let mended = match files.path(&row.file) {
        Ok(path) => repair(path).await,
        Err(error) => Err(error.to_string()),
    };
    let (state, duration, speech) = match mended {
        Ok(whole) if whole.speech >= min_speech => {
            (RecordingState::Kept, whole.duration, whole.speech)
        }
        Ok(whole) => (RecordingState::Empty, whole.duration, whole.speech),
        Err(error) => {
            warn!(recording = row.id.0, error, "a recording cannot be mended");
            (RecordingState::Failed, Duration::ZERO, Duration::ZERO)
        }
    };
    RecordingEnd {
        at: row.started + duration,
        state,
        ended_by: RecordingEndedBy::Crash,
        duration,
        speech,
    }
}

/// Gives a recording that broke off its true length back, and listens to it.
pub(super) async fn repair(path: PathBuf) -> Result<Repair, String> {
    match tokio::task::spawn_blocking(move || recorder::repair(&path)).await {
        Ok(mended) => mended.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

impl Hotline {
    /// Opens a ticket for everything that was said and is in none: after a crash, and after a time without a database.
    pub async fn adopt_stories(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let settled = Timestamp(now.0 - SETTLED.as_millis() as i64);
        for left in self.store.recordings_left_open(settled).await? {
            let needed = if left.ticket.is_some() { ANY_SPEECH } else { self.config.min_speech() };
            let end = mend(&self.files, &left.recording, needed).await;
            warn!(recording = left.recording.id.0, "ended a recording that its call left open");
            self.store.end_recording(left.recording.id, end).await?;
        }
        let mut stories = self.store.stories_without_ticket(settled).await?;
        stories.sort_by_key(|story| (story.call, story.recording));
        let mut adopted = 0;
        for of_call in stories.chunk_by(|a, b| a.call == b.call) {
            let call = of_call[0].call;
            match self.adopt(call, of_call, now).await {
                Ok(ticket) => {
                    adopted += 1;
                    info!(call = call.0, ticket = ticket.0, "gave a ticket what was in none");
                }
                Err(error) => warn!(call = call.0, %error, "a story still has no ticket"),
            }
        }
        Ok(adopted)
    }

    /// All that one call left: it belongs to the call's ticket, or becomes one.
    async fn adopt(
        &self,
        call: CallId,
        stories: &[Story],
        now: Timestamp,
    ) -> Result<TicketId, OpenError> {
        if let Some(ticket) = stories.iter().find_map(|story| story.ticket) {
            let recordings = stories.iter().map(|story| story.recording).collect();
            let addition = Addition { recordings, ..Addition::default() };
            self.store.add_to_ticket(ticket, addition, now).await?;
            return Ok(ticket);
        }
        let voice = self.voice.load_full();
        Ok(self.open_ticket(intake(call, stories, &voice.script), now).await?.id)
    }
}

/// The report that these recordings of one call make together.
fn intake(call: CallId, stories: &[Story], script: &Script) -> Intake {
    let class = stories.iter().find_map(|story| class_of(&story.slot, script));
    Intake {
        channel: Channel::Phone,
        class: class.unwrap_or(Class::Complaint),
        contact: stories.first().map(|story| story.caller.clone()).unwrap_or_default(),
        call: Some(call),
        recordings: stories.iter().map(|story| story.recording).collect(),
        text: None,
        anonymous: false,
        confidential: false,
    }
}

/// The class of report that this slot holds the story of.
fn class_of(slot: &str, script: &Script) -> Option<Class> {
    script.steps().iter().find_map(|step| match &step.kind {
        // A later take of `cerita` is kept as `cerita-2`.
        Kind::Record(record) if slot.split('-').next() == Some(&record.slot) => {
            Class::parse(record.story.as_deref()?)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Script {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ivr-scripts/hotline.toml");
        let text = std::fs::read_to_string(path).expect("the shipped script");
        Script::parse(path, &text).expect("a sound script")
    }

    #[test]
    fn a_story_has_a_class_whichever_take_it_is_and_an_addition_has_none() {
        let script = shipped();
        assert!(class_of("cerita", &script).is_some());
        assert_eq!(class_of("cerita-2", &script), class_of("cerita", &script));
        assert_eq!(class_of("nama", &script), None);
        assert_eq!(class_of("ceritaku", &script), None);
        assert_eq!(class_of("", &script), None);
    }
}
