//! The decision on what an owner signs about its peer. Only a key that counts now is believed, whatever the edge found.

use proto_types::peer::{Act, Action, Actor, PeerOperation, operation};
use proto_types::{Digest, Kid, LifeError, PublicKey, Revision};

use crate::bound;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};

use super::command::OperatePeer;
use super::entry::{PeerEntry, Recent};
use super::log::{self, Line};
use super::refusal::refusal;
use super::table::PEERS;

pub(crate) fn operate(draft: &mut Draft<'_>, command: &OperatePeer) -> Outcome {
    let OperatePeer { operation, document, body, signed_by } = command;
    let kept = draft.existing(&PEERS, operation.issuer.as_str())?;
    if kept.operation.is_some_and(|newest| newest.digest == *document) {
        return Ok(Reply::Done(kept.revision));
    }
    operation.check(draft.now()).map_err(senseless)?;
    draft.require_body(body)?;
    let act = Act::Operation { operation: *document };
    let line = Line { actor: Actor::Owner, act, body: Some(*body), barrier: false };
    let revision = match &operation.action {
        Action::Recover { after, .. } => {
            recover(draft, &kept, (operation, *document, *after), signed_by, line)?
        }
        _ => {
            let now = draft.now();
            check_signer(&kept, signed_by, |kid| kept.state().keys.signing(kid, now))?;
            let state = kept.state().operated(operation, *document, now);
            let state = state.map_err(|fault| refusal(&kept.origin, fault))?;
            log::keep(draft, Some(&kept), kept.clone().in_state(state), line)?
        }
    };
    Ok(Reply::Done(revision))
}

fn recover(
    draft: &mut Draft<'_>,
    kept: &PeerEntry,
    (operation, document, after): (&PeerOperation, Digest, Digest),
    signed_by: &[(Kid, PublicKey)],
    line: Line,
) -> Step<Revision> {
    let fork = log::fork(draft, kept, &after)?;
    // The recovery keys are those of the line that stands: who stole a signing key may have
    // replaced them since.
    check_signer(kept, signed_by, |kid| fork.line.left.keys.recovering(kid))?;
    let state = kept.state().recovered(&fork.line.left, operation, document, draft.now());
    let state = state.map_err(|fault| refusal(&kept.origin, fault))?;
    let recovered = PeerEntry { recent: Recent::default(), ..kept.clone() }.in_state(state);
    let line = Line { barrier: true, ..line };
    let revision = log::keep(draft, Some(kept), recovered, line)?;
    let by = kept.log.map_or(1, |head| head.index + 1);
    log::void(draft, &fork.voided, by);
    Ok(revision)
}

/// Between the check at the edge and now, a key may have ended or another taken its name.
fn check_signer(
    peer: &PeerEntry,
    signed_by: &[(Kid, PublicKey)],
    may: impl Fn(&Kid) -> Option<PublicKey>,
) -> Result<(), Refusal> {
    if signed_by.iter().any(|(kid, key)| may(kid) == Some(*key)) {
        return Ok(());
    }
    let kid = signed_by.first().map(|(kid, _)| kid.to_string()).unwrap_or_default();
    Err(Refusal::KeyNotEnrolled { origin: peer.origin.clone(), kid })
}

fn senseless(error: operation::Error) -> Refusal {
    match error {
        operation::Error::Life(LifeError::Expired { expires_at }) => {
            Refusal::Expired { expired_ms: expires_at.0 }
        }
        other => bound::invalid("operation", &other.to_string()),
    }
}
