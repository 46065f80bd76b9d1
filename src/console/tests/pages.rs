//! What people see, as snapshots; and that nothing a stranger said or wrote becomes a part of a page.

use super::super::routes::table;
use super::*;

#[tokio::test]
async fn the_pages_without_a_session() {
    let office = Office::new().await;
    insta::assert_snapshot!("sign_in", office.get("", "/masuk?ke=/beranda").await.steady());
    insta::assert_snapshot!("not_found", office.get("petugas", "/tiket/48217362").await.steady());
}

#[tokio::test]
async fn what_was_sent_to_the_reporter_stands_on_the_ticket_with_how_far_it_came() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    let page = format!("/tiket/{}", ticket.code.digits());
    let none = office.get("petugas", &page).await.text();
    assert!(!none.contains("SMS ke pelapor"), "{none}");
    let sms = NewOutgoing {
        gateway: "kannel".into(),
        number: "+6281234567890".into(),
        body: "Kode laporan Anda".into(),
        parts: 1,
        kind: SmsKind::Code,
        ticket: Some(ticket.id),
        due: NOW,
    };
    let store = office.store();
    store.queue_sms(sms, NOW, &mut StdRng::seed_from_u64(1)).await.unwrap();
    let lease = store.lease_sms("kannel", NOW, Duration::from_secs(60)).await.unwrap().unwrap();
    let failed = Settled::Failed { reason: "absent subscriber".into() };
    store.settle_sms(&lease, failed, NOW).await.unwrap();
    for (login, number) in
        [("petugas", "+6281234567890"), ("petugas_opd", "•••• 890"), ("auditor", "•••• 890")]
    {
        let text = office.get(login, &page).await.text();
        let panel = text.split("<h2>SMS ke pelapor</h2>").nth(1).expect("the panel");
        let panel = panel.split("</section>").next().unwrap();
        for told in ["Kode laporan", number, "gagal", "18 Nov 2026 18.06", "Kode laporan Anda"] {
            assert!(panel.contains(told), "{login}: {told}: {panel}");
        }
        assert!(login == "petugas" || !text.contains("81234567890"), "{login}");
    }
}

#[tokio::test]
async fn the_inbox() {
    let office = Office::new().await;
    insta::assert_snapshot!("inbox_empty", office.get("petugas", "/kotak-masuk").await.steady());
    let spoken =
        office.phoned(&["jalan berlubang di depan pasar keramat", "sudah dua bulan"]).await;
    office.wrote("Lampu jalan mati di Jalan Melati").await;
    office.work(&spoken, Change::Take).await;
    office.clock.advance(Duration::from_secs(3 * 3600));
    // Whoever works with the console has seen it within the hour.
    let session = NewSession {
        token: secret::hash("sesi"),
        replaces: None,
        staff: office.store().staff_by_login("petugas").await.unwrap().unwrap().id,
        doer: doer("petugas"),
        stage: Stage::Full,
        secret: None,
        browser: String::new(),
        ends: office.console.now() + Duration::from_secs(3600),
    };
    office.store().begin_session(session, office.console.now()).await.unwrap();
    insta::assert_snapshot!("inbox", office.get("sesi", "/kotak-masuk").await.steady());
    let found = office.get("sesi", "/kotak-masuk?cari=lubang").await.steady();
    insta::assert_snapshot!("inbox_search", found);
}

#[tokio::test]
async fn a_report_that_is_past_its_deadline_is_listed_and_says_so() {
    let office = Office::new().await;
    let (late, other) = (office.wrote("lampu mati").await, office.wrote("jalan rusak").await);
    office.route(&other).await;
    let lists = |page: &Page, ticket: &Ticket| page.text().contains(&ticket.code.to_string());
    let page = office.get("petugas", "/kotak-masuk?antrean=lewat").await;
    assert!(!lists(&page, &late), "three working days are not over");
    // Six in the morning of the 24th.
    office.clock.advance(Duration::from_secs(5 * 24 * 3600 + 12 * 3600));
    office.hire("rina", Role::Operator).await;
    let session = NewSession {
        token: secret::hash("sesi"),
        replaces: None,
        staff: office.store().staff_by_login("rina").await.unwrap().unwrap().id,
        doer: doer("rina"),
        stage: Stage::Full,
        secret: None,
        browser: String::new(),
        ends: office.console.now() + Duration::from_secs(3600),
    };
    office.store().begin_session(session, office.console.now()).await.unwrap();
    let page = office.get("sesi", "/kotak-masuk?antrean=lewat").await;
    assert!(lists(&page, &late) && !lists(&page, &other), "{}", page.text());
    let said = "23 Nov 2026 <span class=\"status alarm\">lewat 6 jam</span>";
    assert!(page.text().contains(said), "{}", page.text());
    assert!(page.text().contains("Lewat tenggat <span class=\"count\">1</span>"));
    let ticket = office.get("sesi", &format!("/tiket/{}", late.code.digits())).await;
    assert!(ticket.text().contains(said), "{}", ticket.text());
}

#[tokio::test]
async fn the_filters_narrow_a_queue() {
    let office = Office::new().await;
    let (spoken, written) =
        (office.phoned(&["jalan rusak"]).await, office.wrote("lampu mati").await);
    office.route(&spoken).await;
    let shows = async |query: &str| {
        let text =
            office.get("petugas", &format!("/kotak-masuk?antrean=semua&{query}")).await.text();
        [&spoken, &written].map(|ticket| text.contains(&ticket.code.to_string()))
    };
    assert_eq!(shows("").await, [true, true]);
    assert_eq!(shows("saluran=sms").await, [false, true]);
    assert_eq!(shows("status=didisposisi").await, [true, false]);
    assert_eq!(shows("opd=dpupr").await, [true, false]);
    assert_eq!(shows("jenis=aspiration").await, [false, false]);
    assert_eq!(shows("jenis=apa&saluran=saja&status=boleh&setelah=x-y").await, [true, true]);
}

#[tokio::test]
async fn a_ticket_as_each_role_sees_it() {
    let office = Office::new().await;
    let ticket =
        office.phoned(&["jalan berlubang di depan pasar keramat", "sudah dua bulan"]).await;
    office.route(&ticket).await;
    let path = format!("/tiket/{}?dari=opd", ticket.code.digits());
    for login in ["petugas", "petugas_opd", "auditor"] {
        insta::assert_snapshot!(format!("ticket_{login}"), office.get(login, &path).await.steady());
    }
}

#[tokio::test]
async fn the_other_pages() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    let receipt = format!("/tiket/{}/tanda-terima", ticket.code.digits());
    for (name, path) in [
        ("counter", "/loket"),
        ("receipt", receipt.as_str()),
        ("calls", "/panggilan"),
        ("call", "/panggilan/1"),
        ("staff", "/petugas"),
        ("staff_open", "/petugas?ubah=penyelia"),
        ("audit", "/audit"),
        ("keys", "/tombol"),
        ("password", "/sandi"),
    ] {
        insta::assert_snapshot!(name, office.get("admin", path).await.steady());
    }
}

#[tokio::test]
async fn the_wall_tells_what_waits() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    office.phoned(&[]).await;
    office.route(&ticket).await;
    let page = office.get("petugas", "/beranda").await.text();
    let figure = |label: &str| {
        let rest = page.split(&format!("<span class=\"label\">{label}</span>")).nth(1).unwrap();
        rest.split("<span class=\"value\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    assert_eq!(figure("Sedang menelepon"), "0");
    assert_eq!(figure("Laporan hari ini"), "2");
    assert_eq!(figure("Belum ditangani"), "1");
    assert_eq!(figure("Menunggu OPD"), "1");
    assert_eq!(figure("Antrean transkripsi"), "2");
    assert!(figure("Ruang simpan").ends_with(" GB"));
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>"));
    assert!(page.contains("2 panggilan</span>"), "today by the hour");
    let dead = "Perhatian: proses transkripsi tidak berjalan";
    assert!(page.contains(dead), "two wait, and nobody ever told that they work");
    office.store().beat(&Part::Transcribe, office.console.now()).await.unwrap();
    let part = office.get("auditor", "/beranda/angka").await.text();
    assert!(part.contains("Antrean transkripsi") && !part.contains(dead));
    assert!(!part.contains("<html"), "a part of the page and not the page");
}

#[tokio::test]
async fn what_strangers_say_and_write_stays_text() {
    let office = Office::new().await;
    const EVIL: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(2)> {{ 7*7 }} '--";
    let call = NewCall {
        sip_call_id: EVIL.into(),
        trunk: Some(EVIL.into()),
        caller: Contact { number: Some(EVIL.into()), asserted: false },
        called: EVIL.into(),
        started: NOW,
    };
    let call = office.store().begin_call(call).await.unwrap();
    let recording = office.recorded(call).await;
    let intake = Intake {
        call: Some(call),
        recordings: vec![recording],
        text: Some(EVIL.into()),
        contact: Contact { number: Some(EVIL.into()), asserted: false },
        ..report(Channel::Phone)
    };
    let end = CallEnd {
        at: NOW,
        reason: EndReason::HungUp,
        ended_by: EndedBy::Caller,
        packets_sent: 0,
        packets_received: 0,
        packets_lost: 0,
        first_audio: None,
        trace: calls::hostile_trace(EVIL),
        steps: vec![Step { at: NOW, step: EVIL.into(), what: EVIL.into() }],
    };
    office.store().end_call(call, end).await.unwrap();
    let ticket = office.open(intake).await;
    office.transcribed(&[EVIL]).await;
    office.work(&ticket, Change::Note(EVIL.into())).await;
    let place = Some(EVIL.into());
    office.work(&ticket, Change::Classify { class: Class::Complaint, category: None, place }).await;
    let code = ticket.code.digits();
    let mend = format!("/tiket/{code}/rekaman/{}/bagian/0", recording.0);
    let row = office.store().transcript(recording).await.unwrap().unwrap();
    let (tanda, teks) = (row.transcript.segments[0].mark(), format!("{EVIL} diperbaiki"));
    let fields = [("dasar", "0"), ("tanda", tanda.as_str()), ("teks", teks.as_str())];
    assert_eq!(office.post("petugas", &mend, &fields).await.status, StatusCode::SEE_OTHER);
    let sought = percent_encoding::utf8_percent_encode(EVIL, percent_encoding::NON_ALPHANUMERIC);
    for path in [
        format!("/tiket/{code}"),
        format!("/tiket/{code}?dari={sought}&pesan={sought}"),
        "/kotak-masuk?antrean=semua".into(),
        format!(
            "/kotak-masuk?cari={sought}&jenis={sought}&opd={sought}&urut={sought}&setelah={sought}"
        ),
        "/kotak-masuk?cari=alert".into(),
        "/panggilan".into(),
        format!("/panggilan/{}", call.0),
        "/panggilan?hasil=penelepon".into(),
        "/audit".into(),
        format!("/masuk?ke={sought}"),
    ] {
        let page = office.get("admin", &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let text = page.text();
        assert!(!text.contains("<script>") && !text.contains("<img src=x"), "{path}: {text}");
    }
    let text = office.get("admin", &format!("/tiket/{code}")).await.text();
    assert!(text.contains("&#60;script&#62;alert(1)"), "and it is there to be read: {text}");
}

#[tokio::test]
async fn no_page_has_anything_inline_and_no_template_trusts_a_text() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan berlubang di depan pasar keramat"]).await;
    let recording = office.recording_of(&ticket).await.to_string();
    for route in table().iter().filter(|route| route.method == Method::GET) {
        let path =
            route.path.replace("{code}", ticket.code.digits()).replace("{recording}", &recording);
        let path =
            path.replace("{call}", "1").replace("{name}", "style.css").replace("{token}", "x");
        let page = office.get("admin", &path).await;
        if page
            .headers
            .get(header::CONTENT_TYPE)
            .is_none_or(|kind| kind != "text/html; charset=utf-8")
        {
            continue;
        }
        let text = page.text();
        for inline in [" style=", " onclick", " onload", "<style", "<script>", "javascript:"] {
            assert!(!text.contains(inline), "{path}: {inline}");
        }
    }
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("safe"), "{} lets text through unescaped", path.display());
    }
}

#[tokio::test]
async fn every_field_has_a_label_and_every_page_one_heading() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan berlubang di depan pasar keramat"]).await;
    office.route(&ticket).await;
    let ticket = format!("/tiket/{}", ticket.code.digits());
    for path in [
        "/kotak-masuk",
        "/loket",
        "/petugas",
        "/sandi",
        "/akun",
        "/masuk",
        "/beranda",
        "/audit",
        "/tombol",
        "/panggilan",
        "/panggilan/1",
        &ticket,
    ] {
        let text = office.get("admin", path).await.text();
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        for kind in ["<input ", "<select ", "<textarea "] {
            for field in text.split(kind).skip(1) {
                let field = field.split('>').next().unwrap();
                if field.contains("type=\"hidden\"") || !field.contains("id=\"") {
                    continue;
                }
                let id = field.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
                assert!(text.contains(&format!("for=\"{id}\"")), "{path}: {kind}{field}");
            }
        }
    }
}

#[tokio::test]
async fn each_key_has_something_to_act_on_and_stands_in_the_sheet_once() {
    use super::super::keys::{FIELD_KEYS, KEYS, MEND_KEYS, WORD_KEYS};
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let mut unsure = spoken(&["jalan berlubang di depan pasar keramat", "lampu mati", "anu"]);
    unsure.segments[2].doubtful = true;
    office.written_down(unsure).await;
    let report = format!("/tiket/{}?dari=baru", ticket.code.digits());
    let report = office.get("petugas", &report).await.text();
    let inbox = office.get("petugas", "/kotak-masuk").await.text();
    let officers = office.get("petugas_opd", "/kotak-masuk").await.text();
    assert!(inbox.contains("go:/loket") && !officers.contains("go:/loket"));
    for (table, keys) in
        [("halaman", KEYS), ("perbaikan", MEND_KEYS), ("kata", WORD_KEYS), ("isian", FIELD_KEYS)]
    {
        let sheet = inbox.split(&format!("data-keys=\"{table}\"")).nth(1).unwrap();
        let sheet = sheet.split("</table>").next().unwrap();
        for key in keys {
            let (verb, what) = key.action.split_once(':').unwrap();
            let there = |page: &str| match verb {
                "press" | "focus" | "fill" => page.contains(&format!("data-name=\"{what}\"")),
                "go" => page.contains(&format!("href=\"{what}\"")),
                "submit" if what.is_empty() => page.contains("data-ticket"),
                "submit" => page.contains(&format!("<button name=\"{what}\"")),
                "segment" => page.contains(" data-mend"),
                "play" | "speed" => page.contains("<audio"),
                "word" => page.contains("class=\"word"),
                "row" => page.contains("<td class=\"code\"><a "),
                "leave" => page.contains("<textarea"),
                "sheet" => page.contains("<dialog"),
                _ => false,
            };
            assert!(there(&report) || there(&inbox), "{} {}", key.key, key.action);
            let row = format!("data-key=\"{}\" data-action", key.key);
            assert_eq!(sheet.matches(&row).count(), 1, "{}", key.key);
        }
    }
}

#[tokio::test]
async fn the_audit_tells_of_one_person_or_of_one_report_and_who_heard_it() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    let other = office.wrote("lampu mati").await;
    let recording = office.recording_of(&ticket).await;
    office.get("auditor", &format!("/tiket/{}/rekaman/{recording}", ticket.code.digits())).await;
    let mend = format!("/tiket/{}/rekaman/{recording}/bagian/0", ticket.code.digits());
    let tanda = mark("jalan rusak");
    let fields = [("dasar", "0"), ("tanda", tanda.as_str()), ("teks", "jalan rusak parah")];
    assert_eq!(office.post("petugas", &mend, &fields).await.status, StatusCode::SEE_OTHER);
    office.route(&ticket).await;
    office.route(&other).await;
    let rows = async |filter: &str| {
        let page = office.get("auditor", &format!("/audit?{filter}")).await.text();
        (page.matches("<tr><td class=\"age\">").count(), page)
    };
    let all = rows("").await.0;
    let (heard, page) = rows(&format!("laporan={}", ticket.code)).await;
    assert_eq!(heard, 4, "a listen, a mend and two steps: {page}");
    assert!(page.contains("mendengarkan") && page.contains("memperbaiki transkrip"), "{page}");
    assert!(page.contains("Hapus filter"), "{page}");
    assert_eq!(rows(&format!("laporan={}&petugas=Auditor", ticket.code.digits())).await.0, 1);
    let (theirs, page) = rows("petugas=petugas").await;
    assert!(theirs == 6 && theirs < all, "a sign-in, a mend and four steps of {all}: {page}");
    let (none, page) = rows("laporan=123").await;
    assert!(none == 0 && page.contains("Kode laporan ini tidak dapat dibaca"), "{page}");
    let (none, page) = rows("petugas=%22%3E%3Cscript%3E").await;
    assert!(
        none == 0 && page.contains("Tidak ada catatan yang cocok") && !page.contains("<script>")
    );
}
