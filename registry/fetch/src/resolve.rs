//! Names become addresses and texts, behind a trait: the network's DNS, or a table. The fetcher, not an implementation,
//! judges an address.

pub mod dns;
pub mod table;

use std::net::IpAddr;

use futures_util::future::BoxFuture;

pub use self::dns::Dns;
pub use self::table::Table;

/// More addresses than a host needs; the rest is left out before any is judged or tried.
pub const ADDRESSES_MAX: usize = 16;

/// More texts than a name with a proof among them needs.
pub const TEXTS_MAX: usize = 32;

/// Why a name has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or has no such records.
    #[error("there is no such name, or it has no such records")]
    NotFound,
    /// Nobody says.
    #[error("the resolver failed: {0}")]
    Failed(String),
}

/// Looks names up. Names are lower-case ASCII without a trailing dot.
pub trait Resolve: Send + Sync {
    /// The addresses of a host: at least one, at most [`ADDRESSES_MAX`].
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>>;

    /// The texts of a name, each joined from its strings: at most [`TEXTS_MAX`].
    fn texts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, ResolveError>>;
}
