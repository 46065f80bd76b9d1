//! The SIP messages of a call as files for the technician: to read, and for Wireshark.

use std::fmt::Write as _;
use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use super::access::Actor;
use super::error::PageError;
use super::ladder::{self, seconds};
use super::pcap::{self, Packet, SOMEBODY};
use super::{App, Console};
use crate::store::{CallTrace, Deed, TracedMessage};
use crate::ticket::{CallId, Role};

/// `GET /panggilan/{call}/jejak.txt`
pub(super) async fn text(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let trace = find(&console, &actor, id, "txt").await?;
    let text = written(&trace, actor.role);
    Ok(attached(id, "txt", "text/plain; charset=utf-8", text.into_bytes()))
}

/// `GET /panggilan/{call}/jejak.pcap`
pub(super) async fn capture(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(id): Path<i64>,
) -> Result<Response, PageError> {
    let trace = find(&console, &actor, id, "pcap").await?;
    let texts: Vec<String> = trace.messages.iter().map(|m| captured(m, actor.role)).collect();
    let packets = trace.messages.iter().zip(&texts).map(|(message, text)| Packet {
        at: message.at,
        peer: peer(message, actor.role),
        from_peer: message.from_caller,
        text,
    });
    let file = pcap::file(packets);
    Ok(attached(id, "pcap", "application/vnd.tcpdump.pcap", file))
}

/// The messages of a call that has some. That they were taken is set down first.
async fn find(
    console: &Console,
    actor: &Actor,
    id: i64,
    kind: &'static str,
) -> Result<CallTrace, PageError> {
    let trace = console.store.trace(CallId(id)).await?.ok_or(PageError::NotFound)?;
    let deed = Deed::new("download", format!("call {id}")).with(format!("jejak.{kind}"));
    console.store.audit(actor.doer(), deed, console.now()).await?;
    Ok(trace)
}

fn attached(id: i64, kind: &str, content_type: &'static str, bytes: Vec<u8>) -> Response {
    let name = format!("attachment; filename=\"panggilan-{id}.{kind}\"");
    ([(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, name)], bytes).into_response()
}

/// Each message under a line that says when and which way it went.
fn written(trace: &CallTrace, role: Role) -> String {
    let begun = trace.messages.first().map_or(0, |first| first.at.0);
    let mut file = String::new();
    for message in &trace.messages {
        let peer = match role.sees_numbers() {
            true => format!("{} {}", message.transport, message.peer),
            false => message.transport.clone(),
        };
        let way =
            if message.from_caller { "penelepon -> kentongan" } else { "kentongan -> penelepon" };
        let after = seconds(message.at.0 - begun);
        let text = ladder::text(message, role);
        // Writing to a string does not fail.
        let _ = writeln!(file, "=== {after} {way} {peer}\n{text}");
    }
    if trace.left_out > 0 {
        let _ = writeln!(file, "=== {} pesan tidak disimpan karena terlalu banyak", trace.left_out);
    }
    file
}

/// A message as it was on the wire, or without its numbers.
fn captured(message: &TracedMessage, role: Role) -> String {
    if role.sees_numbers() {
        message.text.clone()
    } else {
        ladder::mask_for_programs(&message.text)
    }
}

fn peer(message: &TracedMessage, role: Role) -> SocketAddr {
    let peer = message.peer.parse().ok().filter(|_| role.sees_numbers());
    peer.unwrap_or(SOMEBODY)
}
