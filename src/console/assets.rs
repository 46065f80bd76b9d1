//! Our own style sheet and scripts, and what the pages take from npm, as they were when the program was built.

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
    Asset {
        name: "busy.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/busy.js"),
    },
    Asset {
        name: "drafts.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/drafts.js"),
    },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/live.js"),
    },
    Asset {
        name: "live-worker.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/live-worker.js"),
    },
    Asset {
        name: "htmx.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../../web/node_modules/htmx.org/dist/htmx.min.js"),
    },
    Asset {
        name: "menu.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/menu.js"),
    },
    Asset {
        name: "play.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/play.js"),
    },
    Asset {
        name: "recorder.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/recorder.js"),
    },
    Asset {
        name: "tape.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/tape.js"),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn the_installed_browser_library_is_the_one_of_the_lock_file() {
        let version = |text: &str, entry: &str| {
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            json.pointer(entry).and_then(|v| v.as_str().map(str::to_owned)).unwrap()
        };
        let locked = version(
            include_str!("../../web/package-lock.json"),
            "/packages/node_modules~1htmx.org/version",
        );
        let installed =
            version(include_str!("../../web/node_modules/htmx.org/package.json"), "/version");
        assert_eq!(installed, locked, "run `deploy/setup build`");
    }

    /// Luminance (WCAG 2.2) of `#rrggbb`.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.039_28 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    fn colours(css: &str) -> BTreeMap<&str, &str> {
        let declared =
            css.split("--").skip(1).filter_map(|d| d.split(';').next()?.split_once(": "));
        declared.filter(|(_, value)| value.starts_with('#')).collect()
    }

    #[test]
    fn every_text_stands_out_from_its_ground_by_day_and_by_night() {
        let css = include_str!("assets/style.css");
        let (day, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
        let day = colours(day);
        let mut night = day.clone();
        night.extend(colours(rest.split_once("*, *::before").unwrap().0));
        assert_ne!(day["page"], night["page"]);
        let texts = [
            ("ink", "page"),
            ("ink", "card"),
            ("ink", "mark"),
            ("ink", "going-on"),
            ("quiet", "page"),
            ("quiet", "card"),
            ("quiet", "mark"),
            ("link", "page"),
            ("link", "card"),
            ("on-press", "press"),
            ("alarm", "card"),
            ("new", "new-on"),
            ("going", "going-on"),
            ("waiting", "waiting-on"),
            ("done", "done-on"),
            ("over", "over-on"),
            ("alarm", "alarm-on"),
        ];
        let edges = [("field", "card"), ("focus", "card"), ("focus", "page")];
        for scheme in [&day, &night] {
            for (pairs, least) in [(&texts[..], 4.5), (&edges[..], 3.0)] {
                for (front, ground) in pairs {
                    let contrast = contrast(scheme[front], scheme[ground]);
                    assert!(contrast >= least, "{front} on {ground}: {contrast:.2}");
                }
            }
        }
    }
}
