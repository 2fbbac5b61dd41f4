//! Which refusals and failures are lines of the log.
//!
//! Decides that what nobody verified is refused is logged at `debug` only, and that of what verified callers are refused each
//! outcome is one line a second, as is each way in which what a gateway calls fails: nobody fills the log by being refused, nor by
//! calling what is down. Must never lose a count: metrics have all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use proto_types::MonoUs;

/// Between two lines of one outcome.
const PAUSE_US: u64 = 1_000_000;

/// How a refusal is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// For who looks for it.
    Debug,
    /// For the operator; with how many of its outcome were held back before it.
    Info(u64),
    /// The next line of its outcome counts it.
    HeldBack,
}

/// The lines about verified peers, by outcome.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Paced>);

/// Lines of which each kind is written once a second: of kinds there are as many as our code has words for.
#[derive(Debug, Default)]
pub(crate) struct Paced(BTreeMap<&'static str, LastLine>);

#[derive(Debug)]
struct LastLine {
    /// When the last line was written.
    at: MonoUs,
    held_back: u64,
}

impl Refusals {
    /// How one more refusal is logged.
    pub(crate) fn line(&self, is_verified: bool, outcome: &'static str, now: MonoUs) -> Line {
        if !is_verified {
            return Line::Debug;
        }
        let mut outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.line(outcome, now).map_or(Line::HeldBack, Line::Info)
    }
}

impl Paced {
    /// Whether one more of this kind is a line, and then how many were held back before it; none if the next line counts it.
    pub(crate) fn line(&mut self, kind: &'static str, now: MonoUs) -> Option<u64> {
        let held_back = match self.0.get_mut(kind) {
            Some(last) if now.since(last.at) < PAUSE_US => {
                last.held_back += 1;
                return None;
            }
            last => last.map_or(0, |last| last.held_back),
        };
        self.0.insert(kind, LastLine { at: now, held_back: 0 });
        Some(held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_are_refused_is_no_line_for_the_operator() {
        let (refusals, now) = (Refusals::default(), MonoUs(0));
        for _ in 0..3 {
            assert_eq!(refusals.line(false, "address_limited", now), Line::Debug);
        }
        let peer = refusals.line(true, "address_limited", now);
        assert_eq!(peer, Line::Info(0), "strangers are not counted for peers");
    }

    #[test]
    fn each_outcome_of_peers_is_a_line_a_second_that_counts_those_before_it() {
        let (refusals, start) = (Refusals::default(), MonoUs(7));
        assert_eq!(refusals.line(true, "peer_limited", start), Line::Info(0));
        for late in 0..41 {
            let now = start.plus_us(PAUSE_US - 1 - late);
            assert_eq!(refusals.line(true, "peer_limited", now), Line::HeldBack);
        }
        assert_eq!(refusals.line(true, "token_replayed", start), Line::Info(0), "another outcome");
        let next = start.plus_us(PAUSE_US);
        assert_eq!(refusals.line(true, "peer_limited", next), Line::Info(41));
        assert_eq!(refusals.line(true, "peer_limited", next), Line::HeldBack);
        let last = next.plus_us(PAUSE_US);
        assert_eq!(refusals.line(true, "peer_limited", last), Line::Info(1));
    }
}
