//! Which ways callers took through the published menu in the last week, and where they hung up.

use std::time::Duration;

use super::super::Console;
use super::super::error::PageError;
use crate::ivr::graph::{Taken, grouped, readable, spoken};
use crate::ivr::script::Script;
use crate::store::MenuRow;

/// How far back is counted.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The counts, for the drawing and in words.
#[derive(Default)]
pub(in crate::console) struct Traffic {
    pub taken: Taken,
    pub since: String,
    /// Callers who came into the menu.
    pub callers: String,
    pub ways: Vec<WayRow>,
    pub hung_up: Vec<EndRow>,
}

pub(in crate::console) struct WayRow {
    pub step: String,
    pub by: String,
    pub to: String,
    pub calls: String,
    /// Of all who came into the step.
    pub share: String,
}

pub(in crate::console) struct EndRow {
    pub step: String,
    pub calls: String,
    pub share: String,
}

/// What the published menu's callers did.
pub(super) async fn of(
    console: &Console,
    published: Option<&MenuRow>,
) -> Result<Traffic, PageError> {
    let week_ago = console.now().0 - WEEK.as_millis() as i64;
    let (since, ways) = console.store.ways_since(crate::clock::Timestamp(week_ago)).await?;
    let mut taken = Taken::default();
    for way in &ways {
        taken.add(&way.step, &way.what, &way.next, way.calls);
    }
    let since = console.time(since);
    let Some(script) = published.and_then(|row| Script::parse("menu", &row.text).ok()) else {
        return Ok(Traffic { taken, since, ..Traffic::default() });
    };
    let callers = grouped(taken.visits(script.start.get_ref()));
    Ok(Traffic {
        ways: ways_of(&script, &taken),
        hung_up: ends(&script, &taken),
        callers,
        since,
        taken,
    })
}

fn ways_of(script: &Script, taken: &Taken) -> Vec<WayRow> {
    let mut rows = Vec::new();
    for step in script.steps() {
        let visits = taken.visits(&step.name);
        for (edge, calls) in taken.ways(script, step).into_iter().filter(|(_, calls)| *calls > 0) {
            rows.push(WayRow {
                step: readable(&step.name),
                by: by(&edge.outcome),
                to: readable(edge.to.get_ref()),
                calls: grouped(calls),
                share: share(calls, visits),
            });
        }
    }
    rows
}

/// Where callers hung up, most first.
fn ends(script: &Script, taken: &Taken) -> Vec<EndRow> {
    let mut ends: Vec<(i64, &str)> = script
        .steps()
        .iter()
        .map(|step| (taken.hung_up(&step.name), step.name.as_str()))
        .filter(|(calls, _)| *calls > 0)
        .collect();
    ends.sort_by_key(|(calls, _)| std::cmp::Reverse(*calls));
    let row = |(calls, step): (i64, &str)| EndRow {
        step: readable(step),
        calls: grouped(calls),
        share: share(calls, taken.visits(step)),
    };
    ends.into_iter().map(row).collect()
}

fn by(outcome: &str) -> String {
    match outcome {
        "" => "lanjut".into(),
        key if key.len() == 1 => format!("tekan {key}"),
        outcome => spoken(outcome).into(),
    }
}

/// `12 %`; nothing of none.
fn share(part: i64, whole: i64) -> String {
    if whole <= 0 { String::new() } else { format!("{} %", (100 * part + whole / 2) / whole) }
}
