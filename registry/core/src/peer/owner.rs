//! The owner of a directory entry: the decision whether a key counts, and whether an entry may change hands. A live entry
//! of an active or suspended peer never passes to anybody else.

use proto_types::manifest::KeyUse;
use proto_types::{Kid, Origin};

use crate::change::Refusal;
use crate::draft::{Draft, Step};

use super::entry::{EnrolledKey, PeerStatus};
use super::table::PEERS;

/// Refuses a key that does not, or no longer, count for an active peer; `usage` beside signing keys.
pub(crate) fn check_key(
    draft: &Draft<'_>,
    signer: Option<&(Origin, Kid)>,
    usage: KeyUse,
) -> Step<()> {
    let Some((origin, kid)) = signer else { return Ok(()) };
    let fits =
        |key: &EnrolledKey| key.kid == *kid && (key.usage == usage || key.usage == KeyUse::Signing);
    match draft.entry(&PEERS, origin.as_str())? {
        Some(peer) if peer.counting(draft.now()).any(fits) => Ok(()),
        _ => Err(Refusal::KeyNotEnrolled { origin: origin.clone(), kid: kid.to_string() }.into()),
    }
}

/// Refuses to replace an entry of `kept` with one of `offered`.
pub(crate) fn check_authority(
    draft: &Draft<'_>,
    (kind, id): (&str, &str),
    kept: Option<&Origin>,
    offered: Option<&Origin>,
) -> Step<()> {
    let Some(owner) = kept.filter(|owner| Some(*owner) != offered) else { return Ok(()) };
    match draft.entry(&PEERS, owner.as_str())? {
        Some(peer) if peer.status <= PeerStatus::Suspended => {
            let (kind, id, owner) = (kind.to_owned(), id.to_owned(), owner.clone());
            Err(Refusal::NotOwner { kind, id, owner }.into())
        }
        _ => Ok(()),
    }
}
