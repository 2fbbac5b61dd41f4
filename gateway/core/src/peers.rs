//! The enrolled peers as this gateway knows them at one revision.
//!
//! Decides which keys a token may be verified with. Must never verify with a key that was not checked: a [`PublicKey`] is
//! decompressed and of the prime-order group by its type. The registry has checked each key before it kept it, and says who
//! is a peer at all; so what it tells is checked only when it is first verified with. Most peers never call this gateway, and
//! a check costs as much as a verification: it is a minute for a million of them.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, OnceLock};

use imbl::OrdSet;
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
    /// From when it counts.
    pub not_before: WallMs,
    /// Until when, itself excluded.
    pub not_after: WallMs,
    /// Its encoding. A checked key has its point beside it, which is six times as long.
    pub(crate) bytes: [u8; 32],
    /// The key, once it was asked for; nothing in it if the bytes are no key that is accepted.
    pub(crate) checked: OnceLock<Option<Box<PublicKey>>>,
}

impl Key {
    /// A key that was checked. It counts as long as it is enrolled.
    #[must_use]
    pub fn new(kid: Kid, public_key: PublicKey) -> Self {
        let unchecked = Self::unchecked(kid, *public_key.as_bytes());
        Self { checked: OnceLock::from(Some(Box::new(public_key))), ..unchecked }
    }

    /// A key as the registry tells it: it is checked when it is first asked for. It counts as long as it is enrolled.
    #[must_use]
    pub fn unchecked(kid: Kid, bytes: [u8; 32]) -> Self {
        let (not_before, not_after) = (WallMs(0), WallMs(u64::MAX));
        Self { kid, not_before, not_after, bytes, checked: OnceLock::new() }
    }

    /// The key, checked; `None` if it is none that is accepted.
    fn public_key(&self) -> Option<&PublicKey> {
        let check = || PublicKey::from_bytes(&self.bytes).ok().map(Box::new);
        self.checked.get_or_init(check).as_deref()
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
    keys: Box<[Key]>,
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
        let (keys, share) = (keys.into_boxed_slice(), Share::WHOLE);
        Self { origin, active, keys, cell, tally, share, token_life_s_max: 0, revision }
    }

    /// The keys that count now and that a token with this key id may have been signed with: the one
    /// of that name, or for a token that names none (Pilox mints such) each of them.
    pub fn keys_for<'p>(
        &'p self,
        kid: Option<&'p Kid>,
        now: WallMs,
    ) -> impl Iterator<Item = &'p PublicKey> {
        let named = move |key: &&Key| kid.is_none_or(|kid| *kid == key.kid);
        self.counting(now).filter(named).filter_map(Key::public_key)
    }

    /// Whether the key of these bytes counts now.
    #[must_use]
    pub fn has_key(&self, key: &[u8; 32], now: WallMs) -> bool {
        self.counting(now).any(|counts| counts.bytes == *key)
    }

    fn counting(&self, now: WallMs) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| (key.not_before..key.not_after).contains(&now))
    }
}

/// A peer, in its place among all by its name, which it holds once.
#[derive(Clone, Debug)]
struct ByOrigin(Arc<Peer>);

impl Borrow<Origin> for ByOrigin {
    fn borrow(&self) -> &Origin {
        &self.0.origin
    }
}

impl Ord for ByOrigin {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.origin.cmp(&other.0.origin)
    }
}

impl PartialOrd for ByOrigin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByOrigin {
    fn eq(&self, other: &Self) -> bool {
        self.0.origin == other.0.origin
    }
}

impl Eq for ByOrigin {}

/// A snapshot of all peers. A copy shares all that is not changed in it, so that a change of one peer among a million costs no
/// more than finding it.
#[derive(Clone, Debug, Default)]
pub struct Peers(OrdSet<ByOrigin>);

impl Peers {
    /// The peer of that name, enrolled or revoked.
    #[must_use]
    pub fn find(&self, origin: &Origin) -> Option<&Arc<Peer>> {
        self.0.get(origin).map(|ByOrigin(peer)| peer)
    }

    /// Takes over a peer as it is now. An older state than what is known changes nothing: changes
    /// may be fetched out of order.
    pub fn put(&mut self, peer: Peer) {
        if self.find(&peer.origin).is_some_and(|known| known.revision > peer.revision) {
            return;
        }
        let peer = self.counted(peer);
        self.0.insert(peer);
    }

    /// These peers and no others. What this gateway itself counts of those that it knows goes on.
    #[must_use]
    pub fn replaced(&self, peers: impl IntoIterator<Item = Peer>) -> Self {
        let mut replaced = Self::default();
        replaced.add_page(self, peers);
        replaced
    }

    /// Adds a page of the list that takes the place of `before`.
    pub fn add_page(&mut self, before: &Self, page: impl IntoIterator<Item = Peer>) {
        self.0.extend(page.into_iter().map(|peer| before.counted(peer)));
    }

    /// The peer, with what this gateway has counted of it.
    fn counted(&self, mut peer: Peer) -> ByOrigin {
        if let Some(known) = self.find(&peer.origin) {
            peer.cell = Arc::clone(&known.cell);
            peer.tally = Arc::clone(&known.tally);
        }
        ByOrigin(Arc::new(peer))
    }

    /// All of them once, beginning after the one of this name.
    pub fn after(&self, last: Option<&Origin>) -> impl Iterator<Item = &Arc<Peer>> {
        let (rest, before) = match last {
            Some(last) => ((Excluded(last), Unbounded), Some((Unbounded, Included(last)))),
            None => ((Unbounded, Unbounded), None),
        };
        let before = before.into_iter().flat_map(|range| self.0.range::<_, Origin>(range));
        self.0.range::<_, Origin>(rest).chain(before).map(|ByOrigin(peer)| peer)
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
    fn a_list_that_is_read_in_pages_is_the_same_as_one_that_is_read_at_once() {
        let origin = |at: usize| Origin::parse(&format!("https://p{at:04}.example")).unwrap();
        let of = |at| Peer::new(origin(at), true, Vec::new(), Revision(1));
        let before = Peers::default().replaced((0..1_000).step_by(2).map(of));
        let mut paged = Peers::default();
        for page in 0..10 {
            paged.add_page(&before, (page * 100..(page + 1) * 100).map(of));
        }
        let whole = before.replaced((0..1_000).map(of));
        let names =
            |peers: &Peers| peers.after(None).map(|peer| peer.origin.clone()).collect::<Vec<_>>();
        assert_eq!(names(&paged), (0..1_000).map(origin).collect::<Vec<_>>());
        assert_eq!(names(&whole), names(&paged));
        for at in [0, 501, 998] {
            let [kept, known] = [&paged, &before].map(|peers| peers.find(&origin(at)));
            let is_same = |known: &Arc<Peer>| Arc::ptr_eq(&known.cell, &kept.unwrap().cell);
            assert_eq!(known.is_some_and(is_same), at % 2 == 0, "{at}");
        }
    }

    #[test]
    fn a_copy_is_not_changed_by_what_changes_after_it() {
        let mut peers = Peers::default();
        peers.put(peer(5, &["k1"]));
        let (origin, copy) = (peer(5, &[]).origin, peers.clone());
        peers.put(peer(6, &["k1", "k2"]));
        assert_eq!(copy.find(&origin).unwrap().revision, Revision(5));
        peers.remove(&origin);
        assert!(peers.is_empty() && copy.find(&origin).is_some());
    }

    #[test]
    fn case_19_a_key_that_the_registry_should_not_have_kept_verifies_nothing_and_hides_none() {
        // The encoding of the identity, which is of order 1.
        let mut small = [0; 32];
        small[0] = 1;
        let own = SecretKey::from_seed(&[1; 32]).public();
        let kid = |name: &str| Kid::parse(name).unwrap();
        let keys =
            vec![Key::unchecked(kid("k1"), small), Key::unchecked(kid("k2"), *own.as_bytes())];
        let origin = Origin::parse("https://a.example").unwrap();
        let peer = Peer::new(origin, true, keys, Revision(1));
        for _ in 0..2 {
            assert_eq!(peer.keys_for(None, NOW).collect::<Vec<_>>(), [&own]);
            assert_eq!(peer.keys_for(Some(&kid("k1")), NOW).count(), 0);
        }
        assert!(peer.has_key(own.as_bytes(), NOW));
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
