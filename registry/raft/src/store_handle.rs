//! The member's open store, shared by everything that reads or writes it. It says when the last user has let go, so that
//! the directory can be opened again.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use registry_store::{Options, Store};
use tokio::sync::watch;

/// Under which key the state says which entry it has applied last.
pub(crate) const APPLIED: &[u8] = b"applied";

/// And which membership it has.
pub(crate) const MEMBERSHIP: &[u8] = b"membership";

#[derive(Debug)]
pub(crate) struct StoreHandle {
    pub store: Store,
    /// One more than the last entry of which it is known that the state on the disk has it.
    durable: AtomicU64,
    /// Dropped after `store`, by the order of the fields.
    open: watch::Sender<()>,
}

impl StoreHandle {
    pub(crate) fn open(
        dir: &Path,
        member: u64,
        options: Options,
    ) -> Result<Self, registry_store::Error> {
        Ok(Self::of(Store::open(dir, member, options)?))
    }

    /// A store over a state that lies there already, for whichever member opens it next.
    pub(crate) fn make_over(dir: &Path) -> Result<Self, registry_store::Error> {
        Ok(Self::of(Store::make_over(dir, Options::default())?))
    }

    fn of(store: Store) -> Self {
        Self { store, durable: AtomicU64::new(0), open: watch::Sender::new(()) }
    }

    /// A checkpoint was made of the state at this entry, for which all before it was written out; or one is the state now.
    pub(crate) fn note_durable(&self, index: u64) {
        self.durable.fetch_max(index.saturating_add(1), Ordering::AcqRel);
    }

    /// Sees to it that the state on the disk has this entry, before that leaves the log.
    pub(crate) fn make_durable(&self, index: u64) -> Result<(), registry_store::Error> {
        match self.durable.load(Ordering::Acquire) > index {
            true => Ok(()),
            false => self.store.sync_state(),
        }
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
