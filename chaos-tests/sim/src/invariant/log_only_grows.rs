//! The transparency log only grows: every head that a member ever had is that of a beginning of the log in the end.
//!
//! The tree is hashed anew here, after RFC 6962, section 2.1, so that the core's own frontier is judged and not asked.

use std::collections::BTreeMap;

use proto_types::Digest;
use registry_core::query;

use crate::seen::{End, Seen};

use super::{Invariant, Verdict};

/// Heads that were seen: size and root, and after which entry.
#[derive(Debug, Default)]
pub(super) struct LogOnlyGrows(BTreeMap<u64, (Digest, u64)>);

impl Invariant for LogOnlyGrows {
    fn name(&self) -> &'static str {
        "the log only grows"
    }

    fn observe(&mut self, seen: &Seen) -> Verdict {
        let Seen::Applied { applied, log: (size, root), .. } = seen else { return Ok(()) };
        let (known, at) = *self.0.entry(*size).or_insert((*root, applied.index));
        match known == *root {
            true => Ok(()),
            false => Err(format!("{size} leaves have two roots, at {at} and {}", applied.index)),
        }
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let memory = &end.machine().memory;
        let head = query::log_head(memory).expect("memory never fails");
        let (size, _) = head.expect("the log is open from the start");
        let count = usize::try_from(size).expect("a short world");
        let entries = query::log_entries(memory, 0, count);
        let entries = entries.map_err(|why| format!("{count} leaves: {why}"))?;
        let leaves: Vec<_> = entries.iter().map(|entry| hash(&[&[0], entry])).collect();
        for (size, (root, at)) in &self.0 {
            let size = usize::try_from(*size).expect("a short world");
            match leaves.get(..size).map(tree) {
                Some(found) if found == *root => {}
                _ => return Err(format!("the head at {at}, of {size} leaves, is of another log")),
            }
        }
        Ok(())
    }
}

fn hash(parts: &[&[u8]]) -> Digest {
    Digest::of(&parts.concat())
}

/// MTH of RFC 6962.
fn tree(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => hash(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash(&[&[1], tree(left).as_bytes(), tree(right).as_bytes()])
        }
    }
}
