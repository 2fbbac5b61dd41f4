//! Where nodes lie, and how they are found by credential.
//! Functions of one node alone; they must never read the state.

use proto_types::Digest;

use crate::credential;
use crate::entity::{Entity, Table};

use super::entry::NodeEntry;

/// Nodes by id.
pub const NODES: Table<NodeEntry> = Table::new(6, "node");

impl Entity for NodeEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        vec![(credential::key(&self.credential), format!("node/{}", self.id).into_bytes())]
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
