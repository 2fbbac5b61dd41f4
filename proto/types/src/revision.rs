//! Positions: the registry's total order and the epochs that fence a lease.
//!
//! Decides only how they count. Must never go back: the next of the last is the last.

use serde::{Deserialize, Serialize};

/// A position in the registry's total order; also the cursor of every list, watch and sync. 0 is
/// before the first change.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// Which holding of a lease this is. Whoever shows an older epoch is refused.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LeaseEpoch(pub u64);

macro_rules! counts {
    ($($name:ident)*) => {$(
        impl $name {
            /// The one after; the greatest stays the greatest.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

counts!(Revision LeaseEpoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_is_greater_and_never_wraps() {
        assert_eq!(Revision(7).next(), Revision(8));
        assert_eq!(LeaseEpoch(u64::MAX).next(), LeaseEpoch(u64::MAX));
        assert_eq!(Revision(42).to_string(), "42");
    }
}
