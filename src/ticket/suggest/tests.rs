//! What callers say suggests what they mean, and what everybody says suggests nothing.

use proptest::prelude::*;

use super::places::{Listed, Place};
use super::*;
use crate::ticket::transcript::{Outcome, Segment, Word as Spoken};

fn suggester() -> Suggester {
    Suggester::shipped().unwrap()
}

/// Places of the gazetteer and the words that they came from; then what is in no gazetteer.
fn places(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (mut listed, mut described) = (Vec::new(), Vec::new());
    for suggestion in suggester().of_text(text).places {
        match suggestion.place {
            Place::Listed(Listed { name, .. }) => listed.push((name, suggestion.evidence.text)),
            Place::Described(words) => described.push(words),
        }
    }
    (listed, described)
}

fn category(text: &str) -> Option<String> {
    suggester().of_text(text).categories.into_iter().next().map(|s| s.category)
}

#[test]
fn places_are_found_as_they_are_written_and_as_they_are_heard() {
    for (text, name, evidence) in [
        ("jalan di Baamang rusak", "Baamang", "Baamang"),
        ("di depan pasar bamang ada sampah", "Baamang", "pasar bamang"),
        ("kecamatan baamank banjir", "Baamang", "kecamatan baamank"),
        ("lampu mati di sangatta utara", "Sangatta Utara", "sangatta utara"),
        ("kami warga Sangata Selatan", "Sangatta Selatan", "Sangata Selatan"),
        ("tolong ke sengatta", "Sangatta", "sengatta"),
        ("saya tinggal di sang atta", "Sangatta", "sang atta"),
        ("di bengalun air mati", "Bengalon", "bengalun"),
        ("banjir di muara wahaw", "Muara Wahau", "muara wahaw"),
        ("banjir di moara wahau", "Muara Wahau", "moara wahau"),
        ("kecamatan sandaran belum ada listrik", "Sandaran", "kecamatan sandaran"),
        ("di desa kaliurang", "Kaliorang", "desa kaliurang"),
        ("kecamatan kali orang", "Kaliorang", "kecamatan kali orang"),
        ("di mentaya hilir utara", "Mentaya Hilir Utara", "mentaya hilir utara"),
        ("di cempaga hulu", "Cempaga Hulu", "cempaga hulu"),
        ("kecamatan cempaka hulu", "Cempaga Hulu", "kecamatan cempaka hulu"),
        ("di cempaga", "Cempaga", "cempaga"),
        ("di parenggian jalan putus", "Parenggean", "parenggian"),
        ("dari SAMPIT", "Sampit", "SAMPIT"),
    ] {
        let expected = vec![(name.to_owned(), evidence.to_owned())];
        assert_eq!(places(text).0, expected, "{text}");
    }
}

#[test]
fn streets_and_landmarks_are_told_in_the_callers_words() {
    for (text, described) in [
        ("di jalan melati nomor 5 ada lubang", "jalan melati nomor 5"),
        ("gang buntu RT 03 RW 05", "gang buntu RT 03 RW 05"),
        ("ada sampah di depan pasar Baamang", "depan pasar Baamang"),
        ("Jl. Ahmad Yani no. 12 rusak", "Jl. Ahmad Yani no. 12"),
        ("lampu di Jalan Jenderal Sudirman mati", "Jalan Jenderal Sudirman"),
        ("di simpang bagendang macet", "simpang bagendang"),
        ("di rt tiga belas rw dua, banjir", "rt tiga belas rw dua"),
        ("rt03/rw05 air mati", "rt03/rw05"),
        ("jalan km 12 putus", "jalan km 12"),
        ("lewat gang kenanga yang sempit", "gang kenanga"),
        ("dekat sdn 2 baamang hilir", "dekat sdn 2 baamang hilir"),
        ("di jalan muchran ali gang 5", "jalan muchran ali gang 5"),
        (
            "di jalan pelita barat dekat masjid al ikhlas",
            "jalan pelita barat dekat masjid al ikhlas",
        ),
        ("kantor camat Baamang", "kantor camat Baamang"),
    ] {
        let found = places(text).1;
        assert!(found.iter().any(|d| d == described), "{text}: {found:?}");
    }
}

#[test]
fn what_everybody_says_is_no_place() {
    for text in [
        "Selamat pagi, saya mau melaporkan jalan rusak.",
        "jalan di depan rumah saya berlubang dan sempit",
        "jalan sempit sekali, sampai motor tidak bisa lewat",
        "di samping rumah ada tumpukan sampah",
        "Pak Bambang bilang jalannya mau diperbaiki",
        "sama Bu Sandaran saya sudah lapor",
        "kursinya tidak ada sandaran",
        "anak saya disuruh membuat karangan di sekolah",
        "sudah tiga kali orang itu datang minta uang",
        "pohon cempaka tumbang di jalan cempaka besar",
        "perut saya busung lapar dan telan obat",
        "saya sambil menunggu di kantor dari pagi",
        "harga di pasar naik terus",
        "jalan utama licin kalau hujan",
        "jalan becek berlumpur",
        "jalan terputus karena longsor",
        "jalan ini sudah lama tidak diaspal",
        "sudah tiga RT yang kena banjir",
        "pak RT dua kali datang",
        "anak saya sekolah di sekolah negeri tapi gurunya tidak ada",
        "di kebun sawit ada kebakaran",
        "air sungai keruh, ikan mati",
        "kapan jembatan diperbaiki",
        "gang kami gelap karena lampu mati",
        "toko tutup semua",
        "antre di bank lama sekali",
        "puskesmas penuh, dokter tidak ada",
        "terima kasih banyak atas bantuannya",
        "kota ini semakin kotor",
        "di situ ada lubang besar di tengah jalan",
        "kami minta uang kembali dari oknum pegawai",
        "bagaimana cara mengurus KTP yang hilang",
        "jalan tolong segera diperbaiki",
        "mohon ditindaklanjuti secepatnya pak",
        "sekolah rusak atapnya bocor",
        "anak-anak ke sekolah lewat jembatan gantung yang rapuh",
        "di lapangan bola ada orang mabuk",
        "di jalan provinsi banyak lubang menganga",
        "dua kilometer jalan rusak",
        "saya mau bayar pajak di bank tapi antre",
        "sungai meluap sampai ke rumah warga",
        "RT saya tidak peduli",
        "nomor saya 081234567890",
        "JALAN RUSAK PARAH TOLONG DIPERBAIKI",
    ] {
        assert_eq!(places(text), (vec![], vec![]), "{text}");
    }
}

#[test]
fn each_category_is_suggested_by_what_callers_say() {
    for (text, id) in [
        ("jalan di depan rumah saya berlubang", "jalan"),
        ("jalannya banyak lobang, hancur", "jalan"),
        ("got mampet, kalau hujan banjir", "jalan"),
        ("jembatan sudah lama rusak", "jalan"),
        ("lampu jalan mati sudah seminggu", "lalu_lintas"),
        ("lampu merah di simpang tidak nyala", "lalu_lintas"),
        ("tukang parkir minta sepuluh ribu", "lalu_lintas"),
        ("guru tidak pernah datang mengajar di sekolah anak saya", "pendidikan"),
        ("dana PIP anak saya belum cair", "pendidikan"),
        ("BPJS saya ditolak di rumah sakit", "kesehatan"),
        ("dokter di puskesmas tidak ada", "kesehatan"),
        ("bikin KTP sudah tiga bulan blangko kosong", "kependudukan"),
        ("mengurus akte kelahiran dan kartu keluarga lama", "kependudukan"),
        ("sampah menumpuk bau busuk", "lingkungan"),
        ("limbah pabrik sawit mencemari sungai", "lingkungan"),
        ("air PDAM tidak mengalir", "air_bersih"),
        ("air keruh dan bocor pipanya", "air_bersih"),
        ("listrik byarpet terus", "listrik"),
        ("mati lampu dari pagi, PLN padam", "listrik"),
        ("saya orang miskin tidak dapat bantuan", "bantuan_sosial"),
        ("bansos PKH tidak tepat sasaran", "bantuan_sosial"),
        ("harga cabai di pasar naik", "perdagangan"),
        ("gas elpiji langka dan mahal", "perdagangan"),
        ("gaji saya belum dibayar perusahaan", "tenaga_kerja"),
        ("ada lowongan kerja tidak, saya di-PHK", "tenaga_kerja"),
        ("izin usaha saya belum keluar di OSS", "perizinan"),
        ("orang mabuk ribut tiap malam", "ketertiban"),
        ("ada warung jual miras", "ketertiban"),
        ("kepala desa tidak transparan dana desa", "desa"),
        ("petugas memungut uang, ini pungli", "pungli"),
        ("disuruh bayar lewat calo", "pungli"),
        ("ada akun palsu sebar video porno di facebook", "konten"),
        ("judi online merajalela", "konten"),
    ] {
        assert_eq!(category(text).as_deref(), Some(id), "{text}");
    }
}

#[test]
fn every_category_of_the_seed_has_words_and_no_other() {
    let seed: toml::Table =
        toml::from_str(include_str!("../../../deploy/seed/agencies.toml")).unwrap();
    let ids = seed["category"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap());
    let lexicon = Lexicon::shipped().unwrap();
    assert_eq!(lexicon.ids().collect::<BTreeSet<_>>(), ids.collect());
}

#[test]
fn unsure_is_silent() {
    for text in [
        "",
        "Selamat pagi, apa kabar, saya mau bertanya",
        "halo halo, tes, satu dua tiga",
        "terima kasih banyak, selamat siang",
        "nama saya Bambang, alamat saya nanti saya kirim",
        "kapan laporan saya yang kemarin ditanggapi",
        "jalan",
        "saya di pasar",
        "tolong segera ditindaklanjuti, sudah lama sekali",
        "nanti saya telepon lagi",
        "apakah kantor buka hari sabtu",
    ] {
        assert_eq!(suggester().of_text(text).categories, [], "{text}");
    }
}

#[test]
fn evidence_is_in_the_callers_words_the_heaviest_first() {
    let found = suggester().of_text("Jalan di pasar berlubang, aspalnya lubang semua");
    let [only] = &found.categories[..] else { panic!("{found:?}") };
    let words: Vec<&str> = only.evidence.iter().map(|e| e.text.as_str()).collect();
    assert_eq!(words, ["berlubang", "aspalnya", "Jalan"]);
    assert_eq!(only.score, 5, "a word said twice weighs once");
}

#[test]
fn two_complaints_in_one_suggest_two_categories() {
    let found =
        suggester().of_text("sampah menumpuk di TPS, dan lampu jalan padam gelap").categories;
    let ids: Vec<&str> = found.iter().map(|s| s.category.as_str()).collect();
    assert_eq!(ids, ["lingkungan", "lalu_lintas"]);
}

/// A transcript of segments; each word takes 200 ms.
fn transcript(segments: &[(&str, bool)]) -> Transcript {
    let mut now = 0;
    let segments = segments.iter().map(|(text, doubtful)| {
        let start_ms = now;
        let words = text.split_whitespace().map(|word| {
            now += 200;
            Spoken { start_ms: now - 200, end_ms: now, text: word.into(), confidence: 0.9 }
        });
        let words: Vec<Spoken> = words.collect();
        Segment {
            start_ms,
            end_ms: now,
            text: (*text).into(),
            confidence: 0.9,
            doubtful: *doubtful,
            words,
        }
    });
    Transcript {
        engine: "whisper".into(),
        model: "whisper-base".into(),
        outcome: Outcome::Words,
        segments: segments.collect(),
        duration_ms: 60_000,
    }
}

#[test]
fn a_transcript_says_when_the_words_were_said() {
    let heard = transcript(&[
        ("Selamat pagi.", false),
        ("Ada lubang di depan pasar bamang, jalan rusak.", false),
    ]);
    let found = suggester().of_transcript(&heard);
    let place = &found.places[0].evidence;
    assert_eq!((place.segment, place.words.clone(), place.start_ms), (1, 4..6, Some(1200)));
    assert_eq!(&heard.segments[1].text[place.bytes.clone()], "pasar bamang");
    let category = &found.categories[0];
    assert_eq!(category.category, "jalan");
    assert_eq!(
        (category.evidence[0].text.as_str(), category.evidence[0].start_ms),
        ("jalan rusak", Some(1600))
    );
}

#[test]
fn doubtful_text_suggests_nothing() {
    let heard = transcript(&[("jalan rusak di Baamang", true)]);
    assert_eq!(suggester().of_transcript(&heard), Suggestions::default());
}

#[test]
fn a_mistake_in_a_file_is_told_by_its_line() {
    let places = include_str!("../../../deploy/seed/places.toml");
    let lines = places.lines().count();
    for (added, line, said) in [
        ("[[place]]\nname = 'X'\n", 1, "missing field `kind`"),
        ("[[place]]\nname = 'X'\nkind = 'desa'\nwithn = 'Y'\n", 4, "withn"),
        ("[[place]]\nname = '?'\nkind = 'desa'\n", 2, "no word"),
        (
            "[[place]]\nkind = 'kecamatan'\nwithin = 'Kotawaringin Timur'\nname = 'baamang'\n",
            4,
            "second time",
        ),
    ] {
        let error = Gazetteer::parse("places.toml", &format!("{places}{added}")).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("places.toml", lines + line), "{error}");
        assert!(error.message.contains(said), "{error}");
    }
    for (text, line, said) in [
        ("[[category]]\nid = 'x'\nsure = ['a',\n  '-']\n", 4, "no word"),
        ("[[category]]\nid = 'x'\nsure = ['a']\nhints = ['A']\n", 4, "twice"),
        ("[[category]]\nid = 'x'\n[[category]]\nid = 'x'\n", 4, "second time"),
        ("[[category]]\nid = 'x'\nshure = ['a']\n", 3, "shure"),
        ("[[category]\n", 1, ""),
    ] {
        let error = Lexicon::parse("c.toml", text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(
            error.to_string().starts_with("c.toml:") && error.message.contains(said),
            "{error}"
        );
    }
}

fn evidence_of(suggestions: &Suggestions) -> impl Iterator<Item = &Evidence> {
    let places = suggestions.places.iter().map(|place| &place.evidence);
    places.chain(suggestions.categories.iter().flat_map(|category| &category.evidence))
}

/// Texts that look like reports, and texts that look like nothing.
fn any_report() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,12}",
        "(jalan|jl\\.|gang|pasar|rt|rw|km|no\\.|nomor|di|depan|kecamatan|pak|dua|03|5)",
        "(Sangatta|sangata|utara|Baamang|bamang|mentaya|hilir|hulu|kali|orang|lampu|rusak|air|mati)",
    ];
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(word, 0..30).prop_map(|words| words.join(" ")),
    ]
}

proptest! {
    #[test]
    fn any_text_gives_the_same_suggestions_twice_and_evidence_that_lies_in_it(text in any_report()) {
        let suggester = suggester();
        let found = suggester.of_text(&text);
        prop_assert_eq!(&found, &suggester.of_text(&text));
        let count = words(&text).len();
        for evidence in evidence_of(&found) {
            prop_assert!(text.get(evidence.bytes.clone()).is_some_and(|t| !t.is_empty()));
            prop_assert!(!evidence.words.is_empty() && evidence.words.end <= count);
        }
        for place in &found.places {
            prop_assert!((0.0..=1.0).contains(&place.score), "{place:?}");
        }
    }

    #[test]
    fn any_transcript_gives_evidence_that_lies_in_its_segments(
        texts in proptest::collection::vec((any_report(), any::<bool>()), 0..4),
        other in any_report(),
    ) {
        let texts: Vec<(&str, bool)> = texts.iter().map(|(text, d)| (text.as_str(), *d)).collect();
        let mut heard = transcript(&texts);
        // Words that do not stand in their segment: an operator mended the text.
        if let Some(segment) = heard.segments.first_mut() {
            segment.text = other;
        }
        for evidence in evidence_of(&suggester().of_transcript(&heard)) {
            let segment = &heard.segments[evidence.segment];
            prop_assert!(!segment.doubtful && segment.text.get(evidence.bytes.clone()).is_some());
            prop_assert!(evidence.start_ms.is_some_and(|at| at <= heard.duration_ms));
        }
    }
}

#[test]
fn all_places_of_a_name_are_offered_and_the_one_whose_surroundings_were_named_first() {
    let mut file = include_str!("../../../deploy/seed/places.toml").to_owned();
    for within in ["Bengalon", "Kaubun", "Karangan", "Sangkulirang", "Kaliorang", "Sandaran"] {
        file += &format!("[[place]]\nname = 'Suka Maju'\nkind = 'desa'\nwithin = '{within}'\n");
    }
    let places = Gazetteer::parse("places.toml", &file).unwrap();
    let suggester = Suggester::new(places, Lexicon::shipped().unwrap());
    let offered = |text: &str| -> Vec<String> {
        let found = suggester.of_text(text).places.into_iter();
        found
            .map(|suggestion| match suggestion.place {
                Place::Listed(Listed { name, within, .. }) => {
                    format!("{name}, {}", within.unwrap_or_default())
                }
                Place::Described(words) => words,
            })
            .collect()
    };
    let all = offered("banjir di desa Suka Maju dekat jalan Melati nomor 5");
    assert_eq!(all[..2], ["Suka Maju, Bengalon", "Suka Maju, Kaubun"], "as the file has them");
    assert_eq!(all.iter().filter(|place| place.starts_with("Suka Maju")).count(), 6);
    assert_eq!(all.last().map(String::as_str), Some("dekat jalan Melati nomor 5"), "{all:?}");
    let nearer = offered("banjir di desa Suka Maju, kecamatan Karangan");
    let first = nearer.iter().find(|place| place.starts_with("Suka Maju"));
    assert_eq!(first.map(String::as_str), Some("Suka Maju, Karangan"), "{nearer:?}");
}
