//! The sentences of the reader and the checker as supervisors read them, beside how technicians do.

use super::toml_words;

/// A sentence, and the same in Indonesian; `{}` stands for a name or a number, in the same order in both.
const SENTENCES: &[(&str, &str)] = &[
    // The reader's.
    (
        "it is {} bytes long and {} are the most; shorten it",
        "naskah ini {} bita, padahal paling banyak {}; singkatkan",
    ),
    (
        "there are no steps; write at least one table `[step.NAME]`",
        "belum ada langkah; tulis sedikitnya satu tabel `[step.NAMA]`",
    ),
    (
        "`step` must hold tables; write `[step.NAME]`",
        "`step` harus berisi tabel; tulis `[step.NAMA]`",
    ),
    ("{} steps are the most; remove some", "paling banyak {} langkah; hapus sebagian"),
    ("it must be a table; write `[step.{}]`", "ini harus tabel; tulis `[step.{}]`"),
    ("it has no kind; write {}, or {} or end", "jenisnya belum ada; tulis {}, atau {} atau end"),
    ("there is no kind `{}`; write {} or end", "tidak ada jenis `{}`; tulis {} atau end"),
    ("{} is missing; add it", "{} belum ada; tambahkan"),
    ("there is no key {}; write {}", "tidak ada kunci {}; tulis {}"),
    (
        "`{}` is no length of time here; write for example {}, at most \"1h\"",
        "`{}` bukan lama waktu yang berlaku; tulis misalnya {}, paling lama \"1h\"",
    ),
    (
        "a prompt's id is empty; write one of prompts.toml",
        "nama prompt kosong; tulis salah satu dari daftar prompt",
    ),
    (
        "there is no placeholder `{}`; write {} or a prompt's id",
        "tidak ada isian `{}`; tulis {} atau nama prompt",
    ),
    ("there is no time zone `{}`; write {}", "tidak ada zona waktu `{}`; tulis {}"),
    (
        "an override ends before it begins; exchange `from` and `to`",
        "pengecualian berakhir sebelum mulai; tukar `from` dan `to`",
    ),
    ("it must be a date; write for example {}", "ini harus tanggal; tulis misalnya {}"),
    (
        "`{}` is no interval of a day; write for example {}, and one past midnight as two",
        "`{}` bukan jam dalam sehari; tulis misalnya {}, dan yang melewati tengah malam sebagai dua",
    ),
    // The checker's.
    (
        "it takes {} to {} digits; `min` must be at least 1 and at most `max`",
        "menerima {} sampai {} angka; `min` paling sedikit 1 dan paling banyak `max`",
    ),
    ("`tries` and `digits` must be at least 1", "`tries` dan `digits` paling sedikit 1"),
    (
        "`tries` and `digits` of its PIN must be at least 1",
        "`tries` dan `digits` pada PIN paling sedikit 1",
    ),
    (
        "codes have {} digits; write that, or remove `digits`",
        "kode terdiri atas {} angka; tulis itu, atau hapus `digits`",
    ),
    (
        "it takes a PIN of {} to {} digits, and step `{}` asks for one of {}; write the same number in `min`, `max` and there",
        "langkah ini menerima PIN {} sampai {} angka, sedangkan langkah `{}` meminta {} angka; samakan `min`, `max`, dan yang di sana",
    ),
    (
        "`{}` cannot be a slot's name; write 1 to {} of a-z, 0-9 and _",
        "`{}` tidak dapat menjadi nama slot; tulis 1 sampai {} huruf a-z, angka 0-9, atau _",
    ),
    (
        "`min_speech` is longer than `max`, so that nothing would ever count as speech; shorten it",
        "`min_speech` lebih lama daripada `max`, sehingga tidak ada yang dianggap ucapan; perpendek",
    ),
    (
        "`{}` says nothing, and the caller would wait in silence; write at least one prompt",
        "`{}` tidak mengucapkan apa pun, sehingga penelepon menunggu dalam sunyi; tulis sedikitnya satu prompt",
    ),
    (
        "no recording of a story leads here, so the key 2 has nowhere to lead; write `again = \"STEP\"`",
        "tidak ada rekaman cerita yang menuju ke sini, sehingga tombol 2 tidak menuju ke mana pun; tulis `again = \"LANGKAH\"`",
    ),
    ("it offers nothing; write at least one option", "tidak ada pilihan; tulis sedikitnya satu"),
    (
        "it offers {} options and nobody remembers more than {}; move some into a menu of their own",
        "ada {} pilihan, padahal orang mengingat paling banyak {}; pindahkan sebagian ke menu tersendiri",
    ),
    (
        "`{}` cannot be an option; write one of 0 to 8 or #, since `*` repeats and `9` ends everywhere",
        "`{}` tidak dapat menjadi pilihan; tulis salah satu dari 0 sampai 8 atau #, sebab `*` mengulang dan `9` mengakhiri di mana pun",
    ),
    (
        "the key {} is offered twice; give one of the two another key",
        "tombol {} ditawarkan dua kali; ganti salah satunya",
    ),
    (
        "its options have words that `prompts` never says; put {} into `prompts`",
        "pilihannya punya kata-kata yang tidak pernah diucapkan; masukkan {} ke `prompts`",
    ),
    (
        "there is no step `{}`; did you mean `{}`?",
        "tidak ada langkah `{}`; mungkin maksudnya `{}`?",
    ),
    (
        "there is no step `{}`; write `[step.{}]` or name another step",
        "tidak ada langkah `{}`; tulis `[step.{}]` atau sebut langkah lain",
    ),
    (
        "{} mean something in a menu only; remove it here",
        "{} hanya berarti di dalam menu; hapus di sini",
    ),
    (
        "there is no prompt `{}`; add its text to prompts.toml or name another",
        "tidak ada prompt `{}`; tambahkan dahulu, atau sebut yang lain",
    ),
    (
        "no way leads here; lead one here or remove it",
        "tidak ada jalan ke sini; buatkan jalan atau hapus",
    ),
    (
        "a caller who does nothing goes round in a circle ({}); let one of these lead out of it",
        "penelepon yang diam berputar-putar ({}); salah satunya harus menuju ke luar",
    ),
    (
        "it is menu number {} on the shortest way to it and {} are the most; bring it nearer to the start",
        "ini menu ke-{} pada jalan terpendek, padahal paling banyak {}; dekatkan ke awal",
    ),
    (
        "it records, and on the way {} the notice `{}` was not said to its end; say it before, with `barge_in = false`",
        "langkah ini merekam, tetapi pada jalan {} pemberitahuan `{}` belum diucapkan sampai selesai; ucapkan dahulu dengan `barge_in = false`",
    ),
    (
        "on the way {} there is no story; lead through a `record` step with `story` first",
        "pada jalan {} belum ada cerita; lewati dahulu langkah `record` dengan `story`",
    ),
    (
        "on the way {} a story was recorded and no ticket opened; lead through an `open` step first",
        "pada jalan {} cerita sudah direkam tetapi laporan belum dibuka; lewati dahulu langkah `open`",
    ),
    (
        "a caller who stays silent is hung up on (at `{}`); let silence lead to a `record` step",
        "penelepon yang diam diputus (di `{}`); arahkan diam ke langkah `record`",
    ),
    (
        "a caller comes to the end (at `{}`) unasked and unrecorded; lead through a `menu` or `record` step first",
        "penelepon sampai di akhir (di `{}`) tanpa ditanya dan tanpa direkam; lewati dahulu langkah `menu` atau `record`",
    ),
    (
        "on the way {} a ticket was opened and its code never said; say {code} in the `open` step or behind it",
        "pada jalan {} laporan sudah dibuka tetapi kodenya belum diucapkan; ucapkan {code} di langkah `open` atau sesudahnya",
    ),
    ("there is no class of report `{}`; write {}", "tidak ada jenis laporan `{}`; tulis {}"),
    (
        "it needs prompts that are not there ({}); add their texts to prompts.toml",
        "langkah ini memerlukan prompt yang tidak ada ({}); tambahkan dahulu",
    ),
    (
        "on the way {} there is no code yet; open a ticket first",
        "pada jalan {} belum ada kode; buka laporan dahulu",
    ),
    (
        "on the way {} nothing was found yet; look a code up first",
        "pada jalan {} belum ada yang ditemukan; cari kode dahulu",
    ),
];

/// A sentence in Indonesian; what the TOML reader says and nobody has met yet stays as it is, named as such.
pub fn indonesian(sentence: &str) -> String {
    if let Some(values) = matched("step `{}` ({}): {}", sentence) {
        return format!("langkah `{}` ({}): {}", values[0], values[1], indonesian(values[2]));
    }
    if let Some(values) = matched("step `{}`: {}", sentence) {
        return format!("langkah `{}`: {}", values[0], indonesian(values[1]));
    }
    let known =
        SENTENCES.iter().find_map(|(pattern, ours)| Some((matched(pattern, sentence)?, ours)));
    match known {
        Some((values, ours)) => filled(ours, &values),
        None => match toml_words::indonesian(sentence) {
            Some(ours) => ours,
            None => format!("penulisan TOML: {sentence}"),
        },
    }
}

/// What stands in the places of a pattern, if the text is one of its kind.
fn matched<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let (value, after) = match parts.peek() {
            Some(_) => rest.split_once(part)?,
            None => (rest.strip_suffix(part)?, ""),
        };
        values.push(value);
        rest = after;
    }
    rest.is_empty().then_some(values)
}

fn filled(pattern: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let mut text = String::new();
    for (at, part) in pattern.split("{}").enumerate() {
        if at > 0 {
            text.push_str(values.next().unwrap_or(&""));
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivr::script::Script;

    #[test]
    fn names_and_numbers_stay_in_their_places() {
        for (sentence, ours) in [
            (
                "there is no step `cekk`; did you mean `cek`?",
                "tidak ada langkah `cekk`; mungkin maksudnya `cek`?",
            ),
            (
                "step `a` (menu): `no_input` is missing; add it",
                "langkah `a` (menu): `no_input` belum ada; tambahkan",
            ),
            (
                "no way leads here; lead one here or remove it",
                "tidak ada jalan ke sini; buatkan jalan atau hapus",
            ),
            ("unclosed table; write `]`", "kurung siku tabel belum ditutup; tulis `]`"),
            ("recursion limit", "penulisan TOML: recursion limit"),
        ] {
            assert_eq!(indonesian(sentence), ours);
        }
    }

    /// Broken as people break it, read by the reader itself.
    #[test]
    fn what_the_toml_reader_says_is_understood_by_a_supervisor() {
        let broken = [
            "[step.menu\nkind = \"menu\"",
            "[step.menu]\nkind = \"menu",
            "[step.menu]\nkind = menu",
            "[step.menu]\nkind \"menu\"",
            "[step.menu]\nkind = \"menu\"\nkind = \"menu\"",
            "[step.menu]\nkind =",
            "[step.menu]\nprompts = [\"a\" \"b\"]",
            "[step.menu]\nkind = \"say\" next = \"akhir\"",
            "[step.menu]\nkind = 7",
            "[step.menu]\nkind = \"say\"\nprompts = \"a\"",
            "[step.menu]\nkind = \"say\"\nprompts = [\"a\"]\nnext = \"b\"\nbarge_in = \"ya\"",
        ];
        let told: Vec<String> = broken
            .iter()
            .flat_map(|text| {
                let text = format!("name = \"x\"\n{text}");
                Script::parse("x.toml", &text).expect_err("broken").problems
            })
            .map(|problem| indonesian(&problem.sentence))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn both_languages_have_the_same_places() {
        for (sentence, ours) in SENTENCES {
            assert_eq!(sentence.matches("{}").count(), ours.matches("{}").count(), "{sentence}");
        }
    }
}
