//! The proof of a peer's keys by its host: the decision what an answer changes, and when the host is asked next. The core
//! itself never asks, and one failure, which may be ours, never ends a proof.

use proto_types::peer::{Act, Actor, Fault};
use proto_types::{Digest, WallMs};

use crate::bound::DAY_MS;
use crate::change::Reply;
use crate::draft::{Draft, Outcome};

use super::command::{AskDomain, DecideEnrolment, NoteDomain};
use super::entry::{Approval, DomainMethod, DomainProof, PeerEntry, PeerRequest, PeerStatus};
use super::log::{self, Line};
use super::refusal::refusal;
use super::request;
use super::table::{PEER_REQUESTS, PEERS, peer_request_key};

/// A proof is looked at again once a day: domains change hands seldom, and DNS is cached for hours.
const AGAIN_MS: u64 = DAY_MS;

/// After a failure the host is asked again sooner.
const RETRY_MS: u64 = 3_600_000;

/// A host that has not vouched for three days does not any more. The time that a recovery has, too.
const GRACE_MS: u64 = 3 * DAY_MS;

/// How often a request's host is asked while it waits: not again before it is void.
const ASKED_MAX: u32 = 8;

/// Has the host of a peer asked soon.
pub(crate) fn ask(draft: &mut Draft<'_>, command: &AskDomain) -> Outcome {
    let origin = &command.origin;
    let kept = draft.existing(&PEERS, origin.as_str())?;
    if kept.status != PeerStatus::Active {
        let fault = Fault::Status(kept.status);
        return Err(refusal(origin, fault).into());
    }
    let mut asked = kept.clone();
    match &mut asked.domain {
        Some(domain) => domain.ask_at = draft.now(),
        none => *none = Some(unasked(draft)),
    }
    draft.replace(&PEERS, Some(&kept), &asked);
    // When somebody looks is no fact of the directory, so it has no revision.
    Ok(Reply::Done(kept.revision))
}

/// What the host said.
pub(crate) fn note(draft: &mut Draft<'_>, command: &NoteDomain) -> Outcome {
    match command.request {
        Some(id) => note_request(draft, command, id),
        None => note_peer(draft, command),
    }
}

fn note_request(draft: &mut Draft<'_>, command: &NoteDomain, id: Digest) -> Outcome {
    let origin = &command.origin;
    let kept = draft.existing(&PEER_REQUESTS, &peer_request_key(origin, &id))?;
    let Some(method) = command.proven else {
        let asked = kept.asked + 1;
        let again = draft.now().plus_ms(RETRY_MS.saturating_mul(u64::from(asked)));
        // Beyond the last time it stays among those that were asked, which make room for others.
        let ask_at = Some(if asked < ASKED_MAX { again } else { kept.expires_at });
        draft.replace(&PEER_REQUESTS, Some(&kept), &PeerRequest { ask_at, asked, ..kept.clone() });
        return Ok(Reply::Done(draft.revision()));
    };
    let approval = Some(Approval::Domain(method));
    request::decide(draft, &DecideEnrolment { origin: origin.clone(), id, approval })?;
    note_peer(draft, command)
}

fn note_peer(draft: &mut Draft<'_>, command: &NoteDomain) -> Outcome {
    let (kept, proven) = (draft.existing(&PEERS, command.origin.as_str())?, command.proven);
    let before = kept.domain.clone().unwrap_or_else(|| unasked(draft));
    let after = answered(draft.now(), &before, proven);
    let turned = (before.holds, after.holds);
    let peer = PeerEntry { domain: Some(after), ..kept.clone() };
    let act = match (turned, proven) {
        ((false, true), Some(method)) => Act::DomainProven { method: method.to_string() },
        ((true, false), _) => Act::DomainLost {},
        _ => {
            draft.replace(&PEERS, Some(&kept), &peer);
            return Ok(Reply::Done(kept.revision));
        }
    };
    let line = Line { actor: Actor::Registry, act, body: None, barrier: false };
    Ok(Reply::Done(log::keep(draft, Some(&kept), peer, line)?))
}

/// The proof after an answer.
fn answered(now: WallMs, before: &DomainProof, proven: Option<DomainMethod>) -> DomainProof {
    let mut after = DomainProof { checked_at: Some(now), ..before.clone() };
    match proven {
        Some(method) => {
            (after.method, after.proven_at, after.holds) = (Some(method), Some(now), true);
            after.ask_at = now.plus_ms(AGAIN_MS);
        }
        None => {
            after.ask_at = now.plus_ms(RETRY_MS);
            after.holds &= after.proven_at.is_some_and(|at| now.since(at) <= GRACE_MS);
        }
    }
    after
}

fn unasked(draft: &Draft<'_>) -> DomainProof {
    let ask_at = draft.now();
    DomainProof { method: None, proven_at: None, checked_at: None, holds: false, ask_at }
}
