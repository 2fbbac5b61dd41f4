//! The table of nodes, and the key that finds one by its credential. A key depends on its node alone.

use crate::credential;
use crate::entity::{Entity, Table};
use crate::index::Keys;

use super::entry::NodeEntry;

/// Nodes by id.
pub const NODES: Table<NodeEntry> = Table::new(6, "node");

impl Entity for NodeEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Keys {
        vec![(credential::key(&self.credential), format!("node/{}", self.id).into_bytes())]
    }
}
