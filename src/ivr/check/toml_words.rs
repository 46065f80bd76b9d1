//! What the TOML reader says about broken TOML, in Indonesian.

/// Its sentences; those that nobody who edits a script brings about are left out.
const SENTENCES: &[(&str, &str)] = &[
    ("duplicate key", "kunci ini ditulis dua kali"),
    ("extra `=`", "tanda `=` terlalu banyak"),
    ("extra assignment between key-value pairs", "tanda `=` terlalu banyak"),
    ("extra comma in array", "koma di daftar terlalu banyak"),
    ("extra comma in inline table", "koma di dalam kurung kurawal terlalu banyak"),
    ("invalid basic string", "teks dalam tanda kutip ini tidak benar atau belum ditutup"),
    ("invalid boolean", "tulis `true` atau `false`"),
    ("invalid comment character", "keterangan ini memuat tanda yang tidak boleh"),
    ("invalid date-time", "tanggal atau jam ini tidak benar"),
    ("invalid float", "bilangan ini tidak benar"),
    ("invalid integer number", "bilangan ini tidak benar"),
    ("invalid key", "nama kunci ini tidak benar"),
    ("invalid key-value pair", "baris ini bukan `kunci = nilai`"),
    ("invalid literal string", "teks dalam tanda kutip ini tidak benar atau belum ditutup"),
    (
        "invalid multi-line basic string",
        "teks dalam tanda kutip ini tidak benar atau belum ditutup",
    ),
    ("invalid string", "teks dalam tanda kutip ini tidak benar atau belum ditutup"),
    ("invalid table", "nama tabel ini tidak benar"),
    ("invalid unquoted key", "nama kunci ini memuat tanda yang tidak boleh"),
    ("invalid value", "nilai ini tidak benar"),
    ("key with no value", "kunci ini belum diberi nilai"),
    ("missing assignment between key-value pairs", "tanda `=` belum ada"),
    ("missing comma between array elements", "koma di antara isi daftar belum ada"),
    ("missing comma between key-value pairs", "koma di dalam kurung kurawal belum ada"),
    ("missing opening quote", "tanda kutip pembuka belum ada"),
    ("missing value", "nilainya belum ada"),
    ("missing value for key", "kunci ini belum diberi nilai"),
    ("string values must be quoted", "teks harus di dalam tanda kutip"),
    ("unclosed array", "kurung siku daftar belum ditutup"),
    ("unclosed array table", "kurung siku tabel belum ditutup"),
    ("unclosed inline table", "kurung kurawal belum ditutup"),
    ("unclosed table", "kurung siku tabel belum ditutup"),
    (
        "unexpected content between comment and newline",
        "sebelum keterangan ini masih ada yang lain",
    ),
    ("unexpected key or value", "satu baris hanya memuat satu `kunci = nilai`"),
    ("unquoted keys cannot be empty", "nama kunci kosong"),
];

/// What kinds of values are called.
const KINDS: &[(&str, &str)] = &[
    ("a boolean", "`true` atau `false`"),
    ("a map", "sebuah tabel"),
    ("a sequence", "sebuah daftar"),
    ("a string", "teks dalam tanda kutip"),
    ("literal string", "teks dalam tanda kutip"),
    ("newline, `#`", "baris baru atau `#`"),
    ("u8", "bilangan bulat"),
    ("u32", "bilangan bulat"),
    ("boolean", "nilai"),
    ("floating point", "pecahan"),
    ("integer", "bilangan"),
    ("map", "tabel"),
    ("sequence", "daftar"),
    ("string", "teks"),
];

/// One of its sentences; `None` for one that is not known.
pub(super) fn indonesian(sentence: &str) -> Option<String> {
    if let Some((wrong, wanted)) = sentence.split_once("; write ") {
        return Some(format!("{}; tulis {}", indonesian(wrong)?, kind(wanted)));
    }
    if let Some(value) = sentence.strip_prefix("invalid type: ") {
        // As in: string "yes".
        let (name, value) = value.split_once([' ', '`']).unwrap_or((value, ""));
        return Some(format!("{} {value}", kind(name)).trim().to_owned() + " tidak cocok di sini");
    }
    SENTENCES.iter().find(|(theirs, _)| *theirs == sentence).map(|(_, ours)| (*ours).to_owned())
}

fn kind(name: &str) -> &str {
    KINDS.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| *ours)
}
