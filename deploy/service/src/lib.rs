//! How a process of ours starts, listens, serves, reports and stops: the same for every role.
//!
//! It decides limits of connections, the order of configuration layers and the order of a
//! drain. It must never know a document, a route or a role: it is the bottom of the edge layer.

pub mod config;
pub mod listen;
pub mod ready;
pub mod secret;
pub mod serve;
pub mod shutdown;
pub mod sources;
pub mod telemetry;
pub mod tls;
pub mod units;
pub mod watchdog;

pub use listen::{Listener, Security};
pub use ready::Readiness;
pub use serve::{Drained, Limits, serve};
pub use shutdown::Shutdown;
pub use sources::{Network, SourceLimit};
pub use tls::ClientIdentity;
