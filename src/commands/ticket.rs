//! `kentongan ticket show CODE`

use std::process::ExitCode;

use kentongan::asr::formats::Format;
use kentongan::clock::Timestamp;
use kentongan::config::Config;
use kentongan::store::{Store, TicketView, TranscriptRow};
use kentongan::ticket::TicketCode;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show a ticket, its recordings and everything that happened to it.
    Show {
        /// Eight digits; dashes and spaces are fine.
        code: String,
    },
}

/// Exits with 1 if there is no such ticket.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let Command::Show { code } = command;
    let code = TicketCode::parse(&code)?;
    let store = Store::open_existing(&config.store()).await?;
    let Some(view) = store.ticket(&code).await? else {
        println!("no ticket has the code {code}");
        return Ok(ExitCode::FAILURE);
    };
    let transcripts = store.transcripts_of_ticket(view.ticket.id).await?;
    show(config, &view, &transcripts)?;
    Ok(ExitCode::SUCCESS)
}

fn show(config: &Config, view: &TicketView, transcripts: &[TranscriptRow]) -> anyhow::Result<()> {
    let zone = config.calls.zone()?;
    let time = |at: Timestamp| -> anyhow::Result<String> {
        let at = jiff::Timestamp::from_millisecond(at.0)?.to_zoned(zone.clone());
        Ok(at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
    };
    let ticket = &view.ticket;
    println!("Kode       {}", ticket.code);
    println!("Status     {}", ticket.status.word());
    println!("Jenis      {} ({})", ticket.class.word(), ticket.channel.word());
    println!("Instansi   {}", ticket.agency_name.as_deref().unwrap_or("-"));
    println!(
        "Pelapor    {}{}{}",
        ticket.number.as_deref().unwrap_or("nomor disembunyikan"),
        if ticket.anonymous { ", anonim" } else { "" },
        if ticket.confidential { ", rahasia" } else { "" }
    );
    println!("Dibuka     {}", time(ticket.opened)?);
    for recording in &view.recordings {
        println!(
            "Rekaman    {} ({:.1} s, {:.1} s suara)",
            config.data.join(&recording.file).display(),
            recording.duration_ms as f64 / 1000.0,
            recording.speech_ms as f64 / 1000.0
        );
        match transcripts.iter().find(|row| row.recording == recording.id) {
            Some(row) => print!("{}", indented(&Format::Text.write(&row.transcript)?)),
            None => println!("           (belum ditranskripsi)"),
        }
    }
    for message in &view.messages {
        println!("Teks       {}: {:?}", time(message.at)?, message.body);
    }
    for event in &view.history {
        println!(
            "Riwayat    {}  {}  {}",
            time(event.at)?,
            what(&event.what),
            event.to_status.word()
        );
    }
    Ok(())
}

/// What the row of a history says, for who reads it.
fn what(word: &str) -> &str {
    match word {
        "opened" => "dibuka",
        "added" => "ditambah",
        other => other,
    }
}

/// Under the recording that it belongs to.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("           {line}\n")).collect()
}
