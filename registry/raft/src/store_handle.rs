//! The member's open store, shared by everything that reads or writes it. It says when the last user has let go, so that
//! the directory can be opened again.

use std::io;
use std::path::Path;

use registry_store::{Options, Store};
use tokio::sync::watch;

/// Under which key the state says which entry it has applied last.
pub(crate) const APPLIED: &[u8] = b"applied";

/// And which membership it has.
pub(crate) const MEMBERSHIP: &[u8] = b"membership";

#[derive(Debug)]
pub(crate) struct StoreHandle {
    pub store: Store,
    /// Dropped after `store`, by the order of the fields.
    open: watch::Sender<()>,
}

impl StoreHandle {
    pub(crate) fn open(
        dir: &Path,
        member: u64,
        options: Options,
    ) -> Result<Self, registry_store::Error> {
        Ok(Self { store: Store::open(dir, member, options)?, open: watch::Sender::new(()) })
    }

    /// A store over a state that lies there already, for whichever member opens it next.
    pub(crate) fn make_over(dir: &Path) -> Result<Self, registry_store::Error> {
        Ok(Self { store: Store::make_over(dir, Options::default())?, open: watch::Sender::new(()) })
    }

    /// Resolves once the store is closed.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut open = self.open.subscribe();
        async move { while open.changed().await.is_ok() {} }
    }
}

/// Runs disk work where it cannot hold up heartbeats.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
