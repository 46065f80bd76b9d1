//! `kentongan user add|list|reset|disable|enable`

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use kentongan::clock::{Clock, SystemClock};
use kentongan::config::Config;
use kentongan::console::{Passwords, one_time_password};
use kentongan::store::{Doer, NewStaff, Password, StaffChange, StaffRow, Store};
use kentongan::ticket::Role;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Add somebody, and print the password to hand over; it must be changed at the first sign-in.
    Add {
        /// Lower-case letters, digits, dots and dashes.
        login: String,
        /// The full name.
        #[arg(long)]
        name: String,
        #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::id)))]
        role: String,
        /// The id of the agency that a petugas_opd answers for.
        #[arg(long)]
        agency: Option<String>,
    },
    /// List everybody.
    List,
    /// Print a new password to hand over, and end their sessions.
    Reset {
        login: String,
        /// Remove the second factor too: the telephone and the recovery codes are lost.
        #[arg(long)]
        second_factor: bool,
    },
    /// Keep somebody out from now on, and end their sessions.
    Disable { login: String },
    /// Let somebody in again.
    Enable { login: String },
}

/// Works on the database beside a running hotline.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&config.store()).await?;
    let now = SystemClock.now();
    let change = async |login: &str, change| store.change_staff(login, change, doer(), now).await;
    match command {
        Command::Add { login, name, role, agency } => {
            let role = Role::parse(&role).ok_or_else(|| anyhow::anyhow!("no role {role}"))?;
            let (given, password) = to_hand_over().await?;
            store.add_staff(NewStaff { login, name, role, agency, password }, doer(), now).await?;
            println!("{given}");
        }
        Command::List => store.staff().await?.iter().for_each(|row| println!("{}", line(row))),
        Command::Reset { login, second_factor } => {
            let (given, password) = to_hand_over().await?;
            let reset = match second_factor {
                true => StaffChange::StartOver(password),
                false => StaffChange::Password(password),
            };
            change(&login, reset).await?;
            println!("{given}");
        }
        Command::Disable { login } => change(&login, StaffChange::Disable).await?,
        Command::Enable { login } => change(&login, StaffChange::Enable).await?,
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn doer() -> Doer {
    Doer { login: "cli".into(), address: String::new() }
}

async fn to_hand_over() -> anyhow::Result<(String, Password)> {
    let given = one_time_password();
    let hash = Passwords::default().hash("", &given).await?;
    Ok((given, Password { hash, must_change: true }))
}

fn line(row: &StaffRow) -> String {
    let state = match (row.disabled, row.must_change, row.second_factor) {
        (true, _, _) => "disabled",
        (false, true, _) => "must change the password",
        (false, false, true) => "second factor",
        (false, false, false) => "",
    };
    let line = format!(
        "{:<20}  {:<12}  {:<14}  {}  {state}",
        row.login,
        row.role.id(),
        row.agency.as_deref().unwrap_or("-"),
        row.name,
    );
    line.trim_end().to_owned()
}
