//! Beranda: the figures for a screen on the wall.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::App;
use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};

/// Seconds between two looks.
const REFRESH: u32 = 30;
/// Tickets may lie so long before the figure turns red; a day.
const LATE: u64 = 24 * 3600;
/// Less than this many gigabytes are little: some sixteen hours of recordings each.
const LITTLE: u64 = 2;

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    frame: Frame,
    figures: Vec<Figure>,
    time: String,
}

struct Figure {
    label: &'static str,
    value: String,
    remark: String,
    /// Somebody should do something.
    alarm: bool,
    href: &'static str,
}

/// `GET /beranda`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    let wall = console.store.wall(console.midnight()).await?;
    let free = console.files.free_space()? / 1_000_000_000;
    let figure = |label, value: String, remark: String, href| Figure {
        label,
        value,
        remark,
        alarm: false,
        href,
    };
    let late = wall.oldest.is_some_and(|at| console.now().since(at).as_secs() > LATE);
    let oldest = wall.oldest.map_or("tidak ada".into(), |at| console.age(at));
    let figures = vec![
        figure(
            "Panggilan hari ini",
            wall.calls_today.to_string(),
            format!("{} sedang berlangsung", wall.calls_open),
            "/panggilan",
        ),
        figure(
            "Laporan hari ini",
            wall.tickets_today.to_string(),
            String::new(),
            "/kotak-masuk?antrean=semua&urut=terbaru",
        ),
        figure(
            "Belum disentuh",
            wall.untouched.to_string(),
            String::new(),
            "/kotak-masuk?antrean=baru",
        ),
        Figure {
            alarm: late,
            ..figure(
                "Paling lama menunggu",
                oldest,
                "belum disentuh".into(),
                "/kotak-masuk?antrean=baru",
            )
        },
        figure(
            "Menunggu OPD",
            wall.with_agency.to_string(),
            String::new(),
            "/kotak-masuk?antrean=opd",
        ),
        Figure {
            alarm: wall.failed > 0,
            ..figure(
                "Antrean transkripsi",
                wall.to_transcribe.to_string(),
                if wall.failed > 0 { format!("{} gagal", wall.failed) } else { String::new() },
                "/kotak-masuk?antrean=baru",
            )
        },
        Figure {
            alarm: free < LITTLE,
            ..figure("Ruang simpan", format!("{free} GB"), "tersisa".into(), "/beranda")
        },
    ];
    let frame = Frame::new(&console, &actor, "Beranda").await?;
    html(WallPage {
        frame: Frame { refresh: Some(REFRESH), ..frame },
        figures,
        time: console.time(console.now()),
    })
}
