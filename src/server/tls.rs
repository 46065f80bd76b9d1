//! The certificate of the console: made here, by an authority of this site's own, since a LAN has no other.
//!
//! The authority is made once and lies with the data; people tell their browsers to trust it (`/percaya`). The server's own
//! certificate is made anew at each start and each month, for every name and address that this machine has. A site with
//! a certificate of its own names its files instead.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ipnet::IpNet;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tracing::warn;

use crate::clock::Timestamp;
use crate::config;

/// Under the data folder.
const FOLDER: &str = "tls";
const AUTHORITY: &str = "otoritas.pem";
const AUTHORITY_KEY: &str = "otoritas-kunci.pem";
/// Years that people need not do it again.
const AUTHORITY_YEARS: i16 = 20;
/// Domains and networks that are nobody's on the internet, and those of Indonesian governments and villages.
const DOMAINS: [&str; 7] =
    ["localhost", "local", "lan", "internal", "home.arpa", "go.id", "desa.id"];
const NETWORKS: [&str; 9] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];
/// Browsers refuse more than 398 days.
const SERVER_DAYS: i64 = 90;

/// What the server shows, and what it proves it with, as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

/// Where certificates come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Files of the site.
    Files { certificate: PathBuf, key: PathBuf },
    /// Our own authority in this folder, for these names beside the machine's own.
    Own { folder: PathBuf, names: Vec<String> },
}

impl Source {
    /// As the configuration says.
    pub fn new(config: &config::Tls, data: &Path) -> anyhow::Result<Source> {
        match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => {
                Ok(Source::Files { certificate: certificate.clone(), key: key.clone() })
            }
            (None, None) => {
                Ok(Source::Own { folder: data.join(FOLDER), names: config.names.clone() })
            }
            _ => anyhow::bail!("[web.tls] certificate and key go together: name both or neither"),
        }
    }

    /// The certificate for now.
    pub fn identity(&self, now: Timestamp) -> anyhow::Result<Identity> {
        match self {
            Source::Files { certificate, key } => {
                let read = |path: &Path| {
                    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
                };
                Ok(Identity { chain: read(certificate)?, key: read(key)? })
            }
            Source::Own { folder, names } => own(folder, names, now)
                .with_context(|| format!("no certificate can be made in {}", folder.display())),
        }
    }

    /// The authority that browsers are to trust, as DER; `None` where the site has a certificate of its own. It is made
    /// if it is not there yet.
    pub fn authority(&self, now: Timestamp) -> anyhow::Result<Option<Vec<u8>>> {
        let Source::Own { folder, names } = self else { return Ok(None) };
        let path = folder.join(AUTHORITY);
        authority_key(folder, &all_names(names), now)?;
        let certificate = CertificateDer::from_pem_file(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Some(certificate.to_vec()))
    }
}

fn own(folder: &Path, names: &[String], now: Timestamp) -> anyhow::Result<Identity> {
    let names = all_names(names);
    let key = authority_key(folder, &names, now)?;
    let trusted = CertificateDer::from_pem_file(folder.join(AUTHORITY))?;
    let issuer = Issuer::new(authority(&names, now)?, key);
    let server_key = KeyPair::generate()?;
    let names = believed(names, trusted, &issuer, now)?;
    let server = server(&names, now)?.signed_by(&server_key, &issuer)?;
    // The authority itself is not sent: whoever does not have it must not learn to trust what comes along.
    Ok(Identity { chain: server.pem().into(), key: server_key.serialize_pem().into() })
}

/// The authority's key; it and the certificate are made if they are not there yet.
fn authority_key(
    folder: &Path,
    names: &BTreeSet<String>,
    now: Timestamp,
) -> anyhow::Result<KeyPair> {
    let path = folder.join(AUTHORITY_KEY);
    if let Ok(pem) = std::fs::read_to_string(&path) {
        return Ok(KeyPair::from_pem(&pem)?);
    }
    std::fs::create_dir_all(folder)?;
    let key = KeyPair::generate()?;
    let certificate: Certificate = authority(names, now)?.self_signed(&key)?;
    write(&folder.join(AUTHORITY), certificate.pem().as_bytes(), 0o644)?;
    write(&path, key.serialize_pem().as_bytes(), 0o600)?;
    Ok(key)
}

/// Whole or not at all.
fn write(path: &Path, contents: &[u8], mode: u32) -> std::io::Result<()> {
    let new = path.with_extension("baru");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&new)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(new, path)
}

fn authority(names: &BTreeSet<String>, now: Timestamp) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named("Kentongan: otoritas kantor ini");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(bounds(names)?);
    let (year, month, day) = date(now, -1)?;
    params.not_before = date_time_ymd(year.into(), month, day);
    // A leap day is not there in most years.
    params.not_after = date_time_ymd((year + AUTHORITY_YEARS).into(), month, day.min(28));
    Ok(params)
}

/// What the authority may vouch for, as long as it lasts: names and addresses of a LAN, of Indonesian governments, and
/// what this machine is called now. Whoever steals its key cannot pose as a bank before those who trust it.
fn bounds(names: &BTreeSet<String>) -> anyhow::Result<NameConstraints> {
    let mut permitted: Vec<GeneralSubtree> =
        DOMAINS.iter().map(|domain| GeneralSubtree::DnsName((*domain).into())).collect();
    for network in NETWORKS {
        let network: IpNet = network.parse()?;
        permitted.push(GeneralSubtree::IpAddress(subnet(network)));
    }
    permitted.extend(names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(ip) => GeneralSubtree::IpAddress(subnet(ip.into())),
        Err(_) => GeneralSubtree::DnsName(name.clone()),
    }));
    Ok(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() })
}

fn subnet(network: IpNet) -> CidrSubnet {
    CidrSubnet::from_addr_prefix(network.addr(), network.prefix_len())
}

/// The names that browsers will believe: one outside the authority's bounds would spoil the whole certificate. Which
/// those are is asked of a verifier, name by name.
fn believed(
    names: BTreeSet<String>,
    trusted: CertificateDer<'_>,
    issuer: &Issuer<'_, KeyPair>,
    now: Timestamp,
) -> anyhow::Result<BTreeSet<String>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    let time = UnixTime::since_unix_epoch(Duration::from_millis(now.0.unsigned_abs()));
    let key = KeyPair::generate()?;
    let mut believed = BTreeSet::new();
    for name in names {
        let trial = server(&BTreeSet::from([name.clone()]), now)?.signed_by(&key, issuer)?;
        let asked = ServerName::try_from(name.as_str())?;
        match verifier.verify_server_cert(trial.der(), &[], &asked, &[], time) {
            Ok(_) => {
                believed.insert(name);
            }
            Err(error) => {
                warn!(%name, %error, "the console's authority may not vouch for this name: give the site a certificate of its own, or remove the authority's files and have browsers trust the next one");
            }
        }
    }
    Ok(believed)
}

fn server(names: &BTreeSet<String>, now: Timestamp) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = named("Kentongan");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let of =
        |days| date(now, days).map(|(year, month, day)| date_time_ymd(year.into(), month, day));
    (params.not_before, params.not_after) = (of(-1)?, of(SERVER_DAYS)?);
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// Year, month and day, so many days from now.
fn date(now: Timestamp, days: i64) -> anyhow::Result<(i16, u8, u8)> {
    let day = jiff::Timestamp::from_millisecond(now.0 + days * 24 * 3600 * 1000)?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    Ok((day.year(), day.month().unsigned_abs(), day.day().unsigned_abs()))
}

/// What browsers on this network may call this machine.
fn all_names(own: &[String]) -> BTreeSet<String> {
    let host = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let mut names: BTreeSet<String> = own.iter().map(|name| name.to_lowercase()).collect();
    names.insert("localhost".into());
    if is_name(&host) {
        names.insert(format!("{host}.local"));
        names.insert(host);
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    names.extend(interfaces.iter().map(|interface| interface.ip().to_string()));
    names
}

fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_662_000_000);

    fn source(folder: &Path) -> Source {
        Source::Own { folder: folder.join(FOLDER), names: vec!["lapor.kotim.example".into()] }
    }

    /// Whether a browser that trusts the authority believes that the server is `name`, so many days from now.
    fn believes(authority: &[u8], chain: &[u8], name: &str, days: u64) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_slice(authority)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let time =
            UnixTime::since_unix_epoch(Duration::from_secs(NOW.0 as u64 / 1000 + days * 24 * 3600));
        let server = CertificateDer::from_pem_slice(chain).unwrap();
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(&server, &[], &name, &[], time).is_ok()
    }

    #[test]
    fn whoever_trusts_the_authority_once_trusts_every_later_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path());
        let first = source.identity(NOW).unwrap();
        let authority = source.authority(NOW).unwrap().unwrap();
        let later = source.identity(Timestamp(NOW.0 + 3_000_000_000)).unwrap();
        assert_ne!(first.chain, later.chain);
        assert_eq!(source.authority(NOW).unwrap().unwrap(), authority, "it is made once");
        for chain in [&first.chain, &later.chain] {
            for name in ["localhost", "127.0.0.1", "lapor.kotim.example"] {
                assert!(believes(&authority, chain, name, 40), "{name}");
            }
            assert!(!believes(&authority, chain, "bank.example", 40));
        }
        assert!(!believes(&authority, &first.chain, "localhost", 120), "it ends");
        let stranger = tempfile::tempdir().unwrap();
        let other = super::tests::source(stranger.path());
        other.identity(NOW).unwrap();
        assert!(!believes(&other.authority(NOW).unwrap().unwrap(), &first.chain, "localhost", 1));
    }

    #[test]
    fn a_stolen_authority_poses_as_nobody_outside_the_office() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path());
        source.identity(NOW).unwrap();
        let authority = source.authority(NOW).unwrap().unwrap();
        let names = all_names(&[]);
        let key = authority_key(&folder.path().join(FOLDER), &names, NOW).unwrap();
        let issuer = Issuer::new(super::authority(&names, NOW).unwrap(), key);
        for (name, vouched) in [
            ("lapor.kotimkab.go.id", true),
            ("192.168.88.10", true),
            ("bank.example", false),
            ("go.id.example", false),
            ("203.0.113.9", false),
        ] {
            let forged = server(&BTreeSet::from([name.into()]), NOW).unwrap();
            let forged = forged.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
            assert_eq!(believes(&authority, forged.pem().as_bytes(), name, 1), vouched, "{name}");
        }
        // A name that is wanted later and lies outside does not spoil the others.
        let later =
            Source::Own { folder: folder.path().join(FOLDER), names: vec!["bank.example".into()] };
        let chain = later.identity(NOW).unwrap().chain;
        assert!(believes(&authority, &chain, "localhost", 1));
        assert!(!believes(&authority, &chain, "bank.example", 1));
    }

    #[test]
    fn the_authoritys_key_is_for_nobody_else_to_read() {
        let folder = tempfile::tempdir().unwrap();
        source(folder.path()).identity(NOW).unwrap();
        let key = folder.path().join(FOLDER).join(AUTHORITY_KEY);
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_site_that_names_one_file_of_two_is_told() {
        let half = config::Tls { key: Some("kunci.pem".into()), ..config::Tls::default() };
        assert!(Source::new(&half, Path::new("data")).is_err());
    }
}
