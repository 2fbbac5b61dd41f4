//! The section `fetch` of a member: what an operator may set for outbound fetches. Private networks cannot be allowed;
//! loopback can, by a member that listens on loopback itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use deploy_service::settings::Setting;
use deploy_service::tls;
use serde::Deserialize;

/// Outbound fetches.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The ports of public hosts.
    pub ports: Vec<u16>,
    /// Whether this machine's own servers may be fetched, in clear text and on any port.
    pub allow_loopback: bool,
    /// Certificates (PEM) to trust beside the public ones.
    pub extra_ca_file: Option<PathBuf>,
    /// DNS servers; by default those of the system.
    pub nameservers: Vec<SocketAddr>,
    /// Connections at once. Arbitrary; each holds at most 8 MiB.
    pub connections_max: usize,
    /// Connections at once to one host: 1 or 2 are polite.
    pub per_host_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ports: vec![443],
            allow_loopback: false,
            extra_ca_file: None,
            nameservers: Vec::new(),
            connections_max: 32,
            per_host_max: 2,
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The DNS settings.
    #[error("the resolver cannot be set up: {0}")]
    Resolver(String),
    /// The file of certificates.
    #[error("fetch.extra_ca_file")]
    Tls(#[from] tls::Error),
    /// A bound that would refuse everything.
    #[error("fetch.{0} is zero")]
    Zero(&'static str),
}
