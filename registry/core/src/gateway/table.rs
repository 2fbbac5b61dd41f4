//! The table of gateways, and the key that finds one by its credential. A key depends on its gateway alone.

use crate::credential;
use crate::entity::{Entity, Table};
use crate::index::Keys;

use super::entry::GatewayEntry;

/// Gateways by id.
pub const GATEWAYS: Table<GatewayEntry> = Table::new(5, "gateway");

impl Entity for GatewayEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Keys {
        vec![(credential::key(&self.credential), format!("gateway/{}", self.id).into_bytes())]
    }
}
