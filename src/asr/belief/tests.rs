use proptest::prelude::*;

use super::*;

fn word(text: &str, start_ms: u32, end_ms: u32) -> Word {
    Word { start_ms, end_ms, text: text.into(), confidence: 0.9 }
}

/// Half a second for each word.
fn said(text: &str) -> Segment {
    let words = text.split(' ').zip(0..).map(|(w, n)| word(w, n * 500, n * 500 + 400));
    line(&words.collect::<Vec<_>>())
}

fn kept(text: &str) -> Vec<String> {
    believe(vec![said(text)], 600_000).1.into_iter().map(|s| s.text).collect()
}

#[test]
fn what_no_caller_says_is_dropped() {
    let loop_of_words = "mereka terbaik ".repeat(20);
    for text in [
        "[Selamat pagi]",
        "(musik) [SELESA]",
        "♪ ♪",
        "...",
        "Terima kasih kerana menonton!",
        "Terima kasih telah menonton.",
        "sampai jumpa di video selanjutnya",
        "Jangan lupa like, comment dan subscribe",
        "Subscribe!",
        loop_of_words.trim(),
    ] {
        assert_eq!(kept(text), Vec::<String>::new());
        assert_eq!(believe(vec![said(text)], 600_000).0, Outcome::Unclear);
    }
}

#[test]
fn what_callers_say_stays_with_its_numbers_and_its_punctuation() {
    assert_eq!(kept("jalan rusak di RT 03 RW 5,"), ["Jalan rusak di RT 03 RW 5,"]);
    assert_eq!(kept("terima kasih"), ["Terima kasih"]);
    assert_eq!(kept("(batuk) lampu mati"), ["(batuk) lampu mati"]);
    assert_eq!(kept("(batuk lampu mati"), ["(batuk lampu mati"], "a bracket that is never closed");
}

#[test]
fn a_sentence_said_again_and_again_is_told_once() {
    let (_, lines) = believe(vec![said("Halo."), said("halo"), said("lampu mati")], 60_000);
    assert_eq!(lines.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["Halo.", "Lampu mati"]);
}

/// The same, so many seconds later.
fn later(segment: Segment, seconds: u32) -> Segment {
    let mut segment = segment;
    let by = seconds * 1_000;
    (segment.start_ms, segment.end_ms) = (segment.start_ms + by, segment.end_ms + by);
    for word in &mut segment.words {
        (word.start_ms, word.end_ms) = (word.start_ms + by, word.end_ms + by);
    }
    segment
}

#[test]
fn what_somebody_says_once_more_is_told_once_more() {
    let texts = |heard: Vec<Segment>| -> Vec<String> {
        believe(heard, 60_000).1.into_iter().map(|s| s.text).collect()
    };
    let again = vec![said("Tolong."), later(said("Tolong."), 40)];
    assert_eq!(texts(again), ["Tolong.", "Tolong."]);
    let echoes = (0..5).map(|n| later(said("Tolong."), 2 * n)).collect();
    assert_eq!(texts(echoes), ["Tolong."], "each follows upon the one before");
}

#[test]
fn a_loop_of_several_sentences_is_seen_in_the_piece_and_not_in_any_of_them() {
    let verse = ["Kami akan datang ke sana.", "Kami akan pulang dari sana."];
    let looped: Vec<Segment> = verse.iter().cycle().take(12).map(|text| said(text)).collect();
    assert!(looped.iter().all(believable));
    assert!(runs_in_circles(&looped));
    let told = [
        "Selamat pagi, saya mau lapor jalan rusak di depan pasar.",
        "Jalan itu sudah dua bulan berlubang dan belum diperbaiki.",
        "Tolong, tolong segera diperbaiki, jalan itu berbahaya.",
    ];
    assert!(!runs_in_circles(&told.map(said)));
    assert!(!runs_in_circles(&[]));
}

#[test]
fn a_guess_is_kept_and_marked() {
    let mut unsure = said("lampu mati");
    unsure.words.iter_mut().for_each(|word| word.confidence = 0.42);
    let (outcome, lines) = believe(vec![unsure, said("di jalan melati")], 60_000);
    assert_eq!(outcome, Outcome::Words);
    assert_eq!(lines.iter().map(|s| s.doubtful).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_word_said_again_is_no_surer_than_the_first_time() {
    let mut guess = said("juta jalan juta juta juta");
    guess.words[0].confidence = 0.1;
    guess.words[1].confidence = 0.4;
    let later = Segment { words: vec![word("Juta,", 40_000, 40_400)], ..said("Juta,") };
    let (_, lines) = believe(vec![guess, later], 60_000);
    let words: Vec<f32> = lines[0].words.iter().map(|word| word.confidence).collect();
    assert_eq!(words, [0.1, 0.4, 0.1, 0.1, 0.1]);
    assert_eq!(lines.iter().map(|s| s.doubtful).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_long_segment_is_cut_after_a_sentence() {
    let text = "selamat pagi pak saya mau lapor jalan di depan rumah saya rusak. \
                lubangnya besar sekali dan sudah dua bulan tidak ada yang datang";
    assert_eq!(
        kept(text),
        [
            "Selamat pagi pak saya mau lapor jalan di depan rumah saya rusak.",
            "Lubangnya besar sekali dan sudah dua bulan tidak ada yang datang",
        ]
    );
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let word = (any::<u32>(), any::<u32>(), "\\PC{0,12}", any::<f32>())
        .prop_map(|(a, b, text, confidence)| Word { start_ms: a, end_ms: b, text, confidence });
    let segment = (any::<u32>(), any::<u32>(), prop::collection::vec(word, 0..30));
    let segment = segment.prop_map(|(a, b, words)| {
        let made = line(&words);
        Segment { start_ms: a, end_ms: b, ..made }
    });
    prop::collection::vec(segment, 0..6)
}

proptest! {
    #[test]
    fn times_stay_inside_and_never_go_back(heard in segments(), duration in 0u32..3_600_000) {
        let (_, lines) = believe(heard, duration);
        let mut now = 0;
        for line in &lines {
            prop_assert!(now <= line.start_ms && line.start_ms <= line.end_ms && line.end_ms <= duration);
            let mut then = line.start_ms;
            for word in &line.words {
                prop_assert!(then <= word.start_ms && word.start_ms <= word.end_ms);
                prop_assert!(word.end_ms <= line.end_ms);
                then = word.end_ms;
            }
            now = line.end_ms;
        }
    }

    #[test]
    fn every_confidence_is_a_probability(heard in segments()) {
        for line in believe(heard, 60_000).1 {
            prop_assert!((0.0..=1.0).contains(&line.confidence));
            prop_assert!(line.words.iter().all(|w| (0.0..=1.0).contains(&w.confidence)));
        }
    }
}
