//! Why who is no peer is not let in, with the code that audit and counters know it by. A caller must never be told which it is.

/// Why who is no peer is not let in. For audit and counters only: outside, all of them are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody has such a key.
    #[error("the API key is not known")]
    KeyUnknown,
    /// The key is past its time.
    #[error("the API key is past its time")]
    KeyExpired,
    /// It is no token of a form that is read here.
    #[error("the token is malformed")]
    Form,
    /// Its issuer is not, or no longer, one that the operator trusts.
    #[error("the identity provider is not known")]
    Issuer,
    /// The issuer has no key of that name and algorithm.
    #[error("the identity provider has no key of that name and algorithm")]
    SigningKey,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It is past its time.
    #[error("the token is past its time")]
    Expired,
    /// Its time has not come.
    #[error("the token is not good yet")]
    Early,
    /// Its subject makes no name.
    #[error("the token names no subject that could own a task")]
    Subject,
    /// The public tier was closed.
    #[error("nobody is let in without a credential")]
    PublicClosed,
    /// The route is for peers alone.
    #[error("the route is for peers")]
    Route,
}

impl Refused {
    /// The stable code, for audit and counters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::KeyUnknown => "api_key_unknown",
            Self::KeyExpired => "api_key_expired",
            Self::Form => "jwt_malformed",
            Self::Issuer => "jwt_issuer",
            Self::SigningKey => "jwt_key_unknown",
            Self::Signature => "jwt_signature",
            Self::Audience => "jwt_audience",
            Self::Expired => "jwt_expired",
            Self::Early => "jwt_early",
            Self::Subject => "jwt_subject",
            Self::PublicClosed => "public_closed",
            Self::Route => "client_route",
        }
    }
}
