//! The decision to admit an instance. Two instances never have one tenant key.

use crate::bound;
use crate::change::Reply;
use crate::draft::{Draft, Outcome};

use super::command::{CreateInstance, InstanceCommand, RemoveInstance};
use super::entry::InstanceEntry;
use super::table::INSTANCES;

/// Each is let in by an operator by hand. Arbitrary.
const INSTANCES_MAX: usize = 4_096;

pub(crate) fn decide(draft: &mut Draft<'_>, command: &InstanceCommand) -> Outcome {
    match command {
        InstanceCommand::Create(command) => create(draft, command),
        InstanceCommand::Remove(command) => remove(draft, command),
    }
}

fn create(draft: &mut Draft<'_>, command: &CreateInstance) -> Outcome {
    let CreateInstance { tenant, origin, token } = command.clone();
    if draft.entry(&INSTANCES, tenant.as_str())?.is_some() {
        return Err(bound::conflict("instance", tenant.as_str()).into());
    }
    if INSTANCES.list(draft.view(), None, INSTANCES_MAX)?.len() >= INSTANCES_MAX {
        return Err(bound::full("instances", INSTANCES_MAX as u64).into());
    }
    let instance = InstanceEntry { tenant, origin, token, created_at: draft.now() };
    draft.replace(&INSTANCES, None, &instance);
    // Who may publish is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

fn remove(draft: &mut Draft<'_>, command: &RemoveInstance) -> Outcome {
    let kept = draft.existing(&INSTANCES, command.tenant.as_str())?;
    draft.remove(&INSTANCES, &kept);
    Ok(Reply::Done(draft.revision()))
}
