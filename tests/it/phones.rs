//! Phones nobody here wrote, driven by tests/phones, call the running hotline: what they said is in the recording, what the
//! hotline said is in what they heard, their keys count.
//!
//! With `KENTONGAN_SLOW=1` only: a call takes as long as a call.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::hotline::{Hotline, free_port, slow};
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
        let (file, heard) = (folder.join("scenario"), folder.join("heard.wav"));
        std::fs::write(&file, scenario).unwrap();
        let output = self
            .command()
            .arg(&file)
            .args(["--sip-port", &free_port().unwrap().to_string()])
            .args(["--rtp-port", &free_ports(100).to_string()])
            .arg("--heard")
            .arg(&heard)
            .stdin(Stdio::null())
            .output()
            .expect("python3 and the phones are installed: run deploy/setup test");
        let [events, errors] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success(), "{scenario}\n{events}\n{errors}");
        sound::read(&heard)
    }
}

/// deploy/setup puts the library there.
fn pjsua2_python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    cache.join("kentongan/phones/bin/python")
}

/// The first of `count` UDP ports in a row that were free a moment ago.
fn free_ports(count: u16) -> u16 {
    let free = |port: u16| std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok();
    loop {
        let first = free_port().unwrap() & !1;
        if first.checked_add(count).is_some() && (first..first + count).all(free) {
            return first;
        }
    }
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
