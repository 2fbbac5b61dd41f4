//! What owners of peers sign: operations, and the enrolment that a peer begins with. An operation is signed by a key that
//! may sign it, and by every key that joins. Only an enrolment is verified with keys that it brings along, and it is no
//! authority: a token, an operator or the peer's host is.

use proto_types::peer::{
    Action, EnrolledKey, KeySet, PeerOperation, operation, possession, replay,
};
use proto_types::signed::Error as SignedError;
use proto_types::{AnyKey, Digest, Kid, Origin, PublicKey, Signed, Verified, WallMs};
use registry_core::command::{Command, OperatePeer, PeerCommand, Proposal};
use registry_core::entry::{Candidate, Founding, PeerEntry};
use registry_core::query;
use registry_core::view::View;

use crate::field;
use crate::problem::{Code, Problem};

/// Reads an operation, `of` this peer if one is named. Anybody may bring it: the signature is the
/// authority.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `key-not-enrolled`, `bad-signature`, `document-expired`,
/// `too-far-ahead`, `not-found` for a log entry that a recovery names.
pub fn operate(
    document: &[u8],
    of: Option<&Origin>,
    view: &dyn View,
    now: WallMs,
) -> Result<Proposal, Problem> {
    let signed = parse(document)?;
    let operation = signed.unverified().clone();
    if of.is_some_and(|of| *of != operation.issuer) {
        return Err(Problem::argument("origin", "the operation is another peer's"));
    }
    let named = signed.document_digest();
    let peer = query::peer(view, &operation.issuer)?.ok_or_else(|| {
        let why = format_args!("{} is not an enrolled peer", operation.issuer);
        Problem::new(Code::KeyNotEnrolled, why)
    })?;
    if peer.operation.is_some_and(|newest| newest.digest == named) {
        // A rotation may have retired the key that signed it. The core answers a repetition with
        // the revision of the first time.
        return proposal(document, operation, named, Vec::new());
    }
    let verified = verify(signed, &peer, view, now)?;
    let signers = verified.signers().to_vec();
    let keys = known(&peer, &operation, view)?;
    let signed_by = signers.into_iter().filter_map(|kid| {
        let key = keys.iter().find(|(known, _)| *known == kid)?.1;
        Some((kid, key))
    });
    proposal(document, operation, named, signed_by.collect())
}

fn proposal(
    document: &[u8],
    operation: PeerOperation,
    named: Digest,
    signed_by: Vec<(Kid, PublicKey)>,
) -> Result<Proposal, Problem> {
    super::with_body(document, |body| {
        Command::Peer(PeerCommand::Operate(OperatePeer {
            operation,
            document: named,
            body,
            signed_by,
        }))
    })
}

fn verify(
    signed: Signed<PeerOperation>,
    peer: &PeerEntry,
    view: &dyn View,
    now: WallMs,
) -> Result<Verified<PeerOperation>, Problem> {
    let (keys, by_recovery) = match signed.unverified().action {
        Action::Recover { after, .. } => (fork_keys(peer, &after, view)?, true),
        _ => (peer.state().keys, false),
    };
    let new = keys.unproven(signed.unverified().action.recovery_keys());
    let may = |kid: &Kid| if by_recovery { keys.recovering(kid) } else { keys.signing(kid, now) };
    has_own_names(&new, may)?;
    checked(signed, &keys, (by_recovery, &new), now).map_err(|error| refused(&error))
}

/// Holds if no recovery key joins under the name of another key that may sign: a signature names its key, and would be
/// held against both.
fn has_own_names(
    new: &[(Kid, AnyKey)],
    may: impl Fn(&Kid) -> Option<PublicKey>,
) -> Result<(), Problem> {
    let taken = |(kid, key): &&(Kid, AnyKey)| may(kid).is_some_and(|it| AnyKey::from(it) != *key);
    match new.iter().find(taken) {
        None => Ok(()),
        Some((kid, _)) => {
            let why =
                format_args!("a new key is named {kid}, as one that signs: name it otherwise");
            Err(Problem::new(Code::InvalidDocument, why))
        }
    }
}

/// As a log's reader checks it; and recovery keys that join have signed too, which earlier versions did not ask of them.
fn checked(
    signed: Signed<PeerOperation>,
    keys: &KeySet,
    (by_recovery, new): (bool, &[(Kid, AnyKey)]),
    now: WallMs,
) -> Result<Verified<PeerOperation>, replay::Error> {
    let proven = possession::all_signed(&signed, new);
    let verified = replay::checked(signed, keys, by_recovery, now)?;
    proven?;
    Ok(verified)
}

/// The keys that stood after the log entry that a recovery goes back to.
fn fork_keys(peer: &PeerEntry, after: &Digest, view: &dyn View) -> Result<KeySet, Problem> {
    let found = query::peer_log_from(view, peer, after)?;
    let (line, _) = found.ok_or_else(|| Problem::not_found("log entry", &after.to_string()))?;
    Ok(line.left.keys)
}

/// The keys whose names a signature may have meant.
fn known(
    peer: &PeerEntry,
    operation: &PeerOperation,
    view: &dyn View,
) -> Result<Vec<(Kid, PublicKey)>, Problem> {
    Ok(match &operation.action {
        Action::Recover { after, .. } => {
            let keys = fork_keys(peer, after, view)?.recovery;
            keys.into_iter().map(|key| (key.kid, key.public_key)).collect()
        }
        _ => {
            let signing =
                peer.keys.iter().filter_map(|key| Some((key.kid.clone(), key.signing()?)));
            signing.collect()
        }
    })
}

/// Reads a signed enrolment: each of its keys must have signed it.
///
/// # Errors
/// As [`operate`].
pub fn enrolment(document: &[u8], now: WallMs) -> Result<Candidate, Problem> {
    let signed = parse(document)?;
    let Action::Enrol { keys, recovery_keys } = signed.unverified().action.clone() else {
        return Err(Problem::argument("operation", "its action is not `enrol`"));
    };
    if signed.unverified().seq != 1 {
        return Err(Problem::argument("operation", "an enrolment has the number 1"));
    }
    let acting = keys.iter().map(|key| (&key.kid, key.public_key));
    let recovering = recovery_keys.iter().map(|key| (&key.kid, key.public_key.into()));
    let brought: Vec<(&Kid, AnyKey)> = acting.chain(recovering).collect();
    let own = |kid: &Kid| brought.iter().find(|(name, _)| *name == kid).map(|(_, key)| *key);
    // Distinct keys are counted, so that a key that stands twice cannot vouch for another.
    let verified = signed.verify(&own, brought.len()).map_err(|error| match error {
        SignedError::Threshold { .. } => super::manifest::possession(),
        other => super::manifest::refused(&other),
    })?;
    verified.check(now).map_err(|error| senseless(&error))?;
    let founding = Founding {
        epoch: verified.epoch,
        document: verified.document_digest(),
        body: field::body("operation", document, super::BODY_BYTES_MAX)?,
    };
    let origin = verified.issuer.clone();
    let keys = keys.iter().map(EnrolledKey::from).collect();
    Ok(Candidate { origin, keys, recovery_keys, founding: Some(founding) })
}

fn parse(document: &[u8]) -> Result<Signed<PeerOperation>, Problem> {
    if document.len() > super::BODY_BYTES_MAX {
        return Err(field::too_large(document.len(), super::BODY_BYTES_MAX));
    }
    Signed::parse(document).map_err(|error| super::manifest::refused(&error))
}

fn refused(error: &replay::Error) -> Problem {
    match error {
        replay::Error::Signed(cause) => super::manifest::refused(cause),
        replay::Error::Possession => super::manifest::possession(),
        replay::Error::Operation(cause) => senseless(cause),
        other => Problem::new(Code::InvalidDocument, other),
    }
}

fn senseless(error: &operation::Error) -> Problem {
    let code = match error {
        operation::Error::Life(life) => super::manifest::out_of_lifetime(*life),
        _ => Code::InvalidDocument,
    };
    Problem::new(code, error)
}
