//! The two kinds of federation token, and the times that each allows.
//!
//! Decides by the header's `typ` alone. Must never take a token of one kind for one of the other.

use super::Refusal;

/// The two kinds of federation token, told apart by `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `JWT`: what Pilox mints. Life up to 300 s, skew 60 s.
    Plain,
    /// `ecumene-token+jwt`: bound to one gateway's nonce and one request. Life up to 120 s, skew
    /// 5 s; every unknown claim is refused.
    Bound,
}

impl Kind {
    /// The value of `typ`.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Plain => "JWT",
            Self::Bound => "ecumene-token+jwt",
        }
    }

    /// The longest `exp` − `iat`, in seconds.
    #[must_use]
    pub const fn life_s_max(self) -> u64 {
        match self {
            Self::Plain => 300,
            Self::Bound => 120,
        }
    }

    /// How far the issuer's clock may be from ours.
    #[must_use]
    pub const fn skew_ms(self) -> u64 {
        match self {
            Self::Plain => 60_000,
            Self::Bound => 5_000,
        }
    }

    pub(super) fn of_typ(typ: Option<&str>) -> Result<Self, Refusal> {
        match typ {
            Some("JWT") => Ok(Self::Plain),
            Some("ecumene-token+jwt") => Ok(Self::Bound),
            _ => Err(Refusal::Type),
        }
    }
}
