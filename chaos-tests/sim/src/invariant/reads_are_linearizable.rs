//! A strong read sees every write that was acknowledged before it began, nothing that an earlier
//! read had not reached, and only what somebody wrote.
//!
//! A handle that another registry's entry may have been under is left out: when its partner is left, the entry goes
//! without a trace. Revisions order all writes, so that comparing them is a full check for one register (Herlihy and
//! Wing 1990). Caught: `Breakage::UnconfirmedReads`.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{Digest, Handle, Revision};
use registry_core::change::Reply;
use registry_core::command::{Command, FederationCommand};

use crate::history::{Operation, Outcome, Request};
use crate::seen::End;
use crate::time::Us;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct ReadsAreLinearizable;

/// When it was known that a handle had reached a revision.
type Known = BTreeMap<Handle, Vec<(Us, Revision)>>;

impl Invariant for ReadsAreLinearizable {
    fn name(&self) -> &'static str {
        "strong reads are linearizable"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let (mut known, written) = (acknowledged(end.history), written(end.history));
        let foreign = foreign(end.history);
        let reads = end.history.iter().filter_map(read);
        let mut reads: Vec<_> = reads.filter(|read| !foreign.contains(read.2)).collect();
        reads.sort_by_key(|(_, ended, _, _)| *ended);
        for (begun, ended, handle, (revision, digest)) in reads {
            if digest.is_some_and(|digest| !written.contains(&digest)) {
                return Err(format!("a read of {handle} saw what nobody wrote"));
            }
            let before = known.entry(handle.clone()).or_default();
            let floor = before.iter().filter(|(at, _)| *at <= begun).map(|(_, floor)| *floor);
            if floor.max().is_some_and(|floor| revision < floor) {
                return Err(format!("a read of {handle} begun at {begun} us saw {revision:?}"));
            }
            before.push((ended, revision));
        }
        Ok(())
    }
}

type Read<'h> = (Us, Us, &'h Handle, (Revision, Option<Digest>));

fn read(operation: &Operation) -> Option<Read<'_>> {
    let (Request::Read(handle), Some((ended, Outcome::Read(record)))) =
        (&operation.request, &operation.ended)
    else {
        return None;
    };
    let seen =
        record.as_ref().map_or((Revision(0), None), |record| (record.revision, record.digest));
    Some((operation.begun, *ended, handle, seen))
}

fn acknowledged(history: &[Operation]) -> Known {
    let mut known = Known::new();
    for operation in history {
        let Some((ended, _)) = operation.ended else { continue };
        for accepted in operation.accepted() {
            let (handle, revision) = match accepted {
                (Command::PutRecord(put), Reply::Done(revision)) => (&put.handle, revision),
                (Command::DeleteRecord(delete), Reply::Done(revision)) => {
                    (&delete.handle, revision)
                }
                _ => continue,
            };
            known.entry(handle.clone()).or_default().push((ended, *revision));
        }
    }
    known
}

fn written(history: &[Operation]) -> BTreeSet<Digest> {
    let digests =
        history.iter().flat_map(Operation::commands).filter_map(|command| match command {
            Command::PutRecord(put) => Some(put.digest),
            _ => None,
        });
    digests.collect()
}

fn foreign(history: &[Operation]) -> BTreeSet<&Handle> {
    let handles =
        history.iter().flat_map(Operation::commands).filter_map(|command| match command {
            Command::Federation(FederationCommand::Import(import)) => Some(&import.handle),
            _ => None,
        });
    handles.collect()
}
