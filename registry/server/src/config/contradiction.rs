//! Settings that contradict each other, each in the words that an operator reads. The sections of the configuration find
//! them.

use deploy_service::listen::NoProxies;
use deploy_service::serve;
use deploy_service::units::Duration;

use super::admission;

/// Settings that cannot hold together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The listener's limits.
    #[error("the limits of the listener")]
    Limits(#[from] serve::Contradiction),
    /// Nobody is there of whom a header is demanded.
    #[error(transparent)]
    NoProxies(#[from] NoProxies),
    /// A key of `members` is not a number.
    #[error("members: `{0}` is not a number")]
    MemberId(String),
    /// A member's base URL is none.
    #[error("members: `{0}` is not an http or https URL without a path")]
    MemberUrl(String),
    /// Nobody has said what protects the cluster's traffic.
    #[error("neither tls is configured nor plain_loopback = true")]
    ClearText,
    /// Clear text would leave the machine.
    #[error("listen: {0} is not a loopback address, which plain_loopback = true asks for")]
    NotLoopback(std::net::SocketAddr),
    /// Both were said.
    #[error("tls and plain_loopback exclude each other")]
    TlsAndClearText,
    /// Members could not verify each other.
    #[error("tls.client_ca is needed: members, gateways and nodes are verified by it")]
    NoClientCa,
    /// A URL of a member does not fit what protects the cluster's traffic.
    #[error("`{url}` does not begin with {scheme}://")]
    Scheme {
        /// Which URL.
        url: String,
        /// What it has to begin with.
        scheme: &'static str,
    },
    /// This member is not among the members.
    #[error("member {0} is not among the members")]
    NotAMember(u64),
    /// A lease that would be lost in ordinary pauses, or outlast every use.
    #[error("lease_ttl is {0}, outside 200ms to 10m")]
    LeaseTtl(Duration),
    /// Clear text to this machine's own servers, while strangers can reach this one.
    #[error("fetch.allow_loopback is for development, and {0} is not loopback")]
    LoopbackFetch(String),
    /// The log's name, or the witness's, cannot name a key.
    #[error("log.origin and log.witness_name: `{0}` is empty, or has spaces or a plus sign")]
    LogOrigin(String),
    /// A witness that cannot be verified.
    #[error("log.witnesses: {0} needs a key of cosignature/v1")]
    Witness(String),
    /// A witness that would be asked in clear text, or nowhere.
    #[error("log.witnesses: `{0}` is no https URL, nor http on loopback, or has credentials")]
    WitnessUrl(String),
    /// A followed log's key is none of a log.
    #[error("log.followed: the key of {0} is not one that logs sign with")]
    Followed(String),
    /// One key for two purposes.
    #[error("log.witness_key_file is log.key_file: a witness signs with a key of its own")]
    OneKey,
    /// A member that joins is let in by others; it cannot make the cluster too.
    #[error("join.seeds is empty, or members are listed beside join")]
    Join,
    /// Tasks would be forgotten while their callers still ask for them.
    #[error("{name} is {value}, below {least}")]
    Retention {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: Duration,
        /// The least.
        least: Duration,
    },
    /// The origin is none.
    #[error("origin: `{0}` is not an http or https URL without a path")]
    Origin(String),
    /// The name of the signing key is none.
    #[error("signing_kid")]
    SigningKid(#[source] proto_types::id::Error),
    /// The admission.
    #[error("the section admission")]
    Admission(#[from] admission::Contradiction),
    /// A bound that would refuse everything.
    #[error("{0} is zero")]
    Zero(&'static str),
}
