//! Files by HTTPS: resumed where the line breaks, and nothing is kept whose sum is another one.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};

use super::known::Remote;
use super::room;

/// Tries without a single byte before a file is given up; each byte begins the count anew.
const TRIES: u32 = 6;
/// Without a byte for so long the line counts as broken.
const STALLED: Duration = Duration::from_secs(30);

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{url}: {what}")]
    Line { url: String, what: String },
    #[error("{url}: the server says {status}")]
    Status { url: String, status: StatusCode },
    #[error("{url}: {found} bytes instead of {known}: it is not the known file")]
    Length { url: String, found: u64, known: u64 },
    #[error("{url}: it is not the known file (its sum is {found})")]
    Sum { url: String, found: String },
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Room(#[from] room::NoRoom),
}

/// Fetches files one after the other.
pub struct Fetcher {
    client: Client,
    /// Before the second try; doubled for each one after it.
    pause: Duration,
}

/// How a try ended.
enum Ended {
    Whole,
    /// Worth another try.
    Broken(FetchError),
}

impl Fetcher {
    /// `pause` is what lies between two tries.
    pub fn new(pause: Duration) -> Result<Fetcher, FetchError> {
        // Whoever was first has chosen the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("kentongan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(STALLED)
            .timeout(STALLED)
            .build()
            .map_err(|error| FetchError::Line { url: "https".into(), what: reason(&error) })?;
        Ok(Fetcher { client, pause })
    }

    /// Brings `file`, which lies under `at`, to `to`. `tell` hears how many bytes are there, and of how many.
    pub fn fetch(
        &self,
        at: &str,
        file: &Remote,
        to: &Path,
        tell: &dyn Fn(u64, u64),
    ) -> Result<(), FetchError> {
        let url = format!("{at}{}", file.from);
        let io = |source| FetchError::Io { path: to.into(), source };
        let mut out = File::create(to).map_err(io)?;
        let mut idle = 0;
        loop {
            let before = out.stream_position().map_err(io)?;
            match self.attempt(&url, file.bytes, &mut out, to, tell)? {
                Ended::Whole => break,
                Ended::Broken(why) => {
                    let moved = out.stream_position().map_err(io)? > before;
                    idle = if moved { 1 } else { idle + 1 };
                    if idle >= TRIES {
                        return Err(why);
                    }
                    std::thread::sleep(self.pause * (1 << (idle - 1)));
                }
            }
        }
        out.flush().map_err(io)?;
        match file.sum.differs(to).map_err(io)? {
            None => Ok(()),
            Some(found) => {
                fs::remove_file(to).map_err(io)?;
                Err(FetchError::Sum { url, found })
            }
        }
    }

    /// Goes on where `out` ends.
    fn attempt(
        &self,
        url: &str,
        known: Option<u64>,
        out: &mut File,
        path: &Path,
        tell: &dyn Fn(u64, u64),
    ) -> Result<Ended, FetchError> {
        let io = |source| FetchError::Io { path: path.into(), source };
        let broken = |what| Ended::Broken(FetchError::Line { url: url.into(), what });
        let mut have = out.stream_position().map_err(io)?;
        let mut request = self.client.get(url);
        if have > 0 {
            request = request.header(RANGE, format!("bytes={have}-"));
        }
        let mut response = match request.send() {
            Ok(response) => response,
            Err(error) => return Ok(broken(reason(&error))),
        };
        let status = response.status();
        let goes_on = status == StatusCode::PARTIAL_CONTENT && begins_at(&response, have);
        if !goes_on {
            if let Some(ended) = refusal(url, status)? {
                return Ok(ended);
            }
            // All of it again.
            out.set_len(0).and_then(|()| out.seek(SeekFrom::Start(0))).map_err(io)?;
            have = 0;
        }
        let Some(total) = length(&response).map(|rest| have + rest).or(known) else {
            return Err(FetchError::Line {
                url: url.into(),
                what: "the server does not say how long the file is".into(),
            });
        };
        if let Some(known) = known.filter(|known| *known != total) {
            return Err(FetchError::Length { url: url.into(), found: total, known });
        }
        room::check(path, total - have)?;
        let mut buffer = vec![0; 1 << 16];
        while have < total {
            tell(have, total);
            let len = match response.read(&mut buffer) {
                Ok(0) => return Ok(broken(format!("the line broke at byte {have} of {total}"))),
                Ok(len) => len,
                Err(error) => return Ok(broken(format!("at byte {have} of {total}: {error}"))),
            };
            // A server without a length may send more than there is.
            let len = len.min(usize::try_from(total - have).unwrap_or(len));
            out.write_all(&buffer[..len]).map_err(io)?;
            have += len as u64;
        }
        tell(total, total);
        Ok(Ended::Whole)
    }
}

/// What a status that brings no file means; `None` where it brings the whole of it.
fn refusal(url: &str, status: StatusCode) -> Result<Option<Ended>, FetchError> {
    let refused = FetchError::Status { url: url.into(), status };
    match status {
        StatusCode::OK => Ok(None),
        // A part that was not asked for, or none where one was: the next try asks anew.
        StatusCode::PARTIAL_CONTENT
        | StatusCode::RANGE_NOT_SATISFIABLE
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS => Ok(Some(Ended::Broken(refused))),
        status if status.is_server_error() => Ok(Some(Ended::Broken(refused))),
        _ => Err(refused),
    }
}

/// The body's length, as the header has it.
fn length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn begins_at(response: &Response, byte: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

/// The innermost cause, which is the one that tells something.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
