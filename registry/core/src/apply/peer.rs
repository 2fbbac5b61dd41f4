//! Peers: enrolment and the operator's word about them.
//! Decides which keys count for which origin; must never enrol a revoked peer again, nor replace
//! the keys of an enrolled one (what its owner signs does that).

use std::collections::BTreeSet;

use proto_types::Origin;
use proto_types::peer::{Act, Actor, Fault, KeySet, OperationRef, PeerState};
use proto_types::token::LIFE_S_ALLOWED;

use crate::change::{Refusal, Reply};
use crate::command::{AllowTokenLife, EnrolPeer, PeerCommand, RevokePeer, StandPeer};
use crate::entry::{
    Approval, Candidate, ChangeKind, EnrolledKey, Founding, JoinRole, PeerEntry, PeerStatus, Recent,
};
use crate::table::PEERS;

use super::bound;
use super::draft::{Draft, Outcome, Stop};
use super::peer_log::{self, Line};
use super::{domain, join, manifest, operate, request};

/// Room for a few signing keys in rotation and card keys; each is checked at every load.
const KEYS_MAX: u64 = 16;

/// A sentence for people.
const REASON_BYTES_MAX: usize = 256;

/// The commands about peers.
pub(super) fn decide(draft: &mut Draft<'_>, command: &PeerCommand) -> Outcome {
    match command {
        PeerCommand::Admit(command) => enrol(draft, &command.candidate, &command.approval),
        PeerCommand::Request(command) => request::request(draft, command),
        PeerCommand::Decide(command) => request::decide(draft, command),
        PeerCommand::State(command) => manifest::put(draft, command),
        PeerCommand::Operate(command) => operate::operate(draft, command),
        PeerCommand::Stand(command) => stand(draft, command),
        PeerCommand::AskDomain(command) => domain::ask(draft, command),
        PeerCommand::NoteDomain(command) => domain::note(draft, command),
        PeerCommand::AllowTokenLife(command) => allow_token_life(draft, command),
    }
}

/// How long a peer's tokens may live is the operator's agreement with it, and no fact of its keys.
fn allow_token_life(draft: &mut Draft<'_>, command: &AllowTokenLife) -> Outcome {
    let (origin, seconds) = (&command.origin, command.seconds);
    seconds.map_or(Ok(()), |life_s| bound::number("seconds", life_s.into(), LIFE_S_ALLOWED))?;
    let kept = draft.existing(&PEERS, origin.as_str())?;
    if kept.token_life_s_max == seconds {
        return Ok(Reply::Done(kept.revision));
    }
    let mut allowed = PeerEntry { token_life_s_max: seconds, ..kept.clone() };
    allowed.revision = draft.note(ChangeKind::Peer, origin.as_str(), false);
    draft.replace(&PEERS, Some(&kept), &allowed);
    Ok(Reply::Done(allowed.revision))
}

/// A peer that brings nothing but keys.
pub(super) fn enrol_keys(draft: &mut Draft<'_>, command: &EnrolPeer) -> Outcome {
    let (origin, keys) = (command.origin.clone(), command.keys.clone());
    let candidate = Candidate { origin, keys, recovery_keys: Vec::new(), founding: None };
    enrol(draft, &candidate, &command.approval)
}

pub(super) fn enrol(draft: &mut Draft<'_>, candidate: &Candidate, approval: &Approval) -> Outcome {
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
        join::spend(draft, hash, JoinRole::Peer, origin.as_str())?;
    }
    let state = founded(draft, kept.as_ref(), candidate)?;
    request::forget_all(draft, origin)?;
    let line = entering(candidate, approval);
    let fresh = entered(draft, kept.as_ref(), origin, approval).in_state(state);
    Ok(Reply::Done(peer_log::keep(draft, kept.as_ref(), fresh, line)?))
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

fn founded(
    draft: &Draft<'_>,
    kept: Option<&PeerEntry>,
    candidate: &Candidate,
) -> Result<PeerState, Stop> {
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

/// The operator's word that none of a peer's keys counts any more.
pub(super) fn revoke(draft: &mut Draft<'_>, command: &RevokePeer) -> Outcome {
    let (origin, standing) = (command.origin.clone(), PeerStatus::Revoked);
    stand(draft, &StandPeer { origin, standing, reason: None })
}

/// The operator's word.
fn stand(draft: &mut Draft<'_>, command: &StandPeer) -> Outcome {
    let StandPeer { origin, standing, reason } = command;
    if let Some(reason) = reason {
        bound::text("reason", reason, REASON_BYTES_MAX)?;
    }
    let kept = draft.existing(&PEERS, origin.as_str())?;
    if kept.standing.operator == *standing {
        return Ok(Reply::Done(kept.revision));
    }
    let state = kept.state().ordered(*standing).map_err(|fault| refusal(origin, fault))?;
    let act = Act::Standing { standing: *standing, reason: reason.clone() };
    let line = Line { actor: Actor::Operator, act, body: None, barrier: false };
    let ordered = kept.clone().in_state(state);
    Ok(Reply::Done(peer_log::keep(draft, Some(&kept), ordered, line)?))
}

/// 1 to 16 keys; no name and no key twice, so that one key can never count as two.
pub(super) fn check_keys(keys: &[EnrolledKey]) -> Result<(), Refusal> {
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

/// How an act that does not fit is refused.
pub(super) fn refusal(origin: &Origin, fault: Fault) -> Refusal {
    let origin = origin.clone();
    match fault {
        Fault::Order { expected_epoch, expected_seq, .. } => {
            Refusal::OperationOutOfOrder { origin, epoch: expected_epoch, seq: expected_seq }
        }
        Fault::Fork => bound::conflict("operation", origin.as_str()),
        Fault::Status(standing) => {
            Refusal::PeerNotActive { origin, status: status_name(standing).to_owned() }
        }
        Fault::KeyUnknown { kid } => {
            Refusal::NotFound { kind: "key".to_owned(), id: kid.to_string() }
        }
        Fault::Keys(cause) => bound::invalid("keys", &cause.to_string()),
        Fault::Prolonged { .. } | Fault::Usage { .. } | Fault::Misplaced => {
            bound::invalid("action", &fault.to_string())
        }
    }
}

/// What a refusal calls a standing.
fn status_name(standing: PeerStatus) -> &'static str {
    match standing {
        PeerStatus::Active => "active",
        PeerStatus::Suspended => "suspended",
        PeerStatus::Revoked => "revoked",
        PeerStatus::Tombstoned => "tombstoned",
    }
}
