//! The application of one entry: read, decided by the core, committed, published. Writes and position are committed
//! together.

use std::io;
use std::sync::Arc;

use proto_types::{Revision, Stamp};
use registry_core::change::{Effect, Reply, Write};
use registry_core::query;

use super::Published;
use super::marks::{MARK, StateMark, encoded};
use super::work::{EntryChange, Work};
use crate::batch::Batch;
use crate::codec::{decode, encode};
use crate::snapshot::Stored;
use crate::store_handle::{APPLIED, MEMBERSHIP, StoreHandle};
use crate::types::{LogId, Membership};

pub(crate) struct Applier {
    handle: Arc<StoreHandle>,
    published: Arc<Published>,
}

impl Applier {
    pub(crate) fn new(handle: Arc<StoreHandle>, published: Arc<Published>) -> Self {
        Self { handle, published }
    }

    /// The position and membership of the state on disk.
    pub(crate) fn applied(&self) -> io::Result<(Option<LogId>, Membership)> {
        let view = self.handle.store.view();
        let applied = view.meta(APPLIED).map_err(io::Error::other)?;
        let membership = view.meta(MEMBERSHIP).map_err(io::Error::other)?;
        let applied = applied.as_deref().map(decode).transpose()?;
        let membership = membership.as_deref().map(decode).transpose()?;
        Ok((applied, membership.unwrap_or_default()))
    }

    pub(super) fn apply(&self, work: Work, proposed_here: bool) -> io::Result<Vec<Vec<Reply>>> {
        let Work { log_id, change } = work;
        match change {
            EntryChange::Nothing => {
                self.commit(&[], log_id, None, None)?;
                Ok(Vec::new())
            }
            EntryChange::Membership(membership) => {
                self.commit(&[], log_id, Some(&membership), None)?;
                Ok(Vec::new())
            }
            EntryChange::Batch(batch) => self.batch(&batch, log_id, proposed_here),
        }
    }

    fn batch(
        &self,
        batch: &Batch,
        log_id: LogId,
        proposed_here: bool,
    ) -> io::Result<Vec<Vec<Reply>>> {
        let stamp = Stamp { now: batch.stamp };
        let view = self.published.view();
        let change = registry_core::apply_batch(&view, stamp, &batch.proposals);
        let change = change.map_err(io::Error::other)?;
        let marks = self.published.marks();
        let mark = marks.next(log_id.index(), change.revision, &change.writes);
        self.commit(&change.writes, log_id, None, Some((change.revision, mark)))?;
        let effects: Vec<Effect> = if proposed_here { change.effects } else { Vec::new() };
        self.published.tell(effects);
        Ok(change.replies)
    }

    fn commit(
        &self,
        writes: &[Write],
        log_id: LogId,
        membership: Option<&Membership>,
        after: Option<(Revision, StateMark)>,
    ) -> io::Result<()> {
        let applied = encode(&log_id)?;
        let membership = membership.map(encode).transpose()?;
        let mut meta: Vec<(&[u8], &[u8])> = vec![(APPLIED, &applied)];
        meta.extend(membership.as_deref().map(|bytes| (MEMBERSHIP, bytes)));
        let mark = after.as_ref().map(|(_, mark)| encoded(mark)).transpose()?;
        meta.extend(mark.as_deref().map(|bytes| (MARK, bytes)));
        self.handle.store.commit(writes, &meta).map_err(io::Error::other)?;
        if !self.published.is_settled() {
            self.published.settle(&self.handle.store.view())?;
        }
        // An entry that writes nothing leaves the view as it is.
        if let Some((revision, mark)) = after {
            self.published.marks().push(mark);
            self.published.publish(self.handle.store.view(), revision);
        }
        self.published.reach(**log_id.committed_leader_id());
        Ok(())
    }

    /// Puts a snapshot in the place of the state.
    pub(crate) fn install(&self, snapshot: &Stored) -> io::Result<()> {
        self.handle.store.install(&snapshot.database()).map_err(io::Error::other)?;
        if let Some(last) = snapshot.manifest().meta.last_log_id {
            self.handle.note_durable(last.index());
        }
        let view = self.handle.store.view();
        let revision = query::revision(&view).map_err(io::Error::other)?;
        self.published.marks().restart(&view)?;
        self.published.settle(&view)?;
        self.published.publish(view, revision);
        Ok(())
    }
}
