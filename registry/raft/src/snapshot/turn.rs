//! The turn to receive a snapshot: one is received at a time. A member that offers the snapshot which is being checked
//! waits for the result and does not send it again.

use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::SemaphorePermit;

use super::{Manifest, Snapshots};

/// The right to receive a snapshot.
pub(crate) struct Turn<'a> {
    snapshots: &'a Arc<Snapshots>,
    /// Given back after the note of what is here is gone, by the order of [`Drop`] and the fields.
    _permit: SemaphorePermit<'a>,
}

impl Turn<'_> {
    pub(super) fn snapshots(&self) -> &Arc<Snapshots> {
        self.snapshots
    }

    /// Notes that all of a snapshot is here, to be checked and installed.
    pub(super) fn note_whole(&self, manifest: Manifest) {
        *self.snapshots.whole() = Some(manifest);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.snapshots.whole() = None;
    }
}

impl Snapshots {
    /// The right to receive a snapshot, if nobody else has it.
    pub(super) fn receive(self: &Arc<Self>) -> Option<Turn<'_>> {
        let permit = self.receiving.try_acquire().ok()?;
        Some(Turn { snapshots: self, _permit: permit })
    }

    /// As [`Snapshots::receive`], once whoever has it is done.
    pub(super) async fn receive_next(self: &Arc<Self>) -> Option<Turn<'_>> {
        let permit = self.receiving.acquire().await.ok()?;
        Some(Turn { snapshots: self, _permit: permit })
    }

    /// Whether nothing of a snapshot needs to be sent: it is the current one, or is being checked.
    pub(crate) fn holds(&self, manifest: &Manifest) -> bool {
        let current = self.current();
        current.is_some_and(|current| current.manifest() == manifest)
            || self.whole().as_ref() == Some(manifest)
    }

    fn whole(&self) -> MutexGuard<'_, Option<Manifest>> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
