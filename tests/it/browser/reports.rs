//! What people of a town report on a few days, as they say it.

use kentongan::ticket::Class;
use kentongan::ticket::workflow::Action::{
    self, Answer, Close, Reject, RequestData, Route, Start, Verify,
};

/// One report, and how far it has come.
pub struct Told {
    /// How long ago.
    pub minutes: u32,
    pub number: &'static str,
    pub class: Class,
    /// Sentences spoken on the telephone, or the text of a message.
    pub text: &'static [&'static str],
    pub spoken: bool,
    pub category: &'static str,
    pub place: &'static str,
    pub agency: &'static str,
    pub steps: &'static [Action],
}

/// A complaint on the telephone, new.
const SPOKEN: Told = Told {
    minutes: 0,
    number: "+6281200000000",
    class: Class::Complaint,
    text: &[],
    spoken: true,
    category: "",
    place: "",
    agency: "",
    steps: &[],
};
/// The same in writing.
const WRITTEN: Told = Told { spoken: false, ..SPOKEN };

/// The one that most tests work on: fifteen seconds.
pub const HOLE: Told = Told {
    minutes: 7,
    number: "+6281251904417",
    text: &[
        "Selamat pagi, saya mau melapor.",
        "Jalan Ahmad Yani di depan Pasar Keramat berlubang besar sudah dua minggu.",
        "Tadi malam ada pengendara motor yang jatuh di situ.",
        "Tolong segera diperbaiki, terima kasih.",
    ],
    ..SPOKEN
};

/// A few busy days, the newest first.
pub const DAYS: &[Told] = &[
    HOLE,
    Told {
        minutes: 12,
        number: "+6285248113390",
        text: &[
            "lampu jalan di gang Sampurna Baamang mati 3 malam, gelap sekali, ibu2 takut pulang pengajian",
        ],
        ..WRITTEN
    },
    Told {
        minutes: 31,
        number: "+6282155630127",
        text: &[
            "Pak, air PDAM di Perumahan Wengga blok C tidak mengalir sejak kemarin pagi.",
            "Kami bayar terus setiap bulan.",
        ],
        ..SPOKEN
    },
    Told {
        minutes: 48,
        number: "+6281349022715",
        text: &["sampah di tps jl Pelita Barat menumpuk sampai ke jalan dan baunya menyengat"],
        ..WRITTEN
    },
    Told {
        minutes: 95,
        number: "+6285651447208",
        class: Class::InformationRequest,
        text: &[
            "Bu, mau tanya, syarat mengurus akta kelahiran kalau buku nikah hilang itu apa saja?",
        ],
        category: "kependudukan",
        steps: &[Verify],
        ..SPOKEN
    },
    Told {
        minutes: 130,
        number: "+6281253308846",
        text: &[
            "Jembatan kayu di Desa Pelangsian sudah lapuk.",
            "Anak sekolah lewat situ setiap hari, papannya banyak yang patah.",
        ],
        category: "jalan",
        place: "Jembatan, Desa Pelangsian",
        agency: "dpupr",
        steps: &[Verify, Route],
        ..SPOKEN
    },
    Told {
        minutes: 260,
        number: "+6282250914483",
        text: &["got depan SDN 4 Mentaya Hilir tersumbat, kalau hujan halaman sekolah banjir"],
        category: "jalan",
        place: "SDN 4 Mentaya Hilir",
        agency: "dpupr",
        steps: &[Verify, Route, Start],
        ..WRITTEN
    },
    Told {
        minutes: 1_500,
        number: "+6281348820961",
        text: &["petugas parkir di Pasar Subuh menarik 5 ribu tanpa karcis"],
        category: "lalu_lintas",
        place: "Pasar Subuh",
        agency: "dishub",
        steps: &[Verify, RequestData],
        ..WRITTEN
    },
    Told {
        minutes: 1_710,
        number: "+6285332017754",
        text: &[
            "Puskesmas Baamang Dua tutup jam sepuluh padahal tertulis sampai jam dua belas.",
            "Saya sudah antre dari pagi membawa anak yang demam.",
        ],
        category: "kesehatan",
        place: "Puskesmas Baamang 2",
        agency: "dinkes",
        steps: &[Verify, Route, Start, Answer],
        ..SPOKEN
    },
    Told {
        minutes: 2_900,
        number: "+6281256679902",
        class: Class::Aspiration,
        text: &["usul taman kota dikasih kursi yg teduh buat orang tua, kalau siang panas sekali"],
        category: "lingkungan",
        place: "Taman Kota",
        agency: "dlh",
        steps: &[Verify, Route, Start, Answer, Close],
        ..WRITTEN
    },
    Told {
        minutes: 3_100,
        number: "+6282149905538",
        text: &["kapan gajian"],
        steps: &[Verify, Reject],
        ..WRITTEN
    },
];
