//! `peer manifest`: what a peer states of itself, signed by its owner.
//!
//! It decides the sequence, and that what is not said anew stays as the manifest before said it. The keys are those of
//! the peer's log, verified here; it must never add or drop one: keys change by operations, which leave a line.

use proto_types::manifest::{Endpoints, ManifestKey, PeerManifest};
use proto_types::peer::{EnrolledKey, KeySet};
use proto_types::{Origin, Signed, WallMs};
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::args::Statement;
use crate::client::Directory;
use crate::failure::Failure;
use crate::keyfile::{self, NamedKey};
use crate::output::Output;

use super::owner::{EARLY_MS, KEY_LIFE_MS, now};
use super::{log, peer};

const DAY_MS: u64 = 86_400_000;

/// States the peer anew.
pub(super) async fn state(
    directory: &mut Directory,
    statement: Statement,
) -> Result<Output, Failure> {
    let key = keyfile::read(&statement.owner.key)?;
    let origin = statement.owner.origin.clone();
    let keys = keys(directory, &origin, &key).await?;
    let before = before(&peer(directory, &origin).await?, &keys, statement.anew)?;
    let manifest = manifest(origin, &keys, before.as_ref(), statement);
    manifest.check(now()).map_err(|error| Failure::usage(error.to_string()))?;
    let (seq, expires_at) = (manifest.seq, manifest.expires_at);
    let signed = Signed::sign(manifest, &[(key.kid, &key.secret)]).map_err(Failure::internal)?;
    let document = signed.bytes().to_vec().into();
    let done = directory.put_manifest(wire::PutDocumentRequest { document }).await?.into_inner();
    Ok(Output::one(json!({
        "seq": seq,
        "expiresAt": expires_at,
        "digest": signed.document_digest(),
        "revision": done.revision,
    })))
}

/// The keys that the peer's log comes to, of which the signer's is one.
async fn keys(
    directory: &mut Directory,
    origin: &Origin,
    signer: &NamedKey,
) -> Result<KeySet, Failure> {
    let replay = log::replay(origin, &log::read(directory, origin).await?)?;
    let keys = replay.state().map(|state| state.keys.clone()).unwrap_or_default();
    if keys.signing(&signer.kid, now()) != Some(signer.secret.public()) {
        let why = format!("{} is no signing key of {origin} that counts now", signer.kid);
        return Err(Failure::usage(why));
    }
    Ok(keys)
}

/// The manifest that is in force. Unless nothing of it is taken over, a key of the peer has to have signed it.
fn before(
    peer: &wire::Peer,
    keys: &KeySet,
    anew: bool,
) -> Result<Option<Signed<PeerManifest>>, Failure> {
    if peer.manifest.is_empty() {
        return Ok(None);
    }
    let signed = Signed::<PeerManifest>::parse(&peer.manifest).map_err(Failure::internal)?;
    let counts = |kid: &_| keys.signing(kid, now());
    if !anew && signed.clone().verify(&counts, 1).is_err() {
        let why = "the manifest before is signed by no key that counts now: say --anew, and everything that it shall hold";
        return Err(Failure::usage(why));
    }
    Ok(Some(signed))
}

fn manifest(
    issuer: Origin,
    keys: &KeySet,
    before: Option<&Signed<PeerManifest>>,
    statement: Statement,
) -> PeerManifest {
    let kept = before.map(Signed::unverified).filter(|_| !statement.anew);
    let endpoints = kept.map(|kept| kept.endpoints.clone()).unwrap_or_default();
    let capabilities = match statement.capability.is_empty() {
        true => kept.map(|kept| kept.capabilities.clone()).unwrap_or_default(),
        false => statement.capability.clone(),
    };
    let issued_at = now();
    PeerManifest {
        issuer,
        seq: before.map_or(0, |before| before.unverified().seq) + 1,
        issued_at,
        expires_at: issued_at.plus_ms(statement.days * DAY_MS),
        prev: before.map(Signed::document_digest),
        keys: keys.keys.iter().map(|key| bounded(key, issued_at)).collect(),
        recovery_keys: keys.recovery.clone(),
        endpoints: Endpoints {
            a2a: renewed(endpoints.a2a, statement.a2a),
            wan: renewed(endpoints.wan, statement.wan),
            descriptor: renewed(endpoints.descriptor, statement.descriptor),
        },
        capabilities,
        contact: renewed(kept.and_then(|kept| kept.contact.clone()), statement.contact),
    }
}

/// A key as a manifest has it: with both ends.
fn bounded(key: &EnrolledKey, now: WallMs) -> ManifestKey {
    ManifestKey {
        kid: key.kid.clone(),
        public_key: key.public_key,
        usage: key.usage,
        not_before: key.not_before.unwrap_or(now.minus_ms(EARLY_MS)),
        not_after: key.not_after.unwrap_or(now.plus_ms(KEY_LIFE_MS)),
    }
}

/// What is said anew replaces what was said before; an empty text takes it away.
fn renewed(before: Option<String>, said: Option<String>) -> Option<String> {
    said.map_or(before, |said| Some(said).filter(|said| !said.is_empty()))
}
