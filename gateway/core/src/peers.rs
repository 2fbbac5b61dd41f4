//! The enrolled peers as this gateway knows them at one revision.
//!
//! Decides which keys a token may be verified with. Must never hold a key that was not checked: a
//! [`PublicKey`] is decompressed and of the prime-order group by its type.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use proto_types::{Kid, Origin, PublicKey, Revision, WallMs};

use crate::conduct::Tally;
use crate::gcra::{Cell, Share};

/// The most keys that a peer may have enrolled; more are not looked at, so that a token without a
/// key id costs a bounded number of verifications.
pub const KEYS_MAX: usize = 16;

/// A key that may sign tokens. While a peer rotates, the old one and the new one both count.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name.
    pub kid: Kid,
    /// The key.
    pub public_key: PublicKey,
    /// From when it counts.
    pub not_before: WallMs,
    /// Until when, itself excluded.
    pub not_after: WallMs,
}

impl Key {
    /// A key that counts as long as it is enrolled.
    #[must_use]
    pub fn new(kid: Kid, public_key: PublicKey) -> Self {
        Self { kid, public_key, not_before: WallMs(0), not_after: WallMs(u64::MAX) }
    }
}

/// One enrolled peer.
#[derive(Debug)]
pub struct Peer {
    /// Its name.
    pub origin: Origin,
    /// Whether it may act.
    pub active: bool,
    /// Its signing keys.
    keys: Vec<Key>,
    /// Its limit on this gateway; shared by all snapshots, so that an update of the peer does not
    /// give it a fresh burst.
    pub cell: Arc<Cell>,
    /// What this gateway has seen of it; shared in the same way.
    pub tally: Arc<Tally>,
    /// The part of the quota that it has earned.
    pub share: Share,
    /// How long its tokens may live, in seconds, where more is allowed than to others.
    pub token_life_s_max: u64,
    /// The change that this is the result of.
    pub revision: Revision,
}

impl Peer {
    /// A peer; keys beyond [`KEYS_MAX`] are left out.
    #[must_use]
    pub fn new(origin: Origin, active: bool, mut keys: Vec<Key>, revision: Revision) -> Self {
        keys.truncate(KEYS_MAX);
        let (cell, tally) = (Arc::default(), Arc::default());
        let (share, token_life_s_max) = (Share::WHOLE, 0);
        Self { origin, active, keys, cell, tally, share, token_life_s_max, revision }
    }

    /// The keys that count now and that a token with this key id may have been signed with: the one
    /// of that name, or for a token that names none (Pilox mints such) each of them.
    pub fn keys_for<'p>(
        &'p self,
        kid: Option<&'p Kid>,
        now: WallMs,
    ) -> impl Iterator<Item = &'p PublicKey> {
        let named = move |key: &&Key| kid.is_none_or(|kid| *kid == key.kid);
        let counts = move |key: &&Key| (key.not_before..key.not_after).contains(&now);
        self.keys.iter().filter(named).filter(counts).map(|key| &key.public_key)
    }
}

/// A snapshot of all peers. Cheap to share, copied to be changed.
#[derive(Clone, Debug, Default)]
pub struct Peers(BTreeMap<Origin, Arc<Peer>>);

impl Peers {
    /// The peer of that name, enrolled or revoked.
    #[must_use]
    pub fn find(&self, origin: &Origin) -> Option<&Arc<Peer>> {
        self.0.get(origin)
    }

    /// Takes over a peer as it is now. An older state than what is known changes nothing: changes
    /// may be fetched out of order.
    pub fn put(&mut self, mut peer: Peer) {
        if let Some(known) = self.0.get(&peer.origin) {
            if known.revision > peer.revision {
                return;
            }
            peer.cell = Arc::clone(&known.cell);
            peer.tally = Arc::clone(&known.tally);
        }
        self.0.insert(peer.origin.clone(), Arc::new(peer));
    }

    /// These peers and no others. What this gateway itself counts of those that it knows goes on.
    #[must_use]
    pub fn replaced(&self, peers: impl IntoIterator<Item = Peer>) -> Self {
        let counted = |mut peer: Peer| {
            if let Some(known) = self.0.get(&peer.origin) {
                peer.cell = Arc::clone(&known.cell);
                peer.tally = Arc::clone(&known.tally);
            }
            (peer.origin.clone(), Arc::new(peer))
        };
        Self(peers.into_iter().map(counted).collect())
    }

    /// All of them once, beginning after the one of this name.
    pub fn after(&self, last: Option<&Origin>) -> impl Iterator<Item = &Arc<Peer>> {
        let (rest, before) = match last {
            Some(last) => ((Excluded(last), Unbounded), Some((Unbounded, Included(last)))),
            None => ((Unbounded, Unbounded), None),
        };
        let before = before.into_iter().flat_map(|range| self.0.range::<Origin, _>(range));
        self.0.range::<Origin, _>(rest).chain(before).map(|(_, peer)| peer)
    }

    /// Forgets a peer.
    pub fn remove(&mut self, origin: &Origin) {
        self.0.remove(origin);
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::SecretKey;

    use super::*;

    const NOW: WallMs = WallMs(1_000);

    fn peer(revision: u64, kids: &[&str]) -> Peer {
        let key = |at: usize| SecretKey::from_seed(&[u8::try_from(at).unwrap(); 32]).public();
        let keys = kids.iter().enumerate();
        let keys = keys.map(|(at, kid)| Key::new(Kid::parse(kid).unwrap(), key(at)));
        let origin = Origin::parse("https://a.example").unwrap();
        Peer::new(origin, true, keys.collect(), Revision(revision))
    }

    #[test]
    fn an_older_state_of_a_peer_changes_nothing_and_its_limit_is_kept() {
        let mut peers = Peers::default();
        peers.put(peer(5, &["k1"]));
        let origin = peer(5, &[]).origin;
        let cell = Arc::clone(&peers.find(&origin).unwrap().cell);
        peers.put(peer(4, &["k1", "k2"]));
        assert_eq!(peers.find(&origin).unwrap().keys_for(None, NOW).count(), 1);
        peers.put(peer(6, &["k1", "k2"]));
        assert_eq!(peers.find(&origin).unwrap().keys_for(None, NOW).count(), 2);
        assert!(Arc::ptr_eq(&cell, &peers.find(&origin).unwrap().cell));
    }

    #[test]
    fn a_replaced_snapshot_has_these_peers_at_any_revision_and_no_others_and_keeps_their_limits() {
        let mut peers = Peers::default();
        peers.put(peer(9, &["k1", "k2"]));
        let gone = Origin::parse("https://gone.example").unwrap();
        peers.put(Peer::new(gone.clone(), true, Vec::new(), Revision(8)));
        let replaced = peers.replaced([peer(5, &["k1"])]);
        let origin = peer(5, &[]).origin;
        assert!(replaced.find(&gone).is_none() && replaced.len() == 1);
        assert_eq!(replaced.find(&origin).unwrap().keys_for(None, NOW).count(), 1);
        let cell = |peers: &Peers| Arc::clone(&peers.find(&origin).unwrap().cell);
        assert!(Arc::ptr_eq(&cell(&peers), &cell(&replaced)));
    }

    #[test]
    fn going_round_meets_every_peer_once() {
        let mut peers = Peers::default();
        let origin = |name: &str| Origin::parse(&format!("https://{name}.example")).unwrap();
        for name in ["a", "b", "c"] {
            peers.put(Peer::new(origin(name), true, Vec::new(), Revision(1)));
        }
        let met = |last: Option<Origin>| {
            let met = peers.after(last.as_ref()).map(|peer| peer.origin.as_str()[8..9].to_owned());
            met.collect::<String>()
        };
        assert_eq!(met(None), "abc");
        assert_eq!(met(Some(origin("a"))), "bca");
        assert_eq!(met(Some(origin("c"))), "abc");
        assert_eq!(met(Some(origin("bb"))), "cab", "the last one may be gone since");
    }

    #[test]
    fn case_10_both_keys_count_while_they_overlap_and_neither_outside_its_time() {
        let (old, new) = (Kid::parse("old").unwrap(), Kid::parse("new").unwrap());
        let key = |kid: &Kid, seed, (from, until)| Key {
            not_before: WallMs(from),
            not_after: WallMs(until),
            ..Key::new(kid.clone(), SecretKey::from_seed(&[seed; 32]).public())
        };
        let keys = vec![key(&old, 1, (0, 20)), key(&new, 2, (10, 30))];
        let origin = Origin::parse("https://a.example").unwrap();
        let peer = Peer::new(origin, true, keys, Revision(1));
        for (now, counting) in [(9, 1), (10, 2), (19, 2), (20, 1), (29, 1), (30, 0)] {
            assert_eq!(peer.keys_for(None, WallMs(now)).count(), counting, "{now}");
        }
        assert_eq!(peer.keys_for(Some(&old), WallMs(20)).count(), 0);
        assert_eq!(peer.keys_for(Some(&new), WallMs(9)).count(), 0);
    }

    #[test]
    fn a_key_id_chooses_one_key_and_no_key_id_at_most_16() {
        let kids: Vec<String> = (0..20).map(|at| format!("k{at}")).collect();
        let kids: Vec<&str> = kids.iter().map(String::as_str).collect();
        let peer = peer(1, &kids);
        assert_eq!(peer.keys_for(None, NOW).count(), KEYS_MAX);
        assert_eq!(peer.keys_for(Some(&Kid::parse("k3").unwrap()), NOW).count(), 1);
        assert_eq!(peer.keys_for(Some(&Kid::parse("k19").unwrap()), NOW).count(), 0);
    }
}
