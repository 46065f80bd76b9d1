//! What an operator sets: where to listen, whom to listen to, what to tell the others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde::Deserialize;

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
    /// What we call ourselves in User-Agent.
    pub user_agent: String,
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
            user_agent: concat!("kentongan/", env!("CARGO_PKG_VERSION")).to_owned(),
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
        let ip = ip.to_canonical();
        let unset = self.trunks.is_empty() && self.allow.is_empty();
        self.open
            || ip.is_loopback()
            || (unset && is_private(ip))
            || self.trunk_of(ip).is_some()
            || self.allow.iter().any(|net| net.contains(&ip))
    }
}

/// Addresses that no router on the internet carries (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291).
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || shared
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_unspecified()
        }
    }
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
        assert!(parse("listen = '0.0.0.0:5060'").unwrap_err().to_string().contains("listen"));
    }
}
