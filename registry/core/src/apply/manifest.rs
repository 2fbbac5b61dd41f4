//! Manifests: how a peer states its keys anew.
//! Decides whether one follows the one kept; must never let a sequence fall or a fork pass.

use proto_types::{Digest, Kid, Origin};

use crate::change::{Refusal, Reply};
use crate::command::Command;
use crate::entry::{ChangeKind, ManifestRef, PeerEntry, PeerStatus};
use crate::table::PEERS;

use super::bound;
use super::draft::{Draft, Outcome};
use super::peer;

pub(super) fn put(draft: &mut Draft<'_>, command: &Command) -> Outcome {
    let Command::PutManifest { issuer, seq, prev, digest, expires_at, signed_by, keys } = command
    else {
        unreachable!("the dispatcher sends PutManifest here");
    };
    peer::check_keys(keys)?;
    let kept = draft.existing(&PEERS, issuer.as_str())?;
    let offered = ManifestRef { seq: *seq, digest: *digest, expires_at: *expires_at };
    if kept.manifest.as_ref() == Some(&offered) && kept.status == PeerStatus::Active {
        return Ok(Reply::Done(kept.revision));
    }
    bound::not_past(*expires_at, draft.now())?;
    check_signers(&kept, signed_by)?;
    if let Some(manifest) = &kept.manifest {
        check_succession(issuer, manifest, &offered, prev.as_ref())?;
    }
    draft.require_body(digest)?;
    let revision = draft.note(ChangeKind::Peer, issuer.as_str(), false);
    let manifest = Some(offered);
    let renewed = PeerEntry { keys: keys.clone(), manifest, revision, ..kept.clone() };
    draft.replace(&PEERS, Some(&kept), &renewed);
    Ok(Reply::Done(revision))
}

/// Between the check at the edge and now, a key may have been rotated out or the peer revoked.
fn check_signers(peer: &PeerEntry, signed_by: &[Kid]) -> Result<(), Refusal> {
    if signed_by.is_empty() {
        return Err(bound::invalid("signed_by", "names no key"));
    }
    let active = peer.status == PeerStatus::Active;
    let counts = |kid: &Kid| active && peer.keys.iter().any(|key| key.kid == *kid);
    match signed_by.iter().find(|kid| !counts(kid)) {
        None => Ok(()),
        Some(kid) => {
            let (origin, kid) = (peer.origin.clone(), kid.to_string());
            Err(Refusal::KeyNotEnrolled { origin, kid })
        }
    }
}

fn check_succession(
    issuer: &Origin,
    kept: &ManifestRef,
    offered: &ManifestRef,
    prev: Option<&Digest>,
) -> Result<(), Refusal> {
    if offered.seq <= kept.seq {
        let (kept, offered) = (kept.seq, offered.seq);
        return Err(Refusal::SequenceNotHigher { issuer: issuer.clone(), kept, offered });
    }
    // After a gap the one before is a manifest that was never seen here, so only the direct
    // successor's word can be checked.
    let direct = offered.seq == kept.seq + 1;
    match prev {
        Some(prev) if direct && *prev != kept.digest => {
            Err(bound::conflict("manifest", issuer.as_str()))
        }
        _ => Ok(()),
    }
}
