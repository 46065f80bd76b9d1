//! Beranda: the figures for a screen on the wall, and what somebody should look at.

mod alarms;
mod chart;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, html};
use super::{App, Console, show};
use crate::store::{Sending, Transcribing, Wall};
use chart::Chart;

/// Seconds between two looks of a browser without scripts.
const REFRESH: u32 = 30;
/// What was given up counts for a day.
const LATELY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    frame: Frame,
    figures: Vec<Figure>,
    chart: Chart,
    time: String,
}

/// What the page fetches again by itself.
#[derive(Template)]
#[template(path = "wall_figures.html")]
struct FiguresPart {
    figures: Vec<Figure>,
    chart: Chart,
    time: String,
}

/// One figure.
pub(super) struct Figure {
    name: String,
    label: String,
    value: String,
    remark: String,
    /// What somebody should do something about.
    alarm: Option<String>,
    href: &'static str,
}

/// `GET /beranda`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    let FiguresPart { figures, chart, time } = look(&console).await?;
    let frame = Frame::new(&console, &actor, "Beranda").await?;
    html(WallPage { frame: Frame { refresh: Some(REFRESH), ..frame }, figures, chart, time })
}

/// `GET /beranda/angka`
pub(super) async fn figures(State(console): App) -> Result<Response, PageError> {
    html(look(&console).await?)
}

async fn look(console: &Console) -> Result<FiguresPart, PageError> {
    let (store, now, midnight) = (&console.store, console.now(), console.midnight());
    let wall = store.wall(midnight).await?;
    let transcribing = store.transcribing(now).await?;
    let since = crate::clock::Timestamp(now.0 - LATELY.as_millis() as i64);
    let gateways = store.sending(now, since).await?;
    let free = console.files.free_space()? / 1_000_000_000;
    let mut figures = of_reports(console, &wall);
    figures.push(of_transcription(console, &transcribing));
    figures.extend(gateways.iter().map(|sending| of_gateway(console, sending)));
    figures.push(Figure {
        alarm: alarms::disk(free),
        ..figure("ruang", "Ruang simpan", format!("{free} GB"), "tersisa".into(), "/beranda")
    });
    Ok(FiguresPart {
        figures,
        chart: Chart::of(&store.hourly(midnight).await?),
        time: console.time(now),
    })
}

fn figure(name: &str, label: &str, value: String, remark: String, href: &'static str) -> Figure {
    Figure { name: name.into(), label: label.into(), value, remark, alarm: None, href }
}

fn of_reports(console: &Console, wall: &Wall) -> Vec<Figure> {
    let untouched = "/kotak-masuk?antrean=baru";
    let oldest = wall.oldest.map_or("tidak ada".into(), |at| console.age(at));
    let count = |n: i64| n.to_string();
    let nothing = String::new;
    vec![
        figure(
            "berlangsung",
            "Sedang menelepon",
            count(wall.calls_open),
            format!("{} panggilan hari ini", wall.calls_today),
            "/panggilan",
        ),
        figure(
            "laporan",
            "Laporan hari ini",
            count(wall.tickets_today),
            nothing(),
            "/kotak-masuk?antrean=semua&urut=terbaru",
        ),
        figure(
            "belum-disentuh",
            "Belum ditangani",
            show::up_to(Wall::MOST, wall.untouched),
            nothing(),
            untouched,
        ),
        Figure {
            alarm: alarms::waiting(wall.oldest, console.now()),
            ..figure("tertua", "Paling lama menunggu", oldest, "belum disentuh".into(), untouched)
        },
        figure(
            "opd",
            "Menunggu OPD",
            show::up_to(Wall::MOST, wall.with_agency),
            nothing(),
            "/kotak-masuk?antrean=opd",
        ),
    ]
}

/// How long the oldest has waited.
fn oldest(console: &Console, at: crate::clock::Timestamp) -> String {
    format!("tertua {} lalu", console.age(at)).replace("baru saja lalu", "baru saja")
}

fn of_transcription(console: &Console, queue: &Transcribing) -> Figure {
    let oldest = queue.oldest.map(|at| oldest(console, at));
    let failed = (queue.failed > 0).then(|| format!("{} gagal", queue.failed));
    let remarks: Vec<String> = oldest.into_iter().chain(failed).collect();
    Figure {
        alarm: alarms::transcription(queue, console.now()),
        ..figure(
            "transkripsi",
            "Antrean transkripsi",
            (queue.waiting + queue.working + queue.left).to_string(),
            remarks.join(", "),
            "/kotak-masuk?antrean=baru",
        )
    }
}

fn of_gateway(console: &Console, sending: &Sending) -> Figure {
    let oldest = sending.oldest.map(|at| oldest(console, at));
    let failed = (sending.failed > 0).then(|| format!("{} gagal sejak kemarin", sending.failed));
    let waiting = std::iter::once("menunggu dikirim".to_owned());
    let remarks: Vec<String> = waiting.chain(oldest).chain(failed).collect();
    Figure {
        alarm: alarms::gateway(sending, console.now()),
        ..figure(
            &format!("sms-{}", sending.gateway),
            &format!("SMS lewat {}", sending.gateway),
            sending.waiting.to_string(),
            remarks.join(", "),
            "/beranda",
        )
    }
}
