//! Prompts: everybody in the office listens, supervisors and admins change; whatever is uploaded is read or refused.

use std::f32::consts::PI;

use super::*;
use crate::media::prompt::{Sound, TARGET_LEVEL, active_level};

/// A prompt of the shipped ones.
const MENU: &str = "/prompt/menu.lapor";

impl Office {
    /// Sends a form with a file.
    async fn upload(&self, login: &str, path: &str, from: &str, file: &[u8]) -> Page {
        let boundary = "----batas";
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"sumber\"\r\n\r\n{from}\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"suara\"; filename=\"../../etc/passwd\"\r\n\
             Content-Type: audio/wav\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let request = Request::post(path)
            .header(header::HOST, "konsol.test")
            .header(header::COOKIE, format!("kentongan={login}"))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"));
        self.ask(request.body(Body::from(body)).unwrap()).await
    }

    /// What a phone plays there, full scale is 1.
    async fn hears(&self, path: &str) -> Vec<f32> {
        let page = self.get("petugas", path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.headers[header::CONTENT_TYPE], "audio/wav");
        let file = self.folder.path().join("heard.wav");
        std::fs::write(&file, page.body).unwrap();
        Sound::read(&file).unwrap().at_8_khz().unwrap()
    }

    fn kept(&self) -> usize {
        let folder = self.folder.path().join("prompts");
        folder.read_dir().map_or(0, Iterator::count)
    }
}

fn spec(rate: u32, channels: u16, bits: u16, format: hound::SampleFormat) -> hound::WavSpec {
    hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format }
}

/// A tone of so many hertz, `seconds` long.
fn tone(hz: f32, seconds: f32, amplitude: f32, spec: hound::WavSpec) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for n in 0..(seconds * spec.sample_rate as f32) as u32 {
        let value = amplitude * (2.0 * PI * hz * n as f32 / spec.sample_rate as f32).sin();
        for _ in 0..spec.channels {
            match spec.sample_format {
                hound::SampleFormat::Float => writer.write_sample(value).unwrap(),
                hound::SampleFormat::Int => {
                    let full = (1_i64 << (spec.bits_per_sample - 1)) as f32 - 1.0;
                    writer.write_sample((value.clamp(-1.0, 1.0) * full) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

fn voice(hz: f32) -> Vec<u8> {
    tone(hz, 1.5, 0.3, spec(8_000, 1, 16, hound::SampleFormat::Int))
}

/// How often a tone swings in a second.
fn pitch(samples: &[f32]) -> f32 {
    let crossings = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    crossings as f32 * 8_000.0 / samples.len() as f32
}

fn near(samples: &[f32], hz: f32) -> bool {
    (pitch(samples) - hz).abs() < 20.0
}

#[tokio::test]
async fn every_prompt_is_listed_by_group_and_found_by_its_words() {
    let office = Office::new().await;
    let all = office.get("petugas", "/prompt").await.text();
    for group in ["Menu", "Angka", "OPD", "Salam"] {
        assert!(all.contains(&format!("<h2>{group}</h2>")), "{group}");
    }
    assert!(all.contains("(jeda 200 milidetik)") && all.contains("/prompt/menu.lapor/suara"));
    let found = office.get("petugas", "/prompt?cari=pekerjaan+UMUM").await.text();
    assert!(found.contains("opd/dpupr") && !found.contains("menu/lapor"), "{found}");
    let nothing = office.get("petugas", "/prompt?cari=%3Cscript%3E").await.text();
    assert!(nothing.contains("Tidak ada prompt") && !nothing.contains("<script>"), "{nothing}");
    let mended = office.get("petugas", "/prompt?keadaan=periksa").await.text();
    assert!(mended.contains("0 dari "), "the shipped ones are in order: {mended}");
}

#[tokio::test]
async fn a_prompt_has_its_words_its_voice_and_a_place_for_another() {
    let office = Office::new().await;
    let supervisor = office.get("penyelia", MENU).await;
    insta::assert_snapshot!(supervisor.steady());
    assert!(
        supervisor.headers["permissions-policy"].to_str().unwrap().contains("microphone=(self)")
    );
    let elsewhere = office.get("penyelia", "/prompt").await;
    assert!(elsewhere.headers["permissions-policy"].to_str().unwrap().contains("microphone=()"));
    let operator = office.get("petugas", MENU).await.text();
    assert!(
        operator.contains("<audio") && !operator.contains("<form method=\"post\" action=\"/prompt")
    );
    let tone = office.get("penyelia", "/prompt/bunyi.bip").await.text();
    assert!(tone.contains("nada 1000 Hz") && !tone.contains("enctype"), "{tone}");
}

#[tokio::test]
async fn no_address_leads_to_a_file_that_is_no_prompt() {
    let office = Office::new().await;
    std::fs::write(office.folder.path().join("rahasia.wav"), voice(500.0)).unwrap();
    for path in [
        "/prompt/menu%2Flapor",
        "/prompt/..%2F..%2Frahasia",
        "/prompt/....rahasia",
        "/prompt/recorded.menu.lapor",
        "/prompt/menu.lapor.wav",
        "/prompt/menu.bukan_prompt",
        "/prompt/.",
        "/prompt/%00",
        "/prompt/menu.lapor%00",
        "/prompt/MENU.LAPOR",
    ] {
        for rest in ["", "/suara", "/suara/bawaan", "/suara/1"] {
            let page = office.get("penyelia", &format!("{path}{rest}")).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}{rest}");
        }
        let page =
            office.upload("penyelia", &format!("{path}/suara"), "unggahan", &voice(500.0)).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(office.kept(), 0);
}

#[tokio::test]
async fn any_wav_becomes_the_voice_as_a_phone_plays_it() {
    use hound::SampleFormat::{Float, Int};
    let office = Office::new().await;
    let forms = [
        spec(8_000, 1, 16, Int),
        spec(44_100, 2, 24, Int),
        spec(48_000, 1, 32, Float),
        spec(16_000, 1, 8, Int),
    ];
    for (n, form) in forms.into_iter().enumerate() {
        let hz = 500.0 + 100.0 * n as f32;
        let file = tone(hz, 1.5, 0.05 + 0.2 * n as f32, form);
        let page = office.upload("penyelia", &format!("{MENU}/suara"), "unggahan", &file).await;
        assert_eq!(
            (page.status, page.location()),
            (StatusCode::SEE_OTHER, "/prompt/menu.lapor?pesan=suara")
        );
        let heard = office.hears(&format!("{MENU}/suara")).await;
        assert!(near(&heard, hz), "{form:?}: {} Hz", pitch(&heard));
        let level = active_level(&heard).unwrap();
        assert!((level - TARGET_LEVEL).abs() < 1.0, "{form:?}: {level} dBFS");
    }
    let list = office.get("petugas", "/prompt?keadaan=rekaman").await.text();
    assert!(list.contains("1 dari ") && list.contains("menu/lapor"), "{list}");
    let kept = office.folder.path().join("prompts").read_dir().unwrap();
    for file in kept.map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.len() == 36 && name.ends_with(".wav"), "{name}");
        let spec = hound::WavReader::open(&file).unwrap().spec();
        assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (8_000, 1, 16));
    }
}

#[tokio::test]
async fn what_is_no_voice_is_refused_with_what_to_do() {
    let office = Office::new().await;
    let good = voice(500.0);
    let mut longer_than_it_is = good.clone();
    longer_than_it_is[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut no_channels = good.clone();
    no_channels[22..24].copy_from_slice(&0_u16.to_le_bytes());
    let int = hound::SampleFormat::Int;
    let files: [(&str, Vec<u8>, &str); 11] = [
        ("nothing", vec![], "Pilih dahulu"),
        ("a text", b"halo, ini bukan suara".to_vec(), "bukan WAV"),
        ("a page", b"<html><script>alert(1)</script></html>".to_vec(), "bukan WAV"),
        ("an MP3", [b"ID3\x04\0\0\0\0\0\0", &[0xFF, 0xFB, 0x90, 0x64][..]].concat(), "bukan WAV"),
        ("a WAV cut short", good[..good.len() / 2].to_vec(), "bukan WAV"),
        ("a length that lies", longer_than_it_is, "bukan WAV"),
        ("no channels", no_channels, "bukan WAV"),
        ("no samples", tone(500.0, 0.0, 0.3, spec(8_000, 1, 16, int)), "tidak berisi suara"),
        (
            "ten minutes",
            tone(500.0, 600.0, 0.3, spec(8_000, 1, 16, int)),
            "600 detik; paling lama 120",
        ),
        ("silence", tone(500.0, 1.0, 0.0, spec(8_000, 1, 16, int)), "Tidak ada suara"),
        ("too slow", tone(50.0, 1.0, 0.3, spec(1_000, 1, 16, int)), "1000 cuplikan per detik"),
    ];
    let before = office.deeds().await;
    for (what, file, told) in files {
        let page = office.upload("penyelia", &format!("{MENU}/suara"), "unggahan", &file).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}");
        let text = page.text();
        let alert = text.split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap();
        assert!(alert.contains(told), "{what}: {alert}");
    }
    let tone = office.upload("penyelia", "/prompt/bunyi.bip/suara", "unggahan", &good).await;
    assert_eq!(tone.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((office.deeds().await, office.kept()), (before, 0));
}

#[tokio::test]
async fn more_than_20_mb_are_read_to_their_end_and_refused() {
    let office = Office::new().await;
    let large = tone(500.0, 1.0, 0.3, spec(8_000, 1, 16, hound::SampleFormat::Int));
    let large: Vec<u8> = large.into_iter().cycle().take(20_000_001).collect();
    let page = office.upload("admin", &format!("{MENU}/suara"), "unggahan", &large).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("lebih besar dari 20 MB"));
}

#[tokio::test]
async fn older_voices_are_there_to_go_back_to_and_the_oldest_go() {
    let office = Office::new().await;
    let shipped = office.hears(&format!("{MENU}/suara")).await;
    for n in 0..7 {
        office.clock.advance(Duration::from_secs(60));
        let file = voice(400.0 + 100.0 * n as f32);
        office.upload("penyelia", &format!("{MENU}/suara"), "mikrofon", &file).await;
    }
    let takes = office.store().takes("menu/lapor").await.unwrap();
    assert_eq!((takes.len(), office.kept()), (5, 5));
    assert!(near(&office.hears(&format!("{MENU}/suara")).await, 1000.0));
    let oldest = takes.last().unwrap().id.to_string();
    let back = office.post("admin", &format!("{MENU}/pakai"), &[("rekaman", &oldest)]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert!(near(&office.hears(&format!("{MENU}/suara")).await, 600.0));
    assert!(near(&office.hears(&format!("{MENU}/suara/{oldest}")).await, 600.0));
    // What is heard stays, however many come.
    let page = office.get("penyelia", MENU).await.text();
    assert_eq!(page.matches("terdengar sekarang").count(), 1);
    for wrong in ["999999", "-1", "x"] {
        let page = office.post("admin", &format!("{MENU}/pakai"), &[("rekaman", wrong)]).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    let other = office.post("admin", "/prompt/menu.cek/pakai", &[("rekaman", &oldest)]).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "another prompt's");
    office.post("admin", &format!("{MENU}/pakai"), &[("rekaman", "")]).await;
    assert_eq!(office.hears(&format!("{MENU}/suara")).await, shipped);
    assert_eq!(office.hears(&format!("{MENU}/suara/bawaan")).await, shipped);
}

#[tokio::test]
async fn each_change_is_set_down_and_the_same_one_again_is_none() {
    let office = Office::new().await;
    let before = office.deeds().await.len();
    for _ in 0..2 {
        office.upload("penyelia", &format!("{MENU}/suara"), "mikrofon", &voice(500.0)).await;
    }
    for _ in 0..2 {
        office.post("admin", &format!("{MENU}/pakai"), &[("rekaman", "")]).await;
    }
    office.get("petugas", &format!("{MENU}/suara")).await;
    assert_eq!(office.store().takes("menu/lapor").await.unwrap().len(), 1);
    assert_eq!(
        office.deeds().await[before..],
        [
            "penyelia record prompt menu/lapor",
            "penyelia voice prompt menu/lapor",
            "admin voice prompt menu/lapor"
        ]
    );
}

#[tokio::test]
async fn other_words_make_a_persons_recording_old_and_two_people_do_not_overwrite_each_other() {
    let office = Office::new().await;
    office.upload("penyelia", &format!("{MENU}/suara"), "unggahan", &voice(500.0)).await;
    let page = office.get("penyelia", MENU).await.text();
    assert!(!page.contains("belum sesuai teks"), "{page}");
    let old = page.split("name=\"dasar\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let new = [("dasar", old), ("teks", "Untuk  melapor,\r\ntekan <satu>.")];
    let page = office.post("penyelia", &format!("{MENU}/teks"), &new).await;
    assert_eq!(page.location(), "/prompt/menu.lapor?pesan=teks_lama");
    let page = office.get("petugas", MENU).await.text();
    assert!(
        page.contains("Untuk melapor, tekan &#60;satu&#62;.") && page.contains("belum sesuai teks")
    );
    assert!(near(&office.hears(&format!("{MENU}/suara")).await, 500.0), "the recording stays");
    let list = office.get("petugas", "/prompt?keadaan=periksa").await.text();
    assert!(list.contains("menu/lapor") && list.contains("1 dari "), "{list}");

    let other = [("dasar", old), ("teks", "Tekan satu untuk melapor.")];
    let stale = office.post("admin", &format!("{MENU}/teks"), &other).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let text = stale.text();
    assert!(text.contains("tekan &#60;satu&#62;") && text.contains("Tekan satu untuk melapor."));
    for (typed, told) in [("  ", "Teks belum diisi"), (&"a ".repeat(1_001), "terlalu panjang")] {
        let form = [("dasar", "Untuk melapor, tekan <satu>."), ("teks", typed)];
        let page = office.post("admin", &format!("{MENU}/teks"), &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains(told), "{told}");
    }
    let back = [("dasar", "Untuk melapor, tekan <satu>."), ("teks", old)];
    let page = office.post("admin", &format!("{MENU}/teks"), &back).await;
    assert_eq!(page.location(), "/prompt/menu.lapor?pesan=teks");
    let list = office.get("petugas", "/prompt?keadaan=periksa").await.text();
    assert!(list.contains("0 dari "), "{list}");
}

#[tokio::test]
async fn the_synthetic_voice_says_the_new_words_where_it_is_installed() {
    let office = Office::new().await;
    let shipped = office.hears(&format!("{MENU}/suara")).await;
    let page = office.get("penyelia", MENU).await.text();
    let old = page.split("name=\"dasar\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let new = [("dasar", old), ("teks", "Tekan satu untuk melapor kepada kami.")];
    let page = office.post("penyelia", &format!("{MENU}/teks"), &new).await;
    let installed = std::process::Command::new("espeak-ng").arg("--version").output().is_ok();
    let told = if installed { "teks" } else { "teks_lama" };
    assert_eq!(page.location(), format!("/prompt/menu.lapor?pesan={told}"));
    let heard = office.hears(&format!("{MENU}/suara")).await;
    assert_eq!(heard != shipped, installed);
    let back = [("dasar", "Tekan satu untuk melapor kepada kami."), ("teks", old)];
    office.post("penyelia", &format!("{MENU}/teks"), &back).await;
    assert_eq!(office.hears(&format!("{MENU}/suara")).await, shipped);
}

#[tokio::test]
async fn a_take_whose_file_is_gone_is_told_and_the_shipped_voice_is_heard() {
    let office = Office::new().await;
    let shipped = office.hears(&format!("{MENU}/suara")).await;
    office.upload("penyelia", &format!("{MENU}/suara"), "unggahan", &voice(500.0)).await;
    std::fs::remove_dir_all(office.folder.path().join("prompts")).unwrap();
    assert_eq!(office.hears(&format!("{MENU}/suara")).await, shipped);
    let page = office.get("petugas", MENU).await.text();
    assert!(page.contains("tanpa suara") && page.contains("hilang"), "{page}");
}
