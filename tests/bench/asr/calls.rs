//! The same sentences as a real call brings them: telephone, packets, recording.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kentongan::asr::audio::Recording;
use kentongan::media::Clip as Voice;
use kentongan::phone::Phone;
use kentongan::store::{Config, Store};
use tokio::task::JoinSet;

use crate::caller;
use crate::clips::Clip;
use crate::hotline::Hotline;

/// The longest that a clip may take to be said.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says each clip in a call of its own, all at once, and fetches what was recorded, in the same order.
pub fn recordings(clips: &[Clip]) -> anyhow::Result<Vec<Recording>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut hotline = Hotline::start("")?;
        let mut calls = JoinSet::new();
        for (n, clip) in clips.iter().enumerate() {
            let voice = Arc::new(Voice::from_wav(&clip.wide)?);
            let phone = Phone::new([127, 0, 0, 1].into(), &number(n)).await?;
            let mut call = caller::dial(&phone, &hotline).await;
            calls.spawn(async move {
                caller::to_the_tone(&mut call).await;
                // What is said within the tone is not recorded, and people wait a moment.
                call.wait(Duration::from_millis(500)).await;
                call.say(voice);
                call.said(PATIENCE).await;
                call.hang_up().await;
                drop(phone);
            });
        }
        calls.join_all().await;
        hotline.stop()?;
        fetch(&hotline, clips.len()).await
    })
}

async fn fetch(hotline: &Hotline, calls: usize) -> anyhow::Result<Vec<Recording>> {
    let store = Store::open_existing(&Config::at(hotline.database())).await?;
    let rows = store.calls_recent(calls as u32).await?;
    let mut found = Vec::new();
    for n in 0..calls {
        let of_number =
            |row: &&kentongan::store::CallRow| row.number.as_deref() == Some(&number(n));
        let row = rows.iter().find(of_number).context("a call left no row")?;
        let recordings = store.recordings(row.id).await?;
        let recording = recordings.first().context("a call left no recording")?;
        found.push(Recording::read(&hotline.data.join(&recording.file))?);
    }
    store.close().await;
    Ok(found)
}

/// A number for each caller, to tell the calls apart.
fn number(n: usize) -> String {
    format!("+62812000000{n:02}")
}
