//! Mends: what somebody heard, beside what an engine wrote or where it wrote nothing.

use super::*;

#[tokio::test]
async fn a_mend_is_shown_with_its_history_and_a_stale_one_with_both_texts() {
    let office = Office::new().await;
    let ticket = office.phoned(&["di pasar bamang"]).await;
    let recording = office.recording_of(&ticket).await;
    let page = format!("/tiket/{}", ticket.code.digits());
    let path = format!("{page}/rekaman/{recording}/bagian/0");
    let send = |login: &'static str, base: &'static str, text: &'static str| {
        let (office, path) = (&office, &path);
        let tanda = mark("di pasar bamang");
        async move {
            office.post(login, path, &[("dasar", base), ("tanda", &tanda), ("teks", text)]).await
        }
    };
    assert_eq!(send("petugas", "0", "di Pasar Bamban").await.status, StatusCode::SEE_OTHER);
    let shown = office.get("auditor", &page).await.text();
    assert!(shown.contains("di Pasar Bamban") && shown.contains("di pasar bamang"), "{shown}");
    let stale = send("penyelia", "0", "di pasar lama").await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let text = stale.text();
    assert!(text.contains("Teks yang tersimpan sekarang: “di Pasar Bamban”"), "{text}");
    assert!(text.contains("di pasar lama</textarea>"), "{text}");
    assert_eq!(send("penyelia", "1", "di pasar lama").await.status, StatusCode::SEE_OTHER);
    let other = office.phoned(&["lain"]).await;
    let foreign = format!("/tiket/{}/rekaman/{recording}/bagian/0", other.code.digits());
    let page = office.post("petugas", &foreign, &[("dasar", "0"), ("teks", "x")]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "a recording by somebody else's ticket");
    assert_eq!(send("petugas_opd", "2", "x").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_mend_of_a_text_that_was_replaced_meanwhile_is_refused_and_earlier_mends_stay_in_sight() {
    let office = Office::new().await;
    let ticket = office.phoned(&["di pasar bamang"]).await;
    let recording = office.recording_of(&ticket).await;
    let page = format!("/tiket/{}", ticket.code.digits());
    let path = format!("{page}/rekaman/{recording}/bagian/0");
    // What the page holds, as a browser sends it.
    let shown = office.get("petugas", &page).await.text();
    let tanda = shown.split("name=\"tanda\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let send = async |base: &'static str, text: &'static str| {
        office.post("petugas", &path, &[("dasar", base), ("tanda", tanda), ("teks", text)]).await
    };
    assert_eq!(send("0", "di Pasar Bamban").await.status, StatusCode::SEE_OTHER);
    let shown = office.get("petugas", &page).await.text();
    assert!(!shown.contains("Perbaikan pada transkrip sebelumnya"), "{shown}");
    office.store().queue_again(Redo::Ticket(ticket.code.clone()), NOW).await.unwrap();
    office.transcribed(&["jalan di depan rumah"]).await;
    let refused = send("1", "di Pasar Lama").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let text = refused.text();
    assert!(text.contains("Teks yang tersimpan sekarang: “jalan di depan rumah”"), "{text}");
    assert!(text.contains("di Pasar Lama</textarea>"), "{text}");
    let earlier = text.split("Perbaikan pada transkrip sebelumnya").nth(1).unwrap();
    let earlier = earlier.split("</details>").next().unwrap();
    assert!(earlier.contains("di Pasar Bamban") && earlier.contains("petugas"), "{earlier}");
}

#[tokio::test]
async fn a_recording_that_needs_an_ear_waits_in_its_queue_until_it_was_heard() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let mut unsure = spoken(&["di pasar bamang"]);
    unsure.segments[0].doubtful = true;
    office.written_down(unsure).await;
    let recording = office.recording_of(&ticket).await;
    let digits = ticket.code.digits();
    let queue = async |login| office.get(login, "/kotak-masuk?antrean=dengar").await.text();
    assert!(queue("petugas").await.contains(digits));
    let page = office.get("petugas", &format!("/tiket/{digits}?dari=dengar")).await.text();
    assert!(page.contains("data-name=\"didengar\""), "{page}");
    // An auditor changes nothing, and an agency does not listen for the call centre.
    assert!(
        !office
            .get("auditor", &format!("/tiket/{digits}"))
            .await
            .text()
            .contains("data-name=\"didengar\"")
    );
    assert!(!office.get("petugas_opd", "/kotak-masuk").await.text().contains("antrean=dengar"));
    let heard = format!("/tiket/{digits}/rekaman/{recording}/didengar");
    let version = office.view(&ticket.code).await.ticket.version.to_string();
    let form = [("versi", version.as_str()), ("nonce", "n1"), ("dari", "dengar"), ("lanjut", "1")];
    let done = office.post("petugas", &heard, &form).await;
    let over = format!("/kotak-masuk?antrean=dengar&pesan=habis&laporan={digits}");
    assert_eq!(done.location(), over);
    assert!(!queue("petugas").await.contains(digits));
    let page = office.get("petugas", &format!("/tiket/{digits}")).await.text();
    assert!(
        !page.contains("data-name=\"didengar\"") && page.contains("rekaman didengarkan"),
        "{page}"
    );
}

#[tokio::test]
async fn what_no_engine_could_read_is_written_down_by_who_heard_it() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let unclear = Transcript { outcome: Outcome::Unclear, ..spoken(&[]) };
    office.written_down(unclear).await;
    let recording = office.recording_of(&ticket).await;
    let digits = ticket.code.digits();
    let list = office.get("petugas", "/kotak-masuk?antrean=dengar").await.text();
    assert!(list.contains("(tidak terbaca oleh mesin; mohon didengarkan)"), "{list}");
    let page = office.get("petugas", &format!("/tiket/{digits}")).await.text();
    let box_of_its_own = "<details class=\"mend\" open><summary>Tulis yang terdengar</summary>";
    assert!(page.contains(box_of_its_own), "{page}");
    let auditor = office.get("auditor", &format!("/tiket/{digits}")).await.text();
    assert!(!auditor.contains("data-mend"));

    let path = format!("/tiket/{digits}/rekaman/{recording}/bagian/0");
    let send = async |base: &str, text: &str| {
        let tanda = mark("");
        let fields = [("dasar", base), ("tanda", tanda.as_str()), ("teks", text)];
        office.post("petugas", &path, &fields).await.status
    };
    assert_eq!(send("0", "jalan berlubang di depan pasar keramat").await, StatusCode::SEE_OTHER);
    let page = office.get("petugas", &format!("/tiket/{digits}")).await.text();
    assert!(page.contains(">jalan berlubang di depan pasar keramat</span>"), "{page}");
    assert!(page.contains("ditulis petugas") && !page.contains(">diperbaiki<"), "{page}");
    assert!(page.contains("Kategori:</span> Jalan"), "it is suggested from: {page}");
    assert!(
        !page.contains("Ucapan tidak jelas bagi mesin") && !page.contains("data-name=\"didengar\"")
    );
    let list = office.get("petugas", "/kotak-masuk?cari=keramat").await.text();
    assert!(list.contains(digits) && list.contains("dari rekaman"), "{list}");
    let queue = office.get("petugas", "/kotak-masuk?antrean=dengar").await.text();
    assert!(!queue.contains(digits), "somebody has heard it");
    assert_eq!(send("1", "jalan berlubang di Pasar Keramat").await, StatusCode::SEE_OTHER);
    let stored = &office.view(&ticket.code).await.spoken[0];
    assert_eq!(stored.mended().unwrap().text(), "jalan berlubang di Pasar Keramat");
    assert_eq!(stored.mends.len(), 2);
    let elsewhere = path.replace("bagian/0", "bagian/1");
    let fields = [("dasar", "0"), ("tanda", ""), ("teks", "kata yang diketik")];
    let page = office.post("petugas", &elsewhere, &fields).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    let text = page.text();
    assert!(text.contains("Bagian ini tidak ada lagi"), "{text}");
    assert!(text.contains("readonly>kata yang diketik</textarea>"), "nothing is lost: {text}");
}

#[tokio::test]
async fn who_saves_a_mend_and_goes_on_finds_the_next_segment_open() {
    let office = Office::new().await;
    let ticket = office.phoned(&["di pasar bamang", "sudah dua bulan"]).await;
    let recording = office.recording_of(&ticket).await;
    let page = format!("/tiket/{}", ticket.code.digits());
    let save = async |position: i64| {
        let path = format!("{page}/rekaman/{recording}/bagian/{position}");
        let tanda = mark(["di pasar bamang", "sudah dua bulan"][position as usize]);
        let fields = [
            ("dasar", "0"),
            ("tanda", tanda.as_str()),
            ("teks", "didengar ulang"),
            ("bagian", "1"),
            ("dari", "baru"),
        ];
        office.post("petugas", &path, &fields).await.location().to_owned()
    };
    let next = save(0).await;
    assert_eq!(next, format!("{page}?dari=baru&pesan=diperbaiki&perbaiki={recording}-1"));
    let shown = office.get("petugas", &next).await.text();
    let open = "<details class=\"mend\" open>";
    assert_eq!(shown.matches(open).count(), 1);
    let after = shown.split(open).nth(1).unwrap();
    assert!(
        after.split("</form>").next().unwrap().contains("autofocus>sudah dua bulan<"),
        "{after}"
    );
    assert_eq!(save(1).await, format!("{page}?dari=baru&pesan=diperbaiki#rekaman-{recording}"));
    for nonsense in ["x", "9-9", "-", "1-1-1"] {
        let page = office.get("petugas", &format!("{page}?perbaiki={nonsense}")).await;
        assert!(page.status == StatusCode::OK && !page.text().contains(open), "{nonsense}");
    }
}
