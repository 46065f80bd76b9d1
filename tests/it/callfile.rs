//! Whole calls as text: what the caller does, what they hear, what comes of it.
//!
//! One act or expectation a line; `#` begins a comment, except as a key. First what the world is like:
//!
//! ```text
//! script hotline.toml            the script played, from ivr-scripts or beside the call; this one by default
//! at 2026-11-23T09:00+07:00      when the call comes in; this Monday morning by default
//! code 48217360 known            the store finds it; `answered`: and the agency has answered; `exhausted`: no more
//!                                tries; `failed`: the store is silent. Any other code is unknown
//! code 48217360 locked 2468       confidential, and what this PIN opens
//! disk full                      recordings cannot be kept
//! disk full after 5s             only so much of each
//! store broken                   tickets cannot be opened
//! ```
//!
//! Then the call, in order:
//!
//! ```text
//! hear ID                        waits until this prompt begins; what comes before it is heard too
//! press 12#                      these keys
//! speak 3s                       waits until it is recorded, then speaks for so long
//! silence                        says and presses nothing until the script minds
//! wait 30s                       time passes
//! hang up
//! ```
//!
//! Then, or in between, what must be true by now:
//!
//! ```text
//! expect ticket complaint        exactly one more ticket, of this class
//! expect no ticket               none at all
//! expect answer nama             something spoken was added to the ticket
//! expect answer anonim ya        a choice was added
//! expect step menu_utama         where the caller is
//! expect never ID                this prompt has not been heard
//! expect end completed           the script hung up: `completed`, `too_long` or `failed`
//! expect end hung_up             the caller did
//! ```

use std::time::Duration;

use jiff::SignedDuration;
use kentongan::clock::Timestamp;

/// One call file.
#[derive(Debug)]
pub struct CallFile {
    pub script: String,
    pub at: Timestamp,
    pub codes: Vec<(String, Code)>,
    /// The PINs of codes.
    pub pins: Vec<(String, String)>,
    pub disk_full: bool,
    pub disk_full_after: Option<Duration>,
    pub store_broken: bool,
    /// With their lines.
    pub acts: Vec<(usize, Act)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Known,
    Locked,
    Answered,
    Exhausted,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Hear(String),
    Press(String),
    Speak(Duration),
    Silence,
    Wait(Duration),
    HangUp,
    ExpectTicket(String),
    ExpectNoTicket,
    ExpectSpoken(String),
    ExpectChoice(String, String),
    ExpectStep(String),
    ExpectNever(String),
    ExpectEnd(String),
}

/// Reads a call file; an error names the line.
pub fn parse(text: &str) -> Result<CallFile, String> {
    let mut file = CallFile {
        script: "hotline.toml".to_owned(),
        at: moment("2026-11-23T09:00+07:00")?,
        codes: Vec::new(),
        pins: Vec::new(),
        disk_full: false,
        disk_full_after: None,
        store_broken: false,
        acts: Vec::new(),
    };
    for (at, line) in text.lines().enumerate() {
        let words: Vec<&str> = words(line);
        if !words.is_empty() {
            take(&mut file, at + 1, &words).map_err(|e| format!("line {}: {e}", at + 1))?;
        }
    }
    Ok(file)
}

fn take(file: &mut CallFile, line: usize, words: &[&str]) -> Result<(), String> {
    let owned = |text: &str| text.to_owned();
    let act = match words {
        ["script", name] => {
            file.script = owned(name);
            return Ok(());
        }
        ["at", text] => {
            file.at = moment(text)?;
            return Ok(());
        }
        ["code", code, what] => {
            file.codes.push((owned(code), code_state(what)?));
            return Ok(());
        }
        ["code", code, "locked", pin] => {
            file.codes.push((owned(code), Code::Locked));
            file.pins.push((owned(code), owned(pin)));
            return Ok(());
        }
        ["disk", "full"] => {
            file.disk_full = true;
            return Ok(());
        }
        ["disk", "full", "after", length] => {
            file.disk_full_after = Some(duration(length)?);
            return Ok(());
        }
        ["store", "broken"] => {
            file.store_broken = true;
            return Ok(());
        }
        ["hear", id] => Act::Hear(owned(id)),
        ["press", keys] => Act::Press(owned(keys)),
        ["speak", length] => Act::Speak(duration(length)?),
        ["wait", length] => Act::Wait(duration(length)?),
        ["silence"] => Act::Silence,
        ["hang", "up"] => Act::HangUp,
        ["expect", "ticket", class] => Act::ExpectTicket(owned(class)),
        ["expect", "no", "ticket"] => Act::ExpectNoTicket,
        ["expect", "answer", name] => Act::ExpectSpoken(owned(name)),
        ["expect", "answer", name, value] => Act::ExpectChoice(owned(name), owned(value)),
        ["expect", "step", name] => Act::ExpectStep(owned(name)),
        ["expect", "never", id] => Act::ExpectNever(owned(id)),
        ["expect", "end", how @ ("completed" | "too_long" | "failed" | "hung_up")] => {
            Act::ExpectEnd(owned(how))
        }
        _ => return Err(format!("`{}` means nothing here", words.join(" "))),
    };
    file.acts.push((line, act));
    Ok(())
}

/// The words of a line up to a comment: a `#` after a space and before one.
fn words(line: &str) -> Vec<&str> {
    let words = line.split_whitespace();
    let is_press = line.trim_start().starts_with("press");
    words
        .enumerate()
        .take_while(|(at, word)| *word != "#" || (is_press && *at == 1))
        .map(|(_, word)| word)
        .collect()
}

fn code_state(word: &str) -> Result<Code, String> {
    match word {
        "known" => Ok(Code::Known),
        "answered" => Ok(Code::Answered),
        "exhausted" => Ok(Code::Exhausted),
        "failed" => Ok(Code::Failed),
        other => Err(format!("a code is known, answered, exhausted or failed, not {other}")),
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse::<jiff::Timestamp>().map_err(|e| e.to_string())?;
    Ok(Timestamp(moment.as_millisecond()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let length = text.parse::<SignedDuration>().map_err(|e| e.to_string())?;
    Duration::try_from(length).map_err(|e| e.to_string())
}
