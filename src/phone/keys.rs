//! `--keys "1@4s, 48217360#@12.5s"`: keys and the moments, counted from the answer, when they are pressed.

use std::str::FromStr;
use std::time::Duration;

/// Some keys and when they are pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    pub keys: String,
    pub at: Duration,
}

/// Presses in the order of their times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub Vec<Press>);

/// What is wrong with a `--keys`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeysError {
    #[error("'{0}' lacks a time: write KEYS@SECONDS, for example 1@4s")]
    NoTime(String),
    #[error("'{0}' is no time: write seconds, for example 4s or 2.5")]
    BadTime(String),
    #[error("'{0}' is no key: 0-9, * and # are")]
    BadKey(char),
}

impl FromStr for Keys {
    type Err = KeysError;

    fn from_str(text: &str) -> Result<Keys, KeysError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let mut presses = parts.map(press).collect::<Result<Vec<_>, _>>()?;
        presses.sort_by_key(|press| press.at);
        Ok(Keys(presses))
    }
}

fn press(part: &str) -> Result<Press, KeysError> {
    let (keys, at) = part.rsplit_once('@').ok_or_else(|| KeysError::NoTime(part.into()))?;
    if let Some(bad) = keys.chars().find(|key| !matches!(key, '0'..='9' | '*' | '#')) {
        return Err(KeysError::BadKey(bad));
    }
    let seconds = at.trim().trim_end_matches('s').parse().ok();
    let at = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
    Ok(Press { keys: keys.into(), at: at.ok_or_else(|| KeysError::BadTime(part.into()))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_pressed_in_the_order_of_their_times() {
        let keys: Keys = "48217360#@12.5s, 1@4".parse().unwrap();
        assert_eq!(
            keys.0,
            [
                Press { keys: "1".into(), at: Duration::from_secs(4) },
                Press { keys: "48217360#".into(), at: Duration::from_millis(12_500) },
            ]
        );
    }

    #[test]
    fn mistakes_are_told_one_by_one() {
        assert_eq!("1".parse::<Keys>(), Err(KeysError::NoTime("1".into())));
        assert_eq!("1@soon".parse::<Keys>(), Err(KeysError::BadTime("1@soon".into())));
        assert_eq!("1@-4".parse::<Keys>(), Err(KeysError::BadTime("1@-4".into())));
        assert_eq!("x@1".parse::<Keys>(), Err(KeysError::BadKey('x')));
    }
}
