//! Whose a directory entry is.
//! Decides whether a key counts and whether an entry may change hands; must never let a live entry
//! of an active peer pass to anybody else (one authority for a handle).

use proto_types::{Kid, Origin};

use crate::change::Refusal;
use crate::entry::PeerStatus;
use crate::index;
use crate::table::PEERS;
use crate::view::Space;

use super::draft::{Draft, Stop};

/// Refuses a key that is not, or no longer, enrolled for an active peer.
pub(super) fn check_key(draft: &Draft<'_>, signer: Option<&(Origin, Kid)>) -> Result<(), Stop> {
    let Some((origin, kid)) = signer else { return Ok(()) };
    let key = index::enrolled_key(origin, kid);
    if draft.view().value(Space::Index, &key)?.is_some() {
        return Ok(());
    }
    Err(Refusal::KeyNotEnrolled { origin: origin.clone(), kid: kid.to_string() }.into())
}

/// Refuses to replace an entry of `kept` with one of `offered`.
pub(super) fn check_authority(
    draft: &Draft<'_>,
    (kind, id): (&str, &str),
    kept: Option<&Origin>,
    offered: Option<&Origin>,
) -> Result<(), Stop> {
    let Some(owner) = kept.filter(|owner| Some(*owner) != offered) else { return Ok(()) };
    match draft.entry(&PEERS, owner.as_str())? {
        Some(peer) if peer.status == PeerStatus::Active => {
            let (kind, id, owner) = (kind.to_owned(), id.to_owned(), owner.clone());
            Err(Refusal::NotOwner { kind, id, owner }.into())
        }
        _ => Ok(()),
    }
}
