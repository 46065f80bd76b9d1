//! Recordings, by the ticket that they belong to: their sound in the pieces that a player asks for, and their shape.

use std::io::SeekFrom;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::access::Actor;
use super::error::PageError;
use super::{App, Console, ticket};
use crate::files::FilesError;
use crate::store::{Deed, RecordingRow, RecordingState, TicketRow};
use crate::ticket::RecordingId;

/// A player that goes on within this time is still listening to the same thing.
const LISTENING: Duration = Duration::from_secs(15 * 60);
/// The largest piece; a player asks for the next one.
const PIECE: u64 = 4 * 1024 * 1024;
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
    let object = format!("recording {}", row.id.0);
    let detail = format!("ticket {}", ticket.code.digits());
    // Set down before the first byte goes out.
    if want.unduh.is_some() {
        let deed = Deed::new("download", object).with(detail);
        console.store.audit(actor.doer(), deed, console.now()).await?;
    } else {
        let deed = Deed::new("listen", object).with(detail);
        console.store.audit_once(actor.doer(), deed, LISTENING, console.now()).await?;
    }
    // `If-Range` asks for the whole unless the file is the same; the whole is never wrong.
    let asked = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
    let asked = asked.and_then(|value| value.to_str().ok());
    let mut response = piece(&path, asked).await?;
    if want.unduh.is_some() {
        let name = format!("attachment; filename=\"{}-{}.wav\"", ticket.code, row.id.0);
        if let Ok(name) = HeaderValue::from_str(&name) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        }
    }
    Ok(response)
}

/// A recording of this ticket that can be heard, and by this person; everything else does not exist.
async fn find(
    console: &Console,
    actor: &Actor,
    code: &str,
    recording: i64,
) -> Result<(TicketRow, RecordingRow), PageError> {
    let view = ticket::load(console, actor, code).await?;
    if !actor.role.hears(view.ticket.anonymous) {
        return Err(PageError::NotFound);
    }
    let row = view
        .recordings
        .into_iter()
        .find(|row| row.id == RecordingId(recording) && row.state == RecordingState::Kept)
        .ok_or(PageError::NotFound)?;
    Ok((view.ticket, row))
}

async fn piece(path: &FilePath, asked: Option<&str>) -> Result<Response, PageError> {
    let gone = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => PageError::NotFound,
        _ => PageError::Files(FilesError::Io { path: path.to_owned(), source }),
    };
    let mut file = tokio::fs::File::open(path).await.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let common = [
        (header::CONTENT_TYPE, HeaderValue::from_static("audio/wav")),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ];
    let (status, start, end) = match range(asked, length) {
        Range::Whole => (StatusCode::OK, 0, length),
        Range::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end.min(start + PIECE)),
        Range::Nothing => {
            let size = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, size).into_response());
        }
    };
    file.seek(SeekFrom::Start(start)).await.map_err(gone)?;
    let mut bytes = Vec::new();
    file.take(end - start).read_to_end(&mut bytes).await.map_err(gone)?;
    let mut response = (status, common, Body::from(bytes)).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {start}-{}/{length}", end - 1))
    {
        let name: HeaderName = header::CONTENT_RANGE;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// What a `Range` header asks of a file (RFC 9110 section 14.2); `end` is the byte behind the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part {
        start: u64,
        end: u64,
    },
    /// It lies outside the file.
    Nothing,
}

/// Several ranges at once, other units and nonsense are answered with the whole, as the standard allows.
fn range(asked: Option<&str>, length: u64) -> Range {
    let Some((first, last)) =
        asked.and_then(|value| value.trim().strip_prefix("bytes=")).and_then(|r| r.split_once('-'))
    else {
        return Range::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // A number that fits nowhere is larger than any file.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first.trim()), number(last.trim())) {
        (Some(start), Some(last)) if last < start => Range::Whole,
        (Some(start), _)
            if start >= length && (last.trim().is_empty() || number(last.trim()).is_some()) =>
        {
            Range::Nothing
        }
        (Some(start), Some(last)) => Range::Part { start, end: last.saturating_add(1).min(length) },
        (Some(start), None) if last.trim().is_empty() => Range::Part { start, end: length },
        (None, Some(0)) if first.trim().is_empty() => Range::Nothing,
        (None, Some(_)) if first.trim().is_empty() && length == 0 => Range::Nothing,
        (None, Some(count)) if first.trim().is_empty() => {
            Range::Part { start: length.saturating_sub(count), end: length }
        }
        (Some(_) | None, Some(_) | None) => Range::Whole,
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_range_leads_outside_the_file(asked in "(bytes=)?[0-9, -]{0,30}", length in 0_u64..5_000) {
            if let Range::Part { start, end } = range(Some(&asked), length) {
                prop_assert!(start < end && end <= length, "{asked} of {length}: {start}..{end}");
            }
        }
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |start, end| Range::Part { start, end };
        for (asked, told) in [
            ("bytes=0-99", part(0, 100)),
            ("bytes=900-", part(900, 1000)),
            ("bytes=900-5000", part(900, 1000)),
            ("bytes=-100", part(900, 1000)),
            ("bytes=-5000", part(0, 1000)),
            ("bytes=0-18446744073709551615", part(0, 1000)),
            ("bytes=0-99999999999999999999999", part(0, 1000)),
            ("bytes=1000-", Range::Nothing),
            ("bytes=99999999999999999999999-", Range::Nothing),
            ("bytes=-0", Range::Nothing),
            ("bytes=5-2", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=--1", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("bytes=", Range::Whole),
            ("bytes=-", Range::Whole),
            ("seconds=1-2", Range::Whole),
            ("", Range::Whole),
        ] {
            assert_eq!(range(Some(asked), 1000), told, "{asked}");
        }
        assert_eq!(range(None, 1000), Range::Whole);
        assert_eq!([range(Some("bytes=0-"), 0), range(Some("bytes=-5"), 0)], [Range::Nothing; 2]);
    }
}
