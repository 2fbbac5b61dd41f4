//! How gateways, nodes and instances are kept.
//! It decides nothing beyond their keys.

use proto_types::Digest;

use super::Entity;
use crate::entry::{GatewayEntry, InstanceEntry, NodeEntry};
use crate::index;

impl Entity for GatewayEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_gateway(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for NodeEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_node(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for InstanceEntry {
    fn key(&self) -> String {
        self.tenant.as_str().to_owned()
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
