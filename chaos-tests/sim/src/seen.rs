//! What invariants are shown.
//!
//! Data only: facts that a god of this world sees and no member or client does.

use proto_types::{Digest, WallMs};

use crate::history::Operation;
use crate::log::Position;
use crate::machine::Machine;
use crate::time::Us;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// A member began to lead.
    Elected { member: usize, term: u64 },
    /// A member applied an entry; its clock, chain and transparency log (size and root) thereafter.
    Applied { member: usize, applied: Position, chain: Digest, clock: WallMs, log: (u64, Digest) },
    /// A member took over a snapshot.
    Installed { member: usize, machine: Machine },
    /// A member came back with what its disk held.
    Restarted { member: usize, machine: Machine },
    /// A leader stamped an entry.
    Stamped { at: Us, time: WallMs },
    /// A member's clock was set so far from the true time.
    ClockSet { member: usize, off_ms: i64 },
}

/// The world when all has calmed down.
#[derive(Debug)]
pub(crate) struct End<'w> {
    pub(crate) machines: Vec<&'w Machine>,
    pub(crate) history: &'w [Operation],
}

impl End<'_> {
    /// What all members agree on; that they do is an invariant of its own.
    pub(crate) fn machine(&self) -> &Machine {
        self.machines[0]
    }
}
