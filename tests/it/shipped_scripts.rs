//! Every script that we ship: checked, and played by callers who do anything at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kentongan::clock::Timestamp;
use kentongan::ivr::script::{Kind, Prompt, Script, Spanned};
use kentongan::ivr::trial::{Disk, Happening, Line, Operator, World};
use kentongan::ivr::{Found, Lookup, PromptId};
use kentongan::menu;
use kentongan::prompts::Catalogue;
use proptest::prelude::*;

use crate::sound;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scripts() -> Vec<Arc<Script>> {
    let folder = std::fs::read_dir(root().join("ivr-scripts")).unwrap();
    folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| Arc::new(read(&path)))
        .collect()
}

fn read(path: &Path) -> Script {
    let name = path.file_name().unwrap().to_string_lossy();
    Script::parse(&name, &std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The ids of everything that can be played.
fn prompts() -> BTreeSet<PromptId> {
    let catalogue = Catalogue::read(&root().join("prompts/id")).unwrap();
    catalogue.ids().map(str::to_owned).collect()
}

#[test]
fn every_shipped_script_passes_the_checker() {
    let prompts = prompts();
    let scripts = scripts();
    assert!(!scripts.is_empty());
    for script in scripts {
        let findings = menu::check(&script, &prompts);
        let told: Vec<_> = findings.iter().map(|f| format!("{}:{f}", script.file)).collect();
        assert!(told.is_empty(), "\n{}", told.join("\n"));
    }
}

/// How long these prompts take, one after the other.
fn length(prompts: &[Spanned<Prompt>]) -> Duration {
    let wav = |id: &str| root().join("prompts/id").join(id).with_extension("wav");
    prompts
        .iter()
        .map(|prompt| match prompt.get_ref() {
            Prompt::Clip(id) => sound::length(&wav(id)),
            // Who needs to know has them counted.
            _ => Duration::ZERO,
        })
        .sum()
}

#[test]
fn the_greeting_takes_ten_seconds_at_most_and_each_choice_seven() {
    let script = read(&root().join("ivr-scripts/hotline.toml"));
    let mut step = script.step(script.start.get_ref()).unwrap();
    let mut greeting = Duration::ZERO;
    while let Kind::Say(say) = &step.kind {
        greeting += length(&say.prompts);
        step = script.step(say.next.get_ref()).unwrap();
    }
    assert!(greeting <= Duration::from_secs(10), "{greeting:?}");
    assert!(greeting > Duration::from_secs(5), "{greeting:?}: it says nothing");

    for step in script.steps() {
        let Kind::Menu(menu) = &step.kind else { continue };
        for said in menu.options.iter().filter_map(|option| option.say.clone()) {
            let length = length(&[said]);
            assert!(length <= Duration::from_secs(7), "an option of {}: {length:?}", step.name);
        }
    }
}

#[test]
fn who_hears_every_choice_and_every_instruction_meets_the_tone_within_35_seconds() {
    let script = read(&root().join("ivr-scripts/hotline.toml"));
    let (Kind::Say(name), Kind::Say(notice), Kind::Menu(menu), Kind::Record(report)) = (
        &script.step("sambutan").unwrap().kind,
        &script.step("pemberitahuan").unwrap().kind,
        &script.step("menu_utama").unwrap().kind,
        &script.step("lapor").unwrap().kind,
    ) else {
        panic!("another script");
    };
    let choices: Vec<_> = menu.options.iter().filter_map(|option| option.say.clone()).collect();
    let listened: Duration =
        [&name.prompts, &notice.prompts, &choices, &report.prompts].map(|p| length(p)).iter().sum();
    // To find the key.
    let whole = listened + Duration::from_secs(2);
    assert!(whole <= Duration::from_secs(35), "{whole:?}");
}

#[test]
fn every_prompt_with_a_text_is_said_by_some_script() {
    let text = std::fs::read_to_string(root().join("prompts/id/prompts.toml")).unwrap();
    let file: toml::Table = text.parse().unwrap();
    let scripts: String = std::fs::read_dir(root().join("ivr-scripts"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for id in file["prompts"].as_table().unwrap().keys().filter(|id| !id.starts_with("tombol/")) {
        assert!(scripts.contains(&format!("\"{id}\"")), "{id} is never said");
    }
}

/// One thing that a caller does.
#[derive(Clone, Debug)]
enum Deed {
    Press(char),
    Type(String),
    Wait(u64),
    BeSilent,
    Listen,
    Speak(u64),
    HangUp,
}

fn deed() -> impl Strategy<Value = Deed> {
    let key = prop::sample::select("0123456789*#".chars().collect::<Vec<_>>());
    prop_oneof![
        8 => key.prop_map(Deed::Press),
        2 => prop::sample::select(vec!["48217360", "11111111", "1111", "1*9", "2#", "####"]).prop_map(|k| Deed::Type(k.to_owned())),
        3 => (0..20_000u64).prop_map(Deed::Wait),
        4 => Just(Deed::BeSilent),
        4 => Just(Deed::Listen),
        4 => (0..30_000u64).prop_map(Deed::Speak),
        1 => Just(Deed::HangUp),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let lookup = prop_oneof![
        Just(Lookup::NotFound),
        Just(Lookup::Exhausted),
        Just(Lookup::Failed),
        (any::<bool>(), any::<bool>()).prop_map(|(answered, sealed)| Lookup::Found(Found {
            say: vec!["status/diterima".to_owned()],
            answered,
            owner: false,
            sealed,
        })),
    ];
    (lookup, prop::bool::weighted(0.8), prop::bool::weighted(0.8), any::<bool>()).prop_map(
        |(lookup, opens, keeps, present)| World {
            pins: [("48217360".to_owned(), ("1111".to_owned(), lookup.clone()))].into(),
            codes: [("48217360".to_owned(), lookup)].into(),
            next_code: opens.then(|| "48217360".to_owned()),
            disk: if keeps { Disk::Writable } else { Disk::Full },
            operator: if present { Operator::Present } else { Operator::Absent },
        },
    )
}

fn act(line: &mut Line, deed: &Deed) -> bool {
    match deed {
        Deed::Press(key) => line.press(*key),
        Deed::Type(keys) => keys.chars().for_each(|key| line.press(key)),
        Deed::Wait(ms) => line.pass(Duration::from_millis(*ms)),
        Deed::BeSilent => line.be_silent(),
        Deed::Listen => line.listen(),
        Deed::Speak(ms) => line.speak(Duration::from_millis(*ms)),
        Deed::HangUp => line.hang_up(),
    }
    matches!(deed, Deed::HangUp)
}

/// Recordings of stories with words in them, against those that reached the store.
fn stories_and_tickets(line: &Line) -> (usize, usize) {
    let told = line.log.iter().any(|happening| {
        matches!(happening, Happening::Recorded(slot, end, speech)
            if slot.starts_with("cerita")
                && *speech >= Duration::from_secs(2)
                && *end != kentongan::ivr::RecordingEnd::Failed)
    });
    let tickets = line.log.iter().filter(|h| matches!(h, Happening::Ticket { .. })).count();
    (usize::from(told), tickets)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_caller_ends_with_a_ticket_or_a_stated_reason(
        deeds in prop::collection::vec(deed(), 0..60),
        world in world(),
        start in 1_780_000_000_000..1_800_000_000_000i64,
    ) {
        for script in scripts() {
            let start = Timestamp(start);
            let world = World { codes: world.codes.clone(), pins: world.pins.clone(), next_code: world.next_code.clone(), ..world };
            let mut line = Line::answer(Arc::clone(&script), world, start);
            let hung_up = deeds.iter().any(|deed| {
                !line.session.is_over() && act(&mut line, deed)
            });
            line.pass(Duration::from_secs(20 * 60));

            prop_assert!(line.session.is_over(), "still in {}", line.session.step());
            prop_assert_eq!(line.session.poll_timeout(), None);
            let outcome = line.log.iter().filter(|h| matches!(h, Happening::HungUp(_))).count();
            prop_assert!(hung_up || outcome == 1, "no reason why it ended");
            let (stories, tickets) = stories_and_tickets(&line);
            prop_assert!(tickets >= stories, "a story without a ticket: {:?}", line.log);
            let strays = line.log.iter().filter(|h| matches!(h, Happening::ToNobody(_))).count();
            prop_assert_eq!(strays, 0, "effects for a caller who had gone: {:?}", line.log);
            for entry in line.session.path() {
                prop_assert!(!entry.what.contains("48217360") && entry.what.len() < 12, "{}", entry.what);
            }
        }
    }
}
