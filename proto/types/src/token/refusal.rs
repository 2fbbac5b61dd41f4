//! Why a token is refused.
//!
//! Decides the stable code of each reason, for audit and metrics. Must never reach a client in this
//! detail: outside there is one opaque 401 (and `use_nonce`, which a peer needs in order to go on).

use crate::jose;

/// The first thing that is wrong with a token, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than [`super::LEN_MAX`].
    #[error("the token has {len} bytes")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// Not three segments that all hold something.
    #[error("the token is not three segments")]
    Segments,
    /// A segment is not canonical base64url.
    #[error("a segment is not canonical base64url")]
    Base64,
    /// The header is refused; the algorithm is part of it.
    #[error("the header is refused")]
    Header(#[from] jose::Error),
    /// `typ` is neither `JWT` nor `ecumene-token+jwt`.
    #[error("the type is not that of a federation token")]
    Type,
    /// The claims are not a strict JSON object.
    #[error("the claims are not a strict JSON object")]
    ClaimsJson,
    /// A claim that must be there is not.
    #[error("the claim {name} is missing")]
    ClaimMissing {
        /// Which.
        name: &'static str,
    },
    /// A claim is not of its type and range.
    #[error("the claim {name} is malformed")]
    ClaimMalformed {
        /// Which.
        name: &'static str,
    },
    /// The strict kind has a claim that we do not know, and so cannot hold to.
    #[error("the claims have an unknown member")]
    ClaimUnknown,
    /// `sub` is not `federation-peer`.
    #[error("the subject is not a federation peer")]
    Subject,
    /// The signature is not that of the key.
    #[error("the signature does not verify")]
    BadSignature,
    /// `aud` is another origin than ours.
    #[error("the audience is another")]
    Audience,
    /// `exp` is past, with the skew allowed.
    #[error("expired {late_ms} ms ago")]
    Expired {
        /// Since the last moment at which it was accepted.
        late_ms: u64,
    },
    /// `nbf` is ahead, with the skew allowed.
    #[error("not valid for another {early_ms} ms")]
    NotYetValid {
        /// Until the first moment at which it is accepted.
        early_ms: u64,
    },
    /// `iat` is ahead, with the skew allowed.
    #[error("issued {early_ms} ms ahead of us")]
    IssuedAhead {
        /// Until the first moment at which it is accepted.
        early_ms: u64,
    },
    /// `exp` is not after `iat`, or too long after it.
    #[error("a life of {life_s} s is outside 1 to {max_s}")]
    Lifetime {
        /// `exp` − `iat`, 0 if negative.
        life_s: u64,
        /// The longest life of this kind.
        max_s: u64,
    },
    /// The strict kind has no nonce: the peer must take one from our answer and mint again.
    #[error("the nonce is missing")]
    NonceMissing,
    /// `htm` is not the method of the request.
    #[error("the token is for another method")]
    Method,
    /// `htu` is not the URL of the request.
    #[error("the token is for another URL")]
    Url,
    /// `bd` is not the digest of the body.
    #[error("the token is for another body")]
    Body,
}

impl Refusal {
    /// The stable code, for audit and metrics: a caller never sees it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "token_too_long",
            Self::Segments => "token_segments",
            Self::Base64 | Self::Header(jose::Error::Base64) => "token_base64",
            Self::Header(jose::Error::Json(_) | jose::Error::NotAnObject) => "token_header_json",
            Self::Header(jose::Error::Critical) => "token_crit",
            Self::Header(jose::Error::KeyReference) => "token_key_reference",
            Self::Header(jose::Error::UnknownMember) => "token_header_unknown",
            Self::Header(jose::Error::Algorithm | jose::Error::UnknownAlgorithm) => "token_alg",
            Self::Header(jose::Error::Type) | Self::Type => "token_typ",
            Self::Header(jose::Error::Kid) => "token_kid",
            Self::ClaimsJson => "token_claims_json",
            Self::ClaimMissing { .. } => "token_claim_missing",
            Self::ClaimMalformed { .. } => "token_claim_malformed",
            Self::ClaimUnknown => "token_claim_unknown",
            Self::Subject => "token_sub",
            Self::BadSignature => "token_signature",
            Self::Audience => "token_aud",
            Self::Expired { .. } => "token_expired",
            Self::NotYetValid { .. } => "token_not_yet_valid",
            Self::IssuedAhead { .. } => "token_issued_ahead",
            Self::Lifetime { .. } => "token_lifetime",
            Self::NonceMissing => "use_nonce",
            Self::Method => "token_htm",
            Self::Url => "token_htu",
            Self::Body => "token_bd",
        }
    }
}
