//! The hash-linked log of a peer: how a line is linked, and how far a recovery may go back. A line never changes and is
//! never dropped; a later one may mark it void.

use proto_types::peer::{Act, Actor, LogEntry, RECOVERY_MS};
use proto_types::{Digest, Origin, Revision};

use crate::bound;
use crate::change::Refusal;
use crate::draft::{Draft, Step};
use crate::history::entry::ChangeKind;

use super::entry::{LogHead, PeerEntry, PeerLogEntry, Recent};
use super::table::{PEER_LOG, PEERS};
use super::{key_owner, query};

/// Lines that signing keys make within a window of 72 h: what a recovery may have to void. An owner
/// rotates and delegates a few times a day at most.
const SIGNED_MAX: u32 = 64;

/// A line to be written.
pub(crate) struct Line {
    pub(crate) actor: Actor,
    pub(crate) act: Act,
    pub(crate) body: Option<Digest>,
    pub(crate) barrier: bool,
}

/// Keeps a peer that an act has changed, with the line that tells of it.
pub(crate) fn keep(
    draft: &mut Draft<'_>,
    kept: Option<&PeerEntry>,
    mut peer: PeerEntry,
    line: Line,
) -> Step<Revision> {
    let signed = line.act.is_signed() && !line.barrier;
    if signed {
        peer.recent = counted(draft, peer.recent)?;
    }
    key_owner::claim(draft, kept, &peer)?;
    let Line { actor, act, body, barrier } = line;
    let index = peer.log.map_or(1, |head| head.index + 1);
    let prev = peer.log.map(|head| head.digest);
    let entry = LogEntry { origin: peer.origin.clone(), index, prev, at: draft.now(), actor, act };
    peer.log = Some(LogHead { index, digest: entry.digest() });
    if let Some(domain) = peer.domain.as_mut().filter(|_| signed || barrier) {
        // Other keys may count now than those that the host has vouched for.
        domain.ask_at = draft.now();
    }
    peer.revision = draft.note(ChangeKind::Peer, peer.origin.as_str(), false);
    let left = peer.state();
    draft.replace(&PEER_LOG, None, &PeerLogEntry { entry, body, left, voided_by: None, barrier });
    draft.replace(&PEERS, kept, &peer);
    Ok(peer.revision)
}

/// One more line by a signing key.
fn counted(draft: &Draft<'_>, recent: Recent) -> Result<Recent, Refusal> {
    let over = draft.now().since(recent.since) > RECOVERY_MS;
    let window = if over { Recent { since: draft.now(), count: 0 } } else { recent };
    if window.count >= SIGNED_MAX {
        return Err(bound::full("operations of 72 hours", u64::from(SIGNED_MAX)));
    }
    Ok(Recent { count: window.count + 1, ..window })
}

/// The line that a recovery goes back to, and those that it voids.
pub(crate) struct Fork {
    pub(crate) line: PeerLogEntry,
    pub(crate) voided: Vec<PeerLogEntry>,
}

/// Finds the line of this digest, and refuses one that nobody may go back to.
pub(crate) fn fork(draft: &Draft<'_>, peer: &PeerEntry, after: &Digest) -> Step<Fork> {
    let absent = || Refusal::NotFound { kind: "log entry".to_owned(), id: after.to_string() };
    let found = query::peer_log_from(draft.view(), peer, after)?;
    let (line, later) = found.ok_or_else(absent)?;
    if line.voided_by.is_some() || later.iter().any(|line| line.barrier) {
        let why = "names an entry before an enrolment or a recovery, or one that is void";
        return Err(bound::invalid("after", why).into());
    }
    let signed = later.into_iter().filter(|line| line.entry.act.is_signed());
    let voided: Vec<_> = signed.collect();
    check_time(draft, &peer.origin, &voided)?;
    Ok(Fork { line, voided })
}

fn check_time(draft: &Draft<'_>, origin: &Origin, voided: &[PeerLogEntry]) -> Result<(), Refusal> {
    match voided.first().map(|line| line.entry.at) {
        Some(taken) if draft.now().since(taken) > RECOVERY_MS => {
            Err(Refusal::RecoveryTooLate { origin: origin.clone(), taken_ms: taken.0 })
        }
        _ => Ok(()),
    }
}

/// Says of each line that line `by` has voided it.
pub(crate) fn void(draft: &mut Draft<'_>, lines: &[PeerLogEntry], by: u64) {
    for line in lines {
        let voided = PeerLogEntry { voided_by: Some(by), ..line.clone() };
        draft.replace(&PEER_LOG, Some(line), &voided);
    }
}
