//! Instances that publish with a token of their own.
//! Decides which tenant keys are taken; must never give one to two.

use proto_types::TenantKey;

use crate::change::Reply;
use crate::command::InstanceCommand;
use crate::entry::InstanceEntry;
use crate::table::INSTANCES;

use super::bound;
use super::draft::{Draft, Outcome};

/// Each is let in by an operator by hand. Arbitrary.
const INSTANCES_MAX: usize = 4_096;

pub(super) fn decide(draft: &mut Draft<'_>, command: &InstanceCommand) -> Outcome {
    match command {
        InstanceCommand::Create { tenant, origin, token } => {
            let (tenant, origin, created_at) = (tenant.clone(), origin.clone(), draft.now());
            create(draft, &InstanceEntry { tenant, origin, token: *token, created_at })
        }
        InstanceCommand::Remove { tenant } => remove(draft, tenant),
    }
}

fn create(draft: &mut Draft<'_>, instance: &InstanceEntry) -> Outcome {
    let tenant = instance.tenant.as_str();
    if draft.entry(&INSTANCES, tenant)?.is_some() {
        return Err(bound::conflict("instance", tenant).into());
    }
    if INSTANCES.list(draft.view(), None, INSTANCES_MAX)?.len() >= INSTANCES_MAX {
        return Err(bound::full("instances", INSTANCES_MAX as u64).into());
    }
    draft.replace(&INSTANCES, None, instance);
    // Who may publish is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

fn remove(draft: &mut Draft<'_>, tenant: &TenantKey) -> Outcome {
    let kept = draft.existing(&INSTANCES, tenant.as_str())?;
    draft.remove(&INSTANCES, &kept);
    Ok(Reply::Done(draft.revision()))
}
