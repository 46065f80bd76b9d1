//! Times, numbers and words as an operator reads them.

use jiff::tz::TimeZone;

use super::Console;
use crate::clock::Timestamp;
use crate::ivr::graph::spoken;
use crate::store::{EndReason, MessageKind, RecordingState, SmsKind, SmsState, TicketRow};
use crate::ticket::Role;
use crate::ticket::workflow::Action;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"];

fn zoned(at: Timestamp, zone: &TimeZone) -> jiff::Zoned {
    // A clock so wrong that it has no date shows an old one.
    jiff::Timestamp::from_millisecond(at.0)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
}

impl Console {
    /// `22 Nov 2026 14.05`
    pub(super) fn time(&self, at: Timestamp) -> String {
        let at = zoned(at, &self.zone);
        let month = MONTHS[usize::from(at.month().unsigned_abs() - 1)];
        format!("{} {month} {} {:02}.{:02}", at.day(), at.year(), at.hour(), at.minute())
    }

    /// `14.05`
    pub(super) fn hour(&self, at: Timestamp) -> String {
        let at = zoned(at, &self.zone);
        format!("{:02}.{:02}", at.hour(), at.minute())
    }

    /// When today began here.
    pub(super) fn midnight(&self) -> Timestamp {
        let now = zoned(self.now(), &self.zone);
        let start = now.start_of_day().unwrap_or(now);
        Timestamp(start.timestamp().as_millisecond())
    }

    /// A deadline as it is now.
    pub(super) fn due(&self, due: Timestamp) -> Due {
        let at = zoned(due, &self.zone);
        let month = MONTHS[usize::from(at.month().unsigned_abs() - 1)];
        let late = self.now() > due;
        Due {
            day: format!("{} {month} {}", at.day(), at.year()),
            late: late.then(|| self.age(due)),
        }
    }

    /// `3 jam`, since `at`.
    pub(super) fn age(&self, at: Timestamp) -> String {
        age(self.now().since(at).as_secs())
    }
}

/// By when something must happen.
pub(super) struct Due {
    /// `23 Nov 2026`
    pub day: String,
    /// How long ago that was.
    pub late: Option<String>,
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => "baru saja".into(),
        60..3_600 => format!("{} menit", seconds / 60),
        3_600..86_400 => format!("{} jam", seconds / 3_600),
        _ => format!("{} hari", seconds / 86_400),
    }
}

/// `12`, or `999+` where nobody counted beyond 1000.
pub(super) fn up_to(most: i64, count: i64) -> String {
    if count < most { count.to_string() } else { format!("{}+", most - 1) }
}

/// `1:05`
pub(super) fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A reporter's number as this role sees it.
pub(super) fn number(role: Role, number: Option<&str>, anonymous: bool) -> String {
    match number {
        None => "nomor disembunyikan".into(),
        Some(number) if role.sees_numbers() => number.into(),
        Some(_) if anonymous => "anonim".into(),
        Some(number) => masked(number),
    }
}

/// The same for a ticket.
pub(super) fn reporter(role: Role, ticket: &TicketRow) -> String {
    number(role, ticket.number.as_deref(), ticket.anonymous)
}

/// The last three digits; of shorter numbers nothing.
fn masked(number: &str) -> String {
    let end = number.char_indices().rev().nth(2).map_or(0, |(at, _)| at);
    let shown = if number.chars().count() > 6 { &number[end..] } else { "" };
    format!("•••• {shown}").trim_end().into()
}

/// The beginning of a text, in one line.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{whole_words} …")
}

/// What a row of a ticket's history says happened.
pub(super) fn what(word: &str) -> &str {
    match word {
        "opened" => "laporan masuk",
        "added" => "ditambah pelapor",
        "take" => "diambil",
        "classify" => "jenis dan tempat ditentukan",
        "note" => "catatan",
        "heard" => "rekaman didengarkan",
        other => match Action::parse(other) {
            Some(action) => action.word(),
            None => other,
        },
    }
}

/// Who did it: `reporter` is what rows call whoever reported.
pub(super) fn who(actor: &str) -> &str {
    if actor == "reporter" { "pelapor" } else { actor }
}

/// How a call ended.
pub(super) fn outcome(reason: Option<EndReason>) -> &'static str {
    let Some(reason) = reason else { return "sedang berlangsung" };
    match reason {
        EndReason::Completed => "selesai",
        EndReason::HungUp => "penelepon menutup",
        EndReason::Cancelled => "batal sebelum dijawab",
        EndReason::Refused => "ditolak",
        EndReason::Busy => "semua jalur sibuk",
        EndReason::TooLong => "melewati batas waktu",
        EndReason::ServiceFailed => "layanan terganggu",
        EndReason::Transferred => "dialihkan",
        EndReason::NoAck => "tidak tersambung",
        EndReason::SessionExpired => "sambungan kedaluwarsa",
        EndReason::RtpTimeout => "suara terputus",
        EndReason::MediaFailed => "suara gagal",
        EndReason::TransportFailed => "jaringan gagal",
        EndReason::Shutdown => "layanan dihentikan",
        EndReason::Crash => "terputus karena gangguan",
    }
}

/// A step of a call's key path.
pub(super) fn step(what: &str) -> String {
    if let Some(key) = what.strip_prefix("key ") {
        return format!("tekan {key}");
    }
    let word = match what {
        "enter" => "mulai",
        "digits" => "mengetik angka",
        "sent" => "dikirim",
        "hung_up" => "menutup telepon",
        "sealed" => "diminta PIN",
        "wrong" => "salah",
        "too_long" => "terlalu lama",
        outcome => spoken(outcome),
    };
    word.into()
}

/// What kind of text it is.
pub(super) fn message(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Report => "Laporan tertulis",
        MessageKind::Addition => "Tambahan dari pelapor",
        MessageKind::Answer => "Tanggapan",
    }
}

/// Why we sent a short message.
pub(super) fn sms(kind: SmsKind) -> &'static str {
    match kind {
        SmsKind::Answer => "Balasan otomatis",
        SmsKind::Code => "Kode laporan",
        SmsKind::Notice => "Pemberitahuan",
    }
}

/// Which of the few colours its state has.
pub(super) fn sms_tone(state: SmsState) -> &'static str {
    match state {
        SmsState::Queued | SmsState::Sending => "waiting",
        SmsState::Accepted | SmsState::Sent => "going",
        SmsState::Delivered => "done",
        SmsState::Failed | SmsState::Unsure => "alarm",
    }
}

/// Why a recording cannot be heard, if it cannot.
pub(super) fn silence(state: RecordingState) -> Option<&'static str> {
    match state {
        RecordingState::Kept => None,
        RecordingState::Open => Some("sedang direkam"),
        RecordingState::Empty => Some("tidak ada suara"),
        RecordingState::Failed => Some("rekaman rusak"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_for_those_who_need_not_know_them() {
        let seen = |role, anonymous| number(role, Some("+6281234567890"), anonymous);
        assert_eq!(seen(Role::Operator, true), "+6281234567890");
        assert_eq!(seen(Role::Auditor, false), "•••• 890");
        assert_eq!(seen(Role::AgencyOfficer, false), "•••• 890");
        assert_eq!(seen(Role::AgencyOfficer, true), "anonim");
        assert_eq!(number(Role::AgencyOfficer, Some("14045"), false), "••••");
        assert_eq!(number(Role::Admin, None, false), "nomor disembunyikan");
    }

    #[test]
    fn what_a_caller_did_is_told_in_indonesian() {
        let told = [
            ("key #", "tekan #"),
            ("no_input", "diam"),
            ("no_match", "salah tekan"),
            ("hung_up", "menutup telepon"),
            ("sealed", "diminta PIN"),
        ];
        for (what, word) in told {
            assert_eq!(step(what), word);
        }
        // Every word that the dialogue writes down, of those that tests of whole calls bring about.
        for what in [
            "enter",
            "digits",
            "sent",
            "wrong",
            "too_long",
            "recorded",
            "failed",
            "broke_off",
            "opened",
            "found",
            "answered",
            "not_found",
            "exhausted",
            "taken",
            "not_taken",
        ] {
            assert_ne!(step(what), what);
        }
    }

    #[test]
    fn ages_durations_and_excerpts_are_short() {
        assert_eq!(
            [age(59), age(3_599), age(86_399), age(172_800)],
            ["baru saja", "59 menit", "23 jam", "2 hari"]
        );
        assert_eq!([up_to(1000, 999), up_to(1000, 1000)], ["999", "999+"]);
        assert_eq!([duration(-1), duration(65_999)], ["0:00", "1:05"]);
        assert_eq!(excerpt("jalan\n rusak  parah", 40), "jalan rusak parah");
        assert_eq!(excerpt("jalan rusak parah", 13), "jalan rusak …");
        assert_eq!(excerpt("ééééé", 3), "ééé …");
    }
}
