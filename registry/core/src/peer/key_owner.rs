//! The owner of each key: the first peer that it joined, for ever. A key that one peer has or had never counts for
//! another, or what the one has signed would be the other's word.

use proto_types::peer::EnrolledKey;
use proto_types::{AnyKey, Kid, Origin};

use crate::bound;
use crate::draft::{Draft, Step};
use crate::entity::Entity as _;
use crate::index;
use crate::layout::Tag;
use crate::view::{Space, Write};

use super::entry::{PeerEntry, PeerStatus};
use super::table::PEERS;

/// The origins of peers by key.
pub(crate) const KEY_OWNERS: Tag = Tag(34);

/// Whether the keys of the peers from before keys had owners are noted.
const NOTED: &str = "key-owners-noted";

/// Peers that are read at a time.
const PAGE: usize = 256;

/// Notes the keys that join, or refuses one that is another peer's. A key is given free when its peer has left for good:
/// if that returns, its keys join anew, since another peer may have them by now.
pub(crate) fn claim(draft: &mut Draft<'_>, kept: Option<&PeerEntry>, peer: &PeerEntry) -> Step<()> {
    note_earlier(draft)?;
    if peer.status == PeerStatus::Tombstoned {
        return Ok(());
    }
    let stays = kept.filter(|kept| kept.status != PeerStatus::Tombstoned);
    let has = |of: Option<&PeerEntry>, key: &EnrolledKey| {
        of.is_some_and(|peer| peer.keys.iter().any(|it| it.public_key == key.public_key))
    };
    for key in peer.keys.iter().filter(|key| !has(stays, key)) {
        let is_own = check_free(draft, (&key.kid, &key.public_key), &peer.origin)?;
        if !(is_own && has(kept, key)) {
            note(draft, &key.public_key, &peer.origin);
        }
    }
    // One holder's recovery key may stand behind several peers, so it gets no owner. But none is a key that acts for
    // another peer.
    let recovered = stays.map(|kept| &*kept.recovery_keys).unwrap_or_default();
    for key in peer.recovery_keys.iter().filter(|key| !recovered.contains(key)) {
        check_free(draft, (&key.kid, &key.public_key.into()), &peer.origin)?;
    }
    Ok(())
}

/// Refuses a key that another peer has or had, as long as that has not left; true if it is this peer's already.
fn check_free(draft: &Draft<'_>, (kid, key): (&Kid, &AnyKey), origin: &Origin) -> Step<bool> {
    match owner(draft, key)? {
        Some(owner) if owner == *origin => Ok(true),
        Some(other) if !has_left(draft, &other)? => {
            Err(bound::conflict("key", kid.as_str()).into())
        }
        _ => Ok(false),
    }
}

/// Once, for a state that an earlier version wrote: a row for each key that any peer has or has revoked. Of two peers with
/// one key the first by name keeps it.
fn note_earlier(draft: &mut Draft<'_>) -> Step<()> {
    if draft.count(NOTED)? > 0 {
        return Ok(());
    }
    let mut after: Option<String> = None;
    loop {
        let page = PEERS.list(draft.view(), after.as_deref(), PAGE)?;
        for peer in &page {
            let keys = peer.keys.iter().map(|key| key.public_key);
            for key in keys.chain(peer.revoked_keys.iter().copied()) {
                if owner(draft, &key)?.is_none() {
                    note(draft, &key, &peer.origin);
                }
            }
        }
        after = page.last().map(|peer| peer.key());
        if page.len() < PAGE {
            break;
        }
    }
    draft.set_count(NOTED, 1);
    Ok(())
}

fn owner(draft: &Draft<'_>, key: &AnyKey) -> Step<Option<Origin>> {
    let Some(value) = draft.view().value(Space::State, &row(key))? else { return Ok(None) };
    let text = index::text(value)?;
    Ok(Some(Origin::parse(&text).map_err(|cause| index::corrupt(&cause))?))
}

fn has_left(draft: &Draft<'_>, origin: &Origin) -> Step<bool> {
    let peer = draft.entry(&PEERS, origin.as_str())?;
    Ok(peer.is_none_or(|peer| peer.status == PeerStatus::Tombstoned))
}

fn note(draft: &mut Draft<'_>, key: &AnyKey, origin: &Origin) {
    let value = origin.as_str().as_bytes().to_vec();
    draft.write(Write::Put { space: Space::State, key: row(key), value });
}

fn row(key: &AnyKey) -> Vec<u8> {
    KEY_OWNERS.key(&[key.as_bytes()])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{SecretKey, Stamp, WallMs};

    use crate::change::{Refusal, Reply};
    use crate::command::Command;
    use crate::peer::command::EnrolPeer;
    use crate::peer::entry::Approval;
    use crate::view::{Memory, View as _};
    use crate::{apply, counter, layout};

    use super::*;

    fn enrol(view: &mut Memory, origin: &str, seed: u8) -> Reply {
        let key = SecretKey::from_seed(&[seed; 32]).public();
        let command = Command::EnrolPeer(EnrolPeer {
            origin: origin.parse().unwrap(),
            keys: vec![EnrolledKey::new("k1".parse().unwrap(), key)],
            approval: Approval::Operator,
        });
        let change = apply(view, Stamp { now: WallMs(1) }, &command).unwrap();
        view.commit(&change.writes);
        change.reply
    }

    #[test]
    fn keys_from_before_keys_had_owners_have_them_too() {
        let mut view = Memory::default();
        for seed in 1..=3 {
            enrol(&mut view, &format!("https://p{seed}.example"), seed);
        }
        // As an earlier version left it.
        let first = KEY_OWNERS.key(&[]);
        let rows = view.range(Space::State, &first, &layout::past(&first), 9).unwrap();
        assert_eq!(rows.len(), 3);
        let mut earlier: Vec<_> =
            rows.into_iter().map(|(key, _)| Write::Delete { space: Space::State, key }).collect();
        earlier.push(counter::write(NOTED, 0));
        view.commit(&earlier);
        let taken = Refusal::Conflict { kind: "key".into(), id: "k1".into() };
        assert_eq!(enrol(&mut view, "https://thief.example", 3), Reply::Refused(taken));
        assert!(matches!(enrol(&mut view, "https://p4.example", 4), Reply::Done(_)));
    }
}
