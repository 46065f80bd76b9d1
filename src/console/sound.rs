//! Recordings, by the ticket that they belong to: their sound in the pieces that a player asks for, and their shape.

use std::path::PathBuf;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::{App, Console, range, ticket};
use crate::store::{Deed, RecordingRow, RecordingState, TicketScope};
use crate::ticket::RecordingId;

/// A player that goes on within this time is still listening to the same thing.
const LISTENING: Duration = Duration::from_secs(15 * 60);
/// Columns of the drawing.
const COLUMNS: usize = 480;

#[derive(Deserialize)]
pub(super) struct Want {
    /// There when the file is to be kept rather than heard.
    unduh: Option<String>,
}

/// `GET /tiket/{code}/rekaman/{recording}`
pub(super) async fn listen(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path((code, recording)): Path<(String, i64)>,
    Query(want): Query<Want>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (ticket, row) = find(&console, &actor, &code, recording).await?;
    let path = console.files.path(&row.file)?;
    // Set down before the first byte goes out.
    if want.unduh.is_some() {
        let deed = deed("download", &ticket, &row);
        console.store.audit(actor.doer(), deed, console.now()).await?;
    } else {
        let deed = deed("listen", &ticket, &row);
        console.store.audit_once(actor.doer(), deed, LISTENING, console.now()).await?;
    }
    let mut response = range::of_file(&headers, "audio/wav", &path).await?;
    if want.unduh.is_some() {
        let name = format!("attachment; filename=\"{}-{}.wav\"", ticket.code, row.id.0);
        if let Ok(name) = HeaderValue::from_str(&name) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        }
    }
    Ok(response)
}

/// `GET /tiket/{code}/rekaman/{recording}/opus`: the same to listen to, a tenth of the bytes. Where it cannot be had, the
/// player goes on to the WAV.
pub(super) async fn listen_to_opus(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path((code, recording)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (ticket, row) = find(&console, &actor, &code, recording).await?;
    let opus = console.opus.of(&console.files, &row).await?.ok_or(PageError::NotFound)?;
    let deed = deed("listen", &ticket, &row);
    console.store.audit_once(actor.doer(), deed, LISTENING, console.now()).await?;
    range::of_file(&headers, "audio/ogg", &opus).await
}

fn deed(action: &'static str, ticket: &TicketScope, row: &RecordingRow) -> Deed {
    let detail = format!("ticket {}", ticket.code.digits());
    Deed::new(action, format!("recording {}", row.id.0)).with(detail)
}

/// A recording of this ticket that can be heard, and by this person; everything else does not exist.
async fn find(
    console: &Console,
    actor: &Actor,
    code: &str,
    recording: i64,
) -> Result<(TicketScope, RecordingRow), PageError> {
    let ticket = ticket::scope(console, actor, code).await?;
    if !actor.role.hears(ticket.anonymous) {
        return Err(PageError::NotFound);
    }
    let row = console.store.recording_of_ticket(RecordingId(recording), ticket.id).await?;
    let row = row.filter(|row| row.state == RecordingState::Kept).ok_or(PageError::NotFound)?;
    Ok((ticket, row))
}

/// `GET /tiket/{code}/rekaman/{recording}/gelombang`
pub(super) async fn waveform(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path((code, recording)): Path<(String, i64)>,
) -> Result<Response, PageError> {
    let (_, row) = find(&console, &actor, &code, recording).await?;
    let path = console.files.path(&row.file)?;
    let drawn = tokio::task::spawn_blocking(move || peaks(path)).await;
    let peaks = drawn.ok().flatten().ok_or(PageError::NotFound)?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg(&peaks)).into_response())
}

/// The loudest sample of each column, 0 to 1.
fn peaks(path: PathBuf) -> Option<Vec<f32>> {
    let mut reader = hound::WavReader::open(path).ok()?;
    let samples = usize::try_from(reader.duration()).ok()?.max(1);
    let mut peaks = vec![0_f32; COLUMNS];
    for (at, sample) in reader.samples::<i16>().enumerate() {
        // A file that breaks off is drawn as far as it goes.
        let Ok(sample) = sample else { break };
        let column = (at * COLUMNS / samples).min(COLUMNS - 1);
        peaks[column] = peaks[column].max(f32::from(sample.unsigned_abs().min(32_767)) / 32_767.0);
    }
    Some(peaks)
}

/// A line for each column. Quiet speech is drawn larger: what matters is where somebody speaks.
fn svg(peaks: &[f32]) -> String {
    let line = |(x, peak): (usize, &f32)| {
        let height = (peak.sqrt() * 38.0).max(0.5);
        format!("M{}.5 {:.1}V{:.1}", x * 2, 40.0 - height, 40.0 + height)
    };
    let lines: String = peaks.iter().enumerate().map(line).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} 80\" preserveAspectRatio=\"none\">\
         <path d=\"{lines}\" stroke=\"#4d86c4\" stroke-width=\"1.2\" fill=\"none\"/></svg>",
        peaks.len() * 2
    )
}
