//! How each entity is named, found and tied to bodies.
//! Functions of one entity alone; they must never read the state.

use proto_types::Digest;

use super::{Entity, envelope_key};
use crate::entry::{
    AgentEntry, CardEntry, EnvelopeEntry, GatewayEntry, JoinTokenEntry, MemberEntry,
    NamespaceEntry, NodeEntry, PeerEntry, RecordEntry, TaskEntry, TaskState,
};
use crate::index;

impl Entity for PeerEntry {
    fn key(&self) -> String {
        self.origin.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_peer(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.manifest.iter().map(|manifest| manifest.digest).collect()
    }
}

impl Entity for RecordEntry {
    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_record(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.digest.into_iter().collect()
    }
}

impl Entity for CardEntry {
    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_card(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.digest]
    }
}

impl Entity for AgentEntry {
    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_agent(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.card]
    }
}

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

impl Entity for TaskEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_task(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        match &self.state {
            TaskState::Ended { outcome: Some(outcome), .. } => vec![self.input, *outcome],
            _ => vec![self.input],
        }
    }
}

impl Entity for EnvelopeEntry {
    fn key(&self) -> String {
        envelope_key(&self.source, &self.id)
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_envelope(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.body]
    }
}

impl Entity for NamespaceEntry {
    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_namespace(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for JoinTokenEntry {
    fn key(&self) -> String {
        self.hash.hex()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_join_token(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for MemberEntry {
    fn key(&self) -> String {
        // In the order of numbers.
        format!("{:020}", self.id)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
