//! A task ends once and as it was told; an epoch is handed out once.
//!
//! Caught: `Breakage::{LyingSync, EarlyAnswer}`.

use std::collections::BTreeMap;

use proto_types::{LeaseEpoch, TaskId};
use registry_core::change::Reply;
use registry_core::command::Command;
use registry_core::entry::{TaskEntry, TaskState};
use registry_core::query;

use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct TasksEndOnce;

impl Invariant for TasksEndOnce {
    fn name(&self) -> &'static str {
        "tasks end once"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let memory = &end.machine().memory;
        let mut handed_out = BTreeMap::new();
        for (command, reply) in end.history.iter().flat_map(|operation| operation.accepted()) {
            let Reply::Task(task) = reply else { continue };
            if matches!(command, Command::AssignTask(_)) {
                once(&mut handed_out, task)?;
            }
            let kept = query::task(memory, &task.id).expect("memory never fails");
            if matches!(task.state, TaskState::Ended { .. })
                && kept.map(|kept| kept.state).as_ref() != Some(&task.state)
            {
                return Err(format!("the end of task {} was told otherwise", task.id));
            }
        }
        Ok(())
    }
}

/// Two answers with one epoch have to be about the same assignment.
fn once(handed_out: &mut BTreeMap<(TaskId, LeaseEpoch), TaskEntry>, task: &TaskEntry) -> Verdict {
    let other = handed_out.insert((task.id.clone(), task.epoch), task.clone());
    match other.filter(|other| other.revision != task.revision) {
        Some(_) => Err(format!("epoch {:?} of task {} was handed out twice", task.epoch, task.id)),
        None => Ok(()),
    }
}
