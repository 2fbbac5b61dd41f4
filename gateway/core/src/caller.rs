//! Who a request is carried out for, for as long as that takes.
//!
//! Decides whether a peer that was let in may still be served: a stream lasts, and what let it in may
//! be withdrawn meanwhile. Must never go by the token: it was good for one moment. What else may call is in `client`.

use std::sync::Arc;

use proto_types::{Digest, Origin, PublicKey, TaskOwner, WallMs};

use crate::denial::Denial;
use crate::peers::Peers;

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerKind {
    /// An enrolled peer, by a token that it has signed.
    Peer,
    /// Whoever has a key of this gateway.
    ApiKey,
    /// A user of an identity provider that the operator trusts.
    User,
    /// Whoever has a certificate that the operator names. No listener takes those yet.
    Certificate,
    /// Anybody.
    Public,
}

impl CallerKind {
    /// Its name, for policies, logs and counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::ApiKey => "api-key",
            Self::User => "user",
            Self::Certificate => "certificate",
            Self::Public => "public",
        }
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    owner: TaskOwner,
    identity: Identity,
}

/// What it is served by.
#[derive(Clone, Debug)]
enum Identity {
    /// A peer, by the bytes of the key that signed the token of its request, which verifies no other; without one, by a
    /// secret that it shares with this gateway.
    Peer {
        origin: Origin,
        key: Option<[u8; 32]>,
    },
    Client(ClientId),
}

/// By what of the configuration a caller is served that is no peer. When that is withdrawn, it is served no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// The digest of its key.
    ApiKey(Digest),
    /// The issuer of its tokens.
    User(Arc<str>),
    /// The public tier.
    Public,
}

impl Caller {
    /// The peer of this name, by this key.
    #[must_use]
    pub fn new(origin: Origin, key: PublicKey) -> Self {
        let key = Some(*key.as_bytes());
        Self { owner: owner_of(&origin), identity: Identity::Peer { origin, key } }
    }

    /// The peer of this name, by a secret that it shares with this gateway until that stops.
    #[must_use]
    pub fn sharing(origin: Origin) -> Self {
        Self { owner: owner_of(&origin), identity: Identity::Peer { origin, key: None } }
    }

    /// Who is no peer, under the name that its tasks have.
    #[must_use]
    pub const fn client(owner: TaskOwner, id: ClientId) -> Self {
        Self { owner, identity: Identity::Client(id) }
    }

    /// Its name, which no other caller has: the owner of its tasks, and the holder of its places.
    #[must_use]
    pub const fn owner(&self) -> &TaskOwner {
        &self.owner
    }

    /// The same as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.owner.as_str()
    }

    /// What kind of caller it is.
    #[must_use]
    pub const fn kind(&self) -> CallerKind {
        match &self.identity {
            Identity::Peer { .. } => CallerKind::Peer,
            Identity::Client(ClientId::ApiKey(_)) => CallerKind::ApiKey,
            Identity::Client(ClientId::User(_)) => CallerKind::User,
            Identity::Client(ClientId::Public) => CallerKind::Public,
        }
    }

    /// Its origin, of a peer.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match &self.identity {
            Identity::Peer { origin, .. } => Some(origin),
            Identity::Client(_) => None,
        }
    }

    /// By what it is served, of who is no peer.
    #[must_use]
    pub const fn client_id(&self) -> Option<&ClientId> {
        match &self.identity {
            Identity::Peer { .. } => None,
            Identity::Client(id) => Some(id),
        }
    }

    /// Whether the peer may still act, and by this key. Of others this says nothing: what serves them does
    /// ([`Clients::standing`](crate::client::Clients::standing)).
    ///
    /// # Errors
    /// The denial that its next request would meet.
    pub fn check(&self, peers: &Peers, now: WallMs) -> Result<(), Denial> {
        let Identity::Peer { origin, key } = &self.identity else { return Ok(()) };
        let peer = peers.find(origin).ok_or(Denial::IssuerUnknown)?;
        if !peer.active {
            return Err(Denial::IssuerRevoked);
        }
        match key.as_ref().is_none_or(|key| peer.has_key(key, now)) {
            true => Ok(()),
            false => Err(Denial::KeyUnknown),
        }
    }
}

/// A peer as the owner of its tasks. No other kind of caller is named like an origin.
#[must_use]
pub fn owner_of(origin: &Origin) -> TaskOwner {
    TaskOwner::parse(origin.as_str()).expect("an origin is shorter than an owner, and visible")
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

    #[test]
    fn a_caller_says_what_it_is_and_only_a_peer_has_an_origin() {
        let origin = Origin::parse("https://a.example").unwrap();
        let peer = Caller::new(origin.clone(), SecretKey::from_seed(&[1; 32]).public());
        assert_eq!((peer.kind().as_str(), peer.origin()), ("peer", Some(&origin)));
        assert_eq!(peer.as_str(), origin.as_str());
        for (id, kind) in [
            (ClientId::ApiKey(Digest([7; 32])), "api-key"),
            (ClientId::User("https://idp.example".into()), "user"),
            (ClientId::Public, "public"),
        ] {
            let caller = Caller::client(TaskOwner::parse("some-one").unwrap(), id.clone());
            assert_eq!((caller.kind().as_str(), caller.origin()), (kind, None));
            assert_eq!((caller.client_id(), caller.as_str()), (Some(&id), "some-one"));
        }
    }
}
