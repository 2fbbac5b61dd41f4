//! The member's open store, shared by everything that reads or writes it.
//! It decides nothing; its one duty is to say when the last of them has let go, so that the directory can be opened again.

use std::path::Path;

use registry_store::{Options, Store};
use tokio::sync::watch;

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
