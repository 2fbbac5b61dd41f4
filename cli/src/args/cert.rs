//! The verbs of `cert`, and their flags.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Subcommand;
use deploy_service::tls::Role;

use super::values;

/// Longer than any of our processes should live without a new key; browsers allow 398.
const DAYS_MAX: i64 = 825;
/// An authority is replaced by hand, which is work for everybody.
const AUTHORITY_DAYS_MAX: i64 = 7_300;

#[derive(Debug, Subcommand)]
pub(crate) enum CertVerb {
    /// Makes an authority: ca.crt, and ca.key, which must be kept offline.
    Init(CertInit),
    /// Makes a key and has the authority sign its certificate.
    Issue(CertIssue),
    /// Says what stands in the certificates of a file.
    Show {
        /// The PEM file.
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct CertInit {
    /// The folder for ca.crt and ca.key; made if absent.
    #[arg(long, default_value = "certificates")]
    pub(crate) out: PathBuf,
    /// The trust domain, one for each cluster: the first part of every identity.
    #[arg(long)]
    pub(crate) trust_domain: String,
    /// How long the authority counts, days.
    #[arg(long, default_value_t = 3_650, value_parser = clap::value_parser!(u32).range(1..=AUTHORITY_DAYS_MAX))]
    pub(crate) days: u32,
    /// Replaces an authority that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CertIssue {
    /// The folder of the authority.
    #[arg(long = "authority", default_value = "certificates")]
    pub(crate) ca: PathBuf,
    /// The folder for `role-id.crt` and `.key`; made if absent.
    #[arg(long, default_value = "certificates")]
    pub(crate) out: PathBuf,
    /// What its holder is.
    #[arg(long, value_parser = values::word::<Role>(Role::WORDS))]
    pub(crate) role: Role,
    /// Which one: a member's number, the id of a gateway or node, an operator's name, a peer's origin.
    #[arg(long)]
    pub(crate) id: String,
    /// A host name under which it is called; may be given again.
    #[arg(long, value_name = "NAME")]
    pub(crate) dns: Vec<String>,
    /// An address under which it is called; may be given again.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Vec<IpAddr>,
    /// How long it counts, days.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    pub(crate) days: u32,
    /// Replaces files that are there; a running process takes the new ones up.
    #[arg(long)]
    pub(crate) force: bool,
}
