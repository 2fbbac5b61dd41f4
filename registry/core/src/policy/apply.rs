//! The decision whether a policy is kept: within its bounds, alone and together. Whoever lists policies reads all of them,
//! so that no bound may ever be passed.

use proto_types::policy::{POLICIES_BYTES_MAX, POLICIES_MAX, POLICY_BYTES_MAX};

use crate::bound;
use crate::change::Reply;
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;

use super::command::{DeletePolicy, PutPolicy};
use super::entry::PolicyEntry;
use super::query;
use super::table::POLICIES;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutPolicy) -> Outcome {
    let PutPolicy { name, digest } = command.clone();
    let kept = draft.entry(&POLICIES, name.as_str())?;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.digest == digest) {
        return Ok(Reply::Done(kept.revision));
    }
    let bytes = draft.require_body(&digest)?;
    bound::number("bytes of a policy", bytes, (1, POLICY_BYTES_MAX as u64))?;
    let all = query::policies(draft.view())?;
    let others = all.iter().filter(|other| other.name != name);
    let (count, sum) = others.fold((1, bytes), |(n, sum), other| (n + 1, sum + other.bytes));
    bound::number("policies", count, (1, POLICIES_MAX as u64))?;
    bound::number("bytes of all policies", sum, (1, POLICIES_BYTES_MAX as u64))?;
    let revision = draft.note(ChangeKind::Policy, name.as_str(), false);
    draft.replace(&POLICIES, kept.as_ref(), &PolicyEntry { name, digest, bytes, revision });
    Ok(Reply::Done(revision))
}

pub(crate) fn delete(draft: &mut Draft<'_>, command: &DeletePolicy) -> Outcome {
    let kept = draft.existing(&POLICIES, command.name.as_str())?;
    let revision = draft.note(ChangeKind::Policy, kept.name.as_str(), true);
    draft.remove(&POLICIES, &kept);
    Ok(Reply::Done(revision))
}
