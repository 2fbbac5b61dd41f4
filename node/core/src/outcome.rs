//! How a run ended.
//!
//! Decides the list of endings and who is to blame in each: the agent (`Rejected`, `Failed`,
//! `Limit`), the caller (`Cancelled`) or the machine (`Fault`). Must never blame an agent for what
//! the machine did: only a `Fault` may be tried again.

use serde::{Deserialize, Serialize};

use crate::Part;

/// The end of one run, as it is committed under the lease's epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The agent is done.
    Completed {
        /// Its closing message; empty when it has none.
        parts: Vec<Part>,
    },
    /// The agent answers with a message; there was no work worth a task.
    Message {
        /// What it says; never empty.
        parts: Vec<Part>,
    },
    /// The agent asks for more input.
    InputRequired {
        /// What it asks.
        parts: Vec<Part>,
    },
    /// The agent declines.
    Rejected {
        /// Why, in the agent's words.
        reason: String,
    },
    /// The agent broke, by its own word or by a trap.
    Failed {
        /// A stable token.
        code: String,
        /// What happened.
        message: String,
    },
    /// The agent used up what the task allows.
    Limit {
        /// Of what.
        limit: LimitKind,
    },
    /// The caller's wish; the run was ended or never began.
    Cancelled,
    /// The node broke or withdrew; the agent is not to blame.
    Fault {
        /// Whether another run may end better.
        retryable: bool,
        /// Whether the agent may have done something already.
        side_effects: bool,
        /// What happened, for operators.
        reason: String,
    },
}

/// What a run can use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// Instructions.
    Cpu,
    /// Memory.
    Memory,
    /// Time.
    Wall,
    /// Bytes or number of events, artifacts and messages.
    Output,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Wall => "wall time",
            Self::Output => "output",
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_told_by_its_tag_in_json() {
        let limit = Outcome::Limit { limit: LimitKind::Wall };
        let json = serde_json::to_string(&limit).unwrap();
        assert_eq!(json, r#"{"outcome":"limit","limit":"wall"}"#);
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), limit);
        assert_eq!(
            serde_json::from_str::<Outcome>(r#"{"outcome":"cancelled"}"#).unwrap(),
            Outcome::Cancelled
        );
    }
}
