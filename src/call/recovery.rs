//! What a crash left behind becomes what the callers meant it to be: mended recordings, closed calls, tickets.
//!
//! Every step may be repeated, so a crash in the middle of this does no harm either.

use std::time::Duration;

use tracing::{info, warn};

use super::Hotline;
use crate::clock::Timestamp;
use crate::files::Files;
use crate::ivr::script::{Kind, Script};
use crate::media::recorder;
use crate::store::{
    RecordingEnd, RecordingEndedBy, RecordingRow, RecordingState, Store, StoreError, Story,
};
use crate::ticket::{Channel, Class, Intake};

/// A call that ended less than this ago may still be opening its ticket.
const SETTLED: Duration = Duration::from_secs(60);

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
        for row in call.open_recordings {
            let end = mend(files, &row, min_speech).await;
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
    let path = files.path(&row.file);
    let mended = match path {
        Ok(path) => {
            tokio::task::spawn_blocking(move || recorder::repair(&path).map_err(|e| e.to_string()))
                .await
        }
        Err(error) => Ok(Err(error.to_string())),
    };
    let (state, duration, speech) = match mended {
        Ok(Ok(whole)) if whole.speech >= min_speech => {
            (RecordingState::Kept, whole.duration, whole.speech)
        }
        Ok(Ok(whole)) => (RecordingState::Empty, whole.duration, whole.speech),
        Ok(Err(error)) => {
            warn!(recording = row.id.0, error, "a recording cannot be mended");
            (RecordingState::Failed, Duration::ZERO, Duration::ZERO)
        }
        Err(_) => (RecordingState::Failed, Duration::ZERO, Duration::ZERO),
    };
    RecordingEnd {
        at: row.started + duration,
        state,
        ended_by: RecordingEndedBy::Crash,
        duration,
        speech,
    }
}

impl Hotline {
    /// Opens a ticket for everything that was said and is in none: after a crash, and after a time without a database.
    pub async fn adopt_stories(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let settled = Timestamp(now.0 - SETTLED.as_millis() as i64);
        let voice = self.voice.load_full();
        let stories = self.store.stories_without_ticket(settled).await?;
        let mut adopted = 0;
        for story in stories {
            match self.open_ticket(intake(&story, &voice.script), now).await {
                Ok(ticket) => {
                    adopted += 1;
                    info!(
                        call = story.call.0,
                        ticket = ticket.id.0,
                        "opened the ticket that a call could not open"
                    );
                }
                Err(error) => warn!(call = story.call.0, %error, "a story still has no ticket"),
            }
        }
        Ok(adopted)
    }
}

fn intake(story: &Story, script: &Script) -> Intake {
    Intake {
        channel: Channel::Phone,
        class: class_of(&story.slot, script).unwrap_or(Class::Complaint),
        contact: story.caller.clone(),
        call: Some(story.call),
        recordings: vec![story.recording],
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
