//! What was published here is never replaced by another registry's entry, and what another home gave never goes back to
//! an older version of it.
//!
//! A partner that was left is forgotten with all that it gave, so what it gives thereafter is not compared.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{Handle, Namespace, Revision};
use registry_core::change::Reply;
use registry_core::command::{Command, FederationCommand, Import};

use crate::history::Operation;
use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct HomesKeepWhatIsTheirs;

impl Invariant for HomesKeepWhatIsTheirs {
    fn name(&self) -> &'static str {
        "homes keep what is theirs"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let (ours, left) = (ours(end.history), left(end.history));
        let mut told: BTreeMap<(&Handle, &Namespace), u64> = BTreeMap::new();
        for (taken, import) in taken(end.history) {
            let handle = &import.handle;
            if ours.get(handle).is_some_and(|published| *published < taken) {
                return Err(format!("{handle} was ours, and was taken at {taken}"));
            }
            let newest = told.entry((handle, &import.partner)).or_default();
            if import.home_revision < *newest && !left.contains(&import.partner) {
                return Err(format!("{handle} went back to an older version at {taken}"));
            }
            *newest = import.home_revision;
        }
        Ok(())
    }
}

/// What was taken over, in order, as far as clients know. A withdrawal of what was never here leaves nothing, so none
/// is counted.
fn taken(history: &[Operation]) -> BTreeMap<Revision, &Import> {
    let accepted = history.iter().flat_map(Operation::accepted);
    let taken = accepted.filter_map(|(command, reply)| match (command, reply) {
        (Command::Federation(FederationCommand::Import(import)), Reply::Done(at)) => {
            Some((*at, &**import))
        }
        _ => None,
    });
    let taken = taken.filter(|(_, import)| import.entry.is_some());
    taken.collect()
}

/// When a handle was first published here, as far as clients know.
fn ours(history: &[Operation]) -> BTreeMap<&Handle, Revision> {
    let mut ours = BTreeMap::new();
    for (command, reply) in history.iter().flat_map(Operation::accepted) {
        if let (Command::PutRecord(put), Reply::Done(revision)) = (command, reply) {
            let first = ours.entry(&put.handle).or_insert(*revision);
            *first = (*revision).min(*first);
        }
    }
    ours
}

/// Partners that somebody asked to leave.
fn left(history: &[Operation]) -> BTreeSet<&Namespace> {
    let left = history.iter().flat_map(Operation::commands).filter_map(|command| match command {
        Command::Federation(FederationCommand::RemovePartner(remove)) => Some(&remove.name),
        _ => None,
    });
    left.collect()
}
