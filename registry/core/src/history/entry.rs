//! A line of the total order, as it is stored and as watchers see it. It holds digests of bodies, never the bodies.

use proto_types::{GatewayId, Revision, WallMs};
use serde::{Deserialize, Serialize};

use crate::visibility::Scope;

pub use proto_types::ChangeKind;

/// One line of the total order; what watchers see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// Its place.
    pub revision: Revision,
    /// The state machine's time.
    pub at: WallMs,
    /// Which kind of thing.
    pub kind: ChangeKind,
    /// Which one.
    pub id: String,
    /// True if it is gone.
    pub deleted: bool,
    /// Who could see it before; `None` if it did not exist, and for what has no scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Scope>,
    /// Who can see it since; `None` if it is gone, and for what has no scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Scope>,
    /// Of a task, which gateway waits for it; `None` of all else, of the operator's tasks, and in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayId>,
}
