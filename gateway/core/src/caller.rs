//! Who a request is carried out for, for as long as that takes.
//!
//! Decides whether a peer that was let in may still be served: a stream lasts, and what let it in may
//! be withdrawn meanwhile. Must never go by the token: it was good for one moment.

use proto_types::{Origin, PublicKey, WallMs};

use crate::denial::Denial;
use crate::peers::Peers;

/// A peer, by the key that signed the token of its request.
#[derive(Clone, Debug)]
pub struct Caller {
    origin: Origin,
    key: PublicKey,
}

impl Caller {
    /// The peer of this name, by this key.
    #[must_use]
    pub const fn new(origin: Origin, key: PublicKey) -> Self {
        Self { origin, key }
    }

    /// Its name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its name, as the owner of its tasks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.origin.as_str()
    }

    /// Whether the peer may still act, and by this key.
    ///
    /// # Errors
    /// The denial that its next request would meet.
    pub fn check(&self, peers: &Peers, now: WallMs) -> Result<(), Denial> {
        let peer = peers.find(&self.origin).ok_or(Denial::IssuerUnknown)?;
        if !peer.active {
            return Err(Denial::IssuerRevoked);
        }
        if peer.has_key(&self.key, now) { Ok(()) } else { Err(Denial::KeyUnknown) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Kid, Revision, SecretKey};

    use super::*;
    use crate::peers::{Key, Peer};

    #[test]
    fn a_caller_is_served_as_long_as_its_peer_may_act_and_its_key_counts() {
        let origin = Origin::parse("https://a.example").unwrap();
        let public = |seed| SecretKey::from_seed(&[seed; 32]).public();
        let key = |seed| Key::new(Kid::parse("k1").unwrap(), public(seed));
        let caller = Caller::new(origin.clone(), public(1));
        let check = |active, keys: Vec<Key>| {
            let mut peers = Peers::default();
            peers.put(Peer::new(origin.clone(), active, keys, Revision(1)));
            caller.check(&peers, WallMs(10))
        };
        assert_eq!(check(true, vec![key(2), key(1)]), Ok(()));
        assert_eq!(check(false, vec![key(1)]), Err(Denial::IssuerRevoked));
        assert_eq!(check(true, vec![key(2)]), Err(Denial::KeyUnknown), "its key was taken out");
        let ended = Key { not_after: WallMs(10), ..key(1) };
        assert_eq!(check(true, vec![ended]), Err(Denial::KeyUnknown));
        assert_eq!(caller.check(&Peers::default(), WallMs(10)), Err(Denial::IssuerUnknown));
    }
}
