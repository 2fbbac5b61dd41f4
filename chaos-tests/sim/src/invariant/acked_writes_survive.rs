//! An acknowledged write is in the end where its answer said, and what it wrote stands or was
//! replaced by something newer.
//!
//! Caught: `Breakage::{LyingSync, QuorumOfOne, EarlyAnswer}`.

use std::collections::BTreeMap;

use proto_types::{Revision, WallMs};
use registry_core::change::Reply;
use registry_core::command::{Command, PeerCommand};
use registry_core::entry::ChangeEvent;
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
        for operation in end.history {
            for (command, reply) in operation.accepted() {
                stands(memory, &events, command, reply)
                    .map_err(|why| format!("{why}: {command:?} was answered {reply:?}"))?;
            }
        }
        Ok(())
    }
}

fn stands(
    memory: &Memory,
    events: &BTreeMap<Revision, ChangeEvent>,
    command: &Command,
    reply: &Reply,
) -> Verdict {
    match (command, reply) {
        (Command::PutBody { bytes }, Reply::Stored(digest)) => {
            let kept = query::body(memory, digest).expect("memory never fails");
            holds(kept.as_ref() == Some(bytes), "the body is gone")
        }
        (Command::PutRecord { handle, updated_at, .. }, Reply::Done(revision)) => {
            told(events, *revision, handle.as_str())?;
            record(memory, handle, *revision, *updated_at)
        }
        (Command::DeleteRecord { handle, .. }, Reply::Done(revision)) => {
            told(events, *revision, handle.as_str())?;
            record(memory, handle, *revision, WallMs(0))
        }
        (Command::Peer(PeerCommand::State { issuer, seq, .. }), Reply::Done(_)) => {
            let peer = query::peer(memory, issuer).expect("memory never fails");
            let kept = peer.and_then(|peer| peer.manifest).map(|manifest| manifest.seq);
            holds(kept >= Some(*seq), "the manifest is gone")
        }
        (_, Reply::Task(task)) => {
            let kept = query::task(memory, &task.id).expect("memory never fails");
            let newer =
                kept.is_some_and(|kept| kept.revision >= task.revision && kept.epoch >= task.epoch);
            holds(newer, "the task went back")
        }
        (_, Reply::Enqueued { revision, .. }) => {
            holds(events.contains_key(revision), "the envelope was never accepted")
        }
        _ => Ok(()),
    }
}

fn record(
    memory: &Memory,
    handle: &proto_types::Handle,
    revision: Revision,
    updated_at: WallMs,
) -> Verdict {
    let kept = query::record(memory, handle).expect("memory never fails");
    let newer = kept.is_some_and(|kept| kept.revision >= revision && kept.updated_at >= updated_at);
    holds(newer, "the record went back")
}

fn told(events: &BTreeMap<Revision, ChangeEvent>, revision: Revision, id: &str) -> Verdict {
    let event = events.get(&revision);
    holds(event.is_some_and(|event| event.id == id), "its revision tells of something else")
}

fn holds(it: bool, otherwise: &str) -> Verdict {
    if it { Ok(()) } else { Err(otherwise.to_owned()) }
}
