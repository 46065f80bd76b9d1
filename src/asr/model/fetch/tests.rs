//! A server on loopback that behaves as servers and lines do.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::super::sums::Sum;
use super::*;

/// What is fetched: `0123456789` a hundred thousand times.
const BODY_SHA256: &str = "ec21d64624228af3ecd4bdaa8239e32ed943b01e26934cd5610fddb361426dc6";

fn body() -> Vec<u8> {
    b"0123456789".repeat(100_000)
}

/// How the server answers one request; the last one holds for all that follow.
#[derive(Clone)]
enum Answer {
    Whole,
    /// The first bytes of what was asked for, then the line breaks.
    Cut(usize),
    /// All of it, whatever part was asked for.
    NoRanges,
    Status(&'static str),
    Redirect,
    /// Something else of that length.
    Page,
    Bytes(Vec<u8>),
}

/// Answers requests until the test ends; tells its address and which ranges were asked for.
fn serve(answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<Option<usize>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (told, here) = (asked.clone(), at.clone());
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        let mut last = answers.next().unwrap();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let from = request(&stream);
            told.lock().unwrap().push(from);
            // Whoever asks may go away before the end.
            let _ = answer(&mut stream, &last, from, &here);
            last = answers.next().unwrap_or(last);
        }
    });
    (at, asked)
}

/// Reads a request; its `Range`.
fn request(stream: &TcpStream) -> Option<usize> {
    let mut from = None;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = Some(range.trim_end_matches('-').parse().unwrap());
        }
    }
    from
}

fn answer(
    stream: &mut TcpStream,
    how: &Answer,
    from: Option<usize>,
    at: &str,
) -> std::io::Result<()> {
    let body = body();
    let mut send = |status: &str, headers: &str, bytes: &[u8], length: usize| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        )?;
        stream.write_all(bytes)
    };
    let start = from.unwrap_or(0);
    let range = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
    let (status, headers) = match from {
        Some(_) => ("206 Partial Content", range.as_str()),
        None => ("200 OK", ""),
    };
    let rest = &body[start.min(body.len())..];
    match how {
        Answer::Whole => send(status, headers, rest, rest.len()),
        Answer::Cut(len) => send(status, headers, &rest[..*len], rest.len()),
        Answer::NoRanges => send("200 OK", "", &body, body.len()),
        Answer::Status(status) => send(status, "", b"no", 2),
        Answer::Redirect => send("302 Found", &format!("Location: {at}elsewhere\r\n"), b"", 0),
        Answer::Page => send("200 OK", "", &vec![b'<'; body.len()], body.len()),
        Answer::Bytes(bytes) => send("200 OK", "", bytes, bytes.len()),
    }
}

/// Fetches the file from a server with these answers: what came, and which ranges were asked for.
fn fetch(answers: Vec<Answer>) -> (Result<Vec<u8>, FetchError>, Vec<Option<usize>>) {
    let (at, asked) = serve(answers);
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("file");
    let bytes = Some(body().len() as u64);
    let file = Remote { from: "file", to: "file", bytes, sum: Sum::Sha256(BODY_SHA256) };
    let fetched = Fetcher::new(Duration::ZERO).unwrap().fetch(&at, &file, &to, &|_, _| ());
    let came = fetched.map(|()| fs::read(&to).unwrap());
    let asked = asked.lock().unwrap().clone();
    (came, asked)
}

#[test]
fn a_whole_file_comes_also_from_elsewhere() {
    let (came, asked) = fetch(vec![Answer::Whole]);
    assert_eq!((came.unwrap(), asked), (body(), vec![None]));
    let (came, asked) = fetch(vec![Answer::Redirect, Answer::Whole]);
    assert_eq!((came.unwrap(), asked.len()), (body(), 2));
}

#[test]
fn a_broken_line_is_resumed_where_it_broke() {
    let cut = 300_000;
    let (came, asked) =
        fetch(vec![Answer::Cut(cut), Answer::Status("503 Busy"), Answer::Cut(cut), Answer::Whole]);
    assert_eq!(came.unwrap(), body());
    assert_eq!(asked, [None, Some(cut), Some(cut), Some(2 * cut)]);
}

#[test]
fn a_server_that_cannot_resume_begins_anew() {
    let (came, asked) = fetch(vec![Answer::Cut(300_000), Answer::NoRanges]);
    assert_eq!((came.unwrap(), asked), (body(), vec![None, Some(300_000)]));
}

#[test]
fn a_line_that_brings_nothing_more_is_given_up() {
    let (came, asked) = fetch(vec![Answer::Cut(300_000), Answer::Cut(0)]);
    assert!(matches!(&came, Err(FetchError::Line { .. })), "{came:?}");
    assert_eq!(asked.len(), TRIES as usize);
}

#[test]
fn what_is_not_the_known_file_is_not_kept() {
    let (came, _) = fetch(vec![Answer::Page]);
    assert!(matches!(&came, Err(FetchError::Sum { .. })), "{came:?}");
    let (came, asked) = fetch(vec![Answer::Bytes(b"<html>".to_vec())]);
    assert!(matches!(&came, Err(FetchError::Length { found: 6, .. })), "{came:?}");
    assert_eq!(asked.len(), 1);
    let (came, asked) = fetch(vec![Answer::Status("404 Not Found")]);
    assert!(matches!(&came, Err(FetchError::Status { status, .. }) if status.as_u16() == 404));
    assert_eq!(asked.len(), 1, "asking again would not help");
}
