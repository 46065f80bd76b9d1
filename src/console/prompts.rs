//! Prompt: what callers hear, word by word. Everybody in the office listens; supervisors and admins change it.

pub(super) mod change;
pub(super) mod one;
pub(super) mod standing;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::App;
use super::access::Actor;
use super::assets;
use super::error::PageError;
use super::inbox::Choice;
use super::page::{Frame, Told, html};
use standing::{Flag, Standing};

/// Takes voices in one at a time: the files of one that go are not those of another that comes.
#[derive(Debug, Default)]
pub struct Prompts {
    desk: tokio::sync::Mutex<()>,
}

#[derive(Template)]
#[template(path = "prompts.html")]
struct ListPage {
    frame: Frame,
    script: String,
    search: String,
    states: Vec<Choice>,
    filtered: bool,
    shown: usize,
    all: usize,
    groups: Vec<Group>,
}

struct Group {
    name: String,
    rows: Vec<Row>,
}

struct Row {
    href: String,
    id: String,
    text: String,
    voice: &'static str,
    flags: Vec<Flag>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    cari: String,
    keadaan: String,
}

impl Wanted {
    fn fits(&self, prompt: &Standing) -> bool {
        let words = self.cari.to_lowercase();
        let said = format!("{} {}", prompt.id, prompt.said()).to_lowercase();
        let state = match self.keadaan.as_str() {
            "periksa" => !prompt.flags.is_empty(),
            "" => true,
            voice => prompt.voice() == voice,
        };
        state && words.split_whitespace().all(|word| said.contains(word))
    }
}

/// What the list can be narrowed to.
const STATES: [(&str, &str); 4] = [
    ("", "Semua"),
    ("periksa", "Perlu diperiksa"),
    ("rekaman", "Rekaman suara manusia"),
    ("sintetis", "Suara sintetis"),
];

/// `GET /prompt`
pub(super) async fn list(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(wanted): Query<Wanted>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    let prompts = standing::all(&console).await?;
    let all = prompts.len();
    let fitting: Vec<Standing> = prompts.into_iter().filter(|p| wanted.fits(p)).collect();
    html(ListPage {
        frame: Frame::new(&console, &actor, "Prompt").await?.with_notice(&told),
        script: assets::address("play.js"),
        states: states(&wanted.keadaan),
        filtered: !wanted.cari.is_empty() || !wanted.keadaan.is_empty(),
        search: wanted.cari,
        shown: fitting.len(),
        all,
        groups: fitting.chunk_by(|a, b| a.group() == b.group()).map(group).collect(),
    })
}

fn states(chosen: &str) -> Vec<Choice> {
    let choice = |(value, label): (&str, &str)| Choice {
        value: value.into(),
        label: label.into(),
        chosen: value == chosen,
    };
    STATES.into_iter().map(choice).collect()
}

fn group(prompts: &[Standing]) -> Group {
    let row = |prompt: &Standing| Row {
        href: prompt.href(),
        id: prompt.id.clone(),
        text: prompt.said(),
        voice: prompt.voice(),
        flags: prompt.flags.clone(),
    };
    Group { name: group_name(prompts[0].group()), rows: prompts.iter().map(row).collect() }
}

/// `Menu`, `OPD`
fn group_name(group: &str) -> String {
    if group == "opd" {
        return "OPD".into();
    }
    let (first, rest) = group.split_at(group.len().min(1));
    format!("{}{}", first.to_uppercase(), rest.replace('_', " "))
}
