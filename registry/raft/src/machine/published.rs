//! What readers see: the newest committed state, its revision, and the leader's effects.
//! A view is made once per entry and shared by all readers; it must never run ahead of the commit it shows.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use proto_types::{Digest, Revision, WallMs};
use registry_core::change::Effect;
use registry_core::query;
use registry_store::StoreView;
use tokio::sync::{broadcast, watch};

use super::marks::Marks;
use crate::store_handle::{APPLIED, StoreHandle};

/// Effects a slow subscriber may be behind; beyond it the oldest are lost to it, and a scan of the state finds them.
const EFFECTS_KEPT: usize = 4096;

struct Moment {
    view: StoreView,
    revision: Revision,
    /// The state's time: it is asked for several times with each call.
    clock: WallMs,
}

impl Moment {
    fn of(view: StoreView, revision: Revision) -> Self {
        // A state that cannot be read ends this member elsewhere.
        let clock = query::clock(&view).unwrap_or_default();
        Self { view, revision, clock }
    }
}

pub(crate) struct Published {
    moment: ArcSwap<Moment>,
    revision: watch::Sender<Revision>,
    effects: broadcast::Sender<Effect>,
    marks: Marks,
    /// The cluster epoch of the state; `EMPTY` as long as nothing was applied.
    epoch: AtomicU64,
    /// What names the cluster, once the state does.
    cluster: OnceLock<Digest>,
    /// The term of the newest entry that this process has committed; 0 before the first.
    term: AtomicU64,
    /// The store counts as open as long as a view of it is kept here; dropped after the view, by the order of the fields.
    handle: Arc<StoreHandle>,
}

/// No cluster is restored that often.
const EMPTY: u64 = u64::MAX;

impl Published {
    pub(crate) fn new(handle: Arc<StoreHandle>) -> io::Result<Self> {
        let view = handle.store.view();
        let revision = query::revision(&view).map_err(io::Error::other)?;
        let marks = Marks::default();
        marks.restart(&view)?;
        let applied = view.meta(APPLIED).map_err(io::Error::other)?;
        let published = Self {
            marks,
            epoch: AtomicU64::new(EMPTY),
            cluster: OnceLock::new(),
            term: AtomicU64::new(0),
            moment: ArcSwap::from_pointee(Moment::of(view.clone(), revision)),
            revision: watch::Sender::new(revision),
            effects: broadcast::Sender::new(EFFECTS_KEPT),
            handle,
        };
        if applied.is_some() {
            published.settle(&view)?;
        }
        Ok(published)
    }

    /// The cluster epoch, once anything was applied. It changes with a snapshot only, never by an entry.
    pub(crate) fn epoch(&self) -> Option<u64> {
        Some(self.epoch.load(Ordering::Acquire)).filter(|epoch| *epoch != EMPTY)
    }

    /// What names the cluster, once the state does. It never changes.
    pub(crate) fn cluster(&self) -> Option<Digest> {
        self.cluster.get().copied()
    }

    /// Epoch and name of the cluster; as the directory says, if there is no state that could.
    pub(crate) fn address(&self) -> (u64, Option<Digest>) {
        match self.epoch() {
            Some(epoch) => (epoch, self.cluster()),
            None => {
                let identity = self.handle.store.identity();
                (identity.epoch, identity.cluster)
            }
        }
    }

    /// Whether the state has said all that it can say of its cluster.
    pub(crate) fn is_settled(&self) -> bool {
        self.epoch().is_some() && self.cluster().is_some()
    }

    /// Takes over what a state says of its cluster, and has the directory say so too.
    pub(crate) fn settle(&self, view: &StoreView) -> io::Result<()> {
        let epoch = query::cluster_epoch(view).map_err(io::Error::other)?;
        self.epoch.store(epoch, Ordering::Release);
        if let Some(cluster) = query::cluster_id(view).map_err(io::Error::other)? {
            self.handle.store.belong(cluster, epoch).map_err(io::Error::other)?;
            // It never changes.
            let _ = self.cluster.set(cluster);
        }
        Ok(())
    }

    /// Notes the term of an entry whose writes are published.
    pub(crate) fn reach(&self, term: u64) {
        self.term.store(term, Ordering::Release);
    }

    /// The term of the newest entry that is in the view. To be asked before the view is taken.
    pub(crate) fn term(&self) -> u64 {
        self.term.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, view: StoreView, revision: Revision) {
        self.moment.store(Arc::new(Moment::of(view, revision)));
        // Who follows revisions is not woken for tokens and leases, which have none.
        self.revision.send_if_modified(|known| std::mem::replace(known, revision) != revision);
    }

    pub(crate) fn tell(&self, effects: Vec<Effect>) {
        for effect in effects {
            // Nobody listens: the effect is found again by a scan.
            let _ = self.effects.send(effect);
        }
    }

    /// The state's digests.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(crate) fn view(&self) -> StoreView {
        self.moment.load().view.clone()
    }

    pub(crate) fn moment(&self) -> (StoreView, Revision) {
        let moment = self.moment.load();
        (moment.view.clone(), moment.revision)
    }

    pub(crate) fn clock(&self) -> WallMs {
        self.moment.load().clock
    }

    pub(crate) fn revisions(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    pub(crate) fn effects(&self) -> broadcast::Receiver<Effect> {
        self.effects.subscribe()
    }
}
