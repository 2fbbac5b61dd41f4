//! How each entity is named, found and tied to bodies.
//! Functions of one entity alone; they must never read the state.

use std::collections::BTreeSet;

use proto_types::Digest;
use proto_types::tlog::Fact;

use super::{Entity, envelope_key};
use crate::entry::{
    AgentEntry, CardEntry, EnvelopeEntry, JoinTokenEntry, MemberEntry, NamespaceEntry, RecordEntry,
    Source, TaskEntry, TaskState,
};
use crate::{index, ledger};

impl Entity for RecordEntry {
    const SEARCHED: Option<Source> = Some(Source::Record);

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_record(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.digest.into_iter().collect()
    }

    fn fact(&self) -> Option<Fact> {
        Some(ledger::of_record(self))
    }
}

impl Entity for CardEntry {
    const SEARCHED: Option<Source> = Some(Source::Card);

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_card(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.digest]
    }

    fn fact(&self) -> Option<Fact> {
        Some(ledger::of_card(self))
    }
}

impl Entity for AgentEntry {
    const SEARCHED: Option<Source> = Some(Source::Agent);

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_agent(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.card]
    }

    fn fact(&self) -> Option<Fact> {
        Some(ledger::of_agent(self))
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
        let ended = match &self.state {
            TaskState::Ended { outcome, .. } => *outcome,
            _ => None,
        };
        let said = self.turns.iter().flat_map(|turn| [Some(turn.input), turn.outcome]);
        let named: BTreeSet<_> = said.chain([Some(self.input), ended]).flatten().collect();
        named.into_iter().collect()
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

    fn fact(&self) -> Option<Fact> {
        Some(ledger::of_namespace(self))
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
