//! Peers: enrolment and revocation.
//! Decides which keys count for which origin; must never enrol a revoked peer again, nor replace
//! the keys of an enrolled one (a manifest signed with them does that).

use std::collections::BTreeSet;

use proto_types::Origin;

use crate::change::{Refusal, Reply};
use crate::entry::{Approval, ChangeKind, EnrolledKey, JoinRole, PeerEntry, PeerStatus};
use crate::table::PEERS;

use super::bound;
use super::draft::{Draft, Outcome};
use super::join;

/// Room for a few signing keys in rotation and a recovery key; each is checked at every load.
const KEYS_MAX: u64 = 16;

pub(super) fn enrol(
    draft: &mut Draft<'_>,
    origin: &Origin,
    keys: &[EnrolledKey],
    approval: &Approval,
) -> Outcome {
    check_keys(keys)?;
    if let Some(kept) = draft.entry(&PEERS, origin.as_str())? {
        if kept.status == PeerStatus::Active && kept.keys == keys {
            return Ok(Reply::Done(kept.revision));
        }
        return Err(bound::conflict("peer", origin.as_str()).into());
    }
    if let Approval::JoinToken(hash) = approval {
        join::spend(draft, hash, JoinRole::Peer, origin.as_str())?;
    }
    let revision = draft.note(ChangeKind::Peer, origin.as_str(), false);
    let peer = PeerEntry {
        origin: origin.clone(),
        keys: keys.to_vec(),
        status: PeerStatus::Active,
        approval: approval.clone(),
        enrolled_at: draft.now(),
        manifest: None,
        revision,
    };
    draft.replace(&PEERS, None, &peer);
    Ok(Reply::Done(revision))
}

pub(super) fn revoke(draft: &mut Draft<'_>, origin: &Origin) -> Outcome {
    let kept = draft.existing(&PEERS, origin.as_str())?;
    if kept.status == PeerStatus::Revoked {
        return Ok(Reply::Done(kept.revision));
    }
    let revision = draft.note(ChangeKind::Peer, origin.as_str(), false);
    let revoked = PeerEntry { status: PeerStatus::Revoked, revision, ..kept.clone() };
    draft.replace(&PEERS, Some(&kept), &revoked);
    Ok(Reply::Done(revision))
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
