//! A script or prompt that changes under a hotline that is up.

use std::path::{Path, PathBuf};

use kentongan::phone::PhoneCall;
use rustix::process::Signal;

use crate::caller::{self, PATIENCE, dial, hears, is_sent_off_with, names, phone};
use crate::hotline::Hotline;

const TAKEN: &str = "script and prompts read again";
const NOT_TAKEN: &str = "are not used";

/// A script and prompts of its own to change.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let site = Site { folder };
        std::fs::copy(home.join("ivr-scripts/hotline.toml"), site.script()).unwrap();
        copy_all(&home.join("prompts/id"), &site.prompts());
        site
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("hotline.toml")
    }

    fn prompts(&self) -> PathBuf {
        self.folder.path().join("prompts")
    }

    fn start(&self) -> Hotline {
        let extra =
            format!("ivr.script = {:?}\nprompts.folder = {:?}", self.script(), self.prompts());
        Hotline::start(&extra).unwrap()
    }

    fn change(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.script()).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(self.script(), text.replacen(from, to, 1)).unwrap();
    }
}

pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Lets the greeting and the notice pass, then ends by key.
async fn ends_with(mut call: PhoneCall, last: &str) {
    call.until(PATIENCE, |heard| heard.iter().any(|h| h.id == "salam/direkam")).await;
    call.press("9");
    is_sent_off_with(call, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_script_is_for_the_next_call_and_a_broken_one_for_none() {
    let site = Site::new();
    let hotline = site.start();
    let phone = phone().await;
    let old = dial(&phone, &hotline).await;
    site.change("prompts = [\"akhir/selesai\"]", "prompts = [\"akhir/terima_kasih\"]");
    hotline.logs(TAKEN, 1).await;
    let new = dial(&phone, &hotline).await;
    tokio::join!(ends_with(old, "akhir/selesai"), ends_with(new, "akhir/terima_kasih"));

    let good = std::fs::read_to_string(site.script()).unwrap();
    std::fs::write(site.script(), format!("{good}\n[step.rusak\n")).unwrap();
    hotline.logs(NOT_TAKEN, 1).await;
    let log = hotline.log();
    assert!(!log.contains('\u{1b}'), "colours in a file: {log}");
    let line = good.lines().count() + 2;
    assert!(hotline.log().contains(&format!("hotline.toml:{line}")), "{}", hotline.log());

    std::fs::write(site.script(), &good).unwrap();
    let menu = "], to = \"titip_pesan\" }\n\n# ---- 1: a report";
    site.change(menu, "], to = \"selesai\" }\n\n# ---- 1: a report");
    let silent = "[\"menu/singkat\"]], to = \"titip_pesan\" }";
    site.change(silent, "[\"menu/singkat\"]], to = \"selesai\" }");
    hotline.signal(Signal::HUP);
    hotline.logs("a caller who stays silent is hung up on", 1).await;
    let line = 1 + std::fs::read_to_string(site.script())
        .unwrap()
        .lines()
        .position(|line| line.contains("[\"menu/singkat\"]], to = \"selesai\""))
        .unwrap();
    assert!(hotline.log().contains(&format!("hotline.toml:{line}: error")), "{}", hotline.log());
    ends_with(dial(&phone, &hotline).await, "akhir/terima_kasih").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_was_refused_for_a_prompt_is_used_once_the_prompt_is_there() {
    let site = Site::new();
    let hotline = site.start();
    let phone = phone().await;
    site.change("prompts = [\"akhir/selesai\"]", "prompts = [\"akhir/baru\"]");
    hotline.logs("there is no prompt `akhir/baru`", 1).await;
    let wav = |id: &str| site.prompts().join(id).with_extension("wav");
    std::fs::copy(wav("akhir/terima_kasih"), wav("akhir/baru")).unwrap();
    hotline.logs(TAKEN, 1).await;
    let text = "[prompts]\n\"akhir/baru\" = \"Terima kasih.\"\n";
    std::fs::write(site.prompts().join("baru.toml"), text).unwrap();
    hotline.logs(TAKEN, 2).await;
    ends_with(dial(&phone, &hotline).await, "akhir/terima_kasih").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_recording_is_used_for_the_next_call() {
    let site = Site::new();
    let hotline = site.start();
    let phone = phone().await;
    let recorded = site.prompts().join("recorded/menu");
    std::fs::create_dir_all(&recorded).unwrap();
    // Moved there whole: a file that is still being copied is not read twice.
    std::fs::copy(site.prompts().join("pesan/petunjuk.wav"), site.folder.path().join("a.wav"))
        .unwrap();
    std::fs::rename(site.folder.path().join("a.wav"), recorded.join("lapor.wav")).unwrap();
    hotline.logs(TAKEN, 1).await;
    // With which text it was found is noted, so that a later change of the text is told.
    let noted = std::fs::read_to_string(site.prompts().join("rendered.toml")).unwrap();
    assert!(noted.contains("[recorded.\"menu/lapor\"]"), "{noted}");
    let with_it = caller::prompts(&site.prompts());
    let mut call = phone.dial(&hotline.uri(), Some(&with_it), None).await.unwrap();
    hears(&mut call, "menu/lapor").await;
    call.hang_up().await;

    std::fs::remove_dir_all(site.prompts().join("recorded")).unwrap();
    hotline.logs(TAKEN, 2).await;
    let mut call = dial(&phone, &hotline).await;
    hears(&mut call, "menu/lapor").await;
    call.hang_up().await;

    // A rendering that is made again lies in its old place.
    let other = std::fs::read(site.prompts().join("menu/cek.wav")).unwrap();
    std::fs::write(site.prompts().join("menu/lapor.wav"), other).unwrap();
    hotline.logs(TAKEN, 3).await;
    let mut call = dial(&phone, &hotline).await;
    hears(&mut call, "menu/informasi").await;
    assert!(!names(call.heard()).contains(&"menu/lapor"), "{:?}", names(call.heard()));
    call.hang_up().await;
}
