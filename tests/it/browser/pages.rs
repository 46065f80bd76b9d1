//! Every page, by day and by night, wide and narrow: nothing for axe to find, nothing that scrolls sideways, nothing that moves
//! for those who want it still.

use std::path::Path;

use kentongan::console;
use kentongan::ticket::Role;
use serde_json::{Value, json};

use super::Browser;
use super::desk::PASSWORD;
use super::office::Office;
use super::reports::DAYS;

/// A desk, a telephone, the desk at 200 %, and a large one.
const SCREENS: [(u32, u32); 4] = [(1366, 768), (360, 740), (683, 384), (1920, 1080)];

/// What a page keeps folded is part of it.
const UNFOLD: &str = "document.querySelectorAll('details').forEach((e) => { e.open = true; })";

/// Runs in the page; gives each finding with the elements that it is about.
const FINDINGS: &str = "const [rules, done] = arguments;
    axe.run(document, rules, (error, results) => done(error ? [String(error)] : results.violations.map(
        (v) => `${v.id} (${v.help}): ${v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary).join('; ')}`)));";

/// What sticks out of the page to the right, unless something around it scrolls by itself.
const WIDER: &str = "document.documentElement.scrollWidth <= document.documentElement.clientWidth ? null
    : [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 3).map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`).join(', ')";

/// What would move though it should not.
const MOVING: &str = "[...document.querySelectorAll('*')].filter((e) => {
        const style = getComputedStyle(e);
        return e.getClientRects().length > 0 && (style.animationName !== 'none' || style.transitionDuration.split(', ').some((d) => parseFloat(d) > 0.01)
            || style.scrollBehavior === 'smooth');
    }).map((e) => `${e.tagName}.${e.className}`).join(', ')";

/// The addresses as the table has them, with something real in the place of each name.
struct Places {
    ticket: String,
    call: i64,
    recording: i64,
}

impl Places {
    async fn of(office: &Office) -> Places {
        let codes = office.hears_all(DAYS).await;
        let view = office.store.ticket(&codes[0]).await.unwrap().unwrap();
        let call = view.ticket.call.expect("the newest is a call").0;
        let recording = view.spoken[0].recording.id.0;
        Places { ticket: codes[0].digits().to_owned(), call, recording }
    }

    fn fill(&self, path: &str) -> String {
        let filled = path
            .replace("{code}", &self.ticket)
            .replace("{call}", &self.call.to_string())
            .replace("{recording}", &self.recording.to_string())
            .replace("{name}", "style.css")
            .replace("{prompt}", "salam.nama")
            .replace("{take}", "1")
            .replace("{number}", "1")
            .replace("{token}", "tidak-ada");
        assert!(!filled.contains('{'), "say in Places what stands for it: {path}");
        filled
    }
}

#[tokio::test]
async fn every_page_is_sound_for_everybody_on_every_screen() {
    let Some(office) = Office::open().await else { return };
    let desk = office.visitor().await;
    office.hotline.logs("the first admin signs up at ", 1).await;
    let log = office.hotline.log();
    let link = log.split("the first admin signs up at ").nth(1).unwrap().lines().next().unwrap();
    let first_admin = format!("/mulai/{}", link.rsplit('/').next().unwrap());
    let mut findings = Vec::new();
    for path in [first_admin.as_str(), "/masuk"] {
        findings.extend(desk.look_at(path).await);
    }
    let places = Places::of(&office).await;
    let password = office.hire("admin", "Budi Santoso", Role::Admin);
    desk.enters("admin", &password).await;
    desk.arrives("/masuk/pasang").await;
    findings.extend(desk.look_at("/masuk/pasang").await);
    desk.signs_in_with_code("admin", &password).await;
    for path in console::pages() {
        let path = places.fill(path);
        if desk.is_page(&path).await {
            findings.extend(desk.look_at(&path).await);
        }
    }
    // What the table does not tell: a search, an empty queue, a form that was refused.
    for path in [
        "/kotak-masuk?cari=jalan",
        "/kotak-masuk?antrean=lewat",
        "/petugas?ubah=dewi",
        "/tidak-ada",
    ] {
        findings.extend(desk.look_at(path).await);
    }
    desk.goto("/akun").await;
    desk.click_on("Keluar").await;
    desk.arrives("/masuk").await;
    desk.enters("admin", PASSWORD).await;
    desk.arrives("/masuk/kode").await;
    findings.extend(desk.look_at("/masuk/kode").await);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    desk.close().await;
}

impl Browser {
    /// Whether there is a whole page at an address, and not a part of one, a picture, a sound or a stream.
    async fn is_page(&self, path: &str) -> bool {
        let ask = "const [path, done] = arguments; const stop = new AbortController();
            fetch(path, { signal: stop.signal }).then(async (answer) => {
                const html = (answer.headers.get('content-type') ?? '').startsWith('text/html');
                done(html && (await answer.text()).startsWith('<!doctype'));
                stop.abort();
            });";
        self.client.execute_async(ask, vec![json!(path)]).await.unwrap() == true
    }

    /// Everything that is wrong with a page.
    async fn look_at(&self, path: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for (screen, (width, height)) in SCREENS.into_iter().enumerate() {
            self.screen(width, height).await;
            self.prefers(&[("color-scheme", "light")]).await;
            self.goto(path).await;
            self.client.execute(UNFOLD, Vec::new()).await.unwrap();
            if let Some(wider) = self.value(WIDER).await.as_str() {
                wrong.push(format!("sideways: {wider}"));
            }
            let rules = if screen == 0 {
                json!({})
            } else {
                json!({ "runOnly": ["wcag2a", "wcag2aa", "wcag22aa"] })
            };
            wrong.extend(self.axe(rules).await);
            if screen == 0 {
                self.prefers(&[("color-scheme", "dark"), ("reduced-motion", "reduce")]).await;
                wrong.extend(
                    self.axe(
                        json!({ "runOnly": { "type": "rule", "values": ["color-contrast"] } }),
                    )
                    .await,
                );
                if let Some(moving) =
                    self.value(MOVING).await.as_str().filter(|moving| !moving.is_empty())
                {
                    wrong.push(format!("moves: {moving}"));
                }
            }
        }
        wrong.extend(self.complaints().await);
        wrong.iter().map(|what| format!("{path}: {what}")).collect()
    }

    async fn axe(&self, rules: Value) -> Vec<String> {
        let library =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("web/node_modules/axe-core/axe.min.js");
        let library = std::fs::read_to_string(library).expect("axe-core; `make test` installs it");
        if self.value("typeof axe").await == "undefined" {
            // As a script of the driver, which the page's policy does not concern.
            self.client.execute(&library, Vec::new()).await.unwrap();
        }
        let found = self.client.execute_async(FINDINGS, vec![rules]).await.unwrap();
        serde_json::from_value(found).unwrap()
    }
}
