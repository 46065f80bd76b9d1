//! `kentongan ticket show CODE`, `kentongan ticket find WORDS...`

use std::io::IsTerminal;
use std::process::ExitCode;

use kentongan::asr::formats::Format;
use kentongan::clock::Timestamp;
use kentongan::config::Config;
use kentongan::server::suggest;
use kentongan::store::{CategoryRow, Hit, MessageKind, Piece, Source, Store, TicketView};
use kentongan::ticket::TicketCode;
use kentongan::ticket::suggest::Suggester;
use kentongan::ticket::transcript::Transcript;

use super::suggestions;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show a ticket, its recordings and everything that happened to it.
    Show {
        /// Eight digits; dashes and spaces are fine.
        code: String,
    },
    /// Find tickets by what was said or written, by code or by number.
    ///
    /// All words must be there, in any form: "lubang" finds "berlubang". "\"jalan rusak\"" is a phrase, "lub*" any word that
    /// begins so.
    Find {
        /// Words, a ticket's code, or a telephone number.
        #[arg(required = true)]
        words: Vec<String>,
        /// How many are shown, 100 at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
    },
}

/// Exits with 1 if there is no such ticket.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&config.store()).await?;
    match command {
        Command::Show { code } => show(config, &store, &code).await,
        Command::Find { words, limit } => find(config, &store, &words.join(" "), limit).await,
    }
}

async fn show(config: &Config, store: &Store, code: &str) -> anyhow::Result<ExitCode> {
    let code = TicketCode::parse(code)?;
    let Some(view) = store.ticket(&code).await? else {
        println!("no ticket has the code {code}");
        return Ok(ExitCode::FAILURE);
    };
    let sent = store.sms_of_ticket(view.ticket.id).await?;
    // The ticket is what was asked for; suggestions are a help.
    let suggester = suggest::load(&config.suggest)
        .inspect_err(|error| eprintln!("kentongan: no suggestions: {error:#}"))
        .ok();
    let suggesting = Suggesting { suggester, categories: store.categories().await? };
    print(config, &view, &suggesting)?;
    for sms in sent {
        let at = time(config, sms.queued, "%Y-%m-%d %H:%M:%S %Z")?;
        println!("SMS        {at}: {:?} ({})", sms.body, sms.state.word());
    }
    Ok(ExitCode::SUCCESS)
}

/// What suggestions are made and named with.
struct Suggesting {
    suggester: Option<Suggester>,
    categories: Vec<CategoryRow>,
}

impl Suggesting {
    fn of_transcript(&self, transcript: &Transcript) -> Vec<String> {
        self.suggester.iter().flat_map(|s| self.lines(&s.of_transcript(transcript))).collect()
    }

    fn of_text(&self, text: &str) -> Vec<String> {
        self.suggester.iter().flat_map(|s| self.lines(&s.of_text(text))).collect()
    }

    fn lines(&self, suggestions: &kentongan::ticket::suggest::Suggestions) -> Vec<String> {
        suggestions::lines(suggestions, &self.categories)
    }
}

fn time(config: &Config, at: Timestamp, form: &str) -> anyhow::Result<String> {
    let at = jiff::Timestamp::from_millisecond(at.0)?.to_zoned(config.calls.zone()?);
    Ok(at.strftime(form).to_string())
}

fn print(config: &Config, view: &TicketView, suggesting: &Suggesting) -> anyhow::Result<()> {
    let time = |at: Timestamp| time(config, at, "%Y-%m-%d %H:%M:%S %Z");
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
    if let Some(due) = ticket.due {
        println!("Tenggat    {}", time(due)?);
    }
    for spoken in &view.spoken {
        let recording = &spoken.recording;
        println!(
            "Rekaman    {} ({:.1} s, {:.1} s suara)",
            config.data.join(&recording.file).display(),
            recording.duration_ms as f64 / 1000.0,
            recording.speech_ms as f64 / 1000.0
        );
        // As operators have mended it.
        match spoken.mended() {
            Some(transcript) => {
                print!("{}", indented(&Format::Text.write(&transcript)?));
                print!("{}", indented(&suggesting.of_transcript(&transcript).join("\n")));
            }
            None => println!("           (belum ditranskripsi)"),
        }
    }
    for message in &view.messages {
        println!("Teks       {}: {:?}", time(message.at)?, message.body);
        if message.kind != MessageKind::Answer {
            print!("{}", indented(&suggesting.of_text(&message.body).join("\n")));
        }
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

async fn find(config: &Config, store: &Store, words: &str, limit: u8) -> anyhow::Result<ExitCode> {
    let found = store.search(words, None, limit.into()).await?;
    if found.hits.is_empty() {
        println!("nothing was found");
        return Ok(ExitCode::FAILURE);
    }
    let bold = std::io::stdout().is_terminal();
    for hit in &found.hits {
        println!("{}", line(config, hit, bold)?);
    }
    if found.next.is_some() {
        println!("there are more: add a word, or raise --limit");
    }
    Ok(ExitCode::SUCCESS)
}

/// A hit in one line: code, when, state, where it was found, and the words around it.
fn line(config: &Config, hit: &Hit, bold: bool) -> anyhow::Result<String> {
    let source = match hit.source {
        Source::Ticket => "tiket",
        Source::Recording(_) => "rekaman",
        Source::Message(MessageKind::Answer) => "jawaban",
        Source::Place => "tempat",
        Source::Message(MessageKind::Report | MessageKind::Addition) => "teks",
    };
    let snippet: String = hit.snippet.iter().map(|piece| shown(piece, bold)).collect();
    Ok(format!(
        "{}  {}  {:<14}  {source:<7}  {}{snippet}",
        hit.ticket.code,
        time(config, hit.at, "%Y-%m-%d %H:%M")?,
        hit.ticket.status.word(),
        if hit.ticket.confidential { "(rahasia) " } else { "" },
    ))
}

fn shown(piece: &Piece, bold: bool) -> String {
    match (piece.hit, bold) {
        (false, _) => piece.text.clone(),
        (true, true) => format!("\x1b[1m{}\x1b[0m", piece.text),
        (true, false) => format!("[{}]", piece.text),
    }
}
