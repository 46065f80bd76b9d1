//! `kentongan doctor` names each fault and what to do about it.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use crate::caller::kentongan;
use crate::hotline::{Hotline, free_port};

/// An installation that nobody serves, with `changes` to its configuration.
struct Site {
    folder: tempfile::TempDir,
    sip: u16,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Site { folder, sip: free_port().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the doctor says, and whether all is well.
    fn doctor(&self, changes: &[(&str, &str)]) -> (bool, String) {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut values = vec![
            ("data", format!("{:?}", self.path("data"))),
            ("sip.listen", format!("'127.0.0.1:{}'", self.sip)),
            ("http.listen", format!("'127.0.0.1:{}'", free_port().unwrap())),
            ("web.tls.enabled", "false".into()),
            ("web.listen", format!("'127.0.0.1:{}'", free_port().unwrap())),
            ("media.bind", "'127.0.0.1'".into()),
            ("ivr.script", format!("{:?}", home.join("ivr-scripts/hotline.toml"))),
            ("prompts.folder", format!("{:?}", home.join("prompts/id"))),
        ];
        for (key, value) in changes {
            values.retain(|(known, _)| known != key);
            values.push((key, (*value).into()));
        }
        let text: String = values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        std::fs::write(self.path("kentongan.toml"), text).unwrap();
        let config = self.path("kentongan.toml");
        let (told, text) =
            kentongan(&["--config".as_ref(), config.as_os_str(), "doctor".as_ref()], "");
        assert!(matches!(told.status.code(), Some(0 | 1)), "{}", told.status);
        (told.status.success(), text)
    }

    /// Asserts that the doctor finds this, and nothing else that is an error.
    fn finds(&self, changes: &[(&str, &str)], what: &str, said: &[&str]) {
        let (well, text) = self.doctor(changes);
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
        assert!(!well && !errors.is_empty(), "{text}");
        let all = errors.iter().all(|line| line.starts_with(&format!("ERROR    {what}")));
        assert!(all, "{text}");
        for said in said {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}

#[test]
fn a_fresh_machine_is_well() {
    let site = Site::new();
    let (well, text) = site.doctor(&[]);
    assert!(well, "{text}");
    assert!(text.contains("/data will be made at the first start"), "{text}");
    assert!(!site.path("data").exists(), "looking makes nothing");
}

#[test]
fn a_taken_port_is_told() {
    let site = Site::new();
    let _udp = UdpSocket::bind(("127.0.0.1", site.sip)).unwrap();
    site.finds(&[], "sip", &["cannot be bound", "stop what uses it, or change [sip] listen"]);
    let _tcp = TcpListener::bind(("127.0.0.1", site.sip)).unwrap();
    site.finds(&[], "sip", &["cannot be bound"]);
}

#[test]
fn missing_prompts_are_told() {
    let site = Site::new();
    let (well, text) = site.doctor(&[("prompts.folder", &format!("{:?}", site.path("none")))]);
    assert!(!well);
    assert!(text.contains("ERROR    prompts") && text.contains("/none"), "{text}");

    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let voice = site.path("voice");
    std::fs::create_dir(&voice).unwrap();
    for file in ["prompts.toml", "clips.toml", "rendered.toml"] {
        std::fs::copy(home.join("prompts/id").join(file), voice.join(file)).unwrap();
    }
    let (well, text) = site.doctor(&[("prompts.folder", &format!("{voice:?}"))]);
    assert!(!well);
    assert!(text.contains("salam/nama") && text.contains("kentongan prompts render"), "{text}");
}

#[test]
fn a_broken_script_is_told_by_its_line() {
    let site = Site::new();
    let script = site.path("broken.toml");
    std::fs::write(&script, "name = 'x'\nstart = \n").unwrap();
    let change = format!("{script:?}");
    site.finds(&[("ivr.script", &change)], "script", &["broken.toml:2"]);
    site.finds(&[("ivr.script", "'/nowhere.toml'")], "script", &["cannot read", "/nowhere.toml"]);
}

#[test]
fn mistakes_in_the_data_for_suggestions_are_told_by_their_line() {
    let site = Site::new();
    let file = site.path("words.toml");
    let change = format!("{file:?}");
    std::fs::write(&file, "[[category]]\nid = 'jalan'\nsuer = ['aspal']\n").unwrap();
    site.finds(&[("suggest.categories", &change)], "words", &["words.toml:3", "suer"]);
    site.finds(&[("suggest.places", &change)], "places", &["words.toml:1"]);
    site.finds(&[("suggest.places", "'/nowhere.toml'")], "places", &["cannot read /nowhere.toml"]);
}

#[test]
fn a_damaged_database_is_told() {
    let mut hotline = Hotline::start("").unwrap();
    assert!(hotline.stop().unwrap().success());
    let site = Site::new();
    std::fs::create_dir(site.path("data")).unwrap();
    let sound = std::fs::read(hotline.database()).unwrap();
    let database = site.path("data/kentongan.sqlite3");
    std::fs::write(&database, &sound).unwrap();
    assert!(site.doctor(&[]).0, "{}", site.doctor(&[]).1);
    // The first page is what makes it a database; each other one belongs to a table or an index.
    for from in [0, 4096 * 2, sound.len() / 2 / 4096 * 4096] {
        let mut damaged = sound.clone();
        damaged[from..from + 4096].fill(0xA5);
        std::fs::write(&database, &damaged).unwrap();
        site.finds(&[], "database", &["restore a backup"]);
    }
    std::fs::write(&database, &sound[..sound.len() / 2]).unwrap();
    site.finds(&[], "database", &["restore a backup"]);
}

#[test]
fn a_disk_that_takes_nothing_is_told() {
    let site = Site::new();
    std::fs::write(site.path("file"), "").unwrap();
    let file = site.path("file");
    site.finds(&[("data", &format!("{:?}", file.join("data")))], "disk", &["cannot be made"]);
    site.finds(&[("data", &format!("{file:?}"))], "disk", &["folder"]);
    std::fs::create_dir(site.path("data")).unwrap();
    std::fs::write(site.path("data/recordings"), "").unwrap();
    site.finds(&[], "disk", &["/data/recordings"]);
}

#[test]
fn a_misspelt_zone_is_told() {
    let site = Site::new();
    let change = ("calls.time_zone", "'Asia/Jakrata'");
    site.finds(&[change], "clock", &["[calls] time_zone", "Asia/Jakrata", "Asia/Jakarta"]);
}

#[test]
fn a_model_that_cannot_be_opened_is_told_with_the_command_that_mends_it() {
    let site = Site::new();
    let models = format!("{:?}", site.path("models"));
    let config = site.path("kentongan.toml").display().to_string();
    // Calls go on without a model: nothing of this is an error.
    let said = |changes: &[(&str, &str)]| {
        let (well, text) = site.doctor(&[&[("asr.models", models.as_str())], changes].concat());
        assert!(well, "{text}");
        let line = text.lines().find(|line| line.starts_with("warning  model")).map(String::from);
        line.unwrap_or_else(|| panic!("{text}"))
    };
    let install = |what: &str| format!("run `kentongan --config {config} model install {what}`");
    let line = said(&[]);
    assert!(line.contains(&install("whisper-base")), "{line}");
    let line = said(&[("asr.model", "'mine'")]);
    assert!(line.contains(&install("mine --from FILE")), "{line}");

    std::fs::create_dir_all(site.path("models/whisper-base")).unwrap();
    std::fs::write(site.path("models/whisper-base/model.ggml"), "lmggbroken").unwrap();
    let line = said(&[]);
    assert!(line.contains("model.ggml") && line.contains(&install("whisper-base")), "{line}");
    let line = said(&[("asr.engine", "'vosk'")]);
    assert!(line.contains("set engine = \"whisper\" in [asr]"), "{line}");

    std::fs::create_dir_all(site.path("models/vosk-id/am")).unwrap();
    std::fs::write(site.path("models/vosk-id/am/final.mdl"), "broken").unwrap();
    let line = said(&[("asr.engine", "'vosk'"), ("asr.model", "'vosk-id'")]);
    let mended = match cfg!(feature = "vosk") {
        true => install("vosk-id"),
        false => "`cargo build --release --features vosk`".into(),
    };
    assert!(line.contains(&mended), "{line}");
}
