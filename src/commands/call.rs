//! `kentongan call`

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kentongan::config::Log;
use kentongan::media::Clip;
use kentongan::phone::keys::Keys;
use kentongan::phone::{Met, Phone, PhoneCall};
use kentongan::sip::EndReason;

/// Dials a SIP server, presses keys, speaks, and keeps what it hears.
#[derive(clap::Args)]
pub struct Args {
    /// Whom to call, for example sip:100@192.0.2.10:5060 (append ;transport=tcp for TCP).
    uri: String,
    /// A WAV to speak; any rate, mono or stereo.
    #[arg(long, value_name = "FILE")]
    say: Option<PathBuf>,
    /// When to begin to speak, in seconds after the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    say_at: f64,
    /// Keys and the seconds after the answer when they are pressed, for example "1@4s,#@20s".
    #[arg(long, default_value = "")]
    keys: Keys,
    /// Where to write what is heard (8 kHz mono WAV).
    #[arg(long, value_name = "FILE")]
    hear: Option<PathBuf>,
    /// Seconds after the answer when the phone hangs up; without it, when the other side does.
    #[arg(long = "for", value_name = "SECONDS")]
    length: Option<f64>,
    /// This machine's address on the way to the server.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// The user part of the caller's address.
    #[arg(long, default_value = "kentongan")]
    from: String,
}

/// Exits with 0 if the call was answered.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    super::log::start(&Log { filter: "warn".into(), ..Log::default() })?;
    let clip = args.say.as_deref().map(Clip::from_wav).transpose()?.map(Arc::new);
    let phone = Phone::new(args.address, &args.from).await?;
    println!("dialling {}", args.uri);
    let mut call = phone.dial(&args.uri, None, args.hear.clone()).await?;
    println!("answered");
    for (at, action) in plan(&args, clip)? {
        let now = call.since_answer();
        if let Met::Ended(_) = call.wait(at.saturating_sub(now)).await {
            break;
        }
        println!("{:6.1} s  {action}", at.as_secs_f64());
        action.perform(&mut call);
    }
    if args.length.is_none() {
        call.wait_for_end().await;
    }
    let hearing = call.hang_up().await;
    println!(
        "ended: {}, {} packets heard, {} lost",
        how(hearing.ended),
        hearing.stats.packets_received,
        hearing.stats.packets_lost
    );
    if let Some(kept) = hearing.kept {
        println!("heard {:.1} s: {}", kept.duration.as_secs_f64(), kept.path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn how(ended: EndReason) -> &'static str {
    match ended {
        EndReason::RemoteBye => "the other side hung up",
        EndReason::LocalBye => "this side hung up",
        EndReason::NoAck => "the answer was never confirmed",
        EndReason::SessionExpired => "the session timer ran out",
        EndReason::Cancelled => "cancelled before the answer",
        EndReason::Failed => "the network or the SIP stack failed",
    }
}

enum Action {
    Press(String),
    Say(Arc<Clip>),
    HangUp,
}

impl Action {
    fn perform(self, call: &mut PhoneCall) {
        match self {
            Action::Press(keys) => call.press(&keys),
            Action::Say(clip) => call.say(clip),
            Action::HangUp => {}
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Action::Press(keys) => write!(f, "press {keys}"),
            Action::Say(clip) => write!(f, "speak for {:.1} s", clip.duration().as_secs_f64()),
            Action::HangUp => f.write_str("hang up"),
        }
    }
}

/// What is done, in order of time.
fn plan(args: &Args, clip: Option<Arc<Clip>>) -> anyhow::Result<Vec<(Duration, Action)>> {
    let mut plan: Vec<(Duration, Action)> =
        args.keys.0.iter().map(|press| (press.at, Action::Press(press.keys.clone()))).collect();
    if let Some(clip) = clip {
        plan.push((Duration::try_from_secs_f64(args.say_at)?, Action::Say(clip)));
    }
    if let Some(length) = args.length {
        plan.push((Duration::try_from_secs_f64(length)?, Action::HangUp));
    }
    plan.sort_by_key(|(at, _)| *at);
    Ok(plan)
}
