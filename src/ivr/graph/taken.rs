//! How many callers took which way, as counted from key paths, put on the ways of a script.

use std::collections::HashMap;

use crate::ivr::script::{Edge, Script, Step};

/// Counts by step, what was noted there, and the step entered next.
#[derive(Clone, Debug, Default)]
pub struct Taken(HashMap<String, Vec<Way>>);

#[derive(Clone, Debug)]
struct Way {
    what: String,
    next: String,
    calls: i64,
}

impl Taken {
    /// Adds a count. Nothing comes next: the caller came into the step (`enter`), or the call ended there.
    pub fn add(&mut self, step: &str, what: &str, next: &str, calls: i64) {
        let way = Way { what: what.to_owned(), next: next.to_owned(), calls };
        self.0.entry(step.to_owned()).or_default().push(way);
    }

    /// How many came into this step.
    pub fn visits(&self, step: &str) -> i64 {
        self.sum(step, |way| way.what == "enter" && way.next.is_empty())
    }

    /// How many hung up there.
    pub fn hung_up(&self, step: &str) -> i64 {
        self.sum(step, |way| way.what == "hung_up")
    }

    fn sum(&self, step: &str, which: impl Fn(&Way) -> bool) -> i64 {
        self.of(step).iter().filter(|way| which(way)).map(|way| way.calls).sum()
    }

    fn of(&self, step: &str) -> &[Way] {
        self.0.get(step).map_or(&[], Vec::as_slice)
    }

    /// Every way out of a step and how many took it. What the step notes otherwise counts for the first way that leads
    /// to the same place.
    pub fn ways<'s>(&self, script: &'s Script, step: &'s Step) -> Vec<(Edge<'s>, i64)> {
        let mut ways: Vec<_> = script.edges(step).into_iter().map(|edge| (edge, 0)).collect();
        for way in self.of(&step.name).iter().filter(|way| !way.next.is_empty()) {
            let leads = |edge: &Edge<'_>| *edge.to.get_ref() == way.next;
            let exact =
                ways.iter().position(|(edge, _)| leads(edge) && edge.is_noted_as(&way.what));
            let at = exact.or_else(|| ways.iter().position(|(edge, _)| leads(edge)));
            if let Some(at) = at {
                ways[at].1 += way.calls;
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_the_hotline_finds_its_count() {
        let text = include_str!("../../../ivr-scripts/hotline.toml");
        let script = Script::parse("hotline.toml", text).unwrap();
        let mut taken = Taken::default();
        for (step, what, next, calls) in [
            ("menu_utama", "enter", "", 100),
            ("menu_utama", "key 1", "lapor", 60),
            ("menu_utama", "key 9", "selesai", 5),
            ("menu_utama", "no_input", "titip_pesan", 7),
            ("menu_utama", "hung_up", "", 4),
            ("menu_utama", "key 1", "sudah_tidak_ada", 9),
            ("lapor", "recorded", "periksa", 50),
            ("lapor", "no_input", "periksa", 2),
            ("periksa", "sent", "simpan", 40),
            ("periksa", "key 2", "lapor", 3),
            ("petugas", "enter", "petugas_tutup", 6),
            ("sambutan", "enter", "pemberitahuan", 100),
        ] {
            taken.add(step, what, next, calls);
        }
        let counts = |name: &str| {
            let ways = taken.ways(&script, script.step(name).unwrap());
            let counted = ways.into_iter().filter(|(_, calls)| *calls > 0);
            counted
                .map(|(edge, calls)| format!("{} {calls}", edge.outcome))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(counts("menu_utama"), "1 60, no_input 7, 9 5");
        assert_eq!(counts("lapor"), "recorded 52");
        assert_eq!(counts("periksa"), "# kirim 40, 2 ulangi 3");
        assert_eq!(counts("petugas"), "closed 6");
        assert_eq!(counts("sambutan"), " 100");
        assert_eq!((taken.visits("menu_utama"), taken.hung_up("menu_utama")), (100, 4));
    }
}
