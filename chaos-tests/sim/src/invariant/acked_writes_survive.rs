//! An acknowledged write is in the end where its answer said, and what it wrote stands or was
//! replaced by something newer.
//!
//! Caught: `Breakage::{LyingSync, QuorumOfOne, EarlyAnswer}`.

use std::collections::BTreeMap;

use proto_types::{Handle, Revision, WallMs};
use registry_core::change::Reply;
use registry_core::command::{Command, PeerCommand};
use registry_core::entry::{ChangeEvent, TaskEntry};
use registry_core::query;
use registry_core::view::Memory;

use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct AckedWritesSurvive;

impl Invariant for AckedWritesSurvive {
    fn name(&self) -> &'static str {
        "acknowledged writes survive"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let memory = &end.machine().memory;
        let events = query::changes(memory, Revision(0), usize::MAX).expect("memory never fails");
        let events = events.into_iter().map(|event| (event.revision, event)).collect();
        let kept = Kept { memory, events };
        for operation in end.history {
            for (command, reply) in operation.accepted() {
                kept.stands(command, reply)
                    .map_err(|why| format!("{why}: {command:?} was answered {reply:?}"))?;
            }
        }
        Ok(())
    }
}

/// What the members hold in the end.
struct Kept<'e> {
    memory: &'e Memory,
    events: BTreeMap<Revision, ChangeEvent>,
}

impl Kept<'_> {
    fn stands(&self, command: &Command, reply: &Reply) -> Verdict {
        match (command, reply) {
            (Command::PutBody(put), Reply::Stored(digest)) => {
                let kept = query::body(self.memory, digest).expect("memory never fails");
                holds(kept.as_ref() == Some(&put.bytes), "the body is gone")
            }
            (Command::PutRecord(put), Reply::Done(revision)) => {
                self.record(&put.handle, *revision, put.updated_at)
            }
            (Command::DeleteRecord(delete), Reply::Done(revision)) => {
                self.record(&delete.handle, *revision, WallMs(0))
            }
            (Command::Peer(PeerCommand::State(state)), Reply::Done(_)) => {
                let peer = query::peer(self.memory, &state.issuer).expect("memory never fails");
                let kept = peer.and_then(|peer| peer.manifest).map(|manifest| manifest.seq);
                holds(kept >= Some(state.seq), "the manifest is gone")
            }
            (_, Reply::Task(task)) => self.task(task),
            (_, Reply::Enqueued { revision, .. }) => {
                holds(self.events.contains_key(revision), "the envelope was never accepted")
            }
            _ => Ok(()),
        }
    }

    fn record(&self, handle: &Handle, revision: Revision, updated_at: WallMs) -> Verdict {
        let told = self.events.get(&revision).is_some_and(|event| event.id == handle.as_str());
        holds(told, "its revision tells of something else")?;
        let kept = query::record(self.memory, handle).expect("memory never fails");
        let newer =
            kept.is_some_and(|kept| kept.revision >= revision && kept.updated_at >= updated_at);
        holds(newer, "the record went back")
    }

    fn task(&self, task: &TaskEntry) -> Verdict {
        let kept = query::task(self.memory, &task.id).expect("memory never fails");
        let newer =
            kept.is_some_and(|kept| kept.revision >= task.revision && kept.epoch >= task.epoch);
        holds(newer, "the task went back")
    }
}

fn holds(it: bool, otherwise: &str) -> Verdict {
    if it { Ok(()) } else { Err(otherwise.to_owned()) }
}
