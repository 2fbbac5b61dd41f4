//! Whether another process serves under this node's identity.
//!
//! Decides it by how often a leader has ended this process's session for a newer one of the same node. Must never take a
//! single such end for it: an attempt of this process itself, given up and late on its way, looks the same.

use proto_types::MonoUs;

/// Two processes that dial in turn meet again within seconds; attempts of one's own are not late twice in that time.
const AGAIN_US: u64 = 60_000_000;

/// What a node knows of its sessions that were replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Duplicate {
    /// When one was replaced last.
    replaced: Option<MonoUs>,
}

impl Duplicate {
    /// A newer session of this node has replaced this process's. True if another process must have opened it.
    pub fn session_replaced(&mut self, at: MonoUs) -> bool {
        let before = self.replaced.replace(at);
        before.is_some_and(|before| at.since(before) < AGAIN_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_known_by_the_second_session_that_it_takes() {
        let mut one = Duplicate::default();
        assert!(!one.session_replaced(MonoUs(0)), "it may have been an attempt of its own");
        assert!(one.session_replaced(MonoUs(AGAIN_US - 1)));
        let mut seldom = Duplicate::default();
        for minute in 0..10 {
            assert!(!seldom.session_replaced(MonoUs(minute * AGAIN_US)));
        }
    }

    #[test]
    fn of_two_processes_that_dial_in_turn_exactly_one_ends() {
        let mut processes = [Duplicate::default(), Duplicate::default()];
        // Each dials half a second after it was replaced, and replaces the other by that.
        let ended = (0_u64..100)
            .find(|turn| processes[(turn % 2) as usize].session_replaced(MonoUs(turn * 500_000)));
        assert_eq!(ended, Some(2), "the first one, when it is replaced again");
    }
}
