//! A2A cards.
//! Decides whose card is kept for a handle; must never look into one.

use proto_types::manifest::KeyUse;

use crate::change::Reply;
use crate::command::PutCard;
use crate::entry::{CardEntry, ChangeKind, ImportKind, Scoped};
use crate::table::CARDS;

use super::draft::{Draft, Outcome};
use super::tenancy::{self, Home};
use super::{home, owner};

pub(super) fn put(draft: &mut Draft<'_>, command: &PutCard) -> Outcome {
    let (handle, signer) = (&command.handle, command.owner.as_ref());
    owner::check_key(draft, signer, KeyUse::Card)?;
    let kept = draft.entry(&CARDS, handle.as_str())?;
    let mut imported = false;
    if let Some(kept) = &kept {
        let kept_owner = kept.owner.as_ref();
        let offered = signer.map(|(origin, _)| origin);
        imported = home::check_local(draft, (ImportKind::Card, handle), kept_owner, offered)?;
        owner::check_authority(draft, ("card", handle.as_str()), kept_owner, offered)?;
    }
    let home = Home::of(draft, handle)?;
    let mut card = card_of(command, kept.as_ref(), &home);
    card.bytes = draft.require_body(&command.digest)?;
    // What is another registry's comes home by this, also if it is the same.
    if let Some(kept) = kept.as_ref().filter(|kept| !imported && same(kept, &card)) {
        return Ok(Reply::Done(kept.revision));
    }
    let kept_assurance = kept.as_ref().map(|kept| kept.assurance);
    home.check_trust(("card", handle), kept_assurance, card.assurance)?;
    home.account(draft, kept.as_ref().map(tenancy::of_card), tenancy::of_card(&card))?;
    let scopes = (kept.as_ref().map(Scoped::scope), Some(card.scope()));
    card.revision = draft.note_in(ChangeKind::Card, card.handle.as_str(), false, scopes);
    draft.replace(&CARDS, kept.as_ref(), &card);
    home::bring_home(draft, ImportKind::Card, handle)?;
    Ok(Reply::Done(card.revision))
}

fn card_of(command: &PutCard, kept: Option<&CardEntry>, home: &Home) -> CardEntry {
    let (owner, kid) = command.owner.clone().unzip();
    CardEntry {
        handle: command.handle.clone(),
        digest: command.digest,
        assurance: command.assurance,
        owner,
        kid,
        visibility: home.visibility(command.visibility, kept.map(|kept| kept.visibility)),
        namespace: home.name.clone(),
        bytes: 0,
        revision: Default::default(),
    }
}

fn same(kept: &CardEntry, offered: &CardEntry) -> bool {
    *kept == CardEntry { revision: kept.revision, ..offered.clone() }
}
