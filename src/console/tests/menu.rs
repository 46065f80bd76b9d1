//! Menu suara: written, checked, compared, tried, published, and gone back from.

use super::*;

const SHIPPED: &str = include_str!("../../../ivr-scripts/hotline.toml");

/// An office whose hotline has started on the shipped script.
async fn office() -> Office {
    let office = Office::new().await;
    office.has_menu().await;
    office
}

fn fields<'a>(text: &'a str, base: &'a str, nonce: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("nonce", nonce), ("dasar", base), ("catatan", "jam baru"), ("naskah", text)]
}

fn with(comment: &str) -> String {
    format!("{SHIPPED}# {comment}\n")
}

async fn published(office: &Office) -> MenuRow {
    office.store().menu_published().await.unwrap().unwrap()
}

/// A call that ends after these steps.
async fn called(office: &Office, path: &[(&str, &str)]) {
    let call = NewCall {
        sip_call_id: "x".into(),
        trunk: None,
        caller: Contact { number: None, asserted: false },
        called: "+62531123456".into(),
        started: NOW,
    };
    let call = office.store().begin_call(call).await.unwrap();
    let step =
        |(step, what): &(&str, &str)| Step { at: NOW, step: (*step).into(), what: (*what).into() };
    let end = CallEnd {
        at: NOW,
        reason: EndReason::HungUp,
        ended_by: EndedBy::Caller,
        packets_sent: 0,
        packets_received: 0,
        packets_lost: 0,
        first_audio: None,
        trace: CallTrace::default(),
        steps: path.iter().map(step).collect(),
    };
    office.store().end_call(call, end).await.unwrap();
}

/// The page without the text and its line numbers, which are the shipped script.
fn without_text(page: &Page) -> String {
    let text = page.steady();
    let (before, rest) = text.split_once("<ol class=\"numbers\"").unwrap();
    let (_, after) = rest.split_once("</textarea>").unwrap();
    format!("{before}…{after}")
}

#[tokio::test]
async fn the_page_with_its_drawing_and_a_weeks_traffic() {
    let office = office().await;
    for (key, to) in [("key 1", "lapor"), ("key 1", "lapor"), ("key 2", "cek")] {
        called(
            &office,
            &[
                ("sambutan", "enter"),
                ("pemberitahuan", "enter"),
                ("menu_utama", "enter"),
                ("menu_utama", key),
                (to, "enter"),
                (to, "hung_up"),
            ],
        )
        .await;
    }
    let page = office.get("penyelia", "/menu-suara").await;
    let text = page.text();
    assert!(text.contains("1 (2×)</text>") && text.contains("2 tutup</text>"), "{text}");
    assert!(text.contains("<td>menu utama</td><td>tekan 1</td><td>lapor</td><td class=\"age\">2</td><td class=\"age\">67 %</td>"), "{text}");
    insta::assert_snapshot!("menu", without_text(&page));
    let read_only = office.get("auditor", "/menu-suara").await.text();
    assert!(read_only.contains(" readonly>") && !read_only.contains("formaction"), "{read_only}");
}

#[tokio::test]
async fn a_draft_is_heard_by_nobody_until_it_is_published() {
    let office = office().await;
    let text = with("jam baru").replace('\n', "\r\n");
    let saved = office.post("penyelia", "/menu-suara", &fields(&text, "1", "n")).await;
    assert_eq!(saved.location(), "/menu-suara?pesan=konsep");
    let again = office.post("penyelia", "/menu-suara", &fields(&text, "1", "n")).await;
    assert_eq!(again.location(), "/menu-suara?pesan=konsep", "the same form");
    assert_eq!(published(&office).await.text, SHIPPED);
    let page = office.get("admin", "/menu-suara").await.text();
    assert!(page.contains("konsep versi 2 dari penyelia"), "{page}");
    assert!(page.contains("# jam baru"), "{page}");

    let put =
        office.post("admin", "/menu-suara/terbit", &fields(&with("jam baru"), "2", "n")).await;
    assert_eq!(put.location(), "/menu-suara?pesan=terbit", "{}", put.text());
    let row = published(&office).await;
    assert_eq!((row.number, row.text, row.author.as_str()), (3, with("jam baru"), "admin"));

    let fields = [("nonce", "m"), ("dasar", "3"), ("catatan", "salah jam")];
    let back = office.post("penyelia", "/menu-suara/versi/1/terbit", &fields).await;
    assert_eq!(back.location(), "/menu-suara?pesan=terbit", "{}", back.text());
    assert_eq!(published(&office).await.text, SHIPPED);
    let deeds = office.deeds().await;
    let menu: Vec<_> = deeds.iter().filter(|deed| deed.contains(" menu_")).collect();
    let expected = [
        "file menu_publish menu 1",
        "penyelia menu_draft menu 2",
        "admin menu_publish menu 3",
        "penyelia menu_publish menu 4",
    ];
    assert_eq!(menu, expected);
    let version = office.get("auditor", "/menu-suara/versi/1").await.text();
    assert!(version.contains("Bandingkan dengan yang terbit") && !version.contains("Kembalikan"));
    let two = office.get("auditor", "/menu-suara/banding?dari=3&ke=4").await;
    insta::assert_snapshot!("menu_compare", two.steady());
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_line_and_is_not_published() {
    let office = office().await;
    let broken = SHIPPED.replacen("to = \"cek\"", "to = \"cekk\"", 1);
    let line = 1 + broken.lines().position(|line| line.contains("cekk")).unwrap();
    for path in ["/menu-suara/periksa", "/menu-suara/terbit"] {
        let page = office.post("penyelia", path, &fields(&broken, "1", "n")).await;
        let told = page.text();
        assert!(told.contains(&format!("<a href=\"#b{line}\">baris {line}</a>")), "{told}");
        assert!(told.contains(&format!("<li id=\"b{line}\" class=\"alarm\">")), "{told}");
        assert!(told.contains("cekk"), "what was typed is kept");
        let refused = page.status == StatusCode::UNPROCESSABLE_ENTITY;
        assert_eq!(refused, path.ends_with("terbit"), "{path}: {}", page.status);
    }
    assert_eq!(published(&office).await.number, 1);
    let sound = office.post("penyelia", "/menu-suara/periksa", &fields(SHIPPED, "1", "n")).await;
    assert!(sound.text().contains("naskah ini dapat diterbitkan"));
    let noteless = [("nonce", "n"), ("dasar", "1"), ("naskah", &with("x")), ("catatan", "  ")];
    let page = office.post("penyelia", "/menu-suara/terbit", &noteless).await;
    assert!(page.text().contains("Tulis catatan singkat"), "{}", page.text());
    let same = office.post("penyelia", "/menu-suara/terbit", &fields(SHIPPED, "1", "n")).await;
    assert!(same.text().contains("sama dengan versi 1"), "{}", same.text());
}

#[tokio::test]
async fn whoever_is_slower_sees_both_texts_and_can_go_on() {
    let office = office().await;
    office.post("admin", "/menu-suara", &fields(&with("dari admin"), "1", "a")).await;
    for path in ["/menu-suara", "/menu-suara/terbit"] {
        let page = office.post("penyelia", path, &fields(&with("dari penyelia"), "1", "b")).await;
        assert_eq!(page.status, StatusCode::CONFLICT);
        let text = page.text();
        assert!(text.contains("<td>−</td><td># dari admin</td>"), "{text}");
        assert!(text.contains("<td>+</td><td># dari penyelia</td>"), "{text}");
        assert!(text.contains("# dari penyelia\n</textarea>"), "{text}");
        assert!(text.contains("name=\"dasar\" value=\"2\""), "{text}");
    }
    let page =
        office.post("penyelia", "/menu-suara", &fields(&with("dari penyelia"), "2", "c")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let fields = [("nonce", "m"), ("dasar", "1"), ("catatan", "kembali")];
    let back = office.post("penyelia", "/menu-suara/versi/2/terbit", &fields).await;
    assert!(back.text().contains("versi baru masuk"), "{}", back.text());
}

#[tokio::test]
async fn the_text_in_the_form_is_compared_with_the_published_one() {
    let office = office().await;
    let page =
        office.post("penyelia", "/menu-suara/banding", &fields(&with("baru"), "1", "n")).await;
    let text = page.text();
    assert!(text.contains("<tr class=\"came\">") && text.contains("<td># baru</td>"), "{text}");
    assert!(text.contains("# baru\n</textarea>"), "{text}");
}

#[tokio::test]
async fn a_call_is_tried_key_by_key_without_a_telephone() {
    let office = office().await;
    let at = async |trace: &str, key: &str| {
        let path = format!("/menu-suara/coba?versi=1&saat={}&jejak={trace}&tekan={key}", NOW.0);
        office.get("auditor", &path).await
    };
    let start = at("", "").await;
    assert!(start.text().contains("Panggilan ini direkam."), "{}", start.text());
    assert!(start.text().contains("Langkah: menu utama"));
    let fields = [("dasar", "Panggilan ini direkam."), ("teks", "Suara Anda direkam.")];
    office.post("penyelia", "/prompt/salam.direkam/teks", &fields).await;
    let start = at("", "").await;
    assert!(start.text().contains("Suara Anda direkam."), "as callers hear it now");
    let story = at("", "1").await.text();
    assert!(story.contains("sedang merekam") && story.contains("Langkah: lapor"), "{story}");
    assert!(story.contains("<g class=\"step records here\">"), "{story}");
    assert!(story.contains("name=\"jejak\" value=\"1\""), "{story}");
    insta::assert_snapshot!(
        "menu_trial",
        at("1u", "p").await.steady().split("<svg").next().unwrap()
    );
    assert!(start.text().contains("data-sound=\"/prompt/salam.nama/suara\""));
    let gone = at("1u", "t").await.text();
    assert!(gone.contains("Laporan dibuka dengan kode") && gone.contains("Panggilan selesai"));
    assert!(gone.contains("kode 48217362"), "it can be asked for: {gone}");
    let known = at("248217362", "").await.text();
    assert!(known.contains("(status laporan dibacakan di sini)"), "{known}");
    let silent = at("ddd", "").await.text();
    assert!(silent.contains("Langkah: titip pesan"), "{silent}");
    for strange in ["<script>", "%00", &"1".repeat(3000), "zzzz", "-1"] {
        let sought =
            percent_encoding::utf8_percent_encode(strange, percent_encoding::NON_ALPHANUMERIC);
        let page = at(&sought.to_string(), "").await;
        assert_eq!(page.status, StatusCode::OK, "{strange}");
        assert!(!page.text().contains("<script>"));
    }
}

#[tokio::test]
async fn a_version_that_cannot_be_read_is_shown_and_not_played() {
    let office = office().await;
    let broken = "name = \"<script>alert(1)</script>\"\n[step.<b>\n";
    let saved = office.post("penyelia", "/menu-suara", &fields(broken, "1", "n")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    for path in ["/menu-suara", "/menu-suara/versi/2", "/menu-suara/coba?versi=2"] {
        let page = office.get("petugas", path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text().contains("<script>") && !page.text().contains("<b>"), "{path}");
    }
    let trial = office.get("petugas", "/menu-suara/coba?versi=2").await.text();
    assert!(trial.contains("Versi ini belum dapat diuji coba. Baris 2:"), "{trial}");
    assert_eq!(office.get("petugas", "/menu-suara/versi/99").await.status, StatusCode::NOT_FOUND);
    let two = office.get("petugas", "/menu-suara/banding?dari=1&ke=99").await;
    assert_eq!(two.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hostile_texts_are_told_of_and_cost_little() {
    let office = office().await;
    let n = 20_000;
    for (hostile, told) in [
        ("a = ".to_owned() + &"[".repeat(n), "recurse"),
        ("a.".repeat(n) + "a = 1", "recursion"),
        (format!("[{}a]", "a.".repeat(n)), "recursion"),
        ("\n".repeat(60_000), "belum ada langkah"),
        ("x".repeat(70_000), "paling banyak 65536"),
        (
            (0..900).map(|n| format!("[step.a{n}]\nkind = \"goto\"\nto = \"a\"\n")).collect(),
            "paling banyak 200 langkah",
        ),
        ("\u{0}\u{1b}[31m\u{202e}".to_owned(), "baris 1"),
    ] {
        let page =
            office.post("penyelia", "/menu-suara/periksa", &fields(&hostile, "1", "n")).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        assert!(text.contains(told), "{told}: {}", &text[..text.len().min(4_000)]);
        assert!(text.len() < 400_000, "{told}: {} bytes", text.len());
    }
    let long = office.post("penyelia", "/menu-suara", &fields(&"x".repeat(70_000), "1", "n")).await;
    assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
    let endless =
        office.post("penyelia", "/menu-suara", &fields(&"x".repeat(2_100_000), "1", "n")).await;
    assert_eq!(endless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(endless.text().contains("Paling panjang 64 KB"), "{}", endless.text());
    assert_eq!(office.store().menu_newest().await.unwrap().unwrap().number, 1);
}
