//! The decision whose card is kept for a handle. It never looks into the card.

use proto_types::manifest::KeyUse;
use proto_types::{Handle, Revision};

use crate::change::Reply;
use crate::draft::{Draft, Outcome, Step};
use crate::history::entry::ChangeKind;
use crate::import::command::{Import, ImportedRecord};
use crate::import::entry::ImportKind;
use crate::import::home;
use crate::namespace::entry::Usage;
use crate::namespace::tenancy::NamespaceContext;
use crate::peer::owner;
use crate::visibility::Scoped;

use super::command::PutCard;
use super::entry::CardEntry;
use super::table::CARDS;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutCard) -> Outcome {
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
    let namespace = NamespaceContext::of(draft, handle)?;
    let mut card = card_of(command, kept.as_ref(), &namespace);
    card.bytes = draft.require_body(&command.digest)?;
    // What is another registry's comes home by this, also if it is the same.
    if let Some(kept) = kept.as_ref().filter(|kept| !imported && same(kept, &card)) {
        return Ok(Reply::Done(kept.revision));
    }
    let kept_assurance = kept.as_ref().map(|kept| kept.assurance);
    namespace.check_trust(("card", handle), kept_assurance, card.assurance)?;
    namespace.account(draft, kept.as_ref().map(CardEntry::usage), card.usage())?;
    let scopes = (kept.as_ref().map(Scoped::scope), Some(card.scope()));
    card.revision = draft.note_in(ChangeKind::Card, card.handle.as_str(), false, scopes);
    draft.replace(&CARDS, kept.as_ref(), &card);
    home::bring_home(draft, ImportKind::Card, handle)?;
    Ok(Reply::Done(card.revision))
}

fn card_of(command: &PutCard, kept: Option<&CardEntry>, namespace: &NamespaceContext) -> CardEntry {
    let (owner, kid) = command.owner.clone().unzip();
    CardEntry {
        handle: command.handle.clone(),
        digest: command.digest,
        assurance: command.assurance,
        owner,
        kid,
        visibility: namespace.visibility(command.visibility, kept.map(|kept| kept.visibility)),
        namespace: namespace.name.clone(),
        bytes: 0,
        revision: Default::default(),
    }
}

fn same(kept: &CardEntry, offered: &CardEntry) -> bool {
    *kept == CardEntry { revision: kept.revision, ..offered.clone() }
}

/// Takes over a card of another registry.
pub(crate) fn take_over(
    draft: &mut Draft<'_>,
    namespace: &NamespaceContext,
    import: &Import,
    entry: &ImportedRecord,
) -> Step<Revision> {
    let mut card = imported(import, entry);
    card.bytes = draft.require_body(&entry.digest)?;
    let kept = draft.entry(&CARDS, card.handle.as_str())?;
    card.namespace = namespace.name.clone();
    let had = kept.as_ref().map(|kept| kept.assurance);
    namespace.check_trust(("card", &card.handle), had, card.assurance)?;
    namespace.account(draft, kept.as_ref().map(CardEntry::usage), card.usage())?;
    let scopes = (kept.as_ref().map(Scoped::scope), Some(card.scope()));
    card.revision = draft.note_in(ChangeKind::Card, card.handle.as_str(), false, scopes);
    draft.replace(&CARDS, kept.as_ref(), &card);
    Ok(card.revision)
}

fn imported(import: &Import, entry: &ImportedRecord) -> CardEntry {
    let (owner, kid) = entry.owner.clone().unzip();
    CardEntry {
        handle: import.handle.clone(),
        digest: entry.digest,
        assurance: entry.assurance,
        owner,
        kid,
        visibility: entry.visibility(),
        namespace: Default::default(),
        bytes: 0,
        revision: Default::default(),
    }
}

/// Takes away a card of another registry.
pub(crate) fn withdraw(draft: &mut Draft<'_>, handle: &Handle) -> Step<Revision> {
    let id = handle.as_str();
    let Some(kept) = draft.entry(&CARDS, id)? else { return Ok(draft.revision()) };
    let namespace = NamespaceContext::of(draft, handle)?;
    namespace.account(draft, Some(kept.usage()), Usage::default())?;
    let revision = draft.note_in(ChangeKind::Card, id, true, (Some(kept.scope()), None));
    draft.remove(&CARDS, &kept);
    Ok(revision)
}
