//! Sound in the pieces that a player asks for (RFC 9110 section 14).

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::error::PageError;
use crate::files::FilesError;

/// The largest piece; a player asks for the next one.
const PIECE: u64 = 4 * 1024 * 1024;

/// What the request asks for of a file.
pub(super) async fn of_file(
    headers: &HeaderMap,
    kind: &'static str,
    path: &Path,
) -> Result<Response, PageError> {
    let gone = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => PageError::NotFound,
        _ => PageError::Files(FilesError::Io { path: path.to_owned(), source }),
    };
    let mut file = tokio::fs::File::open(path).await.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let range = asked(headers, length);
    let Some((start, end)) = range.ends(length) else { return Ok(nothing(length)) };
    file.seek(SeekFrom::Start(start)).await.map_err(gone)?;
    let mut bytes = Vec::new();
    file.take(end - start).read_to_end(&mut bytes).await.map_err(gone)?;
    Ok(piece(range, kind, bytes, length))
}

/// What the request asks for of a sound in memory.
pub(super) fn of_bytes(headers: &HeaderMap, kind: &'static str, bytes: &[u8]) -> Response {
    let length = bytes.len() as u64;
    let range = asked(headers, length);
    match range.ends(length) {
        // Both lie within the length, which fits.
        Some((start, end)) => {
            piece(range, kind, bytes[start as usize..end as usize].to_vec(), length)
        }
        None => nothing(length),
    }
}

/// `If-Range` asks for the whole unless the file is the same; the whole is never wrong.
fn asked(headers: &HeaderMap, length: u64) -> Range {
    let asked = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
    range(asked.and_then(|value| value.to_str().ok()), length)
}

/// The answer that holds `bytes` of a sound of `length` bytes.
fn piece(range: Range, kind: &'static str, bytes: Vec<u8>, length: u64) -> Response {
    let common = [(header::CONTENT_TYPE, kind), (header::ACCEPT_RANGES, "bytes")];
    let Range::Part { start, .. } = range else {
        return (common, Body::from(bytes)).into_response();
    };
    let end = (start + bytes.len() as u64).saturating_sub(1);
    let which = [(header::CONTENT_RANGE, format!("bytes {start}-{end}/{length}"))];
    (StatusCode::PARTIAL_CONTENT, common, which, Body::from(bytes)).into_response()
}

fn nothing(length: u64) -> Response {
    let size = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
    (StatusCode::RANGE_NOT_SATISFIABLE, size).into_response()
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

impl Range {
    /// Where the bytes to send begin, and where the one behind them is.
    fn ends(self, length: u64) -> Option<(u64, u64)> {
        match self {
            Range::Whole => Some((0, length)),
            Range::Part { start, end } => Some((start, end.min(start + PIECE))),
            Range::Nothing => None,
        }
    }
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
