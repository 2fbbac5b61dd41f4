//! The execution node: it dials out, offers what it measured, and runs what it is given under leases.
//!
//! The rules of tasks and of admission are in `node-core`; this crate measures, connects, writes, runs and reports. It must
//! never run what it has not written down, nor listen on any socket.

mod artifacts;
mod clock;
mod config;
mod identity;
mod journal;
mod link;
mod outcome;
mod push;
mod registry;
mod supervisor;
mod work;

pub use crate::config::Config;
pub use crate::supervisor::Summary;

use std::path::PathBuf;
use std::sync::Arc;

use deploy_service::Shutdown;
use deploy_service::credential::{Credential, NoJoinToken};
use proto_types::NodeId;

use crate::supervisor::TaskSupervisor;

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration contradicts itself or lacks something.
    #[error("the node's configuration is refused: {0}")]
    Config(String),
    /// The state folder cannot be used.
    #[error("the node's state folder {} cannot be used", .path.display())]
    State {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no join token, and the registry has not admitted this node.
    #[error("the node cannot be admitted")]
    JoinToken(#[from] NoJoinToken),
    /// The WebAssembly runtime does not start.
    #[error("the WebAssembly runtime does not start: {0}")]
    Runtime(String),
    /// No registry member admits the node.
    #[error("the registry does not admit the node: {0}")]
    Refused(String),
    /// Another process has taken this one's session, and takes it again when this one dials.
    #[error(
        "another process serves as node {node} with the same credential: the newest session counts, so this one ends; \
         give each process an id, a join token and a state folder of its own"
    )]
    Replaced {
        /// Which node.
        node: NodeId,
    },
}

/// Runs a node until `shutdown`, then drains: new tasks are refused, running ones go on until the drain deadline, and
/// what is left is handed back.
///
/// # Errors
/// The node cannot start, or [`Error::Replaced`]. Once it runs, failures of the network are retried for ever.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Summary, Error> {
    let config = config.checked()?;
    let credential =
        Credential::open(&config.state_dir, identity::draw).map_err(config.no_state())?;
    let runtime = work::runtime(&config)?;
    let offer = work::measure(&runtime, &config).await?;
    let registry = Arc::new(registry::Registry::new(&config, credential.expose())?);
    tokio::select! {
        () = shutdown.triggered() => return Ok(Summary::default()),
        joined = identity::join(&config, &registry, &credential, &offer) => joined?,
    }
    tracing::info!(node = %config.id, slots = offer.slots, runs_per_second = offer.runs_per_second, "joined");
    TaskSupervisor::open(config, registry, runtime, offer)?.run(shutdown).await
}
