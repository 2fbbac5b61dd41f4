//! The decision whether a manifest follows the one that is kept. A sequence never falls, and a fork never passes.

use proto_types::peer::{Act, Actor};
use proto_types::{Digest, Kid, Origin, WallMs};

use crate::bound;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;

use super::command::StateManifest;
use super::enrol;
use super::entry::{ManifestRef, PeerEntry, PeerStatus};
use super::log::{self, Line};
use super::refusal::refusal;
use super::table::PEERS;

/// A publisher counts by one. Who leaves gaps leaves small ones; a leap to the end of the numbers
/// would lock the owner out (fast-forward, attack case 12).
const JUMP_MAX: u64 = 1_000_000;

pub(crate) fn put(draft: &mut Draft<'_>, command: &StateManifest) -> Outcome {
    enrol::check_keys(&command.keys)?;
    let issuer = &command.issuer;
    let kept = draft.existing(&PEERS, issuer.as_str())?;
    let StateManifest { seq, digest, expires_at, .. } = *command;
    let offered = ManifestRef { seq, digest, expires_at, epoch: kept.epoch };
    if kept.manifest.as_ref() == Some(&offered) && kept.status == PeerStatus::Active {
        return Ok(Reply::Done(kept.revision));
    }
    bound::not_past(expires_at, draft.now())?;
    check_signers(&kept, &command.signed_by, draft.now())?;
    check_succession(issuer, kept.current_manifest(), &offered, command.prev.as_ref())?;
    draft.require_body(&digest)?;
    keep(draft, &kept, offered, command)
}

/// A manifest that changes the keys is a line of the peer's log; others only replace the last.
fn keep(
    draft: &mut Draft<'_>,
    kept: &PeerEntry,
    offered: ManifestRef,
    command: &StateManifest,
) -> Outcome {
    let (keys, recovery_keys) = (command.keys.clone(), command.recovery_keys.clone());
    let state = kept.state().stated(keys, recovery_keys, draft.now());
    let state = state.map_err(|fault| refusal(&kept.origin, fault))?;
    let (moved, seq) = (state != kept.state(), offered.seq);
    let mut renewed = PeerEntry { manifest: Some(offered), ..kept.clone() }.in_state(state);
    if moved {
        let act = Act::Manifest { manifest: command.document, seq };
        let line = Line { actor: Actor::Owner, act, body: Some(command.digest), barrier: false };
        return Ok(Reply::Done(log::keep(draft, Some(kept), renewed, line)?));
    }
    renewed.revision = draft.note(ChangeKind::Peer, kept.origin.as_str(), false);
    draft.replace(&PEERS, Some(kept), &renewed);
    Ok(Reply::Done(renewed.revision))
}

/// Between the check at the edge and now, a key may have been rotated out or the peer revoked.
fn check_signers(peer: &PeerEntry, signed_by: &[Kid], now: WallMs) -> Result<(), Refusal> {
    if signed_by.is_empty() {
        return Err(bound::invalid("signed_by", "names no key"));
    }
    match signed_by.iter().find(|kid| peer.signing_key(kid, now).is_none()) {
        None => Ok(()),
        Some(kid) => {
            let (origin, kid) = (peer.origin.clone(), kid.to_string());
            Err(Refusal::KeyNotEnrolled { origin, kid })
        }
    }
}

fn check_succession(
    issuer: &Origin,
    kept: Option<&ManifestRef>,
    offered: &ManifestRef,
    prev: Option<&Digest>,
) -> Result<(), Refusal> {
    let (newest, offered_seq) = (kept.map_or(0, |kept| kept.seq), offered.seq);
    if offered_seq <= newest {
        let (issuer, kept, offered) = (issuer.clone(), newest, offered_seq);
        return Err(Refusal::SequenceNotHigher { issuer, kept, offered });
    }
    if offered_seq - newest > JUMP_MAX {
        let (issuer, kept, offered, jump_max) = (issuer.clone(), newest, offered_seq, JUMP_MAX);
        return Err(Refusal::SequenceTooFar { issuer, kept, offered, jump_max });
    }
    // After a gap the one before is a manifest that was never seen here, so only the direct
    // successor's word can be checked.
    match (kept, prev) {
        (Some(kept), Some(prev)) if offered_seq == kept.seq + 1 && *prev != kept.digest => {
            Err(bound::conflict("manifest", issuer.as_str()))
        }
        _ => Ok(()),
    }
}
