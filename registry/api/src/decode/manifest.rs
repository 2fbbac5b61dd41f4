//! Peer manifests. One is signed by an enrolled key of its issuer and by every key that joins by it, and is valid now.
//! The core decides whether it follows the last one. A key from the manifest itself never authorises it.

use proto_types::manifest::{self, PeerManifest};
use proto_types::peer::possession;
use proto_types::signed::{self, Signed, Verified};
use proto_types::{AnyKey, Digest, Kid, LifeError, WallMs, json};
use registry_core::command::{Command, PeerCommand, Proposal, StateManifest};
use registry_core::entry::{EnrolledKey, ManifestRef, PeerEntry, PeerStatus};
use registry_core::query;
use registry_core::view::View;
use serde_json::Value;

use crate::field;
use crate::problem::{Code, Problem};

/// Reads a manifest. Anybody may bring it: the signature is the authority.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `key-not-enrolled`, `bad-signature`, `document-expired`.
pub fn put(document: &[u8], view: &dyn View, now: WallMs) -> Result<Proposal, Problem> {
    if document.len() > super::BODY_BYTES_MAX {
        return Err(field::too_large(document.len(), super::BODY_BYTES_MAX));
    }
    let signed = Signed::<PeerManifest>::parse(document).map_err(|error| refused(&error))?;
    let peer = issuer(&signed, view)?;
    let named = signed.document_digest();
    let is_kept = |kept: &ManifestRef| kept.digest == Digest::of(document);
    if peer.manifest.as_ref().is_some_and(is_kept) {
        // Its own keys may have replaced those that signed it. The core answers a repetition with
        // the revision of the first time, and takes nothing that names no signer.
        return command(document, signed.unverified(), named, None, Vec::new());
    }
    // Any one signing key may speak for the peer.
    let may = |kid: &Kid| peer.signing_key(kid, now);
    let joining = joining(signed.unverified(), &peer);
    let verified = possession::verify(signed, &may, &joining).map_err(|error| unheld(&error))?;
    verified.check(now).map_err(|error| senseless(&error))?;
    let prev = previous(&verified, &peer, view)?;
    let signers = verified.signers().iter().filter(|kid| may(kid).is_some());
    command(document, &verified, named, prev, signers.cloned().collect())
}

/// The keys that the peer does not have yet, recovery keys included: a manifest sets both.
fn joining(manifest: &PeerManifest, peer: &PeerEntry) -> Vec<(Kid, AnyKey)> {
    let kept = peer.state().keys;
    let new = manifest.keys.iter().filter(|key| !kept.holds(&key.public_key));
    let new = new.map(|key| (key.kid.clone(), key.public_key));
    new.chain(kept.unproven(&manifest.recovery_keys)).collect()
}

fn command(
    document: &[u8],
    manifest: &PeerManifest,
    named: Digest,
    prev: Option<Digest>,
    signed_by: Vec<Kid>,
) -> Result<Proposal, Problem> {
    super::with_body(document, |digest| {
        Command::Peer(PeerCommand::State(StateManifest {
            issuer: manifest.issuer.clone(),
            seq: manifest.seq,
            prev,
            digest,
            expires_at: manifest.expires_at,
            signed_by,
            keys: manifest.keys.iter().map(EnrolledKey::from).collect(),
            document: named,
            recovery_keys: manifest.recovery_keys.clone(),
        }))
    })
}

fn issuer(signed: &Signed<PeerManifest>, view: &dyn View) -> Result<PeerEntry, Problem> {
    let origin = &signed.unverified().issuer;
    let peer = query::peer(view, origin)?.filter(|peer| peer.status == PeerStatus::Active);
    peer.ok_or_else(|| {
        Problem::new(Code::KeyNotEnrolled, format_args!("{origin} is not an enrolled peer"))
    })
}

/// What a manifest calls its predecessor is the digest without signatures; the core knows it by its
/// body. If they name the same manifest the body's digest is passed on, else what was written,
/// which the core refuses.
fn previous(
    manifest: &Verified<PeerManifest>,
    peer: &PeerEntry,
    view: &dyn View,
) -> Result<Option<Digest>, Problem> {
    let (Some(prev), Some(kept)) = (manifest.prev, peer.current_manifest()) else {
        return Ok(manifest.prev);
    };
    let body = query::body(view, &kept.digest)?;
    let named = body.as_deref().and_then(document_digest);
    Ok(Some(if named == Some(prev) { kept.digest } else { prev }))
}

/// The digest of the canonical form without the signatures.
fn document_digest(body: &[u8]) -> Option<Digest> {
    let Value::Object(mut members) = json::parse(body).ok()? else { return None };
    members.remove("signatures");
    Some(Digest::of(&json::canonical(&Value::Object(members))))
}

fn unheld(error: &possession::Error) -> Problem {
    match error {
        possession::Error::Signed(cause) => refused(cause),
        possession::Error::Missing => possession(),
    }
}

pub(super) fn possession() -> Problem {
    Problem::new(Code::BadSignature, "each key that joins must have signed too")
}

pub(super) fn refused(error: &signed::Error) -> Problem {
    match error {
        signed::Error::Json(cause) => super::not_json(cause),
        signed::Error::BadSignature { .. } => Problem::new(Code::BadSignature, error),
        signed::Error::Threshold { .. } => Problem::new(Code::KeyNotEnrolled, error),
        _ => Problem::new(Code::InvalidDocument, error),
    }
}

/// What a document that does not count now is refused with.
pub(super) fn out_of_lifetime(error: LifeError) -> Code {
    match error {
        LifeError::Expired { .. } => Code::DocumentExpired,
        LifeError::Future { .. } => Code::TooFarAhead,
        LifeError::Span { .. } => Code::InvalidDocument,
    }
}

fn senseless(error: &manifest::Error) -> Problem {
    let code = match error {
        manifest::Error::Life(life) => out_of_lifetime(*life),
        _ => Code::InvalidDocument,
    };
    Problem::new(code, error)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::manifest::{Endpoints, KeyUse, ManifestKey, RecoveryKey};
    use proto_types::{SecretKey, Stamp};
    use registry_core::command::EnrolPeer;
    use registry_core::entry::Approval;
    use registry_core::view::Memory;

    use super::*;

    const NOW: WallMs = WallMs(1_800_000_000_000);
    const DAY_MS: u64 = 86_400_000;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn kid(seed: u8) -> Kid {
        format!("k{seed}").parse().unwrap()
    }

    fn enrolled(seed: u8) -> Memory {
        let mut view = Memory::default();
        let command = Command::EnrolPeer(EnrolPeer {
            origin: "https://a.example".parse().unwrap(),
            keys: vec![EnrolledKey::new(kid(seed), key(seed).public())],
            approval: Approval::Operator,
        });
        let change = registry_core::apply(&view, Stamp { now: NOW }, &command).unwrap();
        view.commit(&change.writes);
        view
    }

    /// States these keys, the last as a card key, signed by those.
    fn manifest(states: &[u8], signed_by: &[(Kid, &SecretKey)]) -> Vec<u8> {
        let last = states.len() - 1;
        let stated = |(at, seed): (usize, &u8)| ManifestKey {
            kid: kid(*seed),
            public_key: key(*seed).public().into(),
            usage: if at == last && at > 0 { KeyUse::Card } else { KeyUse::Signing },
            not_before: WallMs(0),
            not_after: NOW.plus_ms(DAY_MS),
        };
        let recovery = RecoveryKey { kid: kid(99), public_key: key(99).public() };
        let document = PeerManifest {
            issuer: "https://a.example".parse().unwrap(),
            seq: 1,
            issued_at: NOW,
            expires_at: NOW.plus_ms(DAY_MS),
            prev: None,
            keys: states.iter().enumerate().map(stated).collect(),
            recovery_keys: vec![recovery],
            endpoints: Endpoints::default(),
            capabilities: vec![],
            contact: None,
        };
        Signed::sign(document, signed_by).unwrap().bytes().to_vec()
    }

    #[test]
    fn every_key_that_joins_by_a_manifest_has_signed_it() {
        let view = enrolled(1);
        let (own, new, card) = (key(1), key(2), key(3));
        let recovery = key(99);
        let put = |states: &[u8], signed_by: &[(Kid, &SecretKey)]| {
            let signed_by = [signed_by, &[(kid(99), &recovery)]].concat();
            put(&manifest(states, &signed_by), &view, NOW).map(drop).map_err(|p| p.code())
        };
        assert_eq!(put(&[1], &[(kid(1), &own)]), Ok(()));
        assert_eq!(put(&[1, 2], &[(kid(1), &own)]), Err(Code::BadSignature), "a card key too");
        assert_eq!(put(&[2], &[(kid(1), &own)]), Err(Code::BadSignature));
        assert_eq!(put(&[2], &[(kid(2), &new)]), Err(Code::KeyNotEnrolled), "nobody who may");
        assert_eq!(put(&[1, 2], &[(kid(1), &own), (kid(2), &new)]), Ok(()));
        let both = [(kid(1), &own), (kid(2), &new)];
        assert_eq!(put(&[1, 2, 3], &both), Err(Code::BadSignature));
        let all = [(kid(1), &own), (kid(2), &new), (kid(3), &card)];
        assert_eq!(put(&[1, 2, 3], &all), Ok(()));
        let forged = [(kid(1), &own), (kid(2), &card)];
        assert_eq!(put(&[1, 2], &forged), Err(Code::BadSignature));
    }

    #[test]
    fn a_recovery_key_that_joins_by_a_manifest_has_signed_it_and_speaks_for_nobody() {
        let view = enrolled(1);
        let (own, recovery) = (key(1), key(99));
        let put = |signed_by: &[(Kid, &SecretKey)]| {
            put(&manifest(&[1], signed_by), &view, NOW).map(drop).map_err(|p| p.code())
        };
        assert_eq!(put(&[(kid(1), &own), (kid(99), &recovery)]), Ok(()));
        assert_eq!(put(&[(kid(1), &own)]), Err(Code::BadSignature));
        assert_eq!(put(&[(kid(99), &recovery)]), Err(Code::KeyNotEnrolled));
    }
}
