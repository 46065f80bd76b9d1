//! What a supervisor does: the menu, the prompts, and the screen on the wall.

use std::path::Path;

use kentongan::ticket::Role;
use serde_json::{Value, json};

use super::Browser;
use super::office::Office;
use super::reports::HOLE;
use crate::caller::{PATIENCE, dial, is_sent_off_with, phone};

/// A supervisor at a desk, with flags for the browser.
async fn supervisor(office: &Office, flags: &[String]) -> Browser {
    let first = office.hire("wati", "Wati Rahayu", Role::Supervisor);
    let desk = Browser::open(office.hotline.web_port, flags).await;
    desk.signs_in_with_code("wati", &first).await;
    desk
}

/// Replaces words in the script's text box, as somebody would who types.
async fn retypes(desk: &Browser, from: &str, to: &str) {
    let retype = format!(
        "(() => {{ const text = document.querySelector('#naskah'); const before = text.value;
            text.value = before.replace({}, {}); text.dispatchEvent(new Event('input', {{ bubbles: true }}));
            return text.value !== before; }})()",
        json!(from),
        json!(to)
    );
    assert_eq!(desk.value(&retype).await, true, "{from} is in the script");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_menu_is_mended_tried_published_and_called() {
    let Some(office) = Office::open().await else { return };
    let desk = supervisor(&office, &[]).await;
    desk.press("m").await;
    desk.arrives("/menu-suara").await;
    desk.sees("versi 1 terbit").await;

    retypes(&desk, "prompts = [\"akhir/selesai\"]", "prompts = [\"akhir/tidak_ada\"]").await;
    desk.click_on("Terbitkan").await;
    desk.sees("tidak ada prompt `akhir/tidak_ada`").await;
    retypes(&desk, "akhir/tidak_ada", "akhir/terima_kasih").await;
    desk.click_on("Periksa").await;
    desk.sees("Tidak ada masalah: naskah ini dapat diterbitkan.").await;
    desk.click_on("Bandingkan").await;
    desk.sees("akhir/terima_kasih").await;
    desk.fill("#catatan", "Penutup yang lebih ramah").await;
    desk.click_on("Simpan konsep").await;
    desk.sees("Konsep tersimpan.").await;

    desk.goto("/menu-suara/coba?versi=2").await;
    desk.sees("Uji coba versi 2").await;
    // One prompt after another, each lit while it is heard.
    desk.click_on("Dengarkan").await;
    let lit = |n: usize| {
        format!("document.querySelectorAll('.heard [data-sound]')[{n}].matches('.playing')")
    };
    desk.until(&lit(0)).await;
    desk.until(&lit(1)).await;
    desk.click_on("Berhenti").await;
    desk.until("document.querySelector('.heard .playing') === null").await;
    desk.click(".keypad button[value=\"9\"]").await;
    desk.sees("Panggilan selesai").await;

    desk.goto("/menu-suara").await;
    desk.click_on("Terbitkan").await;
    desk.sees("Diterbitkan. Panggilan berikutnya mendengar menu yang baru.").await;
    office.hotline.logs("script and prompts read again", 1).await;
    let phone = phone().await;
    let mut call = dial(&phone, &office.hotline).await;
    call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "salam/direkam")).await;
    call.press("9");
    is_sent_off_with(call, "akhir/terima_kasih").await;
    desk.close().await;
}

/// What the browser's microphone hears is a file, over and over.
fn fake_microphone(voice: &Path) -> Vec<String> {
    vec![
        "--use-fake-device-for-media-stream".into(),
        "--use-fake-ui-for-media-stream".into(),
        format!("--use-file-for-fake-audio-capture={}", voice.display()),
    ]
}

/// How long a sound at an address is, and how loud: seconds and root mean square.
async fn sound(desk: &Browser, address: &str) -> (f64, f64) {
    let listen = "const [address, done] = arguments;
        fetch(address).then((answer) => answer.arrayBuffer())
            .then((bytes) => new OfflineAudioContext(1, 8, 8000).decodeAudioData(bytes))
            .then((sound) => {
                const samples = sound.getChannelData(0);
                done([sound.duration, Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length)]);
            }, (error) => done(String(error)));";
    let told = desk.client.execute_async(listen, vec![json!(address)]).await.unwrap();
    let number =
        |at: usize| told.get(at).and_then(Value::as_f64).unwrap_or_else(|| panic!("{told}"));
    (number(0), number(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_is_recorded_with_the_microphone_and_taken_back() {
    let Some(office) = Office::open().await else { return };
    let voice = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/aduan.wav");
    let desk = supervisor(&office, &fake_microphone(&voice)).await;
    desk.goto("/prompt/akhir.selesai").await;
    let (shipped, _) = sound(&desk, "/prompt/akhir.selesai/suara").await;

    desk.click("[data-name=rekam]").await;
    desk.until(
        "parseFloat(document.querySelector('[data-name=lama]').textContent.replace(',', '.')) >= 4",
    )
    .await;
    desk.until("document.querySelector('[data-name=tingkat]').value > 0").await;
    desk.click("[data-name=berhenti]").await;
    desk.sees("Selesai. Dengarkan, lalu pakai atau rekam lagi.").await;
    let recorded = desk
        .value(
            "parseFloat(document.querySelector('[data-name=lama]').textContent.replace(',', '.'))",
        )
        .await;
    desk.click("[data-name=simpan]").await;
    desk.sees("Suara ini didengar mulai panggilan berikutnya.").await;
    desk.sees("direkam oleh").await;
    let (seconds, loudness) = sound(&desk, "/prompt/akhir.selesai/suara").await;
    let recorded = recorded.as_f64().unwrap();
    // Silence at the ends is cut off.
    assert!(seconds <= recorded + 0.5 && seconds >= recorded - 2.0, "{seconds} s of {recorded}");
    assert!(loudness > 0.02, "{loudness}");

    desk.click("[data-name=pakai-bawaan]").await;
    desk.until("document.querySelector('[data-take=bawaan] .status.done') !== null").await;
    let (again, _) = sound(&desk, "/prompt/akhir.selesai/suara").await;
    assert!((again - shipped).abs() < 0.01, "{again} s, {shipped} s before");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wall_counts_calls_and_reports_as_they_come() {
    let Some(office) = Office::open().await else { return };
    let desk = supervisor(&office, &[]).await;
    desk.goto("/beranda").await;
    let shows = |name: &str, value: &str| {
        format!(
            "document.querySelector('[data-name=angka-{name}] .value').textContent === '{value}'"
        )
    };
    desk.until(&shows("berlangsung", "0")).await;
    desk.until(&shows("belum-disentuh", "0")).await;
    // Were the page loaded anew, this would be gone.
    desk.value("document.body.dataset.same = 'yes'").await;

    let phone = phone().await;
    let mut call = dial(&phone, &office.hotline).await;
    desk.until(&shows("berlangsung", "1")).await;
    call.put_down().await;
    desk.until(&shows("berlangsung", "0")).await;
    office.hears(&HOLE).await;
    desk.until(&shows("belum-disentuh", "1")).await;
    assert_eq!(desk.value("document.body.dataset.same").await, "yes");
    desk.close().await;
}
