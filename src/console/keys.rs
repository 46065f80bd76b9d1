//! The keys: one table for the script that hears them and the page that explains them.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::App;
use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};

/// What a key does.
pub(super) struct Key {
    /// As the browser calls it.
    pub key: &'static str,
    /// As it stands on the keyboard.
    pub cap: &'static str,
    pub does: &'static str,
    /// What the script does: `go:ADDRESS`, `press:NAME` or `focus:NAME` for the element with `data-name`, or `play:SECONDS`
    /// for the sound, 0 to start and stop it.
    pub action: &'static str,
}

/// Every key. None of them is heard while somebody types.
pub(super) const KEYS: &[Key] = &[
    Key { key: "?", cap: "?", does: "Daftar tombol ini", action: "go:/tombol" },
    Key { key: "i", cap: "I", does: "Kotak masuk", action: "go:/kotak-masuk" },
    Key { key: "b", cap: "B", does: "Beranda", action: "go:/beranda" },
    Key { key: "l", cap: "L", does: "Loket: laporan dari pengunjung", action: "go:/loket" },
    Key { key: "/", cap: "/", does: "Cari", action: "focus:cari" },
    Key { key: "j", cap: "J", does: "Laporan berikutnya", action: "press:berikutnya" },
    Key { key: "a", cap: "A", does: "Ambil laporan ini", action: "press:ambil" },
    Key { key: "t", cap: "T", does: "Ke langkah berikutnya", action: "focus:langkah" },
    Key { key: "k", cap: "K", does: "Putar atau jeda rekaman", action: "play:0" },
    Key { key: "ArrowLeft", cap: "←", does: "Mundur 5 detik", action: "play:-5" },
    Key { key: "ArrowRight", cap: "→", does: "Maju 5 detik", action: "play:5" },
];

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    frame: Frame,
}

/// `GET /tombol`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    html(KeysPage { frame: Frame::new(&console, &actor, "Tombol").await? })
}
