//! Of all the answers about a token, one at most says that its use was the first.
//!
//! Caught: `Breakage::{LyingSync, EarlyAnswer}`.

use std::collections::BTreeSet;

use registry_core::change::{Reply, Spent};
use registry_core::command::Command;

use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct TokensAreSpentOnce;

impl Invariant for TokensAreSpentOnce {
    fn name(&self) -> &'static str {
        "tokens are spent once"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let mut fresh = BTreeSet::new();
        for (command, reply) in end.history.iter().flat_map(|operation| operation.accepted()) {
            let (Command::SpendTokens(spend), Reply::Spent(verdicts)) = (command, reply) else {
                continue;
            };
            for ((token, _), verdict) in spend.entries.iter().zip(verdicts) {
                if *verdict == Spent::Fresh && !fresh.insert(*token) {
                    return Err(format!("token {token} was fresh twice"));
                }
            }
        }
        Ok(())
    }
}
