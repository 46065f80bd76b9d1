//! The program as somebody types it.

use std::path::Path;
use std::time::Duration;

use kentongan::clock::Timestamp;
use kentongan::phone::ear;
use kentongan::store::{Config, Store};
use kentongan::ticket::{Channel, Class, Contact, Intake};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::caller::{PROMPTS, kentongan};
use crate::hotline::Hotline;
use crate::sound;

#[test]
fn a_broken_script_is_named_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("menu.toml");
    let good = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-scripts/hotline.toml"),
    )
    .unwrap();
    let check = |text: &str| {
        std::fs::write(&script, text).unwrap();
        let args = ["script".as_ref(), "check".as_ref(), script.as_os_str()];
        let (told, text) = kentongan(&args, "");
        (told.status.code(), text)
    };
    let (code, text) = check(&good);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("errors: 0"), "{text}");

    let (code, text) = check(&good.replacen("to = \"lapor\"", "to = \"laporr\"", 1));
    let line = 1 + good.lines().position(|line| line.contains("to = \"lapor\"")).unwrap();
    assert_eq!(code, Some(1));
    assert!(
        text.contains(&format!("menu.toml:{line}: error")) && text.contains("laporr"),
        "{text}"
    );

    let (code, text) = check("name = 'x'\n\nstart = [\n");
    assert_eq!(code, Some(1));
    assert!(text.contains("menu.toml:3"), "{text}");
}

#[test]
fn the_drawing_is_dot_or_svg() {
    let (told, dot) = kentongan(&["script", "graph"], "");
    assert!(told.status.success());
    assert!(dot.starts_with("digraph") && dot.trim_end().ends_with('}'), "{dot}");
    assert!(dot.contains("menu_utama"));
    let (told, svg) = kentongan(&["script", "graph", "--svg"], "");
    assert!(told.status.success());
    assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("menu utama"));
    let drawn = include_str!("../../docs/menu.svg");
    assert_eq!(
        svg, drawn,
        "docs/menu.svg is another menu: draw it with `kentongan script graph --svg`"
    );
}

#[test]
fn a_whole_call_can_be_tried_without_a_phone() {
    let keys = "1\n1\njalan di depan pasar rusak berat dan berlubang\n#\nh\n";
    let (told, text) = kentongan(&["script", "try"], keys);
    assert!(told.status.success());
    for said in [
        "Panggilan ini direkam.",
        "Setelah nada, ceritakan apa yang terjadi",
        "laporan Anda sudah kami terima",
        "Kode laporan Anda,",
        "-- selesai --",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn the_shipped_prompts_are_checked() {
    let (told, text) = kentongan(&["prompts", "check"], "");
    assert!(told.status.success(), "{text}");
    assert!(text.starts_with("prompts: "), "{text}");
}

#[test]
fn a_mistake_in_the_configuration_is_named_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kentongan.toml");
    std::fs::write(&config, "[calls]\nmax = 3\nmxa = 4\n").unwrap();
    let (told, text) = kentongan(&["doctor".as_ref(), "--config".as_ref(), config.as_os_str()], "");
    assert_eq!(told.status.code(), Some(1));
    assert!(text.contains("kentongan.toml: line 3") && text.contains("mxa"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_from_the_shell_is_heard_and_no_ticket_is_told_of_a_wrong_code() {
    let hotline = Hotline::start("").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let uri = hotline.uri();
    let args = ["call", &uri, "--for", "6", "--keys", "9@5s", "--hear", heard.to_str().unwrap()];
    let (told, text) = tokio::task::block_in_place(|| kentongan(&args, ""));
    assert!(told.status.success(), "{text}");
    assert!(text.contains("answered") && text.contains("press 9"), "{text}");
    assert!(text.contains("ended: this side hung up, "), "{text}");
    let length = sound::length(&heard);
    assert!((4..=8).contains(&length.as_secs()), "{length:?}");
    let greeting = PROMPTS.clip("salam/nama").unwrap();
    assert!(greeting.duration() > Duration::from_secs(3));
    assert!(ear::likeness(&heard, &greeting).unwrap() > 0.9);

    let config = hotline.config();
    let show = |code: &str| {
        let args = ["ticket", "show", code, "--config", config.to_str().unwrap()];
        let (told, text) = kentongan(&args, "");
        (told.status.code(), text)
    };
    let (code, text) = show("1234-5678");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("code"), "{text}");
    let nobody = [6, 7, 8, 9, 0, 1, 2, 3, 4, 5].map(|last| show(&format!("4821736{last}")).1);
    assert!(nobody.iter().any(|text| text.contains("no ticket has the code")), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_found_by_their_words_and_shown_with_suggestions() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kentongan.toml");
    std::fs::write(&config, "data = '.'\n").unwrap();
    let store = Store::open(&Config::at(folder.path().join("kentongan.sqlite3"))).await.unwrap();
    let intake = Intake {
        channel: Channel::Counter,
        class: Class::Complaint,
        contact: Contact { number: Some("+6281234567890".into()), asserted: false },
        call: None,
        recordings: Vec::new(),
        text: Some("Jalan di depan pasar bamang berlubang, Jl. Melati no. 5".into()),
        anonymous: false,
        confidential: true,
    };
    let now = Timestamp(1_795_000_000_000);
    let ticket = store.open_ticket(intake, now, &mut StdRng::seed_from_u64(1)).await.unwrap();
    store.close().await;

    let ask = |words: &[&str]| {
        let args = [&["--config", config.to_str().unwrap(), "ticket"], words].concat();
        let (told, text) = tokio::task::block_in_place(|| kentongan(&args, ""));
        (told.status.code(), text)
    };
    let code = ticket.code.to_string();
    for (words, marked) in [
        (
            &["lubang", "pasar"][..],
            "(rahasia) Jalan di depan [pasar] bamang [berlubang], Jl. Melati no. 5",
        ),
        (&["\"jalan di depan\""], "(rahasia) [Jalan] [di] [depan] pasar bamang"),
        (&[code.as_str()], "  tiket    (rahasia) Jalan di depan pasar"),
        (&["0812-3456-7890"], "  tiket    (rahasia) Jalan di depan pasar"),
    ] {
        let (status, text) = ask(&[&["find"], words].concat());
        assert_eq!(status, Some(0), "{text}");
        assert!(text.starts_with(&code) && text.contains(marked), "{text}");
    }
    for words in ["lampu", "NEAR(\"", "'; DROP TABLE ticket", "\u{1f6a7}"] {
        assert_eq!(ask(&["find", "--", words]).0, Some(1), "{words}");
    }

    let (status, text) = ask(&["show", &code]);
    assert_eq!(status, Some(0), "{text}");
    for line in [
        "Usul tempat: Baamang (\"pasar bamang\"); \"Jl. Melati no. 5\"; \"depan pasar bamang\"",
        "Usul kategori: Jalan, jembatan, dan drainase (\"berlubang\", \"Jalan\")",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
