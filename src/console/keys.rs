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
    /// list of keys, `fill:NAME` for the first field of the form in it, `play:SECONDS` for the sound, 0 to start and stop it,
    /// `speed:STEP`, `segment:STEP`, `word:STEP`, `row:STEP` in a list, `leave:` for the field that is typed into, and
    /// `submit:NAME` for the button of that name in its form, or for the first one.
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
    Key::new("g", "G", "Kembali ke antrean", "press:kembali"),
    Key::new("/", "/", "Cari", "focus:cari"),
    Key::new("ArrowDown", "↓", "Baris berikutnya di daftar; Enter membukanya", "row:1"),
    Key::new("ArrowUp", "↑", "Baris sebelumnya di daftar", "row:-1"),
    Key::new("j", "J", "Laporan berikutnya", "press:berikutnya"),
    Key::new("a", "A", "Ambil laporan ini", "press:ambil"),
    Key::new("t", "T", "Isi langkah berikutnya", "fill:langkah"),
    Key::new("u", "U", "Ubah jenis, kategori, dan tempat", "fill:jenis"),
    Key::new("1", "1", "Pakai saran pertama", "press:saran-1"),
    Key::new("2", "2", "Pakai saran kedua", "press:saran-2"),
    Key::new("3", "3", "Pakai saran ketiga", "press:saran-3"),
    Key::new("n", "N", "Perbaiki transkrip, mulai bagian pertama", "segment:1"),
    Key::new("d", "D", "Rekaman ini sudah didengar", "press:didengar"),
    Key::new("k", "K", "Putar atau jeda rekaman", "play:0"),
    Key::new("ArrowLeft", "←", "Mundur 5 detik", "play:-5"),
    Key::new("ArrowRight", "→", "Maju 5 detik", "play:5"),
];

/// Those that are heard on a word of a transcript, before the others.
pub(super) const WORD_KEYS: &[Key] = &[
    Key::new("ArrowLeft", "←", "Kata sebelumnya", "word:-1"),
    Key::new("ArrowRight", "→", "Kata berikutnya; Enter memutarnya", "word:1"),
];

/// Those that are heard in every field that is typed into.
pub(super) const FIELD_KEYS: &[Key] = &[
    Key::new("Escape", "Esc", "Keluar dari kotak isian", "leave:"),
    Key::new("Control+Enter", "Ctrl Enter", "Simpan formulir laporan ini", "submit:"),
    Key::new(
        "Control+Shift+Enter",
        "Ctrl Shift Enter",
        "Simpan, lalu laporan berikutnya",
        "submit:lanjut",
    ),
];

/// Those that are heard in the text box of a mend, and nowhere else. Chrome, Edge and Firefox leave them alone there.
pub(super) const MEND_KEYS: &[Key] = &[
    Key::new("Alt+k", "Alt K", "Putar atau jeda; bagian lain mulai dari awalnya", "play:0"),
    Key::new("Alt+j", "Alt J", "Mundur 3 detik", "play:-3"),
    Key::new("Alt+l", "Alt L", "Maju 3 detik", "play:3"),
    Key::new("Alt+,", "Alt ,", "Lebih lambat", "speed:-1"),
    Key::new("Alt+.", "Alt .", "Lebih cepat", "speed:1"),
    Key::new("Alt+n", "Alt N", "Bagian berikutnya, tanpa menyimpan", "segment:1"),
    Key::new("Control+Enter", "Ctrl Enter", "Simpan, lalu bagian berikutnya", "submit:bagian"),
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
