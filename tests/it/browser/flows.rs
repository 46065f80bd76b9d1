//! A day at the desk, story by story.

use kentongan::ticket::Role;
use serde_json::json;

use super::Browser;
use super::desk::PASSWORD;
use super::office::Office;
use super::reports::{DAYS, HOLE};
use crate::caller::{dial, phone};

#[tokio::test]
async fn somebody_new_signs_in_chooses_a_password_and_is_kept_out_without_it() {
    let Some(office) = Office::open().await else { return };
    let first = office.hire("siti", "Siti Aminah", Role::Operator);
    let browser = office.visitor().await;
    browser.goto("/kotak-masuk?antrean=mine").await;
    browser.enters("siti", "bukan kata sandinya").await;
    browser.sees("Nama masuk atau kata sandi salah.").await;
    browser.enters("siti", &first).await;
    browser.sees("Ganti dahulu sebelum mulai bekerja.").await;
    browser.goto("/kotak-masuk").await;
    browser.arrives("/sandi").await;
    browser.chooses_password(&first).await;
    browser.click_on("Keluar").await;
    browser.arrives("/masuk").await;
    browser.goto("/kotak-masuk").await;
    browser.arrives("/masuk").await;
    browser.enters("siti", PASSWORD).await;
    browser.arrives("/kotak-masuk").await;
    browser.close().await;
}

/// Over plain http to a name browsers say less of themselves than to this machine's own address.
#[tokio::test]
async fn in_the_office_network_without_tls_somebody_signs_in_and_saves_a_form() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let first = office.hire("siti", "Siti Aminah", Role::Operator);
    let origin = format!("http://konsol.test:{}", office.hotline.web_port);
    let named = ["--host-resolver-rules=MAP konsol.test 127.0.0.1".to_owned()];
    let desk = Browser::open_at(origin, &named).await;
    desk.goto("/masuk").await;
    assert_eq!(desk.value("window.isSecureContext").await, false);
    desk.signs_in("siti", &first).await;
    desk.goto(&format!("/tiket/{}", code.digits())).await;
    desk.fill("#remark", "Sudah saya telepon.").await;
    desk.click_on("Simpan catatan").await;
    desk.sees("Tersimpan.").await;
    desk.close().await;
}

#[tokio::test]
async fn a_word_that_is_clicked_is_heard_and_lit_and_keys_move_the_sound() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto(&format!("/tiket/{}", code.digits())).await;
    assert_eq!(desk.value("document.querySelector('audio').paused").await, true);

    desk.click_on("berlubang").await;
    let at = desk.value("Number([...document.querySelectorAll('.word')].find(w => w.textContent === 'berlubang').dataset.seek)").await;
    desk.until(&format!("document.querySelector('audio').currentTime > {at}")).await;
    desk.until("document.querySelectorAll('.word.now').length === 1").await;
    desk.until("!document.querySelector('audio').paused").await;

    desk.press("k").await;
    desk.until("document.querySelector('audio').paused").await;
    let paused = desk.value("document.querySelector('audio').currentTime").await;
    // On from the pause it goes back a little, into what was just heard.
    let note = "(() => { const audio = document.querySelector('audio');
        audio.addEventListener('seeking', () => (document.body.dataset.back = audio.currentTime), { once: true }); })()";
    desk.value(note).await;
    desk.press("k").await;
    desk.until(&format!("Number(document.body.dataset.back) < {paused} - 0.5")).await;
    desk.press("k").await;
    desk.until("document.querySelector('audio').paused").await;
    let paused = desk.value("document.querySelector('audio').currentTime").await;
    desk.press("Left").await;
    desk.until(&format!(
        "document.querySelector('audio').currentTime <= Math.max(0, {paused} - 4.5)"
    ))
    .await;
    // It was listened to: that is in the audit, once for each time the page asked for sound.
    let deeds = office
        .store
        .audit_before(&kentongan::store::AuditAbout::default(), i64::MAX, 20)
        .await
        .unwrap();
    assert!(deeds.iter().any(|deed| deed.actor == "siti" && deed.action == "listen"), "{deeds:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_segment_is_mended_a_suggestion_taken_and_the_report_found_by_the_mended_word() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto(&format!("/tiket/{}", code.digits())).await;

    desk.click(".segment:nth-of-type(2) .mend summary").await;
    desk.fill(
        ".segment:nth-of-type(2) textarea",
        "Jalan Ahmad Yani di depan Pasar Keramat ambles parah.",
    )
    .await;
    desk.click_on("Simpan perbaikan").await;
    desk.sees("Perbaikan transkrip tersimpan.").await;
    desk.sees("ambles parah").await;
    desk.sees("diperbaiki").await;

    desk.press("1").await;
    desk.sees("Tersimpan.").await;
    let ticket = office.store.ticket(&code).await.unwrap().unwrap().ticket;
    assert!(ticket.category.is_some() || ticket.place.is_some(), "{ticket:?}");

    desk.press("i").await;
    desk.arrives("/kotak-masuk").await;
    desk.press("/").await;
    desk.types("ambles").await;
    desk.press("Enter").await;
    desk.until("document.querySelector('mark')?.textContent === 'ambles'").await;
    desk.close().await;
}

#[tokio::test]
async fn what_was_typed_outlives_another_form_of_the_page_and_the_session() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    let page = format!("/tiket/{}", code.digits());
    desk.goto(&page).await;
    let (second, third) = (".segment:nth-of-type(2) textarea", ".segment:nth-of-type(3) textarea");
    for (css, text) in
        [(second, "Jalan Ahmad Yani ambles parah."), (third, "Semalam ada yang jatuh.")]
    {
        desk.click(&css.replace("textarea", ".mend summary")).await;
        desk.fill(css, text).await;
    }
    let typed = |css: &str, text: &str| {
        format!("document.querySelector({})?.value === {}", json!(css), json!(text))
    };
    let save = |css: &str| css.replace("textarea", ".mend button");
    desk.click(&save(second)).await;
    desk.sees("Perbaikan transkrip tersimpan.").await;
    desk.until(&typed(third, "Semalam ada yang jatuh.")).await;
    desk.sees("belum disimpan").await;
    assert_eq!(desk.value("document.querySelectorAll('.mend[open]').length").await, 1);
    assert_eq!(desk.value(&typed(second, "Jalan Ahmad Yani ambles parah.")).await, true);

    // The session ends while somebody types: the form is refused, and the text is there afterwards.
    desk.client.delete_all_cookies().await.unwrap();
    desk.click(&save(third)).await;
    desk.arrives("/masuk").await;
    desk.enters("siti", PASSWORD).await;
    desk.arrives(&page).await;
    desk.until(&typed(third, "Semalam ada yang jatuh.")).await;
    desk.click(&save(third)).await;
    desk.sees("Perbaikan transkrip tersimpan.").await;
    desk.until("!document.querySelector('.mend[open]')").await;
    let kept = "sessionStorage.getItem('kentongan-isian')";
    assert!(!desk.value(kept).await.as_str().unwrap().contains("Semalam"), "it is saved");

    desk.fill("#remark", "Jangan dibaca orang lain.").await;
    desk.until(&format!("{kept}.includes('Jangan dibaca')")).await;
    desk.click_on("Keluar").await;
    desk.arrives("/masuk").await;
    assert_eq!(desk.value(kept).await, json!(null));
    desk.close().await;
}

#[tokio::test]
async fn save_and_next_goes_through_the_queue_and_begins_again() {
    let Some(office) = Office::open().await else { return };
    let old = office.hears(&DAYS[1]).await;
    let new = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto("/kotak-masuk").await;
    desk.click("tbody tr:first-child td.code a").await;
    let verify = "details:has([value=verify])";
    desk.arrives(&format!("/tiket/{}", old.digits())).await;
    desk.click(&format!("{verify} summary")).await;
    desk.click(&format!("{verify} button[name=lanjut]")).await;
    desk.arrives(&format!("/tiket/{}", new.digits())).await;
    desk.sees(&format!("Laporan {old} tersimpan. Ini laporan berikutnya.")).await;
    // The same by keys, from a field of the form.
    desk.click(&format!("{verify} summary")).await;
    desk.click(&format!("{verify} textarea")).await;
    desk.press("Ctrl+Shift+Enter").await;
    // What is being looked into waits in the same queue.
    desk.arrives(&format!("/tiket/{}", old.digits())).await;
    desk.sees(&format!("Laporan {new} tersimpan. Antrean sudah sampai akhir")).await;
    desk.until("document.querySelector('.title .status').textContent === 'Sedang diperiksa'").await;
    desk.press("j").await;
    desk.arrives(&format!("/tiket/{}", new.digits())).await;
    desk.press("g").await;
    desk.arrives("/kotak-masuk").await;
    desk.close().await;
}

#[tokio::test]
async fn who_saves_what_somebody_else_changed_meanwhile_sees_both_and_loses_nothing() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let page = format!("/tiket/{}", code.digits());
    let siti = office.desk("siti", "Siti Aminah", Role::Operator).await;
    let rudi = office.desk("rudi", "Rudi Hartono", Role::Operator).await;
    for desk in [&siti, &rudi] {
        desk.goto(&page).await;
    }
    siti.fill("#remark", "Sudah saya telepon, lokasinya di depan toko bangunan.").await;
    siti.click_on("Simpan catatan").await;
    siti.sees("Tersimpan.").await;

    rudi.fill("#remark", "Foto menyusul lewat SMS.").await;
    rudi.click_on("Simpan catatan").await;
    rudi.sees("sudah diubah petugas lain").await;
    rudi.sees("Sudah saya telepon").await;
    assert_eq!(
        rudi.value("document.querySelector('#remark').value").await,
        "Foto menyusul lewat SMS."
    );
    rudi.click_on("Simpan catatan").await;
    rudi.sees("Tersimpan.").await;
    rudi.sees("Sudah saya telepon").await;
    siti.close().await;
    rudi.close().await;
}

#[tokio::test]
async fn a_visitor_at_the_counter_leaves_with_a_receipt() {
    let Some(office) = Office::open().await else { return };
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.press("l").await;
    desk.arrives("/loket").await;
    desk.fill("#laporan", "Lampu jalan di Gang Sampurna mati sejak tiga malam.").await;
    desk.fill("#nomor", "0812 5190 4417").await;
    desk.click_on("Simpan dan beri kode").await;
    desk.sees("Tanda terima laporan").await;
    let code = desk.text(".receipt .big").await;
    assert!(desk.find("[data-print]").await.is_displayed().await.unwrap());
    desk.click_on("Buka laporan").await;
    desk.sees("Lampu jalan di Gang Sampurna mati sejak tiga malam.").await;
    desk.sees(&code).await;
    desk.close().await;
}

#[tokio::test]
async fn two_at_one_report_see_each_other_and_hear_of_what_the_other_saved() {
    let Some(office) = Office::open().await else { return };
    let page = format!("/tiket/{}", office.hears(&HOLE).await.digits());
    let siti = office.desk("siti", "Siti Aminah", Role::Operator).await;
    let rudi = office.desk("rudi", "Rudi Hartono", Role::Operator).await;
    siti.goto(&page).await;
    rudi.goto(&page).await;
    siti.until("document.querySelector('#hadir').textContent.includes('Rudi Hartono')").await;
    rudi.until("document.querySelector('#hadir').textContent.includes('Siti Aminah')").await;

    siti.fill("#remark", "Saya yang menelepon pelapor.").await;
    siti.click_on("Simpan catatan").await;
    siti.sees("Tersimpan.").await;
    rudi.sees("Ada yang baru di laporan ini.").await;
    rudi.click_on("Tampilkan").await;
    rudi.sees("Saya yang menelepon pelapor.").await;
    siti.close().await;
    rudi.close().await;
}

#[tokio::test]
async fn a_call_is_there_while_it_lasts() {
    let Some(office) = Office::open().await else { return };
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto("/panggilan").await;
    desk.sees("Tidak ada panggilan yang sedang berlangsung.").await;
    let phone = phone().await;
    let mut call = dial(&phone, &office.hotline).await;
    desk.until(
        "document.querySelector('#berlangsung table')?.textContent.includes('+6281200000000')",
    )
    .await;
    call.put_down().await;
    desk.sees("Tidak ada panggilan yang sedang berlangsung.").await;
    desk.goto("/panggilan").await;
    desk.sees("penelepon menutup").await;
    desk.close().await;
}

#[tokio::test]
async fn keys_in_the_text_box_move_the_sound_and_save() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto(&format!("/tiket/{}", code.digits())).await;
    let time = "document.querySelector('audio').currentTime";
    desk.press("n").await;
    let first = desk.value("[...document.querySelectorAll('.segment')].indexOf(document.activeElement.closest('.segment'))").await;
    assert_eq!(first, 0, "the box of the first segment has the focus");

    desk.press("Alt+k").await;
    desk.until("!document.querySelector('audio').paused").await;
    desk.until(&format!("{time} > 0.5")).await;
    desk.press("Alt+k").await;
    desk.until("document.querySelector('audio').paused").await;
    let paused = desk.value(time).await.as_f64().unwrap();
    desk.press("Alt+l").await;
    desk.until(&format!("{time} > {}", paused + 2.5)).await;
    desk.press("Alt+j").await;
    desk.until(&format!("{time} < {}", paused + 0.5)).await;
    desk.press("Alt+.").await;
    desk.until("document.querySelector('audio').playbackRate === 1.25").await;
    // Nothing of that was typed, and a question mark is one here.
    desk.types(" Benar?").await;
    desk.until("document.activeElement.value.includes(' Benar?')").await;
    assert_eq!(desk.value("document.querySelector('dialog')?.open ?? false").await, false);

    let wrote = desk.value("document.activeElement.value").await;
    desk.press("Ctrl+Enter").await;
    desk.sees("Perbaikan transkrip tersimpan.").await;
    desk.sees(wrote.as_str().unwrap().trim()).await;
    desk.until("document.activeElement.matches('[data-mend]')").await;
    assert_ne!(desk.value("document.activeElement.value").await, wrote, "the next segment's box");
    desk.close().await;
}

#[tokio::test]
async fn a_recording_that_needs_an_ear_leaves_its_queue_by_one_key() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears_badly(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto("/kotak-masuk").await;
    desk.until("document.querySelector('[data-name=antrean-dengar] .count').textContent === '1'")
        .await;
    desk.click("[data-name=antrean-dengar]").await;
    desk.click("tbody tr:first-child td.code a").await;
    desk.arrives(&format!("/tiket/{}", code.digits())).await;
    desk.sees("Mesin kurang yakin dengan rekaman ini.").await;
    desk.press("d").await;
    desk.sees("Tersimpan.").await;
    desk.sees("rekaman didengarkan").await;
    desk.until("!document.querySelector('[data-name=didengar]')").await;
    desk.goto("/kotak-masuk?antrean=dengar").await;
    desk.until("!document.querySelector('td.code')").await;
    desk.close().await;
}

#[tokio::test]
async fn keys_walk_through_lists_words_and_forms() {
    let Some(office) = Office::open().await else { return };
    let old = office.hears(&DAYS[1]).await;
    let new = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.goto("/kotak-masuk").await;
    let at = |text: &str| format!("document.activeElement.textContent === {}", json!(text));
    for (key, code) in
        [("Down", &old), ("Down", &new), ("Down", &new), ("Up", &old), ("Down", &new)]
    {
        desk.press(key).await;
        desk.until(&at(&code.to_string())).await;
    }
    desk.press("Enter").await;
    desk.arrives(&format!("/tiket/{}", new.digits())).await;

    // All words are one stop, and arrows go on from there.
    let stops =
        "[...document.querySelectorAll('.word')].filter((word) => word.tabIndex === 0).length";
    desk.until(&format!("{stops} === 1")).await;
    desk.tab_to("document.activeElement.matches('.word')").await;
    desk.until(&at("Selamat")).await;
    desk.press("Right").await;
    desk.press("Right").await;
    desk.press("Left").await;
    desk.until(&at("pagi,")).await;
    assert_eq!(desk.value(stops).await, 1);

    // T goes to a field and not to a fold that Enter would close; Esc leaves it, and keys are keys again.
    desk.press("t").await;
    desk.until("document.activeElement.matches('select[name=instansi]')").await;
    desk.press("Tab").await;
    desk.until("document.activeElement.matches('[name=catatan]')").await;
    desk.types("sudah saya telepon").await;
    desk.press("Esc").await;
    desk.until("document.activeElement === document.body").await;
    desk.press("u").await;
    desk.until("document.activeElement.matches('#jenis')").await;
    desk.press("Esc").await;
    desk.press("t").await;
    desk.types("Dinas Kes").await;
    desk.press("Ctrl+Enter").await;
    desk.sees("Tersimpan.").await;
    desk.until("document.querySelector('.title .status').textContent === 'Diteruskan ke instansi'")
        .await;
    desk.sees("Kepada Dinas Kesehatan").await;
    desk.sees("sudah saya telepon").await;
    desk.close().await;
}

/// From the sign-in page to an answered report, and no hand on the mouse.
#[tokio::test]
async fn a_whole_ticket_by_keyboard_alone() {
    let Some(office) = Office::open().await else { return };
    let code = office.hears(&HOLE).await;
    let desk = office.desk("siti", "Siti Aminah", Role::Operator).await;
    desk.press("i").await;
    desk.arrives("/kotak-masuk").await;
    desk.tab_to(&format!("document.activeElement.textContent === {}", json!(code.to_string())))
        .await;
    desk.press("Enter").await;
    desk.arrives("/tiket/").await;

    desk.press("a").await;
    desk.sees("Laporan ini sekarang Anda tangani.").await;
    desk.press("1").await;
    desk.sees("Tersimpan.").await;
    // Disposisi: the agency that answers for the category is chosen already.
    desk.press("t").await;
    desk.until("document.activeElement.matches('select[name=instansi]')").await;
    desk.tab_to("document.activeElement.matches('textarea[name=catatan]')").await;
    desk.types("Mohon diperiksa hari ini.").await;
    desk.tab_to("document.activeElement.matches('button.primary')").await;
    desk.press("Enter").await;
    desk.sees("Mohon diperiksa hari ini.").await;
    let ticket = office.store.ticket(&code).await.unwrap().unwrap().ticket;
    assert_eq!(
        (ticket.assignee.as_deref(), ticket.agency.as_deref()),
        (Some("siti"), Some("dpupr"))
    );
    desk.close().await;
}
