//! The memory of this boot: which tokens that are bound to it were spent.
//!
//! Decides what a caller is told whose token is not spent. Must never answer a request for a token before it is in the memory.
//!
//! There is one lock. A token is under it for about a microsecond, and comes with a signature that takes thirty: on as many
//! cores the lock would be the next thing that is waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gateway_core::replay::{Refused, ReplaySet};
use gateway_core::{Failure, Permit};

use crate::clock;

/// The tokens that were spent.
#[derive(Debug, Default)]
pub(crate) struct BoundTokens {
    set: Mutex<ReplaySet>,
    pub(crate) spent: AtomicU64,
}

impl BoundTokens {
    /// Spends a token, if at most `most` are remembered then. Of many at once one does.
    ///
    /// # Errors
    /// It was spent before, or there is no room to remember it.
    pub(crate) fn spend(&self, permit: &Permit, most: usize) -> Result<(), Failure> {
        let mut set = self.set();
        let forgotten = set.forget(clock::wall());
        let spent = set.spend(permit.replay_key, permit.remember_until, most);
        drop(set);
        drop(forgotten);
        match spent {
            Ok(()) => {
                self.spent.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            // It was checked against its times before its body was read.
            Err(Refused::Replayed | Refused::Dead) => Err(Failure::Replayed),
            Err(Refused::Full) => Err(Failure::Overloaded),
        }
    }

    /// How many are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.set().len()
    }

    fn set(&self) -> MutexGuard<'_, ReplaySet> {
        // A panic between its two writes leaves a key that is not counted: still remembered.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use gateway_core::{Holder, Peer};
    use proto_types::token::Claims;
    use proto_types::{Jti, Origin, Revision};

    use super::*;

    fn permit(name: &str) -> Permit {
        let origin = |host: &str| Origin::parse(&format!("https://{host}.example")).unwrap();
        let jti = Jti::parse(name).unwrap();
        let claims = Claims::plain(origin("a"), origin("us"), jti, clock::wall().secs(), 120);
        Permit {
            peer: Arc::new(Peer::new(origin("a"), true, Vec::new(), Revision(1))),
            key: None,
            replay_key: claims.replay_key(),
            remember_until: claims.dead_at(),
            holder: Some(Holder::This),
            claims,
        }
    }

    #[test]
    fn of_a_thousand_at_once_one_spends_the_token() {
        let (tokens, permit) = (BoundTokens::default(), permit("j-1"));
        let spent = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        match tokens.spend(&permit, 9) {
                            Ok(()) => {
                                spent.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(failure) => assert_eq!(failure, Failure::Replayed),
                        }
                    }
                });
            }
        });
        assert_eq!((spent.into_inner(), tokens.remembered()), (1, 1));
    }

    #[test]
    fn a_memory_that_is_full_refuses_and_forgets_nothing() {
        let tokens = BoundTokens::default();
        assert_eq!(tokens.spend(&permit("j-1"), 1), Ok(()));
        assert_eq!(tokens.spend(&permit("j-2"), 1), Err(Failure::Overloaded));
        assert_eq!(tokens.spend(&permit("j-1"), 1), Err(Failure::Replayed));
        assert_eq!(tokens.spend(&permit("j-2"), 2), Ok(()), "room is a setting");
    }
}
