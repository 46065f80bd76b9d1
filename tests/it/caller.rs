//! Callers: the phone in software, with what every test of a whole call needs.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use kentongan::media::Clip;
use kentongan::media::prompt::Library;
use kentongan::phone::ear::{Heard, Repertoire};
use kentongan::phone::{Met, Phone, PhoneCall, PhoneError};
use kentongan::prompts::Catalogue;
use kentongan::sip::{DialError, EndReason};

use crate::hotline::Hotline;

/// The longest that any prompt may be waited for.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// The shipped prompts.
pub static PROMPTS: LazyLock<Repertoire> =
    LazyLock::new(|| prompts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id")));

/// The prompts in a folder.
pub fn prompts(folder: &Path) -> Repertoire {
    let catalogue = Catalogue::read(folder).unwrap();
    Repertoire::new(Library::load(folder, catalogue.ids()).unwrap())
}

/// Fifteen seconds of somebody who complains.
pub static COMPLAINT: LazyLock<Arc<Clip>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/aduan.wav");
    Arc::new(Clip::from_wav(&path).unwrap())
});

/// A phone on loopback.
pub async fn phone() -> Phone {
    Phone::new([127, 0, 0, 1].into(), "+6281200000000").await.unwrap()
}

/// A call that is up and can be heard.
pub async fn dial(phone: &Phone, hotline: &Hotline) -> PhoneCall {
    dial_by(phone, &hotline.uri()).await
}

/// The same, by the way that `uri` leads.
pub async fn dial_by(phone: &Phone, uri: &str) -> PhoneCall {
    let mut tries = 0..20;
    let mut call = loop {
        match phone.dial(uri, Some(&PROMPTS), None).await {
            // A busy machine: the hotline refuses calls while its packets run late.
            Err(PhoneError::Dial(DialError::Refused { status: 503, .. }))
                if tries.next().is_some() =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            dialled => break dialled.unwrap(),
        }
    };
    // Keys count from the ACK on.
    call.wait(Duration::from_millis(300)).await;
    call
}

/// Waits until a prompt that comes after what was heard so far has been heard from beginning to end.
pub async fn hears(call: &mut PhoneCall, id: &str) {
    let known = call.heard().len();
    let met =
        call.until(PATIENCE, |heard| heard[known..].iter().any(|h| h.whole && h.id == id)).await;
    assert_eq!(met, Met::Yes, "{id} was not heard; heard so far: {:?}", names(call.heard()));
}

/// By the shortest way to where a complaint is recorded, and past the tone.
pub async fn to_the_tone(call: &mut PhoneCall) {
    let tone = |heard: &[Heard]| heard.iter().any(|h| h.id == "bunyi/bip");
    // One for the menu, which may come before it is offered, one to cut the instructions short, and others for a
    // machine so busy that one is lost: while it records they do nothing.
    for _ in 0..20 {
        call.press("1");
        match call.until(Duration::from_secs(2), tone).await {
            Met::Yes => return,
            Met::TimeOut => {}
            Met::Ended(reason) => panic!("{reason:?}: {:?}", names(call.heard())),
        }
    }
    panic!("no tone was heard: {:?}", names(call.heard()));
}

/// Waits until the hotline ends the call, and asserts that this is what it said last.
pub async fn is_sent_off_with(mut call: PhoneCall, id: &str) {
    let ended = tokio::time::timeout(PATIENCE, call.wait_for_end()).await;
    assert!(ended.is_ok(), "the call goes on; heard so far: {:?}", names(call.heard()));
    let lasted = call.since_answer();
    let hearing = call.hang_up().await;
    assert_eq!(hearing.ended, EndReason::RemoteBye);
    // The phone's own buffer swallows the last hundredths: whole it cannot be.
    let last = hearing.heard.last().expect("something was heard");
    assert_eq!(last.id, id, "{:?}", names(&hearing.heard));
    let length = PROMPTS.clip(id).unwrap().duration();
    assert!(last.at + length < lasted + Duration::from_millis(500), "{id} was cut short");
}

/// The code that was read out, once all of it was.
pub fn code(heard: &[Heard]) -> Option<String> {
    let start = heard.iter().position(|h| h.id == "kode/kode_anda" && h.whole)?;
    let digits: String = heard[start..]
        .iter()
        .filter(|h| h.whole)
        .filter_map(|h| h.id.strip_prefix("angka/"))
        .filter(|digit| digit.len() == 1)
        .take(8)
        .collect();
    (digits.len() == 8).then_some(digits)
}

/// Waits for the code.
pub async fn hears_code(call: &mut PhoneCall) -> String {
    let met = call.until(PATIENCE, |heard| code(heard).is_some()).await;
    assert_eq!(met, Met::Yes, "no code was heard; heard so far: {:?}", names(call.heard()));
    code(call.heard()).unwrap()
}

/// What was heard, by name.
pub fn names(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|h| h.id.as_str()).collect()
}

/// Runs the program to its end; `keys` are its standard input.
pub fn kentongan<S: AsRef<std::ffi::OsStr>>(args: &[S], keys: &str) -> (Output, String) {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_kentongan"))
        .args(args)
        // `make` sets it, and it would go over a test's own configuration.
        .env_remove("KENTONGAN__ASR__MODELS")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read has ended; its output tells why.
    let _ = child.stdin.take().unwrap().write_all(keys.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat();
    (output, text)
}
