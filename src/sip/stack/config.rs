//! What an operator sets: where to listen, whom to listen to, what to tell the others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;

use crate::sip::{socket, timers};

/// The `[sip]` table of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen, on UDP and TCP alike. Port 0 lets the kernel choose (tests).
    pub listen: SocketAddr,
    /// Whether TCP is served as well; large INVITEs need it (RFC 3261 section 18.1.1).
    pub tcp: bool,
    /// `host` or `host:port` for Via and Contact, when the others reach us by another address than the one we listen on.
    /// A name is looked up once, at the start. What media advertises is set apart from this.
    pub advertised: Option<String>,
    /// The carriers and exchanges that bring calls.
    pub trunks: Vec<Trunk>,
    /// Further networks that may speak to us, such as the office's phones.
    pub allow: Vec<IpNet>,
    /// Answer anyone. Without it the rest of the internet is met with silence.
    pub open: bool,
    /// Session-Expires that we offer or accept at most, in seconds (RFC 4028); 0 turns session timers off.
    pub session_expires: u32,
    /// The smallest Session-Expires that we accept, in seconds; RFC 4028 section 5 forbids less than 90.
    pub min_session_expires: u32,
    /// Datagrams a second that a source may send in the long run, other than trunks and this machine; a call takes ten.
    pub rate: f64,
    /// Datagrams that such a source may send at once.
    pub burst: u32,
    /// What we call ourselves in User-Agent.
    pub user_agent: String,
    /// Megabytes of memory for the messages of the calls in progress, which are kept with each call for the technician;
    /// 0 keeps none.
    pub trace: u32,
    /// T1 of RFC 3261 section 17.1.1.1 in milliseconds: the guess at a round trip on which all retransmission rests.
    pub t1_ms: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060)),
            tcp: true,
            advertised: None,
            trunks: Vec::new(),
            allow: Vec::new(),
            open: false,
            session_expires: 1800,
            min_session_expires: 90,
            rate: 50.0,
            burst: 200,
            user_agent: concat!("kentongan/", env!("CARGO_PKG_VERSION")).to_owned(),
            trace: 64,
            t1_ms: 500,
        }
    }
}

/// A carrier or exchange that brings calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// Shows up in the record of each of its calls.
    pub name: String,
    /// Where its packets come from.
    pub networks: Vec<IpNet>,
    /// Whether its P-Asserted-Identity is believed (RFC 3325 section 4: only within a circle of trust).
    #[serde(default)]
    pub asserts_identity: bool,
}

impl Config {
    /// The trunk whose networks hold `ip`; the first one listed wins.
    pub fn trunk_of(&self, ip: IpAddr) -> Option<&Trunk> {
        let ip = ip.to_canonical();
        self.trunks.iter().find(|trunk| trunk.networks.iter().any(|net| net.contains(&ip)))
    }

    /// Whether `ip` is answered at all. Loopback always is. With neither trunks nor `allow` set, private networks are:
    /// enough for the first softphone in the office, closed to the internet.
    pub fn admits(&self, ip: IpAddr) -> bool {
        self.edge().admits(ip)
    }

    /// The same for the socket.
    pub(super) fn edge(&self) -> socket::Config {
        let unlimited: Vec<IpNet> = self.trunk_networks().chain(LOOPBACK).collect();
        let unset = self.trunks.is_empty() && self.allow.is_empty();
        let private = PRIVATE.into_iter().filter(|_| unset);
        let allow = match self.open {
            true => Vec::new(),
            false => {
                unlimited.iter().copied().chain(self.allow.iter().copied()).chain(private).collect()
            }
        };
        socket::Config { allow, unlimited, rate: self.rate, burst: self.burst }
    }

    /// Bytes of messages that are kept at most.
    pub(super) fn trace_bytes(&self) -> usize {
        usize::try_from(self.trace).unwrap_or(usize::MAX).saturating_mul(1 << 20)
    }

    fn trunk_networks(&self) -> impl Iterator<Item = IpNet> {
        self.trunks.iter().flat_map(|trunk| trunk.networks.iter().copied())
    }

    /// How session timers are dealt with; `None` when they are turned off.
    pub(super) fn session_timer(&self) -> Option<timers::Config> {
        let seconds = |s: u32| Duration::from_secs(s.into());
        let (interval, min) = (seconds(self.session_expires), seconds(self.min_session_expires));
        (self.session_expires > 0).then_some(timers::Config { interval, min })
    }
}

const LOOPBACK: [IpNet; 2] = [v4(127, 0, 0, 0, 8), v6(0, 1, 128)];

/// Addresses that no router on the internet carries (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291).
const PRIVATE: [IpNet; 7] = [
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(100, 64, 0, 0, 10),
    v4(169, 254, 0, 0, 16),
    v6(0xfc00, 0, 7),
    v6(0xfe80, 0, 10),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(first: u16, last: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last), prefix))
}

/// Whether `ip` means nothing beyond its own network.
pub(super) fn is_private(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_unspecified() || LOOPBACK.iter().chain(&PRIVATE).any(|network| network.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn parse(text: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn with_nothing_set_the_office_is_answered_and_the_internet_is_not() {
        let config = Config::default();
        assert!(config.admits(ip("127.0.0.1")));
        assert!(config.admits(ip("192.168.1.20")));
        assert!(config.admits(ip("::ffff:10.0.0.1")));
        assert!(!config.admits(ip("203.0.113.9")));
        assert!(!config.admits(ip("2001:db8::1")));
    }

    #[test]
    fn naming_a_trunk_closes_the_private_networks_that_are_not_named() {
        let config = parse(
            r#"
            allow = ["10.1.0.0/16"]
            [[trunks]]
            name = "telkom"
            networks = ["203.0.113.0/24"]
            asserts_identity = true
            "#,
        )
        .unwrap();
        assert!(config.admits(ip("203.0.113.9")));
        assert!(config.admits(ip("10.1.2.3")));
        assert!(config.admits(ip("127.0.0.1")));
        assert!(!config.admits(ip("192.168.1.20")));
        assert_eq!(config.trunk_of(ip("::ffff:203.0.113.9")).unwrap().name, "telkom");
        assert!(config.trunk_of(ip("10.1.2.3")).is_none());
    }

    #[test]
    fn open_answers_everyone() {
        assert!(parse("open = true").unwrap().admits(ip("198.51.100.1")));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        assert!(parse("listn = '0.0.0.0:5060'").unwrap_err().to_string().contains("listn"));
    }
}
