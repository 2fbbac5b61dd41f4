//! What a member may do at other hosts: visit peers and agents, pull from other registries, ask services. Who can be
//! reached from elsewhere fetches nothing on loopback, and no service elsewhere is asked in clear text.

use std::net::IpAddr;

use deploy_service::settings::Setting;
use deploy_service::units::{Bytes, Duration};
use http::Uri;
use proto_types::Origin;
use serde::Deserialize;

use super::{Config, Contradiction};

/// Whether and how often hosts are asked to vouch for peers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct DomainProofs {
    /// Off by default: it makes this process call out to the hosts of strangers.
    pub enabled: bool,
    /// From one look for hosts that are due to the next; with at most 16 hosts each time this is
    /// the pace of look-ups.
    pub look_every: Duration,
}

/// Whether and how the leader asks after peers and agents.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Crawler {
    /// Off by default: it makes this process connect to hosts that others name.
    pub enabled: bool,
    /// From one visit to the next.
    pub every: Duration,
    /// The longest pause after failures in a row.
    pub pause_max: Duration,
    /// From one visit of a host to the next.
    pub gap: Duration,
    /// Visits at once.
    pub probes_max: usize,
    /// Peers and records that are visited at all; each takes about half a KiB.
    pub targets_max: usize,
    /// Requests of one host in a period.
    pub host_requests_max: u32,
    /// Requests in a period.
    pub requests_max: u32,
    /// Bytes taken in a period.
    pub bytes_max: Bytes,
}

/// How the leader pulls from other registries. Which they are is in the state: `partner add`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Federation {
    /// From one pull to the next.
    pub every: Duration,
    /// The longest pause after failures in a row.
    pub pause_max: Duration,
    /// Requests of one pull.
    pub requests_max: u32,
    /// Bytes of one pull.
    pub bytes_max: Bytes,
    /// Partners pulled from at once.
    pub pulls_max: usize,
    /// The share of a partner's entries, in percent, that may be withdrawn with one pull. More is held back.
    pub withdraw_percent_max: u8,
    /// How long, unless the operator says `partner release` before.
    pub withdraw_hold: Duration,
}

impl Default for DomainProofs {
    fn default() -> Self {
        Self { enabled: false, look_every: Duration::from_secs(10) }
    }
}

impl Default for Crawler {
    fn default() -> Self {
        Self {
            enabled: false,
            every: Duration::from_secs(15 * 60),
            pause_max: Duration::from_secs(24 * 60 * 60),
            gap: Duration::from_secs(1),
            probes_max: 16,
            targets_max: 100_000,
            host_requests_max: 120,
            requests_max: 20_000,
            bytes_max: Bytes::from_kib(256 * 1_024),
        }
    }
}

impl Default for Federation {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(60),
            pause_max: Duration::from_secs(60 * 60),
            requests_max: 2_000,
            bytes_max: Bytes::from_kib(64 * 1_024),
            pulls_max: 8,
            withdraw_percent_max: 20,
            withdraw_hold: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// What may fetch from this machine must be on nothing but this machine.
pub(super) fn check_loopback(config: &Config) -> Result<(), Contradiction> {
    if !config.fetch.allow_loopback {
        return Ok(());
    }
    if !config.listen.ip().is_loopback() {
        return Err(Contradiction::LoopbackFetch(config.listen.to_string()));
    }
    let local = |url: &str| Origin::of_url(url).is_ok_and(|origin| is_local(&origin));
    let stated = config.members.values().chain(&config.advertise);
    match stated.into_iter().find(|url| !local(url)) {
        Some(url) => Err(Contradiction::LoopbackFetch(url.clone())),
        None => Ok(()),
    }
}

/// The URL of a service that the operator names: https, or http on loopback; without credentials,
/// which would end up in logs.
pub(crate) fn service(url: &str) -> Option<Uri> {
    let origin = Origin::of_url(url).ok()?;
    (origin.is_https() || is_local(&origin)).then(|| url.parse().ok())?
}

fn is_local(origin: &Origin) -> bool {
    let host = origin.host().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_in_clear_text_on_this_machine_alone() {
        let good = [
            "https://w.example",
            "https://w.example:7400/log?x=1",
            "https://192.0.2.1/",
            "http://localhost:1/x",
            "http://127.0.0.2",
            "http://[::1]:7400/",
        ];
        let bad = [
            "http://w.example",
            "http://192.0.2.1:7400",
            "http://127.0.0.1.example",
            "http://127.0.0.1@w.example/",
            "https://user:secret@w.example/",
            "http://[2001:db8::1]/",
            "ftp://127.0.0.1/",
            "w.example",
            "",
        ];
        assert!(good.iter().all(|url| service(url).is_some()));
        assert_eq!(bad.iter().find(|url| service(url).is_some()), None);
    }
}
