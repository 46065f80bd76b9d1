//! A prompt that is changed in the console of a hotline that is up.

use std::path::Path;

use kentongan::media::Clip;
use kentongan::media::prompt::Library;
use kentongan::phone::ear::Repertoire;
use kentongan::prompts::Catalogue;

use crate::caller::{dial, hears, kentongan, names, phone};
use crate::hotline::Hotline;
use crate::reload::copy_all;
use crate::supervisor::Supervisor;

const TAKEN: &str = "script and prompts read again";
/// Uploads a sound; the page after it is another one.
fn upload(siti: &Supervisor, path: &str, sound: &[u8]) {
    let head =
        "--batas\r\nContent-Disposition: form-data; name=\"suara\"; filename=\"a.wav\"\r\n\r\n";
    let form = [head.as_bytes(), sound, b"\r\n--batas--\r\n"].concat();
    let answer = siti.post(path, "multipart/form-data; boundary=batas", &form);
    assert!(answer.starts_with("HTTP/1.1 303"), "{path}: {answer}");
}

fn submit(siti: &Supervisor, path: &str, fields: &[(&str, &str)]) {
    let answer = siti.submit(path, fields);
    assert!(answer.starts_with("HTTP/1.1 303"), "{path}: {answer}");
}

/// What phones are to know once `id` is spoken by this recording.
fn with_recording(id: &str, recording: &Path) -> Repertoire {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id");
    let catalogue = Catalogue::read(&folder).unwrap();
    let shipped = Library::load(&folder, catalogue.ids()).unwrap();
    Repertoire::new(shipped.with([(id.to_owned(), Clip::from_recording(recording).unwrap())]))
}

/// With a folder that lacks what the console brought, the commands find what the hotline plays.
fn is_known_to_who_only_looks(hotline: &Hotline) -> bool {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id");
    let voice = folder.path().join("voice");
    copy_all(&shipped, &voice);
    std::fs::remove_file(voice.join("menu/lapor.wav")).unwrap();
    let config = folder.path().join("kentongan.toml");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-scripts/hotline.toml");
    let text =
        format!("data = {:?}\nprompts.folder = {voice:?}\nivr.script = {script:?}\n", hotline.data);
    std::fs::write(&config, text).unwrap();
    let ask = |command: &[&str]| {
        let arguments = [&["--config", config.to_str().unwrap()], command].concat();
        kentongan(&arguments, "")
    };
    let (_, doctor) = ask(&["doctor"]);
    let (checked, text) = ask(&["prompts", "check"]);
    let well =
        |what: &str| doctor.lines().any(|line| line.starts_with(&format!("ok       {what}")));
    assert!(well("script") && well("codecs") && !doctor.contains("lapor.wav"), "{doctor}");
    // It lasts a little longer than prompts should.
    assert!(text.contains("warning: menu/lapor: ") && text.contains("/data/prompts/"), "{text}");
    checked.status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_that_is_uploaded_is_heard_by_the_next_call_and_the_old_one_after_going_back() {
    let hotline = Hotline::start("").unwrap();
    let siti = Supervisor::of(&hotline).await;
    let phone = phone().await;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/aduan.wav");
    upload(&siti, "/prompt/menu.lapor/suara", &std::fs::read(&own).unwrap());
    hotline.logs(TAKEN, 1).await;
    let known = with_recording("menu/lapor", &own);
    let mut call = phone.dial(&hotline.uri(), Some(&known), None).await.unwrap();
    hears(&mut call, "menu/lapor").await;
    call.hang_up().await;
    assert!(is_known_to_who_only_looks(&hotline));

    submit(&siti, "/prompt/menu.lapor/pakai", &[("rekaman", "")]);
    hotline.logs(TAKEN, 2).await;
    let mut call = dial(&phone, &hotline).await;
    hears(&mut call, "menu/lapor").await;
    assert!(names(call.heard()).contains(&"salam/direkam"), "{:?}", names(call.heard()));
    call.hang_up().await;

    // What was chosen lasts longer than the process.
    submit(&siti, "/prompt/menu.lapor/pakai", &[("rekaman", "1")]);
    hotline.logs(TAKEN, 3).await;
    let mut hotline = hotline;
    hotline.kill().unwrap();
    hotline.start_again().unwrap();
    let mut call = phone.dial(&hotline.uri(), Some(&known), None).await.unwrap();
    hears(&mut call, "menu/lapor").await;
    call.hang_up().await;
}
