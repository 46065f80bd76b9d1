//! Phones nobody here wrote, driven by tests/phones, call the running hotline: what they said is in the recording, what the
//! hotline said is in what they heard, their keys count.
//!
//! With `KENTONGAN_SLOW=1` only: a call takes as long as a call.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::hotline::{Hotline, free_port, free_ports, slow};
use crate::{rows, sound};

const STORY: &str = "Jalan di depan pasar rusak dan berlubang besar, sudah ada yang jatuh, mohon segera diperbaiki.";

/// The phones there are.
#[derive(Clone, Copy)]
enum Phone {
    Baresip,
    /// Its keys as SIP INFO.
    BaresipInfo,
    Pjsua2,
}

impl Phone {
    fn command(self) -> Command {
        let driver = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/phones").join(name);
        match self {
            Phone::Baresip | Phone::BaresipInfo => {
                let mut command = Command::new("python3");
                command.arg(driver("baresip_phone.py"));
                command.args(["--control-port", &free_port().unwrap().to_string()]);
                if matches!(self, Phone::BaresipInfo) {
                    command.args(["--keys", "info"]);
                }
                command
            }
            Phone::Pjsua2 => {
                let mut command = Command::new(pjsua2_python());
                command.arg(driver("pjsua2_phone.py"));
                command
            }
        }
    }

    /// Lets the phone walk a scenario; what it heard.
    fn walk(self, scenario: &str, folder: &Path) -> Vec<f32> {
        let mut user = self.picked_up(folder);
        user.does(scenario);
        user.put_down()
    }

    /// Somebody at the phone, who waits to be told what to do.
    fn picked_up(self, folder: &Path) -> User {
        let heard = folder.join("heard.wav");
        let phone = self
            .command()
            .args(["--sip-port", &free_port().unwrap().to_string()])
            .args(["--rtp-port", &even(free_ports(101).unwrap()).to_string()])
            .arg("--heard")
            .arg(&heard)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 and the phones are installed: run deploy/setup test");
        User { phone, heard, told: String::new() }
    }
}

/// Somebody at a phone.
struct User {
    phone: Child,
    heard: PathBuf,
    /// What they were told to do.
    told: String,
}

impl User {
    fn does(&mut self, lines: &str) {
        self.told += lines;
        let mut ear = self.phone.stdin.as_ref().expect("open until the end");
        ear.write_all(lines.as_bytes()).and_then(|()| ear.flush()).unwrap();
    }

    /// Waits until the call that is up has come to this step, and then does something.
    async fn at(&mut self, hotline: &Hotline, step: &str, lines: &str) {
        let there = async {
            while !rows::calls(hotline)
                .await
                .last()
                .is_some_and(|call| call.end_reason.is_empty() && call.entered(step))
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let patience = Duration::from_secs(90);
        let came = tokio::time::timeout(patience, there).await;
        assert!(came.is_ok(), "never at {step}: {:?}", rows::calls(hotline).await);
        self.does(lines);
    }

    /// Nothing more is to be done; what was heard.
    fn put_down(mut self) -> Vec<f32> {
        drop(self.phone.stdin.take());
        let output = self.phone.wait_with_output().unwrap();
        let [events, errors] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success(), "{}\n{events}\n{errors}", self.told);
        sound::read(&self.heard)
    }
}

/// deploy/setup puts the library there.
fn pjsua2_python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    cache.join("kentongan/phones/bin/python")
}

/// RTP begins at an even port (RFC 3550 section 11).
fn even(port: u16) -> u16 {
    port.next_multiple_of(2)
}

fn prompt(id: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id").join(id).with_extension("wav")
}

/// Seconds that these prompts take, one after the other.
fn seconds(prompts: &[&str]) -> f64 {
    prompts.iter().map(|id| sound::length(&prompt(id)).as_secs_f64()).sum()
}

/// `1` into the greeting, the story after the beep, `#` to end it, `#` to send it, and the code.
fn report(hotline: &Hotline, story: &Path) -> String {
    let until_beep = seconds(&["salam/direkam", "lapor/petunjuk", "lapor/akhiri"]) + 2.0;
    let mut scenario =
        format!("dial sip:100@127.0.0.1:{}\nawait established 10\n", hotline.sip_port);
    write!(scenario, "wait 1.5\nkey 1\nwait {until_beep:.1}\n").unwrap();
    write!(
        scenario,
        "say {}\nwait {:.1}\n",
        story.display(),
        sound::length(story).as_secs_f64() + 1.0
    )
    .unwrap();
    let until_code = seconds(&["kode/diterima", "kode/kode_anda"]) + 3.0;
    write!(scenario, "key #\nwait 2\nkey #\nwait {until_code:.1}\nhang up\n").unwrap();
    scenario
}

/// A phone reports: one call, one ticket, the voice in its recording, the prompts in its ear.
async fn reports(phone: Phone) {
    let mut hotline = Hotline::start("").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let story = sound::spoken(STORY, folder.path());
    let heard = phone.walk(&report(&hotline, &story), folder.path());
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());

    let calls = rows::calls(&hotline).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].did("menu_utama", "key 1") && calls[0].entered("simpan"), "{:?}", calls[0]);
    assert_eq!((calls[0].end_reason.as_str(), calls[0].packets_lost), ("hung_up", 0));
    assert_eq!(rows::codes(&hotline).await.len(), 1, "{:?}", calls[0]);

    let recordings = rows::recordings(&hotline).await;
    assert_eq!(recordings.len(), 1);
    let kept = sound::read(&hotline.data.join(&recordings[0].file));
    assert_eq!(
        (recordings[0].slot.as_str(), recordings[0].duration_ms),
        ("cerita", kept.len() as i64 / 8)
    );
    sound::assert_holds(&kept, &sound::read(&story), "the story in the recording");
    for id in ["salam/direkam", "lapor/petunjuk", "kode/diterima"] {
        sound::assert_holds(&heard, &sound::read(&prompt(id)), id);
    }
}

#[tokio::test]
async fn baresip_reports_and_hears_its_code() {
    if slow() {
        reports(Phone::Baresip).await;
    }
}

#[tokio::test]
async fn baresip_reports_with_keys_by_info() {
    if slow() {
        reports(Phone::BaresipInfo).await;
    }
}

#[tokio::test]
async fn pjsua2_reports_and_hears_its_code() {
    if slow() {
        reports(Phone::Pjsua2).await;
    }
}

#[tokio::test]
async fn pjsua2_calls_again_and_hears_what_became_of_it() {
    if !slow() {
        return;
    }
    let mut hotline = Hotline::start("").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let story = sound::spoken(STORY, folder.path());
    Phone::Pjsua2.walk(&report(&hotline, &story), folder.path());
    let codes = rows::codes(&hotline).await;
    let [code] = codes.as_slice() else { panic!("one ticket: {codes:?}") };

    let notice = seconds(&["salam/direkam"]) + 1.0;
    let ask = format!(
        "dial sip:100@127.0.0.1:{}\nawait established 10\nwait 1.5\nkey 2\nwait {notice:.1}\nkey {code}\nwait 8\nhang up\n",
        hotline.sip_port
    );
    Phone::Pjsua2.walk(&ask, folder.path());
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());
    let calls = rows::calls(&hotline).await;
    assert!(calls.len() == 2 && calls[1].entered("status"), "{calls:?}");
}

/// A neighbour who finds the code on a note must not hear what became of it.
#[tokio::test]
async fn baresip_guards_a_report_by_a_pin_and_asks_with_it() {
    if !slow() {
        return;
    }
    let mut hotline = Hotline::start("").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let story = sound::spoken(STORY, folder.path());
    let dial = format!("dial sip:100@127.0.0.1:{}\nawait established 10\n", hotline.sip_port);
    let mut user = Phone::Baresip.picked_up(folder.path());
    user.does(&dial);
    user.at(&hotline, "menu_utama", "key 1\n").await;
    let until_beep = seconds(&["salam/direkam", "lapor/petunjuk", "lapor/akhiri"]) + 2.0;
    let length = sound::length(&story).as_secs_f64() + 1.0;
    let speak = format!("wait {until_beep:.1}\nsay {}\nwait {length:.1}\nkey #\n", story.display());
    user.at(&hotline, "lapor", &speak).await;
    user.at(&hotline, "periksa", "wait 1\nkey #\n").await;
    // Straight on from the code, and nothing about the caller.
    user.at(&hotline, "ulang_kode", "key #\n").await;
    user.at(&hotline, "anonim", "key 2\n").await;
    user.at(&hotline, "rahasia", "key 1\n").await;
    user.at(&hotline, "pin", "key 2468\n").await;
    user.at(&hotline, "pin_tersimpan", "await ended 30\n").await;
    let heard = user.put_down();
    sound::assert_holds(&heard, &sound::read(&prompt("tambahan/pin_tersimpan")), "it is kept");

    let [code] = &rows::codes(&hotline).await[..] else { panic!("one ticket") };
    let mut user = Phone::Baresip.picked_up(folder.path());
    user.does(&dial);
    user.at(&hotline, "menu_utama", "key 2\n").await;
    let asked = seconds(&["cek/pin"]);
    let wrong = format!(
        "wait 2\nkey {code}\nwait {asked:.1}\nkey 1357\nwait {:.1}\n",
        asked + seconds(&["cek/pin_salah"])
    );
    user.at(&hotline, "cek", &wrong).await;
    user.does("key 2468\n");
    user.at(
        &hotline,
        "status",
        &format!("wait {:.1}\nhang up\n", seconds(&["status/diterima"]) + 1.0),
    )
    .await;
    let heard = user.put_down();
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());
    for id in ["cek/pin", "cek/pin_salah", "status/diterima"] {
        sound::assert_holds(&heard, &sound::read(&prompt(id)), id);
    }
}
