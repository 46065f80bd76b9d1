//! How a prompt stands: its words and its voice as callers have them now, and what is wrong with them.

use std::collections::{BTreeMap, HashMap};

use crate::console::Console;
use crate::console::error::PageError;
use crate::ivr::PromptId;
use crate::media::prompt::Source;
use crate::prompts::{self, Catalogue, Chosen, Content, LONGEST_SECONDS, Problem};
use crate::store::{PromptChoice, TakeOrigin, TakeRow};

/// A prompt as callers have it now.
pub(super) struct Standing {
    pub id: String,
    pub content: Content,
    /// Other words than those that come with the program.
    pub changed_text: Option<String>,
    /// Another voice than the one that comes with the program.
    pub take: Option<TakeRow>,
    /// Where what is heard lies.
    pub source: Source,
    /// Where the voice that comes with the program lies.
    pub shipped: Source,
    pub flags: Vec<Flag>,
}

/// Something to put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    /// A word or two.
    pub label: &'static str,
    /// What it means and what to do.
    pub advice: String,
    pub tone: &'static str,
}

impl Standing {
    pub fn href(&self) -> String {
        address(&self.id)
    }

    /// What stands before its first slash.
    pub fn group(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// The words that come with the program; a pause or a tone has none.
    pub fn shipped_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Silence { .. } | Content::Tone { .. } => None,
        }
    }

    /// The words that hold.
    pub fn text(&self) -> Option<&str> {
        self.shipped_text().map(|shipped| self.changed_text.as_deref().unwrap_or(shipped))
    }

    /// What is heard, in words.
    pub fn said(&self) -> String {
        match &self.content {
            Content::Text(_) => self.text().unwrap_or_default().to_owned(),
            Content::Silence { ms } => format!("(jeda {ms} milidetik)"),
            Content::Tone { hz, ms } => format!("(nada {hz} Hz, {ms} milidetik)"),
        }
    }

    /// Whose voice it is.
    pub fn voice(&self) -> &'static str {
        match (&self.content, &self.source) {
            (Content::Silence { .. }, _) => "jeda",
            (Content::Tone { .. }, _) => "nada",
            (Content::Text(_), Source::Recorded(_)) => "rekaman",
            (Content::Text(_), Source::Rendered(_)) => "sintetis",
        }
    }
}

/// A prompt's place under `/prompt`: ids hold slashes and never dots.
pub(in crate::console) fn address(id: &str) -> String {
    format!("/prompt/{}", id.replace('/', "."))
}

/// Every prompt's words as callers hear them now; a pause or a tone has none.
pub(in crate::console) async fn words(
    console: &Console,
) -> Result<BTreeMap<PromptId, Option<String>>, PageError> {
    let choices = console.store.prompt_choices().await?;
    let texts = choices.into_iter().filter_map(|choice| Some((choice.prompt, choice.text?)));
    let chosen = Chosen { texts: texts.collect(), ..Chosen::default() };
    let folder = console.prompts_folder.clone();
    blocking(move || {
        let catalogue = read(&folder)?;
        let mut texts = chosen.texts(&catalogue);
        Ok(catalogue.ids().map(|id| (id.to_owned(), texts.remove(id))).collect())
    })
    .await
}

/// Every prompt, sorted by id.
pub(super) async fn all(console: &Console) -> Result<Vec<Standing>, PageError> {
    let changes = Changes::read(console).await?;
    let folder = console.prompts_folder.clone();
    blocking(move || {
        let catalogue = read(&folder)?;
        let mut found: HashMap<String, Vec<Flag>> = HashMap::new();
        for finding in prompts::check(&catalogue, &folder) {
            if let Some(flag) = flag(&finding.problem) {
                found.entry(finding.about).or_default().push(flag);
            }
        }
        let one = |(id, content): (&str, &Content)| {
            changes.lay_over(&folder, id, content, found.remove(id).unwrap_or_default())
        };
        Ok(catalogue.iter().map(|(id, prompt)| (id, &prompt.content)).map(one).collect())
    })
    .await
}

/// The prompt at this address, and the catalogue that it is from.
pub(super) async fn find(
    console: &Console,
    address: &str,
) -> Result<(Standing, Catalogue), PageError> {
    // Only what the catalogue has is looked for: no address leads to another file.
    let id = match address.contains('/') {
        true => return Err(PageError::NotFound),
        false => address.replace('.', "/"),
    };
    let changes = Changes::read(console).await?;
    let folder = console.prompts_folder.clone();
    blocking(move || {
        let catalogue = read(&folder)?;
        let content = catalogue.get(&id).ok_or(PageError::NotFound)?.content.clone();
        let problems = prompts::check_one(&catalogue, &folder, &id);
        let found = problems.iter().filter_map(flag).collect();
        Ok((changes.lay_over(&folder, &id, &content, found), catalogue))
    })
    .await
}

/// The catalogue that comes with the program.
fn read(folder: &std::path::Path) -> Result<Catalogue, PageError> {
    Catalogue::read(folder).map_err(|error| {
        tracing::error!(%error, "the prompts' texts cannot be read");
        PageError::Refused("Berkas teks prompt tidak dapat dibaca. Hubungi teknisi.".into())
    })
}

/// Runs what reads many files away from the threads that answer.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PageError> + Send + 'static,
) -> Result<T, PageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "work on a prompt broke off");
            Err(PageError::Refused("Pekerjaan ini terhenti. Silakan coba lagi.".into()))
        }
    }
}

/// What the console changed, by id.
struct Changes(HashMap<String, Changed>);

/// What it changed of one prompt.
#[derive(Clone, Default)]
struct Changed {
    text: Option<String>,
    take: Option<TakeRow>,
    /// Where the take's file lies, if it is there.
    source: Option<Source>,
}

impl Changes {
    async fn read(console: &Console) -> Result<Changes, PageError> {
        let changed = |choice: PromptChoice| {
            let source = choice.take.as_ref().and_then(|take| source(console, take).ok());
            (choice.prompt, Changed { text: choice.text, take: choice.take, source })
        };
        let choices = console.store.prompt_choices().await?;
        Ok(Changes(choices.into_iter().map(changed).collect()))
    }

    fn lay_over(
        &self,
        folder: &std::path::Path,
        id: &str,
        content: &Content,
        found: Vec<Flag>,
    ) -> Standing {
        let shipped = Source::of(folder, id);
        let Changed { text, take, source: own } = self.0.get(id).cloned().unwrap_or_default();
        let mut prompt = Standing {
            id: id.to_owned(),
            content: content.clone(),
            changed_text: text,
            source: own.clone().unwrap_or_else(|| shipped.clone()),
            shipped,
            take,
            flags: Vec::new(),
        };
        prompt.flags = match &prompt.take {
            Some(take) => flags_of(take, prompt.text().unwrap_or_default(), own.is_some()),
            None if prompt.changed_text.is_some() => vec![stale()],
            None => found,
        };
        prompt
    }
}

/// Where a take's sound lies.
pub(super) fn source(console: &Console, take: &TakeRow) -> Result<Source, PageError> {
    let path = console.files.path(&take.file)?;
    if !path.is_file() {
        return Err(PageError::NotFound);
    }
    Ok(match take.origin {
        TakeOrigin::Synthetic => Source::Rendered(path),
        TakeOrigin::Microphone | TakeOrigin::Upload => Source::Recorded(path),
    })
}

/// What is to be said of a take beside the text that holds.
pub(super) fn flags_of(take: &TakeRow, text: &str, there: bool) -> Vec<Flag> {
    let mut flags = Vec::new();
    if !there {
        flags.push(missing("Berkas rekaman ini hilang; penelepon mendengar suara bawaan."));
    }
    if take.text != text {
        flags.push(stale());
    }
    if take.clipped > 0 {
        flags.push(clipped(take.clipped.unsigned_abs()));
    }
    if take.duration_ms as f32 > LONGEST_SECONDS * 1000.0 {
        flags.push(long());
    }
    flags
}

fn flag(problem: &Problem) -> Option<Flag> {
    Some(match problem {
        Problem::Missing(_) => missing("Prompt ini belum ada suaranya. Rekam atau unggah."),
        Problem::Unreadable(_) | Problem::WrongFormat(_) => {
            missing("Berkas suara prompt ini tidak dapat dibaca. Rekam atau unggah yang baru.")
        }
        Problem::Silent(_) => missing("Prompt ini tidak terdengar apa-apa. Rekam ulang."),
        Problem::Stale(_) | Problem::RecordedBefore(_) => stale(),
        Problem::Clipped { places, .. } => clipped(*places as u64),
        Problem::TooLong { .. } => long(),
        Problem::OffLevel { .. } => Flag {
            label: "volume berbeda",
            advice: "Suara ini lebih keras atau lebih pelan daripada prompt lain.".into(),
            tone: "waiting",
        },
        // What the console changed, its rows tell.
        Problem::OtherText
        | Problem::Take(_)
        | Problem::NoSuchId(_)
        | Problem::NoWav(_)
        | Problem::Record(_)
        | Problem::Folder { .. } => return None,
    })
}

fn stale() -> Flag {
    Flag {
        label: "belum sesuai teks",
        advice: "Suara ini dibuat sebelum teksnya diubah. Rekam ulang sesuai teks, atau pakai suara sintetis.".into(),
        tone: "waiting",
    }
}

fn missing(advice: &str) -> Flag {
    Flag { label: "tanpa suara", advice: advice.into(), tone: "alarm" }
}

fn clipped(places: u64) -> Flag {
    Flag {
        label: "pecah",
        advice: format!(
            "Rekaman terlalu keras sehingga suaranya pecah di {places} tempat. Rekam ulang sedikit lebih jauh dari mikrofon."
        ),
        tone: "waiting",
    }
}

fn long() -> Flag {
    Flag {
        label: "panjang",
        advice: "Lebih dari 15 detik: penelepon sulit mengikutinya. Persingkat bila bisa.".into(),
        tone: "waiting",
    }
}
