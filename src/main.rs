//! Subcommands; each hands over to the library at once.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use kentongan::config::Config;

// glibc keeps what a burst of calls took for good; this one gives it back to the system within seconds.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The complaint hotline for local government: answers calls, records, opens tickets, tells what became of them.
#[derive(Parser)]
#[command(version, about, max_term_width = 110)]
struct Cli {
    /// The configuration file; without one the defaults and the environment hold.
    #[arg(long, short, global = true, env = "KENTONGAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the hotline until SIGTERM; then let the calls in progress end.
    Serve(commands::serve::Args),
    /// Start the hotline on loopback, put two real calls through it and tell the story.
    Demo(commands::demo::Args),
    /// Dial a SIP server with the built-in phone.
    Call(commands::call::Args),
    /// Check, draw, try or publish a menu.
    #[command(subcommand)]
    Script(commands::script::Command),
    /// Check or render the prompts.
    #[command(subcommand)]
    Prompts(commands::prompts::Command),
    /// Install or list speech models.
    #[command(subcommand)]
    Model(commands::model::Command),
    /// Look at tickets.
    #[command(subcommand)]
    Ticket(commands::ticket::Command),
    /// Say who works with the console.
    #[command(subcommand)]
    User(commands::user::Command),
    /// Show by when reports are due, or take over other days and holidays.
    Deadlines(commands::deadlines::Args),
    /// Check who did what.
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Send short messages, and see what came of them.
    #[command(subcommand)]
    Sms(commands::sms::Command),
    /// Write down what is said in recordings.
    Transcribe(commands::transcribe::Args),
    /// Tell what is wrong with this installation and what to do about it.
    Doctor,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Two TLS back ends may enter the tree; rustls panics unless one is chosen before its first use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kentongan: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment = std::env::vars();
    let config = match &cli.config {
        Some(path) => Config::read(path, environment)?,
        None => Config::from_environment(environment)?,
    };
    match cli.command {
        Command::Serve(args) => commands::serve::run(config, args).await,
        Command::Demo(args) => commands::demo::run(config, args).await,
        Command::Call(args) => commands::call::run(args).await,
        Command::Script(command) => commands::script::run(&config, command).await,
        Command::Prompts(command) => commands::prompts::run(&config, command).await,
        Command::Model(command) => {
            tokio::task::block_in_place(|| commands::model::run(&config, command))
        }
        Command::Ticket(command) => commands::ticket::run(&config, command).await,
        Command::User(command) => commands::user::run(&config, command).await,
        Command::Deadlines(args) => commands::deadlines::run(&config, args).await,
        Command::Audit(command) => commands::audit::run(&config, command).await,
        Command::Sms(command) => commands::sms::run(&config, command).await,
        Command::Transcribe(args) => commands::transcribe::run(&config, args).await,
        Command::Doctor => commands::doctor::run(&config, cli.config.as_deref()).await,
    }
}
