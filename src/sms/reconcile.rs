//! What gateways wrote down themselves about messages that came to them, against what came to us.
//!
//! A gateway may lose a message after it has told the network that it has it. Its own records are then all that is left.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
pub use crate::store::StoredSms as Stored;

/// How far the clocks of a gateway's records and of its posts may lie apart.
const CLOCKS: Duration = Duration::from_secs(60);

/// A message as a gateway wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// A word of the external id that our hook is told. `None` if the gateway does not write it down.
    pub id: Option<String>,
    pub at: Option<Timestamp>,
    pub from: String,
    pub to: Option<String>,
    pub text: String,
}

/// Those of `logged` that are not among `stored`: by their id; without one by sender, text and time, each of ours
/// standing for one of theirs.
pub fn missing<'a>(logged: &'a [Logged], stored: &[Stored]) -> Vec<&'a Logged> {
    // Several pieces of one message: each has a name, and the message has them all.
    let ids: HashSet<&str> =
        stored.iter().flat_map(|ours| ours.external_id.split_whitespace()).collect();
    let mut alike: HashMap<(&str, String), Vec<Timestamp>> = HashMap::new();
    for ours in stored {
        alike.entry((ours.sender.as_str(), printable(&ours.body))).or_default().push(ours.at);
    }
    let mut came = |theirs: &'a Logged| match &theirs.id {
        Some(id) => ids.contains(id.as_str()),
        None => alike
            .get_mut(&(theirs.from.as_str(), printable(&theirs.text)))
            .is_some_and(|times| takes(times, theirs.at)),
    };
    logged.iter().filter(|theirs| !came(theirs)).collect()
}

/// Takes the time that is nearest to `at` out of `times`, if it is near enough.
fn takes(times: &mut Vec<Timestamp>, at: Option<Timestamp>) -> bool {
    let apart = |time: &Timestamp| at.map_or(0, |at| at.0.abs_diff(time.0));
    let nearest = (0..times.len()).min_by_key(|n| apart(&times[*n]));
    let near = nearest.filter(|n| u128::from(apart(&times[*n])) <= CLOCKS.as_millis());
    near.map(|n| times.swap_remove(n)).is_some()
}

/// A text as Kannel's log shows it: a dot for every byte that is no printable ASCII.
fn printable(text: &str) -> String {
    let shown = |byte| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' };
    text.bytes().map(shown).collect()
}

/// A time of the day in a zone; in the hour that autumn repeats the first of both.
pub(super) fn local(time: jiff::civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = zone.to_ambiguous_zoned(time).compatible().ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(id: Option<&str>, from: &str, text: &str, at: i64) -> Logged {
        let (id, at) = (id.map(str::to_owned), Some(Timestamp(at)));
        Logged { id, at, from: from.into(), to: None, text: text.into() }
    }

    fn stored(external_id: &str, sender: &str, body: &str, at: i64) -> Stored {
        let external_id = external_id.into();
        Stored { external_id, sender: sender.into(), body: body.into(), at: Timestamp(at) }
    }

    #[test]
    fn an_id_is_all_that_counts_where_there_is_one() {
        let theirs = [logged(Some("a"), "+1", "satu", 0), logged(Some("b"), "+1", "satu", 0)];
        let ours = [stored("b", "+1", "lain", 99_000_000)];
        assert_eq!(missing(&theirs, &ours), [&theirs[0]]);
    }

    #[test]
    fn pieces_are_there_if_the_message_is() {
        let names = [
            "IN20261126_100000_00_+6281200000001_00.txt",
            "IN20261126_100002_00_+6281200000001_01.txt",
        ];
        let theirs = names.map(|name| logged(Some(name), "+6281200000001", "", 0));
        let ours = [stored(&names.join(" "), "+6281200000001", "", 0)];
        assert_eq!(missing(&theirs, &ours), [] as [&Logged; 0]);
        assert_eq!(missing(&theirs, &[]).len(), 2);
    }

    #[test]
    fn without_an_id_the_same_text_twice_needs_to_have_come_twice() {
        let theirs = [logged(None, "+1", "mati", 0), logged(None, "+1", "mati", 5_000)];
        let once = [stored("a", "+1", "mati", 5_000)];
        assert_eq!(missing(&theirs, &once).len(), 1);
        let twice = [once[0].clone(), stored("b", "+1", "mati", 1_000)];
        assert_eq!(missing(&theirs, &twice).len(), 0);
    }

    #[test]
    fn without_an_id_last_weeks_message_is_another() {
        let theirs = [logged(None, "+1", "mati", 0)];
        for (at, lost) in [(60_000, 0), (60_001, 1), (-60_001, 1)] {
            assert_eq!(missing(&theirs, &[stored("a", "+1", "mati", at)]).len(), lost, "{at}");
        }
        assert_eq!(missing(&theirs, &[stored("a", "+2", "mati", 0)]).len(), 1, "somebody else");
    }

    #[test]
    fn letters_that_the_log_cannot_show_are_no_difference() {
        let theirs = [logged(None, "+1", "Caf.. tutup.besok", 0)];
        assert_eq!(missing(&theirs, &[stored("a", "+1", "Café tutup\nbesok", 0)]).len(), 0);
        assert_eq!(missing(&theirs, &[stored("a", "+1", "Cafe tutup\nbesok", 0)]).len(), 1);
    }
}
