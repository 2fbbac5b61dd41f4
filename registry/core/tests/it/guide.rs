//! Makes random logs meet the state: commands that leave their choice open get one that is possible.

use proto_types::{LeaseEpoch, NodeId, Stamp};
use registry_core::command::{AckEnvelope, Command, FleetCommand, Proposal, SubmitTask};
use registry_core::entry::{EnvelopeEntry, NodeState, TaskEntry, TaskState};
use registry_core::table::{ENVELOPES, NODES, TASKS};
use registry_core::view::Memory;
use registry_core::{apply_batch, query};

use crate::commands::Entry;

/// An epoch left open: that of something held now.
pub(crate) const OPEN: LeaseEpoch = LeaseEpoch(u64::MAX);

/// Fills what is left open, entry by entry, from the state as the log has made it so far.
pub(crate) fn guided(log: Vec<Entry>) -> Vec<Entry> {
    let mut memory = Memory::default();
    let mut fill = |(stamp, proposals): Entry| {
        let now = stamp.now.max(query::clock(&memory).unwrap());
        let choose = |mut command| {
            choose(&memory, Stamp { now }, &mut command);
            command
        };
        let proposals = proposals.into_iter();
        let proposals: Vec<_> = proposals
            .map(|it| Proposal { commands: it.commands.into_iter().map(choose).collect() })
            .collect();
        let change = apply_batch(&memory, stamp, &proposals).unwrap();
        memory.commit(&change.writes);
        (stamp, proposals)
    };
    log.into_iter().map(&mut fill).collect()
}

fn choose(memory: &Memory, stamp: Stamp, command: &mut Command) {
    match command {
        Command::AssignTask(assign) if assign.node.as_str() == "open" => {
            let pending = query::pending_tasks(memory, 9).unwrap();
            let due = pending.into_iter().find(|task| task.deadline > stamp.now);
            if let (Some(task), Some(node)) = (due, with_room(memory)) {
                (assign.id, assign.node) = (task.id, node);
            }
        }
        Command::SubmitTask(SubmitTask { node: Some(node), .. }) if node.as_str() == "open" => {
            if let Some(free) = with_room(memory) {
                *node = free;
            }
        }
        Command::ReleaseTask(release) if release.epoch == OPEN => {
            if let Some((task, _)) = assigned(memory) {
                (release.id, release.epoch) = (task.id, task.epoch);
            }
        }
        Command::CompleteTask(complete) if complete.epoch == OPEN => {
            if let Some((task, holder)) = assigned(memory) {
                (complete.id, complete.node, complete.epoch) = (task.id, holder, task.epoch);
            }
        }
        Command::AckEnvelope(ack) if ack.epoch == OPEN => {
            if let Some(held) = held(memory) {
                let (target, source, id, epoch) = (held.target, held.source, held.id, held.epoch);
                *ack = AckEnvelope { target, source, id, epoch };
            }
        }
        Command::Fleet(FleetCommand::FailEnvelope(fail)) if fail.epoch == OPEN => {
            if let Some(held) = held(memory) {
                (fail.target, fail.source) = (held.target, held.source);
                (fail.id, fail.epoch) = (held.id, held.epoch);
            }
        }
        Command::Fleet(FleetCommand::ReplayEnvelope(replay)) => {
            if let Some(dead) = query::dead_letters(memory, None, None, 1).unwrap().pop() {
                (replay.source, replay.id) = (dead.source, dead.id);
            }
        }
        _ => {}
    }
}

/// An envelope that was leased, and waits.
fn held(memory: &Memory) -> Option<EnvelopeEntry> {
    let known = ENVELOPES.list(memory, None, 99).unwrap();
    let waits = |it: &EnvelopeEntry| it.acked.is_none() && it.dead.is_none();
    known.into_iter().find(|it| it.deliveries > 0 && waits(it))
}

/// A joined node that has a slot left.
fn with_room(memory: &Memory) -> Option<NodeId> {
    let nodes = NODES.list(memory, None, 9).unwrap();
    let free = nodes.into_iter().find(|node| {
        let held = query::tasks_of_node(memory, &node.id, 9).unwrap().len();
        node.state == NodeState::Joined && held < node.capacity.slots.get() as usize
    });
    free.map(|node| node.id)
}

fn assigned(memory: &Memory) -> Option<(TaskEntry, NodeId)> {
    let tasks = TASKS.list(memory, None, 99).unwrap();
    tasks.into_iter().find_map(|task| match task.state.clone() {
        TaskState::Assigned { node } => Some((task, node)),
        _ => None,
    })
}
