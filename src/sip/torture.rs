//! RFC 4475's torture messages and mutations of them, through everything that stands before the stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use proptest::prelude::*;
use serde::Deserialize;

use super::policy::{self, Gate, Verdict, stateless_response};
use super::repair::{Repaired, repair};
use super::socket::is_digestible;
use super::text::{Message, read};

#[derive(Deserialize)]
struct Index {
    message: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    edge: Edge,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Edge {
    Status(u16),
    Word(String),
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sip/torture")
}

fn messages() -> Vec<(Entry, Vec<u8>)> {
    let index = fs::read_to_string(folder().join("index.toml")).unwrap();
    let index: Index = toml::from_str(&index).unwrap();
    let with_bytes = |entry: Entry| {
        let bytes = fs::read(folder().join(&entry.file)).unwrap();
        (entry, bytes)
    };
    index.message.into_iter().map(with_bytes).collect()
}

/// What the wrapper socket would do, without the socket; what passes must be what the stack can read.
#[expect(clippy::disallowed_methods, reason = "any instant will do, and only the clock makes one")]
fn edge(datagram: &[u8]) -> Edge {
    let silence = Edge::Word("silence".into());
    let (bytes, fault) = match repair(datagram) {
        Repaired::Ping | Repaired::Noise => return silence,
        Repaired::Whole(bytes) => (bytes, None),
        Repaired::Broken { message, fault } => (message, Some(fault)),
    };
    match read(&bytes) {
        Ok(Message::Request(request)) => {
            let verdict = match fault {
                Some(fault) => policy::broken(&request, fault),
                None => Gate::new(Vec::new()).screen(&request, Instant::now()),
            };
            match verdict {
                Verdict::Drop => silence,
                Verdict::Reply(reply) => {
                    let source = Some("127.0.0.1:5060".parse().unwrap());
                    match stateless_response(&request, source, &reply) {
                        Some(response) => {
                            assert!(
                                matches!(read(response.as_bytes()), Ok(Message::Response(r)) if r.status == reply.status)
                            );
                            Edge::Status(reply.status)
                        }
                        None => silence,
                    }
                }
                Verdict::Pass => Edge::Word("pass".into()),
            }
        }
        Ok(Message::Response(response)) if fault.is_none() && policy::is_ours(&response) => {
            Edge::Word("pass".into())
        }
        _ => silence,
    }
}

#[test]
fn each_torture_message_comes_to_what_the_index_says() {
    let wrong: BTreeMap<_, _> = messages()
        .into_iter()
        .map(|(entry, bytes)| (entry.file, (edge(&bytes), entry.edge)))
        .filter(|(_, (is, should))| is != should)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_torture_message_that_passes_is_read_by_the_stack() {
    let pass = Edge::Word("pass".into());
    let lost: Vec<_> = messages()
        .into_iter()
        .filter(|(entry, bytes)| match repair(bytes) {
            Repaired::Whole(mended) => entry.edge == pass && !is_digestible(&mended),
            _ => false,
        })
        .map(|(entry, _)| entry.file)
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn every_file_is_in_the_index_and_none_is_missing() {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    files.retain(|name| name.ends_with(".dat"));
    files.sort();
    let mut indexed: Vec<_> = messages().into_iter().map(|(entry, _)| entry.file).collect();
    indexed.sort();
    assert_eq!(files, indexed);
    assert_eq!(files.len(), 49);
}

/// A torture message with a few bytes changed, taken out, or put in.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<Vec<u8>> = messages().into_iter().map(|(_, bytes)| bytes).collect();
    let edits =
        proptest::collection::vec((any::<prop::sample::Index>(), 0u8..16, any::<u8>()), 0..6);
    (prop::sample::select(all), edits).prop_map(|(mut bytes, edits)| {
        for (place, what, byte) in edits {
            let at = place.index(bytes.len().max(1));
            match what {
                0 => bytes.truncate(at),
                1..=5 if at < bytes.len() => bytes[at] = byte,
                6..=10 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\r\n \t;,=:<>\"\\@/\0"[usize::from(byte) % 15]),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_mutation_panics_and_mending_it_twice_is_mending_it_once(datagram in mutated()) {
        edge(&datagram);
        if let Repaired::Whole(once) = repair(&datagram) {
            prop_assert_eq!(repair(&once), Repaired::Whole(std::borrow::Cow::Borrowed(&once[..])));
        }
    }
}
