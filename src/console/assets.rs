//! Our own style sheet and scripts, as they were when the program was built.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::error::PageError;
use super::secret;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: &[Asset] = &[
    Asset {
        name: "style.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("assets/style.css"),
    },
    Asset {
        name: "player.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/player.js"),
    },
    Asset {
        name: "keys.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/keys.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
];

/// The address of an asset. It changes with the text, so that browsers may keep what they have.
pub(super) fn address(name: &str) -> String {
    let text = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.text);
    format!("/aset/{name}?v={}", &secret::hash(text)[..12])
}

/// `GET /aset/{name}`
pub(super) async fn show(Path(name): Path<String>) -> Result<Response, PageError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(PageError::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.text).into_response())
}
