//! Peer manifests.
//!
//! It decides that a manifest is signed by an enrolled key of its issuer and makes sense now. It
//! must never take a key from the manifest itself to verify it. Whether it follows the last one is
//! decided by the core; here only the names of both are brought to one form.

use proto_types::manifest::{self, PeerManifest};
use proto_types::signed::{self, Signed, Verified};
use proto_types::{Digest, Kid, LifeError, WallMs, json};
use registry_core::command::{Command, PeerCommand, Proposal};
use registry_core::entry::{EnrolledKey, ManifestRef, PeerEntry, PeerStatus};
use registry_core::query;
use registry_core::view::View;
use serde_json::Value;

use crate::field;
use crate::problem::{Code, Problem};

/// Any one signing key may speak for the peer.
const THRESHOLD: usize = 1;

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
    let counts = |kid: &Kid| peer.signing_key(kid, now);
    let verified = signed.verify(&counts, THRESHOLD).map_err(|error| refused(&error))?;
    verified.check(now).map_err(|error| senseless(&error))?;
    let prev = previous(&verified, &peer, view)?;
    command(document, &verified, named, prev, verified.signers().to_vec())
}

fn command(
    document: &[u8],
    manifest: &PeerManifest,
    named: Digest,
    prev: Option<Digest>,
    signed_by: Vec<Kid>,
) -> Result<Proposal, Problem> {
    super::with_body(document, |digest| {
        Command::Peer(PeerCommand::State {
            issuer: manifest.issuer.clone(),
            seq: manifest.seq,
            prev,
            digest,
            expires_at: manifest.expires_at,
            signed_by,
            keys: manifest.keys.iter().map(EnrolledKey::from).collect(),
            document: named,
            recovery_keys: manifest.recovery_keys.clone(),
        })
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

pub(super) fn refused(error: &signed::Error) -> Problem {
    match error {
        signed::Error::Json(cause) => super::task::not_json(cause),
        signed::Error::BadSignature { .. } => Problem::new(Code::BadSignature, error),
        signed::Error::Threshold { .. } => Problem::new(Code::KeyNotEnrolled, error),
        _ => Problem::new(Code::InvalidDocument, error),
    }
}

/// What a document that does not count now is refused with.
pub(super) fn out_of_life(error: LifeError) -> Code {
    match error {
        LifeError::Expired { .. } => Code::DocumentExpired,
        LifeError::Future { .. } => Code::TooFarAhead,
        LifeError::Span { .. } => Code::InvalidDocument,
    }
}

fn senseless(error: &manifest::Error) -> Problem {
    let code = match error {
        manifest::Error::Life(life) => out_of_life(*life),
        _ => Code::InvalidDocument,
    };
    Problem::new(code, error)
}
