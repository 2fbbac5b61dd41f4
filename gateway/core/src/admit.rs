//! Whether a credential lets its bearer in.
//!
//! Decides in the fixed order of the trust model, cheapest first: form (by `proto_types::token`), then issuer, key, signature,
//! audience and times, and for bound tokens who spends them. Must never let a claim be used for more than finding the key before
//! the signature holds, and never decides single use or rates: those come after it and cost state.

use std::sync::Arc;

use proto_types::token::{Claims, Kind, Refusal, Unverified};
use proto_types::{Digest, Origin, PublicKey, WallMs};

use crate::caller::Caller;
use crate::credential::Credential;
use crate::denial::Denial;
use crate::nonce::{Holder, Nonces};
use crate::peers::{Peer, Peers};

/// What a token must fit.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our own origin, which `aud` must equal.
    pub audience: Origin,
    /// What bound tokens are bound to; without it they are refused.
    pub nonces: Option<Arc<Nonces>>,
}

/// A credential that holds. It is good for one request, once its replay key has been spent.
#[derive(Clone, Debug)]
pub struct Permit {
    /// Who asks.
    pub peer: Arc<Peer>,
    /// By which of its keys; `None` if by a secret that it shares with this gateway.
    pub key: Option<PublicKey>,
    /// What must be spent.
    pub replay_key: Digest,
    /// Until when the spending must be remembered.
    pub remember_until: WallMs,
    /// Who alone may spend it, of a bound token; of another one the registry does.
    pub holder: Option<Holder>,
    /// What the token says; verified.
    pub claims: Claims,
}

impl Permit {
    /// Who the request is carried out for.
    #[must_use]
    pub fn caller(&self) -> Caller {
        let origin = self.peer.origin.clone();
        match self.key {
            Some(key) => Caller::new(origin, key),
            None => Caller::sharing(origin),
        }
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
    if token.unverified_claims().kind == Kind::Bound && config.nonces.is_none() {
        return Err(Denial::BoundToken);
    }
    let peer = peers.find(token.iss()).ok_or(Denial::IssuerUnknown)?;
    if !peer.active {
        return Err(Denial::IssuerRevoked);
    }
    let (claims, key) = verify(token, peer, now)?;
    claims.check_living(&config.audience, now, peer.token_life_s_max)?;
    Ok(Permit {
        holder: holder(config, &claims, now)?,
        replay_key: claims.replay_key(),
        remember_until: claims.dead_at(),
        peer: Arc::clone(peer),
        key: Some(key),
        claims,
    })
}

/// Who spends a token. A plain one may name a nonce, as it may have any claim: it is the registry's all the same.
fn holder(config: &Config, claims: &Claims, now: WallMs) -> Result<Option<Holder>, Denial> {
    match (claims.kind, &config.nonces) {
        (Kind::Plain, _) => Ok(None),
        (Kind::Bound, None) => Err(Denial::BoundToken),
        (Kind::Bound, Some(nonces)) => {
            let nonce = claims.nonce.as_ref().ok_or(Refusal::NonceMissing)?;
            Ok(Some(nonces.read(nonce, now)?))
        }
    }
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
