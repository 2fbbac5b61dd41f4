//! Where gateways lie, and how they are found by credential.
//! Functions of one gateway alone; they must never read the state.

use proto_types::Digest;

use crate::credential;
use crate::entity::{Entity, Table};

use super::entry::GatewayEntry;

/// Gateways by id.
pub const GATEWAYS: Table<GatewayEntry> = Table::new(5, "gateway");

impl Entity for GatewayEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        vec![(credential::key(&self.credential), format!("gateway/{}", self.id).into_bytes())]
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
