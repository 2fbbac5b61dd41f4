//! The time in which a signed document counts: one answer for every kind of document.
//! It must never forgive a clock more than [`SKEW_MS`], and nothing at the end of a life.

use crate::WallMs;

/// How far a document's clock may be ahead of ours.
pub const SKEW_MS: u64 = 60_000;

/// Why a document does not count now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifeError {
    /// It expires before it begins, or lives too long.
    #[error("a life of {life_ms} ms is outside 1 to {max_ms}")]
    Span {
        /// `expires_at` − `issued_at`, 0 if negative.
        life_ms: u64,
        /// The longest life of this kind of document.
        max_ms: u64,
    },
    /// It comes from the future.
    #[error("issued at {issued_at}, more than {SKEW_MS} ms from now")]
    Future {
        /// When it says it was made.
        issued_at: WallMs,
    },
    /// Its time is over.
    #[error("expired at {expires_at}")]
    Expired {
        /// When it ended, itself excluded.
        expires_at: WallMs,
    },
}

/// Whether a document that lives from `issued_at` until before `expires_at` counts now.
pub(crate) fn check(
    issued_at: WallMs,
    expires_at: WallMs,
    max_ms: u64,
    now: WallMs,
) -> Result<(), LifeError> {
    let life_ms = expires_at.since(issued_at);
    if !(1..=max_ms).contains(&life_ms) {
        return Err(LifeError::Span { life_ms, max_ms });
    }
    if issued_at > now.plus_ms(SKEW_MS) {
        return Err(LifeError::Future { issued_at });
    }
    if expires_at <= now {
        return Err(LifeError::Expired { expires_at });
    }
    Ok(())
}
