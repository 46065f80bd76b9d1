//! A prompt that is changed in the console of a hotline that is up.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use kentongan::clock::{Clock as _, SystemClock};
use kentongan::media::Clip;
use kentongan::media::prompt::Library;
use kentongan::phone::ear::Repertoire;
use kentongan::prompts::Catalogue;
use kentongan::store::{Config, Doer, NewSession, NewStaff, Password, Stage, Store};
use kentongan::ticket::Role;
use sha2::{Digest as _, Sha256};

use crate::caller::{dial, hears, names, phone};
use crate::hotline::Hotline;

const TAKEN: &str = "script and prompts read again";
/// What the browser holds.
const TOKEN: &str = "0123456789abcdef";

/// Somebody at a browser.
struct Browser {
    port: u16,
}

impl Browser {
    /// Somebody new, signed in.
    async fn supervisor(hotline: &Hotline) -> Browser {
        let store = Store::open(&Config::at(hotline.database())).await.unwrap();
        let (now, doer) = (SystemClock.now(), Doer { login: "cli".into(), address: String::new() });
        let new = NewStaff {
            login: "rina".into(),
            name: "Rina".into(),
            role: Role::Supervisor,
            agency: None,
            password: Password { hash: "none".into(), must_change: false },
        };
        let staff = store.add_staff(new, doer.clone(), now).await.unwrap();
        let hash = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
        let session = NewSession {
            token: hash,
            replaces: None,
            staff,
            doer,
            stage: Stage::Full,
            secret: None,
            browser: String::new(),
            ends: now + Duration::from_secs(3600),
        };
        store.begin_session(session, now).await.unwrap();
        store.close().await;
        Browser { port: hotline.web_port }
    }

    /// Sends a form; the page after it is another one.
    fn submit(&self, path: &str, form: &str) {
        self.post(path, "application/x-www-form-urlencoded", form.as_bytes());
    }

    /// Sends a form with a sound in it.
    fn upload(&self, path: &str, sound: &[u8]) {
        let head =
            "--batas\r\nContent-Disposition: form-data; name=\"suara\"; filename=\"a.wav\"\r\n\r\n";
        let form = [head.as_bytes(), sound, b"\r\n--batas--\r\n"].concat();
        self.post(path, "multipart/form-data; boundary=batas", &form);
    }

    fn post(&self, path: &str, kind: &str, form: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: kentongan={TOKEN}\r\n\
             Connection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            form.len(),
            port = self.port,
        )
        .unwrap();
        stream.write_all(form).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 303"), "{path}: {answer}");
    }
}

/// What phones are to know once `id` is spoken by this recording.
fn with_recording(id: &str, recording: &Path) -> Repertoire {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id");
    let catalogue = Catalogue::read(&folder).unwrap();
    let shipped = Library::load(&folder, catalogue.ids()).unwrap();
    Repertoire::new(shipped.with([(id.to_owned(), Clip::from_recording(recording).unwrap())]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_that_is_uploaded_is_heard_by_the_next_call_and_the_old_one_after_going_back() {
    let hotline = Hotline::start("").unwrap();
    let browser = Browser::supervisor(&hotline).await;
    let phone = phone().await;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/aduan.wav");
    browser.upload("/prompt/menu.lapor/suara", &std::fs::read(&own).unwrap());
    hotline.logs(TAKEN, 1).await;
    let known = with_recording("menu/lapor", &own);
    let mut call = phone.dial(&hotline.uri(), Some(&known), None).await.unwrap();
    hears(&mut call, "menu/lapor").await;
    call.hang_up().await;

    browser.submit("/prompt/menu.lapor/pakai", "rekaman=");
    hotline.logs(TAKEN, 2).await;
    let mut call = dial(&phone, &hotline).await;
    hears(&mut call, "menu/lapor").await;
    assert!(names(call.heard()).contains(&"salam/direkam"), "{:?}", names(call.heard()));
    call.hang_up().await;

    // What was chosen lasts longer than the process.
    browser.submit("/prompt/menu.lapor/pakai", "rekaman=1");
    hotline.logs(TAKEN, 3).await;
    let mut hotline = hotline;
    hotline.kill().unwrap();
    hotline.start_again().unwrap();
    let mut call = phone.dial(&hotline.uri(), Some(&known), None).await.unwrap();
    hears(&mut call, "menu/lapor").await;
    call.hang_up().await;
}
