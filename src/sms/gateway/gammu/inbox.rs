//! The folder in which Gammu SMSD keeps what came: one file for each piece, its name the one that our hook is told.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::encoding;
use crate::sms::reconcile::{Logged, local};

/// What a file is about, by its name: `IN20261126_075841_00_+6281200000001_00.txt` is the day, the time, which of those
/// that came in one second, the sender, and which piece. `None` for a file that is something else. `zone` is the
/// network's, which is the site's.
pub fn read(name: &str, contents: &[u8], zone: &TimeZone) -> Option<Logged> {
    let (stem, _) = name.strip_prefix("IN")?.rsplit_once('.')?;
    let (day, rest) = stem.split_once('_')?;
    let (time, rest) = rest.split_once('_')?;
    let (_, rest) = rest.split_once('_')?;
    // A sender may be a name with such a stroke in it.
    let (from, _) = rest.rsplit_once('_')?;
    let at = DateTime::strptime("%Y%m%d %H%M%S", format!("{day} {time}")).ok()?;
    let text =
        if name.ends_with(".txt") { encoding::decode(contents, None) } else { String::new() };
    Some(Logged {
        id: Some(name.to_owned()),
        at: local(at, zone),
        from: from.to_owned(),
        to: None,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_name_tells_when_and_from_whom() {
        let name = "IN20261126_075844_00_+6281200000005_00.txt";
        let zone = TimeZone::get("Asia/Jakarta").unwrap();
        let read = read(name, "LAPOR banjir 😀 é".as_bytes(), &zone).unwrap();
        assert_eq!(
            read,
            Logged {
                id: Some(name.into()),
                at: Some(Timestamp(1_795_654_724_000)),
                from: "+6281200000005".into(),
                to: None,
                text: "LAPOR banjir 😀 é".into(),
            }
        );
    }

    #[test]
    fn names_of_senders_and_pieces_are_no_trouble() {
        for (name, from) in [
            ("IN20261126_075848_01_TELKOM_SEL_00.txt", "TELKOM_SEL"),
            ("IN20261126_075848_00_1708_12.bin", "1708"),
        ] {
            assert_eq!(read(name, b"", &TimeZone::UTC).unwrap().from, from);
        }
    }

    #[test]
    fn other_files_are_passed_over() {
        for name in [
            "",
            ".lock",
            "IN.txt",
            "IN20261126_075848_00_1708.txt",
            "OUT20261126_075848_00_1_0.txt",
            "IN20261399_075848_00_1708_00.txt",
        ] {
            assert_eq!(read(name, b"", &TimeZone::UTC), None, "{name}");
        }
    }
}
