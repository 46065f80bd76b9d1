//! Indonesian words without their affixes, so that "lubang" finds "berlubang" and "perbaikan" "diperbaiki".
//!
//! Without a dictionary no single answer is right: "memungut" may come from *pungut* or *mungut*, "perbaikan" may end in
//! -an or in -kan. So a word has several stems, and two words belong together when they share one. What is not a word
//! (*mungut*) meets nobody and does no harm.

use std::collections::BTreeSet;

/// Counts up with each change of what [`stems`] answers: what was indexed by an earlier one is indexed again.
pub const VERSION: u32 = 1;

/// A longer word is no word.
const LONGEST: usize = 30;

/// Words that look as if they had an affix, and whose rest is another word.
const WHOLE: [&str; 25] = [
    "adalah",
    "akan",
    "bagaimana",
    "beberapa",
    "berapa",
    "dengan",
    "karena",
    "kepada",
    "kemudian",
    "masalah",
    "melalui",
    "memang",
    "menurut",
    "merupakan",
    "sebelum",
    "sebuah",
    "sekali",
    "sekarang",
    "sekolah",
    "selalu",
    "selokan",
    "seperti",
    "setelah",
    "terhadap",
    "tetapi",
];

/// Every root that a folded word may come from, at least one; the word itself if it has no affix.
///
/// Roots are keys and not for reading: o is written as u, since "lobang" is "lubang".
pub fn stems(word: &str) -> BTreeSet<String> {
    // SMS for "lubang-lubang".
    let single = word.strip_suffix('2').unwrap_or(word);
    let mut found = BTreeSet::new();
    let plain = single.bytes().all(|b| b.is_ascii_lowercase());
    if !plain || !(4..=LONGEST).contains(&single.len()) || WHOLE.contains(&single) {
        found.insert(key(if plain && single.len() >= 3 { single } else { word }));
    } else {
        strip(single, 3, Suffix::Particle, &mut found);
    }
    found
}

/// Whether a word begins like a verb before something that may be a root. Names do so seldom: *melati*, *teratai*, *kenanga*
/// are left alone.
pub fn is_verb_like(word: &str) -> bool {
    let behind = |prefix: &str| word.strip_prefix(prefix).and_then(|rest| rest.bytes().next());
    let consonant = |prefix| behind(prefix).is_some_and(|b| b.is_ascii_lowercase() && !is_vowel(b));
    let begins = consonant("ber") || consonant("ter") || consonant("di") || consonant("mem");
    (begins || behind("meng").is_some()) && !without_prefix(word).is_empty()
}

fn key(word: &str) -> String {
    word.replace('o', "u")
}

/// The outermost suffix that may still be there, from outside to inside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Particle,
    Possessive,
    Derivation,
    None,
}

const SUFFIXES: [(Suffix, Suffix, &str); 9] = [
    (Suffix::Particle, Suffix::Possessive, "kah"),
    (Suffix::Particle, Suffix::Possessive, "lah"),
    (Suffix::Particle, Suffix::Possessive, "pun"),
    (Suffix::Possessive, Suffix::Derivation, "nya"),
    (Suffix::Possessive, Suffix::Derivation, "ku"),
    (Suffix::Possessive, Suffix::Derivation, "mu"),
    (Suffix::Derivation, Suffix::None, "kan"),
    (Suffix::Derivation, Suffix::None, "an"),
    (Suffix::Derivation, Suffix::None, "i"),
];

/// Goes every way of taking affixes off until none is left.
fn strip(word: &str, prefixes: u8, outermost: Suffix, found: &mut BTreeSet<String>) {
    let mut bare = true;
    for (suffix, next, ending) in SUFFIXES {
        let Some(base) = word.strip_suffix(ending) else { continue };
        if suffix >= outermost && is_root(base) {
            bare = false;
            strip(base, prefixes, next, found);
        }
    }
    if prefixes > 0 {
        for base in without_prefix(word) {
            bare = false;
            strip(&base, prefixes - 1, outermost, found);
        }
    }
    if bare {
        found.insert(key(word));
    }
}

/// Roots have two syllables.
fn is_root(base: &str) -> bool {
    base.len() >= 3 && base.bytes().filter(|b| is_vowel(*b)).count() >= 2
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u')
}

/// The word without its first prefix, in each way that the prefix may have changed the root's first letter.
fn without_prefix(word: &str) -> Vec<String> {
    let mut bases = Vec::new();
    let mut add = |base: String| {
        if is_root(&base) {
            bases.push(base);
        }
    };
    if let Some(rest) = word.strip_prefix("bel").or(word.strip_prefix("pel"))
        && rest.starts_with("ajar")
    {
        return vec![rest.to_owned()];
    }
    match word.as_bytes() {
        [b'm' | b'p', b'e', b'n', b'y', v, ..] if is_vowel(*v) => add(format!("s{}", &word[4..])),
        [b'm' | b'p', b'e', b'n', b'g', c, ..] => {
            add(word[4..].to_owned());
            if is_vowel(*c) {
                add(format!("k{}", &word[4..]));
            }
        }
        [b'm' | b'p', b'e', b'm', v, ..] if is_vowel(*v) => {
            add(format!("p{}", &word[3..]));
            add(word[2..].to_owned());
        }
        [b'm' | b'p', b'e', b'n', v, ..] if is_vowel(*v) => {
            add(format!("t{}", &word[3..]));
            add(word[2..].to_owned());
        }
        [b'm' | b'p', b'e', b'm' | b'n', _, ..] => add(word[3..].to_owned()),
        [b'b' | b'p' | b't', b'e', b'r', c, ..] => {
            add(word[3..].to_owned());
            if is_vowel(*c) {
                add(word[2..].to_owned());
            }
        }
        [b'b', b'e', c, b'e', b'r', ..] if !is_vowel(*c) => add(word[2..].to_owned()),
        [b'm', b'e', b'l' | b'r' | b'w' | b'y', ..] => add(word[2..].to_owned()),
        [b'p', b'e', c, ..] if !is_vowel(*c) => add(word[2..].to_owned()),
        [b'd', b'i', ..] | [b'k' | b's', b'e', ..] => add(word[2..].to_owned()),
        // Without me-, as people speak and write.
        [b'n', b'y', v, ..] if is_vowel(*v) => add(format!("s{}", &word[2..])),
        [b'n', b'g', v, ..] if is_vowel(*v) => {
            add(word[2..].to_owned());
            add(format!("k{}", &word[2..]));
        }
        _ => {}
    }
    bases
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn related(one: &str, other: &str) -> bool {
        !stems(one).is_disjoint(&stems(other))
    }

    #[test]
    fn words_of_one_root_belong_together() {
        for (root, others) in [
            (
                "lubang",
                &["berlubang", "lubangnya", "lobang", "lubang2", "lubangnyakah", "melubangi"][..],
            ),
            ("perbaikan", &["diperbaiki", "memperbaiki", "baik", "perbaikannya", "perbaikilah"]),
            ("pungutan", &["memungut", "pungut", "dipungut", "pemungutan", "pungutannya"]),
            ("padam", &["pemadaman", "dipadamkan", "memadamkan", "padamnya"]),
            ("terang", &["penerangan", "menerangi", "diterangi"]),
            ("layan", &["pelayanan", "melayani", "dilayani", "pelayanannya"]),
            ("kirim", &["mengirim", "dikirimkan", "pengiriman", "ngirim"]),
            ("tutup", &["menutup", "ditutup", "tertutup", "penutupan"]),
            ("sapu", &["menyapu", "nyapu", "disapu"]),
            ("salur", &["menyalurkan", "saluran", "penyaluran", "tersalurkan"]),
            ("bangun", &["membangun", "pembangunan", "dibangunkah"]),
            ("rawat", &["perawat", "perawatan", "dirawat", "merawat"]),
            ("ajar", &["belajar", "mengajar", "pelajaran", "pelajar"]),
            ("kerja", &["bekerja", "pekerjaan", "mengerjakan", "dikerjakan"]),
            ("air", &["airnya", "pengairan", "berair"]),
            ("camat", &["kecamatan"]),
            ("rusak", &["kerusakan", "merusak", "dirusak"]),
            ("sehat", &["kesehatan"]),
            ("tani", &["pertanian", "petani", "bertani"]),
            ("jalan", &["perjalanan", "jalanan", "berjalan", "jalannya"]),
            ("beri", &["memberi", "berikan", "diberikan", "pemberian"]),
        ] {
            for other in others {
                assert!(
                    related(root, other),
                    "{root} {other}: {:?} {:?}",
                    stems(root),
                    stems(other)
                );
            }
        }
    }

    #[test]
    fn words_that_only_look_alike_do_not() {
        for (one, other) in [
            ("masa", "masalah"),
            ("jalan", "jamban"),
            ("buah", "sebuah"),
            ("kali", "sekali"),
            ("sama", "sampah"),
            ("lampu", "lampau"),
            ("air", "akhir"),
            ("mata", "mati"),
        ] {
            assert!(!related(one, other), "{one} {other}: {:?} {:?}", stems(one), stems(other));
        }
    }

    #[test]
    fn short_words_numbers_and_other_scripts_stay_as_they_are() {
        for word in ["di", "rt", "2", "03", "ktp", "дорога", "路", "rt03"] {
            assert_eq!(stems(word), BTreeSet::from([word.to_owned()]));
        }
        assert_eq!(stems("km2"), BTreeSet::from(["km2".to_owned()]));
    }

    #[test]
    fn verbs_are_told_from_names() {
        assert!(
            ["berlubang", "terputus", "ditutup", "memprihatinkan"]
                .map(is_verb_like)
                .iter()
                .all(|v| *v)
        );
        assert!(
            !["melati", "merdeka", "teratai", "kenanga", "buntu", "sudirman", "ais"]
                .map(is_verb_like)
                .iter()
                .any(|v| *v)
        );
    }

    proptest! {
        #[test]
        fn any_word_has_a_few_stems(word in "\\PC{0,60}") {
            let found = stems(&word);
            prop_assert!((1..=24).contains(&found.len()), "{found:?}");
        }

        #[test]
        fn even_a_word_of_nothing_but_affixes_has_few(
            word in "(me|mem|men|meng|meny|pe|pem|pen|di|ke|se|ber|per|ter){0,6}(aja|usa|ini)(kan|an|i|ku|mu|nya|lah|kah){0,5}",
        ) {
            let found = stems(&word);
            prop_assert!((1..=24).contains(&found.len()), "{found:?}");
        }
    }
}
