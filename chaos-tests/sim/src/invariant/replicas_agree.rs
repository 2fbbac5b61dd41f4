//! Whoever stands at an index has written the same, however it came there: live, by replay after a
//! crash, or by snapshot (Raft, State Machine Safety; determinism of `apply`).
//!
//! Caught: `Breakage::{LyingSync, QuorumOfOne, AppliedTwice, OwnClock}`.

use std::collections::BTreeMap;

use proto_types::Digest;

use crate::log::Position;
use crate::seen::{End, Seen};

use super::{Invariant, Verdict};

#[derive(Debug, Default)]
pub(super) struct ReplicasAgree(BTreeMap<u64, (Digest, usize)>);

impl ReplicasAgree {
    fn stands(&mut self, member: usize, applied: Position, chain: Digest) -> Verdict {
        let (first, other) = *self.0.entry(applied.index).or_insert((chain, member));
        if first == chain {
            return Ok(());
        }
        let index = applied.index;
        Err(format!("members {other} and {member} have written different things at {index}"))
    }
}

impl Invariant for ReplicasAgree {
    fn name(&self) -> &'static str {
        "replicas agree"
    }

    fn observe(&mut self, seen: &Seen) -> Verdict {
        match seen {
            Seen::Applied { member, applied, chain, .. } => self.stands(*member, *applied, *chain),
            Seen::Installed { member, machine } | Seen::Restarted { member, machine } => {
                match machine.applied.index {
                    0 => Ok(()),
                    _ => self.stands(*member, machine.applied, machine.chain),
                }
            }
            Seen::Elected { .. } | Seen::Stamped { .. } | Seen::ClockSet { .. } => Ok(()),
        }
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let first = end.machine();
        let same = |other: &&&crate::machine::Machine| {
            other.applied == first.applied && other.memory == first.memory
        };
        match end.machines.iter().all(|machine| same(&machine)) {
            true => Ok(()),
            false => Err("the members' states differ after all has calmed down".to_owned()),
        }
    }
}
