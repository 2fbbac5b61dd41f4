//! Whether a credential lets its bearer in.
//!
//! Decides in the fixed order of the trust model, cheapest first: form (by `proto_types::token`),
//! then issuer, key, signature, audience and times. Must never let a claim be used for more than
//! finding the key before the signature holds, and never decides single use or rates: those come
//! after it and cost state.

use std::sync::Arc;

use proto_types::token::{Claims, Kind, Unverified};
use proto_types::{Digest, Origin, PublicKey, WallMs};

use crate::caller::Caller;
use crate::credential::Credential;
use crate::denial::Denial;
use crate::peers::{Peer, Peers};

/// What a token must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our own origin, which `aud` must equal.
    pub audience: Origin,
}

/// A credential that holds. It is good for one request, once its replay key has been spent.
#[derive(Clone, Debug)]
pub struct Permit {
    /// Who asks.
    pub peer: Arc<Peer>,
    /// By which of its keys.
    pub key: PublicKey,
    /// What must be spent.
    pub replay_key: Digest,
    /// Until when the spending must be remembered.
    pub remember_until: WallMs,
    /// What the token says; verified.
    pub claims: Claims,
}

impl Permit {
    /// Who the request is carried out for.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(self.peer.origin.clone(), self.key)
    }
}

/// Checks a credential against the peers known now.
///
/// # Errors
/// The first thing that does not hold.
pub fn admit(
    peers: &Peers,
    config: &Config,
    credential: Credential<'_>,
    now: WallMs,
) -> Result<Permit, Denial> {
    let token = Unverified::parse(credential.as_str())?;
    if token.unverified_claims().kind == Kind::Bound {
        return Err(Denial::BoundToken);
    }
    let peer = peers.find(token.iss()).ok_or(Denial::IssuerUnknown)?;
    if !peer.active {
        return Err(Denial::IssuerRevoked);
    }
    let (claims, key) = verify(token, peer, now)?;
    claims.check_living(&config.audience, now, peer.token_life_s_max)?;
    Ok(Permit {
        replay_key: claims.replay_key(),
        remember_until: claims.dead_at(),
        peer: Arc::clone(peer),
        key,
        claims,
    })
}

/// Verifies with the key that the token names, or with each of the peer's at most 16.
fn verify(token: Unverified, peer: &Peer, now: WallMs) -> Result<(Claims, PublicKey), Denial> {
    let kid = token.kid().cloned();
    let mut refused = Denial::KeyUnknown;
    let mut keys = peer.keys_for(kid.as_ref(), now).peekable();
    while let Some(key) = keys.next() {
        if keys.peek().is_none() {
            return Ok((token.verify(key)?, *key));
        }
        match token.clone().verify(key) {
            Ok(claims) => return Ok((claims, *key)),
            Err(refusal) => refused = refusal.into(),
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests;
