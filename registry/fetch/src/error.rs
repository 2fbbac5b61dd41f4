//! Why a fetch failed, and who is at fault. It never holds what the far side sent, which may be hostile and is logged.

use std::net::IpAddr;
use std::time::Duration;

use crate::resolve::ResolveError;
use crate::url::Refused;

/// A fetch without an answer. An answer with a status that says no is not one of these.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one of its host's addresses, may not be fetched.
    #[error("the URL may not be fetched")]
    Refused(#[from] Refused),
    /// The name has no address, or nobody says.
    #[error("the name cannot be resolved")]
    Resolve(#[from] ResolveError),
    /// No address takes a connection.
    #[error("{address} takes no connection")]
    Connect {
        /// The last one tried.
        address: IpAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The far side does not speak TLS, not ours, or not under this name.
    #[error("no TLS with the host")]
    Tls(#[source] std::io::Error),
    /// The far side does not speak HTTP/1.1, or broke off.
    #[error("no HTTP with the host")]
    Http(#[source] hyper::Error),
    /// The connection broke before there was an answer.
    #[error("the host hung up")]
    HungUp,
    /// More redirects than are followed, one that leads back, or one that leads nowhere.
    #[error("the host redirects: {0}")]
    Redirect(&'static str),
    /// More bytes than were wanted.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// An encoding other than one of gzip and br, or bytes that are not in it.
    #[error("the answer's encoding: {0}")]
    Encoding(&'static str),
    /// Not within the time.
    #[error("no whole answer within {0:?}")]
    Deadline(Duration),
    /// Too many fetches at once in this process.
    #[error("too many fetches wait already")]
    Busy,
}

impl FetchError {
    /// Whether the fault is this process's own or its operator's, so that it says nothing about
    /// the far side.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Busy)
    }
}
