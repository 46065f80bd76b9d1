//! What the configuration file says of the media threads.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::media::session::{Latching, Settings};

/// The `[media]` table. Durations are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to open RTP sockets on.
    pub bind: IpAddr,
    /// Address that session descriptions name, where it differs (NAT); `None`: the one in `bind`.
    pub advertised: Option<IpAddr>,
    /// Ports for RTP and RTCP, two for each call, written as "first-last"; "0-0" lets the system choose.
    #[serde(deserialize_with = "ports")]
    pub ports: RangeInclusive<u16>,
    /// Media threads, 1 or 2; one carries 800 calls.
    #[serde(deserialize_with = "threads")]
    pub threads: usize,
    /// Silence on the line after which a call counts as lost; 0: never.
    #[serde(rename = "rtp_timeout_seconds", deserialize_with = "seconds")]
    pub rtp_timeout: Duration,
    /// Whether keys are heard as tones where the other side has no telephone-event.
    pub inband_digits: bool,
    /// Whose packets are heard: "first-source" (callers behind NAT) or "offered" (only who the SDP names).
    pub latching: Latching,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            advertised: None,
            ports: 20000..=29999,
            threads: 1,
            rtp_timeout: Duration::from_secs(60),
            inband_digits: true,
            latching: Latching::FirstSource,
        }
    }
}

impl Config {
    /// The address for session descriptions.
    pub fn advertised(&self) -> IpAddr {
        self.advertised.unwrap_or(self.bind)
    }

    pub(super) fn session(&self) -> Settings {
        Settings {
            latching: self.latching,
            rtp_timeout: (!self.rtp_timeout.is_zero()).then_some(self.rtp_timeout),
            inband_digits: self.inband_digits,
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u32::deserialize(from).map(|seconds| Duration::from_secs(seconds.into()))
}

fn threads<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    match usize::deserialize(from)? {
        threads @ 1..=2 => Ok(threads),
        other => Err(D::Error::custom(format!("{other} media threads: it can be 1 or 2"))),
    }
}

fn ports<'de, D: Deserializer<'de>>(from: D) -> Result<RangeInclusive<u16>, D::Error> {
    let text = String::deserialize(from)?;
    let range = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let holds_a_pair = first < last && (first % 2 == 0 || last - first > 1);
        (holds_a_pair || (first, last) == (0, 0)).then_some(first..=last)
    });
    range.ok_or_else(|| {
        D::Error::custom(format!(
            "\"{text}\" is no range of ports; write it as \"20000-29999\", two ports for each call"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_the_default() {
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_read() {
        let config: Config = toml::from_str(
            r#"
            bind = "10.0.0.5"
            advertised = "203.0.113.9"
            ports = "30000-30999"
            threads = 2
            rtp_timeout_seconds = 0
            inband_digits = false
            latching = "offered"
            "#,
        )
        .unwrap();
        assert_eq!(config.advertised(), IpAddr::from([203, 0, 113, 9]));
        assert_eq!(config.ports, 30000..=30999);
        assert_eq!(config.session().rtp_timeout, None);
        assert_eq!(config.latching, Latching::Offered);
    }

    #[test]
    fn a_range_without_a_pair_and_an_unknown_key_are_refused() {
        for ports in ["20001-20002", "20000", "b-c", "3-1", "0-70000"] {
            let error = toml::from_str::<Config>(&format!("ports = \"{ports}\"")).unwrap_err();
            assert!(error.message().contains("two ports for each call"), "{ports}: {error}");
        }
        assert!(toml::from_str::<Config>("threads = 9").is_err());
        assert!(toml::from_str::<Config>("port = \"1-2\"").is_err());
    }
}
