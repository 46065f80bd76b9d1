//! `kentongan sms send|list|retry|reconcile`

mod reconcile;

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use kentongan::clock::{Clock, SystemClock, Timestamp};
use kentongan::config::Config;
use kentongan::sms;
use kentongan::sms::outbox::notice;
use kentongan::sms::segment::flatten;
use kentongan::store::{Outgoing, ReceivedSms, SmsState, Store};
use kentongan::ticket::contact::normalise;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Queue a message; the hotline that is running sends it, after the quiet hours.
    Send {
        /// In any spelling: 0812..., +62812...
        number: String,
        #[arg(required = true)]
        text: Vec<String>,
        /// The name of a gateway; without it the one that sends whatever is no answer.
        #[arg(long)]
        gateway: Option<String>,
        /// Do not wait for the end of the quiet hours.
        #[arg(long)]
        now: bool,
    },
    /// Show the newest messages: what was sent and how far it came, or what came.
    List {
        /// Only those that need somebody: failed, and those of which nobody knows whether they went.
        #[arg(long, conflicts_with = "received")]
        stuck: bool,
        /// Show the messages that came, and what was done with each.
        #[arg(long)]
        received: bool,
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Send messages again that failed or whose fate is not known.
    Retry {
        /// The numbers that `list` shows.
        #[arg(required_unless_present = "failed")]
        ids: Vec<i64>,
        /// All that failed; those whose fate is not known must be named.
        #[arg(long)]
        failed: bool,
    },
    /// Tell which messages a gateway has in its own records and we have not: Kannel's access.log, SMSD's inbox.
    Reconcile(reconcile::Args),
}

/// More than a list is looked at for.
const ALL: u32 = 10_000;

pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&config.store()).await?;
    match command {
        Command::Send { number, text, gateway, now } => {
            let text = text.join(" ");
            send(config, &store, &number, &text, gateway.as_deref(), now).await?;
        }
        Command::List { received: true, limit, .. } => {
            for sms in store.sms_received(limit).await? {
                println!("{}", received_line(config, &sms)?);
            }
        }
        Command::List { stuck, limit, .. } => list(config, &store, stuck, limit).await?,
        Command::Reconcile(args) => return reconcile::run(config, &store, args).await,
        Command::Retry { ids, failed } => return retry(&store, ids, failed).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn send(
    config: &Config,
    store: &Store,
    number: &str,
    text: &str,
    gateway: Option<&str>,
    at_once: bool,
) -> anyhow::Result<()> {
    let gateways = sms::gateways(&config.sms)?;
    let gateway = gateway.or(config.sms.sends_by()).context("no gateway is configured")?;
    ensure!(gateways.contains_key(gateway), "there is no gateway {gateway:?}");
    let number = normalise(number).filter(|number| number.starts_with('+'));
    let Some(number) = number else {
        bail!("that is no telephone number that a message can go to")
    };
    let text = flatten(text.trim());
    ensure!(!text.is_empty(), "there is nothing to send");
    let (now, zone) = (SystemClock.now(), config.calls.zone()?);
    let mut message = notice(&config.sms, gateway, number, text, now, &zone);
    if at_once {
        message.due = now;
    }
    let (due, parts) = (message.due, message.parts);
    #[expect(clippy::disallowed_methods, reason = "the edge that draws the reference")]
    let queueing = store.queue_sms(message, now, &mut rand::rng());
    queueing.await?;
    let when = if due == now { "now".into() } else { time(config, due)? };
    println!("queued for {when} by {gateway}, {parts} SMS");
    Ok(())
}

async fn list(config: &Config, store: &Store, stuck: bool, limit: u32) -> anyhow::Result<()> {
    let states =
        if stuck { vec![Some(SmsState::Failed), Some(SmsState::Unsure)] } else { vec![None] };
    for state in states {
        for sms in store.sms_list(state, limit).await? {
            println!("{}", line(config, &sms)?);
        }
    }
    Ok(())
}

async fn retry(store: &Store, mut ids: Vec<i64>, failed: bool) -> anyhow::Result<ExitCode> {
    if failed {
        let all = store.sms_list(Some(SmsState::Failed), ALL).await?;
        ids.extend(all.iter().map(|sms| sms.id));
    }
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        if store.send_sms_again(id, SystemClock.now()).await? {
            println!("{id} is queued again");
        } else {
            println!(
                "{id} is no message that can be sent again: it went, is going, or is not there"
            );
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn time(config: &Config, at: Timestamp) -> anyhow::Result<String> {
    let at = jiff::Timestamp::from_millisecond(at.0)?.to_zoned(config.calls.zone()?);
    Ok(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Number, time, state, to whom by whom, size, ticket, text; and what went wrong.
fn line(config: &Config, sms: &Outgoing) -> anyhow::Result<String> {
    let code = sms.code.as_ref().map_or("-".to_owned(), ToString::to_string);
    let error = sms.last_error.as_ref().map_or(String::new(), |why| {
        format!("\n{:>6}  {} percobaan, terakhir: {why}", "", sms.attempts)
    });
    Ok(format!(
        "{:>6}  {}  {:<16}  {:<16}  {:<10}  {} SMS  {code:<9}  {:?}{error}",
        sms.id,
        time(config, sms.queued)?,
        sms.state.word(),
        sms.number,
        sms.gateway,
        sms.parts,
        sms.body,
    ))
}

fn received_line(config: &Config, sms: &ReceivedSms) -> anyhow::Result<String> {
    let code = sms.code.as_ref().map_or("-".to_owned(), ToString::to_string);
    let done = match sms.outcome.as_str() {
        "opened" => "laporan baru",
        "repeated" => "berulang",
        "found" => "cek kode",
        "not_found" => "kode tak ada",
        "exhausted" => "terlalu sering",
        "added" => "keterangan",
        "not_theirs" => "bukan pelapor",
        "stopped" => "berhenti",
        "started" => "mulai",
        "machine" => "mesin",
        "own" => "nomor sendiri",
        other => other,
    };
    Ok(format!(
        "{}  {done:<14}  {:<16}  {:<10}  {code:<9}  {:?}",
        time(config, sms.received)?,
        sms.sender,
        sms.gateway,
        sms.body,
    ))
}
