//! openraft's own suite for stores, run against ours.

use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use crate::log::LogStore;
use crate::machine::{Machine, Published};
use crate::snapshot::Snapshots;
use crate::store_handle::StoreHandle;
use crate::types::TypeConfig;

struct Stores;

impl StoreBuilder<TypeConfig, LogStore, Machine, TempDir> for Stores {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().expect("a directory");
        let handle =
            StoreHandle::open(dir.path(), 1, registry_store::Options::default()).expect("a store");
        let handle = Arc::new(handle);
        let published = Arc::new(Published::new(Arc::clone(&handle)).expect("a view"));
        let snapshots = Arc::new(Snapshots::open(dir.path()).expect("snapshots"));
        let log = LogStore::new(Arc::clone(&handle));
        Ok((dir, log, Machine::new(handle, published, snapshots)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_passes_the_suite_of_openraft() {
    Suite::test_all(Stores).await.expect("every case of the suite holds");
}
