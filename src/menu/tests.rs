use super::*;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const GOOD: &str = include_str!("../../ivr-scripts/hotline.toml");

fn known() -> BTreeSet<PromptId> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/id");
    let catalogue = crate::prompts::Catalogue::read(folder.as_ref()).unwrap();
    catalogue.ids().map(str::to_owned).collect()
}

/// A file that is written and looked at, and the rows beside it.
struct Site {
    folder: tempfile::TempDir,
    store: Store,
    prompts: BTreeSet<PromptId>,
}

impl Site {
    async fn new() -> Site {
        Site {
            folder: tempfile::tempdir().unwrap(),
            store: Store::in_memory().await.unwrap(),
            prompts: known(),
        }
    }

    async fn says(&self, text: &str) -> Result<Found, FileError> {
        let path = self.folder.path().join("menu.toml");
        std::fs::write(&path, text).unwrap();
        take_file(&self.store, &path, &self.prompts, NOW).await
    }

    async fn published_at_the_console(&self, text: &str) -> i64 {
        let sound = prove("x", text.into(), &self.prompts).unwrap();
        let base = self.store.menu_newest().await.unwrap().map(|row| row.number);
        let from =
            Origin { origin: MenuOrigin::Console, note: "jam baru".into(), base, nonce: None };
        let doer = Doer { login: "siti".into(), address: String::new() };
        sound.publish(&self.store, from, doer, NOW).await.unwrap()
    }

    async fn answers(&self) -> String {
        self.store.menu_published().await.unwrap().unwrap().text
    }
}

fn with(comment: &str) -> String {
    format!("{GOOD}# {comment}\n")
}

#[tokio::test]
async fn as_long_as_only_files_were_published_the_newest_file_answers() {
    let site = Site::new().await;
    assert_eq!(site.says(GOOD).await.unwrap(), Found::Published(1));
    assert_eq!(site.says(GOOD).await.unwrap(), Found::Same);
    assert_eq!(site.says(&GOOD.replace('\n', "\r\n")).await.unwrap(), Found::Same);
    assert_eq!(site.says(&with("a")).await.unwrap(), Found::Published(2));
    assert_eq!(site.says(GOOD).await.unwrap(), Found::Published(3), "and back again");
}

#[tokio::test]
async fn a_file_does_not_overrule_the_console_and_is_not_lost() {
    let site = Site::new().await;
    site.says(GOOD).await.unwrap();
    let number = site.published_at_the_console(&with("siti")).await;
    assert_eq!(site.says(GOOD).await.unwrap(), Found::Older);
    assert_eq!(site.says(&with("teknisi")).await.unwrap(), Found::Waits(number + 1));
    assert_eq!(site.says(&with("teknisi")).await.unwrap(), Found::Older, "it is told once");
    assert_eq!(site.answers().await, with("siti"));
    let waiting = site.store.menu(number + 1).await.unwrap().unwrap();
    assert_eq!((waiting.text, waiting.author.as_str()), (with("teknisi"), "file"));
    assert_eq!(site.says(&with("siti")).await.unwrap(), Found::Same);
}

#[tokio::test]
async fn a_broken_file_becomes_no_version_and_says_its_line() {
    let site = Site::new().await;
    for (broken, said) in [
        (GOOD.replace("to = \"cek\"", "to = \"cekk\""), "did you mean `cek`?"),
        (GOOD.replace("kind = \"say\"", "kind = \"sing\""), "there is no kind `sing`"),
        ("x".repeat(70_000), "65536 are the most"),
    ] {
        let error = site.says(&broken).await.unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("menu.toml:"), "{error}");
    }
    assert!(site.store.menu_newest().await.unwrap().is_none());
}

#[test]
fn a_text_that_is_only_worth_a_warning_is_sound() {
    let short = GOOD.replacen("prompts = [\"{options}\"]", "prompts = [\"menu/singkat\"]", 1);
    let sound = prove("menu.toml", short, &known()).unwrap();
    assert!(sound.warnings().iter().all(|w| w.severity == Severity::Warning));
    assert!(!sound.warnings().is_empty());
}

#[test]
fn without_the_prompts_nothing_is_sound() {
    let findings = prove("menu.toml", GOOD.into(), &BTreeSet::new()).unwrap_err().findings();
    assert!(findings.iter().any(|f| f.sentence.contains("there is no prompt `salam/nama`")));
}

#[test]
fn a_class_that_tickets_do_not_have_is_refused_with_its_line() {
    let text = GOOD.replacen("story = \"complaint\"", "story = \"keluhan\"", 1);
    let line = 1 + text.lines().position(|line| line == "[step.lapor]").unwrap();
    let Err(Unsound::Rules { findings, .. }) = prove("x", text, &known()) else { panic!("sound") };
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].line, findings[0].step.as_deref()), (line, Some("lapor")));
    let ours = crate::ivr::check::indonesian(&findings[0].sentence);
    assert!(ours.starts_with("tidak ada jenis laporan `keluhan`; tulis complaint"), "{ours}");
}

#[test]
fn clips_that_no_script_names_must_be_there_too() {
    let mut prompts = known();
    for id in ["bunyi/bip", "status/selesai", "opd/umum", "bulan/mei"] {
        assert!(prompts.remove(id), "{id}");
    }
    let Err(Unsound::Rules { findings, .. }) = prove("x", GOOD.into(), &prompts) else {
        panic!("sound")
    };
    let told: Vec<&str> =
        findings.iter().filter_map(|f| f.sentence.split(['(', ')']).nth(1)).collect();
    assert!(told.contains(&"bulan/mei, opd/umum, status/selesai"), "{told:?}");
    assert!(told.contains(&"bunyi/bip"), "{told:?}");
    let ours = crate::ivr::check::indonesian(&findings[0].sentence);
    assert!(ours.starts_with("langkah ini memerlukan prompt yang tidak ada"), "{ours}");
}
