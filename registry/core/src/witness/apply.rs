//! The decision which head of another log was signed last. The proof must start from the head before, so that two
//! histories of one cluster epoch are never both signed.

use proto_types::tlog::empty_root;

use crate::bound::{self, NAME_BYTES_MAX};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::layout;
use crate::view::{Space, Write};

use super::command::{Witness, WitnessEpoch};
use super::rows::{Head, read, witnessed_key};

/// Logs that one cluster is a witness of; each is a line of its configuration. Arbitrary.
const LOGS_MAX: usize = 1_024;

pub(crate) fn follow(draft: &mut Draft<'_>, command: &Witness) -> Outcome {
    let Witness { origin, from, to, epoch: of } = command;
    bound::text("origin", origin, NAME_BYTES_MAX)?;
    let kept = read(draft.view(), origin)?;
    let first = (0, empty_root());
    let (head, epoch) = kept.unwrap_or((first, 0));
    // Each epoch begins with the same empty tree, so the head alone does not tell which history is meant.
    if head != *from || of.is_some_and(|of| of != epoch) {
        let stored = kept.map(|((_, root), _)| root);
        return Err(Refusal::PreconditionFailed { stored }.into());
    }
    if to.0 < from.0 || (to.0 == from.0 && to.1 != from.1) {
        return Err(bound::invalid("size", "does not continue the tree before").into());
    }
    check_room(draft, kept.is_some())?;
    keep(draft, origin, *to, epoch)
}

/// Another history begins, with the empty tree; epochs only rise, so that it happens once for each.
pub(crate) fn begin(draft: &mut Draft<'_>, command: &WitnessEpoch) -> Outcome {
    let (origin, epoch) = (&command.origin, command.epoch);
    bound::text("origin", origin, NAME_BYTES_MAX)?;
    let kept = read(draft.view(), origin)?;
    if epoch <= kept.map_or(0, |(_, epoch)| epoch) {
        return Err(bound::invalid("epoch", "does not rise").into());
    }
    check_room(draft, kept.is_some())?;
    keep(draft, origin, (0, empty_root()), epoch)
}

fn check_room(draft: &Draft<'_>, is_known: bool) -> Step<()> {
    if !is_known {
        let from = witnessed_key("");
        let known = draft.view().range(Space::State, &from, &layout::past(&from), LOGS_MAX)?;
        bound::number("witnessed logs", known.len() as u64, (0, LOGS_MAX as u64 - 1))?;
    }
    Ok(())
}

fn keep(draft: &mut Draft<'_>, origin: &str, (size, root): Head, epoch: u64) -> Outcome {
    let mut value = [&size.to_be_bytes()[..], root.as_bytes()].concat();
    // The first epoch is not written, as an earlier version did not.
    if epoch > 0 {
        value.extend_from_slice(&epoch.to_be_bytes());
    }
    draft.write(Write::Put { space: Space::State, key: witnessed_key(origin), value });
    Ok(Reply::Done(draft.revision()))
}
