//! Numbers, codes, dates, times and money in spoken Indonesian, as clips to be played one after another.
//!
//! Every function returns ids of prompts; [`text`] writes the same clips out as words, [`clips`] lists all
//! that may ever be asked for. What the clips say is checked against `prompts/id/clips.toml` by a test.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday, date as civil};

use super::PromptId;

/// One of Indonesia's three time zones. None has summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Western Indonesia, UTC+7.
    Wib,
    /// Central Indonesia, UTC+8.
    Wita,
    /// Eastern Indonesia, UTC+9.
    Wit,
}

impl Zone {
    /// The zone so many hours ahead of UTC; `None` outside Indonesia.
    pub fn from_utc_offset(hours: i8) -> Option<Zone> {
        match hours {
            7 => Some(Zone::Wib),
            8 => Some(Zone::Wita),
            9 => Some(Zone::Wit),
            _ => None,
        }
    }
}

/// A cardinal number: 1500 is *seribu lima ratus*.
pub fn number(n: u64) -> Vec<PromptId> {
    if n == 0 { say(&[DIGITS[0]]) } else { say(&cardinal(n)) }
}

/// Digit by digit, as for the last digits of a telephone number. What is no digit is passed over.
pub fn digits(text: &str) -> Vec<PromptId> {
    say(&digit_clips(text))
}

/// A ticket code, to be written down while it is heard: pairs of digits with a pause after each pair and a
/// longer one in the middle. What is no digit is passed over.
pub fn code(text: &str) -> Vec<PromptId> {
    let digits = digit_clips(text);
    let pairs: Vec<&[&str]> = digits.chunks(2).collect();
    let mut clips = Vec::new();
    for (i, pair) in pairs.iter().enumerate() {
        match i {
            0 => {}
            i if pairs.len() >= 4 && i * 2 == pairs.len() => clips.push("jeda/panjang"),
            _ => clips.push("jeda/pendek"),
        }
        clips.push(pair[0]);
        if let Some(second) = pair.get(1) {
            clips.extend(["jeda/digit", second]);
        }
    }
    say(&clips)
}

/// *hari Senin tanggal dua puluh tiga November dua ribu dua puluh enam*.
pub fn date(date: Date) -> Vec<PromptId> {
    let mut clips = vec![weekday(date.weekday()), "kata/tanggal"];
    clips.extend(cardinal(date.day().unsigned_abs().into()));
    clips.push(MONTHS[usize::from(date.month().unsigned_abs()) - 1]);
    clips.extend(cardinal(date.year().unsigned_abs().into()));
    say(&clips)
}

/// A day as people name it: *hari ini*, *kemarin*, *tiga hari yang lalu*, *besok*, *dua hari lagi*; the date
/// when it is more than thirty days off.
pub fn day(day: Date, today: Date) -> Vec<PromptId> {
    let ahead = today.duration_until(day).as_hours() / 24;
    let count = cardinal(ahead.unsigned_abs());
    match ahead {
        0 => say(&["kata/hari_ini"]),
        -1 => say(&["kata/kemarin"]),
        1 => say(&["kata/besok"]),
        -30..=-2 => say(&[&count[..], &["kata/hari_yang_lalu"]].concat()),
        2..=30 => say(&[&count[..], &["kata/hari_lagi"]].concat()),
        _ => date(day),
    }
}

/// Every clip that [`day`] may ask for in our time: a year of days holds all names, all numbers and their year.
pub fn days() -> BTreeSet<PromptId> {
    let (first, last) = (civil(2026, 1, 1), civil(2027, 12, 31));
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
    days.take_while(|day| *day <= last)
        .flat_map(|day| [date(day), self::day(day, civil(2026, 6, 1))])
        .flatten()
        .collect()
}

/// *pukul empat belas lewat tiga puluh menit waktu Indonesia Barat*. Seconds are left out.
pub fn time(time: Time, zone: Zone) -> Vec<PromptId> {
    let mut clips: Vec<PromptId> = say(&["kata/pukul"]);
    clips.extend(number(time.hour().unsigned_abs().into()));
    if time.minute() != 0 {
        clips.extend(say(&["kata/lewat"]));
        clips.extend(number(time.minute().unsigned_abs().into()));
        clips.extend(say(&["kata/menit"]));
    }
    clips.extend(say(&[match zone {
        Zone::Wib => "kata/wib",
        Zone::Wita => "kata/wita",
        Zone::Wit => "kata/wit",
    }]));
    clips
}

/// *empat belas hari kerja*.
pub fn workdays(n: u64) -> Vec<PromptId> {
    counted(n, "kata/hari_kerja")
}

/// *lima puluh ribu rupiah*.
pub fn rupiah(n: u64) -> Vec<PromptId> {
    counted(n, "kata/rupiah")
}

/// The words of clips of this module, pauses as commas; the id itself for a clip from elsewhere.
pub fn text(clips: &[PromptId]) -> String {
    let words = clips.iter().map(|id| match id.as_str() {
        "jeda/digit" => "",
        "jeda/pendek" | "jeda/panjang" => ",",
        id => VOCABULARY.iter().find(|(known, _)| *known == id).map_or(id, |(_, words)| words),
    });
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    joined.replace(" ,", ",")
}

/// Every clip that the functions of this module may ask for.
pub fn clips() -> impl Iterator<Item = &'static str> {
    VOCABULARY.iter().map(|(id, _)| *id).chain(PAUSES)
}

fn say(clips: &[&'static str]) -> Vec<PromptId> {
    clips.iter().map(|id| PromptId::from(*id)).collect()
}

fn counted(n: u64, unit: &'static str) -> Vec<PromptId> {
    let mut clips = number(n);
    clips.push(unit.into());
    clips
}

fn digit_clips(text: &str) -> Vec<&'static str> {
    text.chars().filter_map(|c| c.to_digit(10)).map(|d| DIGITS[d as usize]).collect()
}

/// Nothing for zero. *Satu* becomes *se-* before belas, puluh, ratus and ribu, but only where it leads.
fn cardinal(n: u64) -> Vec<&'static str> {
    let scaled = |unit: u64, name: &'static str| {
        [&cardinal(n / unit)[..], &[name], &cardinal(n % unit)].concat()
    };
    match n {
        0 => vec![],
        1..=9 => vec![DIGITS[n as usize]],
        10 => vec!["angka/sepuluh"],
        11 => vec!["angka/sebelas"],
        12..=19 => vec![DIGITS[n as usize - 10], "angka/belas"],
        20..=99 => scaled(10, "angka/puluh"),
        100..=199 => [&["angka/seratus"], &cardinal(n - 100)[..]].concat(),
        200..=999 => scaled(100, "angka/ratus"),
        1000..=1999 => [&["angka/seribu"], &cardinal(n - 1000)[..]].concat(),
        2000..=999_999 => scaled(1000, "angka/ribu"),
        1_000_000..=999_999_999 => scaled(1_000_000, "angka/juta"),
        1_000_000_000..=999_999_999_999 => scaled(1_000_000_000, "angka/miliar"),
        _ => scaled(1_000_000_000_000, "angka/triliun"),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "hari/senin",
        Weekday::Tuesday => "hari/selasa",
        Weekday::Wednesday => "hari/rabu",
        Weekday::Thursday => "hari/kamis",
        Weekday::Friday => "hari/jumat",
        Weekday::Saturday => "hari/sabtu",
        Weekday::Sunday => "hari/minggu",
    }
}

const DIGITS: [&str; 10] = [
    "angka/0", "angka/1", "angka/2", "angka/3", "angka/4", "angka/5", "angka/6", "angka/7",
    "angka/8", "angka/9",
];

const MONTHS: [&str; 12] = [
    "bulan/januari",
    "bulan/februari",
    "bulan/maret",
    "bulan/april",
    "bulan/mei",
    "bulan/juni",
    "bulan/juli",
    "bulan/agustus",
    "bulan/september",
    "bulan/oktober",
    "bulan/november",
    "bulan/desember",
];

const PAUSES: [&str; 3] = ["jeda/digit", "jeda/pendek", "jeda/panjang"];

const VOCABULARY: &[(&str, &str)] = &[
    ("angka/0", "nol"),
    ("angka/1", "satu"),
    ("angka/2", "dua"),
    ("angka/3", "tiga"),
    ("angka/4", "empat"),
    ("angka/5", "lima"),
    ("angka/6", "enam"),
    ("angka/7", "tujuh"),
    ("angka/8", "delapan"),
    ("angka/9", "sembilan"),
    ("angka/sepuluh", "sepuluh"),
    ("angka/sebelas", "sebelas"),
    ("angka/belas", "belas"),
    ("angka/puluh", "puluh"),
    ("angka/seratus", "seratus"),
    ("angka/ratus", "ratus"),
    ("angka/seribu", "seribu"),
    ("angka/ribu", "ribu"),
    ("angka/juta", "juta"),
    ("angka/miliar", "miliar"),
    ("angka/triliun", "triliun"),
    ("bulan/januari", "Januari"),
    ("bulan/februari", "Februari"),
    ("bulan/maret", "Maret"),
    ("bulan/april", "April"),
    ("bulan/mei", "Mei"),
    ("bulan/juni", "Juni"),
    ("bulan/juli", "Juli"),
    ("bulan/agustus", "Agustus"),
    ("bulan/september", "September"),
    ("bulan/oktober", "Oktober"),
    ("bulan/november", "November"),
    ("bulan/desember", "Desember"),
    ("hari/senin", "hari Senin"),
    ("hari/selasa", "hari Selasa"),
    ("hari/rabu", "hari Rabu"),
    ("hari/kamis", "hari Kamis"),
    ("hari/jumat", "hari Jumat"),
    ("hari/sabtu", "hari Sabtu"),
    ("hari/minggu", "hari Minggu"),
    ("kata/besok", "besok"),
    ("kata/hari_ini", "hari ini"),
    ("kata/hari_kerja", "hari kerja"),
    ("kata/hari_lagi", "hari lagi"),
    ("kata/hari_yang_lalu", "hari yang lalu"),
    ("kata/kemarin", "kemarin"),
    ("kata/lewat", "lewat"),
    ("kata/menit", "menit"),
    ("kata/pukul", "pukul"),
    ("kata/rupiah", "rupiah"),
    ("kata/tanggal", "tanggal"),
    ("kata/wib", "waktu Indonesia Barat"),
    ("kata/wit", "waktu Indonesia Timur"),
    ("kata/wita", "waktu Indonesia Tengah"),
];

#[cfg(test)]
mod tests;
