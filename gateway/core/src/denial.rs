//! Why a credential does not hold, with the code that audit and counters know it by. A caller must never be told which it is.

use proto_types::token::Refusal;

/// Why a credential does not hold. For audit and counters only: outside, all of them are one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The token itself is refused.
    #[error("the token is refused")]
    Token(#[from] Refusal),
    /// The kind that is bound to one gateway's nonce; this gateway hands out none yet.
    #[error("tokens bound to a nonce are not supported yet")]
    BoundToken,
    /// Nobody of that name is enrolled.
    #[error("the issuer is not enrolled")]
    IssuerUnknown,
    /// The issuer was enrolled and may not act: it is suspended, revoked or gone.
    #[error("the issuer may not act")]
    IssuerRevoked,
    /// The issuer has no such key that counts now.
    #[error("the issuer has no key of that name")]
    KeyUnknown,
}

impl Denial {
    /// The stable code, for audit and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(refusal) => refusal.code(),
            Self::BoundToken => "token_bound",
            Self::IssuerUnknown => "issuer_unknown",
            Self::IssuerRevoked => "issuer_revoked",
            Self::KeyUnknown => "key_unknown",
        }
    }
}
