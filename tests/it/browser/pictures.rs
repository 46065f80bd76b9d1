//! The pictures in the README: `make pictures`.

use std::path::Path;

use kentongan::ticket::Role;

use super::office::Office;
use super::reports::DAYS;

/// Enough to see, and not much to load.
const SCREEN: (u32, u32) = (1280, 720);

#[tokio::test]
#[ignore = "writes docs/*.png"]
async fn of_the_main_pages() {
    let Some(office) = Office::open().await else { return };
    let codes = office.hears_all(DAYS).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.screen(SCREEN.0, SCREEN.1).await;
    let ticket = format!("/tiket/{}?dari=baru", codes[0].digits());
    for (name, path, scheme) in [
        ("kotak-masuk", "/kotak-masuk?antrean=semua&urut=terbaru", "light"),
        ("laporan", &ticket, "light"),
        ("laporan-malam", &ticket, "dark"),
        ("beranda", "/beranda", "light"),
    ] {
        desk.prefers(&[("color-scheme", scheme)]).await;
        desk.goto(path).await;
        desk.until("[...document.images].every((image) => image.complete)").await;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{name}.png"));
        std::fs::write(file, desk.picture().await).unwrap();
    }
    desk.close().await;
}
