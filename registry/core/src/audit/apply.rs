//! The decision to add a line to the audit: its number, and its link to the line before. A line that was not exported,
//! and the head, are never dropped. Every 16 lines the head becomes a leaf of the transparency log.

use proto_types::audit::{AuditLine, plain};

use crate::bound;
use crate::change::Reply;
use crate::codec::encode;
use crate::draft::{Draft, Outcome};
use crate::leaf::Leaf;
use crate::view::{Space, Write};

use super::command::{Audit, TruncateAudit};
use super::rows::{AuditHead, audit_head_key, audit_key};

/// Lines from one anchor in the transparency log to the next: an anchor is 41 bytes for ever, and a
/// checkpoint names the newest line anyway. Arbitrary.
const ANCHOR_EVERY: u64 = 16;

pub(crate) fn note(draft: &mut Draft<'_>, command: &Audit) -> Outcome {
    let mut head = AuditHead::read(draft.view())?;
    let line = AuditLine {
        action: plain(&command.action),
        at_ms: draft.now().0,
        outcome: plain(&command.outcome),
        prev: head.digest,
        request_id: plain(&command.request_id),
        seq: head.lines + 1,
        target: plain(&command.target),
        who: plain(&command.who),
    };
    (head.lines, head.digest) = (line.seq, line.digest());
    if head.lines >= head.anchored + ANCHOR_EVERY {
        head.anchored = head.lines;
        draft.log(Leaf::Audit(head.lines, head.digest));
    }
    let (space, key) = (Space::State, audit_key(line.seq));
    draft.write(Write::Put { space, key, value: encode(&line) });
    keep(draft, head);
    Ok(Reply::Done(draft.revision()))
}

/// Forgets lines that were exported. The last one always stays: the next is bound to it.
pub(crate) fn truncate(draft: &mut Draft<'_>, command: &TruncateAudit) -> Outcome {
    let through = command.through;
    let mut head = AuditHead::read(draft.view())?;
    if through >= head.lines {
        return Err(bound::invalid("through", "would leave no line").into());
    }
    if through >= head.first {
        let (from, to) = (audit_key(head.first), audit_key(through + 1));
        draft.write(Write::DeleteRange { space: Space::State, from, to });
        head.first = through + 1;
        keep(draft, head);
    }
    Ok(Reply::Done(draft.revision()))
}

fn keep(draft: &mut Draft<'_>, head: AuditHead) {
    let (space, key) = (Space::State, audit_head_key());
    draft.write(Write::Put { space, key, value: head.to_bytes() });
}
