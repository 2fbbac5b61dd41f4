//! Enrolment and revocation of peers, and the invitations for everybody. A key is enrolled only with a proof of
//! possession, unless an operator vouches for it.

use std::collections::BTreeSet;
use std::fmt;

use proto_types::key::{AnyKey, PublicKey};
use proto_types::peer::operation;
use proto_types::token::LIFE_S_ALLOWED;
use proto_types::{Digest, Kid, Origin, WallMs, json};
use proto_wire::registry::v1 as wire;
use registry_core::command::{
    AdmitPeer, AllowTokenLife, AskDomain, Command, DecideEnrolment, IssueJoinToken, PeerCommand,
    Proposal, RequestEnrolment, RevokePeer, StandPeer,
};
use registry_core::entry::{Approval, Candidate, EnrolledKey, JoinTokenEntry};

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// Keys of one peer, as the core bounds them.
const KEYS_MAX: usize = 16;

/// As the core bounds them.
const JOIN_TTL_S_MAX: u64 = JoinTokenEntry::AHEAD_MS_MAX / 1_000;

/// An hour is enough to carry a token to a machine.
const JOIN_TTL_S_DEFAULT: u64 = 3_600;

/// The message whose signature proves that the caller holds the key.
#[must_use]
pub fn possession_message(origin: &Origin, kid: &Kid) -> Vec<u8> {
    let parts = ["ecumene/enrolment\0", origin.as_str(), "\0", kid.as_str()];
    parts.concat().into_bytes()
}

/// Reads an enrolment: by the operator, by a peer that shows a join token, or by one that asks to be
/// let in, which goes by where it comes from. Peers prove each of their keys, by a signed enrolment or one by one.
///
/// # Errors
/// `unauthenticated`, `permission-denied`, `invalid-argument`, `bad-signature`; with an operation as
/// [`super::operation::enrolment`].
pub fn enrol(
    caller: &Principal,
    request: &wire::EnrolPeerRequest,
    source: Option<String>,
    now: WallMs,
) -> Result<Proposal, Problem> {
    let approval = approval(caller, &request.join_token)?;
    if !request.operation.is_empty() {
        let candidate = super::operation::enrolment(&request.operation, now)?;
        let named: Option<Origin> = field::optional("origin", &request.origin)?;
        if named.is_some_and(|named| named != candidate.origin) {
            return Err(Problem::argument("origin", "the operation is another peer's"));
        }
        return super::with_body(&request.operation, |_| {
            Command::Peer(admitted(candidate, approval, (request.domain, source)))
        });
    }
    let origin: Origin = field::read("origin", &request.origin)?;
    let keys = keys(&request.keys)?;
    let vouched = request.proofs.is_empty() && approval == Some(Approval::Operator);
    if !vouched {
        check_proofs(&origin, &keys, request)?;
    }
    let candidate = Candidate { origin, keys, recovery_keys: Vec::new(), founding: None };
    Ok(super::one(Command::Peer(admitted(candidate, approval, (request.domain, source)))))
}

fn admitted(
    candidate: Candidate,
    approval: Option<Approval>,
    (domain, source): (bool, Option<String>),
) -> PeerCommand {
    match approval {
        Some(approval) => PeerCommand::Admit(AdmitPeer { candidate, approval }),
        None => PeerCommand::Request(RequestEnrolment { candidate, domain, source }),
    }
}

/// Reads an operator's decision about a request.
pub fn decide(
    caller: &Principal,
    request: &wire::DecidePeerRequestRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let origin = field::read("origin", &request.origin)?;
    let id = field::read("id", &request.id)?;
    let approval = request.approve.then_some(Approval::Operator);
    Ok(super::one(Command::Peer(PeerCommand::Decide(DecideEnrolment { origin, id, approval }))))
}

/// Reads the operator's word about a peer.
pub fn stand(
    caller: &Principal,
    request: &wire::SetPeerStandingRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let origin = field::read("origin", &request.origin)?;
    let standing = field::read("standing", &request.standing)?;
    let reason = match request.reason.as_str() {
        "" => None,
        reason => Some(field::text("reason", reason, operation::REASON_LEN_MAX)?),
    };
    Ok(super::one(Command::Peer(PeerCommand::Stand(StandPeer { origin, standing, reason }))))
}

/// Reads how long a peer's tokens may live; 0 as all.
pub fn allow_token_life(
    caller: &Principal,
    request: &wire::SetPeerTokenLifeRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let origin = field::read("origin", &request.origin)?;
    let (least, most) = LIFE_S_ALLOWED;
    let seconds = match u64::from(request.seconds) {
        0 => None,
        life_s if (least..=most).contains(&life_s) => Some(request.seconds),
        _ => return Err(Problem::argument("seconds", "300 to 3,600, or 0 as all")),
    };
    Ok(super::one(Command::Peer(PeerCommand::AllowTokenLife(AllowTokenLife { origin, seconds }))))
}

/// Reads a request to have a peer's host asked.
pub fn ask_domain(caller: &Principal, origin: &str) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let origin = field::read("origin", origin)?;
    Ok(super::one(Command::Peer(PeerCommand::AskDomain(AskDomain { origin }))))
}

/// Reads a revocation.
pub fn revoke(caller: &Principal, request: &wire::RevokePeerRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    Ok(super::one(Command::RevokePeer(RevokePeer {
        origin: field::read("origin", &request.origin)?,
    })))
}

/// Reads a request for an invitation; `token` is the secret that the shell has drawn.
pub fn invitation(
    caller: &Principal,
    request: &wire::IssueJoinTokenRequest,
    token: &str,
    now: WallMs,
) -> Result<(Proposal, WallMs), Problem> {
    caller.require(&[Role::Operator])?;
    let role = field::read("role", &request.role)?;
    let ttl_s = match request.ttl_seconds {
        0 => JOIN_TTL_S_DEFAULT,
        ttl_s @ 1..=JOIN_TTL_S_MAX => ttl_s,
        _ => return Err(Problem::argument("ttl_seconds", format_args!("1 to {JOIN_TTL_S_MAX}"))),
    };
    let expires_at = now.plus_ms(ttl_s * 1_000);
    let hash = Digest::of(token.as_bytes());
    Ok((super::one(Command::IssueJoinToken(IssueJoinToken { hash, role, expires_at })), expires_at))
}

/// Who lets the peer in; `None` if nobody does yet.
fn approval(caller: &Principal, join_token: &str) -> Result<Option<Approval>, Problem> {
    match caller {
        Principal::Anonymous if join_token.is_empty() => Ok(None),
        Principal::Anonymous => Ok(Some(Approval::JoinToken(Digest::of(join_token.as_bytes())))),
        _ => caller.require(&[Role::Operator]).map(|()| Some(Approval::Operator)),
    }
}

fn keys(keys: &[wire::Key]) -> Result<Vec<EnrolledKey>, Problem> {
    if !(1..=KEYS_MAX).contains(&keys.len()) {
        return Err(Problem::argument("keys", format_args!("1 to {KEYS_MAX} keys")));
    }
    let mut names = BTreeSet::new();
    keys.iter()
        .map(|key| {
            let kid: Kid = field::read("keys.kid", &key.kid)?;
            if !names.insert(kid.clone()) {
                return Err(Problem::argument("keys.kid", format_args!("{kid} stands twice")));
            }
            let public_key = public_key(&key.public_key_hex)?;
            let (not_before, not_after) = (time(key.not_before_ms)?, time(key.not_after_ms)?);
            Ok(EnrolledKey {
                usage: field::optional("keys.usage", &key.usage)?.unwrap_or_default(),
                not_before,
                not_after,
                ..EnrolledKey::new(kid, public_key)
            })
        })
        .collect()
}

/// What proves a key here does not name it, and for ES256 a key can be found to fit a signature.
fn public_key(text: &str) -> Result<PublicKey, Problem> {
    let refused = |why: &dyn fmt::Display| Problem::argument("keys.public_key_hex", why);
    let key = AnyKey::from_hex(text).map_err(|why| refused(&why))?;
    let es256 = "a key for ES256 joins by a signed operation or manifest, which names it";
    key.ed25519().ok_or_else(|| refused(&es256))
}

/// A time of a key's use; 0 is none. It stands in logs, so JSON must be able to carry it.
fn time(ms: u64) -> Result<Option<WallMs>, Problem> {
    match ms {
        0 => Ok(None),
        1..=json::INTEGER_MAX => Ok(Some(WallMs(ms))),
        _ => Err(Problem::argument("keys.not_after_ms", "beyond 2^53 - 1")),
    }
}

fn check_proofs(
    origin: &Origin,
    keys: &[EnrolledKey],
    request: &wire::EnrolPeerRequest,
) -> Result<(), Problem> {
    if request.proofs.len() != keys.len() {
        return Err(Problem::argument("proofs", "one for each key, in order"));
    }
    for (key, proof) in keys.iter().zip(&request.proofs) {
        let message = possession_message(origin, &key.kid);
        key.public_key.verify(&message, proof).map_err(|_| {
            let why = format_args!("the proof of possession of {} does not verify", key.kid);
            Problem::new(Code::BadSignature, why)
        })?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::SecretKey;

    use super::*;

    fn request(join_token: &str, proofs: Vec<Vec<u8>>) -> wire::EnrolPeerRequest {
        let key = SecretKey::from_seed(&[7; 32]).public().to_hex();
        wire::EnrolPeerRequest {
            origin: "https://a.example".into(),
            keys: vec![wire::Key { kid: "k1".into(), public_key_hex: key, ..Default::default() }],
            join_token: join_token.into(),
            proofs: proofs.into_iter().map(Into::into).collect(),
            ..Default::default()
        }
    }

    fn proof(seed: u8) -> Vec<u8> {
        let origin = "https://a.example".parse().unwrap();
        let message = possession_message(&origin, &"k1".parse().unwrap());
        SecretKey::from_seed(&[seed; 32]).sign(&message).to_vec()
    }

    #[test]
    fn only_an_operator_enrols_without_a_proof() {
        let code = |caller: &Principal, request| {
            enrol(caller, &request, None, WallMs(1)).map_err(|p| p.code())
        };
        let (nobody, operator) = (Principal::Anonymous, Principal::Operator);
        assert!(code(&operator, request("", vec![])).is_ok());
        assert!(code(&operator, request("", vec![proof(7)])).is_ok());
        assert!(code(&nobody, request("t", vec![proof(7)])).is_ok());
        let refused = |caller, token, proofs, expected| {
            assert_eq!(code(caller, request(token, proofs)), Err(expected));
        };
        refused(&operator, "", vec![proof(8)], Code::BadSignature);
        refused(&nobody, "t", vec![proof(8)], Code::BadSignature);
        refused(&nobody, "t", vec![], Code::InvalidArgument);
        refused(&nobody, "t", vec![proof(7), proof(7)], Code::InvalidArgument);
        refused(&nobody, "", vec![proof(8)], Code::BadSignature);
        // Who proves its key and shows no token waits to be let in.
        assert!(code(&nobody, request("", vec![proof(7)])).is_ok());
        let node = Principal::Node("n".parse().unwrap());
        refused(&node, "t", vec![proof(7)], Code::PermissionDenied);
    }

    #[test]
    fn bad_keys_are_named() {
        for (kid, hex) in [("", "00"), ("k 1", "00"), ("k1", "00"), ("k1", &"00".repeat(32))] {
            let mut bad = request("", vec![]);
            bad.keys = vec![wire::Key {
                kid: kid.into(),
                public_key_hex: hex.into(),
                ..Default::default()
            }];
            let refused = enrol(&Principal::Operator, &bad, None, WallMs(1)).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
        }
        // The key of RFC 7515, appendix A.3.
        let x = "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445";
        let y = "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad";
        for (hex, why) in [
            (format!("04{x}{y}"), "joins by a signed operation or manifest"),
            (format!("04{x}{x}"), "not a point of P-256"),
            (format!("02{x}"), "both x and y"),
        ] {
            let mut es256 = request("", vec![]);
            es256.keys[0].public_key_hex = hex;
            es256.keys[0].usage = "card".into();
            let refused = enrol(&Principal::Operator, &es256, None, WallMs(1)).unwrap_err();
            assert!(refused.detail().contains(why), "{refused:?}");
        }
        let mut twice = request("", vec![]);
        twice.keys.push(twice.keys[0].clone());
        assert!(
            enrol(&Principal::Operator, &twice, None, WallMs(1))
                .unwrap_err()
                .detail()
                .contains("twice")
        );
    }
}
