//! A gateway's report of the peers that it has met. It tells only what this gateway has seen itself.

use proto_types::{GatewayId, Origin};
use serde::{Deserialize, Serialize};

use super::entry::Window;

/// What a gateway has seen in one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// Who reports; must be registered.
    pub reporter: GatewayId,
    /// Which window; it has ended, an hour ago at most. A reporter's windows rise.
    pub window: Window,
    /// 1 to 1,000, each peer once.
    pub tallies: Vec<Tally>,
}

/// What was seen of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Of whom.
    pub peer: Origin,
    /// Events of good conduct.
    pub good: u32,
    /// Events of bad conduct; not both are 0.
    pub bad: u32,
}
