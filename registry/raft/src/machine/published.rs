//! What readers see: the newest committed state, its revision, and the leader's effects.
//! A view is made once per entry and shared by all readers; it must never run ahead of the commit it shows.

use std::io;

use arc_swap::ArcSwap;
use proto_types::Revision;
use registry_core::change::Effect;
use registry_core::query;
use registry_store::StoreView;
use tokio::sync::{broadcast, watch};

use super::marks::Marks;
use crate::home::Home;

/// Effects a slow subscriber may be behind; beyond it the oldest are lost to it, and a scan of the state finds them.
const EFFECTS_KEPT: usize = 4096;

struct Moment {
    view: StoreView,
    revision: Revision,
}

pub(crate) struct Published {
    moment: ArcSwap<Moment>,
    revision: watch::Sender<Revision>,
    effects: broadcast::Sender<Effect>,
    marks: Marks,
}

impl Published {
    pub(crate) fn new(home: &Home) -> io::Result<Self> {
        let view = home.store.view();
        let revision = query::revision(&view).map_err(io::Error::other)?;
        let marks = Marks::default();
        marks.restart(&view)?;
        Ok(Self {
            marks,
            moment: ArcSwap::from_pointee(Moment { view, revision }),
            revision: watch::Sender::new(revision),
            effects: broadcast::Sender::new(EFFECTS_KEPT),
        })
    }

    pub(crate) fn publish(&self, view: StoreView, revision: Revision) {
        self.moment.store(std::sync::Arc::new(Moment { view, revision }));
        self.revision.send_replace(revision);
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

    pub(crate) fn revisions(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    pub(crate) fn effects(&self) -> broadcast::Receiver<Effect> {
        self.effects.subscribe()
    }
}
