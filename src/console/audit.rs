//! Audit: who did or heard what, the newest first.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::App;
use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};
use crate::store::AuditAbout;
use crate::ticket::{Role, Status, TicketCode};

/// Rows on a page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
    /// What was typed into the filter.
    person: String,
    report: String,
    /// The report's code cannot be read.
    unknown: bool,
    next: Option<String>,
}

struct Row {
    id: i64,
    time: String,
    actor: String,
    address: String,
    action: String,
    object: String,
    /// Where it can be looked at.
    href: Option<String>,
    detail: String,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    sebelum: Option<i64>,
    #[serde(default)]
    petugas: String,
    #[serde(default)]
    laporan: String,
}

impl Wanted {
    /// The address of the rows before this one.
    fn before(&self, id: i64) -> String {
        let filter = [("petugas", self.petugas.trim()), ("laporan", self.laporan.trim())];
        let filter = filter.iter().filter(|(_, value)| !value.is_empty());
        let filter = filter
            .map(|(key, value)| format!("&{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        format!("/audit?sebelum={id}{}", filter.collect::<String>())
    }
}

/// `GET /audit`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let typed = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let code = typed(&wanted.laporan).map(|code| TicketCode::parse(&code));
    let unknown = matches!(code, Some(Err(_)));
    let about = AuditAbout {
        actor: typed(&wanted.petugas).map(|login| login.to_lowercase()),
        ticket: code.and_then(Result::ok),
    };
    let from = wanted.sebelum.unwrap_or(i64::MAX);
    let mut found = match unknown {
        true => Vec::new(),
        false => console.store.audit_before(&about, from, PAGE as i64 + 1).await?,
    };
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|row| wanted.before(row.id));
    let rows = found.into_iter().map(|row| Row {
        id: row.id,
        time: console.time(row.at),
        actor: row.actor,
        address: row.address,
        action: word(&row.action).into(),
        href: href(&row.object, &row.detail),
        object: object(&row.object),
        detail: detail(&row.detail),
    });
    html(AuditPage {
        rows: rows.collect(),
        frame: Frame::new(&console, &actor, "Audit").await?,
        person: wanted.petugas,
        report: wanted.laporan,
        unknown,
        next,
    })
}

fn word(action: &str) -> &str {
    match action {
        "listen" => "mendengarkan",
        "download" => "mengunduh",
        "sign_in" => "masuk",
        "sign_out" => "keluar",
        "mend" => "memperbaiki transkrip",
        "open" => "membuka laporan",
        "deadlines" => "mengganti tenggat",
        "menu_draft" => "menyimpan konsep menu",
        "menu_publish" => "menerbitkan menu",
        "record" => "merekam prompt",
        "upload" => "mengunggah prompt",
        "render" => "menyuarakan prompt",
        "voice" => "memilih suara prompt",
        "text" => "mengubah teks prompt",
        "staff_add" => "menambah petugas",
        "staff_password" => "mengganti kata sandi",
        "session_end" => "mengeluarkan perangkat",
        "second_factor_on" => "memasang verifikasi dua langkah",
        "second_factor_off" => "melepas verifikasi dua langkah",
        "second_factor_reset" => "menghapus verifikasi dua langkah",
        "recovery_code" => "memakai kode pemulihan",
        "code_wrong" => "kode verifikasi salah",
        "staff_disable" => "menonaktifkan petugas",
        "staff_enable" => "mengaktifkan petugas",
        "staff_role" => "mengganti peran",
        other => super::show::what(other),
    }
}

/// What it was done to, as rows write it: `ticket 48217362`.
fn object(text: &str) -> String {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("ticket", code) => format!("laporan {}", written(code)),
        ("recording", id) => format!("rekaman {id}"),
        ("staff", login) => format!("petugas {login}"),
        ("menu", number) => format!("menu versi {number}"),
        ("call", id) => format!("panggilan {id}"),
        ("all", "") => "semua".into(),
        _ => text.into(),
    }
}

fn written(code: &str) -> String {
    TicketCode::parse(code).map_or_else(|_| code.into(), |code| code.to_string())
}

/// A page that shows it: the ticket of a recording stands beside it.
fn href(object: &str, detail: &str) -> Option<String> {
    match (object.split_once(' ')?, detail.split_once(' ')) {
        (("ticket", code), _) | (("recording", _), Some(("ticket", code))) => {
            Some(format!("/tiket/{code}"))
        }
        (("menu", number), _) => Some(format!("/menu-suara/versi/{number}")),
        (("call", id), _) => Some(format!("/panggilan/{id}")),
        _ => None,
    }
}

fn detail(text: &str) -> String {
    if let Some((from, to)) = text.split_once(" -> ") {
        let (from, to) = (named(from), named(to));
        return if from == to { from.into() } else { format!("{from} → {to}") };
    }
    match text.split_once(' ') {
        Some(("ticket", code)) => format!("laporan {}", written(code)),
        Some(("segment", position)) => {
            position.parse::<u32>().map_or_else(|_| text.into(), |n| format!("bagian {}", n + 1))
        }
        _ => named(text).into(),
    }
}

/// A status or a role in its word.
fn named(id: &str) -> &str {
    let status = Status::ALL.into_iter().find(|status| status.id() == id).map(Status::word);
    status.or_else(|| Role::parse(id).map(Role::word)).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_to_is_told_in_indonesian_and_leads_there() {
        let told = |text: &str, more: &str| (object(text), detail(more), href(text, more));
        let link = |to: &str| Some(to.to_owned());
        for (text, more, expected) in [
            (
                "ticket 48217362",
                "diterima -> verifikasi",
                ("laporan 4821-7362", "Diterima → Sedang diperiksa", link("/tiket/48217362")),
            ),
            (
                "ticket 48217362",
                "diterima -> diterima",
                ("laporan 4821-7362", "Diterima", link("/tiket/48217362")),
            ),
            (
                "recording 5",
                "ticket 48217362",
                ("rekaman 5", "laporan 4821-7362", link("/tiket/48217362")),
            ),
            ("recording 5", "segment 0", ("rekaman 5", "bagian 1", None)),
            ("staff joko", "petugas -> penyelia", ("petugas joko", "Petugas → Penyelia", None)),
            ("call 7", "jejak.pcap", ("panggilan 7", "jejak.pcap", link("/panggilan/7"))),
            ("prompt menu/lapor", "apa saja", ("prompt menu/lapor", "apa saja", None)),
            ("", "", ("", "", None)),
        ] {
            let (object, detail, href) = expected;
            assert_eq!(told(text, more), (object.into(), detail.into(), href), "{text}");
        }
    }
}
