//! Callers that are no peers: whoever has an API key of this gateway, the users of an identity provider that its operator
//! trusts, and anybody, where the operator lets anybody call.
//!
//! Decides who of them is let in, what they may see and call, and how often. All of it is the operator's word, and nothing of
//! it is on unless that says so. Must never hold a key, only its digest, nor an address, only a keyed hash of it, nor let
//! anybody in by what was taken out of the configuration meanwhile. None of them has a token that could be spent.
//!
//! `grant.rs` says what one may do, `cells.rs` counts those that nobody lists, and `claims.rs` reads what an identity provider
//! says of a user; its signature is verified by the shell, before anything of it counts.

mod cells;
mod claims;
mod grant;
mod refused;

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::{Digest, MonoUs, TaskOwner, WallMs};
use sha2::Sha256;

pub use self::cells::Cells;
pub use self::claims::{Claims, unverified_issuer};
pub use self::grant::{AgentScope, Grant, InvalidGrant, Methods};
pub use self::refused::Refused;
use crate::caller::{Caller, ClientId};
use crate::dispatch::Operation;
use crate::errors::{Failure, Forbidden};
use crate::gcra::{Quota, Remaining, RetryAfter};
use crate::limits::Policy;

/// A key of this gateway.
#[derive(Debug)]
pub struct ApiKey {
    /// Its name, unique here.
    pub name: String,
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// What its bearer may do.
    pub grant: Grant,
    /// Until when it counts; for ever if there is none.
    pub not_after: Option<WallMs>,
}

/// An identity provider.
#[derive(Debug)]
pub struct Issuer {
    /// Its `iss`.
    pub issuer: Arc<str>,
    /// The `aud` that its tokens must have.
    pub audience: String,
    /// What each of its users may do.
    pub grant: Grant,
}

/// What anybody may do.
#[derive(Debug)]
pub struct PublicTier {
    /// From one address.
    pub grant: Grant,
    /// From all of them together.
    pub total: Quota,
}

/// All callers that are no peers, by what lets them in. What they have used up is kept beside it ([`Usage`]), and is not
/// forgotten when this is read anew.
#[derive(Debug, Default)]
pub struct Clients {
    keys: BTreeMap<Digest, Arc<ApiKey>>,
    issuers: BTreeMap<Arc<str>, Arc<Issuer>>,
    public: Option<Arc<PublicTier>>,
}

/// What was used up of the limits.
#[derive(Debug, Default)]
pub struct Usage {
    keys: Cells,
    users: Cells,
    /// However many there are, no key and no user waits for a place.
    addresses: Cells,
    /// All addresses together, under one name.
    public: Cells,
}

/// Who is let in without a token that could be spent.
#[derive(Clone, Debug)]
pub struct Client {
    caller: Caller,
    holder: Holder,
}

#[derive(Clone, Debug)]
enum Holder {
    Key(Arc<ApiKey>),
    User(Arc<Issuer>),
    Anybody(Arc<PublicTier>),
}

impl Clients {
    /// These keys and issuers, and the public tier if it is open. Of two with the same name or digest one is lost: the shell
    /// refuses them.
    pub fn new(
        keys: impl IntoIterator<Item = ApiKey>,
        issuers: impl IntoIterator<Item = Issuer>,
        public: Option<PublicTier>,
    ) -> Self {
        let keys = keys.into_iter().map(|key| (key.digest, Arc::new(key)));
        let issuers = issuers.into_iter().map(|one| (Arc::clone(&one.issuer), Arc::new(one)));
        Self { keys: keys.collect(), issuers: issuers.collect(), public: public.map(Arc::new) }
    }

    /// Whether there is a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether there is an identity provider: then a token may be one of its.
    #[must_use]
    pub fn has_issuers(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// The issuers, in the order of their names.
    pub fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.issuers.values()
    }

    /// The issuer of this name.
    #[must_use]
    pub fn issuer(&self, name: &str) -> Option<&Arc<Issuer>> {
        self.issuers.get(name)
    }

    /// Whoever shows an API key.
    ///
    /// # Errors
    /// It is not known, or past its time.
    pub fn by_key(&self, shown: &str, now: WallMs) -> Result<Client, Refused> {
        let key = self.key(&Digest::of(shown.as_bytes()), now)?;
        let owner = TaskOwner::parse(&format!("key:{}", key.name));
        let owner = owner.map_err(|_| Refused::KeyUnknown)?;
        let caller = Caller::client(owner, ClientId::ApiKey(key.digest));
        Ok(Client { caller, holder: Holder::Key(Arc::clone(key)) })
    }

    /// The look-up takes as long as the digests are alike, which says nothing of a key of 256 random bits.
    fn key(&self, digest: &Digest, now: WallMs) -> Result<&Arc<ApiKey>, Refused> {
        let known = self.keys.get(digest).filter(|key| key.digest.same_secret(digest));
        let key = known.ok_or(Refused::KeyUnknown)?;
        match key.not_after {
            Some(end) if end <= now => Err(Refused::KeyExpired),
            _ => Ok(key),
        }
    }

    /// The user that verified claims of this issuer name.
    ///
    /// # Errors
    /// They do not let anybody in here and now.
    pub fn by_claims(
        &self,
        issuer: &Arc<Issuer>,
        claims: &Claims,
        now: WallMs,
    ) -> Result<Client, Refused> {
        claims.check(&issuer.issuer, &issuer.audience, now)?;
        let owner = claims.owner()?;
        let caller = Caller::client(owner, ClientId::User(Arc::clone(&issuer.issuer)));
        Ok(Client { caller, holder: Holder::User(Arc::clone(issuer)) })
    }

    /// Whoever comes from this source without a credential, if anybody may; `key` hides the source.
    #[must_use]
    pub fn anybody(&self, key: &[u8; 32], source: &str) -> Option<Client> {
        let tier = self.public.as_ref()?;
        let caller = Caller::client(public_owner(key, source), ClientId::Public);
        Some(Client { caller, holder: Holder::Anybody(Arc::clone(tier)) })
    }

    /// What a caller may do by now that is no peer.
    ///
    /// # Errors
    /// What let it in is withdrawn, or past its time.
    pub fn standing(&self, id: &ClientId, now: WallMs) -> Result<&Grant, Refused> {
        match id {
            ClientId::ApiKey(digest) => self.key(digest, now).map(|key| &key.grant),
            ClientId::User(issuer) => {
                self.issuer(issuer).map(|issuer| &issuer.grant).ok_or(Refused::Issuer)
            }
            ClientId::Public => {
                self.public.as_ref().map(|tier| &tier.grant).ok_or(Refused::PublicClosed)
            }
        }
    }

    /// Whether who owns a task, by the name that its tasks have, is let in by now; of other names this says nothing.
    #[must_use]
    pub fn serves(&self, owner: &str, now: WallMs) -> bool {
        let is_key = |key: &Arc<ApiKey>, name: &str| {
            key.name == name && key.not_after.is_none_or(|end| end > now)
        };
        match owner.split_once(':') {
            Some(("key", name)) => self.keys.values().any(|key| is_key(key, name)),
            Some(("user", user)) => {
                user.split_once('#').is_some_and(|(issuer, _)| self.issuers.contains_key(issuer))
            }
            Some(("public", _)) => self.public.is_some(),
            _ => true,
        }
    }
}

impl Client {
    /// Who the request is carried out for.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    fn grant(&self) -> &Grant {
        match &self.holder {
            Holder::Key(key) => &key.grant,
            Holder::User(issuer) => &issuer.grant,
            Holder::Anybody(tier) => &tier.grant,
        }
    }

    /// Counts a request: against its own limit first, so that what one sends too much takes nothing of what all may send.
    pub fn count(&self, usage: &Usage, now: MonoUs) -> (Policy, Result<Remaining, RetryAfter>) {
        let quota = self.grant().quota;
        let policy = Policy { name: self.caller.kind().as_str(), quota };
        let cells = match &self.holder {
            Holder::Key(_) => &usage.keys,
            Holder::User(_) => &usage.users,
            Holder::Anybody(_) => &usage.addresses,
        };
        let own = cells.check(Digest::of(self.caller.as_str().as_bytes()), now, quota);
        match (&self.holder, own) {
            (Holder::Anybody(tier), Ok(left)) => {
                match usage.public.check(Digest([0; 32]), now, tier.total) {
                    Ok(_) => (policy, Ok(left)),
                    Err(retry) => (Policy { name: "public-total", quota: tier.total }, Err(retry)),
                }
            }
            (_, own) => (policy, own),
        }
    }

    /// Whether it may make this call.
    ///
    /// # Errors
    /// The operator does not list it.
    pub fn check_method(&self, operation: Operation) -> Result<(), Failure> {
        match self.grant().methods.allow(operation.name()) {
            true => Ok(()),
            false => Err(Failure::Forbidden(Forbidden::MethodNotGranted)),
        }
    }
}

/// A source as the owner of its tasks: it cannot be told from what is kept, and is the same wherever the key is.
fn public_owner(key: &[u8; 32], source: &str) -> TaskOwner {
    let mut keyed = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    keyed.update(b"ecumene/public/address/1\0");
    keyed.update(source.as_bytes());
    let hash = Digest(keyed.finalize().into_bytes().into());
    TaskOwner::parse(&format!("public:{}", hash.hex())).expect("71 visible bytes name an owner")
}

#[cfg(test)]
mod tests;
