//! The console in headless Chromium: what a person at a desk sees, clicks and types, against a running hotline.
//!
//! With `KENTONGAN_SLOW=1` only: each desk is a browser of its own.

mod desk;
mod director;
mod flows;
mod office;
mod pages;
mod pictures;
mod reports;

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::error::NewSessionError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::hotline::free_port;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a page is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// What Chromium is told: no screen, and nothing that asks the world.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
];

/// One browser with one tab.
pub struct Browser {
    client: Client,
    /// Where the console is.
    origin: String,
    _driver: Driver,
}

/// chromedriver and the Chromium it started, in a process group of their own, with a profile that goes away.
struct Driver {
    child: Child,
    profile: tempfile::TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Chromium outlives its driver unless it is told too.
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// A command of chromedriver that WebDriver itself does not have.
#[derive(Debug)]
struct Chromium(&'static str, Value);

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

impl Browser {
    /// Opens one that shows nothing yet. `flags` are for Chromium, beside the usual ones.
    pub async fn open(web_port: u16, flags: &[String]) -> Browser {
        Browser::open_at(format!("http://127.0.0.1:{web_port}"), flags).await
    }

    /// The same where the console is reached by another name.
    pub async fn open_at(origin: String, flags: &[String]) -> Browser {
        let port = free_port().unwrap();
        let profile = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver; `make test` installs it");
        let driver = Driver { child, profile };
        let mut args: Vec<String> = FLAGS.map(String::from).into();
        args.push(format!("--user-data-dir={}", driver.profile.path().display()));
        args.extend_from_slice(flags);
        let wanted = json!({
            "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted.as_object().unwrap().clone());
        let address = format!("http://127.0.0.1:{port}");
        let connecting = async {
            loop {
                match builder.connect(&address).await {
                    Ok(client) => return client,
                    Err(error @ NewSessionError::SessionNotCreated(_)) => {
                        panic!("no Chromium: {error}")
                    }
                    // chromedriver is not there yet.
                    Err(_) => tokio::time::sleep(LOOK).await,
                }
            }
        };
        let client =
            tokio::time::timeout(PATIENCE, connecting).await.expect("chromedriver answers");
        let browser = Browser { client, origin, _driver: driver };
        browser.screen(1366, 768).await;
        browser
    }

    /// Ends it, once it has nothing to complain about: scripts that failed, and what the page was forbidden to load.
    pub async fn close(self) {
        let complaints = self.complaints().await;
        assert_eq!(complaints, Vec::<String>::new());
        self.client.close().await.unwrap();
    }

    /// What the browser's own console says went wrong, once.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.chromium("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        let text = severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        // A form that was refused is a page like any other.
        text.filter(|text| {
            text.contains("/aset/") || !text.contains("responded with a status of 4")
        })
        // Without TLS one of the headers means nothing to it, and it says so.
        .filter(|text| !text.contains("Cross-Origin-Opener-Policy header has been ignored"))
        .collect()
    }

    /// Sets how large the window's inside is.
    pub async fn screen(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Sets what the person at it prefers: `prefers-color-scheme`, `prefers-reduced-motion`.
    pub async fn prefers(&self, preferences: &[(&str, &str)]) {
        let one = |(name, value): &(&str, &str)| json!({ "name": format!("prefers-{name}"), "value": value });
        let features: Vec<Value> = preferences.iter().map(one).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    async fn devtools(&self, command: &str, params: Value) -> Value {
        self.chromium("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    async fn chromium(&self, command: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Chromium(command, body)).await.unwrap()
    }

    /// Goes to an address of the console.
    pub async fn goto(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.origin)).await.unwrap();
    }

    /// Where it is, without the host.
    pub async fn path(&self) -> String {
        let address = self.client.current_url().await.unwrap();
        address.as_str().strip_prefix(&self.origin).unwrap_or(address.as_str()).to_owned()
    }

    /// What an expression of the page's own is worth.
    pub async fn value(&self, expression: &str) -> Value {
        self.client.execute(&format!("return ({expression});"), Vec::new()).await.unwrap()
    }

    /// Waits until an expression is true, on this page or the one that comes.
    pub async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression});");
        // While a page gives way to the next one nothing can be asked.
        self.wait(expression, async || {
            self.client
                .execute(&script, Vec::new())
                .await
                .is_ok_and(|value| value == true)
                .then_some(())
        })
        .await
    }

    /// Waits until the page says so.
    pub async fn sees(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await
    }

    /// Waits until it is on a page whose path begins so.
    pub async fn arrives(&self, path: &str) {
        let there = format!(
            "location.pathname.startsWith({}) && document.readyState === 'complete'",
            json!(path)
        );
        self.until(&there).await
    }

    /// The first that fits, once it is there.
    pub async fn find(&self, css: &str) -> Element {
        self.wait(css, async || self.client.find(Locator::Css(css)).await.ok()).await
    }

    /// Its text as a person reads it.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Clicks what fits, once it can be clicked.
    pub async fn click(&self, css: &str) {
        self.wait(css, async || self.client.find(Locator::Css(css)).await.ok()?.click().await.ok())
            .await
    }

    /// Clicks the first button, link or summary of this name that can be clicked.
    pub async fn click_on(&self, name: &str) {
        let path = format!(
            "//*[self::button or self::a or self::summary][normalize-space()={}]",
            json!(name)
        );
        self.wait(name, async || {
            for element in self.client.find_all(Locator::XPath(&path)).await.ok()? {
                if element.click().await.is_ok() {
                    return Some(());
                }
            }
            None
        })
        .await
    }

    /// Types into a field that may hold something already.
    pub async fn fill(&self, css: &str, text: &str) {
        self.wait(css, async || {
            let field = self.client.find(Locator::Css(css)).await.ok()?;
            field.clear().await.ok()?;
            field.send_keys(text).await.ok()
        })
        .await
    }

    /// Presses a key, or several at once (`Alt+k`), wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let keys: Vec<char> = keys.split('+').map(key).collect();
        let down = keys.iter().map(|key| KeyAction::Down { value: *key });
        let up = keys.iter().rev().map(|key| KeyAction::Up { value: *key });
        self.perform(down.chain(up)).await;
    }

    /// Types wherever the focus is.
    pub async fn types(&self, text: &str) {
        self.perform(
            text.chars().flat_map(|c| [KeyAction::Down { value: c }, KeyAction::Up { value: c }]),
        )
        .await;
    }

    async fn perform(&self, actions: impl Iterator<Item = KeyAction>) {
        let keyboard = actions.fold(KeyActions::new("keyboard".into()), |all, one| all.then(one));
        self.client.perform_actions(keyboard).await.unwrap();
    }

    /// What is on the screen, as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        self.client.screenshot().await.unwrap()
    }

    async fn wait<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!(
                "{what}: not on {}\n{}\n{:?}",
                self.path().await,
                self.value("document.body.innerText").await.as_str().unwrap_or_default(),
                self.complaints().await
            ),
        }
    }
}

/// A key by its name, as WebDriver writes it.
fn key(name: &str) -> char {
    match name {
        "Tab" => '\u{e004}',
        "Enter" => '\u{e007}',
        "Shift" => '\u{e008}',
        "Ctrl" => '\u{e009}',
        "Alt" => '\u{e00a}',
        "Esc" => '\u{e00c}',
        "Space" => ' ',
        "Left" => '\u{e012}',
        "Up" => '\u{e013}',
        "Right" => '\u{e014}',
        "Down" => '\u{e015}',
        letter => letter.chars().next().expect("a key"),
    }
}
