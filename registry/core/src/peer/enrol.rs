//! The decision to enrol a peer with its keys. A revoked peer is never enrolled again, and the keys of an enrolled one
//! are never replaced: its owner's signed operations do that.

use std::collections::BTreeSet;

use proto_types::Origin;
use proto_types::peer::{Act, Actor, KeySet, OperationRef, PeerState};

use crate::bound;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::join_token;
use crate::join_token::entry::JoinRole;

use super::command::EnrolPeer;
use super::entry::{Approval, Candidate, EnrolledKey, Founding, PeerEntry, PeerStatus, Recent};
use super::log::{self, Line};
use super::refusal::refusal;
use super::table::PEERS;
use super::waiting;

/// Room for a few signing keys in rotation and card keys; each is checked at every load.
const KEYS_MAX: u64 = 16;

/// A peer that brings nothing but keys.
pub(crate) fn enrol_keys(draft: &mut Draft<'_>, command: &EnrolPeer) -> Outcome {
    let (origin, keys) = (command.origin.clone(), command.keys.clone());
    let candidate = Candidate { origin, keys, recovery_keys: Vec::new(), founding: None };
    enrol(draft, &candidate, &command.approval)
}

pub(crate) fn enrol(draft: &mut Draft<'_>, candidate: &Candidate, approval: &Approval) -> Outcome {
    let origin = &candidate.origin;
    check_keys(&candidate.keys)?;
    let kept = draft.entry(&PEERS, origin.as_str())?;
    if let Some(kept) = &kept {
        if is_same(kept, candidate) {
            return Ok(Reply::Done(kept.revision));
        }
        // Who has left comes back by the operator's word alone, and to its own history.
        if kept.status != PeerStatus::Tombstoned || *approval != Approval::Operator {
            return Err(bound::conflict("peer", origin.as_str()).into());
        }
    }
    if let Approval::JoinToken(hash) = approval {
        join_token::apply::spend(draft, hash, JoinRole::Peer, origin.as_str())?;
    }
    let state = founded(draft, kept.as_ref(), candidate)?;
    waiting::forget_all(draft, origin)?;
    let line = entering(candidate, approval);
    let fresh = entered(draft, kept.as_ref(), origin, approval).in_state(state);
    Ok(Reply::Done(log::keep(draft, kept.as_ref(), fresh, line)?))
}

/// The line that tells how a peer came in.
fn entering(candidate: &Candidate, approval: &Approval) -> Line {
    let operator = *approval == Approval::Operator;
    Line {
        actor: if operator { Actor::Operator } else { Actor::Registry },
        act: Act::Enrolled {
            keys: candidate.keys.clone(),
            recovery_keys: candidate.recovery_keys.clone(),
            approval: approval.name(),
            operation: candidate.founding.map(|founding| founding.document),
        },
        body: candidate.founding.map(|founding| founding.body),
        barrier: true,
    }
}

fn is_same(kept: &PeerEntry, candidate: &Candidate) -> bool {
    // When a key begins and ends is drawn anew each time that an enrolment is signed.
    let named = |keys: &[EnrolledKey]| {
        let each = keys.iter().map(|key| (key.kid.clone(), key.public_key, key.usage));
        each.collect::<Vec<_>>()
    };
    kept.status == PeerStatus::Active
        && named(&kept.keys) == named(&candidate.keys)
        && kept.recovery_keys == candidate.recovery_keys
}

fn founded(draft: &Draft<'_>, kept: Option<&PeerEntry>, candidate: &Candidate) -> Step<PeerState> {
    let keys = KeySet { keys: candidate.keys.clone(), recovery: candidate.recovery_keys.clone() };
    let before = kept.map(PeerEntry::state);
    let mut state = PeerState::enrolled(keys, before.as_ref(), draft.now())
        .map_err(|fault| refusal(&candidate.origin, fault))?;
    if let Some(Founding { epoch, document, body }) = candidate.founding {
        draft.require_body(&body)?;
        if epoch != state.epoch {
            let (origin, epoch) = (candidate.origin.clone(), state.epoch);
            return Err(Refusal::OperationOutOfOrder { origin, epoch, seq: 1 }.into());
        }
        state.operation = Some(OperationRef { seq: 1, digest: document });
    }
    Ok(state)
}

/// A peer of which nothing is known but its log, if it has been here before.
fn entered(
    draft: &Draft<'_>,
    kept: Option<&PeerEntry>,
    origin: &Origin,
    approval: &Approval,
) -> PeerEntry {
    PeerEntry {
        origin: origin.clone(),
        keys: Vec::new(),
        recovery_keys: Vec::new(),
        status: PeerStatus::Active,
        standing: Default::default(),
        moved_to: None,
        epoch: 0,
        operation: None,
        revoked_keys: Vec::new(),
        log: kept.and_then(|kept| kept.log),
        recent: Recent::default(),
        token_life_s_max: None,
        approval: approval.clone(),
        enrolled_at: draft.now(),
        manifest: kept.and_then(|kept| kept.manifest.clone()),
        domain: None,
        revision: Default::default(),
    }
}

/// 1 to 16 keys; no name and no key twice, so that one key can never count as two.
pub(crate) fn check_keys(keys: &[EnrolledKey]) -> Result<(), Refusal> {
    bound::number("keys", keys.len() as u64, (1, KEYS_MAX))?;
    let mut seen = BTreeSet::new();
    for (at, key) in keys.iter().enumerate() {
        if !seen.insert(&key.kid) {
            return Err(bound::invalid("keys", "name a kid twice"));
        }
        if keys[..at].iter().any(|before| before.public_key == key.public_key) {
            return Err(bound::invalid("keys", "hold a key twice"));
        }
    }
    Ok(())
}
