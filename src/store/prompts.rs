//! What staff changed about the prompts: other words, and other voices. What comes with the program are files.

use std::sync::Arc;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::prompts as sql;
use super::work::Worker;
use super::writer::Durability;
use super::{LINE, Store, StoreError, tidy};
use crate::clock::Timestamp;

/// Takes of a prompt that are kept, besides the one that callers hear.
const KEPT: i64 = 5;
/// The longest text of a prompt, in characters: a minute of speech.
pub const LONGEST_PROMPT: usize = 1_000;

/// Where a take comes from. Rows hold the Indonesian word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum TakeOrigin {
    /// Spoken into the browser.
    #[sqlx(rename = "mikrofon")]
    Microphone,
    /// A file that somebody had.
    #[sqlx(rename = "unggahan")]
    Upload,
    /// Made from the text.
    #[sqlx(rename = "sintetis")]
    Synthetic,
}

impl TakeOrigin {
    /// What the audit calls it.
    fn action(self) -> &'static str {
        match self {
            TakeOrigin::Microphone => "record",
            TakeOrigin::Upload => "upload",
            TakeOrigin::Synthetic => "render",
        }
    }
}

/// A voice for a prompt that was brought by the console.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TakeRow {
    pub id: i64,
    pub prompt: String,
    pub origin: TakeOrigin,
    /// What the prompt's text was when it was made.
    pub text: String,
    /// Its name in the data directory.
    pub file: String,
    pub duration_ms: i64,
    /// Places where the wave is cut flat.
    pub clipped: i64,
    /// The login of who made it.
    pub by: String,
    pub at: Timestamp,
}

/// What callers hear instead of what comes with the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptChoice {
    pub prompt: String,
    /// `None`: the text that comes with the program.
    pub text: Option<String>,
    /// `None`: the voice that comes with the program.
    pub take: Option<TakeRow>,
}

/// A choice with the take that it names, if any.
#[derive(sqlx::FromRow)]
struct Joined {
    prompt: String,
    text: Option<String>,
    id: Option<i64>,
    origin: Option<TakeOrigin>,
    said: Option<String>,
    file: Option<String>,
    duration_ms: Option<i64>,
    clipped: Option<i64>,
    by: Option<String>,
    at: Option<Timestamp>,
}

impl From<Joined> for PromptChoice {
    fn from(row: Joined) -> PromptChoice {
        let prompt = row.prompt.clone();
        let take = || {
            Some(TakeRow {
                id: row.id?,
                prompt,
                origin: row.origin?,
                text: row.said?,
                file: row.file?,
                duration_ms: row.duration_ms?,
                clipped: row.clipped?,
                by: row.by?,
                at: row.at?,
            })
        };
        PromptChoice { take: take(), prompt: row.prompt, text: row.text }
    }
}

/// A take that is to be kept. Its file is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTake {
    pub prompt: String,
    pub origin: TakeOrigin,
    pub text: String,
    pub file: String,
    pub duration_ms: i64,
    pub clipped: i64,
}

/// A text that is to hold from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewText {
    pub prompt: String,
    /// The text that comes with the program.
    pub shipped: String,
    /// The text that was on the page.
    pub base: String,
    pub text: String,
    /// Whether a person speaks in the voice that comes with the program.
    pub shipped_by_a_person: bool,
    /// The new text in the synthetic voice, where it could be made. It is heard unless a person's voice is.
    pub spoken: Option<NewTake>,
}

/// Why a prompt was not changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PromptError {
    #[error("rekaman ini tidak ada lagi")]
    NoTake,
    #[error("teks belum diisi")]
    Empty,
    #[error("teks ini terlalu panjang; paling banyak {LONGEST_PROMPT} huruf")]
    TooLong,
    /// Somebody else changed it in the meantime: this is theirs.
    #[error("teks ini sudah diubah petugas lain")]
    Stale(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for PromptError {
    fn from(error: sqlx::Error) -> PromptError {
        PromptError::Store(error.into())
    }
}

impl Store {
    /// Every prompt that was changed, with the take that callers hear.
    pub async fn prompt_choices(&self) -> Result<Vec<PromptChoice>, StoreError> {
        let rows: Vec<Joined> =
            on_read!(&self.db, pool, sqlx::query_as(sql::CHOICES).fetch_all(pool).await?);
        Ok(rows.into_iter().map(PromptChoice::from).collect())
    }

    /// The takes of a prompt, the newest first.
    pub async fn takes(&self, prompt: &str) -> Result<Vec<TakeRow>, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::TAKES).bind(prompt).fetch_all(pool).await?))
    }

    /// Keeps a take and has callers hear it. Names the files of older takes, which no row holds any more.
    pub async fn add_take(
        &self,
        take: NewTake,
        worker: Worker,
        now: Timestamp,
    ) -> Result<Vec<String>, PromptError> {
        let request = Arc::new((take, worker));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move {
                    let (take, worker) = &*request;
                    let id = put(tx, take, worker, now).await?;
                    choose(tx, &take.prompt, Some(id), &worker.doer, now).await?;
                    prune(tx, &take.prompt).await
                })
            })
            .await
    }

    /// Has callers hear an older take again, or the voice that comes with the program.
    pub async fn choose_take(
        &self,
        prompt: &str,
        take: Option<i64>,
        doer: Doer,
        now: Timestamp,
    ) -> Result<(), PromptError> {
        let request = Arc::new((prompt.to_owned(), doer));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move {
                    let (prompt, doer) = &*request;
                    if let Some(id) = take {
                        let exists: bool = on_tx!(
                            tx,
                            conn,
                            sqlx::query_scalar(sql::TAKE_EXISTS)
                                .bind(prompt)
                                .bind(id)
                                .fetch_one(conn)
                                .await?
                        );
                        if !exists {
                            return Err(PromptError::NoTake);
                        }
                    }
                    choose(tx, prompt, take, doer, now).await
                })
            })
            .await
    }

    /// Changes a text. The same text as before changes nothing. Names the files of older takes, which no row holds any
    /// more.
    pub async fn set_prompt_text(
        &self,
        new: NewText,
        worker: Worker,
        now: Timestamp,
    ) -> Result<Vec<String>, PromptError> {
        let text = one_line(&new.text);
        if text.is_empty() {
            return Err(PromptError::Empty);
        }
        if text.chars().count() > LONGEST_PROMPT {
            return Err(PromptError::TooLong);
        }
        let request = Arc::new((NewText { text, ..new }, worker));
        self.db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { set_text(tx, &request.0, &request.1, now).await })
            })
            .await
    }
}

/// A prompt's text as it is kept: whatever separates its words is one space.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(char::is_control, "")
}

/// What holds for a prompt: a text, a take's number.
#[derive(Default, sqlx::FromRow)]
struct Choice {
    text: Option<String>,
    take: Option<i64>,
}

async fn choice(tx: &mut Tx, prompt: &str) -> Result<Choice, sqlx::Error> {
    let row: Option<Choice> =
        on_tx!(tx, conn, sqlx::query_as(sql::CHOICE).bind(prompt).fetch_optional(conn).await?);
    Ok(row.unwrap_or_default())
}

async fn put(
    tx: &mut Tx,
    take: &NewTake,
    worker: &Worker,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    let same: Option<i64> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::SAME_TAKE)
            .bind(&take.file)
            .bind(&take.text)
            .fetch_optional(conn)
            .await?
    );
    if let Some(id) = same {
        return Ok(id);
    }
    let id: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::PUT_TAKE)
            .bind(&take.prompt)
            .bind(take.origin)
            .bind(&take.text)
            .bind(&take.file)
            .bind(take.duration_ms)
            .bind(take.clipped)
            .bind(worker.staff)
            .bind(now)
            .fetch_one(conn)
            .await?
    );
    let deed = deed(take.origin.action(), &take.prompt, format!("take {id}"));
    audit::append(tx, &worker.doer, deed, now).await?;
    Ok(id)
}

async fn choose(
    tx: &mut Tx,
    prompt: &str,
    take: Option<i64>,
    doer: &Doer,
    now: Timestamp,
) -> Result<(), PromptError> {
    if choice(tx, prompt).await?.take == take {
        return Ok(());
    }
    on_tx!(tx, conn, sqlx::query(sql::CHOOSE_TAKE).bind(prompt).bind(take).execute(conn).await?);
    let which = take.map_or("the shipped voice".to_owned(), |id| format!("take {id}"));
    Ok(audit::append(tx, doer, deed("voice", prompt, which), now).await?)
}

async fn prune(tx: &mut Tx, prompt: &str) -> Result<Vec<String>, PromptError> {
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::PRUNE_TAKES).bind(prompt).bind(KEPT).fetch_all(conn).await?
    ))
}

async fn set_text(
    tx: &mut Tx,
    new: &NewText,
    worker: &Worker,
    now: Timestamp,
) -> Result<Vec<String>, PromptError> {
    let before = choice(tx, &new.prompt).await?;
    let standing = before.text.as_deref().unwrap_or(&new.shipped);
    if standing == new.text {
        return Ok(Vec::new());
    }
    if standing != new.base {
        return Err(PromptError::Stale(standing.to_owned()));
    }
    let text = Some(&new.text).filter(|text| **text != new.shipped);
    on_tx!(
        tx,
        conn,
        sqlx::query(sql::CHOOSE_TEXT).bind(&new.prompt).bind(text).execute(conn).await?
    );
    audit::append(tx, &worker.doer, deed("text", &new.prompt, new.text.clone()), now).await?;
    let spoken = match &new.spoken {
        Some(spoken) => Some(put(tx, spoken, worker, now).await?),
        None => None,
    };
    let by_a_person = match before.take {
        Some(take) => is_from_a_person(tx, &new.prompt, take).await?,
        None => new.shipped_by_a_person,
    };
    // The voice that comes with the program says the text that comes with it.
    if !by_a_person && (spoken.is_some() || text.is_none()) {
        choose(tx, &new.prompt, spoken, &worker.doer, now).await?;
    }
    prune(tx, &new.prompt).await
}

async fn is_from_a_person(tx: &mut Tx, prompt: &str, take: i64) -> Result<bool, sqlx::Error> {
    let takes: Vec<TakeRow> =
        on_tx!(tx, conn, sqlx::query_as(sql::TAKES).bind(prompt).fetch_all(conn).await?);
    Ok(takes.iter().any(|row| row.id == take && row.origin != TakeOrigin::Synthetic))
}

fn deed(action: &'static str, prompt: &str, detail: String) -> Deed {
    Deed::new(action, format!("prompt {}", tidy(prompt, LINE))).with(detail)
}
