//! The state machine of one member: the core under test over an in-memory view. It must never see an entry out of order.

use proto_types::{Digest, Stamp};
use registry_core::change::Write;
use registry_core::view::Memory;
use registry_core::{BatchChange, apply_batch};

use crate::log::{Entry, Position};
use crate::time::START;
use crate::workload::initial_state;

/// A state, where it stands in the log, and the digest of all that was written on the way.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) applied: Position,
    pub(crate) memory: Memory,
    pub(crate) chain: Digest,
}

impl Machine {
    /// What there is before clients begin; every member begins with it.
    pub(crate) fn new() -> Self {
        let (stamp, proposals) = (Stamp { now: START }, initial_state());
        let mut memory = Memory::default();
        let change = apply_batch(&memory, stamp, &proposals).expect("memory never fails");
        memory.commit(&change.writes);
        Self { applied: Position::default(), memory, chain: Digest([0; 32]) }
    }

    /// Applies the entry that comes next.
    pub(crate) fn apply(&mut self, entry: &Entry) -> BatchChange {
        let change = apply_batch(&self.memory, entry.stamp, &entry.proposals)
            .expect("memory never fails, and holds what the core wrote");
        self.memory.commit(&change.writes);
        self.chain = chained(self.chain, &change.writes);
        self.applied = Position { term: entry.term, index: self.applied.index + 1 };
        change
    }
}

fn chained(before: Digest, writes: &[Write]) -> Digest {
    let mut bytes = before.as_bytes().to_vec();
    for write in writes {
        let (kind, space, parts) = match write {
            Write::Put { space, key, value } => (b'p', space, [key.as_slice(), value]),
            Write::Delete { space, key } => (b'd', space, [key.as_slice(), &[]]),
            Write::DeleteRange { space, from, to } => (b'r', space, [from.as_slice(), to]),
        };
        bytes.extend([kind, *space as u8]);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    Digest::of(&bytes)
}
