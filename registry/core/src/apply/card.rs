//! A2A cards.
//! Decides whose card is kept for a handle; must never look into one.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Kid, Origin};

use crate::change::Reply;
use crate::entry::{CardEntry, ChangeKind};
use crate::table::CARDS;

use super::draft::{Draft, Outcome};
use super::owner;

pub(super) fn put(
    draft: &mut Draft<'_>,
    handle: &Handle,
    digest: Digest,
    assurance: Assurance,
    signer: Option<&(Origin, Kid)>,
) -> Outcome {
    owner::check_key(draft, signer)?;
    let (owner, kid) = signer.cloned().unzip();
    let kept = draft.entry(&CARDS, handle.as_str())?;
    if let Some(kept) = &kept {
        let kept_owner = kept.owner.as_ref();
        owner::check_authority(draft, ("card", handle.as_str()), kept_owner, owner.as_ref())?;
    }
    let handle = handle.clone();
    let mut card =
        CardEntry { handle, digest, assurance, owner, kid, revision: Default::default() };
    if let Some(kept) = kept.as_ref().filter(|kept| same(kept, &card)) {
        return Ok(Reply::Done(kept.revision));
    }
    draft.require_body(&digest)?;
    card.revision = draft.note(ChangeKind::Card, card.handle.as_str(), false);
    draft.replace(&CARDS, kept.as_ref(), &card);
    Ok(Reply::Done(card.revision))
}

fn same(kept: &CardEntry, offered: &CardEntry) -> bool {
    *kept == CardEntry { revision: kept.revision, ..offered.clone() }
}
