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
    /// As the browser calls it, after the keys that are held with it.
    pub key: &'static str,
    /// As it stands on the keyboard.
    pub cap: &'static str,
    pub does: &'static str,
    /// What the script does: `go:ADDRESS`, `press:NAME` or `focus:NAME` for the element with `data-name`, `sheet:` for the
    /// list of keys, `play:SECONDS` for the sound, 0 to start and stop it, `speed:STEP`, `segment:STEP`, and `submit:NAME`
    /// for the button of that name in the form that is typed into.
    pub action: &'static str,
}

impl Key {
    const fn new(
        key: &'static str,
        cap: &'static str,
        does: &'static str,
        action: &'static str,
    ) -> Key {
        Key { key, cap, does, action }
    }
}

/// Every key that is heard while nobody types.
pub(super) const KEYS: &[Key] = &[
    Key::new("?", "?", "Daftar tombol ini", "sheet:"),
    Key::new("i", "I", "Kotak masuk", "go:/kotak-masuk"),
    Key::new("b", "B", "Beranda", "go:/beranda"),
    Key::new("l", "L", "Loket: laporan dari pengunjung", "go:/loket"),
    Key::new("m", "M", "Menu suara", "go:/menu-suara"),
    Key::new("/", "/", "Cari", "focus:cari"),
    Key::new("j", "J", "Laporan berikutnya", "press:berikutnya"),
    Key::new("a", "A", "Ambil laporan ini", "press:ambil"),
    Key::new("t", "T", "Ke langkah berikutnya", "focus:langkah"),
    Key::new("1", "1", "Pakai saran pertama", "press:saran-1"),
    Key::new("2", "2", "Pakai saran kedua", "press:saran-2"),
    Key::new("3", "3", "Pakai saran ketiga", "press:saran-3"),
    Key::new("n", "N", "Perbaiki transkrip, mulai bagian pertama", "segment:1"),
    Key::new("d", "D", "Rekaman ini sudah didengar", "press:didengar"),
    Key::new("k", "K", "Putar atau jeda rekaman", "play:0"),
    Key::new("ArrowLeft", "←", "Mundur 5 detik", "play:-5"),
    Key::new("ArrowRight", "→", "Maju 5 detik", "play:5"),
];

/// Those that are heard in the text box of a mend, and nowhere else. Chrome, Edge and Firefox leave them alone there.
pub(super) const MEND_KEYS: &[Key] = &[
    Key::new("Alt+k", "Alt K", "Putar atau jeda; bagian lain mulai dari awalnya", "play:0"),
    Key::new("Alt+j", "Alt J", "Mundur 3 detik", "play:-3"),
    Key::new("Alt+l", "Alt L", "Maju 3 detik", "play:3"),
    Key::new("Alt+,", "Alt ,", "Lebih lambat", "speed:-1"),
    Key::new("Alt+.", "Alt .", "Lebih cepat", "speed:1"),
    Key::new("Alt+n", "Alt N", "Bagian berikutnya, tanpa menyimpan", "segment:1"),
    Key::new(
        "Control+Enter",
        "Ctrl Enter",
        "Simpan dan lanjut ke bagian berikutnya",
        "submit:lanjut",
    ),
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
