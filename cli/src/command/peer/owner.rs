//! What the owner of a peer signs: its enrolment and its operations.
//!
//! It decides what stands in an operation. It reads the peer's newest operation first, so that what
//! is signed follows it; it must never sign for a peer that the registry did not show.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use proto_types::key::{AnyKey, Signer};
use proto_types::manifest::{KeyUse, ManifestKey, RecoveryKey};
use proto_types::peer::{Action, PeerOperation, PeerStatus, Retirement};
use proto_types::{Digest, Kid, Origin, Signed, WallMs};
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::args::{Owner, PeerVerb};
use crate::client::Directory;
use crate::failure::Failure;
use crate::keyfile::{self, NamedKey};
use crate::output::Output;

use super::{done, log, peer};

/// How long an operation may be carried to the registry.
const LIFE_MS: u64 = 3_600_000;

/// How long a key counts unless it is rotated before: two years. Arbitrary.
pub(super) const KEY_LIFE_MS: u64 = 2 * 365 * 86_400_000;

/// Clocks of registries may be behind ours by this much.
pub(super) const EARLY_MS: u64 = 60_000;

/// A signed enrolment.
pub(super) fn enrolment(
    (origin, epoch): (Origin, u64),
    keys: &[PathBuf],
    recovery: &[PathBuf],
) -> Result<Vec<u8>, Failure> {
    let (signing, recovery) = (read_all(keys)?, read_all(recovery)?);
    let action = Action::Enrol { keys: joining(&signing), recovery_keys: recovering(&recovery) };
    let operation = operation(origin, (epoch, 1, None), action);
    let signers: Vec<_> = signing.iter().chain(&recovery).map(NamedKey::named).collect();
    sign(operation, &signers)
}

/// What the host publishes: a TXT record, or a file.
pub(super) fn domain_record(origin: &Origin, keys: &[PathBuf]) -> Result<Output, Failure> {
    let keys = read_all(keys)?;
    let digest = |key: &NamedKey| Digest::of(key.secret.public().as_bytes()).hex();
    let texts = keys.iter().map(|key| format!("ecumene-key={}:{}", key.kid, digest(key)));
    let named = keys.iter().map(|key| json!({ "kid": key.kid, "sha256": digest(key) }));
    Ok(Output::one(json!({
        "txtName": format!("_ecumene.{}", origin.host()),
        "txt": texts.collect::<Vec<_>>(),
        "fileUrl": format!("{origin}/.well-known/ecumene-enrolment.json"),
        "file": { "origin": origin, "keys": named.collect::<Vec<_>>() },
    })))
}

/// The verbs that an owner signs.
pub(super) async fn operate(directory: &mut Directory, verb: PeerVerb) -> Result<Output, Failure> {
    match verb {
        PeerVerb::Rotate { owner, new_key, overlap_seconds } => {
            rotate(directory, owner, &new_key, overlap_seconds).await
        }
        PeerVerb::Delegate { owner, card_key } => {
            let (key, card) = (keyfile::read(&owner.key)?, keyfile::read_card(&card_key)?);
            let stated = stated(&card.kid, card.signer.public(), KeyUse::Card);
            let action = Action::Delegate { keys: vec![stated] };
            next(directory, &owner.origin, action, &[key.named(), card.named()]).await
        }
        PeerVerb::RevokeKey { owner, kid } => {
            let action = Action::RevokeKey { key: kid };
            let signer = keyfile::read(&owner.key)?;
            next(directory, &owner.origin, action, &[signer.named()]).await
        }
        PeerVerb::Move { owner, to } => {
            let action = Action::Move { to };
            let signer = keyfile::read(&owner.key)?;
            next(directory, &owner.origin, action, &[signer.named()]).await
        }
        PeerVerb::Recover { origin, recovery_key, key, new_recovery_key, after } => {
            let by = keyfile::read(&recovery_key)?;
            let (keys, recovery) = (read_all(&key)?, read_all(&new_recovery_key)?);
            recover(directory, &origin, by, (keys, recovery), after).await
        }
        _ => Err(Failure::internal("not a verb of an owner")),
    }
}

async fn rotate(
    directory: &mut Directory,
    owner: Owner,
    new_key: &Path,
    overlap_seconds: u64,
) -> Result<Output, Failure> {
    let (old, new) = (keyfile::read(&owner.key)?, keyfile::read(new_key)?);
    let not_after = now().plus_ms(overlap_seconds.saturating_mul(1_000));
    let retire = vec![Retirement { kid: old.kid.clone(), not_after }];
    let add = joining(std::slice::from_ref(&new));
    let action = Action::Rotate { add, retire };
    next(directory, &owner.origin, action, &[old.named(), new.named()]).await
}

/// The owner's word about its own peer.
pub(super) async fn stand(
    directory: &mut Directory,
    origin: &Origin,
    key: &Path,
    becomes: PeerStatus,
    reason: String,
) -> Result<Output, Failure> {
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    let action = match becomes {
        PeerStatus::Suspended => Action::Suspend { reason },
        PeerStatus::Active => Action::Resume {},
        PeerStatus::Revoked => Action::Revoke { reason },
        PeerStatus::Tombstoned => Action::Tombstone {},
    };
    next(directory, origin, action, &[keyfile::read(key)?.named()]).await
}

/// Signs the operation that follows the newest one, and brings it.
async fn next(
    directory: &mut Directory,
    origin: &Origin,
    action: Action,
    keys: &[(Kid, &dyn Signer)],
) -> Result<Output, Failure> {
    let peer = peer(directory, origin).await?;
    let prev = match peer.operation_digest.as_str() {
        "" => None,
        digest => Some(digest_of(digest)?),
    };
    let place = (peer.epoch, peer.operation_seq + 1, prev);
    bring(directory, operation(origin.clone(), place, action), keys).await
}

async fn recover(
    directory: &mut Directory,
    origin: &Origin,
    by: NamedKey,
    (keys, recovery): (Vec<NamedKey>, Vec<NamedKey>),
    after: Option<Digest>,
) -> Result<Output, Failure> {
    // What stood after an entry is worked out here: whoever stole a key may have told otherwise.
    let replay = log::replay(origin, &log::read(directory, origin).await?)?;
    let after = after.or(replay.head());
    let stood = replay.steps().iter().rfind(|step| Some(step.digest) == after);
    let stood = stood.ok_or_else(|| Failure::usage("--after names no entry of the peer's log"))?;
    let epoch = replay.state().map_or(0, |state| state.epoch) + 1;
    let newest = stood.state.operation;
    let place = (epoch, newest.map_or(1, |it| it.seq + 1), newest.map(|it| it.digest));
    let stays = if recovery.is_empty() { std::slice::from_ref(&by) } else { &recovery };
    let action = Action::Recover {
        after: stood.digest,
        keys: joining(&keys),
        recovery_keys: recovering(stays),
    };
    have_own_names(&recovery, &by)?;
    // Every key that joins signs, once.
    let new = recovery.iter().filter(|key| key.kid != by.kid);
    let signers: Vec<_> =
        std::iter::once(&by).chain(&keys).chain(new).map(NamedKey::named).collect();
    bring(directory, operation(origin.clone(), place, action), &signers).await
}

/// Holds if no new recovery key has the name of the old one, under which it could not sign.
fn have_own_names(new: &[NamedKey], old: &NamedKey) -> Result<(), Failure> {
    let is_other = |key: &&NamedKey| key.secret.public() != old.secret.public();
    if new.iter().filter(is_other).all(|key| key.kid != old.kid) {
        return Ok(());
    }
    let name = &old.kid;
    Err(Failure::usage(format!("a new recovery key is named {name}, as the old one: rename it")))
}

async fn bring(
    directory: &mut Directory,
    operation: PeerOperation,
    keys: &[(Kid, &dyn Signer)],
) -> Result<Output, Failure> {
    let document = sign(operation, keys)?.into();
    Ok(done(directory.operate_peer(wire::PutDocumentRequest { document }).await?.into_inner()))
}

fn operation(
    issuer: Origin,
    (epoch, seq, prev): (u64, u64, Option<Digest>),
    action: Action,
) -> PeerOperation {
    let issued_at = now();
    let expires_at = issued_at.plus_ms(LIFE_MS);
    PeerOperation { issuer, epoch, seq, issued_at, expires_at, prev, action }
}

fn sign(operation: PeerOperation, keys: &[(Kid, &dyn Signer)]) -> Result<Vec<u8>, Failure> {
    let signed = Signed::sign(operation, keys).map_err(Failure::internal)?;
    Ok(signed.bytes().to_vec())
}

fn joining(keys: &[NamedKey]) -> Vec<ManifestKey> {
    let key = |key: &NamedKey| stated(&key.kid, key.secret.public().into(), KeyUse::Signing);
    keys.iter().map(key).collect()
}

fn stated(kid: &Kid, public_key: AnyKey, usage: KeyUse) -> ManifestKey {
    let (not_before, not_after) = (now().minus_ms(EARLY_MS), now().plus_ms(KEY_LIFE_MS));
    ManifestKey { kid: kid.clone(), public_key, usage, not_before, not_after }
}

fn recovering(keys: &[NamedKey]) -> Vec<RecoveryKey> {
    let key =
        |key: &NamedKey| RecoveryKey { kid: key.kid.clone(), public_key: key.secret.public() };
    keys.iter().map(key).collect()
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<NamedKey>, Failure> {
    paths.iter().map(|path| keyfile::read(path)).collect()
}

fn digest_of(text: &str) -> Result<Digest, Failure> {
    Digest::parse(text).map_err(|error| Failure::usage(format!("{text}: {error}")))
}

pub(super) fn now() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
