//! Complaints that wait to be written down while others call.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use kentongan::asr::model;
use kentongan::clock::{Clock, SystemClock, Timestamp};
use kentongan::files::Files;
use kentongan::store::{Config, NewCall, RecordingEnd, RecordingEndedBy, RecordingState, Store};
use kentongan::ticket::{Channel, Class, Contact, Intake};

use crate::hotline::Hotline;

/// The complaint that the demo speaks.
const COMPLAINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audio/aduan.wav");
/// It is said so often in a row, about a minute.
const TIMES: usize = 4;

/// Workers at the same time.
pub const WORKERS: usize = 2;

/// Goes over the hotline's configuration so that it writes down what it hears.
pub fn configuration() -> anyhow::Result<String> {
    let models = std::env::var("KENTONGAN__ASR__MODELS").unwrap_or_else(|_| "data/models".into());
    let models = std::path::absolute(models)?;
    let there = model::installed(&models)?.iter().any(|model| model.name == model::DEFAULT);
    anyhow::ensure!(there, "no model in {}: run `make model`", models.display());
    Ok(format!(
        "roles = [\"calls\", \"transcribe\"]\n[asr]\nworkers = {WORKERS}\nmodels = {models:?}\n"
    ))
}

/// Queues so many complaints on a hotline that is up.
pub fn queue(hotline: &Hotline, complaints: usize) -> anyhow::Result<()> {
    on(hotline, async |store| {
        let files = Files::new(&hotline.data)?;
        for _ in 0..complaints {
            complain(store, &files, SystemClock.now()).await?;
        }
        Ok(())
    })
}

/// How many recordings were written down by now.
pub fn done(hotline: &Hotline) -> anyhow::Result<usize> {
    Ok(crate::told::metric(hotline, "kentongan_transcription_cpu_seconds_count")? as usize)
}

fn on(hotline: &Hotline, work: impl AsyncFn(&Store) -> anyhow::Result<()>) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let store = Store::open_existing(&Config::at(hotline.database())).await?;
        let worked = work(&store).await;
        store.close().await;
        worked
    })
}

async fn complain(store: &Store, files: &Files, now: Timestamp) -> anyhow::Result<()> {
    let contact = Contact { number: None, asserted: false };
    let call = NewCall {
        sip_call_id: "backlog".into(),
        trunk: None,
        caller: contact.clone(),
        called: "100".into(),
        started: now,
    };
    let call = store.begin_call(call).await?;
    let name = format!("backlog-{}.wav", call.0);
    let duration = write(&files.path(&name)?)?;
    let recording = store.begin_recording(call, "cerita", &name, now).await?;
    let end = RecordingEnd {
        at: now,
        state: RecordingState::Kept,
        ended_by: RecordingEndedBy::HungUp,
        duration,
        speech: duration,
    };
    store.end_recording(recording, end).await?;
    let intake = Intake {
        channel: Channel::Phone,
        class: Class::Complaint,
        contact,
        call: Some(call),
        recordings: vec![recording],
        text: None,
        anonymous: false,
        confidential: false,
    };
    #[expect(clippy::disallowed_methods, reason = "a bench makes its own codes")]
    store.open_ticket(intake, now, &mut rand::rng()).await?;
    Ok(())
}

/// The complaint, said again and again, as a recording.
fn write(path: &Path) -> anyhow::Result<Duration> {
    let mut said = hound::WavReader::open(COMPLAINT).context(COMPLAINT)?;
    let samples = said.samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    let mut wav = hound::WavWriter::create(path, said.spec())?;
    for sample in samples.iter().cycle().take(samples.len() * TIMES) {
        wav.write_sample(*sample)?;
    }
    wav.finalize()?;
    let seconds = (samples.len() * TIMES) as f64 / f64::from(said.spec().sample_rate);
    Ok(Duration::from_secs_f64(seconds))
}
