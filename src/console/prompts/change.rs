//! What supervisors and admins change about a prompt: another voice, an older one again, other words. The next call hears it.

use std::path::{Path as FilePath, PathBuf};

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::one::{self, Draft};
use super::standing::{self, Standing};
use crate::console::access::Actor;
use crate::console::auth::sentence;
use crate::console::error::PageError;
use crate::console::{App, Console};
use crate::media::prompt::{ClipError, Source};
use crate::prompts::{Catalogue, LONGEST_TAKE_SECONDS, RenderError, Take, TakeError};
use crate::store::{NewTake, NewText, PromptError, TakeOrigin, one_line};

/// The largest file that is taken.
pub(in crate::console) const LARGEST: usize = 20_000_000;
/// What is larger is read to its end and thrown away, so that the browser hears why, unless it is larger than this.
pub(in crate::console) const LARGEST_BODY: usize = 200_000_000;

/// Why a voice was not taken.
#[derive(Debug)]
enum Unfit {
    NoFile,
    TooLarge,
    /// The browser stopped in the middle, or sent no form.
    Interrupted,
    Take(TakeError),
}

impl Unfit {
    fn sentence(&self) -> String {
        match self {
            Unfit::NoFile => "Pilih dahulu berkas suaranya.".into(),
            Unfit::TooLarge => "Berkas ini lebih besar dari 20 MB. Potong, atau simpan sebagai WAV 16 bit mono.".into(),
            Unfit::Interrupted => "Berkas ini tidak sampai utuh. Silakan unggah sekali lagi.".into(),
            Unfit::Take(TakeError::Silent) => {
                "Tidak ada suara yang terdengar di rekaman ini. Periksa mikrofonnya, lalu rekam lagi.".into()
            }
            Unfit::Take(TakeError::Clip(error)) => not_usable(error),
        }
    }
}

fn not_usable(error: &ClipError) -> String {
    match error {
        ClipError::TooLong { seconds, .. } => format!(
            "Rekaman ini {seconds} detik; paling lama {LONGEST_TAKE_SECONDS} detik. Potong, atau bagi menjadi beberapa prompt."
        ),
        ClipError::Empty(_) => "Berkas ini tidak berisi suara. Rekam lagi.".into(),
        ClipError::Rate { rate, .. } => format!(
            "Berkas ini berisi {rate} cuplikan per detik; yang dapat dipakai 4.000 sampai 192.000. Simpan ulang pada 8.000 Hz atau lebih."
        ),
        ClipError::Missing(_) | ClipError::Unreadable { .. } | ClipError::Resample { .. } => {
            "Berkas ini bukan WAV yang dapat dibaca. Simpan rekaman sebagai WAV (PCM 16 bit), lalu unggah lagi; MP3, M4A, \
             dan OGG belum dapat dipakai."
                .into()
        }
    }
}

/// `POST /prompt/{prompt}/suara`: a file, or what the microphone heard. The same sound twice is one take.
pub(in crate::console) async fn bring(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(address): Path<String>,
    form: Multipart,
) -> Result<Response, PageError> {
    let (prompt, _) = standing::find(&console, &address).await?;
    let text = words(&prompt)?.to_owned();
    let brought = match receive(form).await {
        Ok((origin, bytes)) => {
            let folder = console.files.place(&format!("{FOLDER}/x"))?;
            let reading = standing::blocking(move || read(&folder, &bytes));
            reading.await?.map(|take| (origin, take))
        }
        Err(unfit) => Err(unfit),
    };
    let (origin, take) = match brought {
        Ok(brought) => brought,
        Err(unfit) => {
            let draft = Draft { error: unfit.sentence(), ..Draft::default() };
            return one::again(&console, &actor, &prompt, draft).await;
        }
    };
    let _desk = console.prompts.desk.lock().await;
    let take = keep(&console, &prompt.id, origin, text, take).await?;
    match console.store.add_take(take, actor.worker(), console.now()).await {
        Ok(gone) => forget(&console, gone).await,
        Err(why) => return told(&console, &actor, &prompt, why, None).await,
    }
    Ok(Redirect::to(&format!("{}?pesan=suara", prompt.href())).into_response())
}

/// The words of a prompt that somebody speaks.
fn words(prompt: &Standing) -> Result<&str, PageError> {
    let none =
        || PageError::Refused("Jeda dan nada dibuat oleh program; tidak ada yang diganti.".into());
    prompt.text().ok_or_else(none)
}

/// Takes the form apart.
async fn receive(mut form: Multipart) -> Result<(TakeOrigin, Vec<u8>), Unfit> {
    let (mut origin, mut sound) = (TakeOrigin::Upload, Vec::new());
    while let Some(field) = form.next_field().await.map_err(|_| Unfit::Interrupted)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = bytes(field).await?;
        match name.as_str() {
            "suara" => sound = bytes,
            "sumber" if bytes == b"mikrofon" => origin = TakeOrigin::Microphone,
            _ => {}
        }
    }
    if sound.is_empty() { Err(Unfit::NoFile) } else { Ok((origin, sound)) }
}

async fn bytes(mut field: Field<'_>) -> Result<Vec<u8>, Unfit> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(chunk) = field.chunk().await.map_err(|_| Unfit::Interrupted)? {
        length += chunk.len();
        if length <= LARGEST {
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > LARGEST { Err(Unfit::TooLarge) } else { Ok(bytes) }
}

/// What was sent lies on the disk only as long as it is read.
fn read(beside: &FilePath, bytes: &[u8]) -> Result<Result<Take, Unfit>, PageError> {
    let io = |source| {
        let path = beside.to_owned();
        PageError::Files(crate::files::FilesError::Io { path, source })
    };
    let folder = beside.parent().unwrap_or(beside);
    let file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    std::fs::write(file.path(), bytes).map_err(io)?;
    Ok(Take::read(file.path()).map_err(Unfit::Take))
}

/// The folder of takes in the data directory.
const FOLDER: &str = "prompts";

/// Writes a take in our own form, under a name of our own.
async fn keep(
    console: &Console,
    id: &str,
    origin: TakeOrigin,
    text: String,
    take: Take,
) -> Result<NewTake, PageError> {
    let file = format!("{FOLDER}/{}.wav", take.name(id));
    let path: PathBuf = console.files.place(&file)?;
    let new = NewTake {
        prompt: id.to_owned(),
        origin,
        text,
        file,
        duration_ms: take.duration_ms(),
        clipped: i64::try_from(take.clipped).unwrap_or(i64::MAX),
    };
    standing::blocking(move || {
        take.write(&path).map_err(|error| {
            let source = std::io::Error::other(error);
            PageError::Files(crate::files::FilesError::Io { path, source })
        })
    })
    .await?;
    Ok(new)
}

/// Takes files away that no row holds any more.
async fn forget(console: &Console, gone: Vec<String>) {
    for name in gone {
        let Ok(path) = console.files.path(&name) else { continue };
        if let Err(error) = tokio::fs::remove_file(&path).await {
            tracing::warn!(%error, path = %path.display(), "an old take stays on the disk");
        }
    }
}

async fn told(
    console: &Console,
    actor: &Actor,
    prompt: &Standing,
    why: PromptError,
    typed: Option<String>,
) -> Result<Response, PageError> {
    let error = sentence(&why.to_string());
    let theirs = match why {
        PromptError::Store(error) => return Err(error.into()),
        PromptError::NoTake => return Err(PageError::NotFound),
        PromptError::Stale(theirs) => Some(theirs),
        PromptError::Empty | PromptError::TooLong => None,
    };
    one::again(console, actor, prompt, Draft { error, text: typed, theirs }).await
}

#[derive(Deserialize)]
pub(in crate::console) struct ChoiceForm {
    /// A take; empty for the voice that comes with the program.
    #[serde(default)]
    rekaman: String,
}

/// `POST /prompt/{prompt}/pakai`: an older voice again.
pub(in crate::console) async fn choose(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(address): Path<String>,
    Form(form): Form<ChoiceForm>,
) -> Result<Response, PageError> {
    let (prompt, _) = standing::find(&console, &address).await?;
    words(&prompt)?;
    let take = match form.rekaman.as_str() {
        "" => None,
        take => Some(take.parse().map_err(|_| PageError::NotFound)?),
    };
    match console.store.choose_take(&prompt.id, take, actor.doer(), console.now()).await {
        Ok(()) => Ok(Redirect::to(&format!("{}?pesan=suara", prompt.href())).into_response()),
        Err(why) => told(&console, &actor, &prompt, why, None).await,
    }
}

#[derive(Deserialize)]
pub(in crate::console) struct TextForm {
    /// The text that was on the page.
    dasar: String,
    teks: String,
}

/// `POST /prompt/{prompt}/teks`: other words, spoken by the synthetic voice where it is installed.
pub(in crate::console) async fn retext(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(address): Path<String>,
    Form(form): Form<TextForm>,
) -> Result<Response, PageError> {
    let (prompt, catalogue) = standing::find(&console, &address).await?;
    words(&prompt)?;
    let shipped = prompt.shipped_text().unwrap_or_default().to_owned();
    let text = one_line(&form.teks);
    let _desk = console.prompts.desk.lock().await;
    let spoken = match text == shipped || text.is_empty() {
        true => None,
        false => spoken(&console, catalogue, &prompt.id, text.clone()).await?,
    };
    let new = NewText {
        prompt: prompt.id.clone(),
        shipped,
        base: form.dasar,
        text,
        shipped_by_a_person: matches!(prompt.shipped, Source::Recorded(_)),
        spoken,
    };
    match console.store.set_prompt_text(new, actor.worker(), console.now()).await {
        Ok(gone) => forget(&console, gone).await,
        Err(why) => return told(&console, &actor, &prompt, why, Some(form.teks)).await,
    }
    let (now, _) = standing::find(&console, &address).await?;
    let told = if now.flags.is_empty() { "teks" } else { "teks_lama" };
    Ok(Redirect::to(&format!("{}?pesan={told}", prompt.href())).into_response())
}

/// A text in the synthetic voice; `None` when this machine has none.
async fn spoken(
    console: &Console,
    catalogue: Catalogue,
    id: &str,
    text: String,
) -> Result<Option<NewTake>, PageError> {
    let scratch = console.files.place(&format!("{FOLDER}/{}.wav", id.replace('/', ".")))?;
    let (name, said) = (id.to_owned(), text.clone());
    let made = standing::blocking(move || match Take::speak(&catalogue, &name, &said, &scratch) {
        Ok(take) => Ok(Some(take)),
        Err(RenderError::Silent(_)) => Err(PageError::Refused(
            "Teks ini tidak berisi kata yang dapat diucapkan. Tulislah dengan huruf.".into(),
        )),
        Err(error) => {
            tracing::warn!(%error, "a changed prompt is not spoken by the synthetic voice");
            Ok(None)
        }
    });
    match made.await? {
        Some(take) => keep(console, id, TakeOrigin::Synthetic, text, take).await.map(Some),
        None => Ok(None),
    }
}
