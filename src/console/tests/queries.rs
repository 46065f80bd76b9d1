//! What pages cost: each part of one asks the database once, however much it shows, and what a browser loads for it is small.

use metrics_exporter_prometheus::PrometheusBuilder;

use super::super::routes::table;
use super::access::filled;
use super::*;

/// Who asks, and how many reports wait: on every page of somebody who is signed in.
const FRAME: [&str; 2] = ["session", "counts"];

/// Pages, and what each shows inside its frame.
#[rustfmt::skip]
const PAGES: [(&str, &[&str]); 22] = [
    ("/akun", &["second factor", "sessions"]),
    ("/audit", &["deeds"]),
    ("/beranda", &["figures", "transcription", "gateways", "hours"]),
    ("/kotak-masuk", &["rows", "agencies to choose", "what is new since"]),
    ("/kotak-masuk?cari=jalan+rusa", &["hits", "agencies to choose", "what is new since"]),
    ("/kotak-masuk?cari=081234567890", &["hits", "agencies to choose", "what is new since"]),
    ("/lisensi", &[]),
    ("/loket", &["menu, for its PIN"]),
    ("/menu-suara", &["newest version", "published version", "ways taken", "versions"]),
    ("/menu-suara/banding", &["one version", "the other"]),
    ("/menu-suara/coba", &["version", "what was changed of the prompts"]),
    ("/menu-suara/versi/{number}", &["version", "published version", "newest version", "ways taken"]),
    ("/panggilan", &["calls going on", "calls"]),
    ("/panggilan/{call}", &["call with its messages", "key path"]),
    ("/petugas", &["people", "agencies to choose"]),
    ("/prompt", &["what was changed"]),
    ("/prompt/{prompt}", &["what was changed", "takes"]),
    ("/sandi", &[]),
    ("/tiket/{code}", &["ticket", "merged into it", "recordings with their words", "messages", "short messages", "history",
        "call with its key path", "categories to choose", "agencies to choose"]),
    ("/tiket/{code}/tanda-terima", &["ticket"]),
    ("/tombol", &[]),
    ("/kotak-masuk/hitungan", &["new rows"]),
];

/// Addresses that are no page: files, sounds, parts of pages, ways on. Before the sign-in there is no frame.
const OTHERS: [&str; 18] = [
    "/",
    "/aset/{name}",
    "/beranda/angka",
    "/hitungan",
    "/masuk",
    "/masuk/kode",
    "/masuk/pasang",
    "/mulai/{token}",
    "/panggilan/berlangsung",
    "/panggilan/{call}/jejak.pcap",
    "/panggilan/{call}/jejak.txt",
    "/percaya",
    "/percaya/otoritas.crt",
    "/peristiwa",
    "/prompt/{prompt}/suara",
    "/prompt/{prompt}/suara/bawaan",
    "/prompt/{prompt}/suara/{take}",
    "/tiket/{code}/berikutnya",
];

/// How many times the database is asked for a page.
async fn asked(office: &Office, path: &str) -> usize {
    let recorder = PrometheusBuilder::new().build_recorder();
    let guard = metrics::set_default_local_recorder(&recorder);
    let page = office.get("admin", path).await;
    drop(guard);
    assert_eq!(page.status, StatusCode::OK, "{path}");
    let text = recorder.handle().render();
    let line = text.lines().find_map(|line| line.strip_prefix("kentongan_store_reads_total "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn each_part_of_a_page_asks_once() {
    let office = Office::new().await;
    // Much of everything: what asks once for each row would show.
    let ticket = office.phoned(&["jalan rusak", "di depan pasar"]).await;
    for _ in 0..3 {
        let other = office.phoned(&["jalan rusak lagi"]).await;
        let more = office.recorded(office.begun().await).await;
        let addition = Addition { recordings: vec![more], ..Addition::default() };
        office.store().add_to_ticket(ticket.id, addition, NOW).await.unwrap();
        office.transcribed(&["masih rusak"]).await;
        let parent = Given { parent: Some(ticket.code.clone()), ..Given::default() };
        for (action, given) in [(Action::Verify, Given::default()), (Action::Merge, parent)] {
            office.work(&other, Change::Step { action, given }).await;
        }
    }
    for (path, parts) in PAGES {
        let address = filled(&office, path, &ticket).await;
        assert_eq!(asked(&office, &address).await, FRAME.len() + parts.len(), "{path}: {parts:?}");
    }
}

/// What a page may weigh with everything that it loads but sounds.
const HEAVIEST: usize = 150_000;

#[tokio::test]
async fn no_page_is_heavy_with_all_that_it_loads() {
    let office = Office::new().await;
    let long = "jalan rusak di depan pasar, sudah dua minggu belum diperbaiki ".repeat(3);
    let ticket = office.phoned(&[long.as_str(); 12]).await;
    for n in 0..60 {
        office.wrote(&format!("{n} {long}")).await;
    }
    for (path, _) in PAGES {
        let page = office.get("admin", &filled(&office, path, &ticket).await).await.text();
        let mut weight = page.len();
        for loaded in page.split("\"/aset/").skip(1) {
            let asset = format!("/aset/{}", loaded.split('"').next().unwrap());
            weight += office.get("", &asset).await.body.len();
        }
        assert!(weight < HEAVIEST, "{path}: {weight} bytes");
    }
}

#[test]
fn every_address_is_a_page_or_known_to_be_none() {
    for route in table().iter().filter(|route| route.method == Method::GET) {
        let sound =
            route.path.starts_with("/tiket/{code}/rekaman/") || route.path.ends_with("hadir");
        let page = PAGES.iter().any(|(path, _)| path.split('?').next() == Some(route.path));
        assert!(page || sound || OTHERS.contains(&route.path), "{}", route.path);
    }
}
