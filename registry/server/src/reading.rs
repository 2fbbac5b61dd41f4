//! A state as a call reads it: at which revision, how old it may be, and by what time it is judged. An answer says all
//! three.

use proto_types::{Revision, WallMs};
use registry_raft::StoreView;

/// A state, and how old it may be.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) view: StoreView,
    pub(crate) revision: Revision,
    /// `None` where a majority confirmed it, and where nobody knows.
    pub(crate) age_ms: Option<u64>,
    /// By what time it is judged.
    pub(crate) time: WallMs,
}
