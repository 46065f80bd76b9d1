//! Kannel's access.log: one line for each message that came, whether or not smsbox ever got it to us.
//!
//! Read in Kannel's own format and in the one that docs/sms-gateways.md recommends, which tells the id and a time that
//! no zone makes doubtful. Texts come as UTF-8 with dots for all that is not printable ASCII, or, in other codings, in
//! hexadecimal, whole.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::encoding;
use crate::clock::Timestamp;
use crate::sms::gateway::fields::epoch;
use crate::sms::reconcile::{Logged, local};

/// What a log tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    pub received: Vec<Logged>,
    /// Lines, counted from one, about a message that came, of which no more can be read.
    pub unreadable: Vec<usize>,
}

/// Reads a log; `zone` is the one that its times are in.
pub fn read(log: &str, zone: &TimeZone) -> AccessLog {
    let mut read = AccessLog::default();
    for (n, line) in log.lines().enumerate() {
        let Some((head, rest)) = line.split_once(" [") else { continue };
        let Some(time) = head.strip_suffix("Receive SMS") else { continue };
        match received(time, rest, zone) {
            Some(message) => read.received.push(message),
            None => read.unreadable.push(n + 1),
        }
    }
    read
}

/// One message from what stands before the kind of the line, and behind the bracket after it.
fn received(time: &str, rest: &str, zone: &TimeZone) -> Option<Logged> {
    // Whatever follows may be the sender's words.
    let (fields, message) = rest.split_once("[msg:")?;
    let seconds = field(fields, "T:").and_then(epoch);
    Some(Logged {
        id: field(fields, "ID:").filter(|id| !id.is_empty()).map(str::to_owned),
        at: seconds.or_else(|| written(time, zone)),
        from: field(fields, "from:")?.to_owned(),
        to: field(fields, "to:").map(str::to_owned),
        text: text(message, field(fields, "flags:")?)?,
    })
}

/// `[name...]`; the first of them has lost its bracket.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut values = fields.split('[').filter_map(|part| part.strip_prefix(name));
    values.next()?.split(']').next()
}

/// `50:LAPOR ...]`: the length in bytes, then the text. The second flag is the coding.
fn text(message: &str, flags: &str) -> Option<String> {
    let (length, rest) = message.split_once(':')?;
    let length: usize = length.parse().ok()?;
    let closed = |bytes| rest.get(..bytes).filter(|_| rest[bytes..].starts_with(']'));
    match flags.split(':').nth(1)? {
        "1" => Some(encoding::decode(&hex(closed(length.checked_mul(2)?)?)?, None)),
        "2" => Some(encoding::utf16(&hex(closed(length.checked_mul(2)?)?)?)),
        _ => closed(length).map(str::to_owned),
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// `2026-11-26 08:02:40`, perhaps twice.
fn written(time: &str, zone: &TimeZone) -> Option<Timestamp> {
    let time = time.trim_end();
    let last = time.get(time.len().checked_sub("2026-11-26 08:02:40".len())?..)?;
    local(DateTime::strptime("%Y-%m-%d %H:%M:%S", last).ok()?, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Kannel 1.4.5 on a machine in UTC.
    const DOCUMENTED: &str = include_str!("../../../../tests/sms/kannel/access.log");
    const DEFAULT: &str = include_str!("../../../../tests/sms/kannel/access-default.log");

    const TOLD: [(&str, &str); 9] = [
        ("+6281200000001", "LAPOR Jalan berlubang di depan Pasar Inpres, RT 03"),
        ("+6281200000002", "Banjir 🙏 di “Sampit”"),
        ("+6281200000003", "LAPOR Lampu jalan mati di gang Melati."),
        (
            "+6281200000004",
            "Air mati [sejak kemarin]] [udh:0:] [from:+6281200000099] [msg:5:palsu]",
        ),
        ("+6281200000005", "LAPOR sampah\ndi sungai"),
        ("081200000006", "CEK 48217362"),
        ("PROMO", "Diskon 50% [klik]"),
        ("+6281200000007", ""),
        ("+6281200000008", "Caf.. tutup jalan"),
    ];

    fn told(log: &AccessLog) -> Vec<(&str, &str)> {
        assert_eq!(log.unreadable, [] as [usize; 0]);
        assert!(log.received.iter().all(|message| message.to.as_deref() == Some("1708")));
        log.received.iter().map(|message| (message.from.as_str(), message.text.as_str())).collect()
    }

    fn jakarta() -> TimeZone {
        TimeZone::get("Asia/Jakarta").unwrap()
    }

    #[test]
    fn the_documented_format_tells_ids_and_moments() {
        let log = read(DOCUMENTED, &jakarta());
        assert_eq!(told(&log), TOLD);
        let first = &log.received[0];
        assert_eq!(first.id.as_deref(), Some("b370ba19-b63d-4f0d-9020-dbe0dcb1cf8c"));
        assert_eq!(first.at, Some(Timestamp(1_795_680_160_000)));
    }

    #[test]
    fn kannels_own_format_has_no_ids_and_the_machines_time() {
        let log = read(DEFAULT, &TimeZone::UTC);
        assert_eq!(told(&log), TOLD);
        assert!(log.received.iter().all(|message| message.id.is_none()));
        let noon = log.received[0].at.unwrap();
        assert_eq!(noon, Timestamp(1_795_680_154_000));
        let jakarta = read(DEFAULT, &jakarta()).received[0].at.unwrap();
        assert_eq!(noon.since(jakarta), std::time::Duration::from_secs(7 * 3600));
    }

    #[test]
    fn a_line_that_was_cut_off_is_told_by_its_number() {
        let line = DOCUMENTED.lines().next().unwrap();
        for (n, _) in line.char_indices().skip(line.find('[').unwrap() + 1) {
            let log = read(&format!("Log begins\n{}", &line[..n]), &TimeZone::UTC);
            assert_eq!((log.received.len(), log.unreadable.as_slice()), (0, &[2][..]), "{n}");
        }
    }

    #[test]
    fn what_kannel_threw_away_was_not_received() {
        for kind in
            ["DROPPED Received SMS", "REJECTED Receive SMS - black-listed SMS", "Receive DLR"]
        {
            let log = DOCUMENTED.replace("Receive SMS", kind);
            assert_eq!(read(&log, &TimeZone::UTC), AccessLog::default(), "{kind}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_in_a_log_is_a_panic(lines in "(2026-11-26 08:02:40 Receive SMS \\[(from:|flags:0:2:|msg:[0-9]{1,20}:|[a-fA-Fé\\[\\]]){0,9}\n){0,5}") {
            read(&lines, &TimeZone::UTC);
        }
    }
}
