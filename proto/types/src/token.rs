//! Federation tokens: the compact JWS by which one peer speaks to another.
//!
//! Decides, in the fixed order of the trust model and cheapest first, everything about a token that
//! needs no look-up: form, header, algorithm, type, claims, then (given the key) the signature, then
//! (given our name and the time) audience and times. Must never look up a key, spend a `jti` or read
//! a clock, and never let claims be used for more than finding the key before the signature holds.
//!
//! Verification is ours and not `jsonwebtoken`'s, which reads the system clock, accepts weak keys and
//! passes over unknown `crit`.

mod claims;
mod kind;
mod mint;
mod refusal;
mod shared;

use crate::base64url;
use crate::id::Kid;
use crate::jose::Header;
use crate::key::PublicKey;
use crate::origin::Origin;

pub use self::claims::{Claims, Subject};
pub use self::kind::Kind;
pub use self::mint::mint;
pub use self::refusal::Refusal;
pub use self::shared::{SharedIssuer, SharedToken};

/// The longest token, in bytes: the header line limit of common servers.
pub const LEN_MAX: usize = 8_192;

/// The longest life that an operator may allow a peer's tokens, in seconds: so long is a spent one
/// remembered, and no longer.
pub const LIFE_S_MAX: u64 = 3_600;

/// The lives that an operator may allow, in seconds, the least and the most: no shorter than every peer's.
pub const LIFE_S_ALLOWED: (u64, u64) = (Kind::Plain.life_s_max(), LIFE_S_MAX);

/// A well-formed token of which nothing is verified yet.
#[derive(Debug, Clone)]
pub struct Unverified {
    kid: Option<Kid>,
    claims: Claims,
    /// `header "." claims`: what is signed.
    signed: String,
    signature: [u8; 64],
}

impl Unverified {
    /// Reads a token: length, three segments, base64url, header, algorithm, type, claims, in this
    /// order.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LEN_MAX {
            return Err(Refusal::TooLong { len: text.len() });
        }
        let [header, claims, signature] = segments(text)?;
        let claims_json = base64url::decode(claims).map_err(|_| Refusal::Base64)?;
        let signature = base64url::decode(signature).map_err(|_| Refusal::Base64)?;
        let header_read = Header::parse(header)?;
        let kind = Kind::of_typ(header_read.typ.as_deref())?;
        let claims_read = Claims::parse(kind, &claims_json)?;
        // Another length is no Ed25519 signature; no key is needed to say so.
        let signature = signature.try_into().map_err(|_| Refusal::BadSignature)?;
        Ok(Self {
            kid: header_read.kid,
            claims: claims_read,
            signed: text[..header.len() + 1 + claims.len()].to_owned(),
            signature,
        })
    }

    /// Who it claims to come from: good for finding the key, no more.
    #[must_use]
    pub fn iss(&self) -> &Origin {
        &self.claims.iss
    }

    /// Which key it claims to be signed with.
    #[must_use]
    pub fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    /// The claims, of which nothing is verified.
    #[must_use]
    pub fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether the key has signed it. The claims are then the issuer's; whether they are for us and
    /// for now is [`Claims::check`].
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(self, key: &PublicKey) -> Result<Claims, Refusal> {
        key.verify(self.signed.as_bytes(), &self.signature).map_err(|_| Refusal::BadSignature)?;
        Ok(self.claims)
    }
}

/// The three segments, none of which is empty.
fn segments(text: &str) -> Result<[&str; 3], Refusal> {
    let segments: Vec<_> = text.splitn(4, '.').collect();
    let [header, claims, signature] = segments[..] else { return Err(Refusal::Segments) };
    match [header, claims, signature].contains(&"") {
        true => Err(Refusal::Segments),
        false => Ok([header, claims, signature]),
    }
}

#[cfg(test)]
mod tests;
