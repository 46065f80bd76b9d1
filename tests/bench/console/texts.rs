//! What people might write and say: a few hundred common words, and names that hardly anybody else has.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

const OPENINGS: &[&str] = &[
    "Selamat pagi",
    "Selamat siang",
    "Assalamualaikum",
    "Mohon izin melapor",
    "Saya mau melapor",
    "Kepada bapak ibu petugas",
    "Tolong ya",
    "Lapor",
];
const THINGS: &[&str] = &[
    "jalan rusak",
    "jalan berlubang",
    "lampu jalan mati",
    "sampah menumpuk",
    "air PDAM tidak mengalir",
    "got mampet",
    "banjir",
    "pohon tumbang",
    "listrik padam",
    "jembatan retak",
    "trotoar dipakai pedagang kaki lima",
    "tiang listrik miring",
    "KTP belum jadi",
    "kartu keluarga salah nama",
    "bantuan sosial belum turun",
    "antrean puskesmas lama sekali",
    "guru jarang masuk",
    "pungutan liar di sekolah",
    "parkir liar",
    "traktor pengairan rusak",
    "jaringan irigasi bocor",
    "asap pabrik",
    "anjing liar",
    "saluran air tersumbat",
    "air keruh dan berbau",
    "rambu lalu lintas hilang",
    "kabel menjuntai",
    "tanah longsor",
    "perahu penyeberangan tidak layak",
    "harga pupuk naik",
];
const SINCE: &[&str] = &[
    "sejak kemarin",
    "sudah dua minggu",
    "sejak bulan lalu",
    "sudah tiga hari",
    "sejak tadi malam",
    "sudah hampir setahun",
    "setiap musim hujan",
    "tiap malam",
];
const HARM: &[&str] = &[
    "banyak pengendara jatuh",
    "anak sekolah terpaksa memutar",
    "warga mengeluh",
    "kami sulit lewat",
    "baunya mengganggu tetangga",
    "pedagang rugi",
    "orang tua saya sakit",
    "rumah kami kebanjiran",
    "kendaraan tidak bisa melintas",
    "belum ada petugas yang datang",
];
const ASKING: &[&str] = &[
    "mohon segera diperbaiki",
    "tolong ditindaklanjuti",
    "mohon perhatiannya",
    "kapan diperbaikinya",
    "tolong dikirim petugas",
    "mohon bantuannya, terima kasih",
    "semoga cepat ditangani",
];
const ANSWERS: &[&str] = &[
    "Terima kasih atas laporannya",
    "Laporan sudah kami teruskan ke bidang terkait",
    "Petugas kami sudah meninjau lokasi",
    "Perbaikan dijadwalkan bulan depan",
    "Pekerjaan sudah selesai dilaksanakan",
    "Kami mohon maaf atas ketidaknyamanannya",
    "Berkas dapat diambil di kantor kecamatan",
    "Anggaran diusulkan pada perubahan tahun ini",
];
const ROADS: &[&str] = &[
    "Merdeka",
    "Sudirman",
    "Melati",
    "Mawar",
    "Diponegoro",
    "Ahmad Yani",
    "Pahlawan",
    "Kenanga",
    "Gajah Mada",
    "Pasar Baru",
    "Veteran",
    "Cempaka",
];
const SYLLABLES: &[&str] = &[
    "ba", "ca", "da", "ga", "ja", "ka", "la", "ma", "na", "pa", "ra", "sa", "ta", "wa", "bi", "di",
    "ki", "li", "mi", "ni", "ri", "si", "ti", "bu", "du", "ku", "lu", "mu", "nu", "ru", "su", "tu",
    "be", "le", "me", "re", "se", "ko", "lo", "mo", "no", "ro", "so", "to", "ngan", "rang", "tan",
];

/// Words that many texts hold, for the search.
pub const COMMON: [&str; 6] = ["jalan", "air", "rusak", "petugas", "mohon", "warga"];

/// A report as people write it: some twenty words.
pub fn report(rng: &mut StdRng) -> String {
    let number: u16 = rng.random_range(1..300);
    format!(
        "{}, {} di Jalan {} nomor {number} Desa {} {}, {}, {}.",
        pick(rng, OPENINGS),
        pick(rng, THINGS),
        pick(rng, ROADS),
        name(rng),
        pick(rng, SINCE),
        pick(rng, HARM),
        pick(rng, ASKING),
    )
}

/// Sentences as people speak them.
pub fn story(rng: &mut StdRng) -> Vec<String> {
    let mut said = vec![report(rng)];
    for _ in 0..rng.random_range(1..4_u8) {
        said.push(format!(
            "{} juga {} dekat rumah Pak {} {}",
            pick(rng, THINGS),
            pick(rng, SINCE),
            name(rng),
            pick(rng, HARM)
        ));
    }
    said
}

/// What a reporter adds.
pub fn addition(rng: &mut StdRng) -> String {
    format!("{}, {}", pick(rng, HARM), pick(rng, ASKING))
}

/// What an agency answers.
pub fn answer(rng: &mut StdRng) -> String {
    format!("{}. {}, Desa {}.", pick(rng, ANSWERS), pick(rng, ANSWERS), name(rng))
}

/// A name of two to four syllables: some common, most of them rare.
pub fn name(rng: &mut StdRng) -> String {
    let length = rng.random_range(2..5_u8);
    let name: String = (0..length).map(|_| pick(rng, SYLLABLES)).collect();
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// One of several.
pub fn pick<'t>(rng: &mut StdRng, from: &[&'t str]) -> &'t str {
    from.choose(rng).copied().unwrap_or_default()
}
