//! What forms change: once, all of it, and never over somebody else's work.

use super::*;

fn step<'a>(
    version: &'a str,
    action: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut fields =
        vec![("versi", version), ("nonce", "n"), ("tindakan", action), ("dari", "baru")];
    fields.extend_from_slice(more);
    fields
}

#[tokio::test]
async fn an_operator_and_an_officer_take_a_ticket_from_received_to_closed() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    let path = format!("/tiket/{}/langkah", ticket.code.digits());
    for (login, version, action, more) in [
        ("petugas", "0", "verify", vec![]),
        ("petugas", "1", "route", vec![("instansi", "dpupr"), ("catatan", "mohon dicek")]),
        ("petugas_opd", "2", "start", vec![]),
        ("petugas_opd", "3", "answer", vec![("tanggapan", "Sudah ditambal.")]),
        ("petugas", "4", "close", vec![("catatan", "foto 12")]),
    ] {
        let page = office.post(login, &path, &step(version, action, &more)).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{action}: {}", page.text());
        assert!(page.location().ends_with("pesan=tersimpan"), "{action}: {}", page.location());
    }
    let view = office.view(&ticket.code).await;
    assert_eq!(view.ticket.status.id(), "selesai");
    assert_eq!(view.messages[0].body, "Sudah ditambal.");
}

#[tokio::test]
async fn an_officer_cannot_close_and_nobody_skips_a_step() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    let path = format!("/tiket/{}/langkah", ticket.code.digits());
    let closed = office.post("petugas_opd", &path, &step("2", "close", &[("catatan", "x")])).await;
    assert_eq!(closed.status, StatusCode::FORBIDDEN);
    let skipped =
        office.post("petugas", &path, &step("2", "close", &[("catatan", "foto 12")])).await;
    assert_eq!(skipped.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = skipped.text();
    assert!(text.contains("tidak dapat diselesaikan."), "{text}");
    assert_eq!(office.view(&ticket.code).await.ticket.version, 2);
}

#[tokio::test]
async fn a_missing_reason_is_asked_for_and_what_was_typed_is_kept() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    office.work(&ticket, Change::Step { action: Action::Start, given: Given::default() }).await;
    let path = format!("/tiket/{}/langkah", ticket.code.digits());
    let fields = step("3", "answer", &[("tanggapan", "  "), ("catatan", "sedang disurvei")]);
    let page = office.post("petugas", &path, &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = page.text();
    assert!(text.contains("Isi tanggapan belum diisi."), "{text}");
    assert!(text.contains("sedang disurvei</textarea>"), "{text}");
}

#[tokio::test]
async fn an_answer_that_came_second_is_shown_though_its_form_is_gone() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    office.work(&ticket, Change::Step { action: Action::Start, given: Given::default() }).await;
    let path = format!("/tiket/{}/langkah", ticket.code.digits());
    let send = async |login, text, note| {
        let fields = step("3", "answer", &[("tanggapan", text), ("catatan", note)]);
        office.post(login, &path, &fields).await
    };
    assert_eq!(send("petugas_opd", "Sudah ditambal.", "").await.status, StatusCode::SEE_OTHER);
    let second = send("petugas", "Ditambal <malam> ini.", "kata regu dua").await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    let text = second.text();
    let alarm = text.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(alarm.contains("Langkah “Tanggapi” tidak dapat dilakukan lagi."), "{alarm}");
    assert!(!alarm.contains("masih utuh di formulirnya"), "{alarm}");
    for kept in ["Ditambal &#60;malam&#62; ini.</textarea>", "kata regu dua</textarea>"] {
        assert!(alarm.contains(kept), "{kept}: {alarm}");
    }
    // What can be done now is open as on any other page.
    assert!(text.contains("<details data-name=\"langkah\" open>"), "{text}");
    let view = office.view(&ticket.code).await;
    assert_eq!(view.messages.len(), 1, "the first answer holds");
}

#[tokio::test]
async fn whoever_is_slower_sees_both_texts_and_loses_neither() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    let note = format!("/tiket/{}/catatan", ticket.code.digits());
    let send = |login: &'static str, version: &'static str, text: &'static str| {
        let (office, note) = (&office, &note);
        async move {
            office
                .post(login, note, &[("versi", version), ("nonce", login), ("catatan", text)])
                .await
        }
    };
    assert_eq!(send("petugas", "0", "sudah saya telepon").await.status, StatusCode::SEE_OTHER);
    let stale = send("penyelia", "0", "mohon dipercepat").await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let text = stale.text();
    assert!(text.contains("sudah diubah petugas lain"), "{text}");
    assert!(
        text.contains("sudah saya telepon") && text.contains("mohon dipercepat</textarea>"),
        "{text}"
    );
    assert!(text.contains("name=\"versi\" value=\"1\""), "the next try is for the newest version");
    assert_eq!(send("penyelia", "1", "mohon dipercepat").await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.view(&ticket.code).await.ticket.version, 2);
}

#[tokio::test]
async fn a_double_press_is_one_note_and_another_text_is_another() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    let note = format!("/tiket/{}/catatan", ticket.code.digits());
    let fields = |text: &'static str| [("versi", "0"), ("nonce", "sama"), ("catatan", text)];
    for _ in 0..2 {
        assert_eq!(
            office.post("petugas", &note, &fields("satu")).await.status,
            StatusCode::SEE_OTHER
        );
    }
    // Back in the browser, and something else into the same form: told, not swallowed.
    assert_eq!(office.post("petugas", &note, &fields("dua")).await.status, StatusCode::CONFLICT);
    assert_eq!(office.view(&ticket.code).await.ticket.version, 1);
}

#[tokio::test]
async fn save_and_next_walks_through_the_queue_to_its_end() {
    let office = Office::new().await;
    let first = office.wrote("satu").await;
    office.clock.advance(Duration::from_secs(1));
    let second = office.wrote("dua").await;
    let close = async |ticket: &Ticket| {
        let path = format!("/tiket/{}/langkah", ticket.code.digits());
        let fields = step("0", "refer_out", &[("catatan", "112"), ("lanjut", "1")]);
        office.post("petugas", &path, &fields).await.location().to_owned()
    };
    let skipped = |ticket: &Ticket| format!("/tiket/{}/berikutnya?dari=baru", ticket.code.digits());
    // Behind the last one it begins again, and says so.
    for (here, there, told) in [(&first, &second, ""), (&second, &first, "&pesan=awal")] {
        let page = office.get("petugas", &skipped(here)).await;
        assert_eq!(page.location(), format!("/tiket/{}?dari=baru{told}", there.code.digits()));
    }
    let [one, two] = [&first, &second].map(|ticket| ticket.code.digits());
    let expected = format!("/tiket/{two}?dari=baru&pesan=lanjut&laporan={one}");
    assert_eq!(close(&first).await, expected);
    let page = office.get("petugas", &expected).await.text();
    let notice = format!(
        "Laporan <a href=\"/tiket/{one}\">{}</a> tersimpan. Ini laporan berikutnya.",
        first.code
    );
    assert!(page.contains(&notice), "which one was saved: {page}");
    let over = format!("/kotak-masuk?antrean=baru&pesan=habis&laporan={two}");
    assert_eq!(close(&second).await, over);
    assert_eq!(
        office.get("petugas", &skipped(&second)).await.location(),
        "/kotak-masuk?antrean=baru&pesan=sepi"
    );
}

#[tokio::test]
async fn the_next_report_is_the_next_of_the_list_as_it_was_filtered() {
    let office = Office::new().await;
    let mut tickets = Vec::new();
    for text in ["satu", "dua", "tiga", "empat"] {
        office.clock.advance(Duration::from_secs(1));
        let intake = Intake { text: Some(text.into()), ..report(Channel::Sms) };
        let mut rng = StdRng::seed_from_u64(tickets.len() as u64);
        let now = office.console.now();
        tickets.push(office.store().open_ticket(intake, now, &mut rng).await.unwrap());
    }
    office.phoned(&["lewat telepon"]).await;
    // Somebody else looks into the third.
    let take = format!("/tiket/{}/ambil", tickets[2].code.digits());
    office.post("penyelia", &take, &[("versi", "0"), ("nonce", "n")]).await;
    let list = office.get("petugas", "/kotak-masuk?antrean=baru&urut=terbaru&saluran=sms").await;
    let trail = "baru.urut~terbaru.saluran~sms";
    let first = format!("/tiket/{}?dari={trail}", tickets[3].code.digits());
    assert!(list.text().contains(&format!("href=\"{first}\"")), "{}", list.text());
    let page = office.get("petugas", &first).await.text();
    let next = format!("/tiket/{}/berikutnya?dari={trail}", tickets[3].code.digits());
    assert!(page.contains(&format!("href=\"{next}\"")), "{page}");
    let second = format!("/tiket/{}?dari={trail}", tickets[1].code.digits());
    assert_eq!(office.get("petugas", &next).await.location(), second);
    // A form carries it too.
    let note = format!("/tiket/{}/catatan", tickets[0].code.digits());
    let fields = [("versi", "0"), ("nonce", "n"), ("catatan", "x"), ("dari", trail)];
    let back = format!("/tiket/{}?dari={trail}&pesan=tersimpan", tickets[0].code.digits());
    assert_eq!(office.post("petugas", &note, &fields).await.location(), back);
    let nonsense =
        format!("/tiket/{}?dari=baru.opd~%22%3E.x~y.urut~terbaru", tickets[0].code.digits());
    let page = office.get("petugas", &nonsense).await.text();
    assert!(page.contains("berikutnya?dari=baru.urut~terbaru\""), "{page}");
}

#[tokio::test]
async fn who_begins_to_check_a_report_takes_it_unless_somebody_has_it() {
    let office = Office::new().await;
    let (free, taken) = (office.wrote("satu").await, office.wrote("dua").await);
    office.work(&taken, Change::Take).await;
    for (ticket, version) in [(&free, "0"), (&taken, "1")] {
        let path = format!("/tiket/{}/langkah", ticket.code.digits());
        let page = office.post("penyelia", &path, &step(version, "verify", &[])).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text());
    }
    assert_eq!(office.view(&free.code).await.ticket.assignee.as_deref(), Some("penyelia"));
    assert_eq!(office.view(&taken.code).await.ticket.assignee.as_deref(), Some("petugas"));
}

#[tokio::test]
async fn a_report_is_merged_into_one_that_lives_and_that_one_lists_it() {
    let office = Office::new().await;
    let (parent, child, third) =
        (office.wrote("satu").await, office.wrote("dua").await, office.wrote("tiga").await);
    for ticket in [&parent, &child, &third] {
        office.work(ticket, Change::Step { action: Action::Verify, given: Given::default() }).await;
    }
    let merge = async |ticket: &Ticket, into: &str| {
        let path = format!("/tiket/{}/langkah", ticket.code.digits());
        office.post("petugas", &path, &step("1", "merge", &[("induk", into)])).await
    };
    let mistyped = merge(&child, "4821-7360").await;
    assert_eq!(mistyped.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = mistyped.text();
    assert!(text.contains("Kode laporan induk salah ketik. Periksa delapan angkanya."), "{text}");
    assert!(text.contains("value=\"4821-7360\""), "what was typed is kept: {text}");
    assert!(merge(&child, "").await.text().contains("Laporan induk belum diisi."));
    let merged = merge(&child, parent.code.digits()).await;
    assert_eq!(merged.status, StatusCode::SEE_OTHER, "{}", merged.text());
    let over = merge(&third, child.code.digits()).await;
    assert!(over.text().contains("sudah ditolak atau digabung"), "{}", over.text());
    let page = office.get("petugas", &format!("/tiket/{}", parent.code.digits())).await.text();
    let listed =
        format!("<dt>Digabung ke sini</dt><dd><a href=\"/tiket/{0}\">", child.code.digits());
    assert!(page.contains(&listed), "{page}");
}

#[tokio::test]
async fn a_suggestion_is_taken_by_one_press() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan berlubang di depan pasar keramat"]).await;
    let page = office.get("petugas", &format!("/tiket/{}", ticket.code.digits())).await.text();
    let at = page.find("class=\"suggestion\"").expect("something is suggested");
    let form = &page[at..at + page[at..].find("</form>").unwrap()];
    assert!(form.contains("Kategori:") && form.contains("berlubang"), "{form}");
    let hidden: Vec<(&str, &str)> = form
        .split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name, rest.split('"').next().unwrap())
        })
        .collect();
    let path = format!("/tiket/{}/jenis", ticket.code.digits());
    assert_eq!(office.post("petugas", &path, &hidden).await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.view(&ticket.code).await.ticket.category.as_deref(), Some("jalan"));
}

#[tokio::test]
async fn a_walk_in_report_gets_a_code_and_twice_the_same_form_one_ticket() {
    let office = Office::new().await;
    let fields = [
        ("nonce", "n1"),
        ("laporan", "Lampu jalan mati di Jalan Melati."),
        ("nomor", "0812-3456-7890"),
        ("jenis", "complaint"),
        ("anonim", "1"),
    ];
    let first = office.post("petugas", "/loket", &fields).await;
    let again = office.post("petugas", "/loket", &fields).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    assert_eq!(first.location(), again.location());
    assert_eq!(office.store().counts().await.unwrap().tickets, 1);
    let receipt = office.get("petugas", first.location()).await.text();
    let code = TicketCode::parse(first.location().split('/').nth(2).unwrap()).unwrap();
    assert!(receipt.contains(&format!("<p class=\"big\">{code}</p>")), "{receipt}");
    let view = office.view(&code).await;
    assert_eq!(view.messages[0].body, "Lampu jalan mati di Jalan Melati.");
    assert_eq!(view.ticket.number.as_deref(), Some("+6281234567890"));
    assert!(view.ticket.anonymous && !view.ticket.confidential && !view.ticket.asserted);
    assert!(office.deeds().await.contains(&format!("petugas open ticket {}", code.digits())));
}

/// What somebody hears by telephone who types a code, and a PIN perhaps.
async fn hears(office: &Office, code: &TicketCode, pin: Option<&str>) -> Option<String> {
    let store = office.store();
    let found = match pin {
        None => store.look_up(code.digits(), Asker::default(), NOW).await,
        Some(pin) => store.look_up_with_pin(code.digits(), pin, Asker::default(), NOW).await,
    };
    let LookedUp::Found(disclosed) = found.unwrap() else { return None };
    Some(disclosed.status.map_or("diterima saja".into(), |status| status.id().into()))
}

#[tokio::test]
async fn a_confidential_visitor_hears_more_by_the_pin_that_was_chosen_at_the_counter() {
    let office = Office::new().await;
    office.has_menu().await;
    let tell = async |nonce: &str, pin: &str| {
        let fields = [
            ("nonce", nonce),
            ("laporan", "Pungutan di kantor."),
            ("jenis", "complaint"),
            ("rahasia", "1"),
            ("pin", pin),
        ];
        office.post("petugas", "/loket", &fields).await
    };
    let locked = tell("n1", "4071").await;
    let code = TicketCode::parse(locked.location().split('/').nth(2).unwrap()).unwrap();
    assert_eq!(hears(&office, &code, None).await.unwrap(), "diterima saja");
    assert_eq!(hears(&office, &code, Some("4072")).await, None);
    assert_eq!(hears(&office, &code, Some("4071")).await.unwrap(), "diterima");
    let receipt = office.get("petugas", locked.location()).await.text();
    assert!(receipt.contains("Dengan kode dan PIN Anda"), "{receipt}");

    let open = tell("n2", "").await;
    let receipt = office.get("petugas", open.location()).await.text();
    assert!(receipt.contains("hanya dijawab bahwa laporan sudah diterima"), "{receipt}");
    assert!(!receipt.contains("menanyakan perkembangan laporan lewat telepon"), "{receipt}");

    for pin in ["407", "40711", "empat"] {
        let refused = tell("n3", pin).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{pin}");
        let text = refused.text();
        assert!(text.contains("PIN terdiri dari 4 angka."), "{text}");
        assert!(!text.contains(&format!("value=\"{pin}\"")), "it is not shown again");
    }
    let fields = [("nonce", "n4"), ("laporan", "x"), ("jenis", "complaint"), ("pin", "4071")];
    let refused = office.post("petugas", "/loket", &fields).await;
    assert!(refused.text().contains("PIN hanya berlaku untuk laporan rahasia."));
    assert_eq!(office.store().counts().await.unwrap().tickets, 2);
}

#[tokio::test]
async fn a_receipt_says_how_to_ask_as_far_as_the_settings_tell() {
    let receipt = async |service: Service| {
        let office = Office::new().await.reached_by(service);
        let fields = [("nonce", "n1"), ("laporan", "Lampu mati."), ("jenis", "complaint")];
        let opened = office.post("petugas", "/loket", &fields).await;
        let page = office.get("petugas", opened.location()).await.text();
        let code = opened.location().split('/').nth(2).unwrap().to_owned();
        (page, code)
    };
    let (page, _) = receipt(Service::default()).await;
    assert!(page.contains("lewat telepon atau di loket"), "{page}");
    let service = Service {
        name: "Lapor Kotim".into(),
        telephone: "0531 2106000".into(),
        sms: Some("0811 5200 112".into()),
    };
    let (page, code) = receipt(service).await;
    let how = format!(
        "lewat telepon (0531 2106000), lewat SMS (tulis CEK {code}, kirim ke 0811 5200 112) atau di loket"
    );
    assert!(page.contains("<p>Lapor Kotim</p>") && page.contains(&how), "{page}");
}

#[tokio::test]
async fn a_walk_in_report_that_cannot_be_taken_keeps_what_was_typed() {
    let office = Office::new().await;
    for (fields, told) in [
        (
            [("nonce", "n"), ("laporan", " "), ("nomor", ""), ("jenis", "complaint")],
            "Isi laporan belum diisi.",
        ),
        (
            [
                ("nonce", "n"),
                ("laporan", "jalan"),
                ("nomor", "dari tetangga"),
                ("jenis", "complaint"),
            ],
            "tidak dapat dibaca",
        ),
        (
            [("nonce", "n"), ("laporan", "jalan"), ("nomor", ""), ("jenis", "apa saja")],
            "Pilih jenis laporan.",
        ),
    ] {
        let page = office.post("petugas", "/loket", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains(told) && page.text().contains(fields[1].1), "{told}");
    }
    assert_eq!(office.store().counts().await.unwrap().tickets, 0);
}

#[tokio::test]
async fn an_admin_adds_resets_moves_and_disables_people() {
    let office = Office::new().await;
    let new = [
        ("nama", "Joko"),
        ("lengkap", "Joko Susilo"),
        ("peran", "petugas_opd"),
        ("instansi", "dishub"),
    ];
    let new = [&new[..], &[("nonce", "n1")]].concat();
    let page = office.post("admin", "/petugas", &new).await.text();
    let given =
        page.split("<p class=\"big\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let signed_in = office.post("", "/masuk", &[("nama", "joko"), ("sandi", &given)]).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
    let token = signed_in.cookie().unwrap().strip_prefix("kentongan=").unwrap().to_owned();
    assert_eq!(office.get(&token, "/kotak-masuk").await.location(), "/sandi");

    // The browser sends the same form once more, and then somebody another one.
    for (nonce, why) in [("n1", "Formulir ini sudah dikirim"), ("n2", "sudah dipakai")] {
        let again = [&new[..4], &[("nonce", nonce)]].concat();
        let again = office.post("admin", "/petugas", &again).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.text().contains(why) && !again.text().contains("<p class=\"big\">"));
    }
    let role = [("peran", "penyelia"), ("instansi", "dishub")];
    assert_eq!(
        office.post("admin", "/petugas/joko/peran", &role).await.status,
        StatusCode::SEE_OTHER
    );
    let row = office.store().staff_by_login("joko").await.unwrap().unwrap();
    assert_eq!((row.role, row.agency), (Role::Supervisor, None));
    assert_eq!(office.get(&token, "/sandi").await.status, StatusCode::SEE_OTHER, "signed out");
    office.post("admin", "/petugas/joko/nonaktif", &[]).await;
    let refused = office.post("", "/masuk", &[("nama", "joko"), ("sandi", &given)]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let last = office.post("admin", "/petugas/admin/nonaktif", &[]).await;
    assert!(last.text().contains("admin terakhir"), "{}", last.text());
    assert_eq!(
        office.post("admin", "/petugas/siapa/nonaktif", &[]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        office.post("admin", "/petugas/admin/sandi", &[("nonce", "n")]).await.location(),
        "/akun"
    );
}

#[tokio::test]
async fn a_temporary_password_is_drawn_once_however_often_the_page_is_loaded_again() {
    let office = Office::new().await;
    office.hire("joko", Role::Operator).await;
    for (path, nonce) in [("/petugas/joko/sandi", "n1"), ("/petugas/joko/ulang", "n2")] {
        let first = office.post("admin", path, &[("nonce", nonce)]).await;
        assert_eq!(first.status, StatusCode::OK, "{}", first.text());
        let kept = office.store().password("joko").await.unwrap();
        let again = office.post("admin", path, &[("nonce", nonce)]).await;
        assert!(again.text().contains("Formulir ini sudah dikirim"), "{path}");
        assert_eq!(office.store().password("joko").await.unwrap(), kept, "{path}");
    }
}
