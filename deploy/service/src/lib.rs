//! How a process of ours starts, listens, serves, reports and stops: the same for every role.
//!
//! It decides limits of connections, the order of configuration layers and the order of a
//! drain. It must never know a document, a route or a role: it is the bottom of the edge layer.

// The derived descriptions of this crate's own sections name it as every other crate does.
extern crate self as deploy_service;

pub mod atomic_file;
pub mod backoff;
pub mod config;
pub mod content_coding;
pub mod credential;
pub mod entity_tags;
pub mod error_pages;
mod file_marks;
mod forwarded;
pub mod listen;
pub mod metrics;
pub mod pool;
pub mod private;
mod proxies;
pub mod ready;
pub mod reload;
pub mod secret;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod signing_key;
pub mod sources;
pub mod sse;
pub mod telemetry;
pub mod tls;
pub mod trace;
pub mod units;
pub mod watchdog;
pub mod watched;

/// The readers of a stranger's bytes, for the fuzz targets alone.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::forwarded::client_address;
    pub use crate::proxies::header::{Malformed, Progress, read as read_proxy_header};
}

pub use backoff::Backoff;
pub use forwarded::ClientAddress;
pub use listen::{Listener, Security};
pub use pool::{Place, Pool};
pub use proxies::TrustedProxies;
pub use ready::Readiness;
pub use reload::Reload;
pub use serve::{Claim, Drained, Limits, serve};
pub use shutdown::Shutdown;
pub use sources::{Network, Source, SourceLimit};
pub use tls::ClientIdentity;
pub use watched::wait_until;
