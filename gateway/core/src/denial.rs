//! Why a credential does not hold, with the code that audit and counters know it by.
//!
//! A caller must never be told which it is, but for what its next token has to name.

use proto_types::token::Refusal;

use crate::client::Refused;
use crate::nonce::Unusable;

/// Why a credential does not hold. For audit and counters only: outside, all of them are one, but for two that are told to who
/// has signed the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The token itself is refused.
    #[error("the token is refused")]
    Token(#[from] Refusal),
    /// The kind that is bound to a gateway's nonce; this gateway has no key of a fleet, and gives none.
    #[error("tokens bound to a nonce are not taken here")]
    BoundToken,
    /// The nonce of a bound token: the peer has to take one from our answer and mint again.
    #[error("nobody can spend the token")]
    Nonce(#[from] Unusable),
    /// The token is bound to another gateway, which does not answer: nobody knows whether it was spent there.
    #[error("the gateway that the token is bound to does not answer")]
    HolderAway,
    /// Nobody of that name is enrolled.
    #[error("the issuer is not enrolled")]
    IssuerUnknown,
    /// The issuer was enrolled and may not act: it is suspended, revoked or gone.
    #[error("the issuer may not act")]
    IssuerRevoked,
    /// The issuer has no such key that counts now.
    #[error("the issuer has no key of that name")]
    KeyUnknown,
    /// It comes from none of the networks from which tokens are taken.
    #[error("tokens are not taken from that address")]
    Network,
    /// Who calls is no peer, and not let in either.
    #[error("the client is refused")]
    Client(#[from] Refused),
}

impl Denial {
    /// The stable code, for audit and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(refusal) => refusal.code(),
            Self::BoundToken => "token_bound",
            Self::Nonce(unusable) => unusable.code(),
            Self::HolderAway => "nonce_holder_away",
            Self::IssuerUnknown => "issuer_unknown",
            Self::IssuerRevoked => "issuer_revoked",
            Self::KeyUnknown => "key_unknown",
            Self::Network => "network_not_allowed",
            Self::Client(refused) => refused.code(),
        }
    }

    /// Whether a token with a nonce of ours would do.
    #[must_use]
    pub const fn needs_nonce(&self) -> bool {
        matches!(self, Self::Nonce(_) | Self::Token(Refusal::NonceMissing))
    }
}
