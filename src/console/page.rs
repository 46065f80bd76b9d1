//! What every page has around it.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::keys::{FIELD_KEYS, KEYS, Key, MEND_KEYS, WORD_KEYS};
use super::{Console, assets, secret, show};
use crate::store::QueueCounts;
use crate::ticket::{Role, TicketCode};

/// The frame of a page: who is signed in and where one can go.
pub(super) struct Frame {
    pub title: String,
    pub style: String,
    pub player: String,
    pub keys_script: String,
    pub htmx: String,
    pub live_script: String,
    pub busy_script: String,
    pub drafts_script: String,
    pub worker: String,
    /// Tells pages of one session from those of another, without telling the session.
    pub worker_name: String,
    /// Where the page asks for its counts again.
    pub counts: String,
    pub waiting: String,
    pub menu_script: String,
    pub icon: String,
    /// Whose session it is: what one has typed is not for the next.
    pub login: String,
    pub name: String,
    pub role: &'static str,
    pub agency: Option<String>,
    pub links: Vec<Link>,
    /// Those that lead somewhere for this role.
    pub keys: Vec<&'static Key>,
    pub word_keys: &'static [Key],
    pub field_keys: &'static [Key],
    pub mend_keys: &'static [Key],
    /// For each form of the page: handed in twice it counts once.
    pub nonce: String,
    pub notice: Option<&'static str>,
    /// The report that the notice is about, where it is another one than the page's.
    pub noticed: Option<TicketCode>,
    /// Cookies and passwords go over the wire in clear text.
    pub no_tls: bool,
    /// Seconds after which the page asks for itself again.
    pub refresh: Option<u32>,
}

/// A place in the menu.
pub(super) struct Link {
    pub href: &'static str,
    pub label: &'static str,
    pub here: bool,
    /// How many reports wait stands beside it.
    pub counts: bool,
}

/// The menu, and who sees what of it.
const MENU: &[(&str, &str, &[Role])] = &[
    ("/kotak-masuk", "Kotak masuk", &Role::ALL),
    ("/loket", "Loket", &[Role::Operator, Role::Supervisor, Role::Admin]),
    ("/panggilan", "Panggilan", &[Role::Operator, Role::Supervisor, Role::Auditor, Role::Admin]),
    ("/prompt", "Prompt", &[Role::Operator, Role::Supervisor, Role::Auditor, Role::Admin]),
    ("/beranda", "Beranda", &[Role::Operator, Role::Supervisor, Role::Auditor, Role::Admin]),
    ("/menu-suara", "Menu suara", &[Role::Operator, Role::Supervisor, Role::Auditor, Role::Admin]),
    ("/audit", "Audit", &[Role::Supervisor, Role::Auditor, Role::Admin]),
    ("/petugas", "Petugas", &[Role::Admin]),
];

impl Frame {
    /// The frame of a page with this title; where the menu has the same word, it says that one is there.
    pub async fn new(console: &Console, actor: &Actor, title: &str) -> Result<Frame, PageError> {
        let counts = console.queue_counts(actor).await?;
        Ok(Frame::around(actor, title, &counts))
    }

    /// The same where the counts are known.
    pub fn around(actor: &Actor, title: &str, counts: &QueueCounts) -> Frame {
        let link = |(href, label, _): &(&'static str, &'static str, _)| Link {
            href,
            label,
            here: *label == title,
            counts: *href == "/kotak-masuk",
        };
        Frame {
            title: title.into(),
            style: assets::address("style.css"),
            player: assets::address("player.js"),
            keys_script: assets::address("keys.js"),
            htmx: assets::address("htmx.js"),
            live_script: assets::address("live.js"),
            busy_script: assets::address("busy.js"),
            drafts_script: assets::address("drafts.js"),
            worker: assets::address("live-worker.js"),
            worker_name: secret::hash(&actor.session)[..12].into(),
            counts: "/hitungan".into(),
            waiting: waiting(actor, counts),
            menu_script: assets::address("menu.js"),
            icon: assets::address("icon.svg"),
            login: actor.login.clone(),
            name: actor.name.clone(),
            role: actor.role.word(),
            agency: actor.agency_name.clone(),
            links: MENU
                .iter()
                .filter(|(_, _, roles)| roles.contains(&actor.role))
                .map(link)
                .collect(),
            keys: KEYS.iter().filter(|key| leads_somewhere(key, actor.role)).collect(),
            word_keys: WORD_KEYS,
            field_keys: FIELD_KEYS,
            mend_keys: MEND_KEYS,
            nonce: secret::token(),
            notice: None,
            noticed: None,
            no_tls: actor.address.in_clear_text(),
            refresh: None,
        }
    }

    /// The same with what a form before it did.
    pub fn with_notice(self, told: &Told) -> Frame {
        let noticed = told.laporan.as_deref().and_then(|code| TicketCode::parse(code).ok());
        Frame { notice: told.text(), noticed, ..self }
    }
}

/// A key that goes to a place which the menu does not offer would end at a refusal.
fn leads_somewhere(key: &Key, role: Role) -> bool {
    let Some(place) = key.action.strip_prefix("go:") else { return true };
    MENU.iter().any(|(href, _, roles)| *href == place && roles.contains(&role))
}

/// How many reports wait for this person.
pub(super) fn waiting(actor: &Actor, counts: &QueueCounts) -> String {
    let waiting = if actor.agency.is_some() { counts.with_agency } else { counts.fresh };
    show::up_to(QueueCounts::MOST, waiting)
}

/// What a form did, in the address of the page after it: one of our own words, never somebody's text.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Told {
    pub pesan: Option<String>,
    /// The code of the report that it is about.
    pub laporan: Option<String>,
}

impl Told {
    fn text(&self) -> Option<&'static str> {
        Some(match self.pesan.as_deref()? {
            "tersimpan" => "Tersimpan.",
            "diambil" => "Laporan ini sekarang Anda tangani.",
            "diperbaiki" => {
                "Perbaikan transkrip tersimpan. Teks aslinya tetap ada di riwayat bagian itu."
            }
            "lanjut" => "tersimpan. Ini laporan berikutnya.",
            "putar" => "tersimpan. Antrean sudah sampai akhir; dimulai lagi dari awal.",
            "habis" => "tersimpan. Tidak ada laporan lain di antrean ini.",
            "awal" => "Antrean sudah sampai akhir; dimulai lagi dari awal.",
            "sepi" => "Tidak ada laporan lain di antrean ini.",
            "konsep" => "Konsep tersimpan. Penelepon masih mendengar menu yang terbit.",
            "terbit" => "Diterbitkan. Panggilan berikutnya mendengar menu yang baru.",
            "sandi" => "Kata sandi Anda sudah diganti.",
            "sesi" => "Sudah dikeluarkan.",
            "lepas" => "Verifikasi dua langkah Anda sudah dilepas.",
            "suara" => "Suara ini didengar mulai panggilan berikutnya.",
            "teks" => "Teks tersimpan, dan diucapkan mulai panggilan berikutnya.",
            "teks_lama" => {
                "Teks tersimpan, tetapi penelepon masih mendengar suara yang lama. Rekam atau unggah suara yang sesuai."
            }
            "petugas" => "Perubahan petugas tersimpan.",
            _ => return None,
        })
    }
}

/// A page, rendered.
pub(super) fn html(page: impl Template) -> Result<Response, PageError> {
    Ok(Html(page.render()?).into_response())
}
