//! Lisensi: whose work the program is made of, and on what terms.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::App;
use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};

/// The browser library as it was installed, and its terms.
const HTMX_PACKAGE: &str = include_str!("../../web/node_modules/htmx.org/package.json");
const HTMX_LICENCE: &str = include_str!("../../web/node_modules/htmx.org/LICENSE");
/// The crates, a line each: name, licence. Written by `make licences`.
const CRATES: &str = include_str!("licences.txt");

/// What is neither from npm nor a crate of its own: libraries inside crates, and what is brought at run time.
const OTHERS: &[(&str, &str, &str)] = &[
    ("SQLite", "domain publik", "basis data"),
    ("jemalloc", "BSD-2-Clause", "pengelola memori"),
    ("whisper.cpp, ggml", "MIT", "mesin transkripsi"),
    ("libvosk, Kaldi", "Apache-2.0", "mesin transkripsi kedua, bila dipasang"),
    ("Model Whisper", "MIT", "model suara OpenAI, bila dipasang"),
    ("Model Vosk", "Apache-2.0", "model suara, bila dipasang"),
];

#[derive(Template)]
#[template(path = "licences.html")]
struct LicencesPage {
    frame: Frame,
    htmx_version: String,
    htmx_licence: &'static str,
    others: &'static [(&'static str, &'static str, &'static str)],
    crates: Vec<(&'static str, &'static str)>,
}

/// `GET /lisensi`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    html(LicencesPage {
        frame: Frame::new(&console, &actor, "Lisensi").await?,
        htmx_version: htmx_version(),
        htmx_licence: HTMX_LICENCE,
        others: OTHERS,
        crates: CRATES.lines().filter_map(|line| line.split_once(' ')).collect(),
    })
}

fn htmx_version() -> String {
    let package: serde_json::Value = serde_json::from_str(HTMX_PACKAGE).unwrap_or_default();
    package["version"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `make licences` writes what this compares.
    #[test]
    fn the_page_lists_the_crates_that_are_linked() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/licences");
        let told = std::process::Command::new(script).env("CARGO", env!("CARGO")).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let linked = String::from_utf8(told.stdout).unwrap();
        let missing: Vec<&str> = linked.lines().filter(|line| !CRATES.contains(line)).collect();
        let gone: Vec<&str> = CRATES.lines().filter(|line| !linked.contains(line)).collect();
        let nothing: [&str; 0] = [];
        assert_eq!((&missing[..], &gone[..]), (&nothing[..], &nothing[..]), "run `make licences`");
        assert_eq!(linked, CRATES, "run `make licences`");
    }

    #[test]
    fn the_browser_library_tells_its_version() {
        assert!(htmx_version().starts_with("4."), "{}", htmx_version());
        assert!(HTMX_LICENCE.starts_with("Zero-Clause BSD"));
    }
}
