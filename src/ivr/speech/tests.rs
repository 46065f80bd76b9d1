use std::collections::HashSet;

use jiff::civil::{date as on, time as at};
use proptest::prelude::*;

use super::*;

fn written(clips: Vec<PromptId>) -> String {
    text(&clips)
}

#[test]
fn numbers_are_said_as_people_say_them() {
    for (n, words) in [
        (0, "nol"),
        (1, "satu"),
        (2, "dua"),
        (3, "tiga"),
        (4, "empat"),
        (5, "lima"),
        (6, "enam"),
        (7, "tujuh"),
        (8, "delapan"),
        (9, "sembilan"),
        (10, "sepuluh"),
        (11, "sebelas"),
        (12, "dua belas"),
        (15, "lima belas"),
        (19, "sembilan belas"),
        (20, "dua puluh"),
        (21, "dua puluh satu"),
        (30, "tiga puluh"),
        (45, "empat puluh lima"),
        (99, "sembilan puluh sembilan"),
        (100, "seratus"),
        (101, "seratus satu"),
        (110, "seratus sepuluh"),
        (111, "seratus sebelas"),
        (119, "seratus sembilan belas"),
        (199, "seratus sembilan puluh sembilan"),
        (200, "dua ratus"),
        (211, "dua ratus sebelas"),
        (999, "sembilan ratus sembilan puluh sembilan"),
        (1000, "seribu"),
        (1001, "seribu satu"),
        (1010, "seribu sepuluh"),
        (1100, "seribu seratus"),
        (1999, "seribu sembilan ratus sembilan puluh sembilan"),
        (2000, "dua ribu"),
        (2026, "dua ribu dua puluh enam"),
        (10_000, "sepuluh ribu"),
        (11_000, "sebelas ribu"),
        (11_111, "sebelas ribu seratus sebelas"),
        (15_000, "lima belas ribu"),
        (21_000, "dua puluh satu ribu"),
        (100_000, "seratus ribu"),
        (101_000, "seratus satu ribu"),
        (111_000, "seratus sebelas ribu"),
        (250_500, "dua ratus lima puluh ribu lima ratus"),
        (1_000_000, "satu juta"),
        (1_000_001, "satu juta satu"),
        (1_001_000, "satu juta seribu"),
        (1_100_000, "satu juta seratus ribu"),
        (11_000_000, "sebelas juta"),
        (100_000_000, "seratus juta"),
        (1_000_000_000, "satu miliar"),
        (1_001_001_001, "satu miliar satu juta seribu satu"),
        (
            999_999_999_999,
            "sembilan ratus sembilan puluh sembilan miliar \
             sembilan ratus sembilan puluh sembilan juta \
             sembilan ratus sembilan puluh sembilan ribu \
             sembilan ratus sembilan puluh sembilan",
        ),
        (1_000_000_000_000, "satu triliun"),
        (1_001_000_000_000_000, "seribu satu triliun"),
    ] {
        assert_eq!(written(number(n)), words, "{n}");
    }
}

#[test]
fn a_number_is_a_row_of_clips() {
    assert_eq!(number(42), ["angka/4", "angka/puluh", "angka/2"]);
    assert_eq!(number(0), ["angka/0"]);
}

#[test]
fn a_code_is_said_in_pairs_with_a_breath_in_the_middle() {
    assert_eq!(
        code("48217360"),
        [
            "angka/4",
            "jeda/digit",
            "angka/8",
            "jeda/pendek",
            "angka/2",
            "jeda/digit",
            "angka/1",
            "jeda/panjang",
            "angka/7",
            "jeda/digit",
            "angka/3",
            "jeda/pendek",
            "angka/6",
            "jeda/digit",
            "angka/0",
        ]
    );
    for (digits, words) in [
        ("48217360", "empat delapan, dua satu, tujuh tiga, enam nol"),
        ("4821-7360", "empat delapan, dua satu, tujuh tiga, enam nol"),
        ("11220099", "satu satu, dua dua, nol nol, sembilan sembilan"),
        ("1234", "satu dua, tiga empat"),
        ("123", "satu dua, tiga"),
        ("7", "tujuh"),
        ("", ""),
        ("abc", ""),
    ] {
        assert_eq!(written(code(digits)), words, "{digits:?}");
    }
}

#[test]
fn only_the_code_of_eight_digits_has_a_long_pause() {
    let pauses = |text| code(text).iter().filter(|id| *id == "jeda/panjang").count();
    assert_eq!((pauses("48217360"), pauses("1234"), pauses("1")), (1, 0, 0));
}

#[test]
fn digits_are_said_one_by_one() {
    assert_eq!(written(digits("112")), "satu satu dua");
    assert_eq!(written(digits("08-10")), "nol delapan satu nol");
}

#[test]
fn dates_are_said_with_their_weekday() {
    for (date_, words) in [
        (on(2026, 11, 23), "hari Senin tanggal dua puluh tiga November dua ribu dua puluh enam"),
        (
            on(2024, 2, 29),
            "hari Kamis tanggal dua puluh sembilan Februari dua ribu dua puluh empat",
        ),
        (on(2000, 1, 1), "hari Sabtu tanggal satu Januari dua ribu"),
        (
            on(1999, 12, 31),
            "hari Jumat tanggal tiga puluh satu Desember \
                            seribu sembilan ratus sembilan puluh sembilan",
        ),
        (on(2027, 8, 17), "hari Selasa tanggal tujuh belas Agustus dua ribu dua puluh tujuh"),
        (on(2026, 5, 10), "hari Minggu tanggal sepuluh Mei dua ribu dua puluh enam"),
        (on(2026, 4, 1), "hari Rabu tanggal satu April dua ribu dua puluh enam"),
    ] {
        assert_eq!(written(date(date_)), words, "{date_}");
    }
}

#[test]
fn near_days_are_said_by_their_distance() {
    let today = on(2026, 3, 1);
    for (that, words) in [
        (on(2026, 3, 1), "hari ini"),
        (on(2026, 2, 28), "kemarin"),
        (on(2026, 2, 27), "dua hari yang lalu"),
        (on(2026, 2, 19), "sepuluh hari yang lalu"),
        (on(2026, 1, 30), "tiga puluh hari yang lalu"),
        (on(2026, 1, 29), "hari Kamis tanggal dua puluh sembilan Januari dua ribu dua puluh enam"),
        (on(2026, 3, 2), "besok"),
        (on(2026, 3, 4), "tiga hari lagi"),
        (on(2026, 3, 31), "tiga puluh hari lagi"),
        (on(2026, 4, 1), "hari Rabu tanggal satu April dua ribu dua puluh enam"),
    ] {
        assert_eq!(written(day(that, today)), words, "{that}");
    }
}

#[test]
fn times_are_said_by_the_twenty_four_hour_clock() {
    for (time_, zone, words) in [
        (
            at(14, 30, 0, 0),
            Zone::Wib,
            "pukul empat belas lewat tiga puluh menit waktu Indonesia Barat",
        ),
        (at(8, 0, 0, 0), Zone::Wita, "pukul delapan waktu Indonesia Tengah"),
        (at(0, 5, 59, 0), Zone::Wit, "pukul nol lewat lima menit waktu Indonesia Timur"),
        (at(11, 11, 0, 0), Zone::Wib, "pukul sebelas lewat sebelas menit waktu Indonesia Barat"),
        (
            at(23, 59, 0, 0),
            Zone::Wib,
            "pukul dua puluh tiga lewat lima puluh sembilan menit \
                                       waktu Indonesia Barat",
        ),
    ] {
        assert_eq!(written(time(time_, zone)), words, "{time_} {zone:?}");
    }
}

#[test]
fn zones_are_known_by_their_offset() {
    let zones = [6, 7, 8, 9, 10].map(Zone::from_utc_offset);
    assert_eq!(zones, [None, Some(Zone::Wib), Some(Zone::Wita), Some(Zone::Wit), None]);
}

#[test]
fn counted_things_come_after_their_number() {
    for (clips, words) in [
        (workdays(1), "satu hari kerja"),
        (workdays(14), "empat belas hari kerja"),
        (workdays(60), "enam puluh hari kerja"),
        (rupiah(0), "nol rupiah"),
        (rupiah(1_500), "seribu lima ratus rupiah"),
        (rupiah(50_000), "lima puluh ribu rupiah"),
        (rupiah(2_750_000), "dua juta tujuh ratus lima puluh ribu rupiah"),
    ] {
        assert_eq!(written(clips), words);
    }
}

#[test]
fn a_clip_from_elsewhere_is_written_as_its_id() {
    assert_eq!(text(&["status/selesai".into(), "angka/1".into()]), "status/selesai satu");
}

/// Reads a number back from its words, by the rules of the language and not by those of `cardinal`.
fn value(words: &str) -> u64 {
    let (mut total, mut group, mut unit) = (0, 0, 0);
    for word in words.split(' ') {
        match word {
            "sepuluh" => group += 10,
            "sebelas" => group += 11,
            "seratus" => group += 100,
            "seribu" => total += 1000,
            "belas" => (group, unit) = (group + 10 + unit, 0),
            "puluh" => (group, unit) = (group + 10 * unit, 0),
            "ratus" => (group, unit) = (group + 100 * unit, 0),
            "ribu" => (total, group, unit) = (total + 1000 * (group + unit), 0, 0),
            "juta" => (total, group, unit) = (total + 1_000_000 * (group + unit), 0, 0),
            "miliar" => (total, group, unit) = (total + 1_000_000_000 * (group + unit), 0, 0),
            digit => {
                let names = DIGITS.map(|id| written(vec![id.into()]));
                unit = names.iter().position(|name| name == digit).unwrap() as u64;
            }
        }
    }
    total + group + unit
}

proptest! {
    #[test]
    fn a_number_can_be_read_back_from_its_words(n in 0u64..1_000_000_000_000) {
        prop_assert_eq!(value(&written(number(n))), n);
    }

    #[test]
    fn no_clip_is_asked_for_that_is_not_listed(n: u64, days in 0i32..20_000, minute in 0i8..60) {
        let known: HashSet<&str> = clips().collect();
        let that = on(1990, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let said = [number(n), date(that), day(that, on(2026, 3, 1)), code(&n.to_string()),
            time(at(9, minute, 0, 0), Zone::Wita), workdays(n), rupiah(n)].concat();
        for id in said {
            prop_assert!(known.contains(id.as_str()), "{}", id);
        }
    }
}
