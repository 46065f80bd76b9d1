//! Audit: who did or heard what, the newest first.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::App;
use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};

/// Rows on a page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<i64>,
}

struct Row {
    id: i64,
    time: String,
    actor: String,
    address: String,
    action: String,
    object: String,
    detail: String,
}

#[derive(Deserialize)]
pub(super) struct Before {
    sebelum: Option<i64>,
}

/// `GET /audit`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(before): Query<Before>,
) -> Result<Response, PageError> {
    let from = before.sebelum.unwrap_or(i64::MAX);
    let mut found = console.store.audit_before(from, PAGE as i64 + 1).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|row| row.id);
    let rows = found.into_iter().map(|row| Row {
        id: row.id,
        time: console.time(row.at),
        actor: row.actor,
        address: row.address,
        action: word(&row.action).into(),
        object: row.object,
        detail: row.detail,
    });
    html(AuditPage {
        rows: rows.collect(),
        frame: Frame::new(&console, &actor, "Audit").await?,
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
