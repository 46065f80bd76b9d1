//! What recordings say, with what operators mended; each word points back into the sound.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::ticket::{self, Draft};
use super::{App, Console, show};
use crate::store::{MendError, MendRow, NewMend, Spoken, TicketView, TranscriptRow};
use crate::ticket::transcript::{Outcome, Segment};
use crate::ticket::{RecordingId, TicketCode};

/// Words less sure than this are underlined.
const UNSURE: f32 = 0.6;

/// A recording on the page.
pub(super) struct RecordingView {
    pub id: i64,
    /// Its sound.
    pub href: String,
    pub slot: String,
    pub time: String,
    pub duration: String,
    pub replaced: bool,
    /// Somebody should hear it.
    pub unheard: bool,
    /// This person may hear it: times and words lead into the sound.
    pub heard: bool,
    /// Why it cannot be heard.
    pub silence: Option<&'static str>,
    /// What there is instead of a transcript.
    pub state: Option<&'static str>,
    pub engine: String,
    /// An engine wrote something.
    pub written: bool,
    pub segments: Vec<SegmentView>,
    /// What was mended in transcripts that this one has replaced.
    pub earlier: Vec<Version>,
}

/// A sentence or so.
pub(super) struct SegmentView {
    pub position: i64,
    /// `0:03`
    pub at: String,
    /// `3.2`
    pub seconds: String,
    /// When it is over.
    pub ends: String,
    pub words: Vec<WordView>,
    pub doubtful: bool,
    /// No engine wrote anything here.
    pub empty: bool,
    pub mended: bool,
    /// As it is after all mends.
    pub text: String,
    /// The mend that this is, 0 for the engine's own.
    pub base: i64,
    /// Tells what the engine wrote from what another one may write there.
    pub mark: String,
    /// The engine's text and every mend, the oldest first; nothing if there is no mend.
    pub history: Vec<Version>,
    /// What was typed and not saved.
    pub draft: Option<String>,
    /// It is to be mended next.
    pub next: bool,
}

pub(super) struct WordView {
    pub text: String,
    /// `3.2`, if the engine told.
    pub seconds: Option<String>,
    pub unsure: bool,
}

pub(super) struct Version {
    pub who: String,
    pub time: String,
    pub text: String,
}

/// The recordings of a ticket, those that replace others included.
pub(super) fn recordings(
    console: &Console,
    actor: &Actor,
    view: &TicketView,
    draft: &Draft,
) -> Vec<RecordingView> {
    let one = |spoken: &Spoken| {
        let row = &spoken.recording;
        let silence = show::silence(row.state);
        let heard = silence.is_none() && actor.role.hears(view.ticket.anonymous);
        let mut segments = segments(console, spoken, draft);
        if !heard {
            // A link to a sound that is not there for them would end at a refusal.
            segments.iter_mut().flat_map(|s| &mut s.words).for_each(|word| word.seconds = None);
        }
        let transcript = spoken.transcript.as_ref();
        let written = segments.iter().any(|segment| segment.mended);
        // Who cannot hear it has nothing to write down.
        segments.retain(|segment| !segment.empty || segment.mended || heard);
        RecordingView {
            id: row.id.0,
            href: format!("/tiket/{}/rekaman/{}", view.ticket.code.digits(), row.id.0),
            slot: row.slot.clone(),
            time: console.time(row.started),
            duration: show::duration(row.duration_ms),
            replaced: row.replaced,
            unheard: row.unheard && !row.replaced,
            heard,
            silence,
            state: state(transcript).filter(|_| !written),
            engine: transcript.map(|row| row.transcript.model.clone()).unwrap_or_default(),
            written: segments.iter().any(|segment| !segment.empty),
            segments,
            earlier: spoken.orphaned().map(|mend| version(console, mend)).collect(),
        }
    };
    view.spoken.iter().map(one).collect()
}

fn state(transcript: Option<&TranscriptRow>) -> Option<&'static str> {
    let Some(row) = transcript else { return Some("Belum ditranskripsi.") };
    match row.transcript.outcome {
        Outcome::Words => None,
        Outcome::NoSpeech => {
            Some("Mesin tidak mendengar orang berbicara. Mohon dengarkan rekamannya.")
        }
        Outcome::Unclear => Some("Ucapan tidak jelas bagi mesin. Mohon dengarkan rekamannya."),
    }
}

fn segments(console: &Console, spoken: &Spoken, draft: &Draft) -> Vec<SegmentView> {
    let one = |(position, segment): (i64, &Segment)| {
        let place = (spoken.recording.id.0, position);
        let newest = spoken.mends_of(position, segment).last();
        let drafted = draft.mend.as_ref().filter(|d| (d.0, d.1) == place);
        SegmentView {
            position,
            at: show::duration(segment.start_ms.into()),
            seconds: seconds(segment.start_ms),
            ends: seconds(segment.end_ms),
            words: newest.map_or_else(|| words(segment), |mend| aligned(segment, &mend.text)),
            doubtful: segment.doubtful && newest.is_none(),
            mended: newest.is_some(),
            text: newest.map_or_else(|| segment.text.clone(), |mend| mend.text.clone()),
            base: newest.map_or(0, |mend| mend.id),
            mark: segment.mark(),
            empty: segment.text.is_empty(),
            history: versions(
                console,
                spoken.transcript.as_ref(),
                segment,
                spoken.mends_of(position, segment),
            ),
            draft: drafted.map(|d| d.2.clone()),
            next: draft.next == Some(place),
        }
    };
    (0..).zip(&spoken.parts()).map(one).collect()
}

fn version(console: &Console, mend: &MendRow) -> Version {
    Version { who: mend.by.clone(), time: console.time(mend.at), text: mend.text.clone() }
}

fn versions<'m>(
    console: &Console,
    row: Option<&TranscriptRow>,
    segment: &Segment,
    mends: impl Iterator<Item = &'m MendRow>,
) -> Vec<Version> {
    let original = row.filter(|_| !segment.text.is_empty()).map(|row| Version {
        who: row.transcript.model.clone(),
        time: console.time(row.made),
        text: segment.text.clone(),
    });
    let mends: Vec<Version> = mends.map(|mend| version(console, mend)).collect();
    if mends.is_empty() { mends } else { original.into_iter().chain(mends).collect() }
}

fn words(segment: &Segment) -> Vec<WordView> {
    if segment.words.is_empty() {
        return unheard(&segment.text);
    }
    let word = |word: &crate::ticket::transcript::Word| WordView {
        text: word.text.trim().into(),
        seconds: Some(seconds(word.start_ms)),
        unsure: word.confidence < UNSURE,
    };
    segment.words.iter().map(word).collect()
}

/// Mended words at the times of the engine's: its own words keep theirs, others share the time of those that they replace,
/// and what it missed is where the word before it is.
fn aligned(segment: &Segment, mended: &str) -> Vec<WordView> {
    if segment.words.is_empty() {
        return unheard(mended);
    }
    let plain = |word: &str| {
        let letters = word.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let mended: Vec<&str> = mended.split_whitespace().collect();
    let heard: Vec<String> = segment.words.iter().map(|word| plain(&word.text)).collect();
    let new: Vec<String> = mended.iter().map(|word| plain(word)).collect();
    let mut words = Vec::with_capacity(mended.len());
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, &heard, &new) {
        let (old, new) = (op.old_range(), op.new_range());
        for (n, at) in new.clone().enumerate() {
            let source = match old.len() {
                0 => old.start.saturating_sub(1),
                length => old.start + n * length / new.len(),
            };
            words.push(WordView {
                text: mended[at].into(),
                seconds: segment.words.get(source).map(|word| seconds(word.start_ms)),
                unsure: false,
            });
        }
    }
    words
}

/// A text that no engine timed.
fn unheard(text: &str) -> Vec<WordView> {
    vec![WordView { text: text.into(), seconds: None, unsure: false }]
}

fn seconds(ms: u32) -> String {
    format!("{}.{}", ms / 1_000, ms % 1_000 / 100)
}

#[derive(Deserialize)]
pub(super) struct MendForm {
    dasar: i64,
    /// The mark of what the engine had written, on the page that was mended.
    #[serde(default)]
    tanda: String,
    teks: String,
    #[serde(default)]
    dari: String,
    /// There when the operator wants to go on to the next segment.
    #[serde(default)]
    bagian: String,
    /// There when they want to go on to the next ticket.
    #[serde(default)]
    lanjut: String,
}

/// `POST /tiket/{code}/rekaman/{recording}/bagian/{position}`
pub(super) async fn mend(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path((code, recording, position)): Path<(String, i64, i64)>,
    Form(form): Form<MendForm>,
) -> Result<Response, PageError> {
    let view = ticket::load(&console, &actor, &code).await?;
    let recording = RecordingId(recording);
    let spoken = view.spoken.iter().find(|spoken| spoken.recording.id == recording);
    let spoken = spoken.ok_or(PageError::NotFound)?;
    let (base, heard) = (form.dasar, form.tanda);
    let new = NewMend { recording, position, heard, base, text: form.teks.clone() };
    let error = match console.store.mend(new, actor.worker(), console.now()).await {
        Ok(()) if !form.lanjut.is_empty() => {
            let page = super::work::go_on(&console, &actor, &view.ticket, &form.dari).await?;
            return Ok(page.into_response());
        }
        Ok(()) => {
            let next = next(spoken, position).filter(|_| !form.bagian.is_empty());
            return Ok(after(&view.ticket.code, recording, next, &form.dari).into_response());
        }
        Err(MendError::Store(error)) => return Err(error.into()),
        Err(refused) => refused,
    };
    let draft = Draft {
        stale: matches!(error, MendError::Stale(_) | MendError::Replaced(_) | MendError::NoSegment),
        error: super::auth::sentence(&error.to_string()),
        mend: Some((recording.0, position, form.teks)),
        ..Draft::default()
    };
    ticket::again(&console, &actor, &code, &form.dari, draft).await
}

/// The position behind this one, if the recording goes on there.
fn next(spoken: &Spoken, position: i64) -> Option<i64> {
    Some(position + 1).filter(|next| *next < spoken.parts().len() as i64)
}

/// The page again, at the segment that is mended next.
fn after(code: &TicketCode, recording: RecordingId, next: Option<i64>, from: &str) -> Redirect {
    let from = super::inbox::Place::tidy_trail(from);
    let (code, recording) = (code.digits(), recording.0);
    let place = match next {
        // Browsers put the cursor nowhere by themselves on a page that is opened at a place in it.
        Some(position) => format!("&perbaiki={recording}-{position}"),
        None => format!("#rekaman-{recording}"),
    };
    Redirect::to(&format!("/tiket/{code}?dari={from}&pesan=diperbaiki{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::transcript::Word;

    /// A word a second.
    fn heard(text: &str) -> Segment {
        let word = |(n, text): (u32, &str)| Word {
            start_ms: n * 1_000,
            end_ms: n * 1_000 + 900,
            text: text.into(),
            confidence: 0.3,
        };
        Segment {
            start_ms: 0,
            end_ms: 60_000,
            text: text.into(),
            confidence: 0.8,
            doubtful: false,
            words: (0..).zip(text.split(' ')).map(word).collect(),
        }
    }

    fn times(heard_as: &str, mended: &str) -> Vec<String> {
        let words = aligned(&heard(heard_as), mended);
        let time = |word: WordView| format!("{} {}", word.text, word.seconds.unwrap_or_default());
        words.into_iter().map(time).collect()
    }

    #[test]
    fn a_mended_word_is_heard_where_the_engine_heard_what_it_replaces() {
        assert_eq!(
            times("di pasar bamang tadi malam", "Di Pasar Bamban, tadi malam."),
            ["Di 0.0", "Pasar 1.0", "Bamban, 2.0", "tadi 3.0", "malam. 4.0"]
        );
        assert_eq!(
            times("jalan ahmadiani rusak", "Jalan Ahmad Yani di depan pasar rusak"),
            ["Jalan 0.0", "Ahmad 1.0", "Yani 1.0", "di 1.0", "depan 1.0", "pasar 1.0", "rusak 2.0"]
        );
        assert_eq!(
            times("lampu mati", "Halo lampu jalan mati"),
            ["Halo 0.0", "lampu 0.0", "jalan 0.0", "mati 1.0"]
        );
        assert_eq!(times("eh lampu mati", "lampu"), ["lampu 1.0"]);
        let untimed = Segment { words: Vec::new(), ..heard("lampu mati") };
        assert_eq!(aligned(&untimed, "lampu\nmati")[0].seconds, None);
    }
}
