//! Settings of a gateway that contradict each other, each in the words that an operator reads. `config.rs` finds them.

use deploy_service::listen::NoProxies;
use deploy_service::serve;

/// Settings that cannot hold together.
#[derive(Debug, thiserror::Error)]
pub enum Contradiction {
    /// The listener's limits.
    #[error("the limits of the listener")]
    Limits(#[from] serve::Contradiction),
    /// Nobody is there of whom a header is demanded.
    #[error(transparent)]
    NoProxies(#[from] NoProxies),
    /// The id is missing or malformed.
    #[error("id")]
    Id(#[source] proto_types::id::Error),
    /// The origin is none.
    #[error("origin")]
    Origin(#[source] proto_types::origin::Error),
    /// The default agent is no handle.
    #[error("default_agent")]
    DefaultAgent(#[source] proto_types::id::Error),
    /// A URL of a registry member, or the events endpoint, is not a plain origin.
    #[error("`{0}` is not an http or https URL without a path")]
    Url(String),
    /// Nothing to connect to.
    #[error("registry: at least one member is needed")]
    NoRegistry,
    /// Nowhere to keep the credential.
    #[error("state_dir: a folder is needed")]
    NoStateDir,
    /// A web origin that is none.
    #[error("cors_origins: `{0}` is neither an origin nor `*`")]
    Cors(String),
    /// More descriptors than the format allows.
    #[error("bootstrap_descriptor_urls: more than {0}")]
    Bootstrap(usize),
    /// A value outside its range.
    #[error("bounds.{field} is outside {range}")]
    Range {
        /// Which.
        field: &'static str,
        /// What is allowed.
        range: &'static str,
    },
    /// A value outside its range.
    #[error("upstreams.{field} is outside {range}")]
    UpstreamRange {
        /// Which.
        field: &'static str,
        /// What is allowed.
        range: &'static str,
    },
    /// A credential for an agent that cannot be.
    #[error("upstreams.credentials: agent")]
    CredentialAgent(#[source] proto_types::id::Error),
    /// A header that is none, or that is not the operator's to write.
    #[error("upstreams.credentials: `{0}` is not a header that can carry a credential")]
    CredentialHeader(String),
    /// Callers that are no peers, and cannot be let in so.
    #[error("clients: {0}")]
    Clients(String),
    /// A webhook that cannot be.
    #[error("webhooks: `{target}`: {why}")]
    Webhook {
        /// Whose.
        target: String,
        /// What is wrong.
        why: String,
    },
    /// A store of envelopes, or peers of theirs, that cannot be.
    #[error("envelopes: {0}")]
    Envelopes(String),
    /// A relay that cannot be.
    #[error("relays: `{name}`: {why}")]
    Relay {
        /// Which.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A peer that cannot share a secret with this gateway.
    #[error("hs256_peers: `{origin}`: {why}")]
    Hs256Peer {
        /// Which.
        origin: String,
        /// What is wrong.
        why: String,
    },
    /// Two values of one header.
    #[error("upstreams.credentials: a header of `{0}` is there twice")]
    CredentialTwice(String),
}
